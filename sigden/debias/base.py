"""Base of calibrations."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any, ClassVar

from sigden.debias.calibration_set import CalibrationSet, calibration_set
from sigden.method import Method

__all__ = ["Calibration"]


@dataclass(frozen=True, kw_only=True)
class Calibration(Method, ABC):
    """Base of corrections that are learnt from predictions with known truth."""

    axes: ClassVar[str] = "predictions (n,) with truth (n,)"

    def fit(self, predictions: Any, truth: Any = None, *, clusters: Any = None) -> Any:
        """Learn the correction.

        Parameters
        ----------
        predictions, truth : array, Quantity, masked array, pandas or Polars Series; shape (n,)
            Predictions of items that the predictor was not trained on, and their truth.
        clusters : array of labels, optional
            Cluster of each pair (village, field): kept together in cross-validation and in standard errors.

        Returns
        -------
        FittedCalibration
            With ``predict(predictions)``.

        Raises
        ------
        InputError
            If the pairs cannot be used; see `sigden.debias.calibration_set.calibration_set`.
        """
        return self.fit_pairs(calibration_set(predictions, truth, clusters))

    @abstractmethod
    def fit_pairs(self, pairs: CalibrationSet) -> Any:
        """Learn the correction from checked pairs."""
