"""Sliding 8 x 8 cosine transform with hard thresholds on the CPU: all columns of a strip at once."""

from __future__ import annotations

import numpy as np
from numba import njit, prange, types

from sigden.hyperspectral.collaborative.cosine import BLOCK

__all__ = ["pilot", "pilot_parallel"]

_REAL = (types.float32, types.float64)
_PILOT = [types.void(t[:, :, ::1], t[:, :, ::1], t[:, ::1], t[:, ::1]) for t in _REAL]


@njit(nogil=True, error_model="numpy", fastmath={"contract"})
def _strip(image, i, c, limits, vertical, block, weight, total, out, norm):  # type: ignore[no-untyped-def]
    """Add the estimates of all blocks whose first row is i."""
    T = image.dtype.type
    zero, one = T(0), T(1)
    places = image.shape[1] - BLOCK + 1
    for u in range(BLOCK):
        for j in range(image.shape[1]):
            part_sum = c[u, 0] * image[i, j]
            for r in range(1, BLOCK):
                part_sum += c[u, r] * image[i + r, j]
            vertical[u, j] = part_sum
    for j in range(places):
        weight[j] = zero
    for u in range(BLOCK):
        for v in range(BLOCK):
            part = block[u, v]
            cut = limits[u, v]
            for j in range(places):
                part[j] = c[v, 0] * vertical[u, j]
            for s in range(1, BLOCK):
                factor = c[v, s]
                for j in range(places):
                    part[j] += factor * vertical[u, j + s]
            for j in range(places):
                keep = abs(part[j]) > cut
                part[j] = part[j] if keep else zero
                weight[j] += one if keep else zero
    for j in range(places):
        weight[j] = one / max(weight[j], one)
    for u in range(BLOCK):
        line = total[u]
        for j in range(line.size):
            line[j] = zero
        for s in range(BLOCK):
            for j in range(places):
                part_sum = c[0, s] * block[u, 0, j]
                for v in range(1, BLOCK):
                    part_sum += c[v, s] * block[u, v, j]
                line[j + s] += weight[j] * part_sum
    for r in range(BLOCK):
        row = out[i + r]
        for u in range(BLOCK):
            for j in range(row.size):
                row[j] += c[u, r] * total[u, j]
        for s in range(BLOCK):
            for j in range(places):
                norm[i + r, j + s] += weight[j]


@njit(nogil=True, error_model="numpy", fastmath={"contract"})
def _image(image, out, c, limits):  # type: ignore[no-untyped-def]
    rows, columns = image.shape
    vertical = np.empty((BLOCK, columns), image.dtype)
    total = np.empty((BLOCK, columns), image.dtype)
    block = np.empty((BLOCK, BLOCK, columns), image.dtype)
    weight = np.empty(columns, image.dtype)
    norm = np.zeros((rows, columns), image.dtype)
    out[:] = 0
    for i in range(rows - BLOCK + 1):
        _strip(image, i, c, limits, vertical, block, weight, total, out, norm)
    for i in range(rows):
        for j in range(columns):
            out[i, j] /= norm[i, j]


@njit(_PILOT, nogil=True, cache=True, error_model="numpy", fastmath={"contract"})
def pilot(images, out, c, limits):  # type: ignore[no-untyped-def]
    """Estimate of each image, shape (images, rows, columns), at least 8 x 8 pixels."""
    for k in range(images.shape[0]):
        _image(images[k], out[k], c, limits)


@njit(_PILOT, nogil=True, cache=True, parallel=True, error_model="numpy", fastmath={"contract"})
def pilot_parallel(images, out, c, limits):  # type: ignore[no-untyped-def]
    """The same with one image for each thread."""
    for k in prange(images.shape[0]):
        _image(images[k], out[k], c, limits)
