"""Block matching shared by all eigen-images in array-API operations: one shift after the other."""

from __future__ import annotations

from typing import Any

import numpy as np

from sigden.arrays import device_of, namespace
from sigden.hyperspectral.beside import beside
from sigden.hyperspectral.collaborative.blocks_generic import ROOM
from sigden.hyperspectral.collaborative.cosine import BLOCK

__all__ = ["match"]


def match(
    guide: Any,
    rows: Any,
    columns: Any,
    radius: int,
    count: int,
    block: int = BLOCK,
    *,
    by_place: bool = False,
) -> Any:
    """Nearest blocks of each reference block.

    Parameters
    ----------
    guide : array, shape (rows, columns, images)
        Images that decide.
    rows, columns : ndarray of int
        First row and first column of the reference blocks.
    radius : int
        Largest shift in rows and in columns.
    count : int
        Blocks that are wanted, the reference itself included.
    block : int, default 8
        Side of a block.
    by_place : bool, default False
        Whether they are wanted in the order of the image, the reference not before others that are equal.

    Returns
    -------
    array of int64, shape (len(rows), len(columns), count, 2)
        First row and column of each, the reference itself first, the nearest next; of equal distances the
        upper left one.
    """
    xp = namespace(guide)
    side = 2 * radius + 1
    lines = max(1, ROOM // 2 // (len(columns) * side * side))
    padded = _padded(guide, radius)
    parts = []
    for start in range(0, len(rows), lines):
        some = rows[start : start + lines]
        distance = _distances(guide, padded, some, columns, radius, block)
        if not by_place:
            distance[..., side * side // 2] = -1.0  # the block itself comes first
        order = xp.argsort(distance, axis=-1, stable=True)[..., :count]
        if by_place:
            order = xp.sort(order, axis=-1)
        down, across = order // side - radius, order % side - radius
        parts.append(
            xp.stack(
                [
                    down + beside(some[:, None, None], guide, np.int64),
                    across + beside(columns[:, None], guide, np.int64),
                ],
                axis=-1,
            )
        )
    return xp.concat(parts)


def _padded(guide: Any, radius: int) -> Any:
    xp = namespace(guide)
    rows, columns, images = guide.shape
    out = xp.zeros(
        (rows + 2 * radius, columns + 2 * radius, images), dtype=guide.dtype, device=device_of(guide)
    )
    out[radius : radius + rows, radius : radius + columns, :] = guide
    return out


def _distances(guide: Any, padded: Any, rows: Any, columns: Any, radius: int, block: int) -> Any:
    """Squared distance for every shift, shape (rows, columns, shifts); infinite where a block is cut."""
    xp = namespace(guide)
    first, last = int(rows[0]), int(rows[-1]) + block
    width = guide.shape[1]
    here = guide[first:last, ...]
    shifts = np.arange(-radius, radius + 1)
    down = [beside(rows - first + r, guide, np.int64) for r in range(block)]
    across = [beside(columns + s, guide, np.int64) for s in range(block)]
    inside = [
        beside((starts + shifts[:, None] >= 0) & (starts + shifts[:, None] <= length - block), guide, bool)
        for starts, length in ((rows, guide.shape[0]), (columns, width))
    ]
    infinite = xp.asarray(np.inf, dtype=guide.dtype, device=device_of(guide))
    out = []
    for i in range(len(shifts)):
        strip = padded[first + i : last + i, ...]
        square = xp.stack(
            [xp.sum((strip[:, j : j + width, :] - here) ** 2, axis=-1) for j in range(len(shifts))]
        )
        tall = sum(xp.take(square, index, axis=1) for index in down)
        whole = sum(xp.take(tall, index, axis=2) for index in across)
        allowed = inside[0][i, :][None, :, None] & inside[1][:, None, :]
        out.append(xp.where(allowed, whole, infinite))
    shape = len(shifts) ** 2, len(rows), len(columns)
    return xp.permute_dims(xp.reshape(xp.stack(out), shape), (1, 2, 0))
