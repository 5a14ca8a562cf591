"""Checks that authors of operators and functionals can run on their own ones."""

from sigden.testing.adjoint import assert_adjoint, random_like
from sigden.testing.proximal import assert_fenchel_young, assert_moreau, assert_prox_optimal

__all__ = [
    "assert_adjoint",
    "assert_fenchel_young",
    "assert_moreau",
    "assert_prox_optimal",
    "random_like",
]
