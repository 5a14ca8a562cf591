"""Eigen-images denoised together: sliding cosine pilot, shared matches, collaborative Wiener filter."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from sigden.arrays import parallel_allowed

__all__ = [
    "ALIGN",
    "BLOCK",
    "HALO",
    "UnevenNoise",
    "collaborative_filter",
    "guided_filter",
    "sliding_cosine",
]

BLOCK = 8
_HARD = 2.8  # threshold of the pilot, in noise levels
_BLOCKS = 16
_RADIUS = 14
_STRIDE = 3
HALO = 2 * (BLOCK - 1 + _RADIUS)
"""Pixels around a part of an image on which its estimate depends."""
_REACH = 2 * _RADIUS + BLOCK  # rows that a line of reference blocks touches, a multiple of the stride
ALIGN = 2 * _REACH
"""A part of an image that begins at a multiple of it has the estimate of the whole image, to the last bit."""
_GUIDES = 8  # eigen-images that decide on the matches
_KAISER = 2.0


def sliding_cosine(images: Any, power: Any = None) -> Any:
    """Hard thresholds on the cosine transform of every 8 x 8 block, averaged over the blocks.

    Parameters
    ----------
    images : ndarray, shape (images, rows, columns)
        Images of unit noise, at least 8 x 8.
    power : ndarray, shape (8, 8), optional
        Noise variance of each coefficient; ones when absent.

    Returns
    -------
    ndarray, shape of `images`
        Estimates. A block counts with the inverse of the number of coefficients it kept.

    References
    ----------
    .. [1] R. R. Coifman and D. L. Donoho, "Translation-invariant de-noising", in Wavelets and Statistics,
       Lecture Notes in Statistics 103 (1995) 125.
    """
    from sigden.hyperspectral.collaborative import pilot_numba as loops

    images = np.ascontiguousarray(images)
    limits = _HARD * (np.ones((BLOCK, BLOCK)) if power is None else np.sqrt(power))
    limits[0, 0] = 0
    out = np.empty_like(images)
    run = loops.pilot_parallel if len(images) > 1 and _threads() > 1 else loops.pilot
    run(images, out, loops.cosines(images.dtype), limits.astype(images.dtype))
    return out


def collaborative_filter(images: Any, power: Any = None) -> tuple[Any, Any]:
    """Collaborative Wiener filter of eigen-images.

    Parameters
    ----------
    images : ndarray, shape (images, rows, columns)
        Images of unit noise, the strongest first, at least 8 x 8.
    power : ndarray, shape (8, 8), optional
        Noise variance of each cosine coefficient of a block; ones when absent.

    Returns
    -------
    estimate : ndarray, shape of `images`
        Denoised images.
    gain : ndarray, shape of `images`
        Part of the noise variance that is left, at most.

    Notes
    -----
    The pilot of `sliding_cosine` serves twice. Around every third pixel the 16 most similar blocks within 14
    pixels are found by the distance of the pilots of the first eight eigen-images; all images share these
    matches, since an edge of the scene is an edge in most of them. Then each stack is transformed by cosines
    within and Haar wavelets across blocks, and in units of the noise by the principal directions of the
    pilot's coefficients across images: a place holds fewer spectra than the scene. Every coefficient is
    multiplied by :math:`p^2 / (p^2 + 1)` with the pilot's coefficient p [1]_. More than 32 images are rotated
    in groups of 32.

    References
    ----------
    .. [1] K. Dabov, A. Foi, V. Katkovnik and K. Egiazarian, "Image denoising by sparse 3-D transform-domain
       collaborative filtering", IEEE Trans. Image Process. 16 (2007) 2080, section III.B.
    """
    images = np.ascontiguousarray(images)
    return guided_filter(images, sliding_cosine(images, power), power)


@dataclass(frozen=True, eq=False)
class UnevenNoise:
    """Noise of eigen-images that differs from place to place.

    Parameters
    ----------
    weights : ndarray, shape (terms, rows, columns)
        Weights of a pixel.
    parts : ndarray, shape (terms, images, images)
        What they weigh: the noise covariance of a pixel is their sum.
    """

    weights: Any
    parts: Any


def guided_filter(
    images: Any, guide: Any, power: Any = None, noise: UnevenNoise | None = None
) -> tuple[Any, Any]:
    """The Wiener filter of `collaborative_filter` with a guide of one's own.

    Parameters
    ----------
    images : ndarray, shape (images, rows, columns)
        Noisy images, the strongest first, at least 8 x 8.
    guide : ndarray, shape of `images`
        Estimate of them.
    power : ndarray, shape (8, 8), optional
        Noise variance of each cosine coefficient of a block over that of its pixels; ones when absent.
    noise : UnevenNoise, optional
        Covariance of the noise at each pixel; unit noise when absent. A stack has the mean of that of its
        pixels: its coefficients are divided by the symmetric root of the mean, and multiplied again.

    Returns
    -------
    estimate, gain : ndarray, shape of `images`
        As `collaborative_filter`; the gain is the noise variance that is left.
    """
    from sigden.hyperspectral.collaborative import matching_numba, wiener_numba
    from sigden.hyperspectral.collaborative.pilot_numba import cosines

    images, guide = np.ascontiguousarray(images), np.ascontiguousarray(guide)
    dtype = images.dtype
    rows, columns = (_starts(length) for length in images.shape[1:])
    parallel = _threads() > 1
    found = np.empty((len(rows), len(columns), _stack_size(images.shape[1:]), 2), dtype=np.int32)
    shared = np.ascontiguousarray(np.moveaxis(guide[:_GUIDES], 0, -1))
    match = matching_numba.match_parallel if parallel else matching_numba.match
    match(shared, rows, columns, _RADIUS, found)
    out, gain = np.empty_like(images), np.empty_like(images)
    power = np.ones((BLOCK, BLOCK)) if power is None else power
    window = np.outer(np.kaiser(BLOCK, _KAISER), np.kaiser(BLOCK, _KAISER))
    wiener = wiener_numba.wiener_parallel if parallel else wiener_numba.wiener
    constants = cosines(dtype), power.astype(dtype), window.astype(dtype)
    if noise is None:
        means, parts = np.zeros((1, 1, 0), dtype), np.zeros((0, len(images), len(images)), dtype)
    else:
        means, parts = _block_means(noise.weights.astype(dtype)), np.ascontiguousarray(noise.parts, dtype)
    wiener(images, guide, out, gain, found, _bands(rows), *constants, means, parts)
    return out, gain


def _block_means(weights: Any) -> Any:
    """Mean of each block, shape (rows - 7, columns - 7, terms)."""
    for axis in (1, 2):
        last = weights.shape[axis] - BLOCK + 1
        weights = sum(np.take(weights, range(k, k + last), axis) for k in range(BLOCK)) / BLOCK
    return np.ascontiguousarray(np.moveaxis(weights, 0, -1))


def _starts(length: int) -> Any:
    """First rows of the reference blocks; the last block ends with the image."""
    last = length - BLOCK
    return np.unique(np.append(np.arange(0, last + 1, _STRIDE), last)).astype(np.int64)


def _bands(starts: Any) -> Any:
    """First lines of bands of reference blocks that every other one may be worked on at once, and the end."""
    lines = np.searchsorted(starts, np.arange(0, starts[-1] + 1, _REACH))
    return np.append(lines, starts.size).astype(np.int64)


def _stack_size(shape: tuple[int, ...]) -> int:
    """Largest power of two of blocks that every reference can find, at most 16."""
    places = 1
    for length in shape:
        places *= min(_RADIUS, length - BLOCK) + 1
    size = 1
    while size * 2 <= min(places, _BLOCKS):
        size *= 2
    return size


def _threads() -> int:
    from numba import get_num_threads

    return get_num_threads() if parallel_allowed() else 1
