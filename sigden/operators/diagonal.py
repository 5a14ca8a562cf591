"""Multiplication by an array, sample by sample."""

from __future__ import annotations

from typing import Any

from sigden.arrays import real_dtype, require_array
from sigden.errors import InputError
from sigden.operators._parameters import as_shape, complex_dtype
from sigden.operators.algebra import identity_multiple
from sigden.operators.base import LinearOperator

__all__ = ["Diagonal"]


class Diagonal(LinearOperator):
    """Multiplication by an array: weights, a noise map, an attenuation.

    Parameters
    ----------
    diagonal : array of real or complex numbers
        The factors; copied.
    in_shape : tuple of int, optional
        Shape of input and output, to which `diagonal` broadcasts. The shape of `diagonal` by default.

    Raises
    ------
    InputError
        If `diagonal` is no plain numeric array, holds a non-finite value or does not broadcast.
    """

    diagonal: Any

    def __init__(self, diagonal: Any, in_shape: Any = None) -> None:
        xp = require_array(diagonal, "Diagonal")
        shape = as_shape(tuple(diagonal.shape) if in_shape is None else in_shape, "Diagonal in_shape")
        if not xp.isdtype(diagonal.dtype, "numeric"):
            raise InputError(f"Diagonal: dtype {diagonal.dtype} is not numeric; a mask is a Masking operator")
        if not broadcasts_to(tuple(diagonal.shape), shape):
            raise InputError(f"Diagonal: shape {tuple(diagonal.shape)} does not broadcast to {shape}")
        if xp.isdtype(diagonal.dtype, "complex floating"):
            values = xp.astype(diagonal, xp.complex128)
        else:
            values = xp.astype(diagonal, xp.float64)
        if not bool(xp.all(xp.isfinite(values))):
            raise InputError("Diagonal: holds a non-finite value")
        super().__init__(shape, shape, like=values)
        self._set(diagonal=values, is_complex=values.dtype == xp.complex128)

    def _factors(self, x: Any) -> Any:
        return self._parameter("diagonal", complex_dtype(x) if self.is_complex else real_dtype(x))

    def _forward(self, xp: Any, x: Any) -> Any:
        return x * self._factors(x)

    def _adjoint(self, xp: Any, y: Any) -> Any:
        factors = self._factors(y)
        return y * (xp.conj(factors) if self.is_complex else factors)

    def _gram(self, xp: Any, x: Any) -> Any:
        return x * xp.abs(self._factors(x)) ** 2

    def norm_bound(self) -> float:
        """Norm, the largest magnitude of the diagonal."""
        xp = require_array(self.diagonal, "Diagonal")
        return float(xp.max(xp.abs(self.diagonal)))

    def _same_kind(self, values: Any) -> LinearOperator:
        return Diagonal(values, self.in_shape)

    @property
    def H(self) -> LinearOperator:  # noqa: N802
        """Conjugate diagonal."""
        if not self.is_complex:
            return self
        return self._same_kind(require_array(self.diagonal, "Diagonal").conj(self.diagonal))

    def _plus(self, other: LinearOperator) -> LinearOperator | None:
        multiple = identity_multiple(other)
        if multiple is not None:
            return self._plus(self._constant(multiple))
        if isinstance(other, Diagonal):
            return self._same_kind(self.diagonal + other.diagonal)
        return None

    def _after(self, other: LinearOperator) -> LinearOperator | None:
        return self._same_kind(self.diagonal * other.diagonal) if isinstance(other, Diagonal) else None

    def _times(self, scalar: float | complex) -> LinearOperator:
        return self._same_kind(self.diagonal * self._constant(scalar).diagonal)

    def _constant(self, scalar: float | complex) -> Diagonal:
        xp = require_array(self.diagonal, "Diagonal")
        dtype = xp.complex128 if isinstance(scalar, complex) else xp.float64
        return Diagonal(xp.full_like(self.diagonal, scalar, dtype=dtype), self.in_shape)


def broadcasts_to(shape: tuple[int, ...], target: tuple[int, ...]) -> bool:
    """Whether an array of one shape broadcasts to another shape without enlarging it."""
    if len(shape) > len(target):
        return False
    tail = target[len(target) - len(shape) :]
    return all(a in (1, b) for a, b in zip(shape, tail, strict=True))
