"""Move of the tracks from one slice to the next, and its transpose."""

from __future__ import annotations

from typing import Any

import numba as nb
import numpy as np

__all__ = ["MARGIN", "advance", "advance_adjoint"]

# Zeros on both sides of the frequencies: the largest step of a track in bins plus one.
MARGIN = 4
_RATE_CHANGE = np.float32(0.2)
_DRIFT = np.float32(0.1)
_AMPLITUDE_CHANGE = np.float32(0.05)
_OPTIONS = {"cache": True, "nogil": True, "fastmath": True, "error_model": "numpy"}

_cube = nb.float32[:, :, ::1]


@nb.njit([(_cube, _cube)], **_OPTIONS)
def _mix_amplitudes(src: Any, dst: Any) -> Any:
    count = src.shape[0]
    stay = np.float32(1) - 2 * _AMPLITUDE_CHANGE
    for a in range(count):
        low, middle, high, out = src[max(a - 1, 0)], src[a], src[min(a + 1, count - 1)], dst[a]
        for k in range(out.shape[0]):
            x, y, z, o = low[k], middle[k], high[k], out[k]
            for f in range(o.size):
                o[f] = stay * y[f] + _AMPLITUDE_CHANGE * (x[f] + z[f])


@nb.njit([(_cube, _cube, _cube, _cube)], **_OPTIONS)
def advance(src: Any, dst: Any, one: Any, two: Any) -> Any:
    """Predict the next slice: half a step at the old chirp rate, half at the new one, and a drift.

    A track of rate k climbs ``2 k`` bins a slice. What leaves the band is lost.
    """
    amplitudes, rates, width = src.shape
    bins, top = width - 2 * MARGIN, rates // 2
    _mix_amplitudes(src, one)
    stay, straight = np.float32(1) - 2 * _RATE_CHANGE, np.float32(1) - 2 * _DRIFT
    for a in range(amplitudes):
        for k in range(rates):
            o = two[a, k]
            o[:] = 0
            o = o[MARGIN : MARGIN + bins]
            for j in range(max(k - 1, 0), min(k + 2, rates)):
                w = stay if j == k else _RATE_CHANGE
                s = one[a, j, MARGIN - j + top : MARGIN - j + top + bins]
                for f in range(bins):
                    o[f] += w * s[f]
        for k in range(rates):
            b = MARGIN - k + top
            left, middle, right = (
                two[a, k, b - 1 : b - 1 + bins],
                two[a, k, b : b + bins],
                two[a, k, b + 1 : b + 1 + bins],
            )
            o = dst[a, k, MARGIN : MARGIN + bins]
            for f in range(bins):
                o[f] = straight * middle[f] + _DRIFT * (left[f] + right[f])


@nb.njit([(_cube, _cube, _cube, _cube)], **_OPTIONS)
def advance_adjoint(src: Any, dst: Any, one: Any, two: Any) -> Any:
    """Transpose of `advance`."""
    amplitudes, rates, width = src.shape
    bins, top = width - 2 * MARGIN, rates // 2
    stay, straight = np.float32(1) - 2 * _RATE_CHANGE, np.float32(1) - 2 * _DRIFT
    for a in range(amplitudes):
        for k in range(rates):
            b = MARGIN + k - top
            left, middle, right = (
                src[a, k, b - 1 : b - 1 + bins],
                src[a, k, b : b + bins],
                src[a, k, b + 1 : b + 1 + bins],
            )
            one[a, k, :MARGIN] = 0
            one[a, k, MARGIN + bins :] = 0
            o = one[a, k, MARGIN : MARGIN + bins]
            for f in range(bins):
                o[f] = straight * middle[f] + _DRIFT * (left[f] + right[f])
        for k in range(rates):
            o = two[a, k]
            o[:] = 0
            o = o[MARGIN : MARGIN + bins]
            for j in range(max(k - 1, 0), min(k + 2, rates)):
                w = stay if j == k else _RATE_CHANGE
                s = one[a, j, MARGIN + k - top : MARGIN + k - top + bins]
                for f in range(bins):
                    o[f] += w * s[f]
    _mix_amplitudes(two, dst)
