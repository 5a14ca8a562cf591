"""Normal mixtures: the prior of many means by maximum likelihood, and what follows from it."""

from sigden.score.mixture.finite import FiniteMixture
from sigden.score.mixture.normal_mixture import NormalMixture
from sigden.score.mixture.npmle import NPMLE, GroupedPrior

__all__ = ["NPMLE", "FiniteMixture", "GroupedPrior", "NormalMixture"]
