"""Floor 3: densities, their scores, and Tweedie's formulae."""

from sigden.score.density import DensityEstimator, FittedDensity, TabulatedDensity
from sigden.score.kernel_density import KernelDensity
from sigden.score.mixture import NPMLE, FiniteMixture, GroupedPrior, NormalMixture

__all__ = [
    "NPMLE",
    "DensityEstimator",
    "FiniteMixture",
    "FittedDensity",
    "GroupedPrior",
    "KernelDensity",
    "NormalMixture",
    "TabulatedDensity",
]
