"""Fused starlet loops on the CPU: one B3-spline row at a time, details and thresholds on the way."""

from __future__ import annotations

import numpy as np
from numba import njit, prange, types

__all__ = [
    "adjoint", "adjoint_parallel", "analyse", "analyse_parallel", "restore", "restore_parallel", "shrink",
    "shrink_parallel", "smooth", "smooth_parallel", "smooth_row", "smooth_rows",
]  # fmt: skip


_REAL = (types.float32, types.float64)
_LIMITS = types.Array(types.float64, 1, "C", readonly=True)
_ANALYSE = [types.void(t[:, :, :, ::1], types.int64) for t in _REAL]
_ADJOINT = [
    types.void(types.Array(t, 4, "C", readonly=True), t[:, :, ::1], t[:, :, ::1], types.int64) for t in _REAL
]
_RESTORE = [types.void(t[:, :, ::1], t[:, :, :, ::1], _LIMITS, types.int64) for t in _REAL]
_SMOOTH = [types.void(t[:, :, :, ::1], types.int64, types.int64) for t in _REAL]
_SHRINK = [types.void(t[:, :, ::1], t[:, :, :, ::1], _LIMITS, types.boolean, types.int64) for t in _REAL]


@njit(nogil=True, error_model="numpy")
def _reflect(i, length):  # type: ignore[no-untyped-def]
    """Index under half-sample symmetric extension."""
    k = i % (2 * length)
    return k if k < length else 2 * length - 1 - k


@njit(nogil=True, error_model="numpy")
def _mix(a, b, c, d, e, out):  # type: ignore[no-untyped-def]
    """(a + e + 4 (b + d) + 6 c) / 16 of five rows."""
    T = out.dtype.type
    for j in range(out.size):
        out[j] = ((a[j] + e[j]) + T(4) * (b[j] + d[j]) + T(6) * c[j]) * T(0.0625)


@njit(nogil=True, error_model="numpy")
def smooth_row(image, i, step, line, out):  # type: ignore[no-untyped-def]
    """Row i of the smoothed image; `line` is scratch of the row's length."""
    T = image.dtype.type
    rows, n = image.shape
    _mix(
        image[_reflect(i - 2 * step, rows)], image[_reflect(i - step, rows)], image[i],
        image[_reflect(i + step, rows)], image[_reflect(i + 2 * step, rows)], line,
    )  # fmt: skip
    low = min(2 * step, n)
    high = max(low, n - 2 * step)
    for part in range(2):
        for j in range(0 if part == 0 else high, low if part == 0 else n):
            outer = line[_reflect(j - 2 * step, n)] + line[_reflect(j + 2 * step, n)]
            inner = line[_reflect(j - step, n)] + line[_reflect(j + step, n)]
            out[j] = (outer + T(4) * inner + T(6) * line[j]) * T(0.0625)
    if high > low:
        width = 2 * step
        _mix(
            line[low - width : high - width], line[low - step : high - step], line[low:high],
            line[low + step : high + step], line[low + width : high + width], out[low:high],
        )  # fmt: skip


@njit(nogil=True, error_model="numpy")
def smooth_rows(fine, coarse, step, first, last):  # type: ignore[no-untyped-def]
    """Some rows of the smoothed image."""
    line = np.empty(fine.shape[1], fine.dtype)
    for i in range(first, last):
        smooth_row(fine, i, step, line, coarse[i])


@njit(nogil=True, error_model="numpy")
def _subtract_rows(fine, coarse, detail, first, last):  # type: ignore[no-untyped-def]
    for i in range(first, last):
        for j in range(fine.shape[1]):
            detail[i, j] = fine[i, j] - coarse[i, j]


@njit(nogil=True, error_model="numpy")
def _adjoint_rows(difference, detail, out, step, first, last):  # type: ignore[no-untyped-def]
    line = np.empty(out.shape[1], out.dtype)
    for i in range(first, last):
        smooth_row(difference, i, step, line, out[i])
        for j in range(out.shape[1]):
            out[i, j] += detail[i, j]


@njit(nogil=True, error_model="numpy")
def _shrink_rows(fine, coarse, total, step, limit, hard, first, last):  # type: ignore[no-untyped-def]
    T = total.dtype.type
    cut, zero = T(limit), T(0)
    line = np.empty(fine.shape[1], fine.dtype)
    for i in range(first, last):
        smooth_row(fine, i, step, line, coarse[i])
        if hard:
            for j in range(fine.shape[1]):
                detail = fine[i, j] - coarse[i, j]
                total[i, j] += detail if abs(detail) > cut else zero
        else:
            for j in range(fine.shape[1]):
                detail = fine[i, j] - coarse[i, j]
                total[i, j] += detail - min(max(detail, -cut), cut)


@njit(nogil=True, error_model="numpy")
def _restore_rows(fine, coarse, total, step, limit, first, last):  # type: ignore[no-untyped-def]
    """Details of plane 0 where those of plane 2 exceed the limit; the coarse planes are renewed."""
    T = total.dtype.type
    cut, zero = T(limit), T(0)
    line = np.empty(total.shape[1], total.dtype)
    for i in range(first, last):
        smooth_row(fine[0], i, step, line, coarse[0, i])
        smooth_row(fine[2], i, step, line, coarse[2, i])
        for j in range(total.shape[1]):
            detail = fine[0, i, j] - coarse[0, i, j]
            total[i, j] += detail if abs(fine[2, i, j] - coarse[2, i, j]) > cut else zero


@njit(nogil=True, error_model="numpy")
def _add_rows(coarse, total, first, last):  # type: ignore[no-untyped-def]
    for i in range(first, last):
        for j in range(total.shape[1]):
            total[i, j] += coarse[i, j]


@njit(_ANALYSE, cache=True, nogil=True, error_model="numpy")
def analyse(out, blocks):  # type: ignore[no-untyped-def]
    """Details and smooth image in out (batch, scales + 1, rows, columns), the image in its plane 0 before."""
    batch, planes, rows, _ = out.shape
    for b in range(batch):
        for s in range(planes - 1):
            smooth_rows(out[b, s], out[b, s + 1], 1 << s, 0, rows)
            _subtract_rows(out[b, s], out[b, s + 1], out[b, s], 0, rows)


@njit(_ANALYSE, cache=True, nogil=True, error_model="numpy", parallel=True)
def analyse_parallel(out, blocks):  # type: ignore[no-untyped-def]
    """`analyse` with the row blocks of all images shared out among the threads."""
    batch, planes, rows, _ = out.shape
    for s in range(planes - 1):
        for piece in prange(batch * blocks):
            b, c = piece // blocks, piece % blocks
            smooth_rows(out[b, s], out[b, s + 1], 1 << s, c * rows // blocks, (c + 1) * rows // blocks)
        for piece in prange(batch * blocks):
            b, c = piece // blocks, piece % blocks
            first, last = c * rows // blocks, (c + 1) * rows // blocks
            _subtract_rows(out[b, s], out[b, s + 1], out[b, s], first, last)


@njit(_ADJOINT, cache=True, nogil=True, error_model="numpy")
def adjoint(coefficients, out, work, blocks):  # type: ignore[no-untyped-def]
    """Adjoint into out (batch, rows, columns), which holds the smooth plane at the start."""
    batch, planes, rows, _ = coefficients.shape
    for b in range(batch):
        for s in range(planes - 2, -1, -1):
            _subtract_rows(out[b], coefficients[b, s], work[b], 0, rows)
            _adjoint_rows(work[b], coefficients[b, s], out[b], 1 << s, 0, rows)


@njit(_ADJOINT, cache=True, nogil=True, error_model="numpy", parallel=True)
def adjoint_parallel(coefficients, out, work, blocks):  # type: ignore[no-untyped-def]
    """`adjoint` with the row blocks of all images shared out among the threads."""
    batch, planes, rows, _ = coefficients.shape
    for s in range(planes - 2, -1, -1):
        for piece in prange(batch * blocks):
            b, c = piece // blocks, piece % blocks
            _subtract_rows(out[b], coefficients[b, s], work[b], c * rows // blocks, (c + 1) * rows // blocks)
        for piece in prange(batch * blocks):
            b, c = piece // blocks, piece % blocks
            first, last = c * rows // blocks, (c + 1) * rows // blocks
            _adjoint_rows(work[b], coefficients[b, s], out[b], 1 << s, first, last)


@njit(_SHRINK, cache=True, nogil=True, error_model="numpy")
def shrink(total, work, limits, hard, blocks):  # type: ignore[no-untyped-def]
    """Thresholded details and smooth image added to total; work has two planes, the image in the first."""
    batch, rows, _ = total.shape
    for b in range(batch):
        for s in range(limits.size):
            fine, coarse = work[b, s % 2], work[b, 1 - s % 2]
            _shrink_rows(fine, coarse, total[b], 1 << s, limits[s], hard, 0, rows)
        _add_rows(work[b, limits.size % 2], total[b], 0, rows)


@njit(_SHRINK, cache=True, nogil=True, error_model="numpy", parallel=True)
def shrink_parallel(total, work, limits, hard, blocks):  # type: ignore[no-untyped-def]
    """`shrink` with the row blocks of all images shared out among the threads."""
    batch, rows, _ = total.shape
    for s in range(limits.size):
        for piece in prange(batch * blocks):
            b, c = piece // blocks, piece % blocks
            first, last = c * rows // blocks, (c + 1) * rows // blocks
            fine, coarse = work[b, s % 2], work[b, 1 - s % 2]
            _shrink_rows(fine, coarse, total[b], 1 << s, limits[s], hard, first, last)
            if s == limits.size - 1:
                _add_rows(coarse, total[b], first, last)


@njit(_RESTORE, cache=True, nogil=True, error_model="numpy")
def restore(total, work, limits, blocks):  # type: ignore[no-untyped-def]
    """Part of plane 0 of work in the support of plane 2 added to total; work has four planes."""
    batch, rows, _ = total.shape
    for b in range(batch):
        for s in range(limits.size):
            fine, coarse = work[b, s % 2 :], work[b, 1 - s % 2 :]
            _restore_rows(fine, coarse, total[b], 1 << s, limits[s], 0, rows)
        _add_rows(work[b, limits.size % 2], total[b], 0, rows)


@njit(_RESTORE, cache=True, nogil=True, error_model="numpy", parallel=True)
def restore_parallel(total, work, limits, blocks):  # type: ignore[no-untyped-def]
    """`restore` with the row blocks of all images shared out among the threads."""
    batch, rows, _ = total.shape
    for s in range(limits.size):
        for piece in prange(batch * blocks):
            b, c = piece // blocks, piece % blocks
            first, last = c * rows // blocks, (c + 1) * rows // blocks
            fine, coarse = work[b, s % 2 :], work[b, 1 - s % 2 :]
            _restore_rows(fine, coarse, total[b], 1 << s, limits[s], first, last)
            if s == limits.size - 1:
                _add_rows(coarse[0], total[b], first, last)


@njit(_SMOOTH, cache=True, nogil=True, error_model="numpy")
def smooth(work, scales, blocks):  # type: ignore[no-untyped-def]
    """Smooth image in plane ``scales % 2`` of work (batch, 2, rows, columns), the image in its plane 0."""
    batch, _, rows, _ = work.shape
    for b in range(batch):
        for s in range(scales):
            smooth_rows(work[b, s % 2], work[b, 1 - s % 2], 1 << s, 0, rows)


@njit(_SMOOTH, cache=True, nogil=True, error_model="numpy", parallel=True)
def smooth_parallel(work, scales, blocks):  # type: ignore[no-untyped-def]
    """`smooth` with the row blocks of all images shared out among the threads."""
    batch, _, rows, _ = work.shape
    for s in range(scales):
        for piece in prange(batch * blocks):
            b, c = piece // blocks, piece % blocks
            first, last = c * rows // blocks, (c + 1) * rows // blocks
            smooth_rows(work[b, s % 2], work[b, 1 - s % 2], 1 << s, first, last)
