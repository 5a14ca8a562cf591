"""Soft thresholds of first differences, their duals and the adjoint in one pass, on the CPU."""

from __future__ import annotations

from numba import njit, types

__all__ = ["shrink_slopes"]

_SHRINK = [
    types.float64(t[:, :, ::1], t[:, :, :, ::1], types.float64, types.float64, t[:, :, ::1])
    for t in (types.float32, types.float64)
]


@njit(nogil=True, error_model="numpy")
def _line(near, far, dual, limit, growth, right_near, right_far):  # type: ignore[no-untyped-def]
    """One line of differences ``far - near``; the squared change of the dual is returned."""
    T = near.dtype.type
    low, high, factor = T(-limit), T(limit), T(1 / growth)
    total = 0.0
    for k in range(near.size):
        target = far[k] - near[k] + dual[k]
        kept = min(max(target, low), high)
        change = kept - dual[k]
        total += change * change
        dual[k] = kept * factor
        wanted = target - kept - dual[k]
        right_near[k] -= wanted
        right_far[k] += wanted
    return total


@njit(_SHRINK, nogil=True, cache=True, error_model="numpy")
def shrink_slopes(z, duals, limit, growth, right):  # type: ignore[no-untyped-def]
    """Update the scaled duals d of ``Dz = F`` in place and add the adjoint of ``F - d`` to `right`.

    `duals` has the shape (3, rows, columns, bands): differences along rows, columns and bands. F is the soft
    threshold at `limit` of ``Dz + d``, the new d is what the threshold takes off, over `growth`. The squared
    norm of ``Dz - F`` is returned.
    """
    rows, columns, bands = z.shape
    total = 0.0
    for i in range(rows):
        for j in range(columns):
            near, down = z[i, j], right[i, j]
            if i + 1 < rows:
                total += _line(near, z[i + 1, j], duals[0, i, j], limit, growth, down, right[i + 1, j])
            if j + 1 < columns:
                total += _line(near, z[i, j + 1], duals[1, i, j], limit, growth, down, right[i, j + 1])
            last = bands - 1
            total += _line(near[:last], near[1:], duals[2, i, j, :last], limit, growth, down[:last], down[1:])
    return total
