"""Widths of a Gaussian kernel, from binned samples."""

from __future__ import annotations

import math
from typing import Any, Literal

import numpy as np

__all__ = ["BandwidthRule", "choose_bandwidth", "robust_scale"]

BandwidthRule = Literal["derivative-plug-in", "derivative", "plug-in", "silverman", "scott"]

_NORMAL_RANGE = 1.3489795003921634  # interquartile range of the standard normal
_REACH = 8.0  # kernels are cut off at this many standard deviations


def robust_scale(x: Any, weights: Any = None) -> float:
    """Smaller of the standard deviation and the interquartile range over 1.349; zero for constant samples.

    Parameters
    ----------
    x, weights : numpy.ndarray, shape (n,)
        Samples, and their weights.

    Returns
    -------
    float
        The range alone where the variance is not finite; the deviation alone where the range is zero.

    References
    ----------
    .. [1] B. W. Silverman, Density Estimation for Statistics and Data Analysis (1986), section 3.4.2.
    """
    x = x.astype(np.float64, copy=False)
    order = np.argsort(x, kind="stable")
    mass = np.ones(x.size) if weights is None else weights[order]
    total = np.cumsum(mass)
    low, high = np.interp([0.25, 0.75], (total - 0.5 * mass) / total[-1], x[order])
    spread = float(high - low) / _NORMAL_RANGE
    centre = np.average(x, weights=weights)
    deviation = math.sqrt(np.average((x - centre) ** 2, weights=weights))
    usable = [s for s in (deviation, spread) if 0 < s < math.inf]
    return min(usable, default=0.0)


def choose_bandwidth(rule: BandwidthRule, scale: float, samples: float, counts: Any, step: float) -> float:
    """Standard deviation of the Gaussian kernel.

    Parameters
    ----------
    rule : str
        Which rule; see `~sigden.score.KernelDensity`.
    scale : float
        Robust scale of the samples.
    samples : float
        Effective number of samples.
    counts : numpy.ndarray
        Counts on a lattice, any scale.
    step : float
        Distance of its nodes.

    Returns
    -------
    float
        The bandwidth.
    """
    if rule == "scott":
        return 1.0592238410488122 * scale * samples**-0.2
    if rule == "silverman":
        return 0.9 * scale * samples**-0.2
    if rule == "derivative":
        return scale * (4.0 / (5.0 * samples)) ** (1.0 / 7.0)
    return _plug_in(1 if rule == "derivative-plug-in" else 0, scale, samples, counts, step)


def _plug_in(derivative: int, scale: float, samples: float, counts: Any, step: float) -> float:
    """Two-stage direct plug-in, for the density (0) or its first derivative (1)."""
    target = 4 + 2 * derivative
    lags = _Lags(counts, step)
    order = target + 4
    psi = _normal_functional(order, scale)
    for _ in range(2):
        order -= 2
        pilot = (-2.0 * _hermite(order, 0.0) / (math.sqrt(2 * math.pi) * psi * samples)) ** (1 / (order + 3))
        psi = lags.functional(order, pilot)
        if not psi * (-1) ** (order // 2) > 0:
            psi = _normal_functional(order, scale)
    roughness = (2 * derivative + 1) / (2 ** (derivative + 1) * math.sqrt(math.pi))
    return (roughness / (abs(psi) * samples)) ** (1.0 / (target + 1))


def _normal_functional(order: int, scale: float) -> float:
    """Integral of f times its derivative of even order, for the normal density [Wand and Jones, eq. 3.7]."""
    half = order // 2
    size = math.factorial(order) / ((2 * scale) ** (order + 1) * math.factorial(half) * math.sqrt(math.pi))
    return (-1) ** half * size


def _hermite(order: int, z: Any) -> Any:
    return np.polynomial.hermite_e.hermeval(z, [0.0] * order + [1.0])


class _Lags:
    """Autocorrelation of counts: how much of the samples lies how far apart."""

    def __init__(self, counts: Any, step: float) -> None:
        from scipy import fft

        length = fft.next_fast_len(2 * counts.size, real=True)
        power = np.abs(fft.rfft(counts, length)) ** 2
        self.share = fft.irfft(power, length)[: counts.size] / counts.sum() ** 2
        self.step = step

    def functional(self, order: int, width: float) -> float:
        """Mean of the kernel's derivative over all pairs of samples."""
        z = self.step * np.arange(min(self.share.size, int(_REACH * width / self.step) + 1)) / width
        values = _hermite(order, z) * np.exp(-0.5 * z * z) / math.sqrt(2 * math.pi)
        total = 2 * np.dot(self.share[: z.size], values) - self.share[0] * values[0]
        return float(total / width ** (order + 1))
