"""Standard error of the tracks' estimate: what the model says of itself, corrected by the residual."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from sigden.denoisers.tracks.estimate import TrackEstimate, TrackModel
from sigden.denoisers.tracks.level import noise_level
from sigden.denoisers.tracks.missed import missed_energy

__all__ = ["standard_error"]

# chosen on simulated signals of eight kinds, white noise and raw strain
_LAW = 1.7  # of the posterior variance of a law: 2 for a normal law, less for the middle of one with tails
_TRACKS = 0.8  # of that of free tracks, in part counted as learnt
_LEARNT = 2.0  # complex numbers for a window of a track: amplitude and phase, frequency and rate
_LATE = 0.03  # horizons by which a rise of the amplitude may come early or late
_LEAKED = 0.0014  # of the energy within a horizon
_UNSEEN, _QUIET = 0.1, 0.01  # of the noise: amplitude that may pass unnoticed, alone and beside a signal
_FOLLOWED = 2.5  # complex numbers of a window by which the estimate follows the noise
_SPREAD = 0.6  # relative, of the true mean square error about what the model expects
_REACH = 2.0  # horizons over which the residual is looked at for it
_LEAST = 0.05
_CHANCE, _MISSED = 0.001, 0.15  # that something was missed, and its mean energy
# in horizons
_WINDOW = 0.28  # of the shortest tracks: what errs together, and what is missed at once
_RISE = 0.05, 0.1  # over which the amplitude and its change are averaged
_FINE = 0.2  # inverse ones: resolution of the noise spectrum
_BESIDE = 2.0
_MOST_LOUDER = 4.0


def standard_error(
    x: Any, sample_rate: float, found: TrackEstimate, model: TrackModel | None = None, *, power: float = 1.0
) -> Any:
    """Local standard error of the real part of an estimate.

    Parameters
    ----------
    x : numpy.ndarray, shape (n,), complex
        Series that was given to `estimate_tracks`.
    sample_rate : float
        Hz.
    found : TrackEstimate
        What it gave.
    model : TrackModel, optional
        Prior it was given.
    power : float
        Mean square of the noise in `x`: below 1 where a part of the frequencies is empty.

    Returns
    -------
    numpy.ndarray, shape (n,)
        Standard error: half the width of a band that holds 68 % of the errors.

    Notes
    -----
    The squared error e that is expected has a part for each cause,

    .. math:: e = L \\left[ 1.7\\, V p + (0.8\\, V + 2 \\nu S / \\bar S) (1 - p) \\right]
        + \\tau^2 \\dot A^2 + 0.0014\\, \\tilde S + 2 b^2 + 2 a^2 (1 - p) (1 - q) .

    Where a law says how the signal goes on, with the probability p (`known`), its posterior variance V.
    Along free tracks the variance between the tracks, and two complex numbers that are learnt in each of the
    :math:`\\nu` windows per sample (`freedom`): amplitude with phase, frequency with chirp rate. Their
    error has the course of the estimate's power S about its mean :math:`\\bar S` over the shortest window:
    a window reaches over silence, the error does not. All these are as large as the noise is at
    the frequencies of the signal, L (`noise_level`). Amplitudes that rise and fall quickly, :math:`\\dot A`,
    do so early or late by a time :math:`\\tau`. A small part of the energy within a horizon,
    :math:`\\tilde S`, is not of the model's kind. Where no law speaks and nothing was found nearby
    (q, from `presence`), an amplitude a may pass unnoticed, elsewhere b.

    The local factor k by which the true error differs is taken from the residual r: Stein's unbiased risk
    [1]_ measures :math:`k e` at every sample with the variance :math:`(1 + e)^2` of a squared residual,

    .. math:: \\hat R = |r|^2 - \\sigma^2 + 2 d,

    with the divergence d: :math:`\\tfrac{5}{2} \\nu` of free tracks, :math:`\\nu` of a law. k is the
    linear Bayes estimate [2]_ of mean 1 and spread s before the data, with Gaussian weights g in time:

    .. math:: k = \\frac{1/s^2 + \\sum g\\, e \\hat R / (1 + e)^2}{1/s^2 + \\sum g\\, e^2 / (1 + e)^2}.

    A factor cannot tell of a signal that was missed where little was expected. Rarely there is one: what
    :math:`\\hat R`, averaged over the shortest window, says of it is added (`missed_energy`).

    The errors are no single normal law, since some tracks are wrong altogether: the constants were chosen
    for the share of errors within one standard error; their rms over it is 1.0 to 1.2.

    References
    ----------
    .. [1] C. M. Stein, "Estimation of the mean of a multivariate normal distribution", Ann. Stat. 9 (1981)
       1135, theorem 1.
    .. [2] J. A. Hartigan, "Linear Bayesian methods", J. R. Stat. Soc. B 31 (1969) 446.
    """
    model = model or TrackModel()
    horizon = model.horizon * sample_rate
    window = _WINDOW * horizon
    free, residual = 1.0 - found.known, x - found.signal
    level = noise_level(residual, found.signal, _FINE / horizon, window)
    expected = _expected(found, level, horizon)
    followed = found.freedom * (found.known + _FOLLOWED * free)
    risk = np.abs(residual) ** 2 - power + 2.0 * followed
    expected *= _factor(risk, expected, _REACH * horizon)
    # a Gaussian mean of deviation s averages sqrt(4 pi) s samples
    spread = (1.0 + expected) / math.sqrt(math.sqrt(4.0 * math.pi) * max(window, 1.0))
    expected += missed_energy(_mean(risk, window) - expected, spread, _CHANCE, _MISSED)
    return np.sqrt(expected / 2.0)


def _mean(values: Any, width: float) -> Any:
    """Gaussian mean, silence beyond the ends."""
    from scipy.ndimage import gaussian_filter1d

    return gaussian_filter1d(values, width, mode="constant")


def _expected(found: TrackEstimate, level: Any, horizon: float) -> Any:
    """Squared error by the model alone."""
    free = 1.0 - found.known
    power = np.abs(found.signal.astype(np.complex128)) ** 2
    louder = np.minimum(power / np.maximum(_mean(power, _WINDOW * horizon), 1e-6), _MOST_LOUDER)
    learnt = found.variance * (_LAW * found.known + _TRACKS * free) + _LEARNT * found.freedom * louder * free
    amplitude = np.sqrt(_mean(power, _RISE[0] * horizon) + _QUIET**2)
    late = _mean((_LATE * horizon * np.gradient(amplitude)) ** 2, _RISE[1] * horizon)
    alone = free * (1.0 - _nearby(found.presence, _BESIDE * horizon))
    unseen = _LEAKED * _mean(power, horizon) + 2.0 * (_QUIET**2 + _UNSEEN**2 * alone)
    return level * learnt + late + unseen


def _nearby(presence: Any, reach: float) -> Any:
    """Probability that a track passes within reach, smooth in time."""
    from scipy.ndimage import maximum_filter1d

    return np.clip(_mean(maximum_filter1d(presence, 2 * round(reach) + 1), reach / 2.0), 0.0, 1.0)


def _factor(risk: Any, expected: Any, width: float) -> Any:
    """True over expected error, by the risk over some width."""
    # the filter's weights sum to one; those of the sums are one at the sample itself
    samples = math.sqrt(2.0 * math.pi) * width
    weight = expected / (1.0 + expected) ** 2
    told, known = (samples * _mean(weight * value, width) for value in (risk, expected))
    return np.maximum((1.0 / _SPREAD**2 + told) / (1.0 / _SPREAD**2 + known), _LEAST)
