"""Sliding cosine transform with hard thresholds on the CPU: all columns of a strip at once."""

from __future__ import annotations

import numpy as np
from numba import njit, prange, types

__all__ = ["pilot", "pilot_parallel"]

_REAL = (types.float32, types.float64)
_PILOT = [types.void(t[:, :, ::1], t[:, :, ::1], t[:, :, ::1], t[:, ::1], t[:, ::1]) for t in _REAL]


@njit(nogil=True, error_model="numpy", fastmath={"contract"})
def _strip(image, i, c, limits, vertical, block, weight, total, out, norm):  # type: ignore[no-untyped-def]
    """Add the estimates of all blocks whose first row is i."""
    T = image.dtype.type
    zero, one = T(0), T(1)
    size = c.shape[0]
    places = image.shape[1] - size + 1
    for u in range(size):
        for j in range(image.shape[1]):
            part_sum = c[u, 0] * image[i, j]
            for r in range(1, size):
                part_sum += c[u, r] * image[i + r, j]
            vertical[u, j] = part_sum
    for j in range(places):
        weight[j] = zero
    for u in range(size):
        for v in range(size):
            part = block[u, v]
            cut = limits[u, v]
            for j in range(places):
                part[j] = c[v, 0] * vertical[u, j]
            for s in range(1, size):
                factor = c[v, s]
                for j in range(places):
                    part[j] += factor * vertical[u, j + s]
            for j in range(places):
                keep = abs(part[j]) > cut
                part[j] = part[j] if keep else zero
                weight[j] += one if keep else zero
    area = T(size * size)
    for j in range(places):
        share = area / max(weight[j], one)
        weight[j] = share * np.sqrt(share)
    for u in range(size):
        line = total[u]
        for j in range(line.size):
            line[j] = zero
        for s in range(size):
            for j in range(places):
                part_sum = c[0, s] * block[u, 0, j]
                for v in range(1, size):
                    part_sum += c[v, s] * block[u, v, j]
                line[j + s] += weight[j] * part_sum
    for r in range(size):
        row = out[i + r]
        for u in range(size):
            for j in range(row.size):
                row[j] += c[u, r] * total[u, j]
        for s in range(size):
            for j in range(places):
                norm[i + r, j + s] += weight[j]


@njit(nogil=True, error_model="numpy", fastmath={"contract"})
def _image(image, out, norm, c, limits):  # type: ignore[no-untyped-def]
    rows, columns = image.shape
    size = c.shape[0]
    vertical = np.empty((size, columns), image.dtype)
    total = np.empty((size, columns), image.dtype)
    block = np.empty((size, size, columns), image.dtype)
    weight = np.empty(columns, image.dtype)
    for i in range(rows - size + 1):
        _strip(image, i, c, limits, vertical, block, weight, total, out, norm)


@njit(_PILOT, nogil=True, cache=True, error_model="numpy", fastmath={"contract"})
def pilot(images, out, norm, c, limits):  # type: ignore[no-untyped-def]
    """Add the weighed blocks of each image, shape (images, rows, columns), and their weights.

    The blocks have the size of the matrix `c`, and images are at least as large.
    """
    for k in range(images.shape[0]):
        _image(images[k], out[k], norm[k], c, limits)


@njit(_PILOT, nogil=True, cache=True, parallel=True, error_model="numpy", fastmath={"contract"})
def pilot_parallel(images, out, norm, c, limits):  # type: ignore[no-untyped-def]
    """The same with one image for each thread."""
    for k in prange(images.shape[0]):
        _image(images[k], out[k], norm[k], c, limits)
