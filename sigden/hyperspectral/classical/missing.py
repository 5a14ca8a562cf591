"""Missing voxels predicted from the signal subspace."""

from __future__ import annotations

from typing import Any

import numpy as np

from sigden.denoisers.starlet.fill import fill_masked
from sigden.hyperspectral.gram import chunks
from sigden.hyperspectral.subspace import noise_sigma, whitened_subspace

__all__ = ["filled_by_neighbours", "filled_by_subspace", "noise_level"]

_CHUNK = 2048  # spectra whose missing bands are predicted at once
_PASSES = 5


def filled_by_neighbours(cube: Any, missing: Any) -> Any:
    """Cube with missing voxels replaced by a weighted mean of their neighbours in the same band.

    Parameters
    ----------
    cube : array, shape (rows, columns, bands)
        Data; any value, also NaN, where missing.
    missing : array of bool, shape of `cube`
        At least one voxel of every band is known.

    Returns
    -------
    array, shape of `cube`
        The known voxels as they are.
    """
    out = np.where(missing, 0, cube)
    struck = np.flatnonzero(missing.any(axis=(0, 1)))
    if struck.size:
        images = np.ascontiguousarray(np.moveaxis(out[..., struck], -1, 0))
        gaps = np.ascontiguousarray(np.moveaxis(missing[..., struck], -1, 0))
        out[..., struck] = np.moveaxis(fill_masked(images, gaps), 0, -1)
    return out


def noise_level(cube: Any, missing: Any) -> Any:
    """Noise level of each band from the complete pixels, or from all if they are few."""
    struck = np.zeros(cube.shape[:2], dtype=bool) if missing is None else missing.any(axis=-1)
    if not struck.any() or np.sum(~struck) < 2 * cube.shape[-1]:
        return noise_sigma(cube)
    return noise_sigma(cube[~struck][:, None, :])


def filled_by_subspace(cube: Any, missing: Any, sigma: Any) -> Any:
    """Cube with missing voxels replaced by what the known bands of their pixel tell of them.

    Parameters
    ----------
    cube : array, shape (rows, columns, bands)
        Centred data, missing voxels filled by any guess.
    missing : array of bool, shape of `cube`
        True where a voxel is to be predicted.
    sigma : array, shape (bands,)
        Noise level of each band, positive.

    Returns
    -------
    array, shape of `cube`
        The known voxels as they are. A pixel of which no band is known keeps its guess.

    Notes
    -----
    With the whitened subspace E and its signal variances :math:`\\Lambda`, the coefficients of a pixel whose
    known bands are those of the mask M are [1]_, with a Gaussian prior for pixels that have few,

    .. math:: z = (E^T M E + \\Lambda^{-1})^{-1} E^T M y,

    and the missing bands are those of Ez. The subspace is that of the complete pixels where they are at least
    twice as many as the bands; otherwise it is found with the filled pixels, five times in turn.

    References
    ----------
    .. [1] L. Zhuang and J. M. Bioucas-Dias, "Fast hyperspectral image denoising and inpainting based on
       low-rank and sparse representations", IEEE J. Sel. Top. Appl. Earth Obs. Remote Sens. 11 (2018) 730,
       section III.
    """
    shape = cube.shape
    y = (cube / sigma.astype(cube.dtype)).reshape(-1, shape[-1])
    gaps = missing.reshape(y.shape)
    struck = gaps.any(axis=1)
    partly = np.flatnonzero(struck & ~gaps.all(axis=1))
    enough = np.sum(~struck) >= 2 * shape[-1]
    for _ in range(1 if enough else _PASSES):
        known = y[~struck] if enough else y
        basis, variance = _signal(known)
        for part in chunks(partly, _CHUNK):
            y[part] = _predicted(y[part], gaps[part], basis, variance)
    return np.where(missing, y.reshape(shape) * sigma.astype(cube.dtype), cube)


def _signal(y: Any) -> tuple[Any, Any]:
    """Basis of the signal and its variances above the unit noise, from second moments about zero."""
    second = (y.T @ y).astype(np.float64) / len(y)
    bands = y.shape[1]
    found = whitened_subspace(second, np.zeros(bands), np.ones(bands), len(y))
    return found.basis, np.maximum(found.eigenvalues[: found.rank] - 1.0, 1e-3)


def _predicted(y: Any, gaps: Any, basis: Any, variance: Any) -> Any:
    rank = len(variance)
    seen = (~gaps).astype(np.float64)
    pairs = (basis[:, :, None] * basis[:, None, :]).reshape(len(basis), -1)
    normal = (seen @ pairs).reshape(-1, rank, rank) + np.diag(1.0 / variance)
    right = (seen * y) @ basis
    z = np.linalg.solve(normal, right[..., None])[..., 0]
    return np.where(gaps, z @ basis.T, y)
