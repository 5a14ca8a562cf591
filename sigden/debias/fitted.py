"""What a calibration hands back."""

from __future__ import annotations

import warnings
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from sigden.arrays.containers import unpack
from sigden.arrays.namespace import to_numpy
from sigden.arrays.validate import require_finite
from sigden.debias.calibration_set import CalibrationSet, ExtrapolationWarning, vector
from sigden.errors import InputError

if TYPE_CHECKING:
    from sigden.debias.base import Calibration

__all__ = ["FittedCalibration", "LinearBasisCalibration"]


@dataclass(frozen=True, eq=False, kw_only=True)
class FittedCalibration(ABC):
    """Base of fitted corrections.

    Parameters
    ----------
    method : Calibration
        What was fitted.
    tuned : Calibration
        The same with every constant that was chosen from the data written out; bootstrap replicates use it.
    calibration : CalibrationSet
        The pairs.
    """

    method: Calibration
    tuned: Calibration
    calibration: CalibrationSet

    @abstractmethod
    def correct(self, values: Any) -> Any:
        """Corrected values of a plain float64 array, shape (n,)."""

    def predict(self, predictions: Any) -> Any:
        """Corrected predictions.

        Parameters
        ----------
        predictions : array, Quantity, masked array, pandas or Polars Series; shape (n,)
            New predictions of the same predictor.

        Returns
        -------
        same container, shape (n,)
            Estimates whose mean, for items of one true value, is that value. float32 stays float32.

        Raises
        ------
        InputError
            If a value that is not masked is not finite, or the unit is not that of the calibration.

        Warns
        -----
        ExtrapolationWarning
            If more than 5 % lie outside the calibrated range, or by far more than chance if it is small.
        """
        sample = unpack(predictions, label="predictions")
        x = to_numpy(sample.values)
        if x.ndim not in (1, 2) or (x.ndim == 2 and x.shape[1] != 1):
            raise InputError(f"predictions: expected one column, got shape {x.shape}")
        if sample.unit != self.calibration.unit:
            raise InputError(
                f"predictions have the unit {sample.unit}, the calibration {self.calibration.unit}"
            )
        mask = None if sample.mask is None else to_numpy(sample.mask)
        require_finite(x, "predictions", mask=mask)
        flat = x.reshape(-1).astype(np.float64)
        if mask is not None:
            # what is masked must neither warn nor break
            flat = np.where(mask.reshape(-1), self.calibration.predictions.mean(), flat)
        self.warn_outside(flat if mask is None else flat[~mask.reshape(-1)])
        out = self.correct(flat).astype(x.dtype)
        if mask is not None:
            out = np.where(mask.reshape(-1), x.reshape(-1), out)
        return sample.rebuild(out)

    def extrapolated(self, predictions: Any) -> Any:
        """Flag predictions outside the calibrated range.

        Parameters
        ----------
        predictions : array, shape (n,)
            New predictions.

        Returns
        -------
        numpy.ndarray of bool, shape (n,)
            True where the correction is extrapolated.
        """
        x, mask, _ = vector(predictions, "predictions")
        low, high = self.calibration.range
        return ((x < low) | (x > high)) & ~mask

    def refit(self, generator: np.random.Generator) -> FittedCalibration:
        """The same correction learnt from a bootstrap sample of the pairs, chosen constants kept."""
        return self.tuned.fit_pairs(self.calibration.resampled(generator))

    def warn_outside(self, x: Any) -> None:
        """Warn where many values lie outside the calibrated range."""
        low, high = self.calibration.range
        outside = int(np.count_nonzero((x < low) | (x > high)))
        # chance alone puts 2 / (n + 1) outside, and an effect is bound to push some over the edge
        if outside > max(0.05, 8.0 / (len(self.calibration) + 1)) * x.size:
            warnings.warn(
                f"{outside} of {x.size} predictions lie outside the calibrated range "
                f"[{low:.4g}, {high:.4g}]: their correction is extrapolated",
                ExtrapolationWarning,
                stacklevel=3,
            )


@dataclass(frozen=True, eq=False, kw_only=True)
class LinearBasisCalibration(FittedCalibration):
    """Correction that is linear in its coefficients: ``g(u) = offset + basis(u) @ coefficients``.

    Parameters
    ----------
    method, tuned, calibration
        As of `FittedCalibration`.
    basis : callable
        ``basis(u)`` gives the design matrix, shape (n, p).
    coefficients : numpy.ndarray, shape (p,)
        Fitted.
    influence : numpy.ndarray, shape (n, p)
        Influence of each calibration pair on the coefficients; their mean square over n is the covariance.
    offset : float
        Constant.
    """

    basis: Callable[[Any], Any]
    coefficients: Any
    influence: Any
    offset: float = 0.0

    def correct(self, values: Any) -> Any:
        """Corrected values of a plain float64 array, shape (n,)."""
        return self.offset + self.basis(values) @ self.coefficients

    def standard_error(self, predictions: Any) -> Any:
        """Standard error of the correction itself: how well ``g`` is known at each prediction.

        Parameters
        ----------
        predictions : array, shape (n,)
            Where.

        Returns
        -------
        numpy.ndarray, shape (n,)
            From the influence of the calibration pairs, summed over clusters where there are any. It does not
            hold the noise of a single prediction.
        """
        x, _, _ = vector(predictions, "predictions")
        design = self.basis(x)
        return np.sqrt(np.maximum(np.einsum("ij,jk,ik->i", design, self.covariance, design), 0.0))

    @property
    def degrees_of_freedom(self) -> float:
        """Of the covariance: pairs less coefficients, or clusters less one."""
        if self.calibration.clusters is None:
            return float(max(len(self.calibration) - self.influence.shape[1], 1))
        return float(max(int(self.calibration.clusters.max()), 1))

    @property
    def covariance(self) -> Any:
        """Sandwich covariance of the coefficients, shape (p, p)."""
        n, p = self.influence.shape
        scores = self.influence / n
        if self.calibration.clusters is None:
            return scores.T @ scores * (n / max(n - p, 1))
        count = int(self.calibration.clusters.max()) + 1
        sums = np.zeros((count, p))
        np.add.at(sums, self.calibration.clusters, scores)
        return sums.T @ sums * (count / max(count - 1, 1))
