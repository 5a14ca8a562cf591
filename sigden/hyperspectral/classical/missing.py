"""Missing voxels predicted from the signal subspace."""

from __future__ import annotations

from typing import Any

import numpy as np

from sigden.arrays import namespace, to_numpy
from sigden.denoisers.starlet.fill import fill_masked
from sigden.hyperspectral.beside import beside, columns_of, contiguous, put_columns, put_rows
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
    xp, bands = namespace(cube), cube.shape[2]
    out = xp.where(missing, xp.zeros_like(cube), cube)
    struck = to_numpy(xp.any(missing, axis=(0, 1)))
    if struck.any():
        flat, gaps = xp.reshape(out, (-1, bands)), xp.reshape(missing, (-1, bands))
        images, holes = (_images(columns_of(part, struck), cube.shape[:2]) for part in (flat, gaps))
        filled = fill_masked(images, holes)
        put_columns(flat, struck, xp.reshape(filled, (filled.shape[0], -1)).T)
        out = xp.reshape(flat, cube.shape)
    return out


def _images(spectra: Any, shape: tuple[int, int]) -> Any:
    return namespace(spectra).reshape(contiguous(spectra.T), (-1, *shape))


def noise_level(cube: Any, missing: Any) -> Any:
    """Noise level of each band, on the host, from the complete pixels, or from all if they are few."""
    if missing is not None:
        xp = namespace(cube)
        complete = ~xp.any(missing, axis=-1)
        count = int(xp.count_nonzero(complete))
        if 2 * cube.shape[-1] <= count < cube.shape[0] * cube.shape[1]:
            cube = cube[complete][:, None, :]
    return to_numpy(noise_sigma(cube))


def filled_by_subspace(cube: Any, missing: Any, sigma: Any) -> Any:
    """Cube with missing voxels replaced by what the known bands of their pixel tell of them.

    Parameters
    ----------
    cube : array, shape (rows, columns, bands)
        Centred data, missing voxels filled by any guess.
    missing : array of bool, shape of `cube`
        True where a voxel is to be predicted.
    sigma : ndarray, shape (bands,)
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
    xp, bands = namespace(cube), cube.shape[2]
    unit = beside(sigma, cube)
    pixels, gaps = xp.reshape(cube, (-1, bands)), xp.reshape(missing, (-1, bands))
    struck = xp.any(gaps, axis=1)
    partly = struck & ~xp.all(gaps, axis=1)
    enough = int(xp.count_nonzero(~struck)) >= 2 * bands
    rest = pixels[~struck if enough else ~partly] / unit
    y, holes = pixels[partly] / unit, gaps[partly]
    for _ in range(1 if enough else _PASSES):
        basis, variance = _signal((rest,) if enough else (rest, y))
        for part, hidden in zip(chunks(y, _CHUNK), chunks(holes, _CHUNK), strict=True):
            part[...] = _predicted(part, hidden, basis, variance)
    filled = xp.where(holes, y * unit, pixels[partly])
    return xp.reshape(put_rows(pixels, partly, filled), cube.shape)


def _signal(known: tuple[Any, ...]) -> tuple[Any, Any]:
    """Basis of the signal and its variances above the unit noise, from second moments about zero."""
    count, bands = sum(y.shape[0] for y in known), known[0].shape[1]
    second = sum(to_numpy(y.T @ y).astype(np.float64) for y in known) / count
    found = whitened_subspace(second, np.zeros(bands), np.ones(bands), count)
    return found.basis, np.maximum(found.eigenvalues[: found.rank] - 1.0, 1e-3)


def _predicted(y: Any, gaps: Any, basis: Any, variance: Any) -> Any:
    xp, rank = namespace(y), len(variance)
    pairs = (basis[:, :, None] * basis[:, None, :]).reshape(len(basis), -1)
    pairs, prior, basis = (beside(m, y, np.float64) for m in (pairs, np.diag(1.0 / variance), basis))
    seen = xp.astype(~gaps, xp.float64)
    normal = xp.reshape(seen @ pairs, (-1, rank, rank)) + prior
    right = xp.where(gaps, 0.0, xp.astype(y, xp.float64)) @ basis
    z = xp.linalg.solve(normal, right[:, :, None])[:, :, 0]
    return xp.where(gaps, xp.astype(z @ basis.T, y.dtype), y)
