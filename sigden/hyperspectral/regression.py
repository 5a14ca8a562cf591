"""Noise from spectral regression: every band predicted by all the others."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from sigden.arrays import namespace, to_numpy
from sigden.errors import InputError
from sigden.hyperspectral.beside import beside, host_dtype, matmul
from sigden.hyperspectral.gram import SpectralMoments, chunks
from sigden.hyperspectral.pixels import as_pixels

__all__ = [
    "Regression",
    "moments_of",
    "noise_residuals",
    "regression",
    "regression_sigma",
    "spectral_regression",
]

_RIDGE = {np.dtype(np.float32): 1e-12, np.dtype(np.float64): 1e-14}


@dataclass(frozen=True, eq=False)
class Regression:
    """Regression of every band on all the others, in closed form.

    Parameters
    ----------
    mean : ndarray, shape (bands,)
        Mean spectrum.
    residual : ndarray, shape (bands, bands)
        ``(x - mean) @ residual`` is what the other bands do not predict of each band.
    sigma : ndarray, shape (bands,)
        Standard deviation of that residual, corrected for the degrees of freedom; 0 for a constant band.

    Notes
    -----
    With the covariance :math:`C` of N pixels in B bands and :math:`P = C^{-1}`, the regression of band b
    on the others leaves [1]_

    .. math:: r_b = (P (x - m))_b / P_{bb}, \\quad \\sigma_b^2 = \\frac{N}{N - B} \\frac{1}{P_{bb}} .

    References
    ----------
    .. [1] J. M. Bioucas-Dias and J. M. P. Nascimento, "Hyperspectral subspace identification", IEEE Trans.
       Geosci. Remote Sens. 46 (2008) 2435, section III.
    """

    mean: Any
    residual: Any
    sigma: Any

    def residuals(self, pixels: Any) -> Any:
        """Residuals of spectra, shape (pixels, bands), in their dtype."""
        matrix, mean = beside(self.residual, pixels), beside(self.mean, pixels)
        out = namespace(pixels).empty_like(pixels)
        for part, piece in zip(chunks(pixels, 8192), chunks(out, 8192), strict=True):
            matmul(part - mean, matrix, piece)
        return out


def spectral_regression(moments: SpectralMoments, dtype: Any = np.float64) -> Regression:
    """Regression of every band on the others from the moments of the pixels.

    Parameters
    ----------
    moments : SpectralMoments
        Of all pixels.
    dtype : dtype
        Of the data the moments come from: says how far its digits reach.

    Returns
    -------
    Regression
        Residual operator and noise level.

    Raises
    ------
    InputError
        If there are not more pixels than bands.
    """
    return regression(moments.covariance, moments.mean, moments.count, dtype)


def regression(covariance: Any, mean: Any, count: int, dtype: Any = np.float64) -> Regression:
    """The same from the covariance and the mean of `count` pixels."""
    bands = len(covariance)
    if count <= bands + 1:
        raise InputError(
            f"spectral regression: {count} pixels do not determine the noise of {bands} bands; "
            "give sigma, or a cube with more pixels than bands"
        )
    scale = np.sqrt(np.maximum(np.diag(covariance), 0))
    alive = scale > 0
    unit = np.where(alive, scale, 1.0)
    correlation = covariance / np.outer(unit, unit)
    correlation[~alive] = correlation[:, ~alive] = 0.0
    values, vectors = np.linalg.eigh(correlation)
    floor = _RIDGE[np.dtype(dtype)] * bands
    inverse = (vectors / np.maximum(values, floor)) @ vectors.T
    precision = inverse / np.outer(unit, unit)
    diagonal = np.where(alive, np.diag(precision), 1.0)
    residual = np.where(alive & alive[:, None], precision / diagonal, 0.0)
    sigma = np.where(alive, np.sqrt(count / (count - bands) / diagonal), 0.0)
    return Regression(mean=mean, residual=residual, sigma=sigma)


def regression_sigma(cube: Any) -> Any:
    """Noise level of each band from spectral regression.

    Parameters
    ----------
    cube : array, shape (rows, columns, bands)
        Real data. Pixels with a non-finite value are left out.

    Returns
    -------
    float64 array, shape (bands,)
        Standard deviation of the noise in the unit of the cube; 0 for a constant band.

    Raises
    ------
    InputError
        If it is no cube, or has fewer complete pixels than bands.

    Notes
    -----
    See `Regression`. The estimate is right for noise that is independent between bands, white or not in
    space. Sharp lines of one band that no other band shares count as noise, and so does the noise of the
    other bands in the prediction: a quiet band among noisy ones comes out too high, which `noise_sigma`
    corrects.

    Examples
    --------
    >>> import numpy as np
    >>> from sigden.simulate import gaussian_noise, spectral_cube
    >>> cube = gaussian_noise(spectral_cube(seed=1), sigma=0.05, seed=2)
    >>> bool(abs(np.mean(regression_sigma(cube)) / 0.05 - 1) < 0.04)
    True
    """
    pixels = _complete(cube)
    sigma = spectral_regression(moments_of(pixels), host_dtype(pixels)).sigma
    return beside(sigma, pixels, np.float64)


def noise_residuals(cube: Any) -> Any:
    """What the other bands do not predict of each band: an image of its noise.

    Parameters
    ----------
    cube : array, shape (rows, columns, bands)
        Real, finite data.

    Returns
    -------
    array, shape (rows, columns, bands)
        Residuals of spectral regression, float32 or float64.

    Raises
    ------
    InputError
        As `regression_sigma`, or if a value is not finite.
    """
    values, shape = as_pixels(cube, finite=True)
    found = spectral_regression(moments_of(values), host_dtype(values))
    return namespace(values).reshape(found.residuals(values), shape)


def _complete(cube: Any) -> Any:
    pixels, _ = as_pixels(cube)
    xp = namespace(pixels)
    keep = xp.isfinite(xp.sum(pixels, axis=1))
    return pixels if bool(xp.all(keep)) else xp.take(pixels, xp.nonzero(keep)[0], axis=0)


def moments_of(pixels: Any) -> SpectralMoments:
    """Moments of spectra, shape (pixels, bands)."""
    some = pixels[:: max(1, pixels.shape[0] // 256), :]
    offset = np.zeros(pixels.shape[1])
    if some.shape[0]:
        offset = to_numpy(some).mean(axis=0, dtype=np.float64)
    out = SpectralMoments(offset)
    out.add(pixels)
    return out
