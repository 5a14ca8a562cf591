"""Tweedie's formula for Gaussian, Poisson, gamma and mixed noise, and the rules that theory puts on it."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from sigden.arrays import as_floating, namespace, require_finite
from sigden.errors import InputError, ParameterError
from sigden.score.density import FittedDensity, check_samples, numpy_floating

__all__ = [
    "gamma_posterior_mean",
    "gaussian_posterior_mean",
    "monotone",
    "poisson_gauss_posterior_mean",
    "poisson_posterior_mean",
    "robbins",
]


def gaussian_posterior_mean(y: Any, score: Any, sigma: Any) -> Any:
    """Posterior mean under Gaussian noise, ``y + sigma^2 score``.

    Parameters
    ----------
    y : array
        Noisy data, any shape and array library.
    score : array
        Gradient of their log-density, in the shape of `y`.
    sigma : float or array
        Standard deviation of the noise.

    Returns
    -------
    array
        In the shape of `y`. With a minus sign before the score it undoes shrinkage:
        ``2 y - gaussian_posterior_mean(y, score, sigma)``.

    References
    ----------
    .. [1] B. Efron, "Tweedie's formula and selection bias", J. Am. Stat. Assoc. 106 (2011) 1602, eq. 1.4.
    """
    y, score = _pair(y, score)
    return y + sigma**2 * score


def poisson_posterior_mean(y: Any, score: Any, gain: float = 1.0) -> Any:
    """Posterior mean under Poisson noise, in the form of Noise2Score.

    Parameters
    ----------
    y : array
        Data, `gain` times Poisson counts.
    score : array
        Gradient of their log-density with respect to `y`, taken as continuous.
    gain : float, default 1
        Unit of one count.

    Returns
    -------
    array
        ``(y + gain/2) exp(gain score)``.

    Notes
    -----
    Robbins' ratio ``(n + 1) p(n + 1) / p(n)`` with the difference of logarithms replaced by a derivative; for
    counts from about ten the two agree, for fewer `robbins` is exact.

    References
    ----------
    .. [1] K. Kim and J. C. Ye, "Noise2Score: Tweedie's approach to self-supervised image denoising without
       clean images", NeurIPS 34 (2021), proposition 1 and table 1.
    """
    y, score = _pair(y, score)
    _require_positive(gain, "gain")
    return (y + gain / 2) * namespace(y).exp(gain * score)


def gamma_posterior_mean(y: Any, score: Any, shape: float) -> Any:
    """Posterior mean under multiplicative gamma noise of mean one.

    Parameters
    ----------
    y : array
        Data, a signal times gamma noise of the given shape and rate (speckle of `shape` looks); positive.
    score : array
        Gradient of their log-density.
    shape : float
        Shape of the noise, above 1; its variance is ``1 / shape``.

    Returns
    -------
    array
        ``shape y / ((shape - 1) - y score)``.

    Raises
    ------
    InputError
        If the denominator is not positive anywhere, which no density of such data allows; the index is named.

    References
    ----------
    .. [1] K. Kim and J. C. Ye, "Noise2Score: Tweedie's approach to self-supervised image denoising without
       clean images", NeurIPS 34 (2021), table 1.
    """
    y, score = _pair(y, score)
    if not 1 < shape < math.inf:
        raise ParameterError(f"shape: must be above 1 and finite, got {shape}")
    below = (shape - 1) - y * score
    bad = ~(below > 0)
    if bool(namespace(y).any(bad)):
        raise InputError(
            "score: y score reaches shape - 1, so this is not the score of data with gamma noise of that "
            "shape; smooth it more, or check the shape"
        )
    return shape * y / below


def poisson_gauss_posterior_mean(y: Any, density: FittedDensity, sigma: float, gain: float = 1.0) -> Any:
    """Posterior mean of the intensity under Poisson counts with Gaussian read-out noise.

    Parameters
    ----------
    y : array_like
        Data ``gain n + sigma e`` with Poisson counts n and standard normal e, NumPy.
    density : FittedDensity
        Density f of such data.
    sigma : float
        Standard deviation of the read-out noise.
    gain : float, default 1
        Unit of one count.

    Returns
    -------
    numpy.ndarray
        Posterior mean of the expected value of `y`, not negative; it never falls as `y` grows.

    Notes
    -----
    Exact for the true density: since Robbins' ratio holds given the counts and Tweedie's formula gives the
    counts' mean,

    .. math:: E[\\lambda | y] = \\left(y + g + \\sigma^2 l'(y + g)\\right) \\frac{f(y + g)}{f(y)},

    with the gain g and ``l = log f``. Without read-out noise it is Robbins' rule.

    References
    ----------
    .. [1] H. Robbins, "An empirical Bayes approach to statistics", Proc. Third Berkeley Symp. 1 (1956) 157.
    """
    _require_positive(sigma, "sigma")
    _require_positive(gain, "gain")
    y = numpy_floating(y, "y")
    require_finite(y, "y")
    counts = density.posterior_mean(y + gain, sigma)
    rule = np.maximum(counts, 0) * np.exp(density.log_density(y + gain) - density.log_density(y))
    return monotone(y, rule)


def robbins(counts: Any, *, rising: bool = True) -> Any:
    """Robbins' rule for Poisson means, ``(n + 1) p(n + 1) / p(n)`` with the observed frequencies p.

    Parameters
    ----------
    counts : array_like of int
        Counts, not negative, NumPy; any shape.
    rising : bool, default True
        Enforce that the posterior mean does not fall as the count grows, by least squares weighted with the
        frequencies. The raw rule is zero wherever the next count was never seen.

    Returns
    -------
    numpy.ndarray
        Posterior mean of each.

    Raises
    ------
    InputError
        If a value is not a whole number or negative.

    References
    ----------
    .. [1] H. Robbins, "An empirical Bayes approach to statistics", Proc. Third Berkeley Symp. 1 (1956) 157.
    .. [2] L. D. Brown, E. Greenshtein and Y. Ritov, "The Poisson compound decision problem revisited", J. Am.
       Stat. Assoc. 108 (2013) 741, section 3.
    """
    values, _, _ = check_samples(counts, None, None, least=1)
    if np.any(values < 0) or np.any(values != np.floor(values)):
        index = int(np.argmax((values < 0) | (values != np.floor(values))))
        raise InputError(f"counts: {values[index]:g} at index {index} is not a count")
    seen, place, frequency = np.unique(values.astype(np.int64), return_inverse=True, return_counts=True)
    following = np.searchsorted(seen, seen + 1)
    inside = following < seen.size
    following = np.where(inside, following, 0)
    next_frequency = np.where(inside & (seen[following] == seen + 1), frequency[following], 0)
    rule = (seen + 1) * next_frequency / frequency
    if rising:
        rule = monotone(seen.astype(np.float64), rule, frequency.astype(np.float64))
    return rule[place].reshape(np.shape(counts))


def monotone(y: Any, rule: Any, weights: Any = None) -> Any:
    """Nearest rule that does not fall as the data grow.

    Parameters
    ----------
    y : array_like
        Data, NumPy; any shape.
    rule : array_like
        Estimate at each, in the shape of `y`.
    weights : array_like, optional
        Weight of each in the sum of squares.

    Returns
    -------
    numpy.ndarray
        Isotonic regression of the rule on the data; equal data get equal values.

    Notes
    -----
    The posterior mean rises with the datum for every prior wherever the noise has a monotone likelihood
    ratio: Gaussian noise of one level, Poisson, gamma, and Poisson with Gaussian read-out.

    References
    ----------
    .. [1] J. C. van Houwelingen and T. Stijnen, "Monotone empirical Bayes estimators for the continuous
       one-parameter exponential family", Statist. Neerlandica 37 (1983) 29.
    """
    from scipy.optimize import isotonic_regression

    y, rule = numpy_floating(y, "y"), numpy_floating(rule, "rule")
    if y.shape != rule.shape:
        raise InputError(f"rule: shape {rule.shape} is not that of y, {y.shape}")
    require_finite(y, "y")
    require_finite(rule, "rule")
    each = np.ones(y.size) if weights is None else np.asarray(weights, dtype=np.float64).reshape(-1)
    _, place = np.unique(y.reshape(-1), return_inverse=True)
    mass = np.bincount(place, each)
    mean = np.bincount(place, each * rule.reshape(-1)) / mass
    return isotonic_regression(mean, weights=mass).x[place].reshape(y.shape).astype(rule.dtype)


def _pair(y: Any, score: Any) -> tuple[Any, Any]:
    y, score = as_floating(y, "y"), as_floating(score, "score")
    if tuple(y.shape) != tuple(score.shape):
        raise InputError(f"score: shape {tuple(score.shape)} is not that of y, {tuple(y.shape)}")
    return y, score


def _require_positive(value: float, name: str) -> None:
    if not 0 < value < math.inf:
        raise ParameterError(f"{name}: must be positive and finite, got {value}")
