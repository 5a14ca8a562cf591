"""Tests of proximal maps and conjugates."""

from __future__ import annotations

import math
from typing import Any

from sigden.arrays import namespace, real_dtype
from sigden.functionals import Functional, inner, norm
from sigden.testing.adjoint import random_like

__all__ = ["assert_fenchel_young", "assert_moreau", "assert_prox_optimal"]


def _eps(x: Any) -> float:
    return float(namespace(x).finfo(real_dtype(x)).eps)


def assert_prox_optimal(
    functional: Functional, x: Any, step: float, *, trials: int = 20, seed: int = 0, rtol: float | None = None
) -> None:
    """Check that no random point near ``u = prox(x, step)`` has a smaller proximal objective.

    Parameters
    ----------
    functional : Functional
        The functional.
    x : array
        Point.
    step : float
        Positive step.
    trials, seed : int, optional
        Number of random directions, each tried at several lengths, and their first seed. The directions
        towards `x` and zero are tried too.
    rtol : float, optional
        Relative rounding error of the objective; 100 units by default.

    Raises
    ------
    AssertionError
        If a better point is found, the result is outside the domain, or shape or dtype change.

    Notes
    -----
    The objective ``f(v) + ||v - x||^2 / (2 step)`` is strongly convex, so its minimiser `u` obeys
    ``objective(v) >= objective(u) + ||v - u||^2 / (2 step)``, which is what is checked.
    """
    u = functional.prox(x, step)
    if tuple(u.shape) != tuple(x.shape) or u.dtype != x.dtype:
        raise AssertionError(
            f"{functional!r}: prox of {x.dtype} {tuple(x.shape)} gives {u.dtype} {tuple(u.shape)}"
        )

    def objective(v: Any) -> float:
        return functional(v) + norm(v - x) ** 2 / (2.0 * step)

    best = objective(u)
    if not math.isfinite(best):
        raise AssertionError(f"{functional!r}: prox gives a point with objective {best}")
    size = max(norm(x), norm(u), 1e-30)
    kind = str(x.dtype).rsplit(".", 1)[-1]
    directions = [x - u, -u]
    directions += [random_like(tuple(x.shape), dtype=kind, like=x, seed=seed + i) for i in range(trials)]
    for direction in directions:
        length = norm(direction)
        if length == 0.0:
            continue
        for scale in (1.0, 0.1, 1e-2, 1e-3):
            v = u + direction * (scale * size / length)
            growth = norm(v - u) ** 2 / (2.0 * step)
            found = objective(v)
            noise = (100.0 * _eps(x) if rtol is None else rtol) * (abs(best) + size**2 / step)
            if not found >= best + growth - noise:
                raise AssertionError(
                    f"{functional!r}: prox with step {step} is not optimal: objective {best:.17g} there, "
                    f"{found:.17g} at distance {norm(v - u):.3g}, expected at least {best + growth:.17g}"
                )


def assert_moreau(functional: Functional, x: Any, step: float, *, rtol: float | None = None) -> None:
    """Check Moreau's identity ``prox_{s f}(x) + s prox_{f*/s}(x / s) == x``.

    Parameters
    ----------
    functional : Functional
        The functional.
    x : array
        Point.
    step : float
        Positive step `s`.
    rtol : float, optional
        Tolerance relative to ``||x||`` plus the norms of both parts; 50 units of rounding by default.

    Raises
    ------
    AssertionError
        If the identity fails.
    """
    primal = functional.prox(x, step)
    dual = step * functional.conjugate_prox(x / step, 1.0 / step)
    error = norm(primal + dual - x)
    limit = (50.0 * _eps(x) if rtol is None else rtol) * (norm(x) + norm(primal) + norm(dual))
    if not error <= limit:
        raise AssertionError(f"{functional!r}: Moreau's identity fails by {error:.3g}, allowed {limit:.3g}")


def assert_fenchel_young(functional: Functional, x: Any, step: float, *, rtol: float | None = None) -> None:
    """Check ``f(u) + f*(y) == <u, y>`` for the conjugate at ``u = prox(x, step)``, ``y = (x - u) / step``.

    Parameters
    ----------
    functional : Functional
        A functional with a closed-form conjugate.
    x : array
        Point.
    step : float
        Positive step.
    rtol : float, optional
        Relative tolerance; 200 units of rounding by default.

    Raises
    ------
    AssertionError
        If the equality fails, or the inequality ``f(x) + f*(y) >= <x, y>`` does.
    """
    u = functional.prox(x, step)
    y = functional.conjugate_prox(x / step, 1.0 / step)
    value, conjugate, pairing = functional(u), functional.conjugate(y), inner(u, y)
    if not (math.isfinite(value) and math.isfinite(conjugate)):
        raise AssertionError(f"{functional!r}: f(u) = {value} and f*(y) = {conjugate} must be finite")
    scale = abs(value) + abs(conjugate) + abs(pairing) + norm(u) * norm(y)
    limit = (200.0 * _eps(x) if rtol is None else rtol) * scale
    if not abs(value + conjugate - pairing) <= limit:
        raise AssertionError(
            f"{functional!r}: f(u) = {value:.17g} and f*(y) = {conjugate:.17g} "
            f"do not add up to <u, y> = {pairing:.17g}"
        )
    if not functional(x) + conjugate >= inner(x, y) - limit:
        raise AssertionError(f"{functional!r}: f(x) + f*(y) < <x, y>: the conjugate is too small")
