"""Loops over all samples: linear binning, and tables evaluated at every sample."""

from __future__ import annotations

import numpy as np
from numba import njit, prange, types

__all__ = ["bin_linear", "bin_linear_parallel", "evaluate", "evaluate_parallel"]

_BLOCKS = 64  # shares of the parallel loops
_REAL = (types.float32, types.float64)
_I = types.Array(types.int64, 1, "C", readonly=True)
_F = types.Array(types.float64, 1, "C", readonly=True)


def _line(real):  # type: ignore[no-untyped-def]
    return types.Array(real, 1, "C", readonly=True)


_BIN = [types.void(_line(t), types.float64, types.float64, types.float64[:, ::1]) for t in _REAL]
_EVALUATE = [
    types.void(
        _line(t), types.int64, types.float64, types.float64, _I, _I, _F, _F, _F, types.float64, t[::1],
    )
    for t in _REAL
]  # fmt: skip


@njit(nogil=True, error_model="numpy")
def _bin_block(x, origin, inverse_step, counts):  # type: ignore[no-untyped-def]
    top = counts.size - 2
    for i in range(x.size):
        place = (x[i] - origin) * inverse_step
        k = min(max(int(place), 0), top)
        part = place - k
        counts[k] += 1.0 - part
        counts[k + 1] += part


@njit(_BIN, cache=True, nogil=True, error_model="numpy")
def bin_linear(x, origin, inverse_step, counts):  # type: ignore[no-untyped-def]
    """Share each sample among the two nodes beside it; row b of counts takes the b-th block of samples."""
    blocks = counts.shape[0]
    for b in range(blocks):
        _bin_block(x[b * x.size // blocks : (b + 1) * x.size // blocks], origin, inverse_step, counts[b])


@njit(_BIN, cache=True, nogil=True, error_model="numpy", parallel=True)
def bin_linear_parallel(x, origin, inverse_step, counts):  # type: ignore[no-untyped-def]
    """`bin_linear` with the blocks shared out among the threads."""
    blocks = counts.shape[0]
    for b in prange(blocks):
        _bin_block(x[b * x.size // blocks : (b + 1) * x.size // blocks], origin, inverse_step, counts[b])


@njit(nogil=True, error_model="numpy")
def _edge(order, distance, value, slope, curve, tail):  # type: ignore[no-untyped-def]
    """Parabola through the edge of a table: value, slope, curvature."""
    return value + distance * (slope + 0.5 * tail * distance), slope + tail * distance, tail


@njit(nogil=True, error_model="numpy")
def _outside(order, node, first, offset, step, value, slope, curve, tail, right):  # type: ignore[no-untyped-def]
    """Between islands: the tails of both neighbours added up; beyond the last, the tail of one."""
    low = high = -np.inf
    s_low = s_high = c_low = c_high = 0.0
    if right > 0:
        e = offset[right] - 1
        reach = (node - (first[right - 1] + offset[right] - offset[right - 1] - 1)) * step
        low, s_low, c_low = _edge(order, reach, value[e], slope[e], curve[e], tail)
    if right < first.size:
        e = offset[right]
        high, s_high, c_high = _edge(order, (node - first[right]) * step, value[e], slope[e], curve[e], tail)
    top = max(low, high)
    a, b = np.exp(low - top), np.exp(high - top)
    p, q = a / (a + b), b / (a + b)
    if order == 0:
        return top + np.log(a + b)
    mean = p * s_low + q * s_high
    if order == 1:
        return mean
    return p * (c_low + (s_low - mean) ** 2) + q * (c_high + (s_high - mean) ** 2)


@njit(nogil=True, error_model="numpy")
def _evaluate_block(x, order, origin, step, first, offset, value, slope, curve, tail, out):  # type: ignore[no-untyped-def]
    home = 0
    for i in range(1, first.size):
        if offset[i + 1] - offset[i] > offset[home + 1] - offset[home]:
            home = i
    inverse = 1.0 / step
    for i in range(x.size):
        node = (x[i] - origin) * inverse
        island = home
        place = node - first[island]
        if not (place >= 0.0 and place <= offset[island + 1] - offset[island] - 1):
            island = np.searchsorted(first, node, side="right") - 1
            place = node - first[max(island, 0)]
            if island < 0 or place > offset[island + 1] - offset[island] - 1:
                out[i] = _outside(order, node, first, offset, step, value, slope, curve, tail, island + 1)
                continue
        k = min(int(place), offset[island + 1] - offset[island] - 2)
        t = place - k
        k += offset[island]
        if order == 0:
            v0, v1, d0, d1 = value[k], value[k + 1], slope[k] * step, slope[k + 1] * step
        else:
            v0, v1, d0, d1 = slope[k], slope[k + 1], curve[k] * step, curve[k + 1] * step
        square = d0 + d1 - 2.0 * (v1 - v0)
        half = v1 - v0 - d0 - square
        if order < 2:
            out[i] = v0 + t * (d0 + t * (half + t * square))
        else:
            out[i] = (d0 + t * (2.0 * half + 3.0 * t * square)) * inverse


@njit(_EVALUATE, cache=True, nogil=True, error_model="numpy")
def evaluate(x, order, origin, step, first, offset, value, slope, curve, tail, out):  # type: ignore[no-untyped-def]
    """Cubic Hermite interpolation of tables on islands: order 0 of value, 1 of slope, 2 its derivative."""
    _evaluate_block(x, order, origin, step, first, offset, value, slope, curve, tail, out)


@njit(_EVALUATE, cache=True, nogil=True, error_model="numpy", parallel=True)
def evaluate_parallel(x, order, origin, step, first, offset, value, slope, curve, tail, out):  # type: ignore[no-untyped-def]
    """`evaluate` with the samples shared out among the threads."""
    for b in prange(_BLOCKS):
        part = slice(b * x.size // _BLOCKS, (b + 1) * x.size // _BLOCKS)
        _evaluate_block(x[part], order, origin, step, first, offset, value, slope, curve, tail, out[part])
