"""Predictions that are shrunken towards the mean, with their truth."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from sigden.errors import ParameterError

__all__ = ["ShrunkenPredictions", "shrunken_predictions"]

# weights, means and standard deviations of the normal components of the predictions
_SHAPES = {
    "gauss": ((1.0,), (0.0,), (1.0,)),
    "bimodal": ((0.6, 0.4), (-1.2, 1.6), (0.5, 0.6)),
    "skewed": ((0.6, 0.4), (-0.8, 1.2), (0.45, 1.0)),
    "heavy": ((0.8, 0.2), (0.0, 0.0), (0.7, 2.0)),
}


@dataclass(frozen=True, eq=False)
class ShrunkenPredictions:
    """Predictions with their truth.

    Parameters
    ----------
    predictions, truth : numpy.ndarray, shape (n,)
        Pairs.
    groups : numpy.ndarray of int or None, shape (n,)
        Group of each pair.
    """

    predictions: Any
    truth: Any
    groups: Any = None


def shrunken_predictions(
    n: int,
    *,
    seed: int,
    shape: Literal["gauss", "bimodal", "skewed", "heavy"] = "gauss",
    sigma: float = 0.8,
    heteroscedasticity: float = 0.0,
    shift: float = 0.0,
    groups: int = 0,
    group_share: float = 0.3,
    group_noise: float = 0.0,
) -> ShrunkenPredictions:
    """Pairs of a predictor that is right on average given what it sees: ``Y = Yhat + e``.

    Parameters
    ----------
    n : int
        Pairs.
    seed : int
        Of `numpy.random.default_rng`.
    shape : {"gauss", "bimodal", "skewed", "heavy"}
        Density of the predictions, a mixture of normal densities; ``"gauss"`` where there are groups.
    sigma : float
        Standard deviation of ``e``.
    heteroscedasticity : float
        The standard deviation of ``e`` grows by this share of `sigma` for each unit of a component's mean.
    shift : float
        Added to the truth of every item before its prediction is drawn anew from ``p(Yhat | Y)``, as a
        treatment would.
    groups : int
        Number of groups, of nearly equal size; 0 for none.
    group_share : float
        Share of the predictions' unit variance that lies between groups.
    group_noise : float
        Share of the variance of ``e`` that all items of a group have in common. Where it is less than
        `group_share`, groups shrink less than their items.

    Returns
    -------
    ShrunkenPredictions
        Predictions whose slope on the truth is below one.

    Raises
    ------
    ParameterError
        If a parameter is out of range.
    """
    if n < 1 or groups < 0 or groups > n:
        raise ParameterError(f"n and groups: expected n >= 1 and 0 <= groups <= n, got {n} and {groups}")
    if not sigma > 0:
        raise ParameterError(f"sigma: must be positive, got {sigma}")
    for name, share in (("group_share", group_share), ("group_noise", group_noise)):
        if not 0 <= share <= 1:
            raise ParameterError(f"{name}: must lie between 0 and 1, got {share}")
    if shape not in _SHAPES:
        raise ParameterError(f"shape: must be one of {', '.join(_SHAPES)}, got {shape!r}")
    generator = np.random.default_rng(seed)
    if not groups:
        return ShrunkenPredictions(*_mixture(generator, n, shape, sigma, heteroscedasticity, shift))
    if shape != "gauss" or heteroscedasticity:
        raise ParameterError("groups: only shape='gauss' without heteroscedasticity has groups")
    number = np.sort(np.arange(n) % groups)
    between = _normal(generator, groups, group_share, sigma * math.sqrt(group_noise), shift)
    within = _normal(generator, n, 1.0 - group_share, sigma * math.sqrt(1.0 - group_noise), 0.0)
    return ShrunkenPredictions(between[0][number] + within[0], between[1][number] + within[1], number)


def _normal(
    generator: np.random.Generator, n: int, variance: float, sigma: float, shift: float
) -> tuple[Any, Any]:
    truth = generator.normal(0.0, math.sqrt(variance + sigma**2), n) + shift
    k = variance / max(variance + sigma**2, 1e-300)
    return k * truth + generator.normal(size=n) * sigma * math.sqrt(k), truth


def _mixture(
    generator: np.random.Generator, n: int, shape: str, sigma: float, growth: float, shift: float
) -> tuple[Any, Any]:
    weights, means, widths = (np.array(column) for column in _SHAPES[shape])
    noise = sigma * np.maximum(1.0 + growth * means, 0.1)
    total = np.sqrt(widths**2 + noise**2)
    component = generator.choice(weights.size, n, p=weights)
    truth = means[component] + total[component] * generator.normal(size=n) + shift
    # the components of p(Yhat | Y) are normal too, with weights by Bayes' rule
    z = (truth[:, None] - means) / total
    density = weights * np.exp(-0.5 * (z**2 - (z**2).min(axis=1, keepdims=True))) / total
    cumulative = np.cumsum(density, axis=1)
    drawn = (cumulative < generator.random((n, 1)) * cumulative[:, -1:]).sum(axis=1)
    k = widths[drawn] ** 2 / total[drawn] ** 2
    predictions = means[drawn] + k * (truth - means[drawn])
    return predictions + generator.normal(size=n) * noise[drawn] * np.sqrt(k), truth
