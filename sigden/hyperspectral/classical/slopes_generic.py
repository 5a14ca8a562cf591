"""Soft thresholds of first differences, their duals and the adjoint in array operations."""

from __future__ import annotations

from typing import Any

from sigden.arrays import namespace

__all__ = ["shrink_slopes"]


def shrink_slopes(z: Any, duals: Any, limit: float, growth: float, right: Any) -> float:
    """Update the scaled duals d of ``Dz = F`` in place and add the adjoint of ``F - d`` to `right`.

    Parameters
    ----------
    z : array, shape (rows, columns, bands)
        Cube.
    duals : array, shape (3, rows, columns, bands)
        Of the differences along rows, columns and bands; the new d is what the threshold takes
        off ``Dz + d``, over `growth`.
    limit : float
        Threshold.
    growth : float
        Factor of the penalty.
    right : array, shape of `z`
        Takes the adjoint.

    Returns
    -------
    float
        Squared norm of ``Dz - F``, where F is the soft threshold of ``Dz + d``.
    """
    xp = namespace(z)
    total: Any = 0.0
    for axis in range(3):
        near, far = (
            tuple(part if a == axis else slice(None) for a in range(3))
            for part in (slice(None, -1), slice(1, None))
        )
        before = duals[(axis, *near)]
        target = z[far] - z[near] + before
        kept = xp.minimum(xp.maximum(target, -limit), limit)
        total = total + xp.sum(xp.astype(kept - before, xp.float64) ** 2)
        after = kept / growth
        duals[(axis, *near)] = after
        wanted = target - kept - after
        right[near] -= wanted
        right[far] += wanted
    return float(total)
