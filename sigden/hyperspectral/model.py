"""Low-rank model of spectra with missing samples: fit, prediction, residuals."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from sigden.hyperspectral.correlated import structured_directions
from sigden.hyperspectral.gram import SpectralMoments, chunks
from sigden.hyperspectral.regression import regression
from sigden.hyperspectral.subspace import Subspace, leverage_corrected, whitened_subspace

__all__ = ["LowRank", "fill", "fit"]

_FILLS = 4
_MOST_MISSING = 0.01  # of a band, up to which its noise level is corrected
_CHUNK = 8192


@dataclass(frozen=True, eq=False)
class LowRank:
    """Subspace and coefficients of a cube.

    Parameters
    ----------
    space : Subspace
        Signal subspace.
    coefficients : ndarray, shape (pixels, rank)
        Of unit noise.
    covariance : ndarray, shape (bands, bands)
        Of the spectra.
    """

    space: Subspace
    coefficients: Any
    covariance: Any

    def left_out(self, pixels: Any, first: int, last: int) -> Any:
        """Residuals of some bands as if each had no part in its own prediction, shape (bands, pixels)."""
        space = self.space
        back = space.backward()[:, first:last]
        leverage = np.minimum(np.sum(space.basis[first:last] ** 2, axis=1), 0.9)
        out = np.empty((last - first, len(pixels)), dtype=pixels.dtype)
        scale = (1 / (1 - leverage)).astype(pixels.dtype)
        mean, back = space.mean[first:last].astype(pixels.dtype), back.astype(pixels.dtype)
        start = 0
        for part, inner in zip(chunks(pixels, _CHUNK), chunks(self.coefficients, _CHUNK), strict=True):
            piece = (part[:, first:last] - mean - inner @ back) * scale
            out[:, start : start + len(part)] = piece.T
            start += len(part)
        return out


def fit(
    pixels: Any,
    shape: tuple[int, int, int],
    missing: Any = None,
    sigma: Any = None,
    known: Any = None,
    correct: bool = True,
    rank: int | None = None,
) -> LowRank:
    """Noise level, subspace and coefficients of spectra.

    Parameters
    ----------
    pixels : ndarray, shape (pixels, bands)
        Spectra; missing samples hold a guess, which is replaced in place by the prediction of the fit.
    shape : tuple of int
        Rows, columns and bands.
    missing : array of bool, shape of `pixels`, optional
        True where a sample is missing.
    sigma : ndarray, shape (bands,), optional
        Noise level of an earlier fit: missing samples lack this noise.
    known : ndarray, shape (bands,), optional
        Noise level that is given and not to be estimated.
    correct : bool
        Take the noise of the prediction off the noise level, see `leverage_corrected`; not while defects
        are still in the data.
    rank : int, optional
        Dimension of the subspace; by `marchenko_pastur_edge` when absent.

    Returns
    -------
    LowRank
        The model.
    """
    found = SpectralMoments(pixels[:: max(1, len(pixels) // 256)].mean(axis=0, dtype=np.float64))
    found.add(pixels)
    covariance, mean = found.covariance, found.mean
    if missing is not None and sigma is not None:
        covariance = covariance + np.diag(missing.mean(axis=0) * sigma**2)
    count = len(pixels)
    if known is not None:
        space = whitened_subspace(covariance, mean, known, count, rank)
    else:
        plain = regression(covariance, mean, count, pixels.dtype).sigma
        space = whitened_subspace(covariance, mean, plain, count, rank)
        structured = space
        if rank is None:
            every = whitened_subspace(covariance, mean, plain, count, len(plain))
            structured = structured_directions(space, every, pixels, shape)
        if structured is not space:
            space = structured
        elif correct:
            level = leverage_corrected(covariance, mean, plain, count)
            if missing is not None:  # predictions in a band would let it explain itself
                level = np.where(missing.mean(axis=0) > _MOST_MISSING, plain, level)
            space = whitened_subspace(covariance, mean, level, count, rank)
    coefficients = space.project(pixels)
    if missing is not None:
        coefficients = fill(pixels, missing, space, coefficients)
    return LowRank(space=space, coefficients=coefficients, covariance=covariance)


def fill(pixels: Any, missing: Any, space: Subspace, coefficients: Any, steps: int = _FILLS) -> Any:
    """Put the prediction of the subspace in place of missing samples; the coefficients are returned."""
    back, mean = space.backward().astype(pixels.dtype), space.mean.astype(pixels.dtype)
    struck = np.flatnonzero(missing.any(axis=1))
    for start in range(0, struck.size, _CHUNK):
        rows = struck[start : start + _CHUNK]
        part, gone, inner = pixels[rows], missing[rows], coefficients[rows]
        for _ in range(steps):
            np.copyto(part, inner @ back + mean, where=gone)
            inner = space.project(part)
        pixels[rows], coefficients[rows] = part, inner
    return coefficients
