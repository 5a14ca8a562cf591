"""Dual balls of the total variations."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from sigden.functionals._common import checked_parameter, matched, slack
from sigden.functionals.base import Functional
from sigden.functionals.norms import L1, GroupL2, into_ball, magnitude, one_leading, within

__all__ = ["AnisotropicTVBall", "IsotropicTVBall"]


@dataclass(frozen=True, eq=False)
class IsotropicTVBall(Functional):
    """Indicator of ``sqrt(sum_i |p_ij|^2) <= radius_j``, with the directions `i` on the leading axis.

    Parameters
    ----------
    radius : float or array
        Non-negative radius; an array broadcasts to ``p.shape[1:]``.

    Raises
    ------
    ParameterError
        If a radius is negative or not finite.

    Notes
    -----
    The dual of the isotropic total variation: its conjugate is `GroupL2` of weight `radius`.

    References
    ----------
    A. Chambolle and T. Pock, "A first-order primal-dual algorithm for convex problems with applications to
    imaging", J. Math. Imaging Vis. 40, 120 (2011), section 6.2.
    """

    radius: Any = 1.0

    has_conjugate = True
    conjugate_full_domain = True
    elementwise_step = True

    def __post_init__(self) -> None:
        radius = checked_parameter(self.radius, "IsotropicTVBall radius", minimum=0.0)
        object.__setattr__(self, "radius", radius)

    def _r(self, p: Any) -> Any:
        return matched(self.radius, p, "IsotropicTVBall radius")

    def _value(self, xp: Any, x: Any) -> float:
        return 0.0 if within(xp, magnitude(xp, x), self._r(x), slack(x)) else math.inf

    def _prox(self, xp: Any, x: Any, step: Any) -> Any:
        one_leading(step, x.ndim, "IsotropicTVBall step")
        return into_ball(xp, x, magnitude(xp, x), self._r(x))

    def _conjugate(self, xp: Any, y: Any) -> float:
        return GroupL2(self.radius)._value(xp, y)

    def _conjugate_prox(self, xp: Any, y: Any, step: Any) -> Any:
        return GroupL2(self.radius)._prox(xp, y, step)


@dataclass(frozen=True, eq=False)
class AnisotropicTVBall(Functional):
    """Indicator of ``|p| <= radius``, component by component.

    Parameters
    ----------
    radius : float or array
        Non-negative radius; an array broadcasts to the point.

    Raises
    ------
    ParameterError
        If a radius is negative or not finite.

    Notes
    -----
    The dual of the anisotropic total variation: its conjugate is `L1` of weight `radius`.
    """

    radius: Any = 1.0

    has_conjugate = True
    conjugate_full_domain = True
    elementwise_step = True

    def __post_init__(self) -> None:
        radius = checked_parameter(self.radius, "AnisotropicTVBall radius", minimum=0.0)
        object.__setattr__(self, "radius", radius)

    def _value(self, xp: Any, x: Any) -> float:
        return L1(self.radius)._conjugate(xp, x)

    def _prox(self, xp: Any, x: Any, step: Any) -> Any:
        return L1(self.radius)._conjugate_prox(xp, x, step)

    def _conjugate(self, xp: Any, y: Any) -> float:
        return L1(self.radius)._value(xp, y)

    def _conjugate_prox(self, xp: Any, y: Any, step: Any) -> Any:
        return L1(self.radius)._prox(xp, y, step)
