"""Noise that grows with the signal: photon noise beside Gaussian noise."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from sigden.hyperspectral.gram import chunks
from sigden.hyperspectral.model import LowRank
from sigden.hyperspectral.pixels import as_pixels
from sigden.hyperspectral.regression import _moments, spectral_regression

__all__ = ["PoissonGaussian", "pixel_scale", "poisson_gaussian"]

_ERRORS = 6.0  # standard errors that the slope must show
_EFFECT = 0.25  # relative growth of the variance from the darkest to the brightest pixels that counts
_LEAST = 0.05  # of the mean variance, for the darkest pixels
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
    found = spectral_regression(_moments(pixels), pixels.dtype)
    bands = pixels.shape[1]
    sums = np.zeros((4, bands))
    for part in chunks(pixels, _CHUNK):
        residual = found.residuals(part).astype(np.float64)
        signal = part - residual
        square = residual**2
        sums += [
            signal.sum(axis=0),
            (signal**2).sum(axis=0),
            square.sum(axis=0),
            (signal * square).sum(axis=0),
        ]
    count = len(pixels)
    mean, noise = sums[0] / count, sums[2] / count
    spread = np.maximum(sums[1] - count * mean**2, 0)
    cross = sums[3] - count * mean * noise
    weight = np.where(noise > 0, 1 / np.where(noise > 0, 2 * noise**2, 1), 0)
    information = float(np.sum(weight * spread))
    if information <= 0:
        return PoissonGaussian(0.0, math.inf, np.sqrt(noise))
    gain = float(np.sum(weight * cross)) / information
    corrected = noise * count / max(count - bands, 1)
    read = np.sqrt(np.maximum(corrected - gain * mean, 0))
    return PoissonGaussian(gain, 1 / math.sqrt(information), read)


def pixel_scale(pixels: Any, model: LowRank, shape: tuple[int, int, int], missing: Any = None) -> Any:
    """Noise level of each pixel relative to the mean, where it follows the signal.

    Parameters
    ----------
    pixels : ndarray, shape (pixels, bands)
        Spectra.
    model : LowRank
        Their model.
    shape : tuple of int
        Rows, columns and bands.
    missing : array of bool, optional
        True where a sample is a prediction.

    Returns
    -------
    ndarray, shape (pixels,), or None
        Square root of the relative variance; None without evidence that it depends on the signal.

    Notes
    -----
    Photon noise has the variance :math:`g x_{pb}`. Divided by pixel factors :math:`\\sqrt{r_p}` and band
    factors :math:`\\sqrt{c_b}` it is nearly uniform, and a matrix of low rank keeps its rank [1]_. The
    squared residual of each pixel, summed over bands in units of their noise, is regressed on the signal
    weighted alike.

    References
    ----------
    .. [1] R. N. Cochran and F. H. Horne, "Statistically weighted principal component analysis of rapid
       scanning wavelength kinetics experiments", Anal. Chem. 49 (1977) 846.
    """
    from sigden.hyperspectral.collaborative.filter import sliding_cosine

    space = model.space
    alive = space.sigma > 0
    weight = np.where(alive, 1 / np.where(alive, space.sigma, 1), 0)
    light = weight**2 / np.sum(weight**2)
    energy = np.empty(len(pixels))
    signal = np.empty(len(pixels))
    back, mean = space.backward().astype(pixels.dtype), space.mean.astype(pixels.dtype)
    start = 0
    for part, inner in zip(chunks(pixels, _CHUNK), chunks(model.coefficients, _CHUNK), strict=True):
        predicted = inner @ back + mean
        residual = (part - predicted) * weight.astype(pixels.dtype)
        stop = start + len(part)
        seen = np.full(len(part), max(alive.sum() - space.rank, 1), dtype=np.float64)
        if missing is not None:
            seen = np.maximum(seen - missing[start:stop].sum(axis=1), 1)
        energy[start:stop] = np.einsum("pb,pb->p", residual, residual) / seen
        signal[start:stop] = predicted @ light.astype(pixels.dtype)
        start = stop
    deviation = signal - signal.mean()
    spread = float(deviation @ deviation)
    if spread <= 0:
        return None
    typical = float(np.median(energy))
    # a few pixels that the model misses must not make the slope
    energy = np.minimum(energy, 4 * typical)
    slope = float(deviation @ energy) / spread
    error = float(np.std(energy - slope * deviation)) / math.sqrt(spread)
    low, high = np.quantile(signal, [0.05, 0.95])
    mean_energy = float(energy.mean())
    if not (slope > _ERRORS * error and slope * (high - low) > _EFFECT * mean_energy):
        return None
    size = math.sqrt(spread / len(signal))
    image = (deviation / size).reshape(1, *shape[:2])
    noise = float(
        np.sqrt(np.sum(light**2 * np.where(alive, space.sigma, 0) ** 2 * np.sum(space.basis**2, axis=1)))
    )
    smooth = sliding_cosine(image * (size / noise)).reshape(-1) * noise if min(shape[:2]) >= 8 else deviation
    variance = 1 + slope * smooth / mean_energy
    return np.sqrt(np.maximum(variance, _LEAST)).astype(pixels.dtype)
