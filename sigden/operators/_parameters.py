"""Where an operator's parameter arrays live, and in which dtype they are used."""

from __future__ import annotations

import math
import numbers
from typing import Any

from sigden.arrays import device_of, namespace
from sigden.errors import InputError, ParameterError

__all__ = ["as_scalar", "as_shape", "complex_dtype", "require_same_place", "scale_array"]


def as_shape(shape: Any, what: str) -> tuple[int, ...]:
    """Shape as a tuple of positive integers; an integer counts as one axis."""
    given = tuple(shape) if isinstance(shape, (tuple, list)) else (shape,)
    if not given or not all(isinstance(n, numbers.Integral) and int(n) > 0 for n in given):
        raise ParameterError(f"{what}: a shape is one or more positive integers, got {shape!r}")
    return tuple(int(n) for n in given)


def as_scalar(value: Any, what: str) -> float | complex:
    """Finite Python number, so that it takes the dtype of the array it meets."""
    if isinstance(value, bool) or not isinstance(value, numbers.Complex):
        raise ParameterError(f"{what}: expected a number, got {type(value).__name__}")
    number = float(value) if isinstance(value, numbers.Real) else complex(value)
    if not (math.isfinite(number.real) and math.isfinite(number.imag)):
        raise ParameterError(f"{what}: expected a finite number, got {number}")
    return number


def complex_dtype(x: Any) -> Any:
    """Complex dtype of the precision of `x`."""
    xp = namespace(x)
    return xp.complex64 if x.dtype in (xp.float32, xp.complex64) else xp.complex128


def scale_array(xp: Any, x: Any, scalar: float | complex) -> Any:
    """Product of an array and a Python number; a complex number makes a real array complex."""
    if isinstance(scalar, complex) and xp.isdtype(x.dtype, "real floating"):
        x = xp.astype(x, complex_dtype(x))
    return x * scalar


def require_same_place(x: Any, parameter: Any, what: str) -> None:
    """Refuse data that live in another library or on another device than the parameter arrays."""
    mine, theirs = namespace(parameter), namespace(x)
    if mine is not theirs:
        raise InputError(
            f"{what}: holds arrays of {mine.__name__} but was given one of {theirs.__name__}; "
            "build the operator from arrays of the data's library"
        )
    here, there = device_of(parameter), device_of(x)
    if here != there:
        raise InputError(
            f"{what}: holds arrays on device {here} but was given one on {there}; move one of them explicitly"
        )
