"""Problems as values."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from sigden.arrays import device_of, namespace
from sigden.errors import InputError, ParameterError
from sigden.functionals import Functional, SmoothFunctional, inner
from sigden.operators import LinearOperator

__all__ = ["Composite", "Denoising", "LeastSquares", "LinearSystem", "SaddlePoint", "Smooth", "relative_gap"]


def relative_gap(primal: float, dual: float) -> float:
    """Relative duality gap of two objective values.

    Parameters
    ----------
    primal, dual : float
        Values with ``primal >= dual`` but for rounding.

    Returns
    -------
    float
        ``(primal - dual) / max(|primal|, |dual|)``, at least zero; zero where the values agree, infinity
        where one is infinite, NaN where one is NaN.
    """
    if math.isnan(primal) or math.isnan(dual):
        return math.nan
    if math.isinf(primal) or math.isinf(dual):
        return math.inf
    excess = primal - dual
    return 0.0 if excess <= 0 else excess / max(abs(primal), abs(dual))


def start_like(data: Any, shape: tuple[int, ...], x0: Any, what: str) -> Any:
    """Copy of the start in the precision of the data, or zeros."""
    xp = namespace(data, x0)
    if x0 is None:
        return xp.zeros(shape, dtype=data.dtype, device=device_of(data))
    if tuple(x0.shape) != tuple(shape):
        raise InputError(f"{what}: x0 has shape {tuple(x0.shape)}, expected {tuple(shape)}")
    if not xp.isdtype(x0.dtype, ("real floating", "complex floating")):
        raise InputError(f"{what}: x0 must be floating, got {x0.dtype}")
    dtype = xp.result_type(x0, data) if xp.isdtype(x0.dtype, "complex floating") else data.dtype
    return xp.astype(x0, dtype, copy=True)


def _require_data(data: Any, shape: tuple[int, ...], what: str) -> None:
    try:
        xp = namespace(data)
    except InputError as error:
        raise InputError(f"{what}: data: {error}") from error
    if tuple(data.shape) != tuple(shape):
        raise InputError(f"{what}: data of shape {tuple(data.shape)}, the operator gives {tuple(shape)}")
    if data.dtype not in (xp.float32, xp.float64, xp.complex64, xp.complex128):
        raise InputError(f"{what}: data must be float32, float64 or their complex twins, got {data.dtype}")


@dataclass(frozen=True, eq=False)
class LinearSystem:
    """System ``A x = b`` with a self-adjoint positive definite operator.

    Parameters
    ----------
    operator : LinearOperator
        `A`, of equal input and output shape.
    data : array
        `b`. Kept by reference: do not change it.

    Raises
    ------
    InputError
        If the shapes do not fit.
    """

    operator: LinearOperator
    data: Any

    def __post_init__(self) -> None:
        if self.operator.in_shape != self.operator.out_shape:
            raise InputError(f"LinearSystem: {self.operator!r} is not square")
        _require_data(self.data, self.operator.out_shape, "LinearSystem")

    def system(self, x: Any) -> Any:
        """Left side ``A x``."""
        return self.operator(x)

    def right_side(self) -> Any:
        """Right side ``b``."""
        return self.data


@dataclass(frozen=True, eq=False)
class LeastSquares:
    r"""Damped least squares.

    .. math:: \min_x \tfrac12 \|A x - b\|^2 + \tfrac{\delta}{2} \|x\|^2

    Parameters
    ----------
    operator : LinearOperator
        `A`.
    data : array, shape ``operator.out_shape``
        `b`. Kept by reference: do not change it.
    damping : float, optional
        Non-negative :math:`\delta`.

    Raises
    ------
    InputError
        If the shapes do not fit.
    ParameterError
        If `damping` is negative or not finite.

    Notes
    -----
    Weights enter as ``Diagonal(sqrt(w)) @ A`` and ``sqrt(w) * b``. The problem is also the smooth part of a
    `Composite` problem.
    """

    operator: LinearOperator
    data: Any
    damping: float = 0.0

    def __post_init__(self) -> None:
        _require_data(self.data, self.operator.out_shape, "LeastSquares")
        damping = float(self.damping)
        if not (math.isfinite(damping) and damping >= 0):
            raise ParameterError(f"LeastSquares: damping must be finite and not negative, got {self.damping}")
        object.__setattr__(self, "damping", damping)

    def __call__(self, x: Any) -> float:
        """Objective value."""
        residual = self.operator(x) - self.data
        return 0.5 * inner(residual, residual) + 0.5 * self.damping * inner(x, x)

    def gradient(self, x: Any) -> Any:
        """Gradient ``A^H (A x - b) + damping x``."""
        slope = self.operator.adjoint(self.operator(x) - self.data)
        return slope + self.damping * x if self.damping else slope

    @property
    def lipschitz(self) -> float:
        """Bound on the gradient's Lipschitz constant, ``||A||^2 + damping``."""
        return self.operator.norm_bound() ** 2 + self.damping

    def system(self, x: Any) -> Any:
        """Left side of the normal equations, ``A^H A x + damping x``."""
        image = self.operator.gram(x)
        return image + self.damping * x if self.damping else image

    def right_side(self) -> Any:
        """Right side of the normal equations, ``A^H b``."""
        return self.operator.adjoint(self.data)


@dataclass(frozen=True, eq=False)
class Smooth:
    """Smooth convex function given by its value and gradient.

    Parameters
    ----------
    value : callable
        Takes a point, returns a float.
    gradient : callable
        Takes a point, returns an array of its shape and dtype.
    lipschitz : float
        Positive Lipschitz constant of the gradient.

    Raises
    ------
    ParameterError
        If `lipschitz` is not positive and finite.
    """

    value: Callable[[Any], float]
    gradient: Callable[[Any], Any]
    lipschitz: float

    def __post_init__(self) -> None:
        if not 0 < float(self.lipschitz) < math.inf:
            raise ParameterError(f"Smooth: lipschitz must be positive and finite, got {self.lipschitz}")

    def __call__(self, x: Any) -> float:
        """Value."""
        return float(self.value(x))


@dataclass(frozen=True, eq=False)
class Composite:
    r"""Smooth plus simple convex function.

    .. math:: \min_x f(x) + g(x)

    Parameters
    ----------
    smooth : LeastSquares or SmoothFunctional or Smooth
        `f`, with a Lipschitz-continuous gradient.
    simple : Functional
        `g`, with a proximal map.

    Notes
    -----
    With a `LeastSquares` smooth part a duality gap is known where `g` is a norm with positive weights, where
    its conjugate is finite everywhere, or where the damping is positive.

    References
    ----------
    S.-J. Kim, K. Koh, M. Lustig, S. Boyd and D. Gorinevsky, "An interior-point method for large-scale
    l1-regularized least squares", IEEE J. Sel. Top. Signal Process. 1, 606 (2007), section III: the dual
    point from the scaled residual.
    """

    smooth: LeastSquares | SmoothFunctional | Smooth
    simple: Functional

    def __call__(self, x: Any) -> float:
        """Objective value."""
        return self.smooth(x) + self.simple(x)

    @property
    def has_duality_gap(self) -> bool:
        """Whether `duality_gap` is known for every point."""
        if not isinstance(self.smooth, LeastSquares):
            return False
        simple = self.simple
        reachable = simple.coercive or simple.conjugate_full_domain
        return self.smooth.damping > 0 or (simple.has_conjugate and reachable)

    def duality_gap(self, x: Any) -> float:
        """Relative duality gap of a point.

        Parameters
        ----------
        x : array
            Point in the domain of `g`.

        Returns
        -------
        float
            Relative gap; infinity where no dual point is found.

        Raises
        ------
        ParameterError
            If no gap is known (`has_duality_gap` is false).
        """
        fit = self.smooth
        if not isinstance(fit, LeastSquares) or not self.has_duality_gap:
            raise ParameterError("Composite: no duality gap is known for this problem")
        residual = fit.data - fit.operator(x)
        primal = 0.5 * inner(residual, residual) + 0.5 * fit.damping * inner(x, x) + self.simple(x)
        slope = fit.operator.adjoint(residual)
        if fit.damping > 0:
            best = self.simple.prox(slope / fit.damping, 1.0 / fit.damping)
            conjugate = inner(best, slope) - self.simple(best) - 0.5 * fit.damping * inner(best, best)
            scale = 1.0
        else:
            scale = self.simple.feasible_scale(slope)
            conjugate = self.simple.conjugate(scale * slope)
        dual = scale * inner(residual, fit.data) - 0.5 * scale**2 * inner(residual, residual) - conjugate
        return relative_gap(primal, dual)


@dataclass(frozen=True, eq=False)
class Denoising:
    r"""Denoising with an analysis penalty.

    .. math:: \min_{u \in C} \tfrac12 \|u - y\|^2 + g(K u)

    Parameters
    ----------
    data : array, shape ``operator.in_shape``
        Noisy data `y`. Kept by reference: do not change it.
    penalty : Functional
        `g`, finite everywhere and with a closed-form conjugate: ``GroupL2(w)`` for the isotropic, ``L1(w)``
        for the anisotropic total variation.
    operator : LinearOperator
        `K`, for example `FiniteDifference`.
    constraint : Functional, optional
        Indicator of a convex set `C`, such as `NonNegativity`.

    Raises
    ------
    InputError
        If the shapes do not fit.
    ParameterError
        If the penalty has no conjugate or is not finite everywhere.
    """

    data: Any
    penalty: Functional
    operator: LinearOperator
    constraint: Functional | None = None

    def __post_init__(self) -> None:
        _require_data(self.data, self.operator.in_shape, "Denoising")
        if not (self.penalty.has_conjugate and self.penalty.full_domain):
            raise ParameterError(
                f"Denoising: {self.penalty!r} must be finite everywhere and have a conjugate; use SaddlePoint"
            )

    def primal_point(self, p: Any) -> Any:
        """Estimate ``P_C(y - K^H p)`` that belongs to a dual point."""
        free = self.data - self.operator.adjoint(p)
        return free if self.constraint is None else self.constraint.prox(free, 1.0)

    def __call__(self, u: Any) -> float:
        """Objective value of a point of `C`."""
        residual = u - self.data
        return 0.5 * inner(residual, residual) + self.penalty(self.operator(u))

    def duality_gap(self, p: Any) -> float:
        """Relative duality gap of a dual point and its primal point."""
        u = self.primal_point(p)
        image = self.operator(u)
        residual = u - self.data
        primal = 0.5 * inner(residual, residual) + self.penalty(image)
        excess = self.penalty(image) + self.penalty.conjugate(p) - inner(image, p)
        return relative_gap(primal, primal - excess)


@dataclass(frozen=True, eq=False)
class SaddlePoint:
    r"""Sum of two simple functions, one of them behind an operator.

    .. math:: \min_x f(x) + g(K x) = \min_x \max_y f(x) + \langle K x, y \rangle - g^*(y)

    Parameters
    ----------
    f, g : Functional
        Simple functions; several ``g_i(K_i x)`` are a `SeparableFunctional` of a `Stack`.
    operator : LinearOperator
        `K`.

    Notes
    -----
    The duality gap certifies where both conjugates are known, `g` is finite everywhere, and the conjugate of
    `f` is (a squared distance, a bounded set).
    """

    f: Functional
    g: Functional
    operator: LinearOperator

    @property
    def has_duality_gap(self) -> bool:
        """Whether the duality gap is finite at every pair of iterates."""
        conjugates = self.f.has_conjugate and self.g.has_conjugate
        return conjugates and self.g.full_domain and self.f.conjugate_full_domain

    def __call__(self, x: Any) -> float:
        """Objective value."""
        return self.f(x) + self.g(self.operator(x))
