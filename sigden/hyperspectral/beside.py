"""Small matrices on the host, put beside the array they work on; what NumPy writes in place, others too."""

from __future__ import annotations

from typing import Any

import numpy as np

from sigden.arrays import device_of, is_numpy, namespace

__all__ = ["beside", "host_dtype", "matmul"]


def host_dtype(array: Any) -> np.dtype[Any]:
    """NumPy's dtype of floating data of any library: float32 or float64."""
    if isinstance(array, np.ndarray):
        return array.dtype
    return np.dtype(np.float32 if array.dtype == namespace(array).float32 else np.float64)


def beside(small: Any, array: Any, dtype: Any = None) -> Any:
    """Small NumPy array in the library and on the device of another one.

    Parameters
    ----------
    small : ndarray
        Numbers of a few bands or directions.
    array : array
        What they are to be used with.
    dtype : dtype of NumPy, optional
        That of `array` when absent.

    Returns
    -------
    array
        For NumPy what ``small.astype(array.dtype)`` gives.

    Notes
    -----
    The only way by which numbers of the room go to a device; `sigden.arrays.to_numpy` is the way back.
    """
    cast = np.asarray(small).astype(host_dtype(array) if dtype is None else dtype)
    xp = namespace(array)
    return cast if is_numpy(xp) else xp.asarray(cast, device=device_of(array))


def matmul(a: Any, b: Any, out: Any) -> None:
    """Matrix product put in place of a view, without a temporary array where NumPy can do so."""
    if isinstance(out, np.ndarray):
        np.matmul(a, b, out=out)
    else:
        out[...] = a @ b
