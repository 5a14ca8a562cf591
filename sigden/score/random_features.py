"""Score of samples in several dimensions, by score matching with random Fourier features."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import numpy as np

from sigden.arrays import require_finite
from sigden.errors import InputError, ParameterError
from sigden.method import Method
from sigden.score.density import check_sigma, numpy_floating

__all__ = ["RandomFeatureDensity", "RandomFeatureScore"]

_WIDTHS = (0.25, 0.35, 0.5, 0.7, 1.0, 1.4, 2.0, 2.8)  # tried, in units of the samples' scale
_RIDGES = tuple(10.0**p for p in range(0, -7, -1))  # tried, in units of the Gram matrix's mean eigenvalue
_FOLDS = 5  # of the samples; each is judged by a fit to the others
_CHUNK = 8192  # samples whose features are held at once


@dataclass(frozen=True, eq=False)
class RandomFeatureDensity:
    """Log-density up to a constant: a Gaussian plus a sum of cosines.

    Parameters
    ----------
    centre, whiten : numpy.ndarray
        Mean (d,) of the samples, and the matrix (d, d) that whitens them.
    frequencies : numpy.ndarray, shape (features, d)
        Of the cosines, in whitened coordinates.
    phases, coefficients : numpy.ndarray, shape (features,)
        Phases and weights.
    width : float
        Width of the kernel that the features stand for, in standard deviations of the samples.
    loss : float
        Score-matching loss in cross-validation; lower is better, and that of the Gaussian alone is
        ``-d / 2``.
    """

    centre: Any
    whiten: Any
    frequencies: Any
    phases: Any
    coefficients: Any
    width: float
    loss: float

    def score(self, x: Any) -> Any:
        """Gradient of the log-density.

        Parameters
        ----------
        x : array_like, shape (..., d)
            Where.

        Returns
        -------
        numpy.ndarray
            In the shape of `x`.
        """
        x = _samples(x, self.centre.size)
        flat = x.reshape(-1, x.shape[-1])
        out = np.empty_like(flat)
        for a in range(0, flat.shape[0], _CHUNK):
            z = (flat[a : a + _CHUNK] - self.centre) @ self.whiten
            waves = np.sin(z @ self.frequencies.T + self.phases)
            slope = -z - (waves * self.coefficients) @ self.frequencies
            out[a : a + _CHUNK] = slope @ self.whiten.T
        return out.reshape(x.shape)

    def posterior_mean(self, x: Any, sigma: float) -> Any:
        """Mean of what lies beneath white Gaussian noise, ``x + sigma^2 score(x)``.

        Parameters
        ----------
        x : array_like, shape (..., d)
            Noisy samples.
        sigma : float
            Standard deviation of their noise.

        Returns
        -------
        numpy.ndarray
            In the shape of `x`.
        """
        square = check_sigma(sigma) ** 2
        x = _samples(x, self.centre.size)
        return x + square * self.score(x)


@dataclass(frozen=True, kw_only=True)
class RandomFeatureScore(Method):
    """Score of samples in a few dimensions, by score matching with random Fourier features.

    Parameters
    ----------
    features : int, default 256
        Number of cosines.
    width : float or "auto", default "auto"
        Width of the Gaussian kernel that they stand for, in standard deviations of the samples; ``"auto"``
        lets cross-validation choose.
    seed : int, default 0
        Of the frequencies.

    Notes
    -----
    In coordinates in which the samples have mean zero and unit covariance the log-density is
    :math:`-|z|^2/2 + \\sum_k c_k \\cos(\\omega_k \\cdot z + b_k)` up to a constant, with frequencies from
    a Gaussian [1]_. Hyvarinen's loss

    .. math:: \\frac1n \\sum_i \\tfrac12 |s(z_i)|^2 + \\mathrm{div}\\, s(z_i)

    needs neither the constant nor the true score [2]_, and is quadratic in c: one linear system, with a
    ridge that five-fold cross-validation chooses together with the width: the smoothest choice that is no
    worse than the best by one standard error. Far from all samples the Gaussian remains.

    References
    ----------
    .. [1] A. Rahimi and B. Recht, "Random features for large-scale kernel machines", NIPS 20 (2007),
       section 3.
    .. [2] A. Hyvarinen, "Estimation of non-normalized statistical models by score matching", J. Mach. Learn.
       Res. 6 (2005) 695, theorem 1.
    """

    axes: ClassVar[str] = "(n, d) -> score"

    features: int = 256
    width: float | Literal["auto"] = "auto"
    seed: int = 0

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 1 <= self.features <= 4096:
            raise ParameterError(f"features: must lie between 1 and 4096, got {self.features}")
        if self.width != "auto" and not 0 < self.width < math.inf:
            raise ParameterError(f"width: must be positive and finite, got {self.width}")

    def fit(self, x: Any) -> RandomFeatureDensity:
        """Estimate the score of samples.

        Parameters
        ----------
        x : array_like, shape (n, d)
            Samples, NumPy.

        Returns
        -------
        RandomFeatureDensity
            Score and posterior mean, frozen.

        Raises
        ------
        InputError
            If there are fewer than 20 samples for each dimension, or they lie in a subspace.
        """
        x = _samples(x, None)
        if x.ndim != 2:
            raise InputError(f"x: expected samples in rows, shape (n, d), got {x.shape}")
        n, d = x.shape
        if n < 20 * d:
            raise InputError(f"x: needs at least 20 samples for each of {d} dimensions, got {n}")
        x = x.astype(np.float64)
        centre = x.mean(axis=0)
        values, vectors = np.linalg.eigh(np.cov(x, rowvar=False).reshape(d, d))
        if values[0] <= 1e-10 * values[-1]:
            raise InputError(
                "x: the samples lie in a subspace; leave out the dimension that others determine"
            )
        whiten = vectors / np.sqrt(values)
        z = (x - centre) @ whiten
        random = np.random.default_rng(self.seed)
        normal, phases = (
            random.standard_normal((self.features, d)),
            random.uniform(0, 2 * np.pi, self.features),
        )
        fold = random.permutation(n) % _FOLDS
        widths = sorted(_WIDTHS if self.width == "auto" else (self.width,), reverse=True)
        width, ridge, loss = _choose(z, fold, normal, phases, widths)
        frequencies = normal / width
        gram, linear, _ = _loss_terms(z, frequencies, phases)
        coefficients = -_ridge_solve(gram, linear, ridge)
        return RandomFeatureDensity(centre, whiten, frequencies, phases, coefficients, width, loss)


def _choose(z: Any, fold: Any, normal: Any, phases: Any, widths: list[float]) -> tuple[float, float, float]:
    """Width, ridge and loss: the smoothest fit that is no worse than the best by one standard error."""
    choices: list[tuple[float, float]] = []
    losses: list[Any] = []
    for width in widths:
        parts = [_loss_terms(z[fold == f], normal / width, phases) for f in range(_FOLDS)]
        if not choices:
            choices.append((width, math.inf))
            losses.append([base for _, _, base in parts])
        table = np.empty((len(_RIDGES), _FOLDS))
        for f, (gram_judge, linear_judge, base) in enumerate(parts):
            others = [p for k, p in enumerate(parts) if k != f]
            values, vectors = np.linalg.eigh(sum(p[0] for p in others) / len(others))
            turned = vectors.T @ (sum(p[1] for p in others) / len(others))
            for r, ridge in enumerate(_RIDGES):
                c = -vectors @ (turned / (values + ridge * values.mean()))
                table[r, f] = base + 0.5 * c @ gram_judge @ c + linear_judge @ c
        choices += [(width, ridge) for ridge in _RIDGES]
        losses += list(table)
    scores = np.asarray(losses)
    above = scores - scores[np.argmin(scores.mean(axis=1))]
    error = above.std(axis=1, ddof=1) / math.sqrt(_FOLDS)
    first = int(np.argmax(above.mean(axis=1) <= error))
    return *choices[first], float(scores[first].mean())


def _ridge_solve(gram: Any, linear: Any, ridge: float) -> Any:
    if math.isinf(ridge):
        return np.zeros_like(linear)
    unit = np.trace(gram) / gram.shape[0]
    return np.linalg.solve(gram + ridge * unit * np.eye(gram.shape[0]), linear)


def _loss_terms(z: Any, frequencies: Any, phases: Any) -> tuple[Any, Any, float]:
    """Loss ``c'Gc/2 + g'c + base`` of the coefficients c."""
    n, d = z.shape
    products = frequencies @ frequencies.T
    square = np.einsum("kd,kd->k", frequencies, frequencies)
    gram, linear, base = np.zeros_like(products), np.zeros(phases.size), 0.0
    for a in range(0, n, _CHUNK):
        part = z[a : a + _CHUNK]
        inner = part @ frequencies.T
        sine, cosine = np.sin(inner + phases), np.cos(inner + phases)
        gram += (sine.T @ sine) * products
        # cross term of the Gaussian's -z and the Laplacian of the cosines
        linear += np.sum(sine * inner, axis=0) - np.sum(cosine, axis=0) * square
        base += 0.5 * float(np.sum(part**2)) - d * part.shape[0]
    return gram / n, linear / n, base / n


def _samples(x: Any, dimensions: int | None) -> Any:
    x = numpy_floating(x, "x")
    require_finite(x, "x")
    if x.ndim == 0 or (dimensions is not None and x.shape[-1] != dimensions):
        raise InputError(f"x: expected {dimensions or 'd'} coordinates in the last axis, got shape {x.shape}")
    return x
