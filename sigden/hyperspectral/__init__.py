"""Floor 5: hyperspectral and integral-field cubes."""

from sigden.hyperspectral.base import CubeMethod
from sigden.hyperspectral.gram import SpectralMoments
from sigden.hyperspectral.large import LargeCubeResult, denoise_large
from sigden.hyperspectral.noise_power import noise_correlation
from sigden.hyperspectral.regression import noise_residuals, regression_sigma
from sigden.hyperspectral.result import Components, CubeResult
from sigden.hyperspectral.robust_subspace import RobustSubspace
from sigden.hyperspectral.signal_dependence import PoissonGaussian, poisson_gaussian
from sigden.hyperspectral.stabilise import Stabiliser
from sigden.hyperspectral.subspace import (
    Subspace,
    hysime,
    leverage_corrected,
    marchenko_pastur_edge,
    marchenko_pastur_rank,
    noise_sigma,
    whitened_subspace,
)
from sigden.hyperspectral.subspace_collaborative import SubspaceCollaborative
from sigden.hyperspectral.subspace_denoise import SubspaceDenoise
from sigden.hyperspectral.subspace_method import SubspaceMethod

__all__ = [
    "Components",
    "CubeMethod",
    "CubeResult",
    "LargeCubeResult",
    "PoissonGaussian",
    "RobustSubspace",
    "SpectralMoments",
    "Stabiliser",
    "Subspace",
    "SubspaceCollaborative",
    "SubspaceDenoise",
    "SubspaceMethod",
    "denoise_large",
    "hysime",
    "leverage_corrected",
    "marchenko_pastur_edge",
    "marchenko_pastur_rank",
    "noise_correlation",
    "noise_residuals",
    "noise_sigma",
    "poisson_gaussian",
    "regression_sigma",
    "whitened_subspace",
]
