"""Corrections of items by pairs that they are not part of."""

from __future__ import annotations

from typing import Any

import numpy as np

from sigden.debias.base import Calibration
from sigden.debias.calibration_set import calibration_set
from sigden.debias.choice import folds_of
from sigden.debias.hierarchical import FittedHierarchy
from sigden.errors import ParameterError

__all__ = ["cross_fit"]


def cross_fit(
    method: Calibration, predictions: Any, truth: Any = None, *, clusters: Any = None, folds: int = 5
) -> Any:
    """Correct calibration items by sample splitting: each by a fit to the other folds.

    Parameters
    ----------
    method : Calibration
        Correction to fit.
    predictions, truth : array, shape (n,)
        Pairs.
    clusters : array of labels, shape (n,), optional
        Clusters are kept in one fold.
    folds : int
        Number of parts.

    Returns
    -------
    numpy.ndarray, shape (n,)
        Corrected predictions, none of which has seen its own truth: their bias in bins of the truth is that
        of new items.

    Raises
    ------
    InputError
        If the pairs cannot be used.
    ParameterError
        If there are fewer than two folds.
    """
    if folds < 2:
        raise ParameterError(f"folds: must be at least 2, got {folds}")
    pairs = calibration_set(predictions, truth, clusters)
    part = folds_of(pairs.predictions, pairs.clusters, folds)
    out = np.empty(len(pairs))
    for fold in np.unique(part):
        here = part == fold
        fitted = method.fit_pairs(pairs.take(~here))
        if isinstance(fitted, FittedHierarchy):
            fitted = fitted.at(pairs.clusters[here])
        out[here] = fitted.correct(pairs.predictions[here])
    return out
