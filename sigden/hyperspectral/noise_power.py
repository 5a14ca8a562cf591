"""Correlation of the noise between neighbouring pixels."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from sigden.arrays import namespace, to_numpy
from sigden.errors import ParameterError
from sigden.hyperspectral.beside import beside
from sigden.hyperspectral.collaborative.cosine import BLOCK, cosines
from sigden.hyperspectral.order import median
from sigden.hyperspectral.regression import noise_residuals
from sigden.hyperspectral.subspace import Subspace
from sigden.hyperspectral.table import Table
from sigden.noise import difference_sigma

__all__ = ["block_power", "noise_correlation", "noise_power"]

_IMAGES = 8
_ENOUGH = 2_000_000  # pixels
_STRIP = 64
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
    xp = namespace(residual)
    spread = xp.std(residual, axis=(0, 1))
    residual = residual / xp.where(spread > 0, spread, xp.ones_like(spread))
    out = np.empty((2 * reach + 1, 2 * reach + 1))
    for i in range(reach + 1):
        for j in range(-reach, reach + 1):
            first = residual[i:, max(0, j) : columns + min(0, j), :]
            second = residual[: rows - i, max(0, -j) : columns + min(0, -j), :]
            total = float(xp.sum(first * second, dtype=xp.float64))
            out[reach + i, reach + j] = out[reach - i, reach - j] = total / math.prod(first.shape)
    return beside(out / out[reach, reach], residual, np.float64)


def noise_power(pixels: Table, space: Subspace) -> Any:
    """Noise power of 8 x 8 blocks, from directions that hold no signal.

    Parameters
    ----------
    pixels : Table
        Spectra.
    space : Subspace
        Directions of the signal.

    Returns
    -------
    float64 ndarray, shape (8, 8)
        As `block_power`. Of an image of more than two million pixels strips of 64 rows are looked at, spread
        evenly over it.
    """
    rows, columns, bands = pixels.shape
    alive = space.sigma > 0
    free = int(alive.sum()) - space.rank
    if free < 1 or min(rows, columns) < 2 * BLOCK:
        return np.ones((BLOCK, BLOCK))
    mixed = np.random.default_rng(0).standard_normal((bands, min(_IMAGES, free)))
    mixed[~alive] = 0
    mixed -= space.basis @ (space.basis.T @ mixed)
    directions = np.linalg.qr(mixed)[0]
    matrix = directions * np.where(alive, 1 / np.where(alive, space.sigma, 1), 0)[:, None]
    mean, small = pixels.beside(space.mean), pixels.beside(matrix)
    strips = []
    for first, last in _strips(rows, columns):
        strip = pixels.room(small.shape[1], (last - first) * columns)
        for where, part in pixels.pieces(first, last):
            start = where.start - first * columns
            strip[:, start : start + part.shape[0]] = ((part - mean) @ small).T
        strips.append(namespace(strip).reshape(strip, (-1, last - first, columns)))
    images = strips[0] if len(strips) == 1 else namespace(strips[0]).concat(strips)
    if space.level is not None:  # levels are those of the finest details there
        images = images / difference_sigma(images, axes=(-2, -1))[:, None, None]
    return block_power(images)


def _strips(rows: int, columns: int) -> list[tuple[int, int]]:
    """First and past-the-last row of the parts of an image that tell its noise power."""
    if rows * columns <= _ENOUGH:
        return [(0, rows)]
    number = max(_ENOUGH // (_STRIP * columns), 1)
    if number * _STRIP >= rows:
        return [(0, rows)]
    firsts = np.linspace(0, rows - _STRIP, number).astype(int)
    return [(int(first), int(first) + _STRIP) for first in firsts]


def block_power(noise: Any) -> Any:
    """Variance of the cosine coefficients of 8 x 8 blocks of noise.

    Parameters
    ----------
    noise : array, shape (images, rows, columns)
        Images of noise of unit variance, with at most a little signal left.

    Returns
    -------
    float64 ndarray, shape (8, 8)
        By the median of the squares over blocks, which local structure does not disturb; ones if neighbours
        are not correlated.
    """
    across = _neighbours(noise[:, :, 1:], noise[:, :, :-1])
    down = _neighbours(noise[:, 1:, :], noise[:, :-1, :])
    if max(abs(across), abs(down)) < _EVIDENCE:
        return np.ones((BLOCK, BLOCK))
    xp = namespace(noise)
    matrix = beside(cosines(np.float64), noise, np.float64)
    blocks = xp.reshape(xp.astype(_blocks(noise), xp.float64), (-1, BLOCK, BLOCK))
    power = to_numpy(median((matrix @ blocks @ matrix.T) ** 2, axis=0)) / _MEDIAN_SQUARE
    return np.maximum(power, 1e-3 * power.max())


def _blocks(noise: Any) -> Any:
    """Every fourth block of every fourth row of blocks, shape (images, down, across, pixels of a block)."""
    stops = [length - BLOCK + 1 for length in noise.shape[1:]]
    shifted = [
        noise[:, r : r + stops[0] : _STRIDE, s : s + stops[1] : _STRIDE]
        for r in range(BLOCK)
        for s in range(BLOCK)
    ]
    return namespace(noise).stack(shifted, axis=-1)


def _neighbours(a: Any, b: Any) -> float:
    """Robust correlation: from the medians of sums and differences."""
    xp = namespace(a)
    both = [float(median(xp.abs(part))) ** 2 for part in (a + b, a - b)]
    return (both[0] - both[1]) / max(sum(both), 1e-300)
