"""Collaborative Wiener filter of matched blocks, on the CPU."""

from __future__ import annotations

import math

import numpy as np
from numba import njit, prange, types

__all__ = ["wiener", "wiener_parallel"]

BLOCK = 8
_AREA = BLOCK * BLOCK
_REAL = (types.float32, types.float64)
_WIENER = [
    types.void(
        t[:, :, ::1],
        t[:, :, ::1],
        t[:, :, ::1],
        t[:, :, ::1],
        types.int32[:, :, :, ::1],
        t[:, ::1],
        t[:, ::1],
        t[:, ::1],
    )
    for t in _REAL
]


@njit(nogil=True, error_model="numpy", fastmath={"contract"})
def _gather(image, found, stack):  # type: ignore[no-untyped-def]
    for n in range(found.shape[0]):
        y, x = found[n, 0], found[n, 1]
        for r in range(BLOCK):
            for s in range(BLOCK):
                stack[n, r * BLOCK + s] = image[y + r, x + s]


@njit(nogil=True, error_model="numpy", fastmath={"contract"})
def _haar(stack, work, forward):  # type: ignore[no-untyped-def]
    """Orthonormal Haar transform along the blocks, in place."""
    T = stack.dtype.type
    half = T(math.sqrt(0.5))
    count = stack.shape[0]
    if forward:
        length = count
        while length > 1:
            for k in range(length // 2):
                for p in range(_AREA):
                    a, b = stack[2 * k, p], stack[2 * k + 1, p]
                    work[k, p] = (a + b) * half
                    work[length // 2 + k, p] = (a - b) * half
            for k in range(length):
                for p in range(_AREA):
                    stack[k, p] = work[k, p]
            length //= 2
    else:
        length = 2
        while length <= count:
            for k in range(length // 2):
                for p in range(_AREA):
                    a, b = stack[k, p], stack[length // 2 + k, p]
                    work[2 * k, p] = (a + b) * half
                    work[2 * k + 1, p] = (a - b) * half
            for k in range(length):
                for p in range(_AREA):
                    stack[k, p] = work[k, p]
            length *= 2


@njit(nogil=True, error_model="numpy", fastmath={"contract"})
def _cosine(stack, a, b, line):  # type: ignore[no-untyped-def]
    """``a block b`` of every 8 x 8 block, in place."""
    for n in range(stack.shape[0]):
        block = stack[n]
        for u in range(BLOCK):
            for s in range(BLOCK):
                line[u * BLOCK + s] = a[u, 0] * block[s]
            for r in range(1, BLOCK):
                factor = a[u, r]
                for s in range(BLOCK):
                    line[u * BLOCK + s] += factor * block[r * BLOCK + s]
        for u in range(BLOCK):
            for v in range(BLOCK):
                block[u * BLOCK + v] = line[u * BLOCK] * b[0, v]
            for s in range(1, BLOCK):
                factor = line[u * BLOCK + s]
                for v in range(BLOCK):
                    block[u * BLOCK + v] += factor * b[s, v]


@njit(nogil=True, error_model="numpy", fastmath={"contract", "reassoc", "nsz"})
def _shrink(stack, guide, power):  # type: ignore[no-untyped-def]
    """Wiener factors from the guide's coefficients; the sum of their squares is returned."""
    T = stack.dtype.type
    total = T(0)
    for n in range(stack.shape[0]):
        for p in range(_AREA):
            signal = guide[n, p] * guide[n, p]
            factor = signal / (signal + power[p])
            stack[n, p] *= factor
            total += factor * factor
    return total


@njit(nogil=True, error_model="numpy", fastmath={"contract"})
def _image(noisy, guide, out, gain, found, c, power, window):  # type: ignore[no-untyped-def]
    T = noisy.dtype.type
    count = found.shape[2]
    transposed = c.T.copy()
    flat_power = power.reshape(_AREA)
    stack = np.empty((count, _AREA), noisy.dtype)
    other = np.empty((count, _AREA), noisy.dtype)
    work = np.empty((count, _AREA), noisy.dtype)
    line = np.empty(_AREA, noisy.dtype)
    norm = np.zeros(noisy.shape, noisy.dtype)
    out[:] = 0
    gain[:] = 0
    size = T(count * _AREA)
    for i in range(found.shape[0]):
        for j in range(found.shape[1]):
            places = found[i, j]
            _gather(noisy, places, stack)
            _gather(guide, places, other)
            _haar(stack, work, True)
            _haar(other, work, True)
            _cosine(stack, c, transposed, line)
            _cosine(other, c, transposed, line)
            passed = _shrink(stack, other, flat_power)
            weight = T(1) / max(passed, T(0.01))
            passed /= size
            _cosine(stack, transposed, c, line)
            _haar(stack, work, False)
            for n in range(count):
                y, x = places[n, 0], places[n, 1]
                for r in range(BLOCK):
                    for s in range(BLOCK):
                        share = weight * window[r, s]
                        out[y + r, x + s] += share * stack[n, r * BLOCK + s]
                        gain[y + r, x + s] += share * passed
                        norm[y + r, x + s] += share
    for i in range(noisy.shape[0]):
        for j in range(noisy.shape[1]):
            out[i, j] /= norm[i, j]
            gain[i, j] /= norm[i, j]


@njit(_WIENER, nogil=True, cache=True, error_model="numpy", fastmath={"contract"})
def wiener(noisy, guide, out, gain, found, c, power, window):  # type: ignore[no-untyped-def]
    """Filter each image, shape (images, rows, columns), with the matches that all of them share.

    `gain` takes the part of the noise variance that a pixel keeps at most.
    """
    for k in range(noisy.shape[0]):
        _image(noisy[k], guide[k], out[k], gain[k], found, c, power, window)


@njit(_WIENER, nogil=True, cache=True, parallel=True, error_model="numpy", fastmath={"contract"})
def wiener_parallel(noisy, guide, out, gain, found, c, power, window):  # type: ignore[no-untyped-def]
    """The same with one image for each thread."""
    for k in prange(noisy.shape[0]):
        _image(noisy[k], guide[k], out[k], gain[k], found, c, power, window)
