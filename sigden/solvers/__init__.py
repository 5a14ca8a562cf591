"""Floor 2: solvers that stop on a certificate."""

from sigden.solvers.conjugate_gradient import ConjugateGradient
from sigden.solvers.fgp import FGP
from sigden.solvers.fista import FISTA
from sigden.solvers.loop import Solver, solve
from sigden.solvers.pdhg import PDHG
from sigden.solvers.problems import (
    Composite,
    Denoising,
    LeastSquares,
    LinearSystem,
    SaddlePoint,
    Smooth,
    relative_gap,
)
from sigden.solvers.solution import Progress, Solution, Status

__all__ = [
    "FGP",
    "FISTA",
    "PDHG",
    "Composite",
    "ConjugateGradient",
    "Denoising",
    "LeastSquares",
    "LinearSystem",
    "Progress",
    "SaddlePoint",
    "Smooth",
    "Solution",
    "Solver",
    "Status",
    "relative_gap",
    "solve",
]
