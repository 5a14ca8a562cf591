"""Norms: soft thresholding and shrinkage."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from sigden.arrays import device_of, namespace
from sigden.errors import InputError, ParameterError
from sigden.functionals._common import checked_parameter, is_array, matched, norm, slack, total
from sigden.functionals.base import Functional

__all__ = ["L1", "L2", "GroupL2", "NuclearNorm"]


def magnitude(xp: Any, x: Any) -> Any:
    """Norm over the leading axis, kept as an axis of length one."""
    return xp.sqrt(xp.sum(xp.abs(x) ** 2, axis=0, keepdims=True))


def shrink(xp: Any, x: Any, size: Any, threshold: Any) -> Any:
    """Scale `x`, of magnitude `size`, towards zero by `threshold`; NaN stays NaN."""
    safe = xp.where(size > 0, size, xp.ones_like(size))
    return x * (xp.maximum(size - threshold, xp.zeros_like(size)) / safe)


def within(xp: Any, size: Any, radius: Any, forgiven: float) -> bool:
    """Whether all magnitudes are at most the radius, but for rounding; NaN is not."""
    return bool(xp.all(size <= radius * (1.0 + forgiven)))


def gauge_scale(xp: Any, size: Any, radius: Any) -> float:
    """Largest factor, at most one, that brings all magnitudes within the radius."""
    bound = size * 0.0 + radius
    outside = size > bound
    factor = xp.where(outside, bound / xp.where(outside, size, xp.ones_like(size)), xp.ones_like(size))
    return float(xp.min(factor))


def one_leading(step: Any, ndim: int, what: str) -> Any:
    """A step array that is the same along the leading axis."""
    if is_array(step) and step.ndim == ndim and step.shape[0] != 1:
        raise ParameterError(f"{what}: must be one along the leading axis, got shape {tuple(step.shape)}")
    return step


@dataclass(frozen=True, eq=False)
class L1(Functional):
    """Weighted l1 norm ``sum(w |x|)``.

    Parameters
    ----------
    weight : float or array
        Non-negative weights `w`; an array broadcasts to the point.

    Raises
    ------
    ParameterError
        If a weight is negative or not finite.

    Notes
    -----
    The proximal map is soft thresholding at ``step * w``, of the magnitude for complex arrays.
    """

    weight: Any = 1.0

    has_conjugate = True
    full_domain = True
    elementwise_step = True

    def __post_init__(self) -> None:
        weight = checked_parameter(self.weight, "L1 weight", minimum=0.0)
        object.__setattr__(self, "weight", weight)
        object.__setattr__(self, "coercive", _all_positive(weight))

    def _w(self, x: Any) -> Any:
        return matched(self.weight, x, "L1 weight")

    def _value(self, xp: Any, x: Any) -> float:
        return total(xp, self._w(x) * xp.abs(x))

    def _prox(self, xp: Any, x: Any, step: Any) -> Any:
        threshold = self._w(x) * step
        if xp.isdtype(x.dtype, "complex floating"):
            return shrink(xp, x, xp.abs(x), threshold)
        return x - xp.clip(x, -threshold, threshold)

    def _conjugate(self, xp: Any, y: Any) -> float:
        return 0.0 if within(xp, xp.abs(y), self._w(y), slack(y)) else math.inf

    def _conjugate_prox(self, xp: Any, y: Any, step: Any) -> Any:
        weight = self._w(y)
        if xp.isdtype(y.dtype, "complex floating"):
            return into_ball(xp, y, xp.abs(y), weight)
        return xp.clip(y, -weight, weight)

    def _feasible_scale(self, xp: Any, y: Any) -> float:
        return gauge_scale(xp, xp.abs(y), self._w(y))


@dataclass(frozen=True, eq=False)
class GroupL2(Functional):
    """Group norm ``sum_j w_j sqrt(sum_i |x_ij|^2)`` with groups along the leading axis (L2,1).

    Parameters
    ----------
    weight : float or array
        Non-negative weights of the groups; an array broadcasts to ``x.shape[1:]``.

    Raises
    ------
    ParameterError
        If a weight is negative or not finite.

    Notes
    -----
    Of a discrete gradient with the directions on the leading axis, it is the isotropic total variation. Its
    conjugate is the indicator that `IsotropicTVBall` is. A step array must be the same along a group.
    """

    weight: Any = 1.0

    has_conjugate = True
    full_domain = True
    elementwise_step = True

    def __post_init__(self) -> None:
        weight = checked_parameter(self.weight, "GroupL2 weight", minimum=0.0)
        object.__setattr__(self, "weight", weight)
        object.__setattr__(self, "coercive", _all_positive(weight))

    def _w(self, x: Any) -> Any:
        return matched(self.weight, x, "GroupL2 weight")

    def _value(self, xp: Any, x: Any) -> float:
        return total(xp, self._w(x) * magnitude(xp, x))

    def _prox(self, xp: Any, x: Any, step: Any) -> Any:
        step = one_leading(step, x.ndim, "GroupL2 step")
        return shrink(xp, x, magnitude(xp, x), self._w(x) * step)

    def _conjugate(self, xp: Any, y: Any) -> float:
        return 0.0 if within(xp, magnitude(xp, y), self._w(y), slack(y)) else math.inf

    def _conjugate_prox(self, xp: Any, y: Any, step: Any) -> Any:
        one_leading(step, y.ndim, "GroupL2 step")
        return into_ball(xp, y, magnitude(xp, y), self._w(y))

    def _feasible_scale(self, xp: Any, y: Any) -> float:
        return gauge_scale(xp, magnitude(xp, y), self._w(y))


def into_ball(xp: Any, y: Any, size: Any, radius: Any) -> Any:
    """Projection of `y`, of magnitude `size`, on a ball around zero."""
    bound = size * 0.0 + radius
    outside = size > bound
    factor = xp.where(outside, bound / xp.where(outside, size, xp.ones_like(size)), xp.ones_like(size))
    return y * factor


@dataclass(frozen=True, eq=False)
class L2(Functional):
    """Euclidean norm of the whole array, ``w ||x||_2``.

    Parameters
    ----------
    weight : float
        Non-negative weight `w`.

    Raises
    ------
    ParameterError
        If the weight is no number, negative or not finite.
    """

    weight: float = 1.0

    has_conjugate = True
    full_domain = True

    def __post_init__(self) -> None:
        object.__setattr__(self, "weight", _number(self.weight, "L2 weight"))
        object.__setattr__(self, "coercive", self.weight > 0)

    def _value(self, xp: Any, x: Any) -> float:
        return self.weight * norm(x)

    def _prox(self, xp: Any, x: Any, step: Any) -> Any:
        size = norm(x)
        threshold = self.weight * step
        return x * (0.0 if size <= threshold else 1.0 - threshold / size)

    def _conjugate(self, xp: Any, y: Any) -> float:
        return 0.0 if norm(y) <= self.weight * (1.0 + slack(y)) else math.inf

    def _conjugate_prox(self, xp: Any, y: Any, step: Any) -> Any:
        return y * self._feasible_scale(xp, y)

    def _feasible_scale(self, xp: Any, y: Any) -> float:
        size = norm(y)
        return self.weight / size if size > self.weight else 1.0


def singular_values(xp: Any, x: Any) -> Any:
    """Singular values of the last two axes; NaN where the array is not finite."""
    if bool(xp.all(xp.isfinite(x))):
        return xp.linalg.svdvals(x)
    return xp.full((1,), xp.nan, dtype=xp.float64, device=device_of(x))


@dataclass(frozen=True, eq=False)
class NuclearNorm(Functional):
    """Sum of the singular values of the last two axes, ``w ||X||_*``, summed over leading axes.

    Parameters
    ----------
    weight : float
        Non-negative weight `w`.

    Raises
    ------
    ParameterError
        If the weight is no number, negative or not finite.

    References
    ----------
    J.-F. Cai, E. J. Candes and Z. Shen, "A singular value thresholding algorithm for matrix completion",
    SIAM J. Optim. 20, 1956 (2010), theorem 2.1.
    """

    weight: float = 1.0

    has_conjugate = True
    full_domain = True

    def __post_init__(self) -> None:
        object.__setattr__(self, "weight", _number(self.weight, "NuclearNorm weight"))
        object.__setattr__(self, "coercive", self.weight > 0)

    def _checked(self, x: Any, role: str) -> Any:
        xp = super()._checked(x, role)
        if x.ndim < 2:
            raise InputError(f"{self!r}: {role} needs two axes or more, got shape {tuple(x.shape)}")
        return xp

    def _value(self, xp: Any, x: Any) -> float:
        return self.weight * total(xp, singular_values(xp, x))

    def _with_values(self, xp: Any, x: Any, change: Any) -> Any:
        # LAPACK raises on NaN; a solver reports it.
        if not bool(xp.all(xp.isfinite(x))):
            return xp.full_like(x, xp.nan)
        u, s, vh = xp.linalg.svd(x, full_matrices=False)
        kept = xp.expand_dims(xp.astype(change(s), u.dtype), axis=-2)
        return xp.matmul(u * kept, vh)

    def _prox(self, xp: Any, x: Any, step: Any) -> Any:
        threshold = self.weight * step
        return self._with_values(xp, x, lambda s: xp.maximum(s - threshold, xp.zeros_like(s)))

    def _conjugate(self, xp: Any, y: Any) -> float:
        return 0.0 if within(xp, singular_values(xp, y), self.weight, slack(y)) else math.inf

    def _conjugate_prox(self, xp: Any, y: Any, step: Any) -> Any:
        return self._with_values(xp, y, lambda s: xp.minimum(s, xp.full_like(s, self.weight)))

    def _feasible_scale(self, xp: Any, y: Any) -> float:
        return gauge_scale(xp, singular_values(xp, y), self.weight)


def _all_positive(weight: Any) -> bool:
    return bool(namespace(weight).all(weight > 0)) if is_array(weight) else weight > 0


def _number(value: Any, what: str) -> float:
    number = checked_parameter(value, what, minimum=0.0)
    if is_array(number):
        raise ParameterError(f"{what}: must be one number, got an array of shape {tuple(number.shape)}")
    return float(number)
