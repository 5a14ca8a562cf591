"""Noise that grows with the signal: photon noise beside Gaussian noise."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from sigden.arrays import namespace, to_numpy
from sigden.hyperspectral.beside import beside, host_dtype
from sigden.hyperspectral.gram import chunks
from sigden.hyperspectral.pixels import as_pixels
from sigden.hyperspectral.regression import moments_of, spectral_regression

__all__ = ["PoissonGaussian", "poisson_gaussian"]

_CHUNK = 8192


@dataclass(frozen=True, eq=False)
class PoissonGaussian:
    """Noise variance ``gain * signal + read_sigma**2``.

    Parameters
    ----------
    gain : float
        Variance per unit of signal; the inverse is the number of counts where the signal is 1.
    gain_error : float
        Its standard error.
    read_sigma : ndarray, shape (bands,)
        Standard deviation that is left where the signal is zero.
    """

    gain: float
    gain_error: float
    read_sigma: Any


def poisson_gaussian(cube: Any) -> PoissonGaussian:
    """Fit of signal-dependent noise to a cube.

    Parameters
    ----------
    cube : array, shape (rows, columns, bands)
        Real, finite data whose zero is the absence of light.

    Returns
    -------
    PoissonGaussian
        One gain for all bands, one read noise for each.

    Raises
    ------
    InputError
        As `noise_residuals`.

    Notes
    -----
    Within every band the squared residual of spectral regression is regressed on what the other bands
    predict; the slopes of the bands are averaged with the inverse of their variance,
    :math:`2 \\sigma_b^4 / \\sum_p (x_p - \\bar x)^2`.

    Examples
    --------
    >>> from sigden.simulate import poisson_noise, spectral_cube
    >>> found = poisson_gaussian(poisson_noise(spectral_cube(seed=1), 200.0, seed=2))
    >>> abs(1 / found.gain - 200) < 20
    True
    """
    pixels, _ = as_pixels(cube, finite=True)
    xp, bands = namespace(pixels), pixels.shape[1]
    found = spectral_regression(moments_of(pixels), host_dtype(pixels))
    sums = np.zeros((4, bands))
    for part in chunks(pixels, _CHUNK):
        residual = xp.astype(found.residuals(part), xp.float64)
        signal = xp.astype(part, xp.float64) - residual
        square = residual**2
        terms = signal, signal**2, square, signal * square
        sums += to_numpy(xp.stack([xp.sum(term, axis=0) for term in terms]))
    count = pixels.shape[0]
    mean, noise = sums[0] / count, sums[2] / count
    spread = np.maximum(sums[1] - count * mean**2, 0)
    cross = sums[3] - count * mean * noise
    weight = np.where(noise > 0, 1 / np.where(noise > 0, 2 * noise**2, 1), 0)
    information = float(np.sum(weight * spread))
    if information <= 0:
        return PoissonGaussian(0.0, math.inf, beside(np.sqrt(noise), pixels, np.float64))
    gain = float(np.sum(weight * cross)) / information
    corrected = noise * count / max(count - bands, 1)
    read = np.sqrt(np.maximum(corrected - gain * mean, 0))
    return PoissonGaussian(gain, 1 / math.sqrt(information), beside(read, pixels, np.float64))
