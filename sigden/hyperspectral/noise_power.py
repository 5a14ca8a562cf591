"""Correlation of the noise between neighbouring pixels."""

from __future__ import annotations

from typing import Any

import numpy as np

from sigden.errors import ParameterError
from sigden.hyperspectral.collaborative.pilot_numba import BLOCK, cosines
from sigden.hyperspectral.regression import noise_residuals

__all__ = ["block_power", "noise_correlation"]

_STRIDE = 4
_MEDIAN_SQUARE = 0.4549364  # median of a squared standard normal
_EVIDENCE = 0.05  # correlation of neighbours from which the noise counts as coloured


def noise_correlation(cube: Any, reach: int = 3) -> Any:
    """Autocorrelation of the noise in space, averaged over the bands.

    Parameters
    ----------
    cube : array, shape (rows, columns, bands)
        Real, finite data.
    reach : int
        Largest lag in pixels.

    Returns
    -------
    float64 array, shape ``(2 reach + 1, 2 reach + 1)``
        Correlation for every lag in rows and columns; 1 in the middle, 0 about it for white noise.

    Raises
    ------
    InputError
        As `noise_residuals`.
    ParameterError
        If the reach is negative or leaves no pair of pixels.

    Examples
    --------
    >>> from sigden.simulate import gaussian_noise, spectral_cube
    >>> cube = gaussian_noise(spectral_cube(seed=1), 0.05, seed=2, correlation=1.0)
    >>> found = noise_correlation(cube)
    >>> bool(abs(found[3, 4] - 0.78) < 0.05)
    True
    """
    residual = noise_residuals(cube)
    rows, columns, _ = residual.shape
    if not 0 <= reach < min(rows, columns):
        raise ParameterError(f"reach: must be from 0 to {min(rows, columns) - 1}, got {reach}")
    residual = residual / np.maximum(residual.std(axis=(0, 1)), 1e-300)
    out = np.empty((2 * reach + 1, 2 * reach + 1))
    for i in range(reach + 1):
        for j in range(-reach, reach + 1):
            first = residual[i:, max(0, j) : columns + min(0, j)]
            second = residual[: rows - i, max(0, -j) : columns + min(0, -j)]
            out[reach + i, reach + j] = out[reach - i, reach - j] = np.mean(first * second, dtype=np.float64)
    return out / out[reach, reach]


def block_power(noise: Any) -> Any:
    """Variance of the cosine coefficients of 8 x 8 blocks of noise.

    Parameters
    ----------
    noise : ndarray, shape (images, rows, columns)
        Images of noise of unit variance, with at most a little signal left.

    Returns
    -------
    float64 ndarray, shape (8, 8)
        By the median of the squares over blocks, which local structure does not disturb; ones if neighbours
        are not correlated.
    """
    across = _neighbours(noise[:, :, 1:], noise[:, :, :-1])
    down = _neighbours(noise[:, 1:], noise[:, :-1])
    if max(abs(across), abs(down)) < _EVIDENCE:
        return np.ones((BLOCK, BLOCK))
    view = np.lib.stride_tricks.sliding_window_view(noise, (BLOCK, BLOCK), axis=(1, 2))
    blocks = view[:, ::_STRIDE, ::_STRIDE].reshape(-1, BLOCK, BLOCK).astype(np.float64)
    matrix = cosines(np.float64)
    power = np.median((matrix @ blocks @ matrix.T) ** 2, axis=0) / _MEDIAN_SQUARE
    return np.maximum(power, 1e-3 * power.max())


def _neighbours(a: Any, b: Any) -> float:
    """Robust correlation: from the medians of sums and differences."""
    both = np.median(np.abs(a + b)) ** 2, np.median(np.abs(a - b)) ** 2
    return float((both[0] - both[1]) / max(both[0] + both[1], 1e-300))
