"""Sliding cosine transform with hard thresholds in array-API operations."""

from __future__ import annotations

from typing import Any

from sigden.arrays import namespace
from sigden.hyperspectral.beside import beside
from sigden.hyperspectral.collaborative.blocks_generic import ROOM, cosine_matrix, fold, unfold

__all__ = ["pilot"]


def pilot(images: Any, limits: Any) -> Any:
    """Estimate of each image.

    Parameters
    ----------
    images : array, shape (images, rows, columns)
        At least as large as the largest block.
    limits : list of float64 ndarray, shape (size, size)
        Size that a coefficient must exceed to be kept, for every size of the blocks.

    Returns
    -------
    array, shape of `images`
        Mean of the blocks, each with the power 1.5 of the inverse of the part of the coefficients it kept.
    """
    xp = namespace(images)
    out, norm = xp.zeros_like(images), xp.zeros_like(images)
    for cut in limits:
        _add(images, cut, out, norm)
    return out / norm


def _add(images: Any, limits: Any, out: Any, norm: Any) -> None:
    """Add the weighed blocks of one size, and their weights."""
    xp, size = namespace(images), len(limits)
    area = size * size
    turn, cut = beside(cosine_matrix(size), images), beside(limits.reshape(area, 1), images)
    count, rows, columns = images.shape
    down, across = rows - size + 1, columns - size + 1
    height = max(1, min(down, ROOM // (area * across)))
    together = max(1, ROOM // (area * across * height))
    for start in range(0, count, together):
        stop = min(start + together, count)
        for first in range(0, down, height):
            last = min(first + height, down)
            shape = stop - start, last - first, across
            part = turn @ xp.reshape(unfold(images[start:stop, ...], first, last, size), (area, -1))
            kept = xp.abs(part) > cut
            number = xp.sum(xp.astype(kept, images.dtype), axis=0)
            share = area / xp.maximum(number, xp.ones_like(number))
            weight = share * xp.sqrt(share)
            blocks = (turn.T @ xp.where(kept, part, 0.0)) * weight
            reach = slice(first, last + size - 1)
            out[start:stop, reach, :] += fold(xp.reshape(blocks, (size, size, *shape)))
            norm[start:stop, reach, :] += fold(
                xp.broadcast_to(xp.reshape(weight, shape), (size, size, *shape))
            )
