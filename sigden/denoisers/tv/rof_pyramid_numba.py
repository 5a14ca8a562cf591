"""Coarse-to-fine start of the ROF problem on the CPU.

A coarse sample stands for a block of 2 fine ones per axis (axes of length 1 stay). A face between two
blocks has half as many fine samples as a block, so the coarse problem has half the weight; its dual field,
doubled, is a fine one with the same finite differences.
"""

from __future__ import annotations

import numpy as np
from numba import njit, types

from sigden.denoisers.tv.rof_steps_numba import readonly

__all__ = ["coarsen", "dual_image", "prolong"]

_PAIR = (types.float32, types.float64)
_COARSEN = [types.void(readonly(t, 4), t[:, :, :, ::1]) for t in _PAIR]
_PROLONG = [types.void(t[:, :, :, :, ::1], types.float64[::1], t[:, :, :, :, ::1]) for t in _PAIR]
_DUAL = [types.void(readonly(t, 4), t[:, :, :, :, ::1], t[:, :, :, ::1]) for t in _PAIR]


@njit(nogil=True, error_model="numpy")
def _coarsen(y, out):  # type: ignore[no-untyped-def]
    planes, rows, columns = y.shape
    eighth = y.dtype.type(0.125)
    for k in range(out.shape[0]):
        far = min(2 * k + 1, planes - 1)
        for i in range(out.shape[1]):
            a, b = y[2 * k, 2 * i], y[2 * k, min(2 * i + 1, rows - 1)]
            c, d = y[far, 2 * i], y[far, min(2 * i + 1, rows - 1)]
            line = out[k, i]
            for j in range(columns // 2):
                m, n = 2 * j, 2 * j + 1
                line[j] = (((a[m] + a[n]) + (b[m] + b[n])) + ((c[m] + c[n]) + (d[m] + d[n]))) * eighth
            if columns % 2:
                m = columns - 1
                line[m // 2] = ((a[m] + b[m]) + (c[m] + d[m])) * (eighth + eighth)


@njit(nogil=True, error_model="numpy")
def _neighbours(i, n, staggered):  # type: ignore[no-untyped-def]
    """Two coarse positions and the share of the first, for fine position `i`; `n` coarse ones."""
    c = i // 2
    if staggered:  # fine face 2c + 1 is coarse face c; the face before it lies midway to coarse face c - 1
        return c, (c if i % 2 else c - 1), 0.5
    return c, (min(c + 1, n - 1) if i % 2 else max(c - 1, 0)), 0.75


@njit(nogil=True, error_model="numpy")
def _stretch(mixed, line, staggered):  # type: ignore[no-untyped-def]
    """Interpolation along a row, the same rule as `_neighbours`."""
    T = mixed.dtype.type
    n = mixed.size
    half, most, least = T(0.5), T(0.75), T(0.25)
    for j in range(line.size):
        c = j // 2
        if staggered:
            if j % 2:
                line[j] = mixed[c]
            else:
                line[j] = half * (mixed[c] + (mixed[c - 1] if c > 0 else T(0)))
        else:
            line[j] = most * mixed[c] + least * mixed[min(c + 1, n - 1) if j % 2 else max(c - 1, 0)]


@njit(nogil=True, error_model="numpy")
def _close(line, along, k, i, planes, rows):  # type: ignore[no-untyped-def]
    """No flux through the border of the image."""
    if along == 2:
        line[line.size - 1] = 0
    elif (along == 1 and i == rows - 1) or (along == 0 and k == planes - 1):
        line[:] = 0


@njit(nogil=True, error_model="numpy")
def _prolong(coarse, weight, fine):  # type: ignore[no-untyped-def]
    T = coarse.dtype.type
    axes, planes, rows, columns = fine.shape
    mixed = np.empty(coarse.shape[3], coarse.dtype)
    size = np.empty(columns, coarse.dtype)
    radius = T(weight)
    limit = max(radius * radius, T(1e-30))
    for k in range(planes):
        for i in range(rows):
            size[:] = 0
            for axis in range(axes):
                along = axis + 3 - axes
                k0, k1, s = _neighbours(k, coarse.shape[1], along == 0)
                i0, i1, t = _neighbours(i, coarse.shape[2], along == 1)
                line = fine[axis, k, i]
                first, second = T(s), T(1.0 - s) if k1 >= 0 else T(0)
                third, fourth = T(t), T(1.0 - t) if i1 >= 0 else T(0)
                k1, i1 = max(k1, 0), max(i1, 0)
                field = coarse[axis]
                for j in range(mixed.size):
                    near = third * field[k0, i0, j] + fourth * field[k0, i1, j]
                    far = third * field[k1, i0, j] + fourth * field[k1, i1, j]
                    mixed[j] = T(2) * (first * near + second * far)
                _stretch(mixed, line, along == 2)
                _close(line, along, k, i, planes, rows)
                for j in range(columns):
                    size[j] += line[j] * line[j]
            for j in range(columns):
                size[j] = radius / np.sqrt(max(size[j], limit))
            for axis in range(axes):
                line = fine[axis, k, i]
                for j in range(columns):
                    line[j] *= size[j]


@njit(nogil=True, error_model="numpy")
def _dual_image(y, p, x):  # type: ignore[no-untyped-def]
    planes, rows, columns = y.shape
    axes = p.shape[0]
    for k in range(planes):
        for i in range(rows):
            line = x[k, i]
            along = p[axes - 1, k, i]
            across = p[axes - 2, k, i]
            for j in range(columns):
                line[j] = y[k, i, j] + (across[j] + along[j])
            for j in range(1, columns):
                line[j] -= along[j - 1]
            if i > 0:
                line -= p[axes - 2, k, i - 1]
            if axes == 3:
                line += p[0, k, i]
                if k > 0:
                    line -= p[0, k - 1, i]


@njit(_COARSEN, cache=True, nogil=True, error_model="numpy")
def coarsen(y, out):  # type: ignore[no-untyped-def]
    """Means over blocks of two samples per axis but the first; an odd last sample counts twice."""
    for b in range(y.shape[0]):
        _coarsen(y[b], out[b])


@njit(_PROLONG, cache=True, nogil=True, error_model="numpy")
def prolong(coarse, weight, fine):  # type: ignore[no-untyped-def]
    """Fine dual fields (batch, axis, planes, rows, columns) from coarse ones, with norms up to `weight`."""
    for b in range(coarse.shape[0]):
        _prolong(coarse[b], weight[b], fine[b])


@njit(_DUAL, cache=True, nogil=True, error_model="numpy")
def dual_image(y, p, x):  # type: ignore[no-untyped-def]
    """X = y - D^T p; p has a component per axis: two for rows and columns, three with planes."""
    for b in range(y.shape[0]):
        _dual_image(y[b], p[b], x[b])
