"""rROF whose strength follows the data in time, without truth and without a tuned weight."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from sigden.denoisers.tv.rrof import RROF
from sigden.strain.filters import band_pass

__all__ = ["LocalEstimate", "adaptive_rrof", "local_risk"]

# weights on total variation for unit white noise sampled at the critical rate, twice the bandwidth
_STRENGTHS = (0.3, 0.45, 0.65, 1.0, 1.5, 2.2, 3.3)
_TEMPERATURE = 8.0
_WINDOW_SAMPLES = 64.0
_PROBES = 2
_PROBE_STEP = 0.3
_SEED = 20150914


@dataclass(frozen=True)
class LocalEstimate:
    """Estimate of a stretch, its standard error, and the worst certificate of the solves behind it."""

    estimate: Any
    uncertainty: Any
    gap: float
    iterations: int


Estimator = Callable[[Any], tuple[Any, float, int]]


def adaptive_rrof(
    z: Any, sample_rate: float, band: tuple[float, float], *, beta: float = 1e-4
) -> LocalEstimate:
    """Average of rROF estimates of several strengths, weighted in time by their unbiased risk.

    Parameters
    ----------
    z : numpy.ndarray, shape (n,)
        Whitened strain of unit variance, limited to `band`, without gaps.
    sample_rate : float
        Hz.
    band : tuple of float
        Lower and upper edge in Hz.
    beta : float
        As in `RROF`.

    Returns
    -------
    LocalEstimate
        The estimate in the band and its standard error.

    Notes
    -----
    In a band of width B unit-variance noise is as good as white at the rate 2B, so a weight w there is ``w *
    sample_rate / (2 B)`` at the sample rate. For each of seven such weights, and for the zero estimate,
    Stein's unbiased risk is taken with probes coloured like the noise and averaged over about 64 independent
    samples; the estimates are averaged with weights ``exp(-n risk / T)`` at the temperature ``T = 8
    sigma^2``, for which the average is within ``T log(K) / n`` of the best of the K estimates where they are
    affine [1]_.

    References
    ----------
    .. [1] A. S. Dalalyan and J. Salmon, "Sharp oracle inequalities for aggregation of affine estimators",
       Ann. Stat. 40 (2012), theorem 1.
    """
    critical = sample_rate / (2.0 * (band[1] - band[0]))
    probes = _coloured_probes(z.size, sample_rate, band)
    stack = np.stack([z, *(z + _PROBE_STEP * p for p in probes)])
    method = RROF(regularization=0.0, beta=beta)
    estimates, risks = [np.zeros_like(z)], [_smooth(z * z - 1.0, sample_rate, band)]
    gap, iterations = 0.0, 0
    for strength in _STRENGTHS:
        found = method.minimise(stack, np.full(len(stack), strength * critical))
        filtered = band_pass(found.estimate, sample_rate, band)
        gap, iterations = max(gap, float(np.max(found.gap))), iterations + int(np.max(found.iterations))
        estimates.append(filtered[0])
        risks.append(_risk(z, filtered[0], filtered[1:], probes, sample_rate, band))
    return _average(np.stack(estimates), np.stack(risks), gap, iterations)


def local_risk(z: Any, estimator: Estimator, sample_rate: float, band: tuple[float, float]) -> LocalEstimate:
    """One estimator with its local standard error, by the same coloured unbiased risk.

    Parameters
    ----------
    z : numpy.ndarray, shape (n,)
        Whitened strain of unit variance, limited to `band`, without gaps.
    estimator : callable
        ``estimator(rows) -> (estimates, gap, iterations)`` for rows of shape (batch, n).
    sample_rate : float
        Hz.
    band : tuple of float
        Lower and upper edge in Hz.

    Returns
    -------
    LocalEstimate
        The estimate in the band and its standard error.
    """
    probes = _coloured_probes(z.size, sample_rate, band)
    rows, gap, iterations = estimator(np.stack([z, *(z + _PROBE_STEP * p for p in probes)]))
    filtered = band_pass(rows, sample_rate, band)
    risk = _risk(z, filtered[0], filtered[1:], probes, sample_rate, band)
    return _average(filtered[:1], risk[None, :], gap, iterations)


def _average(estimates: Any, risks: Any, gap: float, iterations: int) -> LocalEstimate:
    weights = np.exp(-(risks - risks.min(axis=0)) * (_WINDOW_SAMPLES / _TEMPERATURE))
    weights /= weights.sum(axis=0)
    estimate = np.sum(weights * estimates, axis=0)
    # the risk of an average is at most the average of the risks; one standard error of it on top
    risk = np.maximum(np.sum(weights * risks, axis=0), 0.0)
    risk += np.sqrt(risk / _WINDOW_SAMPLES)
    floor = 1.0 / _WINDOW_SAMPLES
    return LocalEstimate(estimate, np.sqrt(np.maximum(risk, floor)), gap, iterations)


def _risk(
    z: Any, estimate: Any, moved: Any, probes: Any, sample_rate: float, band: tuple[float, float]
) -> Any:
    slope = np.mean(probes * (moved - estimate), axis=0) / _PROBE_STEP
    return _smooth((estimate - z) ** 2 - 1.0 + 2.0 * slope, sample_rate, band)


def _smooth(values: Any, sample_rate: float, band: tuple[float, float]) -> Any:
    """Three running means, nearly a Gaussian window, at a cost that does not grow with its width."""
    from scipy.ndimage import uniform_filter1d

    # a Gaussian window of width s averages sqrt(4 pi) s independent samples
    width = _WINDOW_SAMPLES / (math.sqrt(4.0 * math.pi) * 2.0 * (band[1] - band[0])) * sample_rate
    size = max(1, min(round(math.sqrt(4.0 * width * width + 1.0)), values.size))
    for _ in range(3):
        values = uniform_filter1d(values, size, mode="reflect")
    return values


def _coloured_probes(n: int, sample_rate: float, band: tuple[float, float]) -> Any:
    rng = np.random.default_rng(_SEED)
    probes = band_pass(rng.standard_normal((_PROBES, n)), sample_rate, band)
    return probes / probes.std(axis=-1, keepdims=True)
