"""Accelerated proximal gradients."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sigden.errors import ParameterError
from sigden.functionals import norm
from sigden.solvers.momentum import Restart, check_restart, next_weight, turns_back
from sigden.solvers.problems import Composite, LeastSquares, start_like

__all__ = ["FISTA", "FISTAState"]


@dataclass(frozen=True, eq=False)
class FISTAState:
    """Iterate, extrapolated point, momentum weight, step, objective (function restart), restarts so far."""

    x: Any
    z: Any
    t: float
    step: float
    objective: float
    restarts: int


@dataclass(frozen=True)
class FISTA:
    """Fast iterative shrinkage-thresholding for `Composite` problems, with adaptive restart.

    Parameters
    ----------
    restart : {"gradient", "function", "none"}
        When the momentum is dropped: when it points uphill, when the objective rises, never.
    step_size : float, optional
        Step; ``1 / lipschitz`` of the smooth part by default.

    Raises
    ------
    ParameterError
        If `restart` is unknown or `step_size` is not positive.

    Notes
    -----
    The certificate is the relative duality gap where the problem has one, else the relative residual of a
    proximal gradient step, ``||x - x+|| / (max(||x||, ||x+||) + step ||grad f(x)||)``. A function restart
    takes the step again without momentum, so that the objective never rises.

    References
    ----------
    A. Beck and M. Teboulle, "A fast iterative shrinkage-thresholding algorithm for linear inverse problems",
    SIAM J. Imaging Sci. 2, 183 (2009), section 4. B. O'Donoghue and E. Candes, "Adaptive restart for
    accelerated gradient schemes", Found. Comput. Math. 15, 715 (2015), section 3.2.
    """

    restart: Restart = "gradient"
    step_size: float | None = None

    def __post_init__(self) -> None:
        check_restart(self.restart, "FISTA")
        if self.step_size is not None and not 0 < self.step_size < math.inf:
            raise ParameterError(f"FISTA: step_size must be positive and finite, got {self.step_size}")

    def init(self, problem: Composite, x0: Any = None) -> FISTAState:
        """Start at `x0`; at zero by default, which needs a `LeastSquares` smooth part."""
        smooth = problem.smooth
        if isinstance(smooth, LeastSquares):
            x = start_like(smooth.data, smooth.operator.in_shape, x0, "FISTA")
        elif x0 is not None:
            x = start_like(x0, tuple(x0.shape), x0, "FISTA")
        else:
            raise ParameterError("FISTA: x0 is needed where the smooth part is not LeastSquares")
        lipschitz = float(smooth.lipschitz)
        step = self.step_size
        if step is None:
            step = 1.0 / lipschitz if lipschitz > 0 else 1.0
        objective = problem(x) if self.restart == "function" else math.nan
        return FISTAState(x, x, 1.0, step, objective, 0)

    def _descend(self, problem: Composite, z: Any, step: float) -> Any:
        return problem.simple.prox(z - step * problem.smooth.gradient(z), step)

    def step(self, problem: Composite, state: FISTAState) -> FISTAState:
        """Proximal gradient step from the extrapolated point, then extrapolate or restart."""
        x = self._descend(problem, state.z, state.step)
        objective, fresh = math.nan, False
        if self.restart == "function":
            objective = problem(x)
            if objective > state.objective and state.t > 1.0:
                fresh = True
                x = self._descend(problem, state.x, state.step)
                objective = problem(x)
        elif self.restart == "gradient":
            fresh = turns_back(state.z, x, state.x)
        if fresh:
            return FISTAState(x, x, 1.0, state.step, objective, state.restarts + 1)
        t = next_weight(state.t)
        z = x + ((state.t - 1.0) / t) * (x - state.x)
        return FISTAState(x, z, t, state.step, objective, state.restarts)

    def gap(self, problem: Composite, state: FISTAState) -> float:
        """Relative duality gap, or relative residual of a proximal gradient step."""
        if problem.has_duality_gap:
            return problem.duality_gap(state.x)
        gradient = problem.smooth.gradient(state.x)
        moved = problem.simple.prox(state.x - state.step * gradient, state.step)
        residual = norm(state.x - moved)
        if residual == 0.0:
            return 0.0
        return residual / (max(norm(state.x), norm(moved)) + state.step * norm(gradient))

    def estimate(self, problem: Composite, state: FISTAState) -> Any:
        """Return the iterate."""
        return state.x

    def details(self, problem: Composite, state: FISTAState) -> Mapping[str, Any]:
        """Say which certificate, and how often the momentum restarted."""
        certificate = (
            "relative duality gap" if problem.has_duality_gap else "relative proximal gradient residual"
        )
        return {"certificate": certificate, "restarts": state.restarts}
