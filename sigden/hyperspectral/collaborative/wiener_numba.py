"""Collaborative Wiener filter of matched blocks of all images together, on the CPU."""

# inlined from other files: 8faef09587dc
from __future__ import annotations

import math

import numpy as np
from numba import njit, prange, types

from sigden.hyperspectral.collaborative.cosine import BLOCK
from sigden.hyperspectral.collaborative.rotation_numba import energy, principal, rotate
from sigden.hyperspectral.collaborative.wiener_generic import LEAST, TOGETHER

__all__ = ["wiener", "wiener_parallel"]

_AREA = BLOCK * BLOCK
_REAL = (types.float32, types.float64)
_WIENER = [
    types.void(
        t[:, :, ::1],
        t[:, :, ::1],
        t[:, :, ::1],
        t[:, :, ::1],
        types.int32[:, :, :, ::1],
        types.int64[::1],
        t[:, ::1],
        t[:, ::1],
        t[:, ::1],
        t[:, :, ::1],
        t[:, :, ::1],
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
def _shrink(line, guide):  # type: ignore[no-untyped-def]
    """Wiener factors from the guide in units of noise; the sum of their squares is returned."""
    T = line.dtype.type
    total = T(0)
    for p in range(line.size):
        signal = guide[p] * guide[p]
        factor = signal / (signal + T(1))
        line[p] *= factor
        total += factor * factor
    return total


@njit(nogil=True, error_model="numpy", fastmath={"contract"})
def _scale(stack, factor):  # type: ignore[no-untyped-def]
    for n in range(stack.shape[0]):
        for p in range(_AREA):
            stack[n, p] *= factor[p]


@njit(nogil=True, error_model="numpy", fastmath={"contract"})
def _forward(images, places, c, transposed, unit, work, line, out):  # type: ignore[no-untyped-def]
    """Coefficients of the stacks of all images in units of noise."""
    count = places.shape[0]
    for k in range(images.shape[0]):
        stack = out[k].reshape(count, _AREA)
        _gather(images[k], places, stack)
        _haar(stack, work, True)
        _cosine(stack, c, transposed, line)
        _scale(stack, unit)


@njit(nogil=True, error_model="numpy", fastmath={"contract"})
def _whitening(means, parts, places, square, root, inverse):  # type: ignore[no-untyped-def]
    """Symmetric roots of the noise covariance of a stack and of its inverse."""
    T = square.dtype.type
    images, count = len(square), T(places.shape[0])
    square[:] = 0
    for j in range(len(parts)):
        total = T(0)
        for n in range(places.shape[0]):
            total += means[places[n, 0], places[n, 1], j]
        total /= count
        for k in range(images):
            for m in range(images):
                square[k, m] += total * parts[j, k, m]
    values, vectors = np.linalg.eigh(square)
    root[:] = 0
    inverse[:] = 0
    for q in range(images):
        level = np.sqrt(max(values[q], T(LEAST)))
        unit = T(1) / level
        for k in range(images):
            for m in range(images):
                product = vectors[k, q] * vectors[m, q]
                root[k, m] += level * product
                inverse[k, m] += unit * product


@njit(nogil=True, error_model="numpy", fastmath={"contract"})
def _scatter(stack, places, window, weight, passed, out, gain, norm):  # type: ignore[no-untyped-def]
    for n in range(places.shape[0]):
        y, x = places[n, 0], places[n, 1]
        for r in range(BLOCK):
            for s in range(BLOCK):
                share = weight * window[r, s]
                out[y + r, x + s] += share * stack[n, r * BLOCK + s]
                gain[y + r, x + s] += share * passed
                norm[y + r, x + s] += share


@njit(nogil=True, error_model="numpy", fastmath={"contract"})
def _lines(noisy, guide, out, gain, norm, found, c, power, window, means, parts):  # type: ignore[no-untyped-def]
    """Add the estimates of some lines of reference blocks."""
    T = noisy.dtype.type
    images, count = noisy.shape[0], found.shape[2]
    transposed = c.T.copy()
    level = np.sqrt(power).reshape(_AREA)
    unit = T(1) / level
    stack = np.empty((images, count * _AREA), noisy.dtype)
    other, turned = np.empty_like(stack), np.empty_like(stack)
    square, noise = np.empty((images, images), noisy.dtype), np.empty((images, images), noisy.dtype)
    root, inverse, into = np.empty_like(square), np.empty_like(square), np.empty_like(square)
    back = np.empty_like(square)
    passed = np.empty(images, noisy.dtype)
    work = np.empty((count, _AREA), noisy.dtype)
    line = np.empty(_AREA, noisy.dtype)
    size = T(count * _AREA)
    for i in range(found.shape[0]):
        for j in range(found.shape[1]):
            places = found[i, j]
            _forward(noisy, places, c, transposed, unit, work, line, stack)
            _forward(guide, places, c, transposed, unit, work, line, other)
            energy(other, square)
            if len(parts):
                _whitening(means, parts, places, noise, root, inverse)
                rotate(inverse, square, into)
                rotate(into, inverse, square)
            turn = principal(square)
            if len(parts):
                rotate(turn, inverse, into)
                rotate(root, np.ascontiguousarray(turn.T), back)
            else:
                into[:] = turn
                back[:] = turn.T
            rotate(into, other, turned)
            rotate(into, stack, other)
            passed[:] = 0
            for q in range(images):
                total = _shrink(other[q], turned[q])
                for k in range(images):
                    passed[k] += back[k, q] * back[k, q] * total
            rotate(back, other, stack)
            for k in range(images):
                weight = T(1) / max(passed[k], T(0.01))
                own = stack[k].reshape(count, _AREA)
                _scale(own, level)
                _cosine(own, transposed, c, line)
                _haar(own, work, False)
                _scatter(own, places, window, weight, passed[k] / size, out[k], gain[k], norm[k])


@njit(nogil=True, error_model="numpy", fastmath={"contract"})
def _band(noisy, guide, out, gain, norm, found, ends, first, b, c, power, window, means, parts):  # type: ignore[no-untyped-def]
    last = min(first + TOGETHER, noisy.shape[0])
    lines = found[ends[b] : ends[b + 1]]
    images = noisy[first:last], guide[first:last]
    totals = out[first:last], gain[first:last], norm[first:last]
    own = np.ascontiguousarray(parts[:, first:last, first:last])
    _lines(images[0], images[1], totals[0], totals[1], totals[2], lines, c, power, window, means, own)


@njit(nogil=True, error_model="numpy", fastmath={"contract"})
def _divide(out, gain, norm):  # type: ignore[no-untyped-def]
    for i in range(out.shape[0]):
        for j in range(out.shape[1]):
            out[i, j] /= norm[i, j]
            gain[i, j] /= norm[i, j]


@njit(_WIENER, nogil=True, cache=True, error_model="numpy", fastmath={"contract"})
def wiener(noisy, guide, out, gain, found, ends, c, power, window, means, parts):  # type: ignore[no-untyped-def]
    """Filter images, shape (images, rows, columns), with the matches that all of them share.

    The lines of reference blocks fall into bands, `ends` are the first line of each and the number of lines:
    every other band in turn, so that no two of them touch. `gain` takes the part of the noise variance that a
    pixel keeps at most. The noise covariance of a block at a place is the sum of `parts`, shape
    (terms, images, images), with the weights ``means[place]``; without terms it is the unit matrix.
    """
    norm = np.zeros_like(noisy)
    out[:] = 0
    gain[:] = 0
    bands = ends.size - 1
    for first in range(0, noisy.shape[0], TOGETHER):
        for phase in range(2):
            for b in range(phase, bands, 2):
                _band(noisy, guide, out, gain, norm, found, ends, first, b, c, power, window, means, parts)
    for k in range(noisy.shape[0]):
        _divide(out[k], gain[k], norm[k])


@njit(_WIENER, nogil=True, cache=True, parallel=True, error_model="numpy", fastmath={"contract"})
def wiener_parallel(noisy, guide, out, gain, found, ends, c, power, window, means, parts):  # type: ignore[no-untyped-def]
    """The same with one band for each thread."""
    norm = np.zeros_like(noisy)
    out[:] = 0
    gain[:] = 0
    bands = ends.size - 1
    for first in range(0, noisy.shape[0], TOGETHER):
        for phase in range(2):
            for half in prange((bands - phase + 1) // 2):
                b = phase + 2 * half
                _band(noisy, guide, out, gain, norm, found, ends, first, b, c, power, window, means, parts)
    for k in prange(noisy.shape[0]):
        _divide(out[k], gain[k], norm[k])
