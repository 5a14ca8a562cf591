"""Estimate of a stretch with its local standard error, of any denoiser by its unbiased risk."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from sigden.strain.filters import band_pass

__all__ = ["LocalEstimate", "local_risk"]

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


def local_risk(z: Any, estimator: Estimator, sample_rate: float, band: tuple[float, float]) -> LocalEstimate:
    """One estimator with its local standard error.

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

    Notes
    -----
    Stein's unbiased risk, its divergence taken with probes coloured like the noise, averaged over about 64
    independent samples.
    """
    probes = _coloured_probes(z.size, sample_rate, band)
    rows, gap, iterations = estimator(np.stack([z, *(z + _PROBE_STEP * p for p in probes)]))
    filtered = band_pass(rows, sample_rate, band)
    risk = _risk(z, filtered[0], filtered[1:], probes, sample_rate, band)
    # one standard error of the risk on top
    risk = np.maximum(risk, 0.0)
    risk += np.sqrt(risk / _WINDOW_SAMPLES)
    return LocalEstimate(filtered[0], np.sqrt(np.maximum(risk, 1.0 / _WINDOW_SAMPLES)), gap, iterations)


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
