"""Tweedie's correction: un-shrinking by the score of the predictions' density."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from sigden.debias.base import Calibration
from sigden.debias.calibration_set import CalibrationSet
from sigden.debias.fitted import FittedCalibration
from sigden.debias.variance import ConstantVariance, VarianceFunction, fit_variance
from sigden.errors import InputError, ParameterError
from sigden.score import DensityEstimator, FittedDensity, KernelDensity

__all__ = ["MomentTweedie", "TweedieCorrection"]


@dataclass(frozen=True, eq=False, kw_only=True)
class FittedTweedie(FittedCalibration):
    """Correction ``u - v(u) score(u) - v'(u)``.

    Parameters
    ----------
    method, tuned, calibration
        As of `FittedCalibration`.
    density : FittedDensity
        Of the calibration predictions.
    variance : ConstantVariance or VarianceFunction
        Of truth about prediction, as a function of the prediction.
    """

    density: FittedDensity
    variance: ConstantVariance | VarianceFunction

    def correct(self, values: Any) -> Any:
        """Corrected values of a plain float64 array, shape (n,)."""
        variance, slope = self.variance(values)
        return values - variance * self.density.score(values) - slope


@dataclass(frozen=True, eq=False, kw_only=True)
class FittedMomentTweedie(FittedCalibration):
    """Correction ``u + shift - factor score(u)``.

    Parameters
    ----------
    method, tuned, calibration
        As of `FittedCalibration`.
    density : FittedDensity
        Of the calibration predictions.
    shift, factor : float
        Found from two moments.
    """

    density: FittedDensity
    shift: float
    factor: float

    def correct(self, values: Any) -> Any:
        """Corrected values of a plain float64 array, shape (n,)."""
        return values + self.shift - self.factor * self.density.score(values)


@dataclass(frozen=True, kw_only=True)
class TweedieCorrection(Calibration):
    """Tweedie's correction: the prediction less the error variance times the score of the predictions.

    Parameters
    ----------
    sigma : float, "constant" or "function"
        Standard deviation of truth about prediction: a number, ``"constant"`` (measured on the calibration
        pairs), or ``"function"`` (measured as a smooth function of the prediction).
    density : DensityEstimator, optional
        Estimator of the predictions' density; `KernelDensity` by default.

    Notes
    -----
    If ``Y = Yhat + e`` with e normal of variance v and independent of Yhat, then
    ``E[Yhat - v score(Yhat) | Y] = Y`` with the score of the density of the calibration predictions [1]_.
    Note the sign: Tweedie's formula as such shrinks, this one undoes it. With a variance that depends on the
    prediction the correction is ``u - (v f)'(u) / f(u) = u - v score - v'``, exact to first order in v'. It
    over-corrects where the assumption fails; `sigden.debias.diagnose` tells. It needs predictions that are
    right on average (slope of truth on prediction 1); calibrate them first if they are not.

    Standard errors of effects come from the bootstrap, which fits the density anew.

    References
    ----------
    .. [1] B. Efron, "Tweedie's formula and selection bias", J. Am. Stat. Assoc. 106 (2011) 1602, section 2.
    """

    sigma: float | Literal["constant", "function"] = "constant"
    density: DensityEstimator | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        if not isinstance(self.sigma, str) and not 0 < self.sigma < np.inf:
            raise ParameterError(f"sigma: must be positive and finite, got {self.sigma}")

    def fit_pairs(self, pairs: CalibrationSet) -> FittedTweedie:
        """Learn the correction from checked pairs."""
        u, residual = pairs.predictions, pairs.truth - pairs.predictions
        variance: ConstantVariance | VarianceFunction
        if self.sigma == "function":
            variance = fit_variance(u, residual - residual.mean())
        else:
            sigma = float(np.std(residual, ddof=1)) if isinstance(self.sigma, str) else self.sigma
            variance = ConstantVariance(sigma**2)
        return FittedTweedie(
            method=self,
            tuned=self,
            calibration=pairs,
            density=(self.density or KernelDensity()).fit(u),
            variance=variance,
        )


@dataclass(frozen=True, kw_only=True)
class MomentTweedie(Calibration):
    """Tweedie's correction with its two constants from moments instead of residuals.

    Parameters
    ----------
    density : DensityEstimator, optional
        Estimator of the predictions' density; `KernelDensity` by default.

    Notes
    -----
    The correction ``g(u) = u + d - c score(u)`` with ``E[g - Y] = 0`` and ``Cov(g - Y, Y) = 0``:
    ``c = (Cov(Yhat, Y) - Var Y) / Cov(score(Yhat), Y)``. The shape is Tweedie's, the strength is that of
    linear calibration, so it is right on average over the calibration pairs even where errors are neither
    normal nor of constant variance, and for normal predictions it is linear calibration. Tweedie's formula
    is that of [1]_.

    References
    ----------
    .. [1] B. Efron, "Tweedie's formula and selection bias", J. Am. Stat. Assoc. 106 (2011) 1602, section 2.
    """

    density: DensityEstimator | None = None

    def fit_pairs(self, pairs: CalibrationSet) -> FittedMomentTweedie:
        """Learn the correction from checked pairs."""
        u, t = pairs.predictions, pairs.truth - pairs.truth.mean()
        density = (self.density or KernelDensity()).fit(u)
        score = density.score(u)
        across = float(score @ t) / t.size
        # the score of a density of unit spread has a mean square of order one
        if abs(across) < 1e-3 * np.std(score) * np.std(t):
            raise InputError("calibration: the score of the predictions does not follow the truth")
        factor = (float(u @ t) - float(t @ t)) / t.size / across
        shift = float(np.mean(pairs.truth - u + factor * score))
        return FittedMomentTweedie(
            method=self, tuned=self, calibration=pairs, density=density, shift=shift, factor=factor
        )
