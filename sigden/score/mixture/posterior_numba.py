"""Posterior under a normal-mixture prior, sample by sample, on the CPU."""

from __future__ import annotations

import math

import numpy as np
from numba import njit, prange, types

__all__ = ["moments", "moments_parallel", "quantiles", "quantiles_parallel", "signs", "signs_parallel"]

_F = types.Array(types.float64, 1, "C", readonly=True)
_TABLE = [types.void(_F, _F, _F, _F, _F, types.float64[:, ::1])]
_QUANTILE = [types.void(_F, _F, _F, _F, _F, _F, types.float64[:, ::1])]
_BLOCKS = 64  # shares of the parallel loops
_NEGLIGIBLE = 80.0  # squared distance beyond the nearest component's at which one no longer counts
_ROOT2 = math.sqrt(2.0)


@njit(nogil=True, error_model="numpy")
def _near(x, s, mean, variance, widest):  # type: ignore[no-untyped-def]
    """First of the components, sorted by mean, that can count for a sample, and the one behind the last."""
    right = np.searchsorted(mean, x)
    nearest = np.inf
    for k in range(max(right - 1, 0), min(right + 1, mean.size)):
        nearest = min(nearest, (x - mean[k]) ** 2 / (s * s + variance[k]))
    # a little wider than need be, since rounding must not decide
    reach = 1.0001 * math.sqrt((nearest + _NEGLIGIBLE) * (s * s + widest))
    low = np.searchsorted(mean, x - reach)
    return low, np.searchsorted(mean, x + reach, side="right")


@njit(nogil=True, error_model="numpy")
def _shares(x, s, mean, variance, weight, low, high, share):  # type: ignore[no-untyped-def]
    """Posterior weights of the components; returns the log of the density without sqrt(2 pi)."""
    nearest = np.inf
    for k in range(low, high):
        share[k] = (x - mean[k]) ** 2 / (s * s + variance[k])
        nearest = min(nearest, share[k])
    total = 0.0
    for k in range(low, high):
        away = share[k] - nearest
        share[k] = 0.0
        if away < _NEGLIGIBLE:
            share[k] = weight[k] / math.sqrt(s * s + variance[k]) * math.exp(-0.5 * away)
            total += share[k]
    for k in range(low, high):
        share[k] /= total
    return math.log(total) - 0.5 * nearest


@njit(nogil=True, error_model="numpy")
def _moments_block(x, s, mean, variance, weight, out):  # type: ignore[no-untyped-def]
    share, widest = np.empty(mean.size), variance.max()
    for i in range(x.size):
        si = s[i] if s.size > 1 else s[0]
        first, last = _near(x[i], si, mean, variance, widest)
        out[0, i] = _shares(x[i], si, mean, variance, weight, first, last, share) - 0.9189385332046727
        total = 0.0
        for k in range(first, last):
            if share[k] > 0.0:
                gain = variance[k] / (si * si + variance[k])
                total += share[k] * (mean[k] + gain * (x[i] - mean[k]))
        second = 0.0
        for k in range(first, last):
            if share[k] == 0.0:
                continue
            gain = variance[k] / (si * si + variance[k])
            second += share[k] * (gain * si * si + (mean[k] + gain * (x[i] - mean[k]) - total) ** 2)
        out[1, i], out[2, i] = total, second


@njit(_TABLE, cache=True, nogil=True, error_model="numpy")
def moments(x, s, mean, variance, weight, out):  # type: ignore[no-untyped-def]
    """Rows of out: log-density of x, posterior mean, posterior variance; s has one entry or one a sample."""
    _moments_block(x, s, mean, variance, weight, out)


@njit(_TABLE, cache=True, nogil=True, error_model="numpy", parallel=True)
def moments_parallel(x, s, mean, variance, weight, out):  # type: ignore[no-untyped-def]
    """`moments` with the samples shared out among the threads."""
    for b in prange(_BLOCKS):
        low, high = b * x.size // _BLOCKS, (b + 1) * x.size // _BLOCKS
        _moments_block(
            x[low:high], s[low:high] if s.size > 1 else s, mean, variance, weight, out[:, low:high]
        )


@njit(nogil=True, error_model="numpy")
def _signs_block(x, s, mean, variance, weight, out):  # type: ignore[no-untyped-def]
    share, widest = np.empty(mean.size), variance.max()
    for i in range(x.size):
        si = s[i] if s.size > 1 else s[0]
        first, last = _near(x[i], si, mean, variance, widest)
        _shares(x[i], si, mean, variance, weight, first, last, share)
        below = zero = 0.0
        for k in range(first, last):
            if variance[k] > 0.0:
                gain = variance[k] / (si * si + variance[k])
                z = (mean[k] + gain * (x[i] - mean[k])) / (math.sqrt(gain) * si)
                below += share[k] * 0.5 * math.erfc(z / _ROOT2)
            elif mean[k] < 0.0:
                below += share[k]
            elif mean[k] == 0.0:
                zero += share[k]
        out[0, i], out[1, i] = below, zero


@njit(_TABLE, cache=True, nogil=True, error_model="numpy")
def signs(x, s, mean, variance, weight, out):  # type: ignore[no-untyped-def]
    """Rows of out: posterior probability of a negative value and of zero itself."""
    _signs_block(x, s, mean, variance, weight, out)


@njit(_TABLE, cache=True, nogil=True, error_model="numpy", parallel=True)
def signs_parallel(x, s, mean, variance, weight, out):  # type: ignore[no-untyped-def]
    """`signs` with the samples shared out among the threads."""
    for b in prange(_BLOCKS):
        low, high = b * x.size // _BLOCKS, (b + 1) * x.size // _BLOCKS
        _signs_block(x[low:high], s[low:high] if s.size > 1 else s, mean, variance, weight, out[:, low:high])


@njit(nogil=True, error_model="numpy")
def _cumulative(t, centre, width, share, first, last):  # type: ignore[no-untyped-def]
    total = 0.0
    for k in range(first, last):
        if width[k] > 0.0:
            total += share[k] * 0.5 * math.erfc((centre[k] - t) / (width[k] * _ROOT2))
        elif centre[k] <= t:
            total += share[k]
    return total


@njit(nogil=True, error_model="numpy")
def _quantiles_block(x, s, mean, variance, weight, probability, out):  # type: ignore[no-untyped-def]
    size = mean.size
    share, centre, width = np.empty(size), np.empty(size), np.empty(size)
    widest = variance.max()
    for i in range(x.size):
        si = s[i] if s.size > 1 else s[0]
        first, last = _near(x[i], si, mean, variance, widest)
        _shares(x[i], si, mean, variance, weight, first, last, share)
        low, high = np.inf, -np.inf
        for k in range(first, last):
            gain = variance[k] / (si * si + variance[k])
            centre[k] = mean[k] + gain * (x[i] - mean[k])
            width[k] = math.sqrt(gain) * si
            if share[k] > 1e-12:
                low, high = min(low, centre[k] - 8 * width[k]), max(high, centre[k] + 8 * width[k])
        for j in range(probability.size):
            # smallest t whose cumulative probability reaches the wanted one
            a, b = low, high
            for _ in range(60):
                middle = 0.5 * (a + b)
                if _cumulative(middle, centre, width, share, first, last) >= probability[j]:
                    b = middle
                else:
                    a = middle
                if b - a <= 1e-7 * si:
                    break
            for k in range(first, last):
                if width[k] == 0.0 and a <= centre[k] <= b:
                    b = centre[k]
            out[j, i] = b


@njit(_QUANTILE, cache=True, nogil=True, error_model="numpy")
def quantiles(x, s, mean, variance, weight, probability, out):  # type: ignore[no-untyped-def]
    """Row j of out: posterior quantile of the j-th probability."""
    _quantiles_block(x, s, mean, variance, weight, probability, out)


@njit(_QUANTILE, cache=True, nogil=True, error_model="numpy", parallel=True)
def quantiles_parallel(x, s, mean, variance, weight, probability, out):  # type: ignore[no-untyped-def]
    """`quantiles` with the samples shared out among the threads."""
    for b in prange(_BLOCKS):
        low, high = b * x.size // _BLOCKS, (b + 1) * x.size // _BLOCKS
        _quantiles_block(
            x[low:high], s[low:high] if s.size > 1 else s, mean, variance, weight, probability,
            out[:, low:high],
        )  # fmt: skip
