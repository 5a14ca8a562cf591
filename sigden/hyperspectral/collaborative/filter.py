"""Eigen-images denoised together: sliding cosine pilot, shared matches, collaborative Wiener filter."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from sigden.arrays import Kernel, namespace
from sigden.hyperspectral.beside import beside
from sigden.hyperspectral.collaborative.cosine import BLOCK, power_of_parts

__all__ = [
    "ALIGN",
    "BLOCK",
    "HALO",
    "RADIUS",
    "REACH",
    "UnevenNoise",
    "collaborative_filter",
    "guided_filter",
    "sliding_cosine",
]

_HARD = 2.8  # threshold of the pilot, in noise levels
_SIZES = 8, 4, 2  # of its blocks
_BLOCKS = 16
RADIUS = 14
"""Pixels from a reference block within which similar ones are looked for."""
_STRIDE = 3
HALO = 3 * BLOCK - 3 + 4 * RADIUS
"""Pixels around a part of an image on which its estimate depends."""
REACH = 2 * RADIUS + BLOCK
"""Rows that a line of reference blocks touches, a multiple of the stride."""
ALIGN = 2 * REACH
"""A part of an image that begins at a multiple of it has the estimate of the whole image, to the last bit."""
_GUIDES = 8  # eigen-images that decide on the matches
_KAISER = 2.0

_HERE = "sigden.hyperspectral.collaborative"
_PILOT = Kernel("sliding_cosine", generic=f"{_HERE}.pilot_generic:pilot", numba=f"{_HERE}.filter_numba:pilot")
_MATCH = Kernel(
    "block_matching", generic=f"{_HERE}.matching_generic:match", numba=f"{_HERE}.filter_numba:match"
)
_WIENER = Kernel(
    "collaborative_wiener", generic=f"{_HERE}.wiener_generic:wiener", numba=f"{_HERE}.filter_numba:wiener"
)


def sliding_cosine(images: Any, power: Any = None) -> Any:
    """Hard thresholds on the cosine transform of every block of 8 x 8, 4 x 4 and 2 x 2 pixels, averaged.

    Parameters
    ----------
    images : array, shape (images, rows, columns)
        Images of unit noise, at least 8 x 8.
    power : ndarray, shape (8, 8), optional
        Noise variance of each coefficient; ones when absent.

    Returns
    -------
    array, shape of `images`
        Estimates. A block counts with the power 1.5 of the inverse of the part of the coefficients that it
        kept: a little more than with the inverse of its variance, since what it kept is not all it needs.
        Where the scene is smooth the large blocks decide, about edges and small objects the small ones.

    References
    ----------
    .. [1] R. R. Coifman and D. L. Donoho, "Translation-invariant de-noising", in Wavelets and Statistics,
       Lecture Notes in Statistics 103 (1995) 125.
    """
    power = np.ones((BLOCK, BLOCK)) if power is None else power
    limits = [_HARD * np.sqrt(power_of_parts(power, size)) for size in _SIZES]
    for cut in limits:
        cut[0, 0] = 0
    return _PILOT(images, limits)


def collaborative_filter(images: Any, power: Any = None) -> tuple[Any, Any]:
    """Collaborative Wiener filter of eigen-images.

    Parameters
    ----------
    images : array, shape (images, rows, columns)
        Images of unit noise, the strongest first, at least 8 x 8.
    power : ndarray, shape (8, 8), optional
        Noise variance of each cosine coefficient of a block; ones when absent.

    Returns
    -------
    estimate : array, shape of `images`
        Denoised images.
    gain : array, shape of `images`
        Part of the noise variance that is left, at most.

    Notes
    -----
    The pilot of `sliding_cosine` serves twice. Around every third pixel the 16 most similar blocks within 14
    pixels are found by the distance of the pilots of the first eight eigen-images; all images share these
    matches, since an edge of the scene is an edge in most of them. Then each stack is transformed by cosines
    within and Haar wavelets across blocks, and in units of the noise by the principal directions of the
    pilot's coefficients across images: a place holds fewer spectra than the scene. Every coefficient is
    multiplied by :math:`p^2 / (p^2 + 1)` with the pilot's coefficient p [1]_. More than 32 images are rotated
    in groups of 32. This is done around every sixth pixel at first, and once more around every third with the
    estimate in place of the pilot.

    References
    ----------
    .. [1] K. Dabov, A. Foi, V. Katkovnik and K. Egiazarian, "Image denoising by sparse 3-D transform-domain
       collaborative filtering", IEEE Trans. Image Process. 16 (2007) 2080, section III.B.
    """
    pilot = sliding_cosine(images, power)
    found, sparse = _matches(pilot)
    guide = _filtered(images, pilot, sparse, power, None)[0]
    del pilot
    return _filtered(images, guide, found, power, None)


@dataclass(frozen=True, eq=False)
class UnevenNoise:
    """Noise of eigen-images that differs from place to place.

    Parameters
    ----------
    weights : array, shape (terms, rows, columns)
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
    images : array, shape (images, rows, columns)
        Noisy images, the strongest first, at least 8 x 8.
    guide : array, shape of `images`
        Estimate of them.
    power : ndarray, shape (8, 8), optional
        Noise variance of each cosine coefficient of a block over that of its pixels; ones when absent.
    noise : UnevenNoise, optional
        Covariance of the noise at each pixel; unit noise when absent. A stack has the mean of that of its
        pixels: its coefficients are divided by the symmetric root of the mean, and multiplied again.

    Returns
    -------
    estimate, gain : array, shape of `images`
        As `collaborative_filter`; the gain is the noise variance that is left.
    """
    return _filtered(images, guide, _matches(guide)[0], power, noise)


def _matches(guide: Any) -> tuple[Any, Any]:
    """Matches of all reference blocks, and of every other one down and across."""
    xp = namespace(guide)
    rows, columns = (_starts(length) for length in guide.shape[1:])
    shared = xp.permute_dims(guide[: min(_GUIDES, guide.shape[0]), ...], (1, 2, 0))
    found = _MATCH(shared, rows, columns, RADIUS, _stack_size(guide.shape[1:]))
    sparse = found
    for axis, starts in enumerate((rows, columns)):
        chosen = np.flatnonzero((starts % (2 * _STRIDE) == 0) | (starts == starts[-1]))
        sparse = xp.take(sparse, beside(chosen, guide, np.int64), axis=axis)
    return found, sparse


def _filtered(images: Any, guide: Any, found: Any, power: Any, noise: UnevenNoise | None) -> tuple[Any, Any]:
    """Wiener filter of the matched blocks."""
    power = np.ones((BLOCK, BLOCK)) if power is None else power
    window = np.outer(np.kaiser(BLOCK, _KAISER), np.kaiser(BLOCK, _KAISER))
    means, parts = (None, None) if noise is None else (_block_means(noise.weights), noise.parts)
    return _WIENER(images, guide, found, power, window, means, parts)


def _block_means(weights: Any) -> Any:
    """Mean of each block, shape (rows - 7, columns - 7, terms)."""
    rows, columns = (length - BLOCK + 1 for length in weights.shape[1:])
    down = sum(weights[:, k : k + rows, :] for k in range(1, BLOCK)) + weights[:, :rows, :]
    both = sum(down[:, :, k : k + columns] for k in range(1, BLOCK)) + down[:, :, :columns]
    return namespace(weights).permute_dims(both / BLOCK**2, (1, 2, 0))


def _starts(length: int) -> Any:
    """First rows of the reference blocks; the last block ends with the image."""
    last = length - BLOCK
    return np.unique(np.append(np.arange(0, last + 1, _STRIDE), last)).astype(np.int64)


def _stack_size(shape: tuple[int, ...]) -> int:
    """Largest power of two of blocks that every reference can find, at most 16."""
    places = 1
    for length in shape:
        places *= min(RADIUS, length - BLOCK) + 1
    size = 1
    while size * 2 <= min(places, _BLOCKS):
        size *= 2
    return size
