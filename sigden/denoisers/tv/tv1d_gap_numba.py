"""Certificate of exact one-dimensional total variation on the CPU."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit, prange, types

from sigden.arrays import parallel_allowed

__all__ = ["duality_gap"]

_PARALLEL_FROM = 65536


@njit(cache=True, nogil=True, error_model="numpy")
def _row(y, weight, u):  # type: ignore[no-untyped-def]
    n = y.size
    infinite = weight == np.inf
    if infinite:
        weight = 1e300
    variation = 0.0
    misfit = 0.0
    link_gap = 0.0
    clipped_misfit = 0.0
    anchored_misfit = 0.0
    running = 0.0
    clipped = 0.0
    anchored = 0.0
    here = np.float64(u[0])
    for i in range(n - 1):
        after = np.float64(u[i + 1])
        residual = here - np.float64(y[i])
        step = after - here
        size = abs(step)
        running += residual
        misfit += residual * residual
        variation += size
        new_clipped = min(max(running, -weight), weight)
        link_gap += weight * size - new_clipped * step
        mismatch = residual - (new_clipped - clipped)
        clipped_misfit += mismatch * mismatch
        new_anchored = weight if step > 0.0 else new_clipped
        new_anchored = -weight if step < 0.0 else new_anchored
        mismatch = residual - (new_anchored - anchored)
        anchored_misfit += mismatch * mismatch
        clipped = new_clipped
        anchored = new_anchored
        here = after
    residual = here - np.float64(y[n - 1])
    misfit += residual * residual
    clipped_misfit += (residual + clipped) * (residual + clipped)
    anchored_misfit += (residual + anchored) * (residual + anchored)
    gap = min(link_gap + 0.5 * clipped_misfit, 0.5 * anchored_misfit)
    if infinite and variation > 0.0:
        return 1.0
    return gap if gap == 0.0 else gap / (weight * variation + 0.5 * misfit)


def _signature(real: Any) -> Any:
    matrix = types.Array(real, 2, "C", readonly=True)
    row = types.Array(real, 1, "C", readonly=True)
    return types.void(matrix, row, matrix, types.Array(types.float64, 1, "C"))


_SIGNATURES = [_signature(types.float32), _signature(types.float64)]


@njit(_SIGNATURES, cache=True, nogil=True, error_model="numpy")
def _serial(y, weight, u, gap):  # type: ignore[no-untyped-def]
    for i in range(y.shape[0]):
        gap[i] = _row(y[i], np.float64(weight[i]), u[i])


@njit(_SIGNATURES, cache=True, nogil=True, error_model="numpy", parallel=True)
def _parallel(y, weight, u, gap):  # type: ignore[no-untyped-def]
    for i in prange(y.shape[0]):
        gap[i] = _row(y[i], np.float64(weight[i]), u[i])


def duality_gap(y: Any, weight: Any, u: Any) -> Any:
    r"""Relative duality gap of an estimate of exact one-dimensional total variation, for each row.

    .. math:: \frac{w \|Du\|_1 - \langle p, Du\rangle + \frac12 \|u - y + D^T p\|^2}
              {w \|Du\|_1 + \frac12 \|u - y\|^2}, \qquad |p| \le w

    Parameters
    ----------
    y : array of float32 or float64, shape (batch, n)
        Data.
    weight : array, shape (batch,)
        Weight w of the total variation, in units of the data.
    u : array, shape (batch, n)
        Estimate.

    Returns
    -------
    array of float64, shape (batch,)
        Gap between primal and dual values over the primal value; 0 where both vanish.

    Notes
    -----
    The smaller gap of two admissible duals p: the running sum of u - y clipped to [-w, w], and the same set
    to w sign(Du) at the jumps, which forgives the rounding of u to float32 or a weight below its rounding.
    The difference of the two values is formed without cancellation.

    References
    ----------
    A. Chambolle, "An algorithm for total variation minimization and applications", J. Math. Imaging Vis. 20
    (2004), section 3.
    """
    y = np.ascontiguousarray(y)
    weight = np.ascontiguousarray(weight, dtype=y.dtype)
    u = np.ascontiguousarray(u, dtype=y.dtype)
    gap = np.zeros(y.shape[0])
    if y.size:
        split = y.shape[0] > 1 and y.size >= _PARALLEL_FROM and parallel_allowed()
        (_parallel if split else _serial)(y, weight, u, gap)
    return gap
