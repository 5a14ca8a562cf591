"""Mean error in bins of the truth."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from sigden.debias.calibration_set import vector
from sigden.errors import InputError, ParameterError

__all__ = ["BinnedBias", "binned_bias"]


@dataclass(frozen=True, eq=False)
class BinnedBias:
    """Mean error in quantile bins of the truth.

    Parameters
    ----------
    truth : numpy.ndarray, shape (bins,)
        Mean truth.
    bias, error : numpy.ndarray, shape (bins,)
        Mean of estimate less truth, and its standard error.
    count : numpy.ndarray of int, shape (bins,)
        Items.
    """

    truth: Any
    bias: Any
    error: Any
    count: Any


def binned_bias(estimate: Any, truth: Any, *, bins: int = 8) -> BinnedBias:
    """Mean error of an estimate in quantile bins of the truth.

    Parameters
    ----------
    estimate, truth : array, shape (n,)
        Estimates that have not seen this truth (`cross_fit` makes such of a calibration set).
    bins : int
        Bins of nearly equal count; fewer where values repeat.

    Returns
    -------
    BinnedBias
        Zero in every bin is what a correction is for; raw predictions fall with the truth.

    Raises
    ------
    InputError
        If lengths differ or there are fewer than two items to a bin.
    """
    if bins < 1:
        raise ParameterError(f"bins: must be positive, got {bins}")
    x, y = vector(estimate, "estimate")[0], vector(truth, "truth")[0]
    if x.size != y.size:
        raise InputError(f"truth has {y.size} values, the estimate {x.size}")
    if y.size < 2 * bins:
        raise InputError(f"truth: {y.size} items for {bins} bins; two to a bin are needed")
    edges = np.unique(np.quantile(y, np.linspace(0, 1, bins + 1)[1:-1]))
    number = np.unique(np.searchsorted(edges, y), return_inverse=True)[1]
    count = np.bincount(number)
    error = x - y
    bias = np.bincount(number, error) / count
    square = np.bincount(number, (error - bias[number]) ** 2)
    return BinnedBias(
        truth=np.bincount(number, y) / count,
        bias=bias,
        error=np.sqrt(square / np.maximum(count - 1, 1) / count),
        count=count,
    )
