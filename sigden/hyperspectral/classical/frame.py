"""What the classical methods share: checks, missing voxels, noise level, the way back."""

from __future__ import annotations

import time
import warnings
from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from sigden.errors import ConvergenceWarning, ParameterError
from sigden.hyperspectral.base import CubeMethod
from sigden.hyperspectral.classical.missing import filled_by_neighbours, filled_by_subspace, noise_level
from sigden.hyperspectral.pixels import require_numpy
from sigden.hyperspectral.prepare import Prepared, prepare
from sigden.solvers import Solution, Status

__all__ = ["CentredCube", "ClassicalMethod", "CubeSolution", "Restored", "at_least"]


@dataclass(frozen=True, eq=False)
class CentredCube:
    """A complete cube of order one.

    Parameters
    ----------
    values : ndarray, shape (rows, columns, bands)
        Data about the mean spectrum; missing voxels are filled.
    mean : ndarray, shape (bands,)
        Mean spectrum, in the same scale and dtype.
    sigma : float64 ndarray, shape (bands,)
        Noise level of each band, positive.
    missing : array of bool, shape of `values`, or None
        True where a voxel was not given.
    scale : float
        Unit of the data in which they are of order one.
    """

    values: Any
    mean: Any
    sigma: Any
    missing: Any
    scale: float

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
    estimate : ndarray, shape (rows, columns, bands)
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


@dataclass(frozen=True, eq=False, repr=False)
class CubeSolution(Solution):
    """Solution of a classical method for cubes."""

    def variance(self) -> None:
        """Variance of the noise left in the estimate: these methods do not tell."""


@dataclass(frozen=True, kw_only=True)
class ClassicalMethod(CubeMethod):
    """Base of the published methods for cubes."""

    def solve(  # type: ignore[override]
        self, cube: Any, *, sigma: Any = None, mask: Any = None
    ) -> CubeSolution:
        """Denoise a plain cube.

        Parameters
        ----------
        cube : array of float32 or float64, shape (rows, columns, bands)
            Real data; NaN is missing.
        sigma, mask : array, optional
            As the call; of a level for each voxel the median of each band counts.

        Returns
        -------
        CubeSolution
            `details` holds ``sigma``, shape (bands,), ``certificate``, and what the method tells. Bands
            without noise come back as they are.

        Raises
        ------
        InputError
            If the cube, sigma or mask cannot be used, or the cube is no NumPy array.
        """
        require_numpy(cube, self.name())
        start = time.perf_counter()
        work = prepare(cube, sigma, mask)
        out, level = work.values.copy(), np.zeros(work.values.shape[2])
        restored = Restored(estimate=None)
        if work.used.any():
            restored, level[work.used] = self._restored(work, out)
        return CubeSolution(
            estimate=out,
            status=_status(restored),
            iterations=restored.iterations,
            gap=restored.gap,
            history=restored.history,
            seconds=time.perf_counter() - start,
            details={"sigma": level, "certificate": restored.certificate, **restored.details},
        )

    def noise(self, values: Any, missing: Any) -> Any:
        """Noise level of each band, shape (bands,), of a filled cube of order one about its mean spectrum."""
        return noise_level(values, missing)

    @abstractmethod
    def restore(self, cube: CentredCube) -> Restored:
        """Estimate of a complete cube of order one."""

    def _report(self, result: Any) -> None:
        if not result.converged:
            warnings.warn(
                f"{self.name()}: {result.status.value} after {result.iterations} iterations, "
                f"{result.details['certificate']} {result.gap:.2g}",
                ConvergenceWarning,
                stacklevel=3,
            )

    def _restored(self, work: Prepared, out: Any) -> tuple[Restored, Any]:
        """Estimate, written to `out` in the unit of the data, and the noise level of the bands that vary."""
        values, mean, missing = _centred(work)
        scale = values.dtype.type(work.scale)
        sigma = self.noise(values, missing) if work.sigma is None else work.sigma
        alive = sigma > 0
        bands = np.flatnonzero(work.used)
        restored = Restored(estimate=None)
        if missing is not None:
            guess = (values + mean) * scale
            out[..., bands] = np.where(missing, guess, work.values[..., bands])
        if alive.any():
            part, gaps = np.ascontiguousarray(values[..., alive]), None
            if missing is not None:
                gaps = missing[..., alive]
                part = filled_by_subspace(part, gaps, sigma[alive])
            restored = self.restore(CentredCube(part, mean[alive], sigma[alive], gaps, work.scale))
            out[..., bands[alive]] = (restored.estimate + mean[alive]) * scale
        nothing = work.outside.reshape(out.shape[:2])
        out[nothing] = work.values[nothing]
        return restored, sigma * work.scale


def _centred(work: Prepared) -> tuple[Any, Any, Any]:
    """Cube about the mean of its known voxels, the mean, and where voxels are missing."""
    pixels = work.pixels
    if work.missing is None:
        mean = pixels.mean(axis=0, dtype=np.float64).astype(pixels.dtype)
        return (pixels - mean).reshape(work.shape), mean, None
    count = np.sum(~work.missing, axis=0)
    mean = (pixels.sum(axis=0, dtype=np.float64) / count).astype(pixels.dtype)
    missing = work.missing.reshape(work.shape)
    centred = np.where(missing, 0, (pixels - mean).reshape(work.shape))
    return filled_by_neighbours(centred, missing), mean, missing


def _status(restored: Restored) -> Status:
    if restored.estimate is not None and not np.isfinite(restored.estimate).all():
        return Status.NON_FINITE
    return Status.CONVERGED if restored.gap <= restored.tol else Status.MAX_ITER


def at_least(value: Any, minimum: float, what: str) -> None:
    """Refuse a parameter below a minimum, or NaN."""
    if not value >= minimum:
        raise ParameterError(f"{what}: must be at least {minimum:g}, got {value}")
