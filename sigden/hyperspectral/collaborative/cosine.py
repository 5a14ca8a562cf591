"""Orthonormal cosine transform of blocks as a matrix."""

from __future__ import annotations

from typing import Any

import numpy as np

__all__ = ["BLOCK", "cosines", "power_of_parts"]

BLOCK = 8
"""Pixels along a side of a block."""


def cosines(dtype: Any, size: int = BLOCK) -> Any:
    """Orthonormal cosine transform (DCT-II) as a matrix, frequencies along the first axis."""
    k = np.arange(size)
    matrix = np.cos(np.pi * k[:, None] * (k[None, :] + 0.5) / size) * np.sqrt(2 / size)
    matrix[0] /= np.sqrt(2)
    return matrix.astype(dtype)


def power_of_parts(power: Any, size: int) -> Any:
    """Noise variance of the cosine coefficients of smaller blocks.

    Parameters
    ----------
    power : ndarray, shape (8, 8)
        Noise variance of each coefficient of a block, which are taken for uncorrelated.
    size : int
        Pixels along a side of the smaller blocks.

    Returns
    -------
    float64 ndarray, shape (size, size)
        The mean over the places that they may have in the block.
    """
    large, small = cosines(np.float64), cosines(np.float64, size)
    places = range(BLOCK - size + 1)
    share = np.mean([(small @ large[:, k : k + size].T) ** 2 for k in places], axis=0)
    return share @ power @ share.T
