"""Floor 1: convex functionals with proximal maps and conjugates."""

from sigden.functionals._common import inner, norm
from sigden.functionals.balls import AnisotropicTVBall, IsotropicTVBall
from sigden.functionals.base import Functional, SmoothFunctional
from sigden.functionals.indicators import Box, NonNegativity, Zero
from sigden.functionals.norms import L1, L2, GroupL2, NuclearNorm
from sigden.functionals.squared import BoundedSquaredL2, SquaredL2
from sigden.functionals.transforms import (
    ConjugateFunctional,
    DilatedFunctional,
    ScaledFunctional,
    SeparableFunctional,
    TranslatedFunctional,
)

__all__ = [
    "L1",
    "L2",
    "AnisotropicTVBall",
    "BoundedSquaredL2",
    "Box",
    "ConjugateFunctional",
    "DilatedFunctional",
    "Functional",
    "GroupL2",
    "IsotropicTVBall",
    "NonNegativity",
    "NuclearNorm",
    "ScaledFunctional",
    "SeparableFunctional",
    "SmoothFunctional",
    "SquaredL2",
    "TranslatedFunctional",
    "Zero",
    "inner",
    "norm",
]
