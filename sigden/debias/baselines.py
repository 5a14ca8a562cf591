"""What others do: a penalty on bias in quantile bins, and prediction-powered inference."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from sigden.debias.base import Calibration
from sigden.debias.calibration_set import CalibrationSet, vector
from sigden.debias.effect_errors import Effect
from sigden.debias.fitted import LinearBasisCalibration
from sigden.debias.sieve import SieveBasis
from sigden.debias.splines import NaturalSpline, quantile_knots
from sigden.errors import InputError, ParameterError

__all__ = ["BinnedCalibration", "prediction_powered"]


@dataclass(frozen=True, kw_only=True)
class BinnedCalibration(Calibration):
    """Least squares with a penalty on the mean error in quantile bins of the truth; a baseline.

    Parameters
    ----------
    penalty : float
        Weight on the mean, over bins, of the squared mean error.
    bins : int
        Quantile bins of the truth.
    knots : int
        Of the natural spline; 2 for a line.

    Notes
    -----
    The loss that Ratledge et al. [1]_ train their network with, here applied to a correction of its output,
    with the mean over bins in place of the largest bin so that the minimum has a closed form. It trades bias
    for variance and leaves part of the shrinkage in: `SieveCalibration` asks for no bias.

    References
    ----------
    .. [1] N. Ratledge et al., "Using machine learning to assess the livelihood impact of electricity access",
       Nature 611 (2022) 491, Methods.
    """

    penalty: float = 10.0
    bins: int = 5
    knots: int = 2

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 0 <= self.penalty < np.inf:
            raise ParameterError(f"penalty: must be finite and not negative, got {self.penalty}")
        if self.bins < 2:
            raise ParameterError(f"bins: must be at least 2, got {self.bins}")
        if self.knots < 2:
            raise ParameterError(f"knots: must be at least 2, got {self.knots}")

    def fit_pairs(self, pairs: CalibrationSet) -> LinearBasisCalibration:
        """Learn the correction from checked pairs."""
        u, y = pairs.predictions, pairs.truth
        n, centre, scale, offset = y.size, float(u.mean()), float(u.std()), float(y.mean())
        basis = SieveBasis(
            NaturalSpline(quantile_knots((u - centre) / scale, self.knots, 0.05)), centre, scale
        )
        design, t = basis(u), y - offset
        edges = np.quantile(y, np.linspace(0, 1, self.bins + 1)[1:-1])
        inside = np.eye(self.bins)[np.searchsorted(edges, y)]
        size = np.maximum(inside.sum(axis=0), 1.0)
        means = inside.T @ design / size[:, None]
        weight = self.penalty / self.bins
        matrix = design.T @ design / n + weight * means.T @ means
        right = design.T @ t / n + weight * means.T @ (inside.T @ t / size)
        coefficients = np.linalg.solve(matrix, right)
        residual = design @ coefficients - t
        error = inside.T @ residual / size
        # bins and their mean errors move with every pair
        share = n / size
        gradient = design * residual[:, None] + weight * (
            inside @ (share[:, None] * means) * (residual - inside @ error)[:, None]
            + (design - inside @ means) * (inside @ (share * error))[:, None]
        )
        gradient -= gradient.mean(axis=0)
        return LinearBasisCalibration(
            method=self,
            tuned=self,
            calibration=pairs,
            basis=basis,
            coefficients=coefficients,
            influence=-np.linalg.solve(matrix, gradient.T).T,
            offset=offset,
        )


def prediction_powered(
    predictions: Any,
    treated: Any,
    labelled_predictions: Any,
    labelled_truth: Any,
    labelled_treated: Any,
    *,
    level: float = 0.95,
) -> Effect:
    """Difference in means by prediction-powered inference (PPI++); a baseline.

    Parameters
    ----------
    predictions : array, shape (n,)
        Predictions of items without labels.
    treated : array of bool, shape (n,)
        Their treatment.
    labelled_predictions, labelled_truth : array, shape (m,)
        Predictions and truth of labelled items *of the same trial*.
    labelled_treated : array of bool, shape (m,)
        Their treatment; both arms are needed.
    level : float
        Coverage of the interval.

    Returns
    -------
    Effect
        `calibration_error` is the part that comes from the labelled items.

    Raises
    ------
    InputError
        If lengths differ or an arm has fewer than two items.

    Notes
    -----
    In each arm the estimate is ``w mean(Yhat) + mean(Y - w Yhat)``, the second mean over labelled items, with
    the weight w of least variance [1]_. It is unbiased whatever the predictor does, and needs truth in both
    arms: labels from outside the trial, as the other corrections use them, cannot correct an effect here.

    References
    ----------
    .. [1] A. N. Angelopoulos, J. C. Duchi and T. Zrnic, "PPI++: efficient prediction-powered inference",
       arXiv:2311.01453 (2023), section 6.
    """
    from scipy.stats import norm

    if not 0 < level < 1:
        raise ParameterError(f"level: must lie between 0 and 1, got {level}")
    new, labelled = (
        vector(predictions, "predictions")[0],
        vector(labelled_predictions, "labelled_predictions")[0],
    )
    truth = vector(labelled_truth, "labelled_truth")[0]
    arms = [np.asarray(a).astype(bool) for a in (treated, labelled_treated)]
    if arms[0].shape != new.shape or arms[1].shape != labelled.shape or truth.shape != labelled.shape:
        raise InputError("prediction_powered: predictions, truth and treatment must be of equal length")
    estimate, raw, sampling, rectifier = 0.0, 0.0, 0.0, 0.0
    for sign, arm in ((1.0, True), (-1.0, False)):
        x, v, y = new[arms[0] == arm], labelled[arms[1] == arm], truth[arms[1] == arm]
        if min(x.size, v.size) < 2:
            raise InputError("prediction_powered: each arm needs two items with labels and two without")
        spread = float(np.var(np.concatenate([x, v]), ddof=1))
        covariance = float(np.cov(v, y)[0, 1])
        weight = covariance / (spread * (1.0 + v.size / x.size)) if spread > 0 else 0.0
        estimate += sign * float(weight * x.mean() + (y - weight * v).mean())
        raw += sign * float(x.mean())
        sampling += weight**2 * float(np.var(x, ddof=1)) / x.size
        rectifier += float(np.var(y - weight * v, ddof=1)) / v.size
    error = float(np.sqrt(sampling + rectifier))
    reach = float(norm.ppf(0.5 + 0.5 * level)) * error
    return Effect(
        name="difference in means (prediction-powered)",
        estimate=estimate,
        standard_error=error,
        low=estimate - reach,
        high=estimate + reach,
        level=level,
        sampling_error=float(np.sqrt(sampling)),
        calibration_error=float(np.sqrt(rectifier)),
        uncorrected=raw,
        n=int(new.size),
        errors="delta",
    )
