"""Density of samples and its score: what an estimator is asked for, and what it hands back."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from sigden.arrays import as_floating, require_array, require_finite, require_mask
from sigden.arrays.namespace import is_numpy
from sigden.errors import InputError, ParameterError
from sigden.method import Method
from sigden.score.lattice import Lattice, evaluate_tables

__all__ = [
    "DensityEstimator",
    "FittedDensity",
    "TabulatedDensity",
    "check_samples",
    "check_sigma",
    "evaluation_points",
    "numpy_floating",
]


class FittedDensity(ABC):
    """Density f of noisy samples x, with Tweedie's formulae for what lies beneath the noise.

    Notes
    -----
    If ``x = theta + sigma e`` with standard normal e, then with ``l = log f`` [1]_ [2]_

    .. math::
        E[\\theta | x] = x + \\sigma^2 l'(x), \\qquad Var[\\theta | x] = \\sigma^2 (1 + \\sigma^2 l''(x)).

    Both directions serve: added, the score shrinks noisy data towards the prior; subtracted, it undoes the
    shrinkage of predictions that are themselves posterior means.

    References
    ----------
    .. [1] H. Robbins, "An empirical Bayes approach to statistics", Proc. Third Berkeley Symp. 1 (1956) 157.
    .. [2] B. Efron, "Tweedie's formula and selection bias", J. Am. Stat. Assoc. 106 (2011) 1602, section 2.
    """

    @abstractmethod
    def log_density(self, x: Any) -> Any:
        """Log of the density at `x`, in the shape and dtype of `x`."""

    @abstractmethod
    def score(self, x: Any) -> Any:
        """First derivative of the log-density at `x`."""

    @abstractmethod
    def curvature(self, x: Any) -> Any:
        """Second derivative of the log-density at `x`."""

    @abstractmethod
    def posterior_mean(self, x: Any, sigma: float) -> Any:
        """Mean of what lies beneath Gaussian noise of standard deviation `sigma`, by Tweedie's formula."""

    @abstractmethod
    def posterior_variance(self, x: Any, sigma: float) -> Any:
        """Variance of what lies beneath Gaussian noise of standard deviation `sigma`; never negative."""


@dataclass(frozen=True, kw_only=True)
class DensityEstimator(Method):
    """Base of the estimators of a density in one dimension; `fit` gives the fitted value."""

    axes: ClassVar[str] = "(n,) -> density, score"

    @abstractmethod
    def fit(self, x: Any, *, weights: Any = None, mask: Any = None) -> FittedDensity:
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
        FittedDensity
            Log-density, score, curvature and posterior moments, frozen.

        Raises
        ------
        InputError
            If samples or weights cannot be used; the index is named.
        """


@dataclass(frozen=True, eq=False)
class TabulatedDensity(FittedDensity):
    """Log-density held as tables on a lattice.

    Parameters
    ----------
    lattice : Lattice
        Nodes, in the coordinate ``(x - centre) / stretch + centre``.
    tables : tuple of numpy.ndarray
        Log-density, score and curvature at the nodes.
    tail : float
        Curvature beyond the lattice.
    support : tuple of float
        Smallest and largest sample; beyond them everything is extrapolation.
    samples : float
        Number of samples; with weights the effective number, ``(sum w)^2 / sum w^2``.
    centre, stretch : float, optional
        Change of coordinate that a variance-preserving estimate needs.
    bandwidth : float, optional
        Standard deviation of the kernel, of kernel estimates.
    """

    lattice: Lattice
    tables: tuple[Any, Any, Any]
    tail: float
    support: tuple[float, float]
    samples: float
    centre: float = 0.0
    stretch: float = 1.0
    bandwidth: float | None = None

    def log_density(self, x: Any) -> Any:
        """Log of the density.

        Parameters
        ----------
        x : array_like
            Where; any shape.

        Returns
        -------
        numpy.ndarray
            In the shape of `x`; float32 for float32.
        """
        return self._evaluate(x, 0) - math.log(self.stretch)

    def score(self, x: Any) -> Any:
        """First derivative of the log-density.

        Parameters
        ----------
        x : array_like
            Where; any shape.

        Returns
        -------
        numpy.ndarray
            In the inverse unit of `x`.
        """
        out = self._evaluate(x, 1)
        return out if self.stretch == 1 else out / self.stretch

    def curvature(self, x: Any) -> Any:
        """Second derivative of the log-density.

        Parameters
        ----------
        x : array_like
            Where; any shape.

        Returns
        -------
        numpy.ndarray
            In the inverse unit of `x` squared.
        """
        out = self._evaluate(x, 2)
        return out if self.stretch == 1 else out / self.stretch**2

    def posterior_mean(self, x: Any, sigma: float, *, monotone: bool = True) -> Any:
        """Mean of what lies beneath Gaussian noise, ``x + sigma^2 score(x)``.

        Parameters
        ----------
        x : array_like
            Noisy samples; any shape.
        sigma : float
            Standard deviation of the noise.
        monotone : bool, default True
            Enforce what holds for every prior, that the posterior mean does not fall as x grows: the nearest
            rising rule, in least squares weighted by the density [1]_.

        Returns
        -------
        numpy.ndarray
            In the shape and unit of `x`.

        References
        ----------
        .. [1] R. Koenker and I. Mizera, "Convex optimization, shape constraints, compound decisions, and
           empirical Bayes rules", J. Am. Stat. Assoc. 109 (2014) 674, section 2.
        """
        variance = check_sigma(sigma) ** 2
        x = evaluation_points(x)
        if not monotone:
            return x + variance * self.score(x)
        from scipy.optimize import isotonic_regression

        nodes = (self.lattice.nodes - self.centre) * self.stretch + self.centre
        rule = nodes + variance * self.tables[1] / self.stretch
        weight = np.exp(self.tables[0] - self.tables[0].max())
        rising = isotonic_regression(rule, weights=np.maximum(weight, 1e-300)).x
        return np.interp(x, nodes, rising).astype(x.dtype)

    def posterior_variance(self, x: Any, sigma: float) -> Any:
        """Variance of what lies beneath Gaussian noise, ``sigma^2 (1 + sigma^2 curvature(x))``.

        Parameters
        ----------
        x : array_like
            Noisy samples; any shape.
        sigma : float
            Standard deviation of the noise.

        Returns
        -------
        numpy.ndarray
            Zero where the estimated density is too sharp to be of such samples.
        """
        variance = check_sigma(sigma) ** 2
        return np.maximum(variance * (1 + variance * self.curvature(x)), 0)

    def _evaluate(self, x: Any, order: int) -> Any:
        x = evaluation_points(x)
        if self.stretch != 1:
            x = (x - self.centre) / self.stretch + self.centre
        return evaluate_tables(self.lattice, self.tables, self.tail, x, order)


def check_samples(x: Any, weights: Any, mask: Any, least: int = 2) -> tuple[Any, Any, float]:
    """Samples and weights that an estimator can use.

    Parameters
    ----------
    x, weights, mask : array_like
        As for `DensityEstimator.fit`.
    least : int
        Fewest samples.

    Returns
    -------
    x : numpy.ndarray, shape (n,)
        Contiguous float32 or float64 without the masked samples and those of weight zero.
    weights : numpy.ndarray or None
        Their weights, with mean one.
    effective : float
        Effective number of samples.

    Raises
    ------
    InputError
        If they cannot be used; the index is named.
    """
    x = numpy_floating(x, "x")
    keep = None
    if mask is not None:
        mask = np.asarray(mask)
        require_mask(mask, x, "x")
        keep = ~mask
    require_finite(x, "x", mask=mask)
    if weights is not None:
        weights = numpy_floating(weights, "weights").astype(np.float64)
        if weights.shape != x.shape:
            raise InputError(f"weights: shape {weights.shape} is not that of x, {x.shape}")
        require_finite(weights, "weights", mask=mask)
        if np.any(weights < 0):
            raise InputError(f"weights: negative at index {int(np.argmax(weights.ravel() < 0))}")
        keep = weights > 0 if keep is None else keep & (weights > 0)
    x = np.ascontiguousarray(x).reshape(-1) if keep is None else x[keep]
    if x.size < least:
        raise InputError(f"x: needs at least {least} samples that are not masked, got {x.size}")
    if weights is None:
        return x, None, float(x.size)
    weights = weights.reshape(-1) if keep is None else weights[keep]
    weights = weights / weights.mean()
    return x, weights, float(weights.size**2 / np.sum(weights**2))


def check_sigma(sigma: Any) -> float:
    """Noise level as one positive number; raises ParameterError."""
    value = np.asarray(sigma)
    if value.ndim or not np.isfinite(value) or value <= 0:
        raise ParameterError(f"sigma: must be one positive finite number here, got {sigma!r}")
    return float(value)


def numpy_floating(x: Any, what: str) -> Any:
    """NumPy array of float32 or float64; others raise InputError."""
    if not hasattr(x, "dtype"):
        x = np.asarray(x)
    if not is_numpy(require_array(x, what)):
        raise InputError(f"{what}: runs on NumPy arrays only; copy it to the host first")
    return as_floating(x, what)


def evaluation_points(x: Any) -> Any:
    """Finite places at which to evaluate, NumPy."""
    x = numpy_floating(x, "x")
    require_finite(x, "x")
    return x
