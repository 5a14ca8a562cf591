"""Sliding 8 x 8 cosine transform with hard thresholds in array-API operations."""

from __future__ import annotations

from typing import Any

from sigden.arrays import namespace
from sigden.hyperspectral.beside import beside
from sigden.hyperspectral.collaborative.blocks_generic import ROOM, cosine_matrix, fold, unfold
from sigden.hyperspectral.collaborative.cosine import BLOCK

__all__ = ["pilot"]

_AREA = BLOCK * BLOCK


def pilot(images: Any, limits: Any) -> Any:
    """Estimate of each image.

    Parameters
    ----------
    images : array, shape (images, rows, columns)
        At least 8 x 8 pixels each.
    limits : float64 ndarray, shape (8, 8)
        Size that a coefficient must exceed to be kept.

    Returns
    -------
    array, shape of `images`
        Mean of the blocks, each with the inverse of the number of coefficients it kept.
    """
    xp = namespace(images)
    turn, cut = beside(cosine_matrix(), images), beside(limits.reshape(_AREA, 1), images)
    count, rows, columns = images.shape
    down, across = rows - BLOCK + 1, columns - BLOCK + 1
    height = max(1, min(down, ROOM // (_AREA * across)))
    together = max(1, ROOM // (_AREA * across * height))
    out, norm = xp.zeros_like(images), xp.zeros_like(images)
    for start in range(0, count, together):
        stop = min(start + together, count)
        for first in range(0, down, height):
            last = min(first + height, down)
            shape = stop - start, last - first, across
            part = turn @ xp.reshape(unfold(images[start:stop, ...], first, last), (_AREA, -1))
            kept = xp.abs(part) > cut
            number = xp.sum(xp.astype(kept, images.dtype), axis=0)
            weight = 1.0 / xp.maximum(number, xp.ones_like(number))
            blocks = (turn.T @ xp.where(kept, part, 0.0)) * weight
            reach = slice(first, last + BLOCK - 1)
            out[start:stop, reach, :] += fold(xp.reshape(blocks, (BLOCK, BLOCK, *shape)))
            norm[start:stop, reach, :] += fold(
                xp.broadcast_to(xp.reshape(weight, shape), (BLOCK, BLOCK, *shape))
            )
    return out / norm
