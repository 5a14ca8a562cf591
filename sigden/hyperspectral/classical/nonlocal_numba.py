"""Groups of similar patches on the CPU, one after the other."""

from __future__ import annotations

from typing import Any

import numpy as np

from sigden.hyperspectral.classical.nonlocal_low_rank import weighted_low_rank
from sigden.hyperspectral.classical.similar_patches_numba import gather, similar, spread

__all__ = ["low_rank_groups", "similar_patches"]


def similar_patches(cube: Any, rows: Any, columns: Any, patch: int, window: int, count: int) -> Any:
    """Nearest patches of each reference, int32, shape (references, count, 2)."""
    references = np.stack(np.meshgrid(rows, columns, indexing="ij"), axis=-1).reshape(-1, 2).astype(np.int64)
    found = np.empty((len(references), count, 2), dtype=np.int32)
    similar(cube.reshape(len(cube), -1), cube.shape[2], patch, window, references, found)
    return found


def low_rank_groups(cube: Any, found: Any, strength: Any, patch: int) -> Any:
    """Cube whose groups are of low rank, shape of `cube`."""
    rows, columns, depth = cube.shape
    flat = cube.reshape(rows, -1)
    total, count = np.zeros_like(flat), np.zeros((rows, columns), flat.dtype)
    matrix = np.empty((found.shape[1], patch * patch * depth), flat.dtype)
    for places, power in zip(found, strength, strict=True):
        gather(flat, depth, patch, places, matrix)
        mean = matrix.mean(axis=0)
        low = weighted_low_rank(matrix - mean, float(power))
        low += mean
        spread(total, depth, patch, places, low, count)
    return total.reshape(cube.shape) / count[..., None]
