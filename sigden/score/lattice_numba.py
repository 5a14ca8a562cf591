"""Loops over all samples: linear binning, and tables evaluated at every sample."""

from __future__ import annotations

import numpy as np
from numba import njit, prange, types

__all__ = [
    "bin_linear",
    "bin_linear_parallel",
    "evaluate",
    "evaluate_parallel",
    "find_apart",
    "find_apart_parallel",
    "tweedie",
    "tweedie_parallel",
]

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
_TWEEDIE = [
    types.void(
        _line(t), types.float64, types.float64, types.float64, _I, _I, _F, _F, _F, types.float64, t[::1],
        t[::1],
    )
    for t in _REAL
]  # fmt: skip
_B = types.Array(types.boolean, 1, "C", readonly=True)
_APART = [types.void(_line(t), types.float64, types.float64, _I, _I, _B, types.boolean[::1]) for t in _REAL]


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
def _largest(offset):  # type: ignore[no-untyped-def]
    home = 0
    for i in range(1, offset.size - 1):
        if offset[i + 1] - offset[i] > offset[home + 1] - offset[home]:
            home = i
    return home


@njit(nogil=True, error_model="numpy")
def _island(node, home, first, offset):  # type: ignore[no-untyped-def]
    """Island that holds a node, or minus one minus the number of islands below it."""
    place = node - first[home]
    if place >= 0.0 and place <= offset[home + 1] - offset[home] - 1:
        return home
    island = np.searchsorted(first, node, side="right") - 1
    if island >= 0 and node - first[island] <= offset[island + 1] - offset[island] - 1:
        return island
    return -2 - island


@njit(nogil=True, error_model="numpy")
def _hermite(value, slope, k, step):  # type: ignore[no-untyped-def]
    """Coefficients of the cubic between nodes k and k + 1."""
    v, d = value[k], slope[k] * step
    rise, end = value[k + 1] - v, slope[k + 1] * step
    cubic = d + end - 2.0 * rise
    return v, d, rise - d - cubic, cubic


@njit(nogil=True, error_model="numpy")
def _evaluate_block(x, order, origin, step, first, offset, value, slope, curve, tail, out):  # type: ignore[no-untyped-def]
    home = _largest(offset)
    inverse = 1.0 / step
    for i in range(x.size):
        node = (x[i] - origin) * inverse
        island = _island(node, home, first, offset)
        if island < 0:
            out[i] = _outside(order, node, first, offset, step, value, slope, curve, tail, -1 - island)
            continue
        place = node - first[island]
        k = min(int(place), offset[island + 1] - offset[island] - 2)
        t = place - k
        k += offset[island]
        if order == 0:
            a, b, c, d = _hermite(value, slope, k, step)
        else:
            a, b, c, d = _hermite(slope, curve, k, step)
        if order < 2:
            out[i] = a + t * (b + t * (c + t * d))
        else:
            out[i] = (b + t * (2.0 * c + 3.0 * t * d)) * inverse


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


@njit(nogil=True, error_model="numpy")
def _tweedie_block(x, square, origin, step, first, offset, value, slope, curve, tail, mean, variance):  # type: ignore[no-untyped-def]
    home = _largest(offset)
    inverse = 1.0 / step
    for i in range(x.size):
        node = (x[i] - origin) * inverse
        island = _island(node, home, first, offset)
        if island < 0:
            score = _outside(1, node, first, offset, step, value, slope, curve, tail, -1 - island)
            bend = _outside(2, node, first, offset, step, value, slope, curve, tail, -1 - island)
        else:
            place = node - first[island]
            k = min(int(place), offset[island + 1] - offset[island] - 2)
            t = place - k
            a, b, c, d = _hermite(slope, curve, k + offset[island], step)
            score = a + t * (b + t * (c + t * d))
            bend = (b + t * (2.0 * c + 3.0 * t * d)) * inverse
        mean[i] = x[i] + square * score
        variance[i] = max(square * (1.0 + square * bend), 0.0)


@njit(_TWEEDIE, cache=True, nogil=True, error_model="numpy")
def tweedie(x, square, origin, step, first, offset, value, slope, curve, tail, mean, variance):  # type: ignore[no-untyped-def]
    """Posterior mean and variance under noise of variance square, from the tables of a log-density."""
    _tweedie_block(x, square, origin, step, first, offset, value, slope, curve, tail, mean, variance)


@njit(_TWEEDIE, cache=True, nogil=True, error_model="numpy", parallel=True)
def tweedie_parallel(x, square, origin, step, first, offset, value, slope, curve, tail, mean, variance):  # type: ignore[no-untyped-def]
    """`tweedie` with the samples shared out among the threads."""
    for b in prange(_BLOCKS):
        part = slice(b * x.size // _BLOCKS, (b + 1) * x.size // _BLOCKS)
        _tweedie_block(
            x[part], square, origin, step, first, offset, value, slope, curve, tail, mean[part],
            variance[part],
        )  # fmt: skip


@njit(nogil=True, error_model="numpy")
def _find_apart_block(x, origin, step, first, offset, rough, out):  # type: ignore[no-untyped-def]
    home = _largest(offset)
    inverse = 1.0 / step
    for i in range(x.size):
        node = (x[i] - origin) * inverse
        island = _island(node, home, first, offset)
        out[i] = True
        if island >= 0:
            k = min(int(node - first[island]), offset[island + 1] - offset[island] - 2)
            out[i] = rough[k + offset[island]]


@njit(_APART, cache=True, nogil=True, error_model="numpy")
def find_apart(x, origin, step, first, offset, rough, out):  # type: ignore[no-untyped-def]
    """Whether each sample lies off the islands, or behind a node that is marked as rough."""
    _find_apart_block(x, origin, step, first, offset, rough, out)


@njit(_APART, cache=True, nogil=True, error_model="numpy", parallel=True)
def find_apart_parallel(x, origin, step, first, offset, rough, out):  # type: ignore[no-untyped-def]
    """`find_apart` with the samples shared out among the threads."""
    for b in prange(_BLOCKS):
        part = slice(b * x.size // _BLOCKS, (b + 1) * x.size // _BLOCKS)
        _find_apart_block(x[part], origin, step, first, offset, rough, out[part])
