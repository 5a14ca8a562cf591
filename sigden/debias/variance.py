"""Variance of truth about prediction, constant or as a function of the prediction."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from sigden.debias.splines import NaturalSpline, quantile_knots

__all__ = ["ConstantVariance", "VarianceFunction", "fit_variance"]

_KNOTS = 4
_STEPS = 50


@dataclass(frozen=True)
class ConstantVariance:
    """The same variance everywhere.

    Parameters
    ----------
    value : float
        Variance.
    """

    value: float

    def __call__(self, u: Any) -> tuple[Any, Any]:
        """Variance and its derivative, each of the shape of `u`."""
        return np.full_like(u, self.value), np.zeros_like(u)


@dataclass(frozen=True, eq=False)
class VarianceFunction:
    """Variance whose logarithm is a natural spline, constant beyond its outer knots.

    Parameters
    ----------
    spline : NaturalSpline
        Basis.
    coefficients : numpy.ndarray, shape (p,)
        Logarithm of the variance at the knots.
    """

    spline: NaturalSpline
    coefficients: Any

    def __call__(self, u: Any) -> tuple[Any, Any]:
        """Variance and its derivative, each of the shape of `u`."""
        variance = np.exp(self.spline(u) @ self.coefficients)
        return variance, variance * (self.spline.derivative(u) @ self.coefficients)


def fit_variance(u: Any, residual: Any) -> VarianceFunction:
    """Variance as a function of the prediction, by the likelihood of normal residuals (Fisher scoring)."""
    spline = NaturalSpline(quantile_knots(u, _KNOTS, 0.05), bounded=True)
    basis = spline(u)
    square = residual**2
    floor = 1e-12 * float(square.mean())
    coefficients = np.full(basis.shape[1], np.log(max(float(square.mean()), 1e-300)))
    gram = basis.T @ basis
    for _ in range(_STEPS):
        ratio = np.maximum(square, floor) / np.exp(basis @ coefficients)
        # a step of at most a factor of e in the variance
        step = np.clip(np.linalg.lstsq(gram, basis.T @ (ratio - 1.0), rcond=None)[0], -1.0, 1.0)
        coefficients = coefficients + step
        if np.abs(step).max() < 1e-10:
            break
    return VarianceFunction(spline, coefficients)
