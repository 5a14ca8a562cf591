"""Levinson's recursion and what needs the prediction-error filters of every order."""

from __future__ import annotations

import math
from typing import Any

import numba as nb
import numpy as np

__all__ = ["colour_start", "levinson", "power_series_inverse", "whiten_start", "whiten_start_adjoint"]

_OPTIONS = {"cache": True, "nogil": True, "error_model": "numpy", "fastmath": {"contract", "reassoc", "nsz"}}
_line, _rows = nb.float64[::1], nb.float64[:, ::1]
_given = nb.types.Array(nb.float64, 2, "C", readonly=True)


@nb.njit(**_OPTIONS)
def _longer(forth: Any, back: Any, t: Any, k: Any) -> None:
    """Filters of order t from those of order t - 1, in place.

    The backward filter of order t, the forward one reversed, ends at the last place of `back`: so it need not
    be moved when it grows.
    """
    b = back[back.size - 1 - t :]
    for i in range(t + 1):
        a, r = forth[i], b[i]
        forth[i] = a + k * r
        b[i] = r + k * a


@nb.njit(**_OPTIONS)
def _unit(order: Any) -> Any:
    """Forward and backward filter of order zero, with room for as many orders."""
    forth, back = np.zeros(order + 1), np.zeros(order + 1)
    forth[0] = back[order] = 1.0
    return forth, back


@nb.njit(**_OPTIONS)
def _grow(forth: Any, back: Any, reflection: Any, error: Any, t: Any) -> Any:
    """Filters of order t from those before, in place; returns the variance of their error from theirs."""
    if t == 0:
        return error
    _longer(forth, back, t, reflection[t - 1])
    return error * (1 - reflection[t - 1] ** 2)


@nb.njit([(_line, _line, _line)], **_OPTIONS)
def levinson(covariance: Any, forth: Any, reflection: Any) -> Any:
    """Prediction-error filter of the order ``covariance.size - 1``, and its error.

    Parameters
    ----------
    covariance : array, shape (order + 1,)
        Autocovariance.
    forth : array, shape (order + 1,)
        Out: the filter, its first tap 1.
    reflection : array, shape (order,)
        Out: partial correlations.

    Returns
    -------
    error : float
        Variance of the prediction error.
    failed : int
        Order at which a partial correlation was not smaller than one; 0 where none was.
    """
    order = covariance.size - 1
    back = np.zeros(order + 1)
    forth[:] = 0
    forth[0] = back[order] = 1.0
    error = covariance[0]
    for m in range(1, order + 1):
        r, product = back[order + 1 - m :], 0.0
        c = covariance[1 : m + 1]
        for i in range(m):
            product += c[i] * r[i]
        k = -product / error
        if not abs(k) < 1:
            return error, m
        reflection[m - 1] = k
        _longer(forth, back, m, k)
        error *= 1 - k * k
    return error, 0


@nb.njit([(_given, _line, nb.float64, _rows)], **_OPTIONS)
def whiten_start(x: Any, reflection: Any, variance: Any, out: Any) -> None:
    """First innovations of every row, each over its standard deviation."""
    order = min(reflection.size, x.shape[1])
    forth, back = _unit(order)
    error = variance
    for t in range(order):
        error = _grow(forth, back, reflection, error, t)
        b, scale = back[order - t :], 1 / math.sqrt(error)
        for i in range(x.shape[0]):
            row, total = x[i], 0.0
            for j in range(t + 1):
                total += row[j] * b[j]
            out[i, t] = total * scale


@nb.njit([(_given, _line, nb.float64, _rows)], **_OPTIONS)
def whiten_start_adjoint(e: Any, reflection: Any, variance: Any, out: Any) -> None:
    """Transpose of `whiten_start`, added to `out`."""
    order = min(reflection.size, e.shape[1])
    forth, back = _unit(order)
    error = variance
    for t in range(order):
        error = _grow(forth, back, reflection, error, t)
        b, scale = back[order - t :], 1 / math.sqrt(error)
        for i in range(e.shape[0]):
            row, value = out[i], e[i, t] * scale
            for j in range(t + 1):
                row[j] += value * b[j]


@nb.njit([(_given, _line, nb.float64, _rows)], **_OPTIONS)
def colour_start(e: Any, reflection: Any, variance: Any, out: Any) -> None:
    """First samples of the noise of every row from its innovations."""
    order = min(reflection.size, e.shape[1])
    forth, back = _unit(order)
    error = variance
    for t in range(order):
        error = _grow(forth, back, reflection, error, t)
        b = back[order - t :]
        for i in range(e.shape[0]):
            row, total = out[i], e[i, t] * math.sqrt(error)
            for j in range(t):
                total -= row[j] * b[j]
            row[t] = total


@nb.njit([(_line, _line)], **_OPTIONS)
def power_series_inverse(taps: Any, out: Any) -> None:
    """First coefficients of one over a polynomial."""
    reverse = taps[::-1].copy()
    out[0] = 1 / taps[0]
    for n in range(1, out.size):
        m = min(n, taps.size - 1)
        past, t, total = out[n - m : n], reverse[taps.size - 1 - m : taps.size - 1], 0.0
        for i in range(m):
            total += past[i] * t[i]
        out[n] = -total / taps[0]
