"""Orthonormal wavelet transform of the images of a cube."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import accumulate, pairwise
from typing import Any

import numpy as np

from sigden.arrays import namespace
from sigden.errors import ParameterError
from sigden.hyperspectral.beside import beside, mirrored

__all__ = ["ImageWavelet", "daubechies", "split_levels"]

_MOST_MOMENTS = 10


@lru_cache(maxsize=_MOST_MOMENTS)
def daubechies(moments: int) -> tuple[float, ...]:
    """Low-pass filter of the orthonormal Daubechies wavelet with extremal phase.

    Parameters
    ----------
    moments : int
        Vanishing moments, 1 (Haar) to 10; the filter has twice as many taps.

    Returns
    -------
    tuple of float
        Taps of unit norm, their sum is :math:`\\sqrt 2`.

    Raises
    ------
    ParameterError
        If `moments` is out of range.

    Notes
    -----
    Spectral factorisation: with :math:`P(y) = \\sum_{k<N} \\binom{N-1+k}{k} y^k`, each root y gives the root
    z of :math:`z + 1/z = 2 - 4y` inside the unit circle, and
    :math:`h(z) \\propto (1 + z)^N \\prod (z - z_k)`.

    References
    ----------
    .. [1] I. Daubechies, "Ten Lectures on Wavelets" (SIAM, 1992), section 6.1.
    """
    if isinstance(moments, bool) or not isinstance(moments, int) or not 1 <= moments <= _MOST_MOMENTS:
        raise ParameterError(f"moments: must be an integer from 1 to {_MOST_MOMENTS}, got {moments!r}")
    polynomial = [math.comb(moments - 1 + k, k) for k in range(moments)]
    taps = np.ones(1, dtype=complex)
    for _ in range(moments):
        taps = np.convolve(taps, [1.0, 1.0])
    for y in np.roots(polynomial[::-1]):
        half = 1.0 - 2.0 * y
        root = half + np.sqrt(half * half - 1.0 + 0j)
        taps = np.convolve(taps, [1.0, -(root if abs(root) < 1.0 else 1.0 / root)])
    real = taps.real / np.linalg.norm(taps.real)
    return tuple(float(tap) for tap in real)


@lru_cache(maxsize=64)
def _one_level(side: int, moments: int) -> Any:
    """Matrix of one periodic level: smooth rows above detail rows; orthogonal."""
    low = np.asarray(daubechies(moments))
    high = low[::-1] * (-1.0) ** np.arange(low.size)
    matrix = np.zeros((side, side))
    half = side // 2
    for row in range(half):
        columns = (2 * row + np.arange(low.size)) % side
        # a filter longer than the side wraps onto itself
        np.add.at(matrix[row], columns, low)
        np.add.at(matrix[half + row], columns, high)
    matrix.setflags(write=False)
    return matrix


@dataclass(frozen=True)
class ImageWavelet:
    """Two-dimensional orthonormal wavelet transform of the images of a cube.

    Parameters
    ----------
    shape : tuple of int
        Rows and columns of the images.
    levels : int
        Detail levels wanted; fewer are used where the coarsest image would be smaller than the filter.
    moments : int
        Vanishing moments of the Daubechies wavelet.

    Notes
    -----
    Images are continued by reflection to a multiple of :math:`2^J` and periodically from there on, so that
    the transform is an orthogonal matrix: white noise stays white noise of the same level. Each level is a
    product with a matrix of the side of the image.

    References
    ----------
    .. [1] S. Mallat, "A theory for multiresolution signal decomposition: the wavelet representation", IEEE
       Trans. Pattern Anal. Mach. Intell. 11 (1989) 674, section IV.
    """

    shape: tuple[int, int]
    levels: int
    moments: int

    def __post_init__(self) -> None:
        if self.levels < 0:
            raise ParameterError(f"levels: must not be negative, got {self.levels}")
        taps = len(daubechies(self.moments))
        deepest = max(0, math.floor(math.log2(min(self.shape) / (taps - 1))))
        object.__setattr__(self, "levels", min(self.levels, deepest))

    @property
    def padded(self) -> tuple[int, int]:
        """Rows and columns after the continuation."""
        multiple = 2**self.levels
        rows, columns = (-(-side // multiple) * multiple for side in self.shape)
        return rows, columns

    def forward(self, images: Any) -> list[Any]:
        """Coefficients of images.

        Parameters
        ----------
        images : array, shape (rows, columns, count)
            Images on the last axis.

        Returns
        -------
        list of array, each of shape (coefficients, count)
            The smooth image, then the details from the coarsest level to the finest.
        """
        xp, smooth, details = namespace(images), images, []
        for axis, (side, wanted) in enumerate(zip(self.shape, self.padded, strict=True)):
            smooth = mirrored(smooth, axis, 0, wanted - side, twice=True)
        for _ in range(self.levels):
            planes = self._along_both(smooth, transpose=False)
            r, c, count = planes.shape[0] // 2, planes.shape[1] // 2, planes.shape[2]
            parts = (planes[:r, c:, :], planes[r:, :c, :], planes[r:, c:, :])
            details.append(xp.concat([xp.reshape(part, (r * c, count)) for part in parts]))
            smooth = planes[:r, :c, :]
        return [xp.reshape(smooth, (-1, smooth.shape[-1])), *reversed(details)]

    def inverse(self, coefficients: Sequence[Any]) -> Any:
        """Images of their coefficients.

        Parameters
        ----------
        coefficients : sequence of array
            As `forward` gives them.

        Returns
        -------
        array, shape (rows, columns, count)
            The images.
        """
        xp = namespace(coefficients[0])
        rows, columns = (side // 2**self.levels for side in self.padded)
        smooth = xp.reshape(coefficients[0], (rows, columns, -1))
        for level in coefficients[1:]:
            parts = xp.reshape(level, (3, *smooth.shape))
            across, down, both = (parts[k, ...] for k in range(3))
            above = xp.concat([smooth, across], axis=1)
            below = xp.concat([down, both], axis=1)
            smooth = self._along_both(xp.concat([above, below]), transpose=True)
        return smooth[: self.shape[0], : self.shape[1], :]

    def _along_both(self, planes: Any, *, transpose: bool) -> Any:
        xp = namespace(planes)
        down, across = (beside(_one_level(side, self.moments), planes) for side in planes.shape[:2])
        if transpose:
            down, across = down.T, across.T
        out = down @ xp.reshape(planes, (planes.shape[0], -1))
        return across @ xp.reshape(out, planes.shape)


def split_levels(joined: Any, sizes: Sequence[int]) -> list[Any]:
    """Coefficients of each level, views of their rows in one array."""
    return [joined[start:stop, :] for start, stop in pairwise(accumulate(sizes, initial=0))]
