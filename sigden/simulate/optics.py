"""Transfer functions of telescope, atmosphere and pixel, in closed form."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

__all__ = [
    "annular_transfer",
    "gaussian_transfer",
    "kolmogorov_transfer",
    "pixel_transfer",
    "sheared",
    "tapered",
]

_ARCSEC = math.pi / 648000.0


def gaussian_transfer(row: Any, column: Any, fwhm: float) -> Any:
    """Transfer function of a round Gaussian.

    Parameters
    ----------
    row, column : array
        Frequencies, cycles per arcsec, of shapes that broadcast.
    fwhm : float
        Full width at half maximum, arcsec.

    Returns
    -------
    array
        ``exp(-2 pi^2 s^2 f^2)`` with ``s = fwhm / sqrt(8 log 2)``.
    """
    return np.exp(-((math.pi * fwhm) ** 2) / (4 * math.log(2)) * (row**2 + column**2))


def kolmogorov_transfer(row: Any, column: Any, fwhm: float) -> Any:
    """Transfer function of long-exposure Kolmogorov seeing.

    Parameters
    ----------
    row, column : array
        Frequencies, cycles per arcsec.
    fwhm : float
        Full width at half maximum, arcsec; 0.976 wavelength / r0.

    Returns
    -------
    array
        ``exp(-3.44 (wavelength f / r0)^(5/3))``.

    References
    ----------
    .. [1] D. L. Fried, "Optical resolution through a randomly inhomogeneous medium for very long and very
       short exposures", J. Opt. Soc. Am. 56 (1966) 1372, equation 3.16.
    """
    return np.exp(-3.4414 * (np.hypot(row, column) * fwhm / 0.9759) ** (5 / 3))


def annular_transfer(
    row: Any, column: Any, *, wavelength: float = 725e-9, diameter: float = 1.2, obscuration: float = 0.3
) -> Any:
    """Transfer function of a perfect telescope with a central obscuration (the Airy pattern's).

    Parameters
    ----------
    row, column : array
        Frequencies, cycles per arcsec.
    wavelength, diameter : float
        Metres.
    obscuration : float
        Inner over outer diameter, 0 to below 1.

    Returns
    -------
    array
        Autocorrelation of the annular pupil, from areas common to two discs; 0 beyond the cut-off
        ``diameter / wavelength``.

    References
    ----------
    .. [1] E. L. O'Neill, "Transfer function for an annular aperture", J. Opt. Soc. Am. 46 (1956) 285.
    """
    shift = 2 * np.hypot(row, column) * wavelength / (diameter * _ARCSEC)
    e = obscuration
    common = _common_area(1, 1, shift) - 2 * _common_area(1, e, shift) + _common_area(e, e, shift)
    return common / (math.pi * (1 - e * e))


def pixel_transfer(row: Any, column: Any, scale: float) -> Any:
    """Transfer function of a square pixel of side `scale`, arcsec."""
    return np.sinc(row * scale) * np.sinc(column * scale)


def sheared(row: Any, column: Any, shear: tuple[float, float]) -> tuple[Any, Any]:
    """Frequencies at which a round transfer function is that of its sheared profile.

    Parameters
    ----------
    row, column : array
        Frequencies or positions.
    shear : tuple of float
        Reduced shear (g1, g2), of modulus below 1: stretched along the columns' axis for g1 > 0. The area is
        kept. For positions give the opposite shear.

    Returns
    -------
    row, column : array
        The same, sheared.
    """
    g1, g2 = shear
    norm = 1 / math.sqrt(1 - g1 * g1 - g2 * g2)
    return norm * (g2 * column + (1 - g1) * row), norm * ((1 + g1) * column + g2 * row)


def tapered(transfer: Any, step: float, radius: float) -> tuple[Any, Any]:
    """Point spread function faded to zero at a radius, and its transfer function.

    Parameters
    ----------
    transfer : array, shape (n, n // 2 + 1)
        Transfer function at the frequencies of `numpy.fft.fftfreq` and `numpy.fft.rfftfreq` of n cells.
    step : float
        Side of a cell, arcsec.
    radius : float
        Arcsec, at most half of the grid; the fade is a squared cosine over its outer fifth.

    Returns
    -------
    transfer : array, shape (n, n // 2 + 1)
        One at zero frequency.
    spread : array, shape (n, n)
        Its image, the centre at index (0, 0), of sum 1.
    """
    n = transfer.shape[0]
    away = np.fft.fftfreq(n, 1 / (n * step))
    distance = np.hypot(away[:, None], away) / radius
    window = np.cos(np.pi / 2 * np.clip((distance - 0.8) / 0.2, 0, 1)) ** 2
    spread = np.fft.irfft2(transfer, s=(n, n)) * window
    spread /= spread.sum()
    return np.fft.rfft2(spread), spread


def _common_area(first: float, second: float, distance: Any) -> Any:
    """Area common to two discs; the first is the larger one."""
    if second == 0:
        return np.zeros_like(distance)
    inside = distance <= first - second
    d = np.clip(distance, max(first - second, 1e-12), first + second)
    along = (d * d + second * second - first * first) / (2 * d)
    half_first = np.arccos(np.clip((d - along) / first, -1, 1))
    half_second = np.arccos(np.clip(along / second, -1, 1))
    chord = np.sqrt(np.clip(second * second - along * along, 0, None))
    area = first**2 * half_first + second**2 * half_second - d * chord
    return np.where(inside, math.pi * second * second, area)
