"""Figures of merit for strain, images, the sources in them, and spectral cubes."""

from sigden.metrics.cube import band_psnr, band_ssim, ergas, mpsnr, mssim, spectral_angle
from sigden.metrics.cube_residual import residual_autocorrelation, residual_to_sigma, structure_leak
from sigden.metrics.image import mse, psnr, snr_db
from sigden.metrics.moments import Moments, adaptive_moments, ellipticity_error
from sigden.metrics.sources import (
    aperture_flux,
    background_rms,
    colour_error,
    flux_error,
    nmse,
    sources_mask,
    ssim,
)
from sigden.metrics.strain import (
    Whiteness,
    gain,
    inner_product,
    match,
    optimal_snr,
    overlap,
    relative_residual,
    residual_whiteness,
)

__all__ = [
    "Moments",
    "Whiteness",
    "adaptive_moments",
    "aperture_flux",
    "background_rms",
    "band_psnr",
    "band_ssim",
    "colour_error",
    "ellipticity_error",
    "ergas",
    "flux_error",
    "gain",
    "inner_product",
    "match",
    "mpsnr",
    "mse",
    "mssim",
    "nmse",
    "optimal_snr",
    "overlap",
    "psnr",
    "relative_residual",
    "residual_autocorrelation",
    "residual_to_sigma",
    "residual_whiteness",
    "snr_db",
    "sources_mask",
    "spectral_angle",
    "ssim",
    "structure_leak",
]
