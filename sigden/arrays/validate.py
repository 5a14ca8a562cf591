"""Checks that name the offending index."""

from __future__ import annotations

from typing import Any

from sigden.arrays.namespace import is_numpy, namespace
from sigden.errors import InputError

__all__ = ["as_floating", "first_index", "require_finite", "require_mask", "require_ndim"]


def as_floating(x: Any, what: str = "array") -> Any:
    """Native floating-point view or copy of real numeric data.

    Parameters
    ----------
    x : array
        Real data of any numeric dtype and byte order.
    what : str
        Name used in the error.

    Returns
    -------
    array
        float32 input stays float32; integers and float64 become float64, in native byte order.

    Raises
    ------
    InputError
        If the data are boolean, complex, or not numbers.
    """
    xp = namespace(x)
    if is_numpy(xp):
        if x.dtype.kind not in "iuf":
            found = f" (found {str(_first_text(x))!r:.50})" if x.dtype.kind in "SUO" and x.size else ""
            raise InputError(
                f"{what}: dtype {x.dtype} is not real numeric{found}; convert it to float32 or float64"
            )
        target = xp.float32 if x.dtype.kind == "f" and x.dtype.itemsize <= 4 else xp.float64
        return x.astype(target, copy=False)
    if not xp.isdtype(x.dtype, ("integral", "real floating")):
        raise InputError(f"{what}: dtype {x.dtype} is not real numeric; convert it to float32 or float64")
    return xp.astype(x, xp.float32 if x.dtype == xp.float32 else xp.float64, copy=False)


def first_index(flags: Any) -> tuple[int, ...]:
    """Index of the first true element."""
    xp = namespace(flags)
    flat = int(xp.argmax(xp.astype(xp.reshape(flags, (-1,)), xp.int8)))
    index: list[int] = []
    for length in reversed(flags.shape):
        index.append(flat % length)
        flat //= length
    return tuple(reversed(index))


def _first_text(x: Any) -> Any:
    """First entry that is no number written out, or the first."""
    for value in x.flat:
        try:
            float(value)
        except (TypeError, ValueError):
            return value
    return x.flat[0]


def require_finite(x: Any, what: str = "array", *, mask: Any = None) -> None:
    """Refuse NaN and infinity outside the mask.

    Parameters
    ----------
    x : array of floating dtype
        The data.
    what : str
        Name used in the error.
    mask : array of bool, optional
        True where a sample is to be ignored.

    Raises
    ------
    InputError
        Naming the first offending index, its value, and how many there are.
    """
    xp = namespace(x)
    if mask is None and _sum_is_finite(x, xp):
        return
    bad = ~xp.isfinite(x)
    if mask is not None:
        bad = bad & ~mask
    if not bool(xp.any(bad)):
        return
    index = first_index(bad)
    count = int(xp.sum(xp.astype(bad, xp.int64)))
    place = index[0] if len(index) == 1 else index
    raise InputError(
        f"{what}: non-finite value {float(x[index])} at index {place} ({count} in all); "
        "mask it (mask=True there) or replace it"
    )


def _sum_is_finite(x: Any, xp: Any) -> bool:
    """One cheap pass that settles nearly every case; an overflow only asks for the thorough one."""
    if not is_numpy(xp):
        return bool(xp.isfinite(xp.sum(x)))
    with xp.errstate(over="ignore", invalid="ignore"):
        return bool(xp.isfinite(xp.sum(x)))


def require_ndim(x: Any, minimum: int, what: str = "array") -> None:
    """Refuse arrays with too few axes or an axis of length zero."""
    if x.ndim < minimum:
        raise InputError(f"{what}: needs at least {minimum} axes, got shape {tuple(x.shape)}")
    if 0 in x.shape:
        raise InputError(f"{what}: empty, shape {tuple(x.shape)}")


def require_mask(mask: Any, x: Any, what: str = "array") -> None:
    """Refuse a mask that is not boolean or not of the data's shape."""
    if not hasattr(mask, "shape"):
        raise InputError(f"{what}: mask must be an array of the data's shape {tuple(x.shape)}, got {mask!r}")
    xp = namespace(x, mask)
    if tuple(mask.shape) != tuple(x.shape):
        raise InputError(
            f"{what}: mask has shape {tuple(mask.shape)}, the data {tuple(x.shape)}; they must be equal"
        )
    if mask.dtype != xp.bool:
        raise InputError(f"{what}: mask has dtype {mask.dtype}; it must be boolean (True = ignore)")
