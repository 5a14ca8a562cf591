"""Forward and backward pass over the tracks of one length."""

from __future__ import annotations

import math
from typing import Any

import numba as nb
import numpy as np

from sigden.denoisers.tracks.moves_numba import MARGIN, advance, advance_adjoint

__all__ = ["smooth_tracks"]

_LOUD = 60.0
_LARGEST_EXPONENT = 80.0
_LEAST = 1e-12
_FIRST = 0.01  # probability of a track at the first slice
_FAST = {"nogil": True, "cache": True, "fastmath": True, "error_model": "numpy"}
_SAFE = {"nogil": True, "cache": True, "error_model": "numpy"}


@nb.njit(**_SAFE)
def _log(x: Any) -> Any:
    return math.log(x) if x > 0 else -1e300


@nb.njit(**_SAFE)
def _factor(logarithm: Any, amount: Any) -> Any:
    """Exponential that float32 can hold; zero where there is nothing to scale."""
    return math.exp(min(logarithm, _LARGEST_EXPONENT)) if amount > 0 else 0.0


@nb.njit(**_SAFE)
def _shift(logarithm: Any, index: Any) -> Any:
    """What is taken off a slice's log likelihoods so that they do not overflow."""
    loudest = index.max()
    top = 0.0
    for a in range(logarithm.shape[0]):
        top = max(top, float(logarithm[a, loudest]))
    return top if top > _LOUD else 0.0


@nb.njit(**_FAST)
def _weigh(x: Any, index: Any, logarithm: Any, ratio: Any, shift: Any) -> Any:
    """Multiply by the likelihood, in place; the sum."""
    bins, total, less = index.shape[1], 0.0, np.float32(shift)
    for a in range(x.shape[0]):
        table, exponents = ratio[a], logarithm[a]
        for k in range(index.shape[0]):
            o, i, part = x[a, k, MARGIN : MARGIN + bins], index[k], np.float32(0)
            if shift > 0:
                for f in range(bins):
                    o[f] *= math.exp(exponents[i[f]] - less)
                    part += o[f]
            else:
                for f in range(bins):
                    o[f] *= table[i[f]]
                    part += o[f]
            total += float(part)
    return total


@nb.njit(**_FAST)
def _affine(x: Any, bins: Any, scale: Any, offsets: Any) -> Any:
    """``x = scale x + offsets[a]`` within the band, in place; the sum before the offsets."""
    total, w = 0.0, np.float32(scale)
    for a in range(x.shape[0]):
        b = np.float32(offsets[a])
        for k in range(x.shape[1]):
            o, part = x[a, k, MARGIN : MARGIN + bins], np.float32(0)
            for f in range(bins):
                y = o[f] * w
                part += y
                o[f] = y + b
            total += float(part)
    return total


@nb.njit(**_FAST)
def _keep(x: Any, scale: Any, bins: Any, out: Any) -> Any:
    """Scale in place and copy what lies within the band."""
    w = np.float32(scale)
    for a in range(x.shape[0]):
        for k in range(x.shape[1]):
            s, o = x[a, k, MARGIN : MARGIN + bins], out[a, k]
            for f in range(bins):
                y = s[f] * w
                s[f] = y
                o[f] = y


@nb.njit(**_FAST)
def _moments(filtered: Any, later: Any, index: Any, mean: Any, square: Any, gain: Any) -> Any:
    """Unnormalised posterior: mass, mean square; adds the mean over the coefficient to `gain`."""
    bins, mass, power = index.shape[1], 0.0, 0.0
    for a in range(filtered.shape[0]):
        g, q = mean[a], square[a]
        for k in range(index.shape[0]):
            x, y, o, i = filtered[a, k], later[a, k, MARGIN : MARGIN + bins], gain[k], index[k]
            m, p = np.float32(0), np.float32(0)
            for f in range(bins):
                z = x[f] * y[f]
                m += z
                p += z * q[i[f]]
                o[f] += z * g[i[f]]
            mass += float(m)
            power += float(p)
    return mass, power


@nb.njit(**_FAST)
def _average(x: Any, bins: Any, prior: Any) -> Any:
    """Mean over the states of a new track, and the largest value."""
    total, largest = 0.0, np.float32(0)
    for a in range(x.shape[0]):
        part = np.float32(0)
        for k in range(x.shape[1]):
            s = x[a, k, MARGIN : MARGIN + bins]
            for f in range(bins):
                part += s[f]
                largest = max(largest, s[f])
        total += prior[a] * part
    return total / (x.shape[1] * bins), largest


_cube = nb.float32[:, :, ::1]
_table = nb.float32[:, ::1]
_line = nb.float64[::1]


_arguments = (nb.int32[:, :, ::1], _table, _table, _table, _table, _line, nb.float64, nb.float64)
_outputs = (nb.float32[:, :, :, ::1], _cube, _line, _line, _line)


@nb.njit([(*_arguments, *_outputs)], **_SAFE)
def smooth_tracks(
    index: Any,
    logarithm: Any,
    ratio: Any,
    mean: Any,
    square: Any,
    prior: Any,
    birth: Any,
    death: Any,
    history: Any,
    gain: Any,
    power: Any,
    presence: Any,
    evidence: Any,
) -> None:
    """Posterior mean of the signal's coefficients over all tracks of one length.

    Parameters
    ----------
    index : array, shape (slices, rates, bins)
        Entry of the tables for every coefficient.
    logarithm, ratio : array, shape (amplitudes, entries)
        Tempered likelihood ratio.
    mean, square : array, shape (amplitudes, entries)
        Posterior mean over the coefficient, and mean square, given the amplitude.
    prior : array, shape (amplitudes,)
        Prior of the amplitude of a new track.
    birth, death : float
        Probability per slice that a track begins or ends.
    history : array, shape (slices, amplitudes, rates, bins)
        Work space.
    gain : array, shape (slices, rates, bins)
        Zero; out: posterior mean of the signal over the coefficient.
    power, presence : array, shape (slices,)
        Out: posterior mean square of the signal's coefficient, and the probability of a track.
    evidence : array, shape (slices,)
        Out: logarithm of the likelihood ratio of each slice to noise, given those before.
    """
    steps, rates, bins = index.shape
    amplitudes, states = prior.size, rates * bins
    shape = (amplitudes, rates, bins + 2 * MARGIN)
    now, one, two = np.zeros(shape, np.float32), np.zeros(shape, np.float32), np.zeros(shape, np.float32)
    then = np.zeros(shape, np.float32)
    off, shifts = np.zeros(steps), np.zeros(steps)
    quiet, survive = 1.0, 0.0
    for s in range(steps):
        born = quiet * birth if s > 0 else _FIRST
        if s > 0:
            advance(now, then, one, two)
            survive = 1.0 - death
        kept = _affine(then, bins, survive, prior * (born / states))
        # off, rates and bins that ran out of the band, and tracks that ended
        silent = max(1.0 - kept - born, _LEAST)
        shifts[s] = _shift(logarithm, index[s])
        loud = _weigh(then, index[s], logarithm, ratio, shifts[s])
        silent *= math.exp(-shifts[s])
        total = loud + silent
        evidence[s] = shifts[s] + math.log(total)
        # a little is kept, so that a louder track can always begin
        quiet = max(silent / total, _LEAST)
        off[s] = quiet
        _keep(then, 1.0 / total, bins, history[s])
        now, then = then, now
    now[:, :, MARGIN : MARGIN + bins] = 1
    log_off, scale = 0.0, 0.0
    for back in range(steps):
        s = steps - 1 - back
        if back > 0:
            # `now` holds what the slices after this one say of a track in the next slice
            now_shift = shifts[s + 1]
            _weigh(now, index[s + 1], logarithm, ratio, now_shift)
            level = scale + now_shift
            arriving, largest = _average(now, bins, prior)
            r = max(level + _log(largest), log_off)
            gone, w = math.exp(log_off - r), _factor(level - r, largest)
            _affine(now, bins, w, np.full(amplitudes, -gone))
            advance_adjoint(now, then, one, two)
            _affine(then, bins, 1.0 - death, np.full(amplitudes, gone))
            log_off = r + _log(max((1.0 - birth) * gone + birth * arriving * w, 1e-300))
            scale = r
            now, then = then, now
        mass, energy = _moments(history[s], now, index[s], mean, square, gain[s])
        common = max(scale, log_off)
        mass_scale = math.exp(scale - common)
        rest = off[s] * math.exp(log_off - common)
        total = mass * mass_scale + rest
        inverse = mass_scale / total if total > 0 else 0.0
        presence[s], power[s] = mass * inverse, energy * inverse
        gain[s] *= np.float32(inverse)
