"""Indicators of simple sets and the zero functional."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from sigden.arrays import namespace
from sigden.errors import InputError, ParameterError
from sigden.functionals._common import checked_parameter, is_array, matched, total
from sigden.functionals.base import Functional, SmoothFunctional

__all__ = ["Box", "NonNegativity", "Zero"]


@dataclass(frozen=True, eq=False)
class Zero(SmoothFunctional):
    """The functional that is zero everywhere; its conjugate is the indicator of zero."""

    has_conjugate = True
    elementwise_step = True

    def _value(self, xp: Any, x: Any) -> float:
        return 0.0

    def _gradient(self, xp: Any, x: Any) -> Any:
        return xp.zeros_like(x)

    def _prox(self, xp: Any, x: Any, step: Any) -> Any:
        return xp.asarray(x, copy=True)

    def _conjugate(self, xp: Any, y: Any) -> float:
        return 0.0 if bool(xp.all(y == 0)) else math.inf

    def _conjugate_prox(self, xp: Any, y: Any, step: Any) -> Any:
        return xp.where(xp.isnan(y), y, xp.zeros_like(y))

    def _feasible_scale(self, xp: Any, y: Any) -> float:
        return 1.0 if bool(xp.all(y == 0)) else 0.0


@dataclass(frozen=True, eq=False)
class Box(Functional):
    """Indicator of ``lower <= x <= upper``, for real arrays.

    Parameters
    ----------
    lower, upper : float or array
        Bounds; minus and plus infinity for none.

    Raises
    ------
    ParameterError
        If a bound is NaN or a lower bound exceeds the upper one.
    """

    lower: Any = -math.inf
    upper: Any = math.inf

    has_conjugate = True
    elementwise_step = True

    def __post_init__(self) -> None:
        lower = checked_parameter(self.lower, "Box lower", finite=False)
        upper = checked_parameter(self.upper, "Box upper", finite=False)
        ordered, bounded = lower <= upper, True
        if is_array(lower) or is_array(upper):
            xp = namespace(lower, upper)
            ordered = bool(xp.all(ordered))
        for bound in (lower, upper):
            bounded = bounded and (
                bool(namespace(bound).all(namespace(bound).isfinite(bound)))
                if is_array(bound)
                else math.isfinite(bound)
            )
        if not ordered:
            raise ParameterError("Box: a lower bound exceeds the upper one")
        if (not is_array(lower) and lower == math.inf) or (not is_array(upper) and upper == -math.inf):
            raise ParameterError("Box: the set is empty")
        for name, value in {"lower": lower, "upper": upper, "conjugate_full_domain": bounded}.items():
            object.__setattr__(self, name, value)

    def _checked(self, x: Any, role: str) -> Any:
        xp = super()._checked(x, role)
        if xp.isdtype(x.dtype, "complex floating"):
            raise InputError(f"{type(self).__name__}: {role} needs real input, got {x.dtype}")
        return xp

    def _limits(self, x: Any) -> tuple[Any, Any]:
        return matched(self.lower, x, "Box lower"), matched(self.upper, x, "Box upper")

    def _value(self, xp: Any, x: Any) -> float:
        lower, upper = self._limits(x)
        return 0.0 if bool(xp.all((x >= lower) & (x <= upper))) else math.inf

    def _prox(self, xp: Any, x: Any, step: Any) -> Any:
        return xp.clip(x, *self._limits(x))

    def _conjugate(self, xp: Any, y: Any) -> float:
        lower, upper = self._limits(y)
        zero = xp.zeros_like(y)
        return _support(xp, upper, xp.maximum(y, zero)) + _support(xp, lower, xp.minimum(y, zero))

    def _conjugate_prox(self, xp: Any, y: Any, step: Any) -> Any:
        lower, upper = self._limits(y)
        # An infinite bound leaves exactly zero behind.
        return y - xp.clip(y, step * lower, step * upper)


def _support(xp: Any, bound: Any, part: Any) -> float:
    """Sum of ``bound * part`` where zero times infinity is zero."""
    limit = xp.zeros_like(part) + bound
    infinite = xp.isinf(limit)
    if bool(xp.any(infinite & (part != 0))):
        return math.inf
    return total(xp, xp.where(infinite, xp.zeros_like(part), limit) * part)


@dataclass(frozen=True, eq=False)
class NonNegativity(Box):
    """Indicator of ``x >= 0``, for real arrays; its conjugate is the indicator of ``y <= 0``."""

    def __init__(self) -> None:
        object.__setattr__(self, "lower", 0.0)
        object.__setattr__(self, "upper", math.inf)
        self.__post_init__()

    def __repr__(self) -> str:
        return "NonNegativity()"
