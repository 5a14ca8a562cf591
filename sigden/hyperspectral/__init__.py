"""Floor 5: hyperspectral and integral-field cubes."""

from sigden.hyperspectral.gram import Moments, moments
from sigden.hyperspectral.regression import noise_residuals, regression_sigma
from sigden.hyperspectral.subspace import (
    Subspace,
    hysime,
    leverage_corrected,
    marchenko_pastur_edge,
    marchenko_pastur_rank,
    noise_sigma,
    whitened_subspace,
)

__all__ = [
    "Moments",
    "Subspace",
    "hysime",
    "leverage_corrected",
    "marchenko_pastur_edge",
    "marchenko_pastur_rank",
    "moments",
    "noise_residuals",
    "noise_sigma",
    "regression_sigma",
    "whitened_subspace",
]
