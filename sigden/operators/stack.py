"""Several operators on one input."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from sigden.errors import InputError
from sigden.operators.algebra import common_place
from sigden.operators.base import LinearOperator

__all__ = ["Stack"]


class Stack(LinearOperator):
    """Vertical stack ``x -> (A_1 x, A_2 x, ...)`` of operators with a common input.

    Parameters
    ----------
    operators : sequence of LinearOperator
        The rows.

    Raises
    ------
    InputError
        If there is none, the input shapes differ, or the rows hold arrays in different places.

    Notes
    -----
    The output is one vector, the rows' outputs flattened in C order one after the other, so that solvers see
    a single array whatever the rows' shapes. `split` cuts it into blocks of the rows' shapes and `join` makes
    it from them. The norm is bounded by the root of the sum of the rows' squared bounds.
    """

    operators: tuple[LinearOperator, ...]

    def __init__(self, operators: Sequence[LinearOperator]) -> None:
        rows = tuple(operators)
        if not rows:
            raise InputError("Stack: needs at least one operator")
        for op in rows[1:]:
            if op.in_shape != rows[0].in_shape:
                raise InputError(f"Stack: input shapes differ: {rows[0]!r} and {op!r}")
        size = sum(math.prod(op.out_shape) for op in rows)
        super().__init__(rows[0].in_shape, (size,), like=common_place(rows, "Stack"))
        self._set(operators=rows, is_complex=any(op.is_complex for op in rows))

    @property
    def block_shapes(self) -> tuple[tuple[int, ...], ...]:
        """Shapes of the rows' outputs."""
        return tuple(op.out_shape for op in self.operators)

    def split(self, y: Any) -> tuple[Any, ...]:
        """Blocks of a stacked vector.

        Parameters
        ----------
        y : array, shape `out_shape`
            Stacked vector.

        Returns
        -------
        tuple of array
            One block for each row, of that row's output shape.

        Raises
        ------
        InputError
            If the shape, dtype, library or device of `y` does not fit.
        """
        return self._split(self._checked(y, self.out_shape, "split"), y)

    def _split(self, xp: Any, y: Any) -> tuple[Any, ...]:
        blocks, start = [], 0
        for shape in self.block_shapes:
            stop = start + math.prod(shape)
            blocks.append(xp.reshape(y[start:stop], shape))
            start = stop
        return tuple(blocks)

    def join(self, blocks: Sequence[Any]) -> Any:
        """Stacked vector of blocks.

        Parameters
        ----------
        blocks : sequence of array
            One block for each row, of that row's output shape.

        Returns
        -------
        array, shape `out_shape`
            Stacked vector.

        Raises
        ------
        InputError
            If the number of blocks or the shape, dtype, library or device of one does not fit.
        """
        if len(blocks) != len(self.operators):
            raise InputError(f"{self!r}: join expects {len(self.operators)} blocks, got {len(blocks)}")
        for index, (block, shape) in enumerate(zip(blocks, self.block_shapes, strict=True)):
            xp = self._checked(block, shape, f"join, block {index},")
        return xp.concat([xp.reshape(block, (-1,)) for block in blocks])

    def _forward(self, xp: Any, x: Any) -> Any:
        return xp.concat([xp.reshape(op._forward(xp, x), (-1,)) for op in self.operators])

    def _adjoint(self, xp: Any, y: Any) -> Any:
        pairs = list(zip(self.operators, self._split(xp, y), strict=True))
        total = pairs[0][0]._adjoint(xp, pairs[0][1])
        for op, block in pairs[1:]:
            total = total + op._adjoint(xp, block)
        return total

    def _gram(self, xp: Any, x: Any) -> Any:
        total = self.operators[0]._gram(xp, x)
        for op in self.operators[1:]:
            total = total + op._gram(xp, x)
        return total

    def norm_bound(self) -> float:
        """Root of the sum of the rows' squared bounds."""
        return math.sqrt(math.fsum(op.norm_bound() ** 2 for op in self.operators))

    @property
    def gram_operator(self) -> LinearOperator:
        """Sum of the rows' gram operators."""
        total = self.operators[0].gram_operator
        for op in self.operators[1:]:
            total = total + op.gram_operator
        return total

    def __repr__(self) -> str:
        return "Stack(" + ", ".join(map(repr, self.operators)) + ")"
