"""Estimate of a stretch with its local standard error, of any denoiser by its unbiased risk."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from sigden.solvers import Solution
from sigden.strain.filters import band_pass

__all__ = ["LocalEstimate", "local_risk"]

_WINDOW_SAMPLES = 64.0
_PROBE_STEP = 0.3
_SEED = 20150914


@dataclass(frozen=True)
class LocalEstimate:
    """Estimate of a stretch, its standard error, and the worst gap of the solves behind it."""

    estimate: Any
    uncertainty: Any
    gap: float
    iterations: int
    certificate: str = "closed form"


Solve = Callable[[Any], Solution]


def local_risk(z: Any, solve: Solve, sample_rate: float, band: tuple[float, float]) -> LocalEstimate:
    """A denoiser's estimate with its local standard error.

    Parameters
    ----------
    z : numpy.ndarray, shape (n,)
        Whitened strain of unit variance, limited to `band`, without gaps.
    solve : callable
        ``solve(rows) -> Solution`` for rows of shape (batch, n).
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
    Stein's unbiased risk, its divergence taken with one probe coloured like the noise, averaged over about 64
    independent samples: the denoiser runs twice.
    """
    probe = _coloured_probe(z.size, sample_rate, band)
    solution = solve(np.stack([z, z + _PROBE_STEP * probe]))
    estimate, moved = band_pass(solution.estimate, sample_rate, band)
    slope = probe * (moved - estimate) / _PROBE_STEP
    risk = _smooth((estimate - z) ** 2 - 1.0 + 2.0 * slope, sample_rate, band)
    # one standard error of the risk on top
    risk = np.maximum(risk, 0.0)
    risk += np.sqrt(risk / _WINDOW_SAMPLES)
    error = np.sqrt(np.maximum(risk, 1.0 / _WINDOW_SAMPLES))
    certificate = solution.details["certificate"]
    return LocalEstimate(estimate, error, solution.gap, solution.iterations, certificate)


def _smooth(values: Any, sample_rate: float, band: tuple[float, float]) -> Any:
    """Three running means, nearly a Gaussian window, at a cost that does not grow with its width."""
    from scipy.ndimage import uniform_filter1d

    # a Gaussian window of width s averages sqrt(4 pi) s independent samples
    width = _WINDOW_SAMPLES / (math.sqrt(4.0 * math.pi) * 2.0 * (band[1] - band[0])) * sample_rate
    size = max(1, min(round(math.sqrt(4.0 * width * width + 1.0)), values.size))
    for _ in range(3):
        values = uniform_filter1d(values, size, mode="reflect")
    return values


def _coloured_probe(n: int, sample_rate: float, band: tuple[float, float]) -> Any:
    probe = band_pass(np.random.default_rng(_SEED).standard_normal(n), sample_rate, band)
    return probe / probe.std()
