"""Standard error of the tracks' estimate: what the model says of itself, corrected by the residual."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from sigden.denoisers.tracks.estimate import TrackEstimate, TrackModel

__all__ = ["standard_error"]

# chosen on simulated signals of eight kinds (benchmarks/strain_kinds.py, seeds 101 and 303)
_UNSEEN = 0.1  # of the noise: amplitude that may pass unnoticed anywhere
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
    The model expects the squared error :math:`e = \\tau V + 2 a^2`: the posterior variance V, which is that
    of a likelihood to the power of the temper :math:`\\tau`, and an amplitude a that no track finds. Bursts
    that are no chirps err by more and clean chirps by less, by a factor k that changes slowly. Stein's
    unbiased risk [1]_ measures :math:`k e` at every sample with the variance :math:`(1 + e)^2` of a squared
    residual r,

    .. math:: \\hat R = |r|^2 - \\sigma^2 + 2 \\nu,

    where the divergence :math:`\\nu` is that of one free amplitude for each window of a track. k is the
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
    expected = 2.0 * (model.temper * found.variance + _UNSEEN**2 * (1.0 - found.known))
    risk = np.abs(x - found.signal) ** 2 - power + 2.0 * found.freedom
    weight = expected / (1.0 + expected) ** 2
    told, known = (
        samples * gaussian_filter1d(weight * value, width, mode="constant") for value in (risk, expected)
    )
    factor = np.maximum((1.0 / _SPREAD**2 + told) / (1.0 / _SPREAD**2 + known), _LEAST)
    return np.sqrt(factor * expected / 2.0)
