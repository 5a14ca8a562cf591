"""Conjugate gradients."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sigden.errors import InputError
from sigden.functionals import inner, norm
from sigden.operators import LinearOperator
from sigden.solvers.problems import LeastSquares, LinearSystem, start_like

__all__ = ["ConjugateGradient", "ConjugateGradientState"]


@dataclass(frozen=True, eq=False)
class ConjugateGradientState:
    """Iterate, residual, search direction, squared norm of the preconditioned residual, and right side."""

    x: Any
    residual: Any
    direction: Any
    squared_norm: float
    right_side: Any


@dataclass(frozen=True)
class ConjugateGradient:
    """Conjugate gradients on a positive definite system or on the normal equations of least squares.

    The certificate is the relative residual ``||c - B x|| / ||c||``, computed anew from the iterate; for
    `LeastSquares` ``B = A^H A + damping I`` and ``c = A^H b``.

    Parameters
    ----------
    preconditioner : LinearOperator, optional
        Self-adjoint positive definite operator M near the inverse of B: the iteration is that of the system
        ``M^{1/2} B M^{1/2}``. The certificate is that of the system as given.

    Notes
    -----
    Least squares uses `LinearOperator.gram`, one product where the operator has a closed form.

    References
    ----------
    M. R. Hestenes and E. Stiefel, "Methods of conjugate gradients for solving linear systems", J. Res. Natl.
    Bur. Stand. 49, 409 (1952), section 3.
    """

    preconditioner: LinearOperator | None = None

    def init(self, problem: LinearSystem | LeastSquares, x0: Any = None) -> ConjugateGradientState:
        """Start at `x0`, zero by default."""
        right = problem.right_side()
        x = start_like(right, problem.operator.in_shape, x0, "ConjugateGradient")
        residual = right - problem.system(x) if x0 is not None else right
        near = self._near(residual)
        return ConjugateGradientState(x, residual, near, inner(residual, near), right)

    def _near(self, residual: Any) -> Any:
        return residual if self.preconditioner is None else self.preconditioner(residual)

    def step(
        self, problem: LinearSystem | LeastSquares, state: ConjugateGradientState
    ) -> ConjugateGradientState:
        """Minimise along the direction, then make the next one conjugate to it."""
        if state.squared_norm == 0.0:
            return state
        image = problem.system(state.direction)
        curvature = inner(state.direction, image)
        if curvature <= 0.0:
            if isinstance(problem, LinearSystem):
                raise InputError(f"{problem.operator!r} is not positive definite: curvature {curvature:.3g}")
            return state
        length = state.squared_norm / curvature
        x = state.x + length * state.direction
        residual = state.residual - length * image
        near = self._near(residual)
        squared = inner(residual, near)
        direction = near + (squared / state.squared_norm) * state.direction
        return ConjugateGradientState(x, residual, direction, squared, state.right_side)

    def gap(self, problem: LinearSystem | LeastSquares, state: ConjugateGradientState) -> float:
        """Relative residual of the iterate."""
        residual = norm(state.right_side - problem.system(state.x))
        scale = norm(state.right_side)
        if residual == 0.0:
            return 0.0
        return residual / scale if scale > 0 else math.inf

    def estimate(self, problem: LinearSystem | LeastSquares, state: ConjugateGradientState) -> Any:
        """Return the iterate."""
        return state.x

    def details(
        self, problem: LinearSystem | LeastSquares, state: ConjugateGradientState
    ) -> Mapping[str, Any]:
        """Say which certificate."""
        normal = isinstance(problem, LeastSquares)
        return {"certificate": "relative residual" + (" of the normal equations" if normal else "")}
