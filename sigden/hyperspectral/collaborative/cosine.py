"""Orthonormal cosine transform of blocks as a matrix."""

from __future__ import annotations

from typing import Any

import numpy as np

__all__ = ["BLOCK", "cosines"]

BLOCK = 8
"""Pixels along a side of a block."""


def cosines(dtype: Any) -> Any:
    """Orthonormal cosine transform (DCT-II) as a matrix, frequencies along the first axis."""
    k = np.arange(BLOCK)
    matrix = np.cos(np.pi * k[:, None] * (k[None, :] + 0.5) / BLOCK) * np.sqrt(2 / BLOCK)
    matrix[0] /= np.sqrt(2)
    return matrix.astype(dtype)
