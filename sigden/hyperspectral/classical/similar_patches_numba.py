"""Groups of similar patches on the CPU: search, gather, spread."""

from __future__ import annotations

import numpy as np
from numba import njit, types

__all__ = ["gather", "similar", "spread"]

_REAL = (types.float32, types.float64)
_SIMILAR = [
    types.void(t[:, ::1], types.int64, types.int64, types.int64, types.int64[:, ::1], types.int32[:, :, ::1])
    for t in _REAL
]
_MOVE = [types.void(t[:, ::1], types.int64, types.int64, types.int32[:, ::1], t[:, ::1]) for t in _REAL]
_SPREAD = [
    types.void(t[:, ::1], types.int64, types.int64, types.int32[:, ::1], t[:, ::1], t[:, ::1]) for t in _REAL
]


@njit(nogil=True, error_model="numpy", fastmath={"contract", "reassoc", "nsz"})
def _row_distance(a, b):  # type: ignore[no-untyped-def]
    total = a.dtype.type(0)
    for j in range(a.size):
        step = a[j] - b[j]
        total += step * step
    return total


@njit(_SIMILAR, nogil=True, cache=True, error_model="numpy")
def similar(flat, depth, patch, radius, references, found):  # type: ignore[no-untyped-def]
    """Nearest patches of each reference patch within a window, in the order of the image.

    `flat` is the cube (rows, columns, depth) as (rows, columns * depth), `references` holds first rows and
    columns of patches, and `found` takes those of their nearest, shape (references, patches, 2).
    """
    rows, columns = flat.shape[0] - patch, flat.shape[1] // depth - patch
    width, count = patch * depth, found.shape[1]
    distance = np.empty((2 * radius + 1) ** 2, flat.dtype)
    for k in range(len(references)):
        y, x = references[k]
        top, bottom = max(0, y - radius), min(rows, y + radius) + 1
        left, right = max(0, x - radius), min(columns, x + radius) + 1
        places = 0
        for p in range(top, bottom):
            for q in range(left, right):
                total = flat.dtype.type(0)
                for r in range(patch):
                    total += _row_distance(
                        flat[y + r, x * depth : x * depth + width], flat[p + r, q * depth : q * depth + width]
                    )
                distance[places] = total
                places += 1
        limit = np.partition(distance[:places], count - 1)[count - 1]
        nearer = 0
        for n in range(places):
            nearer += distance[n] < limit
        ties, n, kept = count - nearer, 0, 0
        for p in range(top, bottom):
            for q in range(left, right):
                take = distance[n] < limit
                if distance[n] == limit and ties > 0:
                    take = True
                    ties -= 1
                if take:
                    found[k, kept, 0], found[k, kept, 1] = p, q
                    kept += 1
                n += 1


@njit(_MOVE, nogil=True, cache=True, error_model="numpy")
def gather(flat, depth, patch, places, group):  # type: ignore[no-untyped-def]
    """Patches at the given first rows and columns, one a row of `group`."""
    width = patch * depth
    for n in range(len(places)):
        y, x = places[n]
        for r in range(patch):
            for j in range(width):
                group[n, r * width + j] = flat[y + r, x * depth + j]


@njit(_SPREAD, nogil=True, cache=True, error_model="numpy")
def spread(total, depth, patch, places, group, count):  # type: ignore[no-untyped-def]
    """Add patches back at their places, and how many a pixel got."""
    width = patch * depth
    one = total.dtype.type(1)
    for n in range(len(places)):
        y, x = places[n]
        for r in range(patch):
            for j in range(width):
                total[y + r, x * depth + j] += group[n, r * width + j]
            for s in range(patch):
                count[y + r, x + s] += one
