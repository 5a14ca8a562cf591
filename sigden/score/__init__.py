"""Floor 3: densities, their scores, and Tweedie's formulae."""

from sigden.score.checks import blind_sigma, uniqueness
from sigden.score.denoiser_score import DenoiserScore, Divergence, JacobianModes
from sigden.score.density import DensityEstimator, FittedDensity, TabulatedDensity
from sigden.score.kernel_density import KernelDensity
from sigden.score.lindsey import Lindsey
from sigden.score.mixture import NPMLE, FiniteMixture, GroupedPrior, NormalMixture
from sigden.score.random_features import RandomFeatureDensity, RandomFeatureScore
from sigden.score.tweedie import (
    gamma_posterior_mean,
    gaussian_posterior_mean,
    monotone,
    poisson_gauss_posterior_mean,
    poisson_posterior_mean,
    robbins,
)

__all__ = [
    "NPMLE",
    "DenoiserScore",
    "DensityEstimator",
    "Divergence",
    "FiniteMixture",
    "FittedDensity",
    "GroupedPrior",
    "JacobianModes",
    "KernelDensity",
    "Lindsey",
    "NormalMixture",
    "RandomFeatureDensity",
    "RandomFeatureScore",
    "TabulatedDensity",
    "blind_sigma",
    "gamma_posterior_mean",
    "gaussian_posterior_mean",
    "monotone",
    "poisson_gauss_posterior_mean",
    "poisson_posterior_mean",
    "robbins",
    "uniqueness",
]
