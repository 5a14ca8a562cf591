"""Penalised instrumental regression: its sums, its solution and the influence of every pair."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

__all__ = ["Design", "Sums", "influence", "score_weights", "solve", "sums"]


@dataclass(frozen=True, eq=False)
class Design:
    """Bases at the calibration pairs.

    Parameters
    ----------
    x : numpy.ndarray, shape (n, p)
        Functions of the prediction.
    z, dz : numpy.ndarray, shape (n, q)
        Instruments, functions of the truth, uncorrelated with unit mean square; their derivatives.
    t : numpy.ndarray, shape (n,)
        Truth.
    """

    x: Any
    z: Any
    dz: Any
    t: Any


@dataclass(frozen=True, eq=False)
class Sums:
    """Sums over pairs of what the solution needs; sums of disjoint sets add.

    Parameters
    ----------
    count : float
        Number of pairs.
    zx, zt, zz, xx, xt, x, dz, t : numpy.ndarray
        Sums of the products and of the bases.
    """

    count: float
    zx: Any
    zt: Any
    zz: Any
    xx: Any
    xt: Any
    x: Any
    dz: Any
    t: Any

    def without(self, part: Sums) -> Sums:
        """Sums over the other pairs."""
        return Sums(
            self.count - part.count,
            self.zx - part.zx,
            self.zt - part.zt,
            self.zz - part.zz,
            self.xx - part.xx,
            self.xt - part.xt,
            self.x - part.x,
            self.dz - part.dz,
            self.t - part.t,
        )


def sums(design: Design, where: Any = slice(None)) -> Sums:
    """Sums over some of the pairs."""
    x, z, dz, t = design.x[where], design.z[where], design.dz[where], design.t[where]
    return Sums(float(t.size), z.T @ x, z.T @ t, z.T @ z, x.T @ x, x.T @ t, x.sum(0), dz.sum(0), t.sum())


def score_weights(total: Sums, penalty: Any) -> Any:
    """Score of the truth's density, as weights of the instruments (score matching, penalised)."""
    return -np.linalg.solve(total.zz / total.count + penalty, total.dz / total.count)


def solve(total: Sums, roughness: Any, penalty: Any, charge: float) -> tuple[Any, Any, Any]:
    """Coefficients that minimise moments, variance and roughness under two exact moments.

    Parameters
    ----------
    total : Sums
        Over the pairs.
    roughness : numpy.ndarray, shape (p, p)
        Times the ridge.
    penalty : numpy.ndarray, shape (q, q)
        Of the score of the truth.
    charge : float
        Weight on the mean squared residual, for the variance of the moments.

    Returns
    -------
    coefficients : numpy.ndarray, shape (p,)
        Of the basis.
    multipliers : numpy.ndarray, shape (2,)
        Of the exact moments.
    weights : numpy.ndarray, shape (q,)
        Score of the truth.
    """
    n = total.count
    gram, right = total.zx / n, total.zt / n
    weights = score_weights(total, penalty)
    exact = np.stack([total.x / n, weights @ gram])
    values = np.array([total.t / n, weights @ right])
    system = _system(gram.T @ gram + charge * total.xx / n + roughness, exact)
    both = _solve(system, np.concatenate([gram.T @ right + charge * total.xt / n, values]))
    p = gram.shape[1]
    return both[:p], both[p:], weights


def influence(design: Design, roughness: Any, penalty: Any, charge: float) -> Any:
    """Influence of each pair on the coefficients at fixed ridges and knots, shape (n, p).

    Notes
    -----
    Derivative of `solve` with respect to the weight of a pair, the projection on the instruments and the
    score of the truth included.
    """
    x, z, dz, t = design.x, design.z, design.dz, design.t
    total = sums(design)
    n = total.count
    gram = total.zx / n
    b, (first, second), a = solve(total, roughness, penalty, charge)
    rho = x @ b - t
    moments = gram @ b - total.zt / n
    zm, za = z @ moments, z @ a
    # the projection is P = Z S^-1 Z', with S = 1 at these instruments
    gradient = x * zm[:, None] + (z @ gram) * (rho - zm)[:, None] + charge * rho[:, None] * x
    matrix = total.zz / n + penalty
    da = -np.linalg.solve(matrix, (dz + z * za[:, None]).T + (penalty @ a)[:, None]).T
    gradient += first * x + second * (x * za[:, None] + da @ gram)
    gradient -= gradient.mean(axis=0)
    moment = za * rho + da @ moments
    constraints = np.stack([rho, moment - moment.mean()], axis=1)
    matrix = gram.T @ gram + charge * total.xx / n + roughness
    system = _system(matrix, np.stack([total.x / n, a @ gram]))
    out = -_solve(system, np.concatenate([gradient, constraints], axis=1).T).T
    return out[:, : b.size]


def _system(matrix: Any, exact: Any) -> Any:
    k = exact.shape[0]
    return np.block([[matrix, exact.T], [exact, np.zeros((k, k))]])


def _solve(system: Any, right: Any) -> Any:
    try:
        return np.linalg.solve(system, right)
    except np.linalg.LinAlgError:
        return np.linalg.lstsq(system, right, rcond=None)[0]
