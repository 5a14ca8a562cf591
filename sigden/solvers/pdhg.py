"""Primal-dual hybrid gradients."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from sigden.errors import ParameterError
from sigden.functionals import Functional, norm
from sigden.solvers.problems import SaddlePoint, relative_gap, start_like

__all__ = ["PDHG", "PDHGState"]


@dataclass(frozen=True, eq=False)
class PDHGState:
    """Primal and dual iterates, their images, steps, the operator's norm, and where the last step began.

    `last` holds what the residuals need: the former primal and dual iterate, the former back image, the
    extrapolated image, and the steps taken; `None` before the first step.
    """

    x: Any
    y: Any
    image: Any
    back_image: Any
    tau: float
    sigma: float
    scale: float
    last: tuple[Any, Any, Any, Any, float, float] | None


@dataclass(frozen=True)
class PDHG:
    r"""Primal-dual hybrid gradient (Chambolle-Pock) iterations for `SaddlePoint` problems.

    Parameters
    ----------
    ratio : float, optional
        Positive; the first steps are ``tau = ratio / ||K||`` and ``sigma = 1 / (ratio ||K||)``. By default
        ten where the iterations are accelerated, so that a large primal step can shrink, else one.
    accelerate : bool, optional
        Whether the steps change with the iterations where `f` is strongly convex, which makes the rate
        :math:`O(1/N^2)`.

    Raises
    ------
    ParameterError
        If `ratio` is not positive.

    Notes
    -----
    The certificate is the relative duality gap where `SaddlePoint.has_duality_gap` holds. Elsewhere it is the
    larger of the primal and dual residuals, the distances from zero of elements of
    :math:`\partial f(x) + K^H y` and :math:`\partial g^*(y) - K x`, each relative to the magnitudes of what
    cancels in it plus ``||K|| ||x||`` and ``||K|| ||y||``.

    References
    ----------
    A. Chambolle and T. Pock, "A first-order primal-dual algorithm for convex problems with applications to
    imaging", J. Math. Imaging Vis. 40, 120 (2011), algorithms 1 and 2. T. Goldstein, M. Li, X. Yuan, E. Esser
    and R. Baraniuk, "Adaptive primal-dual hybrid gradient methods for saddle-point problems",
    arXiv:1305.0546, section 2: the residuals.
    """

    ratio: float | None = None
    accelerate: bool = True

    def __post_init__(self) -> None:
        if self.ratio is not None and not 0 < self.ratio < math.inf:
            raise ParameterError(f"PDHG: ratio must be positive and finite, got {self.ratio}")

    def _modulus(self, problem: SaddlePoint) -> float:
        return problem.f.strong_convexity if self.accelerate else 0.0

    def init(self, problem: SaddlePoint, x0: Any = None) -> PDHGState:
        """Start at `x0`; by default at the data of `f`, or at zero where `f` has none."""
        shape = problem.operator.in_shape
        x = _default_start(problem) if x0 is None else start_like(x0, shape, x0, "PDHG")
        bound = problem.operator.norm_bound()
        if not math.isfinite(bound):
            raise ParameterError(f"PDHG: the norm of {problem.operator!r} is not finite")
        scale = bound if bound > 0 else 1.0
        ratio = self.ratio
        if ratio is None:
            ratio = 10.0 if self._modulus(problem) > 0 else 1.0
        tau, sigma = ratio / scale, 1.0 / (ratio * scale)
        image = problem.operator(x)
        y = 0.0 * image
        return PDHGState(x, y, image, 0.0 * x, tau, sigma, scale, None)

    def step(self, problem: SaddlePoint, state: PDHGState) -> PDHGState:
        """Primal step, extrapolation, dual step."""
        tau, sigma = state.tau, state.sigma
        x = problem.f.prox(state.x - tau * state.back_image, tau)
        image = problem.operator(x)
        modulus = self._modulus(problem)
        theta = 1.0 / math.sqrt(1.0 + 2.0 * modulus * tau) if modulus > 0 else 1.0
        # Acceleration changes the steps between the primal and the dual half of the iteration.
        next_tau, next_sigma = theta * tau, sigma / theta
        ahead = image + theta * (image - state.image)
        y = problem.g.conjugate_prox(state.y + next_sigma * ahead, next_sigma)
        back_image = problem.operator.adjoint(y)
        last = (state.x, state.y, state.back_image, ahead, tau, next_sigma)
        return PDHGState(x, y, image, back_image, next_tau, next_sigma, state.scale, last)

    def gap(self, problem: SaddlePoint, state: PDHGState) -> float:
        """Relative duality gap, or the larger relative residual."""
        if problem.has_duality_gap:
            primal = problem.f(state.x) + problem.g(state.image)
            dual = -problem.f.conjugate(-state.back_image) - problem.g.conjugate(state.y)
            return relative_gap(primal, dual)
        if state.last is None:
            return math.inf
        x, y, back_image, ahead, tau, sigma = state.last
        of_f = (x - state.x) / tau - back_image
        of_g = (y - state.y) / sigma + ahead
        primal_scale = norm(of_f) + norm(state.back_image) + norm(state.x) * state.scale
        dual_scale = norm(of_g) + norm(state.image) + norm(state.y) * state.scale
        return max(
            _relative(norm(of_f + state.back_image), primal_scale),
            _relative(norm(of_g - state.image), dual_scale),
        )

    def estimate(self, problem: SaddlePoint, state: PDHGState) -> Any:
        """Primal iterate."""
        return state.x

    def details(self, problem: SaddlePoint, state: PDHGState) -> Mapping[str, Any]:
        """Say which certificate, and the dual point."""
        if problem.has_duality_gap:
            return {"certificate": "relative duality gap", "dual": state.y}
        return {"certificate": "relative primal and dual residuals", "dual": state.y}


def _relative(residual: float, scale: float) -> float:
    return residual if residual == 0.0 or math.isnan(residual) else residual / scale


def _parts(functional: Functional) -> Iterator[Functional]:
    yield functional
    for part in getattr(functional, "functionals", ()):
        yield from _parts(part)
    inside = getattr(functional, "functional", None)
    if inside is not None:
        yield from _parts(inside)


def _default_start(problem: SaddlePoint) -> Any:
    """Data of `f`, made feasible; else zeros in the place and precision of an array that is held."""
    shape = problem.operator.in_shape
    data = getattr(problem.f, "data", None)
    if data is not None and tuple(data.shape) == shape:
        return problem.f.prox(data, 1.0)
    for functional in (*_parts(problem.f), *_parts(problem.g)):
        anchor = getattr(functional, "data", None)
        if anchor is not None:
            return start_like(anchor, shape, None, "PDHG")
    raise ParameterError("PDHG: x0 is needed, the problem holds no data that tell library and precision")
