"""What a score says about its own assumptions: the noise level, and how unique a denoised signal is."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from sigden.arrays import as_floating, device_of, namespace, require_finite
from sigden.errors import InputError, ParameterError
from sigden.score.denoiser_score import DenoiserScore

__all__ = ["blind_sigma", "uniqueness"]

_GOLDEN = (math.sqrt(5) - 1) / 2
_PRECISION = 1e-4  # relative width at which the search ends


def blind_sigma(y: Any, score: Any) -> float:
    """Noise level at which Tweedie's estimate is smoothest: Noise2Score's criterion.

    Parameters
    ----------
    y : array, shape (..., length)
        Noisy data; total variation is taken along all axes.
    score : array
        Gradient of their log-density, known without the noise level (from `KernelDensity`,
        `RandomFeatureScore` or a network).

    Returns
    -------
    float
        The sigma that minimises the total variation of ``y + sigma^2 score(y)``, a convex problem in sigma^2.

    Raises
    ------
    InputError
        If no noise level makes the data smoother: the score then belongs to other data.

    Notes
    -----
    It rests on the signal being smoother than its noise along the axes.

    References
    ----------
    .. [1] K. Kim and J. C. Ye, "Noise2Score: Tweedie's approach to self-supervised image denoising without
       clean images", NeurIPS 34 (2021), section 3.3.
    """
    y, score = as_floating(y, "y"), as_floating(score, "score")
    if tuple(y.shape) != tuple(score.shape):
        raise InputError(f"score: shape {tuple(score.shape)} is not that of y, {tuple(y.shape)}")
    require_finite(y, "y")
    require_finite(score, "score")
    xp = namespace(y)
    pieces = [(xp.diff(y, axis=a), xp.diff(score, axis=a)) for a in range(y.ndim) if y.shape[a] > 1]
    if not pieces:
        raise InputError(f"y: needs neighbours, got shape {tuple(y.shape)}")

    def variation(square: float) -> float:
        return sum(float(xp.sum(xp.abs(a + square * b), dtype=xp.float64)) for a, b in pieces)

    start = variation(0.0)
    slope = sum(float(xp.sum(xp.abs(b), dtype=xp.float64)) for _, b in pieces)
    # beyond this the total variation has passed that of the data again
    low, high = 0.0, 2 * start / slope if slope > 0 else 0.0
    if not high > 0 or not variation(1e-6 * high) < start:
        raise InputError("score: no noise level makes the data smoother; is it the score of these data?")
    while high - low > _PRECISION * high:
        left, right = high - _GOLDEN * (high - low), low + _GOLDEN * (high - low)
        if variation(left) <= variation(right):
            high = right
        else:
            low = left
    return math.sqrt(0.5 * (low + high))


def uniqueness(denoiser: Any, x: Any, sigma: float, *, draws: int = 8, seed: int = 0) -> Any:
    """How badly a denoiser restores a signal that is made noisy again.

    Parameters
    ----------
    denoiser : Denoiser or callable
        As for `DenoiserScore`.
    x : array
        Signal, for example a denoised one.
    sigma : float
        Standard deviation of the noise that is added.
    draws : int, default 8
        Number of noisy copies.
    seed : int, default 0
        Of the noise.

    Returns
    -------
    array
        Mean over the copies of ``(D(x + sigma e) - x)^2 / sigma^2`` at each sample: 0 where the denoiser
        expects what is there, 1 where it knows no better than the noise, above where it destroys it.

    Notes
    -----
    Signals of a kind that the denoiser (or its training data) does not know are restored badly; the mean over
    samples is the risk of the denoiser at `x`, in units of the noise.
    """
    if draws < 1:
        raise ParameterError(f"draws: must be at least 1, got {draws}")
    score = DenoiserScore(denoiser, sigma)
    x = as_floating(x, "x")
    require_finite(x, "x")
    xp = namespace(x)
    random = np.random.default_rng(seed)
    total = xp.zeros_like(x)
    for _ in range(draws):
        noise = xp.asarray(random.standard_normal(x.shape), dtype=x.dtype, device=device_of(x))
        total = total + ((score.posterior_mean(x + sigma * noise) - x) / sigma) ** 2
    return total / draws
