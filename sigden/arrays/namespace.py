"""One array namespace per public call."""

from __future__ import annotations

import sys
from functools import cache
from types import ModuleType
from typing import Any

import array_api_compat

from sigden.errors import InputError

__all__ = ["device_of", "is_numpy", "namespace", "real_dtype", "require_array", "to_numpy"]

_CONTAINER_HINT = (
    "give the plain array to this function (for example quantity.value, masked.data with mask=masked.mask), "
    "or call the method itself, which unpacks containers"
)


def _is_container(value: Any) -> bool:
    """Subclasses of ndarray carry a unit, a mask or axes that plain arithmetic would lose."""
    import numpy as np

    return isinstance(value, np.ndarray) and type(value) not in (np.ndarray, np.memmap)


def _are_plain_numpy(arrays: list[Any]) -> bool:
    """Short cut of the common case, which costs a tenth of the general one."""
    numpy = sys.modules.get("numpy")
    return numpy is not None and all(type(a) is numpy.ndarray for a in arrays)


@cache
def _numpy_namespace() -> ModuleType:
    import array_api_compat.numpy

    return array_api_compat.numpy


def namespace(*arrays: Any) -> ModuleType:
    """Array-API namespace shared by all arrays.

    Parameters
    ----------
    *arrays : array
        NumPy, CuPy, array-api-strict or any other array-API arrays; `None` and Python scalars are ignored.

    Returns
    -------
    module
        The array-API compatible namespace.

    Raises
    ------
    InputError
        If an argument is a container (Quantity, masked array, TimeSeries), not an array at all, or if the
        arrays belong to different namespaces.
    """
    found = [a for a in arrays if a is not None and not isinstance(a, (bool, int, float, complex))]
    if found and _are_plain_numpy(found):
        return _numpy_namespace()
    for value in found:
        if _is_container(value):
            raise InputError(f"{type(value).__name__} is a container, not a plain array: {_CONTAINER_HINT}")
    try:
        return array_api_compat.array_namespace(*found)
    except TypeError as error:
        kinds = ", ".join(sorted({type(a).__name__ for a in found or arrays})) or "nothing"
        raise InputError(
            f"expected arrays of one array-API namespace, got {kinds}; move them to one library first"
        ) from error


def require_array(value: Any, what: str) -> ModuleType:
    """Namespace of one argument, with its name in the error."""
    try:
        return namespace(value)
    except InputError as error:
        raise InputError(f"{what}: {error}") from error


def is_numpy(xp: ModuleType) -> bool:
    """Whether a namespace is NumPy's."""
    return array_api_compat.is_numpy_namespace(xp)


def device_of(x: Any) -> Any:
    """Device that holds the array."""
    return array_api_compat.device(x)


def real_dtype(x: Any) -> Any:
    """Real floating dtype that matches `x`: float32 stays float32, everything else becomes float64."""
    xp = namespace(x)
    return xp.float32 if x.dtype in (xp.float32, xp.complex64) else xp.float64


def to_numpy(x: Any) -> Any:
    """Explicit copy to the host, for files and figures only."""
    import numpy as np

    if array_api_compat.is_cupy_array(x):
        return x.get()
    if isinstance(x, np.ndarray | np.generic):
        return np.asarray(x)
    return np.asarray(array_api_compat.to_device(x, "cpu")) if _has_cpu_device(x) else np.from_dlpack(x)


def _has_cpu_device(x: Any) -> bool:
    return not hasattr(x, "__array_namespace__") or "torch" in type(x).__module__
