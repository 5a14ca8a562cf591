"""Steps, parameters and sums shared by the functionals."""

from __future__ import annotations

import math
import numbers
from typing import Any

from sigden.arrays import device_of, namespace, real_dtype
from sigden.errors import InputError, ParameterError

__all__ = ["checked_parameter", "inner", "is_array", "matched", "norm", "slack", "total"]


def is_array(value: Any) -> bool:
    """Whether a parameter is an array and not a Python number."""
    return not isinstance(value, (bool, int, float, complex))


def total(xp: Any, values: Any) -> float:
    """Sum in double precision."""
    return float(xp.sum(values, dtype=xp.float64))


def inner(x: Any, y: Any) -> float:
    """Real part of the inner product, summed in double precision.

    Parameters
    ----------
    x, y : array
        Real or complex arrays of one shape.

    Returns
    -------
    float
        ``Re sum(conj(x) * y)``.
    """
    xp = namespace(x, y)
    if xp.isdtype(x.dtype, "complex floating") and xp.isdtype(y.dtype, "complex floating"):
        return total(xp, xp.real(x) * xp.real(y)) + total(xp, xp.imag(x) * xp.imag(y))
    x = xp.real(x) if xp.isdtype(x.dtype, "complex floating") else x
    y = xp.real(y) if xp.isdtype(y.dtype, "complex floating") else y
    return total(xp, x * y)


def norm(x: Any) -> float:
    """Euclidean norm of the whole array, summed in double precision.

    Parameters
    ----------
    x : array
        Real or complex array.

    Returns
    -------
    float
        ``sqrt(sum(|x|^2))``.
    """
    return math.sqrt(inner(x, x))


def slack(x: Any) -> float:
    """Relative rounding error forgiven when a projected point is tested against its set."""
    xp = namespace(x)
    return 32.0 * float(xp.finfo(real_dtype(x)).eps)


def checked_parameter(
    value: Any, what: str, *, minimum: float | None = None, strict: bool = False, finite: bool = True
) -> Any:
    """Python float, or a real floating array, with all values in range."""
    if isinstance(value, bool):
        raise ParameterError(f"{what}: expected a number or an array, got {value}")
    if isinstance(value, numbers.Real):
        number = float(value)
        good = (math.isfinite(number) or not finite) and not math.isnan(number)
        if minimum is not None:
            good = good and (number > minimum if strict else number >= minimum)
        if good:
            return number
        raise ParameterError(f"{what}: {_range(minimum, strict, finite)}, got {number}")
    try:
        xp = namespace(value)
    except InputError as error:
        raise ParameterError(f"{what}: {error}") from error
    if not xp.isdtype(value.dtype, ("real floating", "integral")):
        raise ParameterError(f"{what}: expected a real array, got dtype {value.dtype}")
    array = value if xp.isdtype(value.dtype, "real floating") else xp.astype(value, xp.float64)
    flags = xp.isfinite(array) if finite else ~xp.isnan(array)
    if minimum is not None:
        flags = flags & (array > minimum if strict else array >= minimum)
    if not bool(xp.all(flags)):
        raise ParameterError(f"{what}: {_range(minimum, strict, finite)} everywhere")
    return array


def _range(minimum: float | None, strict: bool, finite: bool) -> str:
    kind = "finite" if finite else "not NaN"
    return f"must be {kind}" + ("" if minimum is None else f" and {'>' if strict else '>='} {minimum:g}")


def matched(value: Any, x: Any, what: str) -> Any:
    """Parameter in the real dtype of `x` (a complex one in its complex dtype), in the place of `x`."""
    if not is_array(value):
        return value
    xp = namespace(x)
    if namespace(value) is not xp or device_of(value) != device_of(x):
        raise InputError(
            f"{what}: array and data live in different libraries or on different devices; move one of them"
        )
    if xp.isdtype(value.dtype, "complex floating"):
        target = xp.complex64 if real_dtype(x) == xp.float32 else xp.complex128
    else:
        target = real_dtype(x)
    return value if value.dtype == target else xp.astype(value, target)
