"""Whether a calibration set meets what each correction assumes."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np

from sigden.debias.calibration_set import CalibrationSet, calibration_set
from sigden.debias.hierarchical import variance_components

__all__ = ["AssumptionWarning", "Diagnosis", "GroupDiagnosis", "diagnose"]

# a departure counts where it is both significant and large enough to matter
_SIGNIFICANT = 0.01
_SKEWNESS = 0.25
_KURTOSIS = 0.5
_VARIANCE_TREND = 0.15
_CURVATURE = 0.01
_SLOPE = 0.05
_SPREAD = 2.0


class AssumptionWarning(UserWarning):
    """The calibration pairs contradict what a correction assumes."""


@dataclass(frozen=True)
class GroupDiagnosis:
    """Shrinkage of groups against that of their members.

    Parameters
    ----------
    count : int
        Groups.
    between, between_error : float
        Slope of prediction on truth of whole groups, and its standard error (jackknife over groups).
    within, within_error : float
        Slope of members about their group.
    difference_error : float
        Standard error of the difference of the two.
    over_correction : float
        By what factor an item-level linear correction magnifies differences between groups; 1 is right.
    differ : bool
        Whether the slopes differ by more than two standard errors and 5 %.
    """

    count: int
    between: float
    between_error: float
    within: float
    within_error: float
    difference_error: float
    over_correction: float
    differ: bool


@dataclass(frozen=True)
class Diagnosis:
    """What the calibration pairs say.

    Parameters
    ----------
    n : int
        Pairs.
    attenuation, attenuation_error : float
        Slope of prediction on truth, 1 without shrinkage; heteroscedasticity-robust standard error.
    truth_slope, truth_slope_error : float
        Slope of truth on prediction, 1 for predictions that are right on average.
    curvature_p : float
        The p-value of no bend in E[prediction | truth].
    residual_sigma, residual_skewness, residual_kurtosis : float
        Standard deviation, skewness and excess kurtosis of truth less its line on the prediction.
    gaussian_p : float
        The p-value of normal residuals (Jarque-Bera).
    variance_trend : float
        Relative change of the residual variance for one standard deviation of the prediction.
    variance_p : float
        The p-value of a constant residual variance (Breusch-Pagan, studentised).
    groups : GroupDiagnosis or None
        Shrinkage of groups, where groups were given.
    linear_holds : bool
        Whether what `LinearCalibration` assumes is not contradicted: E[prediction | truth] is a line.
    tweedie_holds : bool
        Whether what `TweedieCorrection` assumes is not contradicted: slope 1, normal errors of constant
        variance.
    recommended : str
        Name of a correction whose assumptions hold.
    notes : tuple of str
        Findings in words.
    """

    n: int
    attenuation: float
    attenuation_error: float
    truth_slope: float
    truth_slope_error: float
    curvature_p: float
    residual_sigma: float
    residual_skewness: float
    residual_kurtosis: float
    gaussian_p: float
    variance_trend: float
    variance_p: float
    groups: GroupDiagnosis | None
    linear_holds: bool
    tweedie_holds: bool
    recommended: str
    notes: tuple[str, ...]


def diagnose(predictions: Any, truth: Any = None, groups: Any = None) -> Diagnosis:
    """Check a calibration set against the assumptions of the corrections.

    Parameters
    ----------
    predictions, truth : array, Quantity, masked array, pandas or Polars Series; shape (n,)
        Held-out predictions and their truth.
    groups : array of labels, shape (n,), optional
        Group of each item (village, field, redshift bin), for the check of shrinkage between groups. Groups
        must not be made from the truth itself.

    Returns
    -------
    Diagnosis
        Slopes, tests, findings and the recommended correction.

    Raises
    ------
    InputError
        As `sigden.debias.calibration_set.calibration_set`.

    Warns
    -----
    AssumptionWarning
        If neither the linear nor Tweedie's assumptions hold, or groups shrink unlike their members.
    """
    from scipy.stats import chi2, f as fisher

    pairs = calibration_set(predictions, truth, groups)
    u, y, n = pairs.predictions, pairs.truth, len(pairs)
    attenuation, attenuation_error, bend = _line(y, u)
    truth_slope, truth_slope_error, residual = _line(u, y)
    sigma = float(np.sqrt(residual @ residual / (n - 2)))
    z = residual / max(float(np.std(residual)), 1e-300)
    skewness, kurtosis = float(np.mean(z**3)), float(np.mean(z**4) - 3.0)
    gaussian_p = float(chi2.sf(n * (skewness**2 / 6 + kurtosis**2 / 24), 2))
    x = (u - u.mean()) / u.std()
    trend, _, rest = _line(x, z**2)
    explained = 1.0 - float(rest @ rest) / max(n * float(np.var(z**2)), 1e-300)
    variance_p = float(chi2.sf(n * max(explained, 0.0), 1))
    curvature_p, share = _curvature(y, bend, fisher)
    exact = sigma <= 1e-9 * float(np.std(y))
    normal = exact or not (gaussian_p < _SIGNIFICANT and (abs(skewness) > _SKEWNESS or kurtosis > _KURTOSIS))
    constant = exact or not (variance_p < _SIGNIFICANT and abs(trend) > _VARIANCE_TREND)
    unit = abs(truth_slope - 1) <= max(_SPREAD * truth_slope_error, _SLOPE)
    straight = exact or not (curvature_p < _SIGNIFICANT and share > _CURVATURE)
    members = None if pairs.clusters is None else _groups(pairs, attenuation)
    notes = _notes(straight, unit, normal, constant, truth_slope, skewness, kurtosis, trend, members)
    tweedie = unit and normal and constant
    if members is not None and members.differ:
        recommended = "HierarchicalCalibration"
        warnings.warn(notes[-1], AssumptionWarning, stacklevel=2)
    else:
        recommended = "LinearCalibration" if straight else "SieveCalibration"
    if not straight and not tweedie:
        text = "; ".join(note for note in notes if not note.startswith("groups"))
        warnings.warn(
            f"neither linear calibration nor Tweedie's correction is right for these pairs ({text}): "
            "use SieveCalibration, which assumes neither",
            AssumptionWarning,
            stacklevel=2,
        )
    return Diagnosis(
        n=n,
        attenuation=attenuation,
        attenuation_error=attenuation_error,
        truth_slope=truth_slope,
        truth_slope_error=truth_slope_error,
        curvature_p=curvature_p,
        residual_sigma=sigma,
        residual_skewness=skewness,
        residual_kurtosis=kurtosis,
        gaussian_p=gaussian_p,
        variance_trend=trend,
        variance_p=variance_p,
        groups=members,
        linear_holds=straight,
        tweedie_holds=tweedie,
        recommended=recommended,
        notes=notes,
    )


def _line(x: Any, y: Any) -> tuple[float, float, Any]:
    """Least-squares slope of y on x, its robust standard error, and the residuals."""
    d = x - x.mean()
    square = float(d @ d)
    slope = float(d @ y) / square
    residual = y - y.mean() - slope * d
    error = np.sqrt(float(d**2 @ residual**2) * x.size / max(x.size - 2, 1)) / square
    return slope, float(error), residual


def _curvature(y: Any, residual: Any, fisher: Any) -> tuple[float, float]:
    """p-value of square and cube of the truth in the residuals of its line, and the share they explain."""
    t = (y - y.mean()) / y.std()
    basis = np.stack([np.ones_like(t), t, t**2, t**3], axis=1)
    rest = residual - basis @ np.linalg.lstsq(basis, residual, rcond=None)[0]
    freedom = t.size - 4
    before, after = float(residual @ residual), float(rest @ rest)
    ratio = (before - after) / 2 / max(after / freedom, 1e-300)
    # of the variance of the predictions that the truth explains at all, a bend beyond this share matters
    return float(fisher.sf(ratio, 2, freedom)), 1.0 - after / max(before, 1e-300)


def _groups(pairs: CalibrationSet, attenuation: float) -> GroupDiagnosis:
    parts = variance_components(pairs)
    kinds = np.unique(pairs.clusters)
    jackknife = []
    for kind in kinds:
        left = variance_components(pairs.take(pairs.clusters != kind)) if kinds.size > 3 else parts
        jackknife.append((left.between_slope, left.within_slope, left.between_slope - left.within_slope))
    spread = np.array(jackknife)
    scale = (kinds.size - 1) / kinds.size
    errors = np.sqrt(scale * ((spread - spread.mean(axis=0)) ** 2).sum(axis=0))
    difference = parts.between_slope - parts.within_slope
    differ = abs(difference) > max(_SPREAD * errors[2], _SLOPE * abs(parts.within_slope))
    return GroupDiagnosis(
        count=int(kinds.size),
        between=parts.between_slope,
        between_error=float(errors[0]),
        within=parts.within_slope,
        within_error=float(errors[1]),
        difference_error=float(errors[2]),
        over_correction=parts.between_slope / attenuation,
        differ=bool(differ),
    )


def _notes(
    straight: bool,
    unit: bool,
    normal: bool,
    constant: bool,
    truth_slope: float,
    skewness: float,
    kurtosis: float,
    trend: float,
    members: GroupDiagnosis | None,
) -> tuple[str, ...]:
    notes = []
    if not straight:
        notes.append("the mean prediction bends with the truth")
    if not unit:
        notes.append(f"the slope of truth on prediction is {truth_slope:.2f}, not 1")
    if not normal:
        notes.append(f"residuals are not normal (skewness {skewness:.2f}, excess kurtosis {kurtosis:.2f})")
    if not constant:
        notes.append(f"residual variance changes by {trend:+.0%} for a standard deviation of the prediction")
    if members is not None and members.differ:
        less = members.between > members.within
        notes.append(
            f"groups shrink {'less' if less else 'more'} than their members (slope {members.between:.2f} "
            f"against {members.within:.2f}): an item-level correction {'over' if less else 'under'}-corrects "
            "differences between groups; use HierarchicalCalibration"
        )
    return tuple(notes)
