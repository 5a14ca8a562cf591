"""Groups of similar patches in array-API operations, as many groups at once as fit."""

from __future__ import annotations

from typing import Any

import numpy as np

from sigden.arrays import device_of, namespace
from sigden.hyperspectral.beside import beside
from sigden.hyperspectral.classical.nonlocal_low_rank import EPSILON
from sigden.hyperspectral.collaborative.blocks_generic import ROOM, fold, sums_by_place
from sigden.hyperspectral.collaborative.matching_generic import match

__all__ = ["low_rank_groups", "similar_patches", "weighted_low_rank"]


def similar_patches(cube: Any, rows: Any, columns: Any, patch: int, window: int, count: int) -> Any:
    """Nearest patches of each reference, in the order of the image.

    Parameters
    ----------
    cube : array, shape (rows, columns, depth)
        Where to look.
    rows, columns : ndarray of int
        First row and first column of the references.
    patch : int
        Side of a patch.
    window : int
        Largest distance of rows and columns.
    count : int
        Patches of a group.

    Returns
    -------
    array of int64, shape (references, count, 2)
        First rows and columns; of patches at equal distance the first in the image.
    """
    found = match(cube, rows, columns, window, count, patch, by_place=True)
    return namespace(cube).reshape(found, (-1, count, 2))


def low_rank_groups(cube: Any, found: Any, strength: Any, patch: int) -> Any:
    """Cube whose groups are of low rank, as of the numba twin; `found` is int64, `strength` of NumPy."""
    xp = namespace(cube)
    rows, columns, depth = cube.shape
    groups, size = found.shape[:2]
    inner = beside((np.arange(patch)[:, None] * columns + np.arange(patch)).reshape(-1), cube, np.int64)
    pixels = xp.reshape(cube, (rows * columns, depth))
    # one image more counts the patches that hold a pixel
    total = xp.zeros((depth + 1, rows, columns), dtype=cube.dtype, device=device_of(cube))
    step = max(1, ROOM // (size * patch * patch * depth))
    for start in range(0, groups, step):
        some = slice(start, min(start + step, groups))
        part = found[some, ...]
        index = xp.reshape((part[..., 0] * columns + part[..., 1])[..., None] + inner, (-1,))
        matrices = xp.reshape(xp.take(pixels, index, axis=0), (part.shape[0], size, -1))
        mean = xp.mean(matrices, axis=1, keepdims=True)
        low = weighted_low_rank(matrices - mean, beside(strength[some], cube, np.float64))
        _add(total, low + mean, part, patch)
    return xp.permute_dims(total[:depth, ...] / total[depth, ...], (1, 2, 0))


def _add(total: Any, patches: Any, part: Any, patch: int) -> None:
    """Add patches at their places, and how many a pixel got to the last image."""
    xp = namespace(patches)
    depth, width = total.shape[0] - 1, total.shape[2] - patch + 1
    top = int(xp.min(part[..., 0]))
    height = int(xp.max(part[..., 0])) - top + 1
    places = xp.reshape((part[..., 0] - top) * width + part[..., 1], (-1,))
    values = xp.reshape(patches, (places.shape[0], -1))
    ones = xp.ones((places.shape[0], 1), dtype=values.dtype, device=device_of(values))
    sums = sums_by_place(xp.concat([values, ones], axis=1), places, height * width)
    sums = xp.reshape(sums, (height, width, -1))
    own = xp.reshape(sums[..., :-1], (height, width, patch, patch, depth))
    count = xp.broadcast_to(sums[..., -1], (patch, patch, 1, height, width))
    blocks = xp.concat([xp.permute_dims(own, (2, 3, 4, 0, 1)), count], axis=2)
    total[:, top : top + height + patch - 1, :] += fold(blocks)


def weighted_low_rank(matrices: Any, strength: Any) -> Any:
    """Weighted nuclear norms of matrices shrunk.

    Parameters
    ----------
    matrices : array, shape (groups, n, m)
        Data.
    strength : array of float64, shape (groups,)
        Strength of each.

    Returns
    -------
    array, shape of `matrices`
        As the function of the same name for one matrix.
    """
    xp = namespace(matrices)
    wide = matrices.shape[1] <= matrices.shape[2]
    turned = xp.matrix_transpose(matrices)
    gram = matrices @ turned if wide else turned @ matrices
    squares, vectors = xp.linalg.eigh(xp.astype(gram, xp.float64))
    power = 4 * strength[:, None]
    kept = squares > xp.maximum(power, EPSILON)
    root = xp.sqrt(xp.maximum(1 - power / xp.where(kept, squares, 1.0), 0.0))
    factor = xp.where(kept, 0.5 + 0.5 * root, 0.0)[:, None, :]
    right = xp.astype(vectors * factor, matrices.dtype)
    back = xp.matrix_transpose(xp.astype(vectors, matrices.dtype))
    return right @ (back @ matrices) if wide else (matrices @ right) @ back
