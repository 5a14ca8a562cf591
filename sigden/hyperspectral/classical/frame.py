"""What the classical methods share: containers, missing voxels, noise level, scale."""

from __future__ import annotations

import time
import warnings
from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np

from sigden.arrays import require_finite, require_mask
from sigden.arrays.containers import is_collection, rebuild_collection, unpack
from sigden.errors import ConvergenceWarning, InputError, ParameterError
from sigden.hyperspectral.classical.missing import filled_by_neighbours, filled_by_subspace, noise_level
from sigden.hyperspectral.pixels import checked_cube
from sigden.method import Method, provenance
from sigden.solvers import Solution, Status

__all__ = ["CentredCube", "CubeMethod", "Restored", "at_least"]


@dataclass(frozen=True, eq=False)
class CentredCube:
    """A complete cube of order one.

    Parameters
    ----------
    values : array, shape (rows, columns, bands)
        Data about the mean spectrum; missing voxels are filled.
    mean : array, shape (bands,)
        Mean spectrum, in the same scale.
    sigma : array of float64, shape (bands,)
        Noise level of each band, positive.
    missing : array of bool, shape of `values`
        True where a voxel was not given.
    """

    values: Any
    mean: Any
    sigma: Any
    missing: Any

    @property
    def whitened(self) -> Any:
        """Values in units of the noise."""
        return self.values / self.sigma.astype(self.values.dtype)

    def coloured(self, y: Any) -> Any:
        """Values from units of the noise."""
        return y * self.sigma.astype(self.values.dtype)


@dataclass(frozen=True, eq=False)
class Restored:
    """Estimate of a centred cube and the certificate that it carries.

    Parameters
    ----------
    estimate : array, shape (rows, columns, bands)
        About the same mean spectrum as the data.
    certificate : str
        What `gap` measures.
    gap : float
        Last value of the certificate.
    tol : float
        At which the method counts as converged.
    iterations : int
        Iterations taken.
    history : tuple
        Pairs of iteration and objective.
    details : mapping
        What else the method tells.
    """

    estimate: Any
    certificate: str = "closed form"
    gap: float = 0.0
    tol: float = 0.0
    iterations: int = 1
    history: tuple[tuple[int, float], ...] = ()
    details: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class CubeMethod(Method):
    """Base of the classical methods for cubes."""

    axes: ClassVar[str] = "(rows, columns, bands)"

    def __call__(self, data: Any, *, sigma: Any = None, mask: Any = None) -> Any:
        """Denoise a cube of any container.

        Parameters
        ----------
        data : array, Quantity, NDData, masked array, or a mapping of them
            Cube (rows, columns, bands). Never modified. NaN is a missing voxel.
        sigma : float, array of shape (bands,) or of the cube's shape, or Quantity, optional
            Standard deviation of the noise in the unit of the data; of a map the median of each band counts.
            By spectral regression when absent.
        mask : array of bool, optional
            True where a voxel is missing; joined with the container's own mask.

        Returns
        -------
        same container
            The estimate, also where voxels were missing; a band of which nothing is known, and
            one without noise, comes back as it is.

        Raises
        ------
        InputError
            If it is no cube, a value is infinite (the index is named), nothing is known, or sigma or mask do
            not fit.

        Warns
        -----
        ConvergenceWarning
            If an iteration stopped before its certificate was met.
        """
        if is_collection(data):
            return rebuild_collection(
                data, {k: self(v, sigma=_entry(sigma, k), mask=_entry(mask, k)) for k, v in data.items()}
            )
        sample = unpack(data, sigma=sigma, mask=mask, label="cube")
        solution = self.solve(sample.values, sigma=sample.sigma, mask=sample.mask)
        if not solution.converged:
            warnings.warn(
                f"{self.name()}: {solution.status.value} after {solution.iterations} iterations, "
                f"{solution.details['certificate']} {solution.gap:.2g}",
                ConvergenceWarning,
                stacklevel=2,
            )
        record = None
        if sample.has_meta:
            record = provenance(self, sample.values, sigma=sample.sigma, mask=sample.mask)
        return sample.rebuild(solution.estimate, uncertainty=None, provenance=record)

    def solve(self, values: Any, *, sigma: Any = None, mask: Any = None) -> Solution:
        """Denoise a plain NumPy array.

        Parameters
        ----------
        values : array of float32 or float64, shape (rows, columns, bands)
            Real data; NaN is a missing voxel.
        sigma, mask : array, optional
            As `__call__`.

        Returns
        -------
        Solution
            `details` holds ``sigma``, shape (bands,), ``certificate``, and what the method tells.

        Raises
        ------
        InputError
            As `__call__`.
        """
        start = time.perf_counter()
        x = checked_cube(values)
        if mask is not None:
            require_mask(mask, x, "cube")
        missing = np.isnan(x) if mask is None else np.isnan(x) | mask
        require_finite(x, "cube", mask=missing)
        level = None if sigma is None else _level_per_band(sigma, x, missing)
        known = ~missing.all(axis=(0, 1))
        if not known.any():
            raise InputError("cube: every voxel is missing; there is nothing to estimate from")
        out = x.copy()
        full = np.zeros(x.shape[2]) if level is None else level.copy()
        restored = Restored(estimate=None)
        part = _centred(x[..., known], missing[..., known])
        out[..., known] = part.restore_unit(part.filled, None)
        scaled = self.noise(part.filled, part.missing) if level is None else level[known] / part.scale
        full[known] = scaled * part.scale
        alive = scaled > 0
        if alive.any():
            restored = self._restored(part, scaled, alive)
            kept = np.flatnonzero(known)[alive]
            out[..., kept] = part.restore_unit(restored.estimate, alive)
        return Solution(
            estimate=out,
            status=_status(restored, out[..., known]),
            iterations=restored.iterations,
            gap=restored.gap,
            history=restored.history,
            seconds=time.perf_counter() - start,
            details={"sigma": full, "certificate": restored.certificate, **restored.details},
        )

    def noise(self, values: Any, missing: Any) -> Any:
        """Noise level of each band, shape (bands,), of a filled cube of order one."""
        return noise_level(values, missing)

    @abstractmethod
    def restore(self, cube: CentredCube) -> Restored:
        """Estimate of a complete cube of order one."""

    def _restored(self, part: _Part, sigma: Any, alive: Any) -> Restored:
        values, missing = part.filled[..., alive], part.missing[..., alive]
        if missing.any():
            values = filled_by_subspace(values, missing, sigma[alive])
        values = np.ascontiguousarray(values)
        shift = part.offset[alive] / part.scale
        return self.restore(CentredCube(values, shift, sigma[alive], missing))


@dataclass(frozen=True, eq=False)
class _Part:
    """Bands of which something is known: centred, of order one, missing voxels filled by neighbours."""

    filled: Any
    original: Any
    missing: Any
    offset: Any
    scale: float

    def restore_unit(self, values: Any, bands: Any) -> Any:
        """Values in the unit of the data; without `bands` the known voxels as they were given."""
        if bands is None:
            back = values * self.filled.dtype.type(self.scale) + self.offset.astype(values.dtype)
            return np.where(self.missing, back, self.original)
        return values * self.filled.dtype.type(self.scale) + self.offset[bands].astype(values.dtype)


def _centred(x: Any, missing: Any) -> _Part:
    zero = np.where(missing, 0, x)
    offset = zero.sum(axis=(0, 1), dtype=np.float64) / np.sum(~missing, axis=(0, 1))
    offset = offset.astype(x.dtype).astype(np.float64)
    centred = np.where(missing, 0, x - offset.astype(x.dtype))
    largest = float(np.abs(centred).max())
    # a power of two: scaling is exact
    scale = float(2.0 ** np.frexp(largest)[1]) if largest > 0 else 1.0
    centred /= x.dtype.type(scale)
    return _Part(filled_by_neighbours(centred, missing), x, missing, offset, scale)


def _level_per_band(sigma: Any, x: Any, missing: Any) -> Any:
    level = np.asarray(sigma, dtype=np.float64)
    bands = x.shape[2]
    if level.shape == x.shape:
        known = np.where(missing | ~np.isfinite(level), np.nan, level)
        gone = np.isnan(known).all(axis=(0, 1))
        known[..., gone] = 0.0
        level = np.nanmedian(known, axis=(0, 1))
    if level.shape not in ((), (bands,)):
        raise InputError(
            f"sigma: shape {level.shape} fits neither one number, nor one per band ({bands},), "
            f"nor one per voxel {x.shape}"
        )
    if not np.all(np.isfinite(level) & (level >= 0)):
        raise InputError(f"sigma: must be finite and not negative, got {sigma!r}")
    return np.broadcast_to(level, (bands,)).copy()


def _status(restored: Restored, estimate: Any) -> Status:
    if not np.isfinite(estimate).all():
        return Status.NON_FINITE
    return Status.CONVERGED if restored.gap <= restored.tol else Status.MAX_ITER


def _entry(value: Any, key: Any) -> Any:
    return value.get(key) if isinstance(value, Mapping) else value


def at_least(value: Any, minimum: float, what: str) -> None:
    """Refuse a parameter below a minimum, or NaN."""
    if not value >= minimum:
        raise ParameterError(f"{what}: must be at least {minimum:g}, got {value}")
