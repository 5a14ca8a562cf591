"""What the classical methods share: checks, missing voxels, noise level, the way back."""

from __future__ import annotations

import time
import warnings
from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from sigden.arrays import namespace
from sigden.errors import ConvergenceWarning, InputError, ParameterError
from sigden.hyperspectral.base import CubeMethod
from sigden.hyperspectral.beside import beside, columns_of, put_columns
from sigden.hyperspectral.classical.missing import filled_by_neighbours, filled_by_subspace, noise_level
from sigden.hyperspectral.pixels import mean_spectrum
from sigden.hyperspectral.prepare import Prepared, prepare
from sigden.solvers import Solution, Status

__all__ = ["CentredCube", "ClassicalMethod", "CubeSolution", "Restored", "at_least"]


@dataclass(frozen=True, eq=False)
class CentredCube:
    """A complete cube of order one.

    Parameters
    ----------
    values : array, shape (rows, columns, bands)
        Data about the mean spectrum; missing voxels are filled.
    mean : array, shape (bands,)
        Mean spectrum, in the same scale and dtype, beside the values.
    sigma : float64 ndarray, shape (bands,)
        Noise level of each band, positive; on the host.
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
        return self.values / beside(self.sigma, self.values)

    def coloured(self, y: Any) -> Any:
        """Values from units of the noise."""
        return y * beside(self.sigma, y)


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
            In the library and on the device of the cube. `details` holds ``sigma``, shape (bands,),
            ``certificate``, and what the method tells. Bands without noise come back as they are.

        Raises
        ------
        InputError
            If the cube, sigma or mask cannot be used.
        """
        start = time.perf_counter()
        work = prepare(cube, sigma, mask)
        out, level = work.values, np.zeros(work.used.size)
        restored = Restored(estimate=None)
        if work.used.any():
            restored, out, level[work.used] = self._restored(work)
        else:
            out = namespace(out).asarray(out, copy=True)
        return CubeSolution(
            estimate=out,
            status=_status(restored),
            iterations=restored.iterations,
            gap=restored.gap,
            history=restored.history,
            seconds=time.perf_counter() - start,
            details={
                "sigma": beside(level, out, np.float64),
                "certificate": restored.certificate,
                **restored.details,
            },
        )

    def noise(self, values: Any, missing: Any) -> Any:
        """Noise level, ndarray of shape (bands,), of a filled cube of order one about its mean spectrum."""
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

    def _restored(self, work: Prepared) -> tuple[Restored, Any, Any]:
        """What `restore` tells, the estimate in the unit of the data, and the noise of its bands."""
        if work.sigma is None and work.shape[2] < 2:
            raise InputError(
                f"cube: one of its {work.used.size} bands varies, and no other tells its noise; give sigma"
            )
        values, mean, missing = _centred(work)
        xp, scale = namespace(values), work.scale
        given = xp.reshape(work.values, (-1, work.used.size))
        sigma = self.noise(values, missing) if work.sigma is None else work.sigma
        alive = sigma > 0
        restored, out = Restored(estimate=None), xp.asarray(given, copy=True)
        if missing is not None:
            guess = xp.reshape((values + mean) * scale, (-1, mean.shape[0]))
            known = columns_of(given, work.used)
            put_columns(out, work.used, xp.where(work.missing, guess, known))
        if alive.any():
            part, centre, gaps = _of_bands(alive, values, mean, missing)
            if gaps is not None:
                part = filled_by_subspace(part, gaps, sigma[alive])
            restored = self.restore(CentredCube(part, centre, sigma[alive], gaps, scale))
            where = work.used.copy()
            where[work.used] = alive
            estimate = (restored.estimate + centre) * scale
            put_columns(out, where, xp.reshape(estimate, (-1, centre.shape[0])))
        if missing is not None:
            out = xp.where(work.outside[:, None], given, out)
        return restored, xp.reshape(out, work.values.shape), sigma * scale


def _of_bands(alive: Any, values: Any, mean: Any, missing: Any) -> tuple[Any, Any, Any]:
    """Cube, mean and missing voxels of some bands."""
    if alive.all():
        return values, mean, missing
    xp, shape = namespace(values), (*values.shape[:2], int(alive.sum()))

    def picked(cube: Any) -> Any:
        return xp.reshape(columns_of(xp.reshape(cube, (-1, alive.size)), alive), shape)

    centre = columns_of(mean[None, :], alive)[0, :]
    return picked(values), centre, None if missing is None else picked(missing)


def _centred(work: Prepared) -> tuple[Any, Any, Any]:
    """Cube about the mean of its known voxels, the mean, and where voxels are missing."""
    pixels, missing = work.pixels, work.missing
    xp = namespace(pixels)
    if missing is None:
        mean = mean_spectrum(pixels)
        return xp.reshape(pixels - mean, work.shape), mean, None
    count = xp.sum(xp.astype(~missing, xp.float64), axis=0)
    mean = xp.astype(xp.sum(pixels, axis=0, dtype=xp.float64) / count, pixels.dtype)
    centred = xp.reshape(xp.where(missing, 0.0, pixels - mean), work.shape)
    missing = xp.reshape(missing, work.shape)
    return filled_by_neighbours(centred, missing), mean, missing


def _status(restored: Restored) -> Status:
    if restored.estimate is not None:
        xp = namespace(restored.estimate)
        if not bool(xp.all(xp.isfinite(restored.estimate))):
            return Status.NON_FINITE
    return Status.CONVERGED if restored.gap <= restored.tol else Status.MAX_ITER


def at_least(value: Any, minimum: float, what: str) -> None:
    """Refuse a parameter below a minimum, or NaN."""
    if not value >= minimum:
        raise ParameterError(f"{what}: must be at least {minimum:g}, got {value}")
