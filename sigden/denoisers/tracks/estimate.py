"""Posterior mean of the signal over tracks of several lengths."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from sigden.denoisers.tracks.chirplets import RATES, Level, analyse, grid, place, spread
from sigden.denoisers.tracks.likelihood import AMPLITUDES, LOUDEST, PER_UNIT, tables

__all__ = ["TrackEstimate", "TrackModel", "add_tracks", "estimate_tracks"]

# Every third length looks at the whole series; the others only where one of these has found something.
_STRIDE = 3
_AWAKE = 0.6  # squared signal-to-noise ratio per horizon, of which noise alone rarely leaves so much
_MARGIN = 0.75
_RARER = 0.1  # births beside a track that is there already
_COUNTED = 8.0 / 3.0  # times that the slices of one length count the energy of a steady tone
_BESIDE = 5.0  # energy of a track beside another, that of a sample of noise being one: noise has less


@dataclass(frozen=True)
class TrackModel:
    """Prior of the tracks.

    Parameters
    ----------
    lengths : tuple of float
        Lengths of the windows, s.
    birth : float
        Tracks that begin per second.
    death : float
        Tracks that end per second, for each that is there.
    temper : float
        Power of the likelihood of one slice: slices a quarter of a window apart are not independent.
    horizon : float
        Seconds over which the lengths are compared.
    tracks : int
        Most tracks that may pass at once.
    """

    lengths: tuple[float, ...] = tuple(0.014 * math.sqrt(2.0) ** i for i in range(10))
    birth: float = 3.0
    death: float = 1.0
    temper: float = 0.6
    horizon: float = 0.05
    tracks: int = 4


@dataclass(frozen=True)
class TrackEstimate:
    """What the tracks say of one series.

    Parameters
    ----------
    signal : numpy.ndarray, shape (n,), complex64
        Posterior mean of the analytic signal.
    variance : numpy.ndarray, shape (n,)
        Posterior variance of its real part, between the tracks and within them.
    presence : numpy.ndarray, shape (n,)
        Probability that a track passes.
    freedom : numpy.ndarray, shape (n,)
        Amplitudes fitted per sample: one for each window that a track passes.
    evidence : numpy.ndarray, shape (n,)
        Logarithm of the likelihood ratio to noise, per sample.
    known : numpy.ndarray, shape (n,)
        Probability of a law that says how the signal goes on, its silence included, so that none of it passes
        unnoticed: zero for tracks.
    """

    signal: Any
    variance: Any
    presence: Any
    freedom: Any
    evidence: Any
    known: Any


def estimate_tracks(
    x: Any, sample_rate: float, band: tuple[float, float], model: TrackModel | None = None
) -> TrackEstimate:
    """Posterior mean of a signal whose frequency follows a track, in noise.

    Parameters
    ----------
    x : numpy.ndarray, shape (n,), complex
        Analytic series of white noise of unit variance (real and imaginary part together) plus signal.
    sample_rate : float
        Hz; frequencies go from 0 to it, the series being complex.
    band : tuple of float
        Lower and upper frequency of the tracks, Hz.
    model : TrackModel, optional
        Prior.

    Returns
    -------
    TrackEstimate
        Mean, variance and presence of the signal.

    Notes
    -----
    The lengths are averaged at every time with weights ``exp(E)``, where E is the log evidence of a length
    against noise over about `horizon` around that time. Every third length goes over the whole series, the
    others around what these leave of the series.

    Where a track was found, what is left of the series is searched for another, a tenth as likely, until no
    clear one is found or `tracks` have been: signals of several components, and what one chirp of a window
    cannot follow, as in matching pursuit [1]_.

    References
    ----------
    .. [1] S. Mallat and Z. Zhang, "Matching pursuits with time-frequency dictionaries", IEEE Trans. Signal
       Process. 41 (1993) 3397.
    """
    model = model or TrackModel()
    found = _one_track(x, sample_rate, band, model)
    add_tracks(x, sample_rate, band, model, found)
    return found


def add_tracks(
    x: Any, sample_rate: float, band: tuple[float, float], model: TrackModel, found: TrackEstimate
) -> None:
    """Search what an estimate leaves of a series for tracks, where it found something; in place.

    Parameters
    ----------
    x : numpy.ndarray, shape (n,), complex
        Analytic series of unit noise plus signal.
    sample_rate : float
        Hz.
    band : tuple of float
        Lower and upper frequency of the tracks, Hz.
    model : TrackModel
        Prior; beside another, a track is a tenth as likely.
    found : TrackEstimate
        Estimate that is added to.
    """
    beside = replace(model, birth=_RARER * model.birth)
    edge = round(_MARGIN * sample_rate * max(model.lengths))
    stretches = _awake(_loud(found.signal, model.horizon * sample_rate), edge)
    for _ in range(model.tracks - 1):
        again = []
        for a, b in stretches:
            rest = _one_track(x[a:b] - found.signal[a:b], sample_rate, band, beside)
            if np.sum(np.abs(rest.signal) ** 2) > _BESIDE:
                again.append((a, b))
                _add(found, rest, a, _fade(a, b, x.size, edge // 2))
        stretches = again


def _add(found: TrackEstimate, more: TrackEstimate, first: int, fade: Any) -> None:
    """Another track in a stretch, in place."""
    part = slice(first, first + fade.size)
    found.signal[part] += fade * more.signal
    found.variance[part] += fade * more.variance
    found.freedom[part] += fade * more.freedom
    found.evidence[part] += fade * more.evidence
    found.presence[part] += fade * more.presence * (1.0 - found.presence[part])


def _loud(signal: Any, reach: float) -> Any:
    """Where a signal holds more in `reach` samples, the horizon, than noise alone leaves."""
    return np.abs(signal) ** 2 * reach > _AWAKE


def _one_track(x: Any, sample_rate: float, band: tuple[float, float], model: TrackModel) -> TrackEstimate:
    levels = grid(tuple(t * sample_rate for t in model.lengths), band[0] / sample_rate, band[1] / sample_rate)
    scouts = levels[1::_STRIDE] or levels
    found = dict(zip(scouts, _solved(x, scouts, sample_rate, model), strict=True))
    reach = model.horizon * sample_rate
    mean = _averaged(list(found.values()), reach)
    rest = [level for level in levels if level not in found]
    if rest:
        edge = round(_MARGIN * levels[-1].length)
        for a, b in _awake(_loud(mean[0], reach), edge):
            more = dict(zip(rest, _solved(x[a:b], rest, sample_rate, model), strict=True))
            parts = [more[v] if v in more else tuple(q[a:b] for q in found[v]) for v in levels]
            fade = _fade(a, b, x.size, edge // 2)
            whole = _averaged(parts, reach)
            for old, new in zip(mean, whole, strict=True):
                old[a:b] += fade * (new - old[a:b])
    signal, second, presence, freedom, evidence = mean
    variance = np.maximum(second - np.abs(signal) ** 2, 0.0) / 2.0
    evidence /= model.temper * _COUNTED
    return TrackEstimate(signal, variance, np.clip(presence, 0.0, 1.0), freedom, evidence, np.zeros(x.size))


def _solved(
    x: Any, levels: Sequence[Level], sample_rate: float, model: TrackModel
) -> list[tuple[Any, Any, Any, Any, Any]]:
    coefficients = [analyse(x, level) for level in levels]
    # the tables end there: louder series are treated as if their noise were louder too
    peak = max(float(np.abs(c).max()) for c in coefficients)
    unit = max(1.0, peak / LOUDEST)
    return [
        _one_length(c, level, x.size, sample_rate, model, unit)
        for c, level in zip(coefficients, levels, strict=True)
    ]


def _averaged(found: list[tuple[Any, ...]], reach: float) -> tuple[Any, ...]:
    """Mean, mean square, presence, freedom and evidence over the lengths, weighted by evidence."""
    from scipy.ndimage import gaussian_filter1d

    rate = np.stack([f[4] for f in found])
    evidence = gaussian_filter1d(rate, reach / 2.5, axis=1, mode="nearest") * reach
    weights = np.exp(evidence - evidence.max(axis=0))
    weights /= weights.sum(axis=0)
    return tuple(sum(w * f[i] for w, f in zip(weights, found, strict=True)) for i in range(5))


def _awake(present: Any, edge: int) -> list[tuple[int, int]]:
    """Stretches with a track and their surroundings, joined where they touch."""
    out: list[tuple[int, int]] = []
    at = np.flatnonzero(np.diff(np.concatenate(([0], present.astype(np.int8), [0]))))
    for a, b in at.reshape(-1, 2).tolist():
        first, last = max(0, a - edge), min(present.size, b + edge)
        if out and first <= out[-1][1]:
            out[-1] = (out[-1][0], last)
        else:
            out.append((first, last))
    return out


def _fade(a: int, b: int, n: int, length: int) -> Any:
    """Rises and falls at ends that are not those of the series."""
    out = np.ones(b - a)
    rise = np.sin(np.pi / 2 * (np.arange(min(length, b - a)) + 0.5) / length) ** 2
    if a > 0:
        out[: rise.size] *= rise
    if b < n:
        out[b - a - rise.size :] *= rise[::-1]
    return out


def _one_length(
    c: Any, level: Level, n: int, sample_rate: float, model: TrackModel, unit: float
) -> tuple[Any, Any, Any, Any, Any]:
    """Mean, mean square, presence, freedom and log evidence per sample, each of shape (n,); uses `c` up."""
    from sigden.denoisers.tracks.coefficients_numba import quantise, scale
    from sigden.denoisers.tracks.moves_numba import amplitude_weights
    from sigden.denoisers.tracks.passes_numba import smooth_tracks

    table = tables(model.temper)
    index = np.empty(c.shape, dtype=np.uint16)
    quantise(c, PER_UNIT / unit, len(table.ratio) - 1, index)
    count, step = len(c), level.hop / sample_rate
    gain = np.empty(c.shape, dtype=np.float32)
    power, presence, evidence = np.empty(count), np.empty(count), np.empty(count)
    history = np.empty((count, len(RATES), level.bins * AMPLITUDES), dtype=np.float32)
    smooth_tracks(
        index, table.logarithm, table.ratio, table.mean, table.square, table.prior,
        model.birth * step, model.death * step, amplitude_weights(level.bins),
        history, gain, power, presence, evidence,
    )  # fmt: skip
    density = np.interp(np.arange(n), np.arange(count) * level.hop, evidence / level.hop)
    mean_square = spread(level, power * (unit / level.gain) ** 2, n)
    present = spread(level, presence, n)
    scale(c, gain)
    return place(level, c, n), mean_square, present, present / level.length, density
