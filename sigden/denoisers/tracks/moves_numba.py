"""Move of the tracks from one slice to the next, and its transpose.

States are rows, one for each chirp rate, of ``bins * AMPLITUDES`` numbers: the amplitudes of one frequency
lie side by side, so that a step in frequency is a shift of the whole row. Wide rows have zeros on both sides.
"""

# inlined from other files: e13d2486e052
from __future__ import annotations

from functools import lru_cache
from typing import Any

import numba as nb
import numpy as np

from sigden.denoisers.tracks.likelihood import AMPLITUDES

__all__ = ["MARGIN", "advance", "advance_adjoint", "amplitude_weights"]

# Zeros on both sides of a wide row, in bins: the largest step of a track plus one.
MARGIN = 4
_RATE_CHANGE = np.float32(0.2)
_DRIFT = np.float32(0.1)
_AMPLITUDE_CHANGE = np.float32(0.05)
_STAY, _STRAIGHT = np.float32(1) - 2 * _RATE_CHANGE, np.float32(1) - 2 * _DRIFT
_OPTIONS = {"cache": True, "nogil": True, "fastmath": True, "error_model": "numpy"}

_rows = nb.float32[:, ::1]


@lru_cache(maxsize=64)
def amplitude_weights(bins: int) -> Any:
    """Weights of the amplitude below, the same and the one above for every state of a row.

    Parameters
    ----------
    bins : int
        Number of frequencies.

    Returns
    -------
    numpy.ndarray, shape (3, bins * AMPLITUDES), float32
        The smallest and the largest amplitude keep what would leave.
    """
    weights = np.full((3, AMPLITUDES), _AMPLITUDE_CHANGE, dtype=np.float32)
    weights[1] = 1 - 2 * _AMPLITUDE_CHANGE
    weights[1, [0, -1]] += _AMPLITUDE_CHANGE
    weights[0, 0] = weights[2, -1] = 0
    return np.tile(weights, bins)


@nb.njit(**_OPTIONS)
def _mix_amplitudes(src: Any, first: Any, dst: Any, start: Any, weights: Any) -> None:
    """Rows begin at place `first` of the source and `start` of the result."""
    n = weights.shape[1]
    below, same, above = weights[0], weights[1], weights[2]
    for k in range(src.shape[0]):
        s, o = src[k, first : first + n], dst[k, start : start + n]
        o[0] = same[0] * s[0] + above[0] * s[1]
        o[n - 1] = below[n - 1] * s[n - 2] + same[n - 1] * s[n - 1]
        for j in range(1, n - 1):
            o[j] = below[j] * s[j - 1] + same[j] * s[j] + above[j] * s[j + 1]


@nb.njit(**_OPTIONS)
def _turn(src: Any, dst: Any, n: Any, sign: Any) -> None:
    """Change the chirp rate, after half a step at the old one (sign 1) or before one at the new (-1)."""
    rates, top = src.shape[0], src.shape[0] // 2
    for k in range(rates):
        low, high = max(k - 1, 0), min(k + 1, rates - 1)
        # at the largest rates the neighbour beyond is missing
        u = _RATE_CHANGE if k > 0 else np.float32(0)
        v = _RATE_CHANGE if k < rates - 1 else np.float32(0)
        a, b, c = (low, k, high) if sign > 0 else (k, k, k)
        left = _row(src, low, -sign * (a - top), n)
        same = _row(src, k, -sign * (b - top), n)
        right = _row(src, high, -sign * (c - top), n)
        o = _row(dst, k, 0, n)
        for j in range(n):
            o[j] = _STAY * same[j] + (u * left[j] + v * right[j])


@nb.njit(**_OPTIONS)
def _drift(src: Any, dst: Any, start: Any, n: Any, sign: Any) -> None:
    """Half a step at the chirp rate, and a drift; rows begin at place `start` of the result."""
    top = src.shape[0] // 2
    for k in range(src.shape[0]):
        step = -sign * (k - top)
        left, same, right = (_row(src, k, step - 1, n), _row(src, k, step, n), _row(src, k, step + 1, n))
        o = dst[k, start : start + n]
        for j in range(n):
            o[j] = _STRAIGHT * same[j] + _DRIFT * (left[j] + right[j])


@nb.njit(**_OPTIONS)
def _row(x: Any, k: Any, step: Any, n: Any) -> Any:
    """Row of a wide array, so many bins on."""
    first = (MARGIN + step) * AMPLITUDES
    return x[k, first : first + n]


@nb.njit([(_rows, _rows, _rows, _rows, _rows)], **_OPTIONS)
def advance(src: Any, dst: Any, weights: Any, one: Any, two: Any) -> None:
    """Predict the next slice: half a step at the old chirp rate, half at the new one, and a drift.

    A track of rate k climbs ``2 k`` bins a slice. What leaves the band is lost.

    Parameters
    ----------
    src, dst : array, shape (rates, bins * AMPLITUDES)
        States before and after.
    weights : array, shape (3, bins * AMPLITUDES)
        `amplitude_weights`.
    one, two : array, shape (rates, (bins + 2 * MARGIN) * AMPLITUDES)
        Work space, zero in the margins.
    """
    n = weights.shape[1]
    _mix_amplitudes(src, 0, one, MARGIN * AMPLITUDES, weights)
    _turn(one, two, n, 1)
    _drift(two, dst, 0, n, 1)


@nb.njit([(_rows, _rows, _rows, _rows, _rows)], **_OPTIONS)
def advance_adjoint(src: Any, dst: Any, weights: Any, one: Any, two: Any) -> None:
    """Transpose of `advance`; `src` is wide, like the work space."""
    n = weights.shape[1]
    _drift(src, one, MARGIN * AMPLITUDES, n, -1)
    _turn(one, two, n, -1)
    _mix_amplitudes(two, MARGIN * AMPLITUDES, dst, 0, weights)
