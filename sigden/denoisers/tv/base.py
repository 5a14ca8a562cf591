"""What the total-variation denoisers share: strength, noise level, unit noise, certificate."""

from __future__ import annotations

import time
from abc import abstractmethod
from dataclasses import dataclass
from typing import Any, Literal

from sigden.arrays import device_of, namespace
from sigden.denoisers.base import Denoiser
from sigden.denoisers.choice import Divergence, discrepancy_weight, sure_weight, universal_weight
from sigden.denoisers.prepare import as_rows, noise_per_row, unit_noise
from sigden.errors import ParameterError
from sigden.noise import difference_sigma
from sigden.solvers import Solution, Status

__all__ = ["Rows", "Strength", "TotalVariation"]

Strength = float | Literal["auto", "sure", "discrepancy", "universal"]


@dataclass(frozen=True)
class Rows:
    """Estimate of a batch with its certificate: one relative gap and one iteration count per row."""

    estimate: Any
    gap: Any
    iterations: Any


@dataclass(frozen=True, kw_only=True)
class TotalVariation(Denoiser):
    """Base of the total-variation denoisers."""

    regularization: Strength = "auto"

    def __post_init__(self) -> None:
        super().__post_init__()
        if not isinstance(self.regularization, str) and not self.regularization >= 0:
            raise ParameterError(f"regularization: must not be negative, got {self.regularization}")

    def core_ndim(self) -> int:
        """Number of trailing axes that one solve spans."""
        return 1

    def tolerance(self, dtype: Any, xp: Any) -> float:
        """Relative duality gap that counts as solved."""
        return 1e-5 if dtype == xp.float32 else 1e-8

    @abstractmethod
    def minimise(self, z: Any, weight: Any, mask: Any = None) -> Rows:
        """Minimise on rows of unit noise, one weight per row; masked samples hold finite fill values."""

    def minimiser(self, z: Any, weight: Any, mask: Any = None) -> Any:
        """Estimate of `minimise` without its certificate."""
        return self.minimise(z, weight, mask).estimate

    def closed_form_divergence(self) -> Divergence | None:
        """Divergence of the estimate where it is known exactly."""
        return None

    def solve(self, values: Any, *, sigma: Any = None, mask: Any = None) -> Solution:
        """Denoise a plain array.

        Parameters
        ----------
        values : array of float32 or float64, shape ``(*batch, *core)``
            Real data.
        sigma : float or array of the batch shape, optional
            Standard deviation of the noise; estimated row by row from differences when absent.
        mask : array of bool, optional
            True where a sample is to be ignored; the estimate there joins its neighbours.

        Returns
        -------
        Solution
            `details` holds ``regularization`` and ``sigma``, one per row.

        Raises
        ------
        InputError
            If unmasked data are not finite (the index is named), or sigma or mask do not fit.
        """
        start = time.perf_counter()
        xp = namespace(values)
        core = self.core_ndim()
        rows = as_rows(values, core, mask)
        row_mask = None if mask is None or not bool(xp.any(mask)) else xp.reshape(mask, rows.shape)
        if sigma is None:
            level = difference_sigma(rows, axes=tuple(range(-core, 0)), mask=row_mask)
            level = xp.astype(level, rows.dtype)
        else:
            level = noise_per_row(sigma, values, core)
        found, weight = self.solve_rows(rows, level, row_mask)
        return Solution(
            estimate=xp.reshape(found.estimate, values.shape),
            status=self._status(found, rows.dtype),
            iterations=int(xp.max(found.iterations)),
            gap=float(xp.max(found.gap)),
            history=(),
            seconds=time.perf_counter() - start,
            details={"regularization": weight, "sigma": level, "certificate": "relative duality gap"},
        )

    def solve_rows(self, rows: Any, level: Any, mask: Any) -> tuple[Rows, Any]:
        """Scale to unit noise, choose the strength, minimise, scale back."""
        xp = namespace(rows)
        scaling = unit_noise(rows, level, mask)
        z = scaling.apply(rows)
        if mask is not None:
            z = xp.where(mask, xp.zeros_like(z), z)
        weight = self.choose_weight(z, mask)
        weight = xp.where(level > 0, weight, xp.zeros_like(weight))
        found = self.minimise(z, weight, mask)
        # a row without noise or strength comes back to the last bit
        untouched = xp.reshape(weight == 0, (-1,) + (1,) * (rows.ndim - 1))
        if mask is not None:
            untouched = untouched & ~mask
        estimate = xp.where(untouched, rows, scaling.undo(found.estimate))
        return Rows(estimate, found.gap, found.iterations), weight

    def choose_weight(self, z: Any, mask: Any = None) -> Any:
        """Weight on total variation for rows of unit noise, by the rule that `regularization` names."""
        xp = namespace(z)
        rule = self.regularization
        if rule == "universal":
            rule = universal_weight(tuple(z.shape[1:]))
        if not isinstance(rule, str):
            return xp.full((z.shape[0],), rule, dtype=z.dtype, device=device_of(z))

        def denoise(data: Any, weight: Any) -> Any:
            estimate = self.minimiser(data, weight, mask)
            return estimate if mask is None else xp.where(mask, xp.zeros_like(estimate), estimate)

        if rule == "discrepancy":
            return discrepancy_weight(denoise, z, mask=mask)
        return sure_weight(denoise, z, divergence=self.closed_form_divergence())

    def _status(self, found: Rows, dtype: Any) -> Status:
        xp = namespace(found.gap)
        if not bool(xp.all(xp.isfinite(found.gap))):
            return Status.NON_FINITE
        tol = self.tolerance(dtype, namespace(found.estimate))
        return Status.CONVERGED if bool(xp.all(found.gap <= tol)) else Status.MAX_ITER
