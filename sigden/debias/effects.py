"""Effects, group means and slopes of corrected predictions, with honest standard errors."""

from __future__ import annotations

from typing import Any

import numpy as np

from sigden.arrays.validate import require_finite
from sigden.debias.calibration_set import labels, vector
from sigden.debias.effect_errors import Effect, Errors, WeightedLeastSquares, effects_of
from sigden.debias.fitted import FittedCalibration
from sigden.errors import InputError

__all__ = ["Effect", "difference_in_means", "group_means", "slope"]


def difference_in_means(
    calibration: FittedCalibration,
    predictions: Any,
    treated: Any,
    *,
    propensity: Any = None,
    clusters: Any = None,
    errors: Errors = "auto",
    level: float = 0.95,
    replicates: int = 400,
    seed: int = 0,
) -> Effect:
    """Mean of the treated less mean of the others, of corrected predictions.

    Parameters
    ----------
    calibration : FittedCalibration
        Correction, fitted on pairs that are not among the new items.
    predictions : array, shape (n,)
        Raw predictions of the new items; they are corrected here.
    treated : array of bool, shape (n,)
        Treatment.
    propensity : float or array, shape (n,), optional
        Probability of treatment in (0, 1): the difference is then Hajek's, each item weighted by the inverse
        of the probability of what it got.
    clusters : array of labels, shape (n,), optional
        Cluster of each item, for cluster-robust errors.
    errors : {"auto", "delta", "bootstrap"}
        How the standard error is found. ``"auto"`` is the delta method where the correction has influence
        functions, the bootstrap elsewhere.
    level : float
        Coverage of the interval.
    replicates : int
        Of the bootstrap.
    seed : int
        Of the bootstrap.

    Returns
    -------
    Effect
        Estimate, interval, and what share of the error is sampling and what is calibration.

    Raises
    ------
    InputError
        If lengths differ, an arm is empty, or a propensity is not in (0, 1).
    """
    u, t = _column(predictions), np.asarray(treated)
    if t.shape != u.shape:
        raise InputError(f"treated: expected {u.size} values, got shape {t.shape}")
    if t.dtype.kind not in "biuf" or not np.isin(t, (0, 1)).all():
        other = [value for value in dict.fromkeys(t[:100].tolist()) if value not in (0, 1)]
        some = ", ".join(repr(value) for value in other[:3])
        raise InputError(f"treated: expected true and false or 1 and 0, got {some or 'others'}")
    t = t.astype(bool)
    if t.all() or not t.any():
        raise InputError("treated: both arms need items; here one is empty")
    weights = np.ones(u.size)
    if propensity is not None:
        p = _numbers(propensity, "propensity")
        if p.shape not in ((), u.shape):
            raise InputError(f"propensity: expected one or {u.size} values, got shape {p.shape}")
        if not ((p > 0) & (p < 1)).all():
            raise InputError("propensity: must lie between 0 and 1, both excluded")
        weights = np.where(t, 1.0 / p, 1.0 / (1.0 - p))
    target = WeightedLeastSquares(
        design=np.stack([~t, t], axis=1).astype(float), weights=weights, contrasts=np.array([[-1.0, 1.0]])
    )
    names = ("difference in means",)
    return effects_of(calibration, u, target, names, _clusters(clusters, u), errors, level, replicates, seed)[
        0
    ]


def group_means(
    calibration: FittedCalibration,
    predictions: Any,
    groups: Any,
    *,
    clusters: Any = None,
    errors: Errors = "auto",
    level: float = 0.95,
    replicates: int = 400,
    seed: int = 0,
) -> dict[Any, Effect]:
    """Mean of the corrected predictions in each group.

    Parameters
    ----------
    calibration, predictions
        As in `difference_in_means`.
    groups : array of labels, shape (n,)
        Group of each item.
    clusters, errors, level, replicates, seed
        As in `difference_in_means`.

    Returns
    -------
    dict
        `Effect` by label, in sorted order.

    Raises
    ------
    InputError
        If lengths differ.
    """
    u = _column(predictions)
    number = labels(groups, u.size, "groups")
    kinds = np.unique(np.asarray(groups).astype(str) if np.asarray(groups).dtype.kind == "O" else groups)
    count = kinds.size
    target = WeightedLeastSquares(
        design=np.eye(count)[number], weights=np.ones(u.size), contrasts=np.eye(count)
    )
    names = tuple(f"mean of {kind}" for kind in kinds.tolist())
    number = _clusters(clusters, u)
    out = effects_of(calibration, u, target, names, number, errors, level, replicates, seed)
    return dict(zip(kinds.tolist(), out, strict=True))


def slope(
    calibration: FittedCalibration,
    predictions: Any,
    covariate: Any,
    *,
    clusters: Any = None,
    errors: Errors = "auto",
    level: float = 0.95,
    replicates: int = 400,
    seed: int = 0,
) -> Effect:
    """Least-squares slope of the corrected predictions on a covariate.

    Parameters
    ----------
    calibration, predictions
        As in `difference_in_means`.
    covariate : array, shape (n,)
        What the slope is on.
    clusters, errors, level, replicates, seed
        As in `difference_in_means`.

    Returns
    -------
    Effect
        Change of the truth for one unit of the covariate.

    Raises
    ------
    InputError
        If lengths differ or the covariate is constant or not finite.
    """
    u = _column(predictions)
    x = _numbers(covariate, "covariate")
    if x.shape != u.shape:
        raise InputError(f"covariate: expected {u.size} values, got shape {x.shape}")
    require_finite(x, "covariate")
    if np.ptp(x) <= 1e-12 * np.abs(x).max():
        raise InputError("covariate: constant, so it has no slope")
    centred = (x - x.mean()) / x.std()
    target = WeightedLeastSquares(
        design=np.stack([np.ones(u.size), centred], axis=1),
        weights=np.ones(u.size),
        contrasts=np.array([[0.0, 1.0 / x.std()]]),
    )
    names = ("slope",)
    return effects_of(calibration, u, target, names, _clusters(clusters, u), errors, level, replicates, seed)[
        0
    ]


def _column(predictions: Any) -> Any:
    u, mask, _ = vector(predictions, "predictions")
    if mask.any():
        raise InputError("predictions: masked items cannot enter an effect; leave them out")
    if u.size == 0:
        raise InputError("predictions: there are none")
    return u


def _numbers(values: Any, what: str) -> Any:
    try:
        return np.asarray(values, float)
    except (TypeError, ValueError) as error:
        raise InputError(f"{what}: holds values that are not numbers: {error}") from error


def _clusters(clusters: Any, u: Any) -> Any:
    return None if clusters is None else labels(clusters, u.size, "clusters")
