"""Forward and backward pass over the tracks of one length."""

# inlined from other files: 4c90e651999d
from __future__ import annotations

import math
from typing import Any

import numba as nb
import numpy as np

from sigden.denoisers.tracks.likelihood import AMPLITUDES, LEAST_EXPONENT
from sigden.denoisers.tracks.moves_numba import MARGIN, advance, advance_adjoint

__all__ = ["smooth_tracks"]

_LOUD = 60.0
_LARGEST_EXPONENT = 80.0
_LEAST = 1e-12
_GONE = 1e-20  # what comes after a loud slice leaves this much to an end of the track before it
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
    top = float(max(0, logarithm[index.max()].max()))
    return top if top > _LOUD else 0.0


@nb.njit(**_FAST)
def _entries(index: Any, table: Any, out: Any) -> None:
    """Entries of a table for the states of one chirp rate."""
    for f in range(index.size):
        entry = table[index[f]]
        for a in range(AMPLITUDES):
            out[f * AMPLITUDES + a] = entry[a]


@nb.njit(**_FAST)
def _likelihood(index: Any, logarithm: Any, ratio: Any, shift: Any, out: Any) -> None:
    """Likelihood of the states of one chirp rate, over the exponential of the shift."""
    if shift == 0:
        _entries(index, ratio, out)
        return
    _entries(index, logarithm, out)
    for j in range(out.size):
        e = out[j] - np.float32(shift)
        out[j] = math.exp(e) if e > LEAST_EXPONENT else np.float32(0)


@nb.njit(**_FAST)
def _observe(
    x: Any, scale: Any, births: Any, index: Any, logarithm: Any, ratio: Any, shift: Any, work: Any
) -> Any:
    """``x = (scale x + births) likelihood`` in place; the sums of ``scale x`` and of the result."""
    kept, loud, w = 0.0, 0.0, np.float32(scale)
    for k in range(x.shape[0]):
        _likelihood(index[k], logarithm, ratio, shift, work)
        o, survived, total = x[k], np.float32(0), np.float32(0)
        for j in range(o.size):
            y = w * o[j]
            survived += y
            z = (y + births[j]) * work[j]
            total += z
            o[j] = z
        kept += float(survived)
        loud += float(total)
    return kept, loud


@nb.njit(**_FAST)
def _weigh(
    later: Any, index: Any, logarithm: Any, ratio: Any, shift: Any, prior: Any, out: Any, work: Any
) -> Any:
    """Product with the likelihood, to a wide array; its sum, plain and weighted by the prior."""
    total, arriving = 0.0, 0.0
    for k in range(later.shape[0]):
        _likelihood(index[k], logarithm, ratio, shift, work)
        x, o = later[k], out[k, MARGIN * AMPLITUDES : MARGIN * AMPLITUDES + later.shape[1]]
        plain, weighted = np.float32(0), np.float32(0)
        for j in range(x.size):
            y = x[j] * work[j]
            plain += y
            weighted += prior[j] * y
            o[j] = y
        total += float(plain)
        arriving += float(weighted)
    return total, arriving


@nb.njit(**_FAST)
def _moments(
    filtered: Any,
    later: Any,
    index: Any,
    mean: Any,
    square: Any,
    gain: Any,
    scale: Any,
    work: Any,
    table: Any,
) -> Any:
    """Unnormalised posterior: mass and mean square; writes the mean over the coefficient to `gain`."""
    mass, power, w = 0.0, 0.0, np.float32(scale)
    for k in range(filtered.shape[0]):
        x, y, total, energy = filtered[k], later[k], np.float32(0), np.float32(0)
        _entries(index[k], square, table)
        for j in range(x.size):
            z = w * x[j] * y[j]
            total += z
            energy += z * table[j]
            work[j] = z
        mass += float(total)
        power += float(energy)
        o = gain[k]
        for f in range(o.size):
            g, m = mean[index[k, f]], np.float32(0)
            for a in range(AMPLITUDES):
                m += work[f * AMPLITUDES + a] * g[a]
            o[f] = m
    return mass, power


@nb.njit(**_FAST)
def _carry(x: Any, scale: Any, offset: Any, leaving: Any) -> None:
    """``x = scale x + offset leaving`` in place."""
    w, b = np.float32(scale), np.float32(offset)
    for k in range(x.shape[0]):
        o, edge = x[k], leaving[k]
        for j in range(o.size):
            o[j] = w * o[j] + b * edge[j]


_rows = nb.float32[:, ::1]
_line = nb.float64[::1]
_arguments = (
    nb.uint16[:, :, ::1],
    _rows,
    _rows,
    _rows,
    _rows,
    nb.float32[::1],
    nb.float64,
    nb.float64,
    _rows,
)
_outputs = (nb.float32[:, :, ::1], nb.float32[:, :, ::1], _line, _line, _line)


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
    weights: Any,
    history: Any,
    gain: Any,
    power: Any,
    presence: Any,
    evidence: Any,
) -> None:
    """Posterior mean of the signal's coefficients over all tracks of one length.

    Parameters
    ----------
    index : array of uint16, shape (slices, rates, bins)
        Entry of the tables for every coefficient.
    logarithm, ratio : array, shape (entries, amplitudes)
        Tempered likelihood ratio.
    mean, square : array, shape (entries, amplitudes)
        Posterior mean over the coefficient, and mean square, given the amplitude.
    prior : array, shape (amplitudes,)
        Prior of the amplitude of a new track.
    birth, death : float
        Probability per slice that a track begins or ends.
    weights : array, shape (3, bins * amplitudes)
        `amplitude_weights`.
    history : array, shape (slices, rates, bins * amplitudes)
        Work space.
    gain : array, shape (slices, rates, bins)
        Out: posterior mean of the signal over the coefficient.
    power, presence : array, shape (slices,)
        Out: posterior mean square of the signal's coefficient, and the probability of a track.
    evidence : array, shape (slices,)
        Out: logarithm of the likelihood ratio of each slice to noise, given those before.
    """
    steps, rates, bins = index.shape
    states, n = rates * bins, bins * AMPLITUDES
    wide = (rates, n + 2 * MARGIN * AMPLITUDES)
    one, two, three = np.zeros(wide, np.float32), np.zeros(wide, np.float32), np.zeros(wide, np.float32)
    work, table, each = np.empty(n, np.float32), np.empty(n, np.float32), np.empty(n, np.float32)
    for f in range(bins):
        each[f * AMPLITUDES : (f + 1) * AMPLITUDES] = prior / np.float32(states)
    births = np.empty(n, np.float32)
    off, shifts, scales = np.zeros(steps), np.zeros(steps), np.zeros(steps)
    quiet, survive = 1.0, 0.0
    for s in range(steps):
        now = history[s]
        born = quiet * birth if s > 0 else _FIRST
        if s > 0:
            advance(history[s - 1], now, weights, one, two)
            # the last slice was left as it came out
            survive = (1.0 - death) * scales[s - 1]
        else:
            now[:] = 0
        births[:] = each * np.float32(born)
        shifts[s] = _shift(logarithm, index[s])
        kept, loud = _observe(now, survive, births, index[s], logarithm, ratio, shifts[s], work)
        # off, rates and bins that ran out of the band, and tracks that ended
        silent = max(1.0 - kept - born, _LEAST) * math.exp(-shifts[s])
        total = loud + silent
        evidence[s] = shifts[s] + math.log(total)
        scales[s] = 1.0 / total
        # a little is kept, so that a louder track can always begin
        quiet = max(silent / total, _LEAST)
        off[s] = quiet
    later, leaving = np.ones((rates, n), np.float32), np.empty((rates, n), np.float32)
    three[:, MARGIN * AMPLITUDES : MARGIN * AMPLITUDES + n] = 1
    advance_adjoint(three, leaving, weights, one, two)
    for k in range(rates):
        for j in range(n):
            leaving[k, j] = np.float32(1.0 - (1.0 - death) * leaving[k, j])
    log_off, scale = 0.0, 0.0
    for back in range(steps):
        s = steps - 1 - back
        if back > 0:
            # `later` holds what the slices after this one say of a track in the next slice
            level = scale + shifts[s + 1]
            total, arriving = _weigh(later, index[s + 1], logarithm, ratio, shifts[s + 1], each, three, work)
            r = max(level + _log(total), log_off)
            gone, w = max(math.exp(log_off - r), _GONE), _factor(level - r, total)
            advance_adjoint(three, later, weights, one, two)
            _carry(later, (1.0 - death) * w, gone, leaving)
            log_off = r + _log(max((1.0 - birth) * gone + birth * arriving * w, 1e-300))
            scale = r
        mass, energy = _moments(history[s], later, index[s], mean, square, gain[s], scales[s], work, table)
        common = max(scale, log_off)
        mass_scale = math.exp(scale - common)
        rest = off[s] * math.exp(log_off - common)
        total = mass * mass_scale + rest
        inverse = mass_scale / total if total > 0 else 0.0
        presence[s], power[s] = mass * inverse, energy * inverse
        gain[s] *= np.float32(inverse)
