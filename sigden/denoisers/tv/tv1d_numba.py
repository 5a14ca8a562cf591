"""Exact one-dimensional total variation on the CPU, in linear time."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit, prange, types
from numba.extending import intrinsic

from sigden.arrays import parallel_allowed
from sigden.denoisers.tv.tv1d_gap_numba import duality_gap

__all__ = ["duality_gap", "tv1d", "tv1d_row"]

_CREDIT = 4  # samples that may be read again per sample of progress before hulls are kept
_PATIENCE = 4  # the same, in lengths of the present look-ahead
_LEAST_DEBT = 64
_SHORT = 4  # look-ahead that is always read again: bounded work per commit
_HULL_COST = 3  # cost of a sample entering a hull, in samples read again
_TRIAL = 16  # commits after which keeping hulls is judged
_QUIET = 64  # samples without a narrower cone, after which a shorter loop waits for the next one
_LOOK = 31  # mask: samples at which this is looked at
_CHUNKS = 64  # rows are shared out in at most this many pieces
_PARALLEL_FROM = 65536  # samples in a batch worth starting threads for

# slots of the book: whether hulls are kept, debt, last position, and what the hulls cost and saved
_HULLS, _DEBT, _MARK, _TRIALS, _COST, _SAVED = range(6)
_BOOK = 6

# inlined: a call passes some twenty values
_INLINE = njit(cache=True, nogil=True, error_model="numpy", forceinline=True)
_PLAIN = njit(cache=True, nogil=True, error_model="numpy")


@intrinsic
def _pointer(typing_context: Any, array: Any) -> Any:
    """Address of a contiguous array the caller holds: spares reference counts and index tests."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return context.make_array(signature.args[0])(context, builder, arguments[0]).data

    return types.CPointer(array.dtype)(array), generate


@_INLINE
def _length(start, stop):  # type: ignore[no-untyped-def]
    return np.float64(stop - start)


@_INLINE
def _fill(u, n, start, stop, value):  # type: ignore[no-untyped-def]
    """Write samples start..stop; up to three more behind are overwritten, to spare short loops."""
    if start + 4 <= n:
        u[start] = value
        u[start + 1] = value
        u[start + 2] = value
        u[start + 3] = value
        start += 4
    for i in range(start, stop + 1):
        u[i] = value


@_INLINE
def _first_edge(y, sign, start, stop, reference):  # type: ignore[no-untyped-def]
    """Least mean of y[start..i] over i: first edge of the convex minorant, its end, and the whole sum."""
    edge = 0.0
    end = start
    total = 0.0
    length = 1.0
    for i in range(start + 1, stop + 1):
        total += sign * (np.float64(y[i]) - reference)
        length += 1.0
        mean = total / length
        end = i if mean <= edge else end
        edge = mean if mean <= edge else edge
    return edge, end, total


@_INLINE
def _extend(y, sign, ends, means, top, start, stop):  # type: ignore[no-untyped-def]
    """Let samples start..stop enter the convex minorant, kept as block means that increase."""
    mean = means[top]
    end = ends[top]
    for i in range(start, stop + 1):
        new = sign * np.float64(y[i])
        if new <= mean:
            length = 1.0
            while new <= mean:
                top -= 1
                joined = length + _length(ends[top], end)
                new = mean + (new - mean) * (length / joined)
                length = joined
                end = ends[top]
                mean = means[top]
        top += 1
        means[top] = new
        ends[top] = i
        mean = new
        end = i
    return top


@_INLINE
def _empty_hull(ends, means, end):  # type: ignore[no-untyped-def]
    """Only the guard below the first block: every comparison with NaN is false."""
    ends[0] = end
    means[0] = np.nan
    return 1, 0


@_INLINE
def _begin_hulls(book):  # type: ignore[no-untyped-def]
    book[_HULLS] = 1
    book[_TRIALS] = 0
    book[_COST] = 0
    book[_SAVED] = 0


@_INLINE
def _keep_hulls(book, k, ahead):  # type: ignore[no-untyped-def]
    """Account for a look-ahead about to be read again; decide whether hulls are kept from now on."""
    debt = max(book[_DEBT] + ahead - _CREDIT * (k - book[_MARK]), 0)
    book[_MARK] = k
    book[_DEBT] = debt
    if debt > max(_LEAST_DEBT, _PATIENCE * ahead):
        _begin_hulls(book)
        return True
    return False


@_INLINE
def _judge_hulls(book, k, cost, saved):  # type: ignore[no-untyped-def]
    book[_TRIALS] += 1
    book[_COST] += cost
    book[_SAVED] += saved
    if book[_TRIALS] >= _TRIAL:
        if book[_SAVED] < _HULL_COST * book[_COST]:
            book[_HULLS] = 0
            book[_DEBT] = 0
            book[_MARK] = k
        book[_TRIALS] = 0
        book[_COST] = 0
        book[_SAVED] = 0


@_INLINE
def _rescan(y, u, n, sign, width, book, start, k):  # type: ignore[no-untyped-def]
    """Commit edges, reading the look-ahead again for each, until the cone is open or debt too high."""
    limit = max(_LEAST_DEBT, _PATIENCE * (k - start + 1))
    while True:
        reference = np.float64(y[start])
        edge, end, total = _first_edge(y, sign, start, k, reference)
        far = (total - width) / _length(start, k + 1)
        if far <= edge or end == k:
            return start, reference, total, edge, end, far, True
        _fill(u, n, start, end, reference + sign * edge)
        book[_DEBT] += k - end
        if book[_DEBT] > limit:
            _begin_hulls(book)
            return end + 1, reference, total - edge * _length(start, end + 1), edge, end, far, False
        start = end + 1


@_INLINE
def _follow(y, u, n, sign, width, ends, means, front, start, k, reference, total):  # type: ignore[no-untyped-def]
    """Commit edges of the hull until the next cone is open."""
    length = _length(start, k + 1)
    old = reference
    saved = 0
    while True:
        saved += k - start
        edge = means[front] - sign * old
        end = ends[front]
        means[front] = np.nan
        front += 1
        if end == k or total - width <= edge * length:
            break
        _fill(u, n, start, end, old + sign * edge)
        done = _length(start, end + 1)
        total -= edge * done
        length -= done
        start = end + 1
    reference = np.float64(y[start])
    shift = sign * (reference - old)
    total -= shift * length
    edge -= shift
    far = (total - width) / length
    return start, reference, total, edge, end, far, front, saved


@_INLINE
def _corner(  # type: ignore[no-untyped-def]
    y, u, n, sign, width, offset, book, ends, means, front, top, reach, start, k, reference, total, edge, end
):
    """Open the next cone behind the committed edge start..end of the near bound.

    `sign` 1: near bound above; -1: below, all values mirrored. `reach` is the last sample in the hull.
    The far bound needs no hull: from the new corner it is a single edge.
    """
    total += offset - edge * _length(start, end + 1)
    start = end + 1
    if book[_HULLS] == 0:
        reach = 0
        if k - end <= _SHORT or not _keep_hulls(book, k, k - end):
            start, reference, total, edge, end, far, is_open = _rescan(y, u, n, sign, width, book, start, k)
            if is_open:
                return start, reference, total, edge, end, far, front, top, reach
    if reach <= end:
        front, top = _empty_hull(ends, means, end)
        reach = end
    top = _extend(y, sign, ends, means, top, reach + 1, k)
    cost = k - reach
    start, reference, total, edge, end, far, front, saved = _follow(
        y, u, n, sign, width, ends, means, front, start, k, reference, total
    )
    _judge_hulls(book, k, cost, saved)
    reach = 0 if book[_HULLS] == 0 else k
    return start, reference, total, edge, end, far, front, top, reach


@_PLAIN
def _finish(  # type: ignore[no-untyped-def]
    y, u, n, sign, weight, ends, means, front, top, reach, start, reference, edge, end, chord
):
    """Commit edges of the near bound until the chord to the last point is admissible."""
    last = n - 1
    debt = 0
    limit = max(_LEAST_DEBT, _PATIENCE * (last - end))
    has_hull = reach > end
    if has_hull:
        _extend(y, sign, ends, means, top, reach + 1, last - 1)
    edge += sign * reference
    chord += sign * reference
    while chord > edge:
        _fill(u, n, start, end, sign * edge)
        done = _length(start, end + 1)
        start = end + 1
        if start == last:
            chord = sign * np.float64(y[last]) - weight
            break
        chord += (chord - edge) * (done / _length(end, last))
        debt += last - start
        if debt > limit and not has_hull:
            has_hull = True
            front, top = _empty_hull(ends, means, end)
            _extend(y, sign, ends, means, top, start, last - 1)
        if has_hull:
            edge = means[front]
            end = ends[front]
            front += 1
        else:
            reference = np.float64(y[start])
            edge, end, _ = _first_edge(y, sign, start, last - 1, reference)
            edge += sign * reference
    _fill(u, n, start, last, sign * chord)


@_PLAIN
def _taut_string(y, n, weight, u, ends, means, book):  # type: ignore[no-untyped-def]
    """Taut string through the tube of half-width `weight` around the running sum; two samples or more."""
    last = n - 1
    width = 2.0 * weight
    for i in range(_BOOK):
        book[i] = 0
    # one hull is enough: a corner on one bound makes the hull of the other a single edge
    front, top = _empty_hull(ends, means, 0)
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
                _fill(u, n, start, end_up, reference + up)
                if end_up + 1 == k:
                    start = k
                    reference = np.float64(y[k])
                    total = 0.0
                    up = 0.0
                    low = -width
                    end_up = k
                else:
                    start, reference, total, up, end_up, low, front, top, reach = _corner(
                        y, u, n, 1.0, width, above, book, ends, means, front, top, reach,
                        start, k, reference, total, up, end_up,
                    )  # fmt: skip
                end_low = k
                below = width
                above = 0.0
            else:
                _fill(u, n, start, end_low, reference + low)
                if end_low + 1 == k:
                    start = k
                    reference = np.float64(y[k])
                    total = 0.0
                    low = 0.0
                    up = width
                    end_low = k
                else:
                    start, reference, total, up, end_low, low, front, top, reach = _corner(
                        y, u, n, -1.0, width, below, book, ends, means, front, top, reach,
                        start, k, reference, -total, -low, end_low,
                    )  # fmt: skip
                    up, low = -low, -up
                    total = -total
                end_up = k
                below = 0.0
                above = width
            length = _length(start, k + 1)
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
        _finish(y, u, n, 1.0, weight, ends, means, front, top, reach, start, reference, up, end_up, chord)
    elif chord < low:
        low, chord = -low, -chord
        _finish(y, u, n, -1.0, weight, ends, means, front, top, reach, start, reference, low, end_low, chord)
    else:
        _fill(u, n, start, last, reference + chord)


@_PLAIN
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


@_PLAIN
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


@_PLAIN
def tv1d_row(y, weight, u):  # type: ignore[no-untyped-def]
    """Exact total variation of one contiguous row, written into `u`; for use inside other kernels."""
    n = y.size + 2
    _solve(y, np.float64(weight), u, np.empty(n, np.int64), np.empty(n), np.empty(_BOOK, np.int64))


@_PLAIN
def _rows(y, weight, u, first, stop):  # type: ignore[no-untyped-def]
    n = y.shape[1] + 2
    ends = np.empty(n, np.int64)
    means = np.empty(n)
    book = np.empty(_BOOK, np.int64)
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
