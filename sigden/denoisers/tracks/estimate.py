"""Posterior mean of the signal over tracks of several lengths."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from sigden.denoisers.tracks.chirplets import Level, analyse, grid, place, spread
from sigden.denoisers.tracks.likelihood import LOUDEST, PER_UNIT, tables

__all__ = ["TrackEstimate", "TrackModel", "estimate_tracks"]


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
    """

    lengths: tuple[float, ...] = tuple(0.014 * math.sqrt(2.0) ** i for i in range(10))
    birth: float = 3.0
    death: float = 1.0
    temper: float = 0.6
    horizon: float = 0.05


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
    """

    signal: Any
    variance: Any
    presence: Any


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
    against noise over about `horizon` around that time.
    """
    from scipy.ndimage import gaussian_filter1d

    model = model or TrackModel()
    levels = grid(tuple(t * sample_rate for t in model.lengths), band[0] / sample_rate, band[1] / sample_rate)
    coefficients = [analyse(x, level) for level in levels]
    # the tables end there: louder series are treated as if their noise were louder too
    peak = max(float(np.abs(c).max()) for c in coefficients)
    unit = max(1.0, peak / LOUDEST)
    found = [
        _one_length(c, level, x.size, sample_rate, model, unit)
        for c, level in zip(coefficients, levels, strict=True)
    ]
    reach = model.horizon * sample_rate
    rate = np.stack([f[3] for f in found])
    evidence = gaussian_filter1d(rate, reach / 2.5, axis=1, mode="nearest") * reach
    weights = np.exp(evidence - evidence.max(axis=0))
    weights /= weights.sum(axis=0)
    signal = sum(w * f[0] for w, f in zip(weights, found, strict=True))
    second = sum(w * f[1] for w, f in zip(weights, found, strict=True))
    presence = sum(w * f[2] for w, f in zip(weights, found, strict=True))
    variance = np.maximum(second - np.abs(signal) ** 2, 0.0) / 2.0
    return TrackEstimate(signal, variance, np.clip(presence, 0.0, 1.0))


def _one_length(
    c: Any, level: Level, n: int, sample_rate: float, model: TrackModel, unit: float
) -> tuple[Any, Any, Any, Any]:
    """Mean, mean square, presence and log evidence per sample, each of shape (n,)."""
    from sigden.denoisers.tracks.passes_numba import smooth_tracks

    table = tables(model.temper)
    top = table.ratio.shape[1] - 1
    index = np.minimum(np.abs(c) * np.float32(PER_UNIT / unit) + np.float32(0.5), top).astype(np.int32)
    count, step = len(c), level.hop / sample_rate
    gain = np.zeros(c.shape, dtype=np.float32)
    power, presence, evidence = np.empty(count), np.empty(count), np.empty(count)
    history = np.empty((count, len(table.ratio), *c.shape[1:]), dtype=np.float32)
    smooth_tracks(
        index, table.logarithm, table.ratio, table.mean, table.square, table.prior,
        model.birth * step, model.death * step, history, gain, power, presence, evidence,
    )  # fmt: skip
    density = np.interp(np.arange(n), np.arange(count) * level.hop, evidence / level.hop)
    mean_square = spread(level, power * (unit / level.gain) ** 2, n)
    return place(level, c * gain, n), mean_square, spread(level, presence, n), density
