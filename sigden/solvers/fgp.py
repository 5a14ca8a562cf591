"""Fast gradient projection on the dual of a denoising problem."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sigden.functionals import inner
from sigden.solvers.momentum import Restart, check_restart, next_weight, turns_back
from sigden.solvers.problems import Denoising, start_like

__all__ = ["FGP", "FGPState"]


@dataclass(frozen=True, eq=False)
class FGPState:
    """Dual iterate, extrapolated point, momentum weight, step, dual objective, restarts so far."""

    p: Any
    q: Any
    t: float
    step: float
    objective: float
    restarts: int


@dataclass(frozen=True)
class FGP:
    """Fast gradient projection for `Denoising` problems, with adaptive restart.

    Parameters
    ----------
    restart : {"gradient", "function", "none"}
        When the momentum is dropped: when it points uphill, when the dual objective falls, never.

    Raises
    ------
    ParameterError
        If `restart` is unknown.

    Notes
    -----
    Works on the dual variable; `x0` is a dual start, of the operator's output shape. The certificate is the
    relative duality gap of the estimate ``P_C(y - K^H p)``.

    References
    ----------
    A. Beck and M. Teboulle, "Fast gradient-based algorithms for constrained total variation image denoising
    and deblurring problems", IEEE Trans. Image Process. 18, 2419 (2009), section IV. B. O'Donoghue and
    E. Candes, "Adaptive restart for accelerated gradient schemes", Found. Comput. Math. 15, 715 (2015),
    section 3.2.
    """

    restart: Restart = "gradient"

    def __post_init__(self) -> None:
        check_restart(self.restart, "FGP")

    def init(self, problem: Denoising, x0: Any = None) -> FGPState:
        """Start at the dual point `x0` brought into the domain, zero by default."""
        bound = problem.operator.norm_bound() ** 2
        step = 1.0 / bound if bound > 0 else 1.0
        p = start_like(problem.data, problem.operator.out_shape, x0, "FGP")
        if x0 is not None:
            p = problem.penalty.conjugate_prox(p, step)
        objective = self._objective(problem, p) if self.restart == "function" else math.nan
        return FGPState(p, p, 1.0, step, objective, 0)

    def _objective(self, problem: Denoising, p: Any) -> float:
        """Return minus the dual objective."""
        u = problem.primal_point(p)
        residual = u - problem.data
        pairing = inner(problem.operator(u), p)
        return problem.penalty.conjugate(p) - 0.5 * inner(residual, residual) - pairing

    def _ascend(self, problem: Denoising, q: Any, step: float) -> Any:
        return problem.penalty.conjugate_prox(q + step * problem.operator(problem.primal_point(q)), step)

    def step(self, problem: Denoising, state: FGPState) -> FGPState:
        """Projected gradient step on the dual from the extrapolated point, then extrapolate or restart."""
        p = self._ascend(problem, state.q, state.step)
        objective, fresh = math.nan, False
        if self.restart == "function":
            objective = self._objective(problem, p)
            if objective > state.objective and state.t > 1.0:
                fresh = True
                p = self._ascend(problem, state.p, state.step)
                objective = self._objective(problem, p)
        elif self.restart == "gradient":
            fresh = turns_back(state.q, p, state.p)
        if fresh:
            return FGPState(p, p, 1.0, state.step, objective, state.restarts + 1)
        t = next_weight(state.t)
        q = p + ((state.t - 1.0) / t) * (p - state.p)
        return FGPState(p, q, t, state.step, objective, state.restarts)

    def gap(self, problem: Denoising, state: FGPState) -> float:
        """Relative duality gap."""
        return problem.duality_gap(state.p)

    def estimate(self, problem: Denoising, state: FGPState) -> Any:
        """Primal point of the dual iterate."""
        return problem.primal_point(state.p)

    def details(self, problem: Denoising, state: FGPState) -> Mapping[str, Any]:
        """Say which certificate, how often the momentum restarted, and the dual point for a warm start."""
        return {"certificate": "relative duality gap", "restarts": state.restarts, "dual": state.p}
