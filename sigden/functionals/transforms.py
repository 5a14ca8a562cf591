"""Functionals made from functionals: multiples, shifts, dilations, conjugates, blocks."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sigden.errors import InputError, ParameterError
from sigden.functionals._common import checked_parameter, inner, is_array, matched
from sigden.functionals.base import Functional

__all__ = [
    "ConjugateFunctional",
    "DilatedFunctional",
    "ScaledFunctional",
    "SeparableFunctional",
    "TranslatedFunctional",
]


def _inherit(new: Functional, parts: Sequence[Functional], **changed: Any) -> None:
    """Flags that hold for all parts, and those that change."""
    for name in ("has_conjugate", "full_domain", "conjugate_full_domain", "coercive", "elementwise_step"):
        object.__setattr__(new, name, all(getattr(part, name) for part in parts))
    object.__setattr__(new, "strong_convexity", min(part.strong_convexity for part in parts))
    for name, value in changed.items():
        object.__setattr__(new, name, value)


def _factor(value: Any, what: str) -> float:
    number = checked_parameter(value, what)
    if is_array(number):
        raise ParameterError(f"{what}: must be one number, got an array")
    return float(number)


@dataclass(frozen=True, eq=False)
class ScaledFunctional(Functional):
    """Multiple ``x -> factor * f(x)``.

    Parameters
    ----------
    functional : Functional
        `f`.
    factor : float
        Positive.

    Raises
    ------
    ParameterError
        If the factor is not positive and finite.
    """

    functional: Functional
    factor: float

    def __post_init__(self) -> None:
        factor = _factor(self.factor, "ScaledFunctional factor")
        if not factor > 0:
            raise ParameterError(f"ScaledFunctional factor: must be positive, got {factor}")
        modulus = factor * self.functional.strong_convexity
        _inherit(self, [self.functional], factor=factor, strong_convexity=modulus)

    def _checked(self, x: Any, role: str) -> Any:
        return self.functional._checked(x, role)

    def _value(self, xp: Any, x: Any) -> float:
        return self.factor * self.functional._value(xp, x)

    def _prox(self, xp: Any, x: Any, step: Any) -> Any:
        return self.functional._prox(xp, x, step * self.factor)

    def _conjugate(self, xp: Any, y: Any) -> float:
        return self.factor * self.functional._conjugate(xp, y / self.factor)

    def _conjugate_prox(self, xp: Any, y: Any, step: Any) -> Any:
        return self.factor * self.functional._conjugate_prox(xp, y / self.factor, step / self.factor)

    def _feasible_scale(self, xp: Any, y: Any) -> float:
        return self.functional._feasible_scale(xp, y / self.factor)


@dataclass(frozen=True, eq=False)
class TranslatedFunctional(Functional):
    """Shift ``x -> f(x - shift)``.

    Parameters
    ----------
    functional : Functional
        `f`.
    shift : array
        Translation, of the point's shape. Kept by reference: do not change it.
    """

    functional: Functional
    shift: Any

    def __post_init__(self) -> None:
        _inherit(self, [self.functional])

    def __repr__(self) -> str:
        return f"TranslatedFunctional({self.functional!r})"

    def _checked(self, x: Any, role: str) -> Any:
        return self.functional._checked(x, role)

    def _b(self, x: Any) -> Any:
        return matched(self.shift, x, "TranslatedFunctional shift")

    def _value(self, xp: Any, x: Any) -> float:
        return self.functional._value(xp, x - self._b(x))

    def _prox(self, xp: Any, x: Any, step: Any) -> Any:
        shift = self._b(x)
        return shift + self.functional._prox(xp, x - shift, step)

    def _conjugate(self, xp: Any, y: Any) -> float:
        return self.functional._conjugate(xp, y) + inner(y, xp.zeros_like(y) + self._b(y))

    def _conjugate_prox(self, xp: Any, y: Any, step: Any) -> Any:
        return self.functional._conjugate_prox(xp, y - step * self._b(y), step)

    def _feasible_scale(self, xp: Any, y: Any) -> float:
        return self.functional._feasible_scale(xp, y)


@dataclass(frozen=True, eq=False)
class DilatedFunctional(Functional):
    """Dilation ``x -> f(factor * x)``.

    Parameters
    ----------
    functional : Functional
        `f`.
    factor : float
        Not zero.

    Raises
    ------
    ParameterError
        If the factor is zero or not finite.
    """

    functional: Functional
    factor: float

    def __post_init__(self) -> None:
        factor = _factor(self.factor, "DilatedFunctional factor")
        if factor == 0:
            raise ParameterError("DilatedFunctional factor: must not be zero")
        modulus = factor**2 * self.functional.strong_convexity
        _inherit(self, [self.functional], factor=factor, strong_convexity=modulus)

    def _checked(self, x: Any, role: str) -> Any:
        return self.functional._checked(x, role)

    def _value(self, xp: Any, x: Any) -> float:
        return self.functional._value(xp, x * self.factor)

    def _prox(self, xp: Any, x: Any, step: Any) -> Any:
        return self.functional._prox(xp, x * self.factor, step * self.factor**2) / self.factor

    def _conjugate(self, xp: Any, y: Any) -> float:
        return self.functional._conjugate(xp, y / self.factor)

    def _conjugate_prox(self, xp: Any, y: Any, step: Any) -> Any:
        inside = self.functional._conjugate_prox(xp, y / self.factor, step / self.factor**2)
        return inside * self.factor

    def _feasible_scale(self, xp: Any, y: Any) -> float:
        return self.functional._feasible_scale(xp, y / self.factor)


@dataclass(frozen=True, eq=False)
class ConjugateFunctional(Functional):
    """Convex conjugate ``f*`` as a functional of its own.

    Parameters
    ----------
    functional : Functional
        `f`, with a closed-form conjugate.

    Raises
    ------
    ParameterError
        If the functional has no closed-form conjugate.
    """

    functional: Functional

    def __post_init__(self) -> None:
        if not self.functional.has_conjugate:
            raise ParameterError(f"ConjugateFunctional: {self.functional!r} has no closed-form conjugate")
        _inherit(
            self,
            [self.functional],
            full_domain=self.functional.conjugate_full_domain,
            conjugate_full_domain=self.functional.full_domain,
            coercive=False,
            strong_convexity=0.0,
        )

    def _checked(self, x: Any, role: str) -> Any:
        return self.functional._checked(x, role)

    def _value(self, xp: Any, x: Any) -> float:
        return self.functional._conjugate(xp, x)

    def _prox(self, xp: Any, x: Any, step: Any) -> Any:
        return self.functional._conjugate_prox(xp, x, step)

    def _conjugate(self, xp: Any, y: Any) -> float:
        return self.functional._value(xp, y)

    def _conjugate_prox(self, xp: Any, y: Any, step: Any) -> Any:
        return self.functional._prox(xp, y, step)


@dataclass(frozen=True, eq=False)
class SeparableFunctional(Functional):
    """Sum of functionals of the blocks of one vector, ``f_1(x_1) + f_2(x_2) + ...``.

    Parameters
    ----------
    functionals : sequence of Functional
        One for each block.
    shapes : sequence of tuple of int
        Shapes of the blocks, which lie flat (C order) one after the other, as `Stack` puts them
        (``stack.block_shapes``).

    Raises
    ------
    ParameterError
        If the numbers of functionals and shapes differ or are zero.
    """

    functionals: tuple[Functional, ...]
    shapes: tuple[tuple[int, ...], ...]

    def __post_init__(self) -> None:
        parts, shapes = tuple(self.functionals), tuple(tuple(s) for s in self.shapes)
        if not parts or len(parts) != len(shapes):
            raise ParameterError(
                f"SeparableFunctional: needs a shape for each functional, got {len(parts)} and {len(shapes)}"
            )
        _inherit(self, parts, functionals=parts, shapes=shapes, elementwise_step=False)

    def _checked(self, x: Any, role: str) -> Any:
        xp = super()._checked(x, role)
        size = sum(math.prod(shape) for shape in self.shapes)
        if tuple(x.shape) != (size,):
            raise InputError(f"SeparableFunctional: {role} expects shape {(size,)}, got {tuple(x.shape)}")
        for part, block in zip(self.functionals, self._blocks(xp, x), strict=True):
            part._checked(block, role)
        return xp

    def _blocks(self, xp: Any, x: Any) -> list[Any]:
        blocks, start = [], 0
        for shape in self.shapes:
            stop = start + math.prod(shape)
            blocks.append(xp.reshape(x[start:stop], shape))
            start = stop
        return blocks

    def _pairs(self, xp: Any, x: Any) -> Any:
        return zip(self.functionals, self._blocks(xp, x), strict=True)

    def _value(self, xp: Any, x: Any) -> float:
        return math.fsum(part._value(xp, block) for part, block in self._pairs(xp, x))

    def _prox(self, xp: Any, x: Any, step: Any) -> Any:
        return xp.concat([xp.reshape(f._prox(xp, b, step), (-1,)) for f, b in self._pairs(xp, x)])

    def _conjugate(self, xp: Any, y: Any) -> float:
        return math.fsum(part._conjugate(xp, block) for part, block in self._pairs(xp, y))

    def _conjugate_prox(self, xp: Any, y: Any, step: Any) -> Any:
        return xp.concat([xp.reshape(f._conjugate_prox(xp, b, step), (-1,)) for f, b in self._pairs(xp, y)])

    def _feasible_scale(self, xp: Any, y: Any) -> float:
        return min(part._feasible_scale(xp, block) for part, block in self._pairs(xp, y))
