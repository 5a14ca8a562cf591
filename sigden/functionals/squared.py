"""Quadratic data terms."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from sigden.arrays import namespace
from sigden.errors import ParameterError
from sigden.functionals._common import checked_parameter, inner, is_array, matched, total
from sigden.functionals.base import Functional, SmoothFunctional
from sigden.functionals.indicators import Box

__all__ = ["BoundedSquaredL2", "SquaredL2"]


@dataclass(frozen=True, eq=False)
class SquaredL2(SmoothFunctional):
    r"""Weighted squared distance to data.

    .. math:: f(x) = \tfrac12 \sum_i w_i |x_i - y_i|^2

    Parameters
    ----------
    data : array, optional
        Data `y`, of the point's shape; zero by default. Kept by reference: do not change it.
    weight : float or array
        Non-negative weights `w`, such as inverse variances; zero at missing samples.

    Raises
    ------
    ParameterError
        If a weight is negative or not finite.

    Notes
    -----
    `has_conjugate` is true only where all weights are positive.
    """

    data: Any = None
    weight: Any = 1.0

    elementwise_step = True

    def __post_init__(self) -> None:
        weight = checked_parameter(self.weight, "SquaredL2 weight", minimum=0.0)
        low = high = weight
        if is_array(weight):
            xp = namespace(weight)
            low, high = float(xp.min(weight)), float(xp.max(weight))
        known: dict[str, Any] = {
            "weight": weight,
            "lipschitz": high,
            "strong_convexity": low,
            "has_conjugate": low > 0,
            "conjugate_full_domain": low > 0,
        }
        for name, value in known.items():
            object.__setattr__(self, name, value)

    def __repr__(self) -> str:
        return f"SquaredL2({'no data' if self.data is None else tuple(self.data.shape)})"

    def _residual(self, x: Any) -> Any:
        return x if self.data is None else x - matched(self.data, x, "SquaredL2 data")

    def _w(self, x: Any) -> Any:
        return matched(self.weight, x, "SquaredL2 weight")

    def _value(self, xp: Any, x: Any) -> float:
        return 0.5 * total(xp, self._w(x) * xp.abs(self._residual(x)) ** 2)

    def _gradient(self, xp: Any, x: Any) -> Any:
        return self._w(x) * self._residual(x)

    def _prox(self, xp: Any, x: Any, step: Any) -> Any:
        pull = self._w(x) * step
        if self.data is None:
            return x / (1.0 + pull)
        return x + (matched(self.data, x, "SquaredL2 data") - x) * (pull / (1.0 + pull))

    def _conjugate(self, xp: Any, y: Any) -> float:
        if not self.has_conjugate:
            return super()._conjugate(xp, y)
        value = 0.5 * total(xp, xp.abs(y) ** 2 / self._w(y))
        return value if self.data is None else value + inner(y, matched(self.data, y, "SquaredL2 data"))


@dataclass(frozen=True, eq=False)
class BoundedSquaredL2(Functional):
    r"""Squared distance to data within bounds, such as a non-negative flux.

    .. math:: f(x) = \tfrac12 \sum_i w_i (x_i - y_i)^2 \quad \text{for } l \le x \le u, \text{ else } \infty

    Parameters
    ----------
    data : array
        Real data `y`, of the point's shape. Kept by reference: do not change it.
    lower, upper : float or array
        Bounds; infinite for none.
    weight : float or array
        Positive weights `w`.

    Raises
    ------
    ParameterError
        If a weight is not positive or a lower bound exceeds the upper one.

    Notes
    -----
    Its conjugate is finite everywhere, so that a primal-dual solver with this data term stops on a duality
    gap although the estimate is constrained.
    """

    data: Any
    lower: Any = 0.0
    upper: Any = float("inf")
    weight: Any = 1.0
    _distance: SquaredL2 = field(init=False, repr=False)
    _bounds: Box = field(init=False, repr=False)

    has_conjugate = True
    conjugate_full_domain = True
    elementwise_step = True

    def __post_init__(self) -> None:
        distance = SquaredL2(self.data, self.weight)
        if not distance.strong_convexity > 0:
            raise ParameterError("BoundedSquaredL2 weight: must be positive everywhere")
        object.__setattr__(self, "_distance", distance)
        object.__setattr__(self, "_bounds", Box(self.lower, self.upper))
        object.__setattr__(self, "strong_convexity", distance.strong_convexity)

    def __repr__(self) -> str:
        return f"BoundedSquaredL2({tuple(self.data.shape)})"

    def _checked(self, x: Any, role: str) -> Any:
        return self._bounds._checked(x, role)

    def _value(self, xp: Any, x: Any) -> float:
        return self._bounds._value(xp, x) + self._distance._value(xp, x)

    def _prox(self, xp: Any, x: Any, step: Any) -> Any:
        return self._bounds._prox(xp, self._distance._prox(xp, x, step), step)

    def _conjugate(self, xp: Any, y: Any) -> float:
        weight = matched(self.weight, y, "BoundedSquaredL2 weight")
        free = matched(self.data, y, "BoundedSquaredL2 data") + y / weight
        best = self._bounds._prox(xp, free, 1.0)
        return inner(best, y) - self._distance._value(xp, best)
