"""What denoisers by shrinkage on a line share: masks, scaling, noise level, trivial rows."""

from __future__ import annotations

import time
from abc import abstractmethod
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

from sigden.arrays import device_of, namespace
from sigden.denoisers.base import Denoiser
from sigden.denoisers.prepare import as_rows, noise_per_row, unit_noise
from sigden.errors import InputError, ParameterError
from sigden.noise import difference_sigma
from sigden.solvers import Solution, Status

__all__ = ["LineShrinkage", "Noise"]

Noise = Literal["white", "coloured"]
_FEWEST_SAMPLES = 16


@dataclass(frozen=True, kw_only=True)
class LineShrinkage(Denoiser):
    """Base of the denoisers that shrink coefficients of lines.

    Parameters
    ----------
    noise : {"white", "coloured"}, default "white"
        Whether the noise has one level, or a level of its own in every scale or frequency that is measured
        from the data.
    """

    axes: ClassVar[str] = "(..., time)"

    noise: Noise = "white"

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.noise not in ("white", "coloured"):
            raise ParameterError(f"noise: must be 'white' or 'coloured', got {self.noise!r}")

    def solve(self, values: Any, *, sigma: Any = None, mask: Any = None) -> Solution:
        """Denoise a plain array.

        Parameters
        ----------
        values : array of float32 or float64, shape (..., n)
            Real data.
        sigma : float or array of the batch shape, optional
            Standard deviation of white noise; when absent the median absolute deviation of differences.
            Coloured noise is measured in any case.
        mask : array of bool, optional
            True where a sample is to be ignored; the estimate there joins its neighbours.

        Returns
        -------
        Solution
            Closed form; `details` holds ``sigma``, one number for each row.

        Raises
        ------
        InputError
            If unmasked data are not finite (the index is named), sigma or mask do not fit, a row is masked
            everywhere or has fewer than 16 samples.
        """
        start = time.perf_counter()
        xp = namespace(values)
        rows = as_rows(values, 1, mask)
        n = rows.shape[1]
        if n < _FEWEST_SAMPLES:
            raise InputError(f"input: {self.name()} needs at least {_FEWEST_SAMPLES} samples a row, got {n}")
        hidden = None if mask is None or not bool(xp.any(mask)) else xp.reshape(mask, rows.shape)
        known = rows if hidden is None else _filled(rows, hidden)
        size = xp.max(known, axis=1) / 2 - xp.min(known, axis=1) / 2
        # of order one from here on: strain-like units underflow float32
        scaling = unit_noise(known, size)
        z = scaling.apply(known)
        unit = xp.reshape(scaling.scale, (-1,))
        level = difference_sigma(z, mask=hidden) * unit if sigma is None else noise_per_row(sigma, values, 1)
        relative = xp.reshape(level / unit, (-1, 1))
        quiet = (relative == 0) | (xp.reshape(size, (-1, 1)) == 0)
        relative = xp.where(quiet, xp.ones_like(relative), relative)
        estimate = scaling.undo(self._shrunk(z / relative) * relative)
        # rows without noise come back to the last bit
        estimate = xp.where(xp.broadcast_to(quiet, rows.shape) | self._idle(), known, estimate)
        finite = bool(xp.all(xp.isfinite(estimate)))
        return Solution(
            estimate=xp.reshape(estimate, values.shape),
            status=Status.CONVERGED if finite else Status.NON_FINITE,
            iterations=1,
            gap=0.0,
            seconds=time.perf_counter() - start,
            details={"sigma": level, "certificate": "closed form"},
        )

    def _idle(self) -> bool:
        """Whether the parameters leave everything as it is."""
        return False

    @abstractmethod
    def _shrunk(self, z: Any) -> Any:
        """Estimate of rows, shape (batch, n), whose noise has unit variance or a colour to be measured."""


def _filled(rows: Any, hidden: Any) -> Any:
    """Masked samples on straight lines between their neighbours."""
    xp = namespace(rows)
    place = xp.arange(rows.shape[1], dtype=xp.int64, device=device_of(rows))
    out = []
    for i in range(rows.shape[0]):
        (seen,) = xp.nonzero(~hidden[i, :])
        if seen.shape[0] == 0:
            raise InputError(f"input: row {i} is masked everywhere")
        after = xp.searchsorted(seen, place)
        right = xp.take(seen, xp.minimum(after, xp.full_like(after, seen.shape[0] - 1)))
        left = xp.take(seen, xp.maximum(after - 1, xp.zeros_like(after)))
        y0, y1 = xp.take(rows[i, :], left), xp.take(rows[i, :], right)
        span = xp.astype(xp.maximum(right - left, xp.ones_like(right)), rows.dtype)
        weight = xp.clip(xp.astype(place - left, rows.dtype) / span, 0.0, 1.0)
        line = y0 + (y1 - y0) * weight
        # beyond the first and the last known sample the nearest one is repeated
        line = xp.where(place < seen[0], y1, line)
        out.append(xp.where(hidden[i, :], line, rows[i, :]))
    return xp.stack(out)
