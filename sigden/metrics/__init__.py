"""Figures of merit for strain and images."""

from sigden.metrics.image import mse, psnr, snr_db
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
    "Whiteness",
    "gain",
    "inner_product",
    "match",
    "mse",
    "optimal_snr",
    "overlap",
    "psnr",
    "relative_residual",
    "residual_whiteness",
    "snr_db",
]
