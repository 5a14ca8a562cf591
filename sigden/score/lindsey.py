"""Log-density as a natural spline, by Poisson regression on binned samples."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from sigden.errors import InputError, ParameterError
from sigden.score.bandwidth import robust_scale
from sigden.score.density import DensityEstimator, TabulatedDensity, check_samples
from sigden.score.lattice import Lattice, bin_samples

__all__ = ["Lindsey"]

_STEPS = 25.0  # cells in one robust scale
_CELLS = 1 << 16  # most cells between the outermost samples
_TRIED = (2, 3, 4, 5, 7, 9, 12, 16, 20)  # degrees of freedom from which "auto" chooses
_TAIL = 0.002  # share of samples beyond each of the outer knots
_NEWTON = 60  # most Newton steps
_GAIN = 1e-10  # relative gain of the likelihood at which they end


@dataclass(frozen=True, kw_only=True)
class Lindsey(DensityEstimator):
    """Density whose logarithm is a natural cubic spline, fitted to counts by Lindsey's method.

    Parameters
    ----------
    degrees : int or "auto", default "auto"
        Degrees of freedom of the spline; ``"auto"`` takes the least Bayesian information criterion among 2 to
        20.

    Notes
    -----
    Counts in fine cells are Poisson with mean proportional to ``exp(sum_k b_k B_k(x))``: a generalised linear
    model, whose maximum Newton's method finds [1]_ [2]_. Knots lie at even quantiles, the outer ones at 0.2 %
    and 99.8 %. Beyond these the log-density is linear, so that the score is constant there: a tail
    heavier than an exponential one is better left to `NPMLE`. It suits smooth densities with light tails,
    for which a handful of parameters has little variance.

    References
    ----------
    .. [1] J. K. Lindsey, "Comparison of probability distributions", J. R. Stat. Soc. B 36 (1974) 38.
    .. [2] B. Efron, "Tweedie's formula and selection bias", J. Am. Stat. Assoc. 106 (2011) 1602, section 3.
    """

    degrees: int | Literal["auto"] = "auto"

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.degrees != "auto" and not 2 <= self.degrees <= 40:
            raise ParameterError(f"degrees: must lie between 2 and 40, got {self.degrees}")

    def fit(self, x: Any, *, weights: Any = None, mask: Any = None) -> TabulatedDensity:
        """Estimate the density of samples.

        Parameters
        ----------
        x : array_like, shape (n,)
            Samples, NumPy; other shapes are flattened.
        weights : array_like, shape (n,), optional
            Weights, not negative, of any scale.
        mask : array of bool, shape (n,), optional
            True where a sample is to be ignored.

        Returns
        -------
        TabulatedDensity
            Log-density, score, curvature and posterior moments.

        Raises
        ------
        InputError
            If samples or weights cannot be used, the index is named, or if all samples are equal.
        """
        x, weights, samples = check_samples(x, weights, mask, least=8)
        scale = robust_scale(x, weights)
        low, high = float(x.min()), float(x.max())
        if scale == 0:
            raise InputError("x: all samples are equal, so no spline fits their density")
        step = max(scale / _STEPS, (high - low) / _CELLS)
        lattice, counts = _whole(*bin_samples(x, step, 1, weights), step)
        unit = (lattice.nodes - low) / scale
        tried = _TRIED if self.degrees == "auto" else (self.degrees,)
        share = samples / counts.sum()
        fits = [_regress(unit, counts * share, d) for d in tried if d == tried[0] or d < samples / 4]
        _, tables = min(fits, key=lambda fit: fit[0])
        log_density = tables[0] - math.log(np.sum(np.exp(tables[0])) * step)
        scaled = log_density, tables[1] / scale, tables[2] / scale**2
        return TabulatedDensity(lattice, scaled, 0.0, (low, high), samples)


def _whole(lattice: Lattice, counts: Any, step: float) -> tuple[Lattice, Any]:
    """One island from the first node to the last: where nothing fell counts for the fit too."""
    numbers = lattice.numbers
    length = int(numbers[-1] - numbers[0]) + 1
    dense = np.zeros(length)
    dense[numbers - numbers[0]] = counts
    return Lattice(lattice.origin, step, numbers[:1].astype(np.int64), np.array([0, length])), dense


def _regress(x: Any, counts: Any, degrees: int) -> tuple[float, tuple[Any, Any, Any]]:
    """Bayesian information criterion and the spline with its derivatives, of a Poisson regression."""
    basis, slope, curve = _natural_splines(x, counts, degrees)
    total = counts.sum()
    coefficients = np.zeros(degrees)

    def evaluate(b: Any) -> tuple[float, Any]:
        eta = basis @ b
        eta -= eta.max()
        mean = np.exp(eta)
        norm = float(mean.sum())
        return float(np.dot(counts, eta) - total * math.log(norm)), mean * (total / norm)

    value, mean = evaluate(coefficients)
    for _ in range(_NEWTON):
        centre = mean @ basis / total
        hessian = (basis.T * mean) @ basis - total * np.outer(centre, centre)
        gradient = basis.T @ (counts - mean)
        hessian[np.diag_indices(degrees)] += 1e-9 * np.trace(hessian) / degrees
        step = np.linalg.solve(hessian, gradient)
        part = 1.0
        better = evaluate(coefficients + step)
        while better[0] < value and part > 1e-6:
            part *= 0.5
            better = evaluate(coefficients + part * step)
        if better[0] - value <= _GAIN * abs(value):
            break
        coefficients = coefficients + part * step
        value, mean = better
    return 0.5 * degrees * math.log(total) - value, (
        basis @ coefficients,
        slope @ coefficients,
        curve @ coefficients,
    )


def _natural_splines(x: Any, counts: Any, degrees: int) -> tuple[Any, Any, Any]:
    """Basis without its constant, shape (n, degrees), with first and second derivatives."""
    from scipy.interpolate import CubicSpline

    cumulative = (np.cumsum(counts) - 0.5 * counts) / counts.sum()
    knots = np.interp(np.linspace(_TAIL, 1 - _TAIL, degrees + 1), cumulative, x)
    knots = np.maximum.accumulate(knots)
    if np.any(np.diff(knots) <= 0):
        knots = np.linspace(x[0], x[-1], degrees + 1)
    # the coefficient of one knot is left out: it is the constant
    spline = CubicSpline(knots, np.eye(degrees + 1)[:, 1:], bc_type="natural")
    inside = np.clip(x, knots[0], knots[-1])
    slope = spline(inside, 1)
    curve = np.where(((x < knots[0]) | (x > knots[-1]))[:, None], 0.0, spline(inside, 2))
    return spline(inside) + (x - inside)[:, None] * slope, slope, curve
