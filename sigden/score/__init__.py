"""Floor 3: densities, their scores, and Tweedie's formulae."""

from sigden.score.density import DensityEstimator, FittedDensity, TabulatedDensity
from sigden.score.kernel_density import KernelDensity

__all__ = ["DensityEstimator", "FittedDensity", "KernelDensity", "TabulatedDensity"]
