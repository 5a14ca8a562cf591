"""Figures of merit of hyperspectral cubes against known truth."""

from __future__ import annotations

from typing import Any

import numpy as np

from sigden.errors import InputError
from sigden.metrics.image import _pair, psnr
from sigden.metrics.sources import ssim

__all__ = ["band_psnr", "band_ssim", "ergas", "mpsnr", "mssim", "spectral_angle"]


def band_psnr(estimate: Any, truth: Any, *, peak: float | None = 1.0) -> Any:
    """Peak signal-to-noise ratio of every band in dB.

    Parameters
    ----------
    estimate, truth : array, shape (rows, columns, bands)
        Cubes.
    peak : float, optional
        Peak value; 1 for bands scaled to [0, 1], as the literature does. None takes the range of each band
        of the truth.

    Returns
    -------
    float64 array, shape (bands,)
        Infinity for an exact band.

    Raises
    ------
    InputError
        If the shapes differ or are no cubes, or a value is not finite.
    """
    u, h = _cubes(estimate, truth)
    return np.array([psnr(u[..., b], h[..., b], peak=peak) for b in range(h.shape[2])])


def mpsnr(estimate: Any, truth: Any, *, peak: float | None = 1.0) -> float:
    """Mean over the bands of their peak signal-to-noise ratio in dB.

    Parameters
    ----------
    estimate, truth, peak
        As `band_psnr`.

    Returns
    -------
    float
        Mean of `band_psnr`: a mean of decibels, not the ratio of the whole cube.

    Raises
    ------
    InputError
        As `band_psnr`.
    """
    return float(np.mean(band_psnr(estimate, truth, peak=peak)))


def band_ssim(estimate: Any, truth: Any, *, data_range: float | None = 1.0) -> Any:
    """Structural similarity of every band.

    Parameters
    ----------
    estimate, truth : array, shape (rows, columns, bands)
        Cubes, at least 11 x 11 pixels.
    data_range : float, optional
        Range of the values; None takes that of each band of the truth.

    Returns
    -------
    float64 array, shape (bands,)
        See `ssim`.

    Raises
    ------
    InputError
        As `band_psnr` and `ssim`.
    """
    u, h = _cubes(estimate, truth)
    return np.array([ssim(u[..., b], h[..., b], data_range=data_range) for b in range(h.shape[2])])


def mssim(estimate: Any, truth: Any, *, data_range: float | None = 1.0) -> float:
    """Mean over the bands of their structural similarity.

    Parameters
    ----------
    estimate, truth, data_range
        As `band_ssim`.

    Returns
    -------
    float
        At most 1.

    Raises
    ------
    InputError
        As `band_ssim`.
    """
    return float(np.mean(band_ssim(estimate, truth, data_range=data_range)))


def spectral_angle(estimate: Any, truth: Any) -> Any:
    """Angle between the spectra of estimate and truth.

    Parameters
    ----------
    estimate, truth : array, shape (rows, columns, bands)
        Cubes.

    Returns
    -------
    float64 array, shape (rows, columns)
        Degrees; its mean is the spectral angle mapper (SAM). NaN where a spectrum is zero.

    Raises
    ------
    InputError
        As `band_psnr`.

    References
    ----------
    .. [1] F. A. Kruse et al., "The spectral image processing system (SIPS)", Remote Sens. Environ. 44 (1993)
       145, equation 1.
    """
    u, h = _cubes(estimate, truth)
    lengths = np.linalg.norm(u, axis=-1) * np.linalg.norm(h, axis=-1)
    cosine = np.sum(u * h, axis=-1) / np.where(lengths > 0, lengths, np.nan)
    return np.degrees(np.arccos(np.clip(cosine, -1, 1)))


def ergas(estimate: Any, truth: Any, *, ratio: float = 1.0) -> float:
    """Relative dimensionless global error (ERGAS).

    Parameters
    ----------
    estimate, truth : array, shape (rows, columns, bands)
        Cubes.
    ratio : float
        Pixel size of the sharp image over that of the blurred one; 1 for denoising.

    Returns
    -------
    float
        :math:`100\\, r \\sqrt{\\frac1B \\sum_b MSE_b / \\mu_b^2}` with the mean :math:`\\mu_b` of each band
        of the truth; 0 for an exact estimate.

    Raises
    ------
    InputError
        As `band_psnr`, or if a band of the truth has mean zero.

    References
    ----------
    .. [1] L. Wald, "Data fusion: definitions and architectures", Presses de l'Ecole des Mines (2002), section
       8.5.
    """
    u, h = _cubes(estimate, truth)
    mean = h.mean(axis=(0, 1))
    if not np.all(mean):
        raise InputError(
            f"ergas: band {int(np.argmin(np.abs(mean)))} of the truth has mean zero; leave it out"
        )
    error = np.mean((u - h) ** 2, axis=(0, 1))
    return float(100 * ratio * np.sqrt(np.mean(error / mean**2)))


def _cubes(estimate: Any, truth: Any) -> tuple[Any, Any]:
    u, h = _pair(estimate, truth, None)
    if h.ndim != 3:
        raise InputError(f"metric: needs the axes (rows, columns, bands), got shape {h.shape}")
    return u, h
