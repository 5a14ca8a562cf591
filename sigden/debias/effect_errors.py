"""Standard errors that hold both sampling and calibration: delta method and bootstrap."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from sigden.debias.calibration_set import resample
from sigden.debias.fitted import FittedCalibration, LinearBasisCalibration
from sigden.errors import InputError, ParameterError

__all__ = ["Effect", "Errors", "WeightedLeastSquares", "effects_of"]

Errors = Literal["auto", "delta", "bootstrap"]

_REDRAWS = 100


@dataclass(frozen=True)
class Effect:
    """Estimate with an interval.

    Parameters
    ----------
    name : str
        What was estimated.
    estimate : float
        From corrected predictions.
    standard_error : float
        Of the estimate, all in.
    low, high : float
        Interval of the given level.
    level : float
        Coverage of the interval.
    sampling_error : float
        Part of the standard error that comes from the new items.
    calibration_error : float
        Part that comes from the calibration pairs; more new items do not lessen it.
    uncorrected : float
        The same estimate from raw predictions.
    n : int
        New items.
    errors : str
        ``"delta"`` or ``"bootstrap"``.
    """

    name: str
    estimate: float
    standard_error: float
    low: float
    high: float
    level: float
    sampling_error: float
    calibration_error: float
    uncorrected: float
    n: int
    errors: str


@dataclass(frozen=True, eq=False)
class WeightedLeastSquares:
    """Contrasts of weighted least-squares coefficients; means and slopes are such.

    Parameters
    ----------
    design : numpy.ndarray, shape (n, k)
        Regressors.
    weights : numpy.ndarray, shape (n,)
        Positive.
    contrasts : numpy.ndarray, shape (m, k)
        Of the coefficients.
    """

    design: Any
    weights: Any
    contrasts: Any

    def of(self, values: Any, counts: Any = None) -> Any:
        """Estimates, shape (m,); `counts` says how often each item was drawn."""
        return self.item_weights(counts) @ values

    def item_weights(self, counts: Any = None) -> Any:
        """Weight of each item in each estimate, shape (m, n)."""
        q = self.weights if counts is None else self.weights * counts
        weighted = self.design * q[:, None]
        return self.contrasts @ np.linalg.solve(weighted.T @ self.design, weighted.T)

    def estimable(self, counts: Any) -> bool:
        """Whether a resample still determines every coefficient."""
        kept = self.design[counts > 0]
        return bool(np.linalg.matrix_rank(kept.T @ kept) == self.design.shape[1])

    def residuals(self, values: Any) -> Any:
        """Values less their fit, shape (n,)."""
        weighted = self.design * self.weights[:, None]
        return values - self.design @ np.linalg.solve(weighted.T @ self.design, weighted.T @ values)


def effects_of(
    calibration: FittedCalibration,
    u: Any,
    target: WeightedLeastSquares,
    names: tuple[str, ...],
    clusters: Any,
    errors: Errors,
    level: float,
    replicates: int,
    seed: int,
) -> list[Effect]:
    """Estimates of every contrast with their intervals; arguments as in `difference_in_means`."""
    if not 0 < level < 1:
        raise ParameterError(f"level: must lie between 0 and 1, got {level}")
    if errors not in ("auto", "delta", "bootstrap"):
        raise ParameterError(f"errors: must be 'auto', 'delta' or 'bootstrap', got {errors!r}")
    if errors == "delta" and not isinstance(calibration, LinearBasisCalibration):
        raise ParameterError(
            f"errors: {calibration.method.name()} has no influence functions; use errors='bootstrap'"
        )
    calibration.warn_outside(u)
    corrected = calibration.correct(u)
    estimate, raw = target.of(corrected), target.of(u)
    if errors != "bootstrap" and isinstance(calibration, LinearBasisCalibration):
        pieces = _delta(calibration, u, corrected, target, clusters, level)
        kind = "delta"
    else:
        if replicates < 50:
            raise ParameterError(f"replicates: must be at least 50, got {replicates}")
        pieces = _bootstrap(calibration, u, target, clusters, level, replicates, seed)
        kind = "bootstrap"
    return [
        Effect(
            name=name,
            estimate=float(estimate[j]),
            standard_error=float(pieces.error[j]),
            low=float(estimate[j] - pieces.below[j]),
            high=float(estimate[j] + pieces.above[j]),
            level=level,
            sampling_error=float(pieces.sampling[j]),
            calibration_error=float(pieces.calibration[j]),
            uncorrected=float(raw[j]),
            n=int(u.size),
            errors=kind,
        )
        for j, name in enumerate(names)
    ]


@dataclass(frozen=True, eq=False)
class _Pieces:
    """Standard errors and reaches of the interval, each of shape (m,)."""

    error: Any
    sampling: Any
    calibration: Any
    below: Any
    above: Any


def _delta(
    calibration: LinearBasisCalibration,
    u: Any,
    corrected: Any,
    target: WeightedLeastSquares,
    clusters: Any,
    level: float,
) -> _Pieces:
    from scipy.stats import t as student

    weights = target.item_weights()
    sampling, sampling_freedom = _sampling_variance(weights, target.residuals(corrected), target, clusters)
    gradient = weights @ calibration.basis(u)
    known = np.einsum("ij,jk,ik->i", gradient, calibration.covariance, gradient)
    known = np.maximum(known, 0.0)
    freedom = calibration.degrees_of_freedom
    total = sampling + known
    # Satterthwaite's degrees of freedom of a sum of two estimated variances
    effective = total**2 / np.maximum(sampling**2 / sampling_freedom + known**2 / freedom, 1e-300)
    reach = student.ppf(0.5 + 0.5 * level, np.maximum(effective, 1.0)) * np.sqrt(total)
    return _Pieces(np.sqrt(total), np.sqrt(sampling), np.sqrt(known), reach, reach)


def _sampling_variance(
    weights: Any, residuals: Any, target: WeightedLeastSquares, clusters: Any
) -> tuple[Any, float]:
    """Robust variance of each estimate given the correction, and its degrees of freedom."""
    scores = weights * residuals
    n, k = target.design.shape
    if clusters is None:
        if n <= k:
            raise InputError(f"{n} items for {k} coefficients: no standard error can be given")
        return (scores**2).sum(axis=1) * (n / (n - k)), float(n - k)
    count = int(clusters.max()) + 1
    if count < 2:
        raise InputError("clusters: at least two are needed for a standard error")
    sums = np.stack([np.bincount(clusters, row, minlength=count) for row in scores])
    return (sums**2).sum(axis=1) * (count / (count - 1)), float(count - 1)


def _bootstrap(
    calibration: FittedCalibration,
    u: Any,
    target: WeightedLeastSquares,
    clusters: Any,
    level: float,
    replicates: int,
    seed: int,
) -> _Pieces:
    generator = np.random.default_rng(seed)
    base = calibration.correct(u)
    center = target.of(base)
    both, alone, new = [], [], []
    for _ in range(replicates):
        corrected = calibration.refit(generator).correct(u)
        counts = _counts(generator, target, clusters, u.size)
        both.append(target.of(corrected, counts))
        alone.append(target.of(corrected))
        new.append(target.of(base, counts))
    low, high = np.quantile(both, [0.5 - 0.5 * level, 0.5 + 0.5 * level], axis=0)
    spread = [np.std(sample, axis=0, ddof=1) for sample in (both, new, alone)]
    return _Pieces(spread[0], spread[1], spread[2], center - low, high - center)


def _counts(generator: np.random.Generator, target: WeightedLeastSquares, clusters: Any, n: int) -> Any:
    for _ in range(_REDRAWS):
        counts = np.bincount(resample(generator, n, clusters)[0], minlength=n).astype(float)
        if target.estimable(counts):
            return counts
    raise InputError("bootstrap: groups are so small that resamples miss them; use errors='delta'")
