"""Blocks of images in array-API operations: taken out, put back where they overlap."""

from __future__ import annotations

from typing import Any

import numpy as np

from sigden.arrays import device_of, namespace
from sigden.hyperspectral.collaborative.cosine import BLOCK, cosines

__all__ = ["ROOM", "cosine_matrix", "fold", "sums_by_place", "unfold"]

ROOM = 1 << 24
"""Numbers in the largest array that is made at once, but for the images themselves."""


def cosine_matrix(size: int = BLOCK) -> Any:
    """Cosine transform of a block read row by row, float64 ndarray of shape (size^2, size^2)."""
    one = cosines(np.float64, size)
    return np.kron(one, one)


def unfold(images: Any, first: int, last: int, size: int) -> Any:
    """Blocks that begin in some rows.

    Parameters
    ----------
    images : array, shape (images, rows, columns)
        Images.
    first, last : int
        First and past-the-last row.
    size : int
        Pixels along a side of a block.

    Returns
    -------
    array, shape (size^2, images, last - first, columns - size + 1)
        Pixel after pixel of a block along the first axis.
    """
    places = images.shape[2] - size + 1
    return namespace(images).stack(
        [images[:, first + r : last + r, s : s + places] for r in range(size) for s in range(size)]
    )


def fold(blocks: Any) -> Any:
    """Sum of overlapping blocks.

    Parameters
    ----------
    blocks : array, shape (size, size, images, rows, columns)
        Block that begins at each pixel, its own rows and columns first.

    Returns
    -------
    array, shape (images, rows + size - 1, columns + size - 1)
        The adjoint of `unfold`.
    """
    xp = namespace(blocks)
    size, _, images, rows, columns = blocks.shape
    kind = {"dtype": blocks.dtype, "device": device_of(blocks)}
    lines = xp.zeros((size, images, rows, columns + size - 1), **kind)
    for s in range(size):
        lines[..., s : s + columns] += blocks[:, s, ...]
    out = xp.zeros((images, rows + size - 1, columns + size - 1), **kind)
    for r in range(size):
        out[:, r : r + rows, :] += lines[r, ...]
    return out


def sums_by_place(values: Any, places: Any, count: int) -> Any:
    """Sum of the rows that belong to each place.

    Parameters
    ----------
    values : array, shape (rows, ...)
        What is summed.
    places : array of int, shape (rows,)
        Place of each row, from 0 to ``count - 1``.
    count : int
        Number of places.

    Returns
    -------
    array, shape (count, ...)
        Zero where there is none.

    Notes
    -----
    Rows are sorted by place, and neighbours of one place are added in steps of 1, 2, 4 ... rows: the same sum
    every time, which atomic additions would not give.
    """
    xp = namespace(values)
    order = xp.argsort(places, stable=True)
    places, values = xp.take(places, order, axis=0), xp.take(values, order, axis=0)
    step, rows = 1, places.shape[0]
    while step < rows:
        same = places[step:] == places[:-step]
        if not bool(xp.any(same)):
            break
        more = xp.where(xp.reshape(same, (-1, *([1] * (values.ndim - 1)))), values[:-step, ...], 0.0)
        values = xp.concat([values[:step, ...], values[step:, ...] + more])
        step *= 2
    everywhere = xp.arange(count, dtype=places.dtype, device=device_of(places))
    last = xp.maximum(xp.searchsorted(places, everywhere, side="right") - 1, xp.zeros_like(everywhere))
    there = xp.reshape(xp.take(places, last, axis=0) == everywhere, (-1, *([1] * (values.ndim - 1))))
    return xp.where(there, xp.take(values, last, axis=0), 0.0)
