"""Block matching shared by all eigen-images, on the CPU."""

# inlined from other files: 4ca9787544cc
from __future__ import annotations

import numpy as np
from numba import njit, prange, types

from sigden.hyperspectral.collaborative.cosine import BLOCK

__all__ = ["match", "match_parallel"]

_REAL = (types.float32, types.float64)
_MATCH = [
    types.void(t[:, :, ::1], types.int64[::1], types.int64[::1], types.int64, types.int32[:, :, :, ::1])
    for t in _REAL
]


@njit(nogil=True, error_model="numpy", fastmath={"contract", "reassoc", "nsz"})
def _row_distance(a, b):  # type: ignore[no-untyped-def]
    total = a.dtype.type(0)
    for j in range(a.size):
        step = a[j] - b[j]
        total += step * step
    return total


@njit(nogil=True, error_model="numpy")
def _distance(guide, y, x, p, q, width, limit):  # type: ignore[no-untyped-def]
    """Squared distance of two blocks; stops once above the limit."""
    total = guide.dtype.type(0)
    for r in range(BLOCK):
        total += _row_distance(
            guide[y + r, x * width : (x + BLOCK) * width], guide[p + r, q * width : (q + BLOCK) * width]
        )
        if total >= limit:
            break
    return total


@njit(nogil=True, error_model="numpy")
def _best(guide, y, x, width, radius, found):  # type: ignore[no-untyped-def]
    """Positions of the nearest blocks, the block itself first, nearest first."""
    last_row = guide.shape[0] - BLOCK
    last_column = guide.shape[1] // width - BLOCK
    count = found.shape[0]
    nearest = np.full(count, np.inf, guide.dtype)
    nearest[0] = -1
    found[0, 0], found[0, 1] = y, x
    for p in range(max(0, y - radius), min(last_row, y + radius) + 1):
        for q in range(max(0, x - radius), min(last_column, x + radius) + 1):
            if p == y and q == x:
                continue
            d = _distance(guide, y, x, p, q, width, nearest[count - 1])
            if d < nearest[count - 1]:
                k = count - 1
                while d < nearest[k - 1]:
                    nearest[k] = nearest[k - 1]
                    found[k, 0], found[k, 1] = found[k - 1, 0], found[k - 1, 1]
                    k -= 1
                nearest[k] = d
                found[k, 0], found[k, 1] = p, q


@njit(nogil=True, error_model="numpy")
def _line(guide, y, columns, width, radius, found):  # type: ignore[no-untyped-def]
    for j in range(columns.size):
        _best(guide, y, columns[j], width, radius, found[j])


@njit(_MATCH, nogil=True, cache=True, error_model="numpy")
def match(guide, rows, columns, radius, found):  # type: ignore[no-untyped-def]
    """Nearest blocks of each reference block.

    `guide` has the shape (rows, columns, images), `rows` and `columns` are the first row and column of the
    reference blocks, `found` has the shape (references down, references across, blocks, 2).
    """
    width = guide.shape[2]
    flat = guide.reshape(guide.shape[0], guide.shape[1] * width)
    for i in range(rows.size):
        _line(flat, rows[i], columns, width, radius, found[i])


@njit(_MATCH, nogil=True, cache=True, parallel=True, error_model="numpy")
def match_parallel(guide, rows, columns, radius, found):  # type: ignore[no-untyped-def]
    """The same with lines of reference blocks shared out among threads."""
    width = guide.shape[2]
    flat = guide.reshape(guide.shape[0], guide.shape[1] * width)
    for i in prange(rows.size):
        _line(flat, rows[i], columns, width, radius, found[i])
