"""Instrumental calibration by splines."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from sigden.debias.base import Calibration
from sigden.debias.calibration_set import CalibrationSet
from sigden.debias.choice import RIDGES, choose_ridge, choose_score_ridge, folds_of, variance_charge
from sigden.debias.fitted import LinearBasisCalibration
from sigden.debias.moments import Design, influence, solve, sums
from sigden.debias.splines import NaturalSpline, quantile_knots
from sigden.errors import ParameterError

__all__ = ["SieveBasis", "SieveCalibration"]

_TAIL = 0.05
_KNOTS = (6, 10)


@dataclass(frozen=True)
class SieveBasis:
    """Natural splines of standardised predictions, in the unit of the truth.

    Parameters
    ----------
    spline : NaturalSpline
        Basis.
    centre, scale : float
        Mean and standard deviation of the calibration predictions.
    """

    spline: NaturalSpline
    centre: float
    scale: float

    def __call__(self, u: Any) -> Any:
        """Values of the basis, shape (n, p)."""
        return self.scale * self.spline((u - self.centre) / self.scale)


@dataclass(frozen=True, kw_only=True)
class SieveCalibration(Calibration):
    """Instrumental calibration: a spline g of the prediction with E[g(Yhat) | Y] = Y.

    Parameters
    ----------
    knots : int or "cv"
        Knots of the natural spline g, at quantiles of the predictions; 2 gives a straight line. ``"cv"``
        chooses between 6 and 10.
    ridge : float or "cv"
        Weight on the squared second differences of g, for predictions of unit spread.
    instruments : int or "auto"
        Number of functions of the truth; 2 gives ``{1, Y}``, ``"auto"`` the cube root of n, plus 1.
    score_ridge : float or "cv"
        Weight on the squared second differences of the score of the truth's density.
    folds : int
        Of the cross-validation.

    Notes
    -----
    The correction solves the moments ``E[(g(Yhat) - Y) h(Y)] = 0`` over functions h of the truth by
    penalised two-stage least squares [1]_; nothing is assumed about the errors of the predictor. Of these
    moments two hold exactly: h = 1, and h = the score of the density of Y. The second makes the mean of the
    corrected predictions follow a small uniform shift of the truth one to one, whatever the ridge, since
    ``d/dt E[b(Y + t)] = -E[b(Y) score(Y)]`` for the conditional bias b. The score is itself fitted in the
    span of the instruments by score matching [2]_. Instruments are constant beyond their outer knots, so that
    single outliers do not decide. With ``knots=2, instruments=2`` the score is a line and the result is
    `LinearCalibration` to rounding.

    What is minimised is the expected squared error of contrasts between groups, and roughness: squared
    moments, and the mean squared residual times 8 q / n for q instruments and n pairs, which is the variance
    that the calibration and as many new items add. The ridge is the largest whose held-out squared moments
    and variance lie within one standard error of the least. Standard errors take the chosen constants as
    given.

    References
    ----------
    .. [1] W. K. Newey and J. L. Powell, "Instrumental variable estimation of nonparametric models",
       Econometrica 71 (2003) 1565, section 4.
    .. [2] A. Hyvarinen, "Estimation of non-normalized statistical models by score matching", J. Mach. Learn.
       Res. 6 (2005) 695, theorem 1.
    """

    knots: int | Literal["cv"] = "cv"
    ridge: float | Literal["cv"] = "cv"
    instruments: int | Literal["auto"] = "auto"
    score_ridge: float | Literal["cv"] = "cv"
    folds: int = 10

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in ("knots", "instruments"):
            value = getattr(self, name)
            if not isinstance(value, str) and value < 2:
                raise ParameterError(f"{name}: must be at least 2, got {value}")
        for name in ("ridge", "score_ridge"):
            value = getattr(self, name)
            if not isinstance(value, str) and not 0 <= value < np.inf:
                raise ParameterError(f"{name}: must be finite and not negative, got {value}")
        if self.folds < 2:
            raise ParameterError(f"folds: must be at least 2, got {self.folds}")

    def fit_pairs(self, pairs: CalibrationSet) -> LinearBasisCalibration:
        """Learn the correction from checked pairs."""
        u, y = pairs.predictions, pairs.truth
        centre, scale, offset = float(u.mean()), float(u.std()), float(y.mean())
        x, t = (u - centre) / scale, (y - offset) / scale
        folds = folds_of(x, pairs.clusters, self.folds)
        count = round(t.size ** (1 / 3)) + 1 if self.instruments == "auto" else self.instruments
        z, dz, shape = _instruments(t, max(2, count))
        line = Design(x[:, None], z, dz, t)
        score_ridge = self.score_ridge
        if score_ridge == "cv":
            score_ridge = choose_score_ridge(line, folds, shape) if z.shape[1] > 2 else 0.0
        penalty = score_ridge * shape
        knots, ridge, spline = self._smoothness(line, folds, penalty)
        design = Design(spline(x), z, dz, t)
        roughness = ridge * spline.roughness
        charge = variance_charge(design)
        coefficients, _, _ = solve(sums(design), roughness, penalty, charge)
        return LinearBasisCalibration(
            method=self,
            tuned=self.replace(
                knots=knots, ridge=ridge, instruments=max(2, count), score_ridge=float(score_ridge)
            ),
            calibration=pairs,
            basis=SieveBasis(spline, centre, scale),
            coefficients=coefficients,
            influence=influence(design, roughness, penalty, charge),
            offset=offset,
        )

    def _smoothness(self, line: Design, folds: Any, penalty: Any) -> tuple[int, float, NaturalSpline]:
        """Knots and ridge, as given or as cross-validated."""
        x = line.x[:, 0]
        ridges = RIDGES if self.ridge == "cv" else (self.ridge,)
        found: list[tuple[float, int, float, NaturalSpline]] = []
        for knots in _KNOTS if self.knots == "cv" else (self.knots,):
            spline = NaturalSpline(quantile_knots(x, knots, _TAIL))
            if len(ridges) == 1 and self.knots != "cv":
                return knots, ridges[0], spline
            if spline.knots.size == 2:
                return knots, 0.0, spline
            design = Design(spline(x), line.z, line.dz, line.t)
            ridge, risk = choose_ridge(design, folds, spline.roughness, penalty, ridges)
            found.append((risk, knots, ridge, spline))
        return min(found, key=lambda candidate: candidate[0])[1:]


def _instruments(t: Any, count: int) -> tuple[Any, Any, Any]:
    """Uncorrelated instruments of unit mean square, their derivatives, and their roughness."""
    spline = NaturalSpline(quantile_knots(t, count, _TAIL), bounded=count > 2)
    h, dh = spline(t), spline.derivative(t)
    variance, axes = np.linalg.eigh(h.T @ h / t.size)
    keep = variance > 1e-10 * variance[-1]
    whiten = axes[:, keep] / np.sqrt(variance[keep])
    return h @ whiten, dh @ whiten, whiten.T @ spline.roughness @ whiten
