"""Sums, products, multiples and adjoints of operators."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import reduce
from itertools import pairwise
from typing import Any

from sigden.errors import InputError
from sigden.operators._parameters import as_scalar, require_same_place, scale_array
from sigden.operators.base import LinearOperator

__all__ = ["Adjoint", "Composition", "Identity", "Scaled", "Sum"]


def common_place(operators: Sequence[LinearOperator], what: str) -> Any:
    """A parameter array that stands for all operators, which must live in one place."""
    held = [op.__dict__["_like"] for op in operators if op.__dict__["_like"] is not None]
    for array in held[1:]:
        require_same_place(array, held[0], what)
    return held[0] if held else None


class Identity(LinearOperator):
    """Identity map.

    Parameters
    ----------
    in_shape : tuple of int
        Shape of input and output.
    """

    def __init__(self, in_shape: Any) -> None:
        super().__init__(in_shape, in_shape)

    def _forward(self, xp: Any, x: Any) -> Any:
        return xp.asarray(x, copy=True)

    def _adjoint(self, xp: Any, y: Any) -> Any:
        return self._forward(xp, y)

    def _gram(self, xp: Any, x: Any) -> Any:
        return self._forward(xp, x)

    def norm_bound(self) -> float:
        """Norm, exactly one."""
        return 1.0

    @property
    def H(self) -> LinearOperator:  # noqa: N802
        """The same operator."""
        return self


class Scaled(LinearOperator):
    """Multiple of an operator.

    Parameters
    ----------
    operator : LinearOperator
        The operator.
    scalar : float or complex
        The factor, finite.
    """

    operator: LinearOperator
    scalar: float | complex

    def __init__(self, operator: LinearOperator, scalar: float | complex) -> None:
        super().__init__(operator.in_shape, operator.out_shape, like=operator.__dict__["_like"])
        number = as_scalar(scalar, "Scaled")
        self._set(
            operator=operator,
            scalar=number,
            is_complex=operator.is_complex or isinstance(number, complex),
        )

    def _forward(self, xp: Any, x: Any) -> Any:
        return scale_array(xp, self.operator._forward(xp, x), self.scalar)

    def _adjoint(self, xp: Any, y: Any) -> Any:
        return scale_array(xp, self.operator._adjoint(xp, y), self.scalar.conjugate())

    def _gram(self, xp: Any, x: Any) -> Any:
        return self.operator._gram(xp, x) * abs(self.scalar) ** 2

    def norm_bound(self) -> float:
        """``|scalar|`` times the operator's bound."""
        return abs(self.scalar) * self.operator.norm_bound()

    @property
    def H(self) -> LinearOperator:  # noqa: N802
        """Conjugate multiple of the adjoint."""
        return self.operator.H * self.scalar.conjugate()

    def _times(self, scalar: float | complex) -> LinearOperator:
        return self.operator * (self.scalar * scalar)

    def __repr__(self) -> str:
        return f"{self.scalar:g} * {self.operator!r}"


class Sum(LinearOperator):
    """Sum of operators of equal shapes.

    Parameters
    ----------
    operators : sequence of LinearOperator
        The terms.

    Raises
    ------
    InputError
        If the shapes differ or the terms hold arrays in different places.
    """

    operators: tuple[LinearOperator, ...]

    def __init__(self, operators: Sequence[LinearOperator]) -> None:
        terms = tuple(operators)
        if not terms:
            raise InputError("Sum: needs at least one operator")
        for op in terms[1:]:
            if (op.in_shape, op.out_shape) != (terms[0].in_shape, terms[0].out_shape):
                raise InputError(f"Sum: shapes differ: {terms[0]!r} and {op!r}")
        super().__init__(terms[0].in_shape, terms[0].out_shape, like=common_place(terms, "Sum"))
        self._set(operators=terms, is_complex=any(op.is_complex for op in terms))

    def _forward(self, xp: Any, x: Any) -> Any:
        return reduce(
            lambda total, op: total + op._forward(xp, x),
            self.operators[1:],
            self.operators[0]._forward(xp, x),
        )

    def _adjoint(self, xp: Any, y: Any) -> Any:
        return reduce(
            lambda total, op: total + op._adjoint(xp, y),
            self.operators[1:],
            self.operators[0]._adjoint(xp, y),
        )

    def norm_bound(self) -> float:
        """Sum of the terms' bounds."""
        return math.fsum(op.norm_bound() for op in self.operators)

    @property
    def H(self) -> LinearOperator:  # noqa: N802
        """Sum of the adjoints."""
        return reduce(add, (op.H for op in self.operators))

    def __repr__(self) -> str:
        return "Sum(" + ", ".join(map(repr, self.operators)) + ")"


class Composition(LinearOperator):
    """Product of operators; the last one acts first.

    Parameters
    ----------
    operators : sequence of LinearOperator
        The factors, in the order of the matrix product.

    Raises
    ------
    InputError
        If neighbouring shapes do not fit or the factors hold arrays in different places.
    """

    operators: tuple[LinearOperator, ...]

    def __init__(self, operators: Sequence[LinearOperator]) -> None:
        factors = tuple(operators)
        if not factors:
            raise InputError("Composition: needs at least one operator")
        for left, right in pairwise(factors):
            if left.in_shape != right.out_shape:
                raise InputError(
                    f"Composition: {left!r} expects shape {left.in_shape}, {right!r} gives {right.out_shape}"
                )
        super().__init__(
            factors[-1].in_shape, factors[0].out_shape, like=common_place(factors, "Composition")
        )
        self._set(operators=factors, is_complex=any(op.is_complex for op in factors))

    def _forward(self, xp: Any, x: Any) -> Any:
        return reduce(lambda value, op: op._forward(xp, value), reversed(self.operators), x)

    def _adjoint(self, xp: Any, y: Any) -> Any:
        return reduce(lambda value, op: op._adjoint(xp, value), self.operators, y)

    def _gram(self, xp: Any, x: Any) -> Any:
        inner = reduce(lambda value, op: op._forward(xp, value), reversed(self.operators[1:]), x)
        middle = self.operators[0]._gram(xp, inner)
        return reduce(lambda value, op: op._adjoint(xp, value), self.operators[1:], middle)

    def norm_bound(self) -> float:
        """Product of the factors' bounds."""
        return math.prod(op.norm_bound() for op in self.operators)

    @property
    def H(self) -> LinearOperator:  # noqa: N802
        """Product of the adjoints in reverse order."""
        return reduce(compose, (op.H for op in reversed(self.operators)))

    def __repr__(self) -> str:
        return "Composition(" + ", ".join(map(repr, self.operators)) + ")"


class Adjoint(LinearOperator):
    """Adjoint of an operator.

    Parameters
    ----------
    operator : LinearOperator
        The operator.
    """

    operator: LinearOperator

    def __init__(self, operator: LinearOperator) -> None:
        super().__init__(operator.out_shape, operator.in_shape, like=operator.__dict__["_like"])
        self._set(operator=operator, is_complex=operator.is_complex)

    def _forward(self, xp: Any, x: Any) -> Any:
        return self.operator._adjoint(xp, x)

    def _adjoint(self, xp: Any, y: Any) -> Any:
        return self.operator._forward(xp, y)

    def norm_bound(self) -> float:
        """Bound of the operator itself."""
        return self.operator.norm_bound()

    @property
    def H(self) -> LinearOperator:  # noqa: N802
        """The operator itself."""
        return self.operator

    def __repr__(self) -> str:
        return f"Adjoint({self.operator!r})"


def identity_multiple(operator: LinearOperator) -> float | complex | None:
    """The factor, if the operator is a multiple of the identity."""
    if isinstance(operator, Identity):
        return 1.0
    if isinstance(operator, Scaled) and isinstance(operator.operator, Identity):
        return operator.scalar
    return None


def add(left: LinearOperator, right: LinearOperator) -> LinearOperator:
    """Sum, in closed form where two terms have one."""
    if (left.in_shape, left.out_shape) != (right.in_shape, right.out_shape):
        raise InputError(f"cannot add {left!r} and {right!r}: their shapes differ")
    common_place((left, right), f"sum of {left!r} and {right!r}")
    a, b = identity_multiple(left), identity_multiple(right)
    if a is not None and b is not None:
        return Identity(left.in_shape) * (a + b)
    terms = list(left.operators if isinstance(left, Sum) else (left,))
    for new in right.operators if isinstance(right, Sum) else (right,):
        for index, term in enumerate(terms):
            merged = term._plus(new)
            if merged is None:
                merged = new._plus(term)
            if merged is not None:
                terms[index] = merged
                break
        else:
            terms.append(new)
    return terms[0] if len(terms) == 1 else Sum(terms)


def compose(left: LinearOperator, right: LinearOperator) -> LinearOperator:
    """Product, in closed form where neighbouring factors have one."""
    if left.in_shape != right.out_shape:
        raise InputError(
            f"cannot compose: {left!r} expects shape {left.in_shape}, {right!r} gives {right.out_shape}"
        )
    common_place((left, right), f"product of {left!r} and {right!r}")
    if isinstance(left, Scaled):
        return compose(left.operator, right) * left.scalar
    if isinstance(right, Scaled):
        return compose(left, right.operator) * right.scalar
    if isinstance(left, Identity):
        return right
    if isinstance(right, Identity):
        return left
    first = left.operators if isinstance(left, Composition) else (left,)
    second = right.operators if isinstance(right, Composition) else (right,)
    merged = first[-1]._after(second[0])
    factors = (*first, *second) if merged is None else (*first[:-1], merged, *second[1:])
    return factors[0] if len(factors) == 1 else Composition(factors)
