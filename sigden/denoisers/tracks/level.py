"""Variance of the noise at the frequencies of a signal."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

__all__ = ["noise_level"]

_FEWEST = 5.0  # bins of the spectrum, standard deviation of the smoothing
_SILENCE = 1e-4  # of the noise: power below which there is no signal


def noise_level(residual: Any, signal: Any, resolution: float, width: float) -> Any:
    """Spectral density of a residual at the frequencies that a signal has at the time.

    Parameters
    ----------
    residual : numpy.ndarray, shape (n,), complex
        Noise, of unit variance where it is white.
    signal : numpy.ndarray, shape (n,), complex
        What was taken out of the series.
    resolution : float
        Standard deviation of the smoothing of the spectrum, cycles per sample.
    width : float
        Samples over which the signal's power is averaged.

    Returns
    -------
    numpy.ndarray, shape (n,)
        Density, one for unit white noise; one where there is no signal.

    Notes
    -----
    With the density D of the residual and the signal h of spectrum H,

    .. math:: L = \\frac{\\langle |F^{-1} \\sqrt{D} H|^2 \\rangle}{\\langle |h|^2 \\rangle},

    Gaussian means in time: the mean of D over the power of the signal. D is the periodogram through a
    Gaussian lag window [1]_.

    References
    ----------
    .. [1] D. B. Percival and A. T. Walden, "Spectral Analysis for Physical Applications" (Cambridge, 1993),
       section 6.7.
    """
    from scipy.fft import fft, ifft, next_fast_len
    from scipy.ndimage import gaussian_filter1d

    n = residual.size
    size = next_fast_len(n)
    lags = ifft(np.abs(fft(residual, size)) ** 2 / n)
    lag = np.minimum(np.arange(size), size - np.arange(size))
    lags *= np.exp(-2.0 * (math.pi * max(resolution, _FEWEST / size) * lag) ** 2)
    density = np.maximum(fft(lags).real, 0.0)
    through = ifft(np.sqrt(density) * fft(signal, size))[:n]
    there, given = (
        gaussian_filter1d(v.real**2 + v.imag**2, width, mode="constant") + _SILENCE for v in (through, signal)
    )
    return there / given
