"""Collaborative Wiener filter of matched blocks of all images together in array-API operations."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from sigden.arrays import namespace
from sigden.hyperspectral.beside import beside
from sigden.hyperspectral.collaborative.blocks_generic import ROOM, cosine_matrix, fold, sums_by_place
from sigden.hyperspectral.collaborative.cosine import BLOCK

__all__ = ["LEAST", "SIGNS", "TOGETHER", "wiener"]

_AREA = BLOCK * BLOCK
_MOST_WEIGHT = 0.01  # noise passed at which the weight of a stack ends to grow
TOGETHER = 32
"""Images that share a rotation."""
SIGNS = 0.8
"""Variances below which two images are unrelated; a single common coefficient reaches 1."""

LEAST = 0.02
"""Noise variance that a stack is given at least along a direction, where 1 is usual."""


@dataclass(frozen=True, eq=False)
class _Matrices:
    """Transforms of a stack, and the window of a block, in the library of the images."""

    forward: Any
    backward: Any
    haar: Any
    window: Any


def wiener(
    noisy: Any,
    guide: Any,
    found: Any,
    power: Any,
    window: Any,
    means: Any = None,
    parts: Any = None,
) -> tuple[Any, Any]:
    """Filter images with the matches that all of them share.

    Parameters
    ----------
    noisy, guide : array, shape (images, rows, columns)
        Images in units of their noise, and the pilot.
    found : array of int64, shape (references down, references across, blocks, 2)
        First row and column of the blocks of each stack.
    power : float64 ndarray, shape (8, 8)
        Noise variance of each cosine coefficient of a block.
    window : float64 ndarray, shape (8, 8)
        Weight of the pixels of a block.
    means : array, shape (rows - 7, columns - 7, terms), optional
        Weights of the parts in the block that begins at each pixel.
    parts : ndarray, shape (terms, images, images), optional
        Parts of the noise covariance of a block: their weighed sum; the unit matrix when absent.

    Returns
    -------
    estimate, gain : array, shape of `noisy`
        Estimates, and the part of the noise variance that a pixel keeps at most.
    """
    xp = namespace(noisy)
    level, turn = np.sqrt(power).reshape(_AREA, 1), cosine_matrix()
    size = found.shape[2]
    matrices = _Matrices(
        forward=beside((turn / level).T, noisy),
        backward=beside(turn * level, noisy),
        haar=beside(_haar(size), noisy),
        window=beside(window, noisy),
    )
    stacks = xp.reshape(found, (-1, size, 2))
    totals = [xp.zeros_like(noisy) for _ in range(3)]
    for first in range(0, noisy.shape[0], TOGETHER):
        some = slice(first, min(first + TOGETHER, noisy.shape[0]))
        images = noisy[some, ...], guide[some, ...]
        step = max(1, ROOM // (images[0].shape[0] * size * _AREA))
        for start in range(0, stacks.shape[0], step):
            part = stacks[start : min(start + step, stacks.shape[0]), ...]
            roots = None if parts is None else _roots(means, beside(parts[:, some, some], noisy), part)
            blocks, passed = _filtered(*images, part, matrices, roots)
            _add([total[some, ...] for total in totals], blocks, passed, part, matrices.window)
    out, gain, norm = totals
    return out / norm, gain / norm


def _haar(size: int) -> Any:
    """Orthonormal Haar transform of so many blocks, sums first; ndarray of shape (size, size)."""
    matrix, length = np.eye(size), size
    while length > 1:
        even, odd = matrix[0:length:2], matrix[1:length:2]
        matrix[:length] = np.concatenate([even + odd, even - odd]) * np.sqrt(0.5)
        length //= 2
    return matrix


def _roots(means: Any, parts: Any, part: Any) -> tuple[Any, Any]:
    """Symmetric roots of the noise covariance of stacks and of its inverse, (stacks, images, images)."""
    xp = namespace(means)
    index = xp.reshape(part[..., 0] * means.shape[1] + part[..., 1], (-1,))
    weights = xp.take(xp.reshape(means, (-1, means.shape[2])), index, axis=0)
    weights = xp.mean(xp.reshape(weights, (*part.shape[:2], -1)), axis=1)
    covariance = xp.reshape(weights @ xp.reshape(parts, (parts.shape[0], -1)), (-1, *parts.shape[1:]))
    values, vectors = xp.linalg.eigh(covariance)
    level = xp.sqrt(xp.maximum(values, xp.full_like(values, LEAST)))[:, None, :]
    back = xp.matrix_transpose(vectors)
    return (vectors * level) @ back, (vectors / level) @ back


def _filtered(
    noisy: Any, guide: Any, part: Any, matrices: _Matrices, roots: tuple[Any, Any] | None
) -> tuple[Any, Any]:
    """Estimates of the blocks of some stacks, shape (stacks, images, blocks, 64), and the noise they keep.

    The noise that is kept is the sum over the coefficients of a stack, shape (stacks, images).
    """
    xp = namespace(noisy)
    stacks, size = part.shape[:2]
    width, images = noisy.shape[2], noisy.shape[0]
    inner = beside((np.arange(BLOCK)[:, None] * width + np.arange(BLOCK)).reshape(-1), part, np.int64)
    index = xp.reshape((part[..., 0] * width + part[..., 1])[..., None] + inner, (-1,))

    def coefficients(source: Any) -> Any:
        blocks = xp.take(xp.reshape(source, (images, -1)), index, axis=1)
        blocks = xp.reshape(blocks, (images, stacks, size, _AREA)) @ matrices.forward
        return xp.reshape(xp.permute_dims(matrices.haar @ blocks, (1, 0, 2, 3)), (stacks, images, -1))

    seen = coefficients(guide)
    turn = _principal(seen, None if roots is None else roots[1])
    back = xp.matrix_transpose(turn)
    if roots is not None:
        turn, back = turn @ roots[1], roots[0] @ back
    signal = (turn @ seen) ** 2
    factor = signal / (signal + 1.0)
    left = back @ (factor * (turn @ coefficients(noisy)))
    passed = (back**2 @ xp.sum(factor**2, axis=-1)[..., None])[..., 0]
    blocks = matrices.haar.T @ xp.reshape(left, (stacks, images, size, _AREA))
    return blocks @ matrices.backward, passed


def _principal(seen: Any, unit: Any) -> Any:
    """Orthonormal directions of the images of each stack, as rows, shape (stacks, images, images).

    With random signs the sum of the products of two images has the variance of the sum of their squares.
    Images whose product is smaller have nothing to do with each other, and a faint image keeps to itself.
    This is asked before the matrix `unit` makes their noise the same, which adds some of each to all others.
    """
    xp = namespace(seen)
    # faint images beside bright ones need more digits than float32 has
    rows = xp.astype(seen, xp.float64)
    total, square = rows @ xp.matrix_transpose(rows), rows**2
    related = total**2 >= SIGNS * (square @ xp.matrix_transpose(square))
    own = beside(np.eye(seen.shape[1], dtype=bool), seen, bool)
    total = xp.where(related | own, total, 0.0)
    if unit is not None:
        unit = xp.astype(unit, xp.float64)
        total = unit @ total @ unit
    turn = xp.linalg.eigh(total)[1]
    return xp.astype(xp.matrix_transpose(turn), seen.dtype)


def _add(totals: list[Any], blocks: Any, passed: Any, part: Any, window: Any) -> None:
    """Add the estimates of some stacks, the noise they keep, and their weight to images of the three."""
    xp = namespace(blocks)
    stacks, images, size, _ = blocks.shape
    width = totals[0].shape[2] - BLOCK + 1
    top = int(xp.min(part[..., 0]))
    height = int(xp.max(part[..., 0])) - top + 1
    places = xp.reshape((part[..., 0] - top) * width + part[..., 1], (-1,))
    weight = 1.0 / xp.maximum(passed, xp.full_like(passed, _MOST_WEIGHT))
    scalars = xp.stack([weight * passed / (size * _AREA), weight], axis=-1)
    reach = slice(top, top + height + BLOCK - 1)
    together = max(1, ROOM // max(height * width * _AREA, stacks * size * _AREA))
    for first in range(0, images, together):
        some = slice(first, min(first + together, images))
        weighed = blocks[:, some, ...] * weight[:, some][..., None, None]
        joined = xp.concat(
            [
                weighed,
                xp.broadcast_to(scalars[:, some, None, :], (*weighed.shape[:3], 2)),
            ],
            axis=-1,
        )
        rows = xp.reshape(xp.permute_dims(joined, (0, 2, 1, 3)), (stacks * size, -1, _AREA + 2))
        sums = sums_by_place(rows, places, height * width)
        sums = xp.reshape(xp.permute_dims(sums, (2, 1, 0)), (_AREA + 2, -1, height, width))
        shape = (BLOCK, BLOCK, *sums.shape[1:])
        frame = xp.reshape(window, (BLOCK, BLOCK, 1, 1, 1))
        own = xp.reshape(sums[:_AREA, ...], shape)
        for total, values in zip(totals, (own, sums[_AREA, ...], sums[_AREA + 1, ...]), strict=True):
            total[some, reach, :] += fold(frame * values)
