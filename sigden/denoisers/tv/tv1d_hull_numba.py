"""Edges of the taut string: the bounds of what lies ahead, read again or kept as convex hulls."""

from __future__ import annotations

import numpy as np
from numba import njit

__all__ = ["BOOK", "INLINE", "PLAIN", "corner", "empty_hull", "fill", "finish", "span"]

_CREDIT = 4  # samples that may be read again per sample of progress before hulls are kept
_PATIENCE = 4  # the same, in lengths of the present look-ahead
_LEAST_DEBT = 64
_SHORT = 4  # look-ahead that is always read again: bounded work per commit
_HULL_COST = 3  # cost of a sample entering a hull, in samples read again
_TRIAL = 16  # commits after which keeping hulls is judged

# slots of the book: whether hulls are kept, debt, last position, and what the hulls cost and saved
_HULLS, _DEBT, _MARK, _TRIALS, _COST, _SAVED = range(6)
BOOK = 6

# inlined: a call passes some twenty values
INLINE = njit(cache=True, nogil=True, error_model="numpy", forceinline=True)
PLAIN = njit(cache=True, nogil=True, error_model="numpy")


@INLINE
def span(start, stop):  # type: ignore[no-untyped-def]
    """Number of samples start..stop - 1, as a float."""
    return np.float64(stop - start)


@INLINE
def fill(u, n, start, stop, value):  # type: ignore[no-untyped-def]
    """Write samples start..stop; up to three more behind are overwritten, to spare short loops."""
    if start + 4 <= n:
        u[start] = value
        u[start + 1] = value
        u[start + 2] = value
        u[start + 3] = value
        start += 4
    for i in range(start, stop + 1):
        u[i] = value


@INLINE
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


@INLINE
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
                joined = length + span(ends[top], end)
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


@INLINE
def empty_hull(ends, means, end):  # type: ignore[no-untyped-def]
    """Only the guard below the first block: every comparison with NaN is false."""
    ends[0] = end
    means[0] = np.nan
    return 1, 0


@INLINE
def _begin_hulls(book):  # type: ignore[no-untyped-def]
    book[_HULLS] = 1
    book[_TRIALS] = 0
    book[_COST] = 0
    book[_SAVED] = 0


@INLINE
def _keep_hulls(book, k, ahead):  # type: ignore[no-untyped-def]
    """Account for a look-ahead about to be read again; decide whether hulls are kept from now on."""
    debt = max(book[_DEBT] + ahead - _CREDIT * (k - book[_MARK]), 0)
    book[_MARK] = k
    book[_DEBT] = debt
    if debt > max(_LEAST_DEBT, _PATIENCE * ahead):
        _begin_hulls(book)
        return True
    return False


@INLINE
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


@INLINE
def _rescan(y, u, n, sign, width, book, start, k):  # type: ignore[no-untyped-def]
    """Commit edges, reading the look-ahead again for each, until the cone is open or debt too high."""
    limit = max(_LEAST_DEBT, _PATIENCE * (k - start + 1))
    while True:
        reference = np.float64(y[start])
        edge, end, total = _first_edge(y, sign, start, k, reference)
        far = (total - width) / span(start, k + 1)
        if far <= edge or end == k:
            return start, reference, total, edge, end, far, True
        fill(u, n, start, end, reference + sign * edge)
        book[_DEBT] += k - end
        if book[_DEBT] > limit:
            _begin_hulls(book)
            return end + 1, reference, total - edge * span(start, end + 1), edge, end, far, False
        start = end + 1


@INLINE
def _follow(y, u, n, sign, width, ends, means, front, start, k, reference, total):  # type: ignore[no-untyped-def]
    """Commit edges of the hull until the next cone is open."""
    length = span(start, k + 1)
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
        fill(u, n, start, end, old + sign * edge)
        done = span(start, end + 1)
        total -= edge * done
        length -= done
        start = end + 1
    reference = np.float64(y[start])
    shift = sign * (reference - old)
    total -= shift * length
    edge -= shift
    far = (total - width) / length
    return start, reference, total, edge, end, far, front, saved


@INLINE
def corner(  # type: ignore[no-untyped-def]
    y, u, n, sign, width, offset, book, ends, means, front, top, reach, start, k, reference, total, edge, end
):
    """Open the next cone behind the committed edge start..end of the near bound.

    `sign` 1: near bound above; -1: below, all values mirrored. `reach` is the last sample in the hull.
    The far bound needs no hull: from the new corner it is a single edge.
    """
    total += offset - edge * span(start, end + 1)
    start = end + 1
    if book[_HULLS] == 0:
        reach = 0
        if k - end <= _SHORT or not _keep_hulls(book, k, k - end):
            start, reference, total, edge, end, far, is_open = _rescan(y, u, n, sign, width, book, start, k)
            if is_open:
                return start, reference, total, edge, end, far, front, top, reach
    if reach <= end:
        front, top = empty_hull(ends, means, end)
        reach = end
    top = _extend(y, sign, ends, means, top, reach + 1, k)
    cost = k - reach
    start, reference, total, edge, end, far, front, saved = _follow(
        y, u, n, sign, width, ends, means, front, start, k, reference, total
    )
    _judge_hulls(book, k, cost, saved)
    reach = 0 if book[_HULLS] == 0 else k
    return start, reference, total, edge, end, far, front, top, reach


@PLAIN
def finish(  # type: ignore[no-untyped-def]
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
        fill(u, n, start, end, sign * edge)
        done = span(start, end + 1)
        start = end + 1
        if start == last:
            chord = sign * np.float64(y[last]) - weight
            break
        chord += (chord - edge) * (done / span(end, last))
        debt += last - start
        if debt > limit and not has_hull:
            has_hull = True
            front, top = empty_hull(ends, means, end)
            _extend(y, sign, ends, means, top, start, last - 1)
        if has_hull:
            edge = means[front]
            end = ends[front]
            front += 1
        else:
            reference = np.float64(y[start])
            edge, end, _ = _first_edge(y, sign, start, last - 1, reference)
            edge += sign * reference
    fill(u, n, start, last, sign * chord)
