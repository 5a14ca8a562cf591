"""Figures of merit for strain, images and the sources in them."""

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
    "colour_error",
    "ellipticity_error",
    "flux_error",
    "gain",
    "inner_product",
    "match",
    "mse",
    "nmse",
    "optimal_snr",
    "overlap",
    "psnr",
    "relative_residual",
    "residual_whiteness",
    "snr_db",
    "sources_mask",
    "ssim",
]
