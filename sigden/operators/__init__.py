"""Floor 1: linear operators with exact adjoints."""

from sigden.operators.algebra import Adjoint, Composition, Identity, Scaled, Sum
from sigden.operators.base import LinearOperator
from sigden.operators.convolve import CircularConvolve, Convolve
from sigden.operators.diagonal import Diagonal
from sigden.operators.difference import FiniteDifference
from sigden.operators.norm import norm_estimate, power_method
from sigden.operators.sampling import Masking, Sampling
from sigden.operators.scipy_view import to_scipy
from sigden.operators.stack import Stack

__all__ = [
    "Adjoint",
    "CircularConvolve",
    "Composition",
    "Convolve",
    "Diagonal",
    "FiniteDifference",
    "Identity",
    "LinearOperator",
    "Masking",
    "Sampling",
    "Scaled",
    "Stack",
    "Sum",
    "norm_estimate",
    "power_method",
    "to_scipy",
]
