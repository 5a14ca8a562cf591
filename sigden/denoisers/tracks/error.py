"""Standard error of the tracks' estimate: what the model says of itself, corrected by the residual."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from sigden.denoisers.tracks.estimate import TrackEstimate, TrackModel

__all__ = ["standard_error"]

# chosen on simulated signals of eight kinds, white noise and raw strain
_UNSEEN = 0.065  # of the noise: amplitude that may pass unnoticed anywhere
_NUMBERS = 2.0  # complex ones to be learnt for a window of a track: its amplitude; its frequency and rate
_FOLLOWED = 2.5  # complex numbers of it by which the estimate follows the noise
_MISSED = 1.5  # of the change from one length to the next
_SPREAD = 0.6  # relative, of the true mean square error about what the model expects
_REACH = 2.0  # horizons of the model over which the residual is looked at
_LEAST = 0.05


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
        Standard error.

    Notes
    -----
    The squared error e that is expected has a part for each cause,

    .. math:: e = 2 V p + (2 \\nu + 2 a^2) (1 - p) + \\tfrac{3}{2} c .

    Where a law says how the signal goes on, with the probability p (`known`), its posterior variance V. Along
    free tracks two complex numbers are learnt in each of the :math:`\\nu` windows per sample (`freedom`),
    amplitude with phase and frequency with chirp rate, each with the variance of the noise; detail below the
    threshold, of an amplitude a, is shrunk to nothing. What windows of one length cannot follow shows in
    the change c of the estimate to the next length, as the error of a step shows when the step is changed.

    The local factor k by which the true error differs is taken from the residual r: Stein's unbiased risk
    [1]_ measures :math:`k e` at every sample with the variance :math:`(1 + e)^2` of a squared residual,

    .. math:: \\hat R = |r|^2 - \\sigma^2 + 2 d,

    with the divergence d: :math:`\\tfrac{5}{2} \\nu` of free tracks, :math:`\\nu` of a law. k is the
    linear Bayes estimate [2]_ of mean 1 and spread s before the data, with Gaussian weights g in time:

    .. math:: k = \\frac{1/s^2 + \\sum g\\, e \\hat R / (1 + e)^2}{1/s^2 + \\sum g\\, e^2 / (1 + e)^2}.

    References
    ----------
    .. [1] C. M. Stein, "Estimation of the mean of a multivariate normal distribution", Ann. Stat. 9 (1981)
       1135, theorem 1.
    .. [2] J. A. Hartigan, "Linear Bayesian methods", J. R. Stat. Soc. B 31 (1969) 446.
    """
    from scipy.ndimage import gaussian_filter1d

    model = model or TrackModel()
    width = _REACH * model.horizon * sample_rate
    # the filter's weights sum to one; those of the sums are one at the sample itself
    samples = math.sqrt(2.0 * math.pi) * width
    free = 1.0 - found.known
    learnt = 2.0 * found.variance * found.known + _NUMBERS * found.freedom * free
    expected = learnt + 2.0 * _UNSEEN**2 * free + _MISSED * found.change
    followed = found.freedom * (found.known + _FOLLOWED * free)
    risk = np.abs(x - found.signal) ** 2 - power + 2.0 * followed
    weight = expected / (1.0 + expected) ** 2
    told, known = (
        samples * gaussian_filter1d(weight * value, width, mode="constant") for value in (risk, expected)
    )
    factor = np.maximum((1.0 / _SPREAD**2 + told) / (1.0 / _SPREAD**2 + known), _LEAST)
    return np.sqrt(factor * expected / 2.0)
