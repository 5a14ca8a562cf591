"""Order statistics of arrays of any library."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from sigden.arrays import is_numpy, namespace

__all__ = ["median", "quantiles"]


def median(x: Any, axis: int | None = None) -> Any:
    """Median of finite numbers along one axis, or of all.

    Parameters
    ----------
    x : array
        Real numbers.
    axis : int, optional
        Axis that is reduced.

    Returns
    -------
    array
        In the library of `x`; the mean of the two in the middle of an even number.
    """
    xp = namespace(x)
    if is_numpy(xp):
        return np.median(x, axis=axis)
    if axis is None:
        x, axis = xp.reshape(x, (-1,)), 0
    size, ordered = x.shape[axis], xp.sort(x, axis=axis)
    at = [(slice(None),) * (axis % x.ndim) + (k, ...) for k in ((size - 1) // 2, size // 2)]
    return (ordered[at[0]] + ordered[at[1]]) / 2


def quantiles(x: Any, parts: tuple[float, ...]) -> list[float]:
    """Quantiles of all numbers of an array, linear between neighbours.

    Parameters
    ----------
    x : array, shape (n,)
        Finite numbers.
    parts : tuple of float
        Which, from 0 to 1.

    Returns
    -------
    list of float
        As `numpy.quantile` gives.
    """
    xp = namespace(x)
    if is_numpy(xp):
        return [float(q) for q in np.quantile(x, parts)]
    ordered, out = xp.sort(x), []
    for part in parts:
        place = part * (x.shape[0] - 1)
        low = math.floor(place)
        first, last = float(ordered[low]), float(ordered[min(low + 1, x.shape[0] - 1)])
        out.append(first + (place - low) * (last - first))
    return out
