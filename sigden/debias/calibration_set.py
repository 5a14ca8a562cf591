"""Predictions with their truth, checked once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from sigden.arrays.containers import unpack
from sigden.arrays.namespace import to_numpy
from sigden.arrays.validate import require_finite
from sigden.errors import InputError

__all__ = [
    "CalibrationSet",
    "CalibrationWarning",
    "ExtrapolationWarning",
    "calibration_set",
    "labels",
    "resample",
    "vector",
]

#: Below this many pairs a calibration is warned about.
FEW = 30
#: Below this many pairs nothing can be calibrated.
FEWEST = 8
#: A slope below this many standard errors cannot be told from zero.
LEAST_SIGNIFICANCE = 2.0
#: A slope below this many standard errors makes corrections unstable.
WEAK_SIGNIFICANCE = 5.0


class CalibrationWarning(UserWarning):
    """A calibration that is possible but weak: few pairs, or predictions that hardly follow the truth."""


class ExtrapolationWarning(UserWarning):
    """Many predictions lie outside the calibrated range; `FittedCalibration.extrapolated` flags them."""


@dataclass(frozen=True, eq=False)
class CalibrationSet:
    """Predictions with their truth.

    Parameters
    ----------
    predictions, truth : numpy.ndarray of float64, shape (n,)
        Pairs without missing values.
    clusters : numpy.ndarray of int or None, shape (n,)
        Number of each pair's cluster, from 0; pairs of different clusters are independent.
    unit : object or None
        Physical unit of both.
    """

    predictions: Any
    truth: Any
    clusters: Any = None
    unit: Any = None

    def __len__(self) -> int:
        return int(self.truth.size)

    @property
    def range(self) -> tuple[float, float]:
        """Least and largest calibrated prediction."""
        return float(self.predictions.min()), float(self.predictions.max())

    def take(self, index: Any) -> CalibrationSet:
        """Some of the pairs."""
        clusters = None if self.clusters is None else _numbered(self.clusters[index])
        return CalibrationSet(self.predictions[index], self.truth[index], clusters, self.unit)

    def resampled(self, generator: np.random.Generator) -> CalibrationSet:
        """Bootstrap sample: pairs with replacement, or whole clusters, each draw a cluster of its own."""
        index, clusters = resample(generator, len(self), self.clusters)
        return CalibrationSet(self.predictions[index], self.truth[index], clusters, self.unit)


def resample(generator: np.random.Generator, n: int, clusters: Any) -> tuple[Any, Any]:
    """Indices drawn with replacement, and the cluster of each where there are clusters."""
    if clusters is None:
        return generator.integers(n, size=n), None
    order = np.argsort(clusters, kind="stable")
    members = np.split(order, np.flatnonzero(np.diff(clusters[order])) + 1)
    drawn = [members[k] for k in generator.integers(len(members), size=len(members))]
    return np.concatenate(drawn), np.repeat(np.arange(len(drawn)), [d.size for d in drawn])


def calibration_set(predictions: Any, truth: Any, clusters: Any = None) -> CalibrationSet:
    """Check pairs of prediction and truth.

    Parameters
    ----------
    predictions, truth : array, Quantity, masked array, pandas or Polars Series, or CalibrationSet; shape (n,)
        Held-out predictions and what they should have been. Pairs with a masked member are left out. A
        `CalibrationSet` as `predictions` (`truth` None) is returned as it is.
    clusters : array of labels, optional
        Cluster of each pair, where pairs of one cluster are not independent.

    Returns
    -------
    CalibrationSet
        float64 pairs.

    Raises
    ------
    InputError
        If lengths differ, a value is not finite, fewer than 8 pairs are left, predictions or truth are
        constant, or the predictions do not increase with the truth by more than two standard errors.

    Warns
    -----
    CalibrationWarning
        If there are fewer than 30 pairs, or the slope of prediction on truth is below five standard errors.
    """
    if isinstance(predictions, CalibrationSet):
        return predictions
    u, u_mask, unit = vector(predictions, "predictions")
    y, y_mask, y_unit = vector(truth, "truth")
    if u.size != y.size:
        raise InputError(f"truth has {y.size} values, the predictions {u.size}; they must be pairs")
    if unit != y_unit:
        raise InputError(f"truth has the unit {y_unit}, the predictions {unit}; bring them to one unit")
    keep = ~(u_mask | y_mask)
    groups = None if clusters is None else _numbered(labels(clusters, u.size, "clusters")[keep])
    pairs = CalibrationSet(u[keep], y[keep], groups, unit)
    _require_information(pairs)
    return pairs


def vector(values: Any, what: str) -> tuple[Any, Any, Any]:
    """One column as float64 with its mask and unit; a column matrix (n, 1) is taken as its column."""
    sample = unpack(values, label=what)
    x = to_numpy(sample.values)
    if x.ndim == 2 and x.shape[1] == 1:
        x = x[:, 0]
    if x.ndim != 1:
        raise InputError(f"{what}: expected one column, got shape {x.shape}")
    mask = np.zeros(x.shape, bool) if sample.mask is None else to_numpy(sample.mask).reshape(x.shape)
    require_finite(x, what, mask=mask)
    return x.astype(np.float64), mask, sample.unit


def labels(values: Any, n: int, what: str) -> Any:
    """Labels of any kind as whole numbers from 0."""
    array = np.asarray(values)
    if array.shape != (n,):
        raise InputError(f"{what}: expected {n} labels, got shape {array.shape}")
    if array.dtype.kind == "f":
        require_finite(array, what)
    if array.dtype.kind == "O":
        array = array.astype(str)
    return _numbered(array)


def _numbered(values: Any) -> Any:
    """Whole numbers from 0, none of which is left out, in the order of the values."""
    return np.unique(values, return_inverse=True)[1]


def _require_information(pairs: CalibrationSet) -> None:
    import warnings

    n, u, y = len(pairs), pairs.predictions, pairs.truth
    if n < FEWEST:
        raise InputError(f"calibration: {n} pairs of prediction and truth; at least {FEWEST} are needed")
    for what, values in (("predictions are", u), ("truth is", y)):
        if np.ptp(values) <= 1e-12 * np.abs(values).max():
            raise InputError(f"calibration: the {what} constant at {values[0]:g}; nothing to calibrate")
    r = float(np.corrcoef(u, y)[0, 1])
    significance = r * np.sqrt((n - 2) / max(1.0 - r * r, 1e-300))
    if significance < LEAST_SIGNIFICANCE:
        slope = r * np.std(u) / np.std(y)
        raise InputError(
            f"calibration: the slope of prediction on truth is {slope:.3g}, {significance:.1f} standard "
            "errors from zero; these predictions hold no information to correct (do the columns belong "
            "together?)"
        )
    if n < FEW:
        text = f"only {n} calibration pairs (fewer than {FEW}): standard errors are rough"
        warnings.warn(text, CalibrationWarning, stacklevel=4)
    if significance < WEAK_SIGNIFICANCE:
        text = f"the slope of prediction on truth is only {significance:.1f} standard errors from zero"
        warnings.warn(f"{text}: corrections are unstable", CalibrationWarning, stacklevel=4)
