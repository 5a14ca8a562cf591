"""Posterior under a normal-mixture prior, sample by sample, on the CPU."""

from __future__ import annotations

import math

import numpy as np
from numba import njit, prange, types

__all__ = ["moments", "moments_parallel", "quantiles", "quantiles_parallel", "signs", "signs_parallel"]

_F = types.Array(types.float64, 1, "C", readonly=True)
_I = types.Array(types.int64, 1, "C", readonly=True)
_TABLE = [types.void(_F, _F, _F, _F, _F, _I, types.float64[:, ::1])]
_QUANTILE = [types.void(_F, _F, _F, _F, _F, _I, _F, types.float64[:, ::1])]
_BLOCKS = 64  # shares of the parallel loops
_NEGLIGIBLE = 80.0  # squared distance beyond the nearest component's at which one no longer counts
_ROOT2 = math.sqrt(2.0)


@njit(nogil=True, error_model="numpy")
def _widest(variance, begin):  # type: ignore[no-untyped-def]
    out = np.empty(begin.size - 1)
    for c in range(out.size):
        out[c] = variance[begin[c] : begin[c + 1]].max()
    return out


@njit(nogil=True, error_model="numpy")
def _near(x, s, mean, variance, begin, widest, index):  # type: ignore[no-untyped-def]
    """Components that can count for a sample: index takes them; returns how many.

    Components come in classes of like width, each sorted by mean, so that a wide one far away does not let
    all narrow ones between count.
    """
    nearest = np.inf
    for c in range(widest.size):
        right = begin[c] + np.searchsorted(mean[begin[c] : begin[c + 1]], x)
        for k in range(max(right - 1, begin[c]), min(right + 1, begin[c + 1])):
            nearest = min(nearest, (x - mean[k]) ** 2 / (s * s + variance[k]))
    count = 0
    for c in range(widest.size):
        places = mean[begin[c] : begin[c + 1]]
        # a little wider than need be, since rounding must not decide
        reach = 1.0001 * math.sqrt((nearest + _NEGLIGIBLE) * (s * s + widest[c]))
        low, high = np.searchsorted(places, x - reach), np.searchsorted(places, x + reach, side="right")
        for k in range(begin[c] + low, begin[c] + high):
            index[count] = k
            count += 1
    return count


@njit(nogil=True, error_model="numpy")
def _shares(x, s, mean, variance, weight, index, share):  # type: ignore[no-untyped-def]
    """Posterior weights of the components at index; returns the log of the density without sqrt(2 pi)."""
    nearest = np.inf
    for j in range(index.size):
        k = index[j]
        share[j] = (x - mean[k]) ** 2 / (s * s + variance[k])
        nearest = min(nearest, share[j])
    total = 0.0
    for j in range(index.size):
        away = share[j] - nearest
        share[j] = 0.0
        if away < _NEGLIGIBLE:
            k = index[j]
            share[j] = weight[k] / math.sqrt(s * s + variance[k]) * math.exp(-0.5 * away)
            total += share[j]
    for j in range(index.size):
        share[j] /= total
    return math.log(total) - 0.5 * nearest


@njit(nogil=True, error_model="numpy")
def _moments_block(x, s, mean, variance, weight, begin, out):  # type: ignore[no-untyped-def]
    share, index, widest = np.empty(mean.size), np.empty(mean.size, np.int64), _widest(variance, begin)
    for i in range(x.size):
        si = s[i] if s.size > 1 else s[0]
        near = index[: _near(x[i], si, mean, variance, begin, widest, index)]
        out[0, i] = _shares(x[i], si, mean, variance, weight, near, share) - 0.9189385332046727
        total = 0.0
        for j in range(near.size):
            if share[j] > 0.0:
                k = near[j]
                gain = variance[k] / (si * si + variance[k])
                total += share[j] * (mean[k] + gain * (x[i] - mean[k]))
        second = 0.0
        for j in range(near.size):
            if share[j] > 0.0:
                k = near[j]
                gain = variance[k] / (si * si + variance[k])
                second += share[j] * (gain * si * si + (mean[k] + gain * (x[i] - mean[k]) - total) ** 2)
        out[1, i], out[2, i] = total, second


@njit(_TABLE, cache=True, nogil=True, error_model="numpy")
def moments(x, s, mean, variance, weight, begin, out):  # type: ignore[no-untyped-def]
    """Rows of out: log-density of x, posterior mean, posterior variance; s has one entry or one a sample.

    Class c of components runs from begin[c] to begin[c + 1]; the means of a class are sorted.
    """
    _moments_block(x, s, mean, variance, weight, begin, out)


@njit(_TABLE, cache=True, nogil=True, error_model="numpy", parallel=True)
def moments_parallel(x, s, mean, variance, weight, begin, out):  # type: ignore[no-untyped-def]
    """`moments` with the samples shared out among the threads."""
    for b in prange(_BLOCKS):
        low, high = b * x.size // _BLOCKS, (b + 1) * x.size // _BLOCKS
        _moments_block(
            x[low:high], s[low:high] if s.size > 1 else s, mean, variance, weight, begin, out[:, low:high]
        )


@njit(nogil=True, error_model="numpy")
def _signs_block(x, s, mean, variance, weight, begin, out):  # type: ignore[no-untyped-def]
    share, index, widest = np.empty(mean.size), np.empty(mean.size, np.int64), _widest(variance, begin)
    for i in range(x.size):
        si = s[i] if s.size > 1 else s[0]
        near = index[: _near(x[i], si, mean, variance, begin, widest, index)]
        _shares(x[i], si, mean, variance, weight, near, share)
        below = zero = 0.0
        for j in range(near.size):
            k = near[j]
            if variance[k] > 0.0:
                gain = variance[k] / (si * si + variance[k])
                z = (mean[k] + gain * (x[i] - mean[k])) / (math.sqrt(gain) * si)
                below += share[j] * 0.5 * math.erfc(z / _ROOT2)
            elif mean[k] < 0.0:
                below += share[j]
            elif mean[k] == 0.0:
                zero += share[j]
        out[0, i], out[1, i] = below, zero


@njit(_TABLE, cache=True, nogil=True, error_model="numpy")
def signs(x, s, mean, variance, weight, begin, out):  # type: ignore[no-untyped-def]
    """Rows of out: posterior probability of a negative value and of zero itself."""
    _signs_block(x, s, mean, variance, weight, begin, out)


@njit(_TABLE, cache=True, nogil=True, error_model="numpy", parallel=True)
def signs_parallel(x, s, mean, variance, weight, begin, out):  # type: ignore[no-untyped-def]
    """`signs` with the samples shared out among the threads."""
    for b in prange(_BLOCKS):
        low, high = b * x.size // _BLOCKS, (b + 1) * x.size // _BLOCKS
        _signs_block(
            x[low:high], s[low:high] if s.size > 1 else s, mean, variance, weight, begin, out[:, low:high]
        )


@njit(nogil=True, error_model="numpy")
def _cumulative(t, centre, width, share, count):  # type: ignore[no-untyped-def]
    total = 0.0
    for k in range(count):
        if width[k] > 0.0:
            total += share[k] * 0.5 * math.erfc((centre[k] - t) / (width[k] * _ROOT2))
        elif centre[k] <= t:
            total += share[k]
    return total


@njit(nogil=True, error_model="numpy")
def _quantiles_block(x, s, mean, variance, weight, begin, probability, out):  # type: ignore[no-untyped-def]
    size = mean.size
    share, centre, width = np.empty(size), np.empty(size), np.empty(size)
    index, widest = np.empty(size, np.int64), _widest(variance, begin)
    for i in range(x.size):
        si = s[i] if s.size > 1 else s[0]
        near = index[: _near(x[i], si, mean, variance, begin, widest, index)]
        _shares(x[i], si, mean, variance, weight, near, share)
        low, high = np.inf, -np.inf
        for j in range(near.size):
            k = near[j]
            gain = variance[k] / (si * si + variance[k])
            centre[j] = mean[k] + gain * (x[i] - mean[k])
            width[j] = math.sqrt(gain) * si
            if share[j] > 1e-12:
                low, high = min(low, centre[j] - 8 * width[j]), max(high, centre[j] + 8 * width[j])
        for p in range(probability.size):
            # smallest t whose cumulative probability reaches the wanted one
            a, b = low, high
            for _ in range(60):
                middle = 0.5 * (a + b)
                if _cumulative(middle, centre, width, share, near.size) >= probability[p]:
                    b = middle
                else:
                    a = middle
                if b - a <= 1e-7 * si:
                    break
            for j in range(near.size):
                if width[j] == 0.0 and a <= centre[j] <= b:
                    b = centre[j]
            out[p, i] = b


@njit(_QUANTILE, cache=True, nogil=True, error_model="numpy")
def quantiles(x, s, mean, variance, weight, begin, probability, out):  # type: ignore[no-untyped-def]
    """Row j of out: posterior quantile of the j-th probability."""
    _quantiles_block(x, s, mean, variance, weight, begin, probability, out)


@njit(_QUANTILE, cache=True, nogil=True, error_model="numpy", parallel=True)
def quantiles_parallel(x, s, mean, variance, weight, begin, probability, out):  # type: ignore[no-untyped-def]
    """`quantiles` with the samples shared out among the threads."""
    for b in prange(_BLOCKS):
        low, high = b * x.size // _BLOCKS, (b + 1) * x.size // _BLOCKS
        _quantiles_block(
            x[low:high], s[low:high] if s.size > 1 else s, mean, variance, weight, begin,
            probability, out[:, low:high],
        )  # fmt: skip
