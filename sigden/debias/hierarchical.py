"""Correction for items in groups: groups and their members are un-shrunken each by their own slope."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np

from sigden.debias.base import Calibration
from sigden.debias.calibration_set import CalibrationSet, CalibrationWarning, labels
from sigden.debias.fitted import FittedCalibration
from sigden.errors import InputError

__all__ = ["Components", "FittedHierarchy", "HierarchicalCalibration", "variance_components"]

_FEW_GROUPS = 10


@dataclass(frozen=True)
class Components:
    """Covariance of prediction and truth, split into groups and members.

    Parameters
    ----------
    between, within : tuple of float
        Covariance of prediction and truth, and variance of the truth, of groups and of members about them.
    """

    between: tuple[float, float]
    within: tuple[float, float]

    def slope(self, size: Any) -> Any:
        """Slope of the mean prediction of `size` members on their mean truth; 1 for single items."""
        return (self.between[0] + self.within[0] / size) / (self.between[1] + self.within[1] / size)

    @property
    def between_slope(self) -> float:
        """Slope of whole groups; NaN where groups do not differ."""
        return self.between[0] / self.between[1] if self.between[1] > 0 else float("nan")

    @property
    def within_slope(self) -> float:
        """Slope of members about their group."""
        return self.within[0] / self.within[1]


def variance_components(pairs: CalibrationSet) -> Components:
    """Analysis of covariance of pairs in clusters, by the method of moments.

    Raises
    ------
    InputError
        If there are no clusters, fewer than three, or none with two members.
    """
    if pairs.clusters is None:
        raise InputError("clusters: groups are needed here: fit(predictions, truth, clusters=groups)")
    u, y, g = pairs.predictions, pairs.truth, pairs.clusters
    size = np.bincount(g).astype(float)
    size, g = size[size > 0], np.unique(g, return_inverse=True)[1]
    count, n = size.size, u.size
    if count < 3 or n <= count:
        raise InputError(
            f"clusters: {count} groups of {n} items; three groups, some with two items, are needed"
        )
    mu, my = np.bincount(g, u) / size, np.bincount(g, y) / size
    du, dy = u - mu[g], y - my[g]
    if not float(dy @ dy) > 0:
        raise InputError("clusters: the truth does not vary within groups; calibrate the group means instead")
    bu, by = mu - u.mean(), my - y.mean()
    within = (float(du @ dy) / (n - count), float(dy @ dy) / (n - count))
    typical = (n - float(size @ size) / n) / (count - 1)
    mean_squares = (float(size @ (bu * by)) / (count - 1), float(size @ by**2) / (count - 1))
    if mean_squares[1] <= within[1]:
        return Components((0.0, 0.0), within)
    between = tuple((b - w) / typical for b, w in zip(mean_squares, within, strict=True))
    return Components((between[0], between[1]), within)


@dataclass(frozen=True, eq=False, kw_only=True)
class FittedHierarchy:
    """Correction of predictions in groups.

    Parameters
    ----------
    method : HierarchicalCalibration
        What was fitted.
    calibration : CalibrationSet
        The pairs.
    components : Components
        Covariances between and within groups.
    prediction_mean, truth_mean : float
        Centres.
    """

    method: HierarchicalCalibration
    calibration: CalibrationSet
    components: Components
    prediction_mean: float
    truth_mean: float

    def predict(self, predictions: Any, groups: Any) -> Any:
        """Corrected predictions.

        Parameters
        ----------
        predictions : array, Quantity, masked array, pandas or Polars Series; shape (n,)
            New predictions.
        groups : array of labels, shape (n,)
            Group of each; need not be groups of the calibration.

        Returns
        -------
        same container, shape (n,)
            Corrected so that means of groups, and members about them, are right on average.
        """
        return self.at(groups).predict(predictions)

    def at(self, groups: Any) -> GroupedCorrection:
        """The correction for items of these groups, in their order, as effects take it."""
        number = labels(groups, np.asarray(groups).size, "groups")
        return GroupedCorrection(
            method=self.method, tuned=self.method, calibration=self.calibration, hierarchy=self, groups=number
        )


@dataclass(frozen=True, eq=False, kw_only=True)
class GroupedCorrection(FittedCalibration):
    """Hierarchical correction bound to the groups of the new items.

    Parameters
    ----------
    method, tuned : Calibration
        What was fitted.
    calibration : CalibrationSet
        The pairs.
    hierarchy : FittedHierarchy
        The correction.
    groups : numpy.ndarray of int, shape (n,)
        Group of each new item.
    """

    hierarchy: FittedHierarchy
    groups: Any

    def correct(self, values: Any) -> Any:
        """Corrected values of a plain float64 array, shape (n,)."""
        if values.shape != self.groups.shape:
            raise InputError(f"groups: {self.groups.size} labels for {values.size} predictions")
        size = np.bincount(self.groups)
        mean = np.bincount(self.groups, values) / size
        of = self.hierarchy
        level = (mean - of.prediction_mean) / of.components.slope(size)
        member = (values - mean[self.groups]) / of.components.within_slope
        return of.truth_mean + level[self.groups] + member

    def refit(self, generator: np.random.Generator) -> GroupedCorrection:
        """The same correction learnt from a bootstrap sample of the calibration groups."""
        fitted = self.hierarchy.method.fit_pairs(self.calibration.resampled(generator))
        return fitted.at(self.groups)


@dataclass(frozen=True, kw_only=True)
class HierarchicalCalibration(Calibration):
    """Linear calibration of groups and of members about their group, each by its own slope.

    Notes
    -----
    Predictors shrink what they cannot see. Where they see a field or a village well and its members badly,
    group means shrink less than items, and a correction learnt on items over-corrects differences between
    groups.
    With the covariances of prediction and truth between groups (B) and within (W), the mean of m members has
    the slope

    .. math:: k(m) = (B_{uy} + W_{uy}/m) / (B_{yy} + W_{yy}/m)

    on its truth; group means are divided by k(m), deviations from them by ``W_uy / W_yy``. B and W come from
    the analysis of covariance [1]_. For one member to each group this is `LinearCalibration`. Give groups as
    ``clusters`` to `fit`; effects take ``fitted.at(groups)``, with ``clusters=groups``.

    References
    ----------
    .. [1] S. R. Searle, G. Casella and C. E. McCulloch, Variance Components (1992), section 3.6.
    """

    def fit_pairs(self, pairs: CalibrationSet) -> FittedHierarchy:
        """Learn the correction from checked pairs."""
        components = variance_components(pairs)
        if components.within[0] <= 0 or components.between[0] < 0:
            raise InputError(
                "calibration: predictions do not increase with the truth "
                f"{'within' if components.within[0] <= 0 else 'between'} groups"
            )
        count = np.unique(pairs.clusters).size
        if count < _FEW_GROUPS:
            text = f"only {count} groups: the slope between groups is rough"
            warnings.warn(text, CalibrationWarning, stacklevel=3)
        return FittedHierarchy(
            method=self,
            calibration=pairs,
            components=components,
            prediction_mean=float(pairs.predictions.mean()),
            truth_mean=float(pairs.truth.mean()),
        )
