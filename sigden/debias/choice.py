"""Cross-validation of the constants of a sieve."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from sigden.debias.moments import Design, Sums, score_weights, solve, sums

__all__ = ["choose_ridge", "choose_score_ridge", "folds_of", "held_out_risk", "variance_charge"]

#: Candidates, in units of the squared spread of the predictions.
RIDGES = tuple(10.0 ** (0.5 * k) for k in range(-8, 1))
SCORE_RIDGES = tuple(10.0 ** (0.5 * k) for k in range(-6, 5))
# a difference between two groups, half of the items each, has four times the variance of their mean; it
# counts for the calibration pairs and again for as many new items
_CONTRAST = 2.0 * 4.0


def folds_of(predictions: Any, clusters: Any, count: int) -> Any:
    """Number of the fold of each pair: alike in their predictions, two clusters or more kept whole."""
    if clusters is not None and clusters.max() > 0:
        means = np.bincount(clusters, predictions) / np.bincount(clusters)
        return (_ranks(means) % min(count, means.size))[clusters]
    return _ranks(predictions) % count


def _ranks(x: Any) -> Any:
    ranks = np.empty(x.size, np.intp)
    ranks[np.argsort(x, kind="stable")] = np.arange(x.size)
    return ranks


def _members(folds: Any) -> list[Any]:
    return [np.flatnonzero(folds == f) for f in np.unique(folds)]


def choose_score_ridge(design: Design, folds: Any, penalty: Any) -> float:
    """Ridge of the score of the truth, by the held-out risk of score matching.

    Notes
    -----
    The risk ``E[s(Y)^2 / 2 + s'(Y)]`` needs no density (Hyvarinen 2005, theorem 1).
    """
    total = sums(design)
    parts = [sums(design, where) for where in _members(folds)]
    risks = []
    for ridge in SCORE_RIDGES:
        risk = 0.0
        for part in parts:
            a = score_weights(total.without(part), ridge * penalty)
            risk += float(0.5 * a @ part.zz @ a + a @ part.dz)
        risks.append(risk)
    return SCORE_RIDGES[int(np.argmin(risks))]


def variance_charge(design: Design) -> float:
    """Weight of the mean squared residual that makes it the variance of a contrast, summed over instruments.

    Notes
    -----
    Instruments have unit mean square, so a moment of residuals of variance v has the variance v / n: that is
    what the calibration adds to a contrast, and what as many new items add about their own truth.
    """
    n, q = design.z.shape
    return _CONTRAST * q / n


def held_out_risk(
    design: Design, parts: Sequence[tuple[Any, Sums]], roughness: Any, penalty: Any
) -> tuple[float, Any]:
    """Squared moments of held-out residuals, with the charge for variance, and each pair's part in them.

    `parts` holds the pairs of each fold and the sums over all others.
    """
    charge = variance_charge(design)
    rho = np.empty(design.t.size)
    for where, others in parts:
        b, _, _ = solve(others, roughness, penalty, charge)
        rho[where] = design.x[where] @ b - design.t[where]
    n = design.t.size
    moments = design.z.T @ rho / n
    variance = float((design.z**2).sum(axis=1) @ rho**2) / n**2
    # the plain square of the moments holds the variance once
    risk = float(moments @ moments) + (_CONTRAST - 1.0) * variance
    return risk, 2.0 * rho * (design.z @ moments)


def choose_ridge(
    design: Design, folds: Any, roughness: Any, penalty: Any, ridges: Sequence[float]
) -> tuple[float, float]:
    """Largest ridge whose held-out risk is within one standard error of the least, and the least risk."""
    total = sums(design)
    parts = [(where, total.without(sums(design, where))) for where in _members(folds)]
    found = [held_out_risk(design, parts, ridge * roughness, penalty) for ridge in ridges]
    best = int(np.argmin([risk for risk, _ in found]))
    least, parts = found[best]
    chosen = ridges[best]
    for ridge, (risk, other) in zip(ridges[best + 1 :], found[best + 1 :], strict=True):
        error = float(np.std(other - parts)) / np.sqrt(parts.size)
        if risk - least <= error:
            chosen = ridge
    return chosen, least
