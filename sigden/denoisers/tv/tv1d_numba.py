"""Exact one-dimensional total variation on the CPU, in linear time."""

# inlined from other files: 897f7799b295
from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit, prange, types
from numba.extending import intrinsic

from sigden.arrays import parallel_allowed
from sigden.denoisers.tv.tv1d_gap_numba import duality_gap
from sigden.denoisers.tv.tv1d_hull_numba import BOOK, PLAIN, corner, empty_hull, fill, finish, span

__all__ = ["duality_gap", "tv1d", "tv1d_row"]

_QUIET = 64  # samples without a narrower cone, after which a shorter loop waits for the next one
_LOOK = 31  # mask: samples at which this is looked at
_CHUNKS = 64  # rows are shared out in at most this many pieces
_PARALLEL_FROM = 65536  # samples in a batch worth starting threads for


@intrinsic
def _pointer(typing_context: Any, array: Any) -> Any:
    """Address of a contiguous array the caller holds: spares reference counts and index tests."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return context.make_array(signature.args[0])(context, builder, arguments[0]).data

    return types.CPointer(array.dtype)(array), generate


@PLAIN
def _taut_string(y, n, weight, u, ends, means, book):  # type: ignore[no-untyped-def]
    """Taut string through the tube of half-width `weight` around the running sum; two samples or more."""
    last = n - 1
    width = 2.0 * weight
    for i in range(BOOK):
        book[i] = 0
    # one hull is enough: a corner on one bound makes the hull of the other a single edge
    front, top = empty_hull(ends, means, 0)
    reach = 0
    # slopes and sums count from `reference`, the first sample behind the last corner
    start = 0
    reference = np.float64(y[0])
    total = 0.0
    length = 1.0
    below = weight
    above = weight
    low = -weight
    up = weight
    end_low = 0
    end_up = 0
    k = 1
    while k < last:
        if k & _LOOK == 0 and k - end_low > _QUIET and k - end_up > _QUIET:
            # a quiet stretch: nothing to do until a bound narrows the cone
            while k < last:
                ahead = total + (np.float64(y[k]) - reference)
                longer = length + 1.0
                if ahead - below > low * longer or ahead + above < up * longer:
                    break
                total = ahead
                length = longer
                k += 1
            if k == last:
                break
        total += np.float64(y[k]) - reference
        length += 1.0
        rise_low = total - below
        rise_up = total + above
        # products, not the chords: the branch is resolved before the division
        closed_above = rise_low > up * length
        if closed_above or rise_up < low * length:
            if closed_above:
                fill(u, n, start, end_up, reference + up)
                if end_up + 1 == k:
                    start = k
                    reference = np.float64(y[k])
                    total = 0.0
                    up = 0.0
                    low = -width
                    end_up = k
                else:
                    start, reference, total, up, end_up, low, front, top, reach = corner(
                        y, u, n, 1.0, width, above, book, ends, means, front, top, reach,
                        start, k, reference, total, up, end_up,
                    )  # fmt: skip
                end_low = k
                below = width
                above = 0.0
            else:
                fill(u, n, start, end_low, reference + low)
                if end_low + 1 == k:
                    start = k
                    reference = np.float64(y[k])
                    total = 0.0
                    low = 0.0
                    up = width
                    end_low = k
                else:
                    start, reference, total, up, end_low, low, front, top, reach = corner(
                        y, u, n, -1.0, width, below, book, ends, means, front, top, reach,
                        start, k, reference, -total, -low, end_low,
                    )  # fmt: skip
                    up, low = -low, -up
                    total = -total
                end_up = k
                below = 0.0
                above = width
            length = span(start, k + 1)
        else:
            inverse = 1.0 / length
            chord_low = rise_low * inverse
            chord_up = rise_up * inverse
            end_low = k if chord_low >= low else end_low
            low = chord_low if chord_low >= low else low
            end_up = k if chord_up <= up else end_up
            up = chord_up if chord_up <= up else up
        k += 1
    total += np.float64(y[last]) - reference
    chord = (total + 0.5 * (above - below)) / (length + 1.0)
    if chord > up:
        finish(y, u, n, 1.0, weight, ends, means, front, top, reach, start, reference, up, end_up, chord)
    elif chord < low:
        low, chord = -low, -chord
        finish(y, u, n, -1.0, weight, ends, means, front, top, reach, start, reference, low, end_low, chord)
    else:
        fill(u, n, start, last, reference + chord)


@PLAIN
def _is_beyond(y, weight):  # type: ignore[no-untyped-def]
    """Whether the weight exceeds n times the spread of the data: the estimate is their mean."""
    n = y.size
    first = np.float64(y[0])
    if weight < n * abs(np.float64(y[n // 2]) - first):
        return False
    for i in range(n):  # noqa: SIM110 - numba has no generator expressions
        if not n * abs(np.float64(y[i]) - first) < weight:
            return False
    return True


@PLAIN
def _solve(y, weight, u, ends, means, book):  # type: ignore[no-untyped-def]
    n = y.size
    if weight == 0.0 or n < 2:
        for i in range(n):
            u[i] = y[i]
    elif _is_beyond(y, weight):
        first = np.float64(y[0])
        total = 0.0
        for i in range(n):
            total += np.float64(y[i]) - first
        for i in range(n):
            u[i] = first + total / n
    else:
        _taut_string(_pointer(y), n, weight, _pointer(u), _pointer(ends), _pointer(means), _pointer(book))


@PLAIN
def tv1d_row(y, weight, u):  # type: ignore[no-untyped-def]
    """Exact total variation of one contiguous row, written into `u`; for use inside other kernels."""
    n = y.size + 2
    _solve(y, np.float64(weight), u, np.empty(n, np.int64), np.empty(n), np.empty(BOOK, np.int64))


@PLAIN
def _rows(y, weight, u, first, stop):  # type: ignore[no-untyped-def]
    n = y.shape[1] + 2
    ends = np.empty(n, np.int64)
    means = np.empty(n)
    book = np.empty(BOOK, np.int64)
    for i in range(first, stop):
        _solve(y[i], np.float64(weight[i]), u[i], ends, means, book)


def _signature(real: Any) -> Any:
    data = types.Array(real, 2, "C", readonly=True)
    return types.void(data, types.Array(real, 1, "C", readonly=True), types.Array(real, 2, "C"))


_SIGNATURES = [_signature(types.float32), _signature(types.float64)]


@njit(_SIGNATURES, cache=True, nogil=True, error_model="numpy")
def _serial(y, weight, u):  # type: ignore[no-untyped-def]
    _rows(y, weight, u, 0, y.shape[0])


@njit(_SIGNATURES, cache=True, nogil=True, error_model="numpy", parallel=True)
def _parallel(y, weight, u):  # type: ignore[no-untyped-def]
    batch = y.shape[0]
    chunks = min(batch, _CHUNKS)
    for c in prange(chunks):
        _rows(y, weight, u, c * batch // chunks, (c + 1) * batch // chunks)


def tv1d(y: Any, weight: Any) -> Any:
    r"""Exact minimiser of total variation plus half the squared distance, for each row.

    .. math:: \arg\min_u \; \frac12 \|u - y\|^2 + w \sum_i |u_{i+1} - u_i|

    Parameters
    ----------
    y : array of float32 or float64, shape (batch, n)
        Finite data, any scale; never written to.
    weight : array, shape (batch,)
        Weight w of the total variation, in units of the data, at least zero; infinite gives the mean.

    Returns
    -------
    array, shape (batch, n)
        Estimate, of the dtype of `y`; computed in float64.

    Notes
    -----
    The running sum of the estimate is the taut string in a tube of half-width w around the running sum of the
    data [1]_. As in the direct algorithm [2]_ a cone from the last corner is narrowed sample by sample, here
    without branches; when it closes, the string turns at one bound. The next edge along that bound is found
    by reading the look-ahead again, or, once that has cost more than a fixed multiple of the progress, from
    its convex hull, kept by pooling adjacent violators, which every sample enters once: the time is linear in
    n for any data. The opposite bound needs no hull there: from the new corner it is a single edge.

    References
    ----------
    .. [1] P. L. Davies, A. Kovac, "Local extremes, runs, strings and multiresolution", Ann. Stat. 29 (2001),
       section 4.
    .. [2] L. Condat, "A direct algorithm for 1-D total variation denoising", IEEE Signal Process. Lett. 20
       (2013), section II.
    """
    y = np.ascontiguousarray(y)
    weight = np.ascontiguousarray(weight, dtype=y.dtype)
    u = np.empty_like(y)
    if y.size:
        split = y.shape[0] > 1 and y.size >= _PARALLEL_FROM and parallel_allowed()
        (_parallel if split else _serial)(y, weight, u)
    return u
