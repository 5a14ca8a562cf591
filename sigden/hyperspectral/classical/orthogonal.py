"""Components with orthonormal spectra: penalised components and Procrustes rotation in turn."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from sigden.arrays import namespace, to_numpy
from sigden.hyperspectral.beside import beside
from sigden.hyperspectral.subspace import whitened_subspace

__all__ = ["Factors", "alternate", "procrustes", "signal_directions"]

Step = Callable[[Any], tuple[Any, float]]


@dataclass(frozen=True, eq=False)
class Factors:
    """Where the alternation ended.

    Parameters
    ----------
    components : array, shape (n, rank)
        W.
    basis : array, shape (bands, rank)
        V, with orthonormal columns.
    history : tuple of (int, float)
        Objective after each iteration.
    decrease : float
        Last decrease of the objective over its value.
    """

    components: Any
    basis: Any
    history: tuple[tuple[int, float], ...]
    decrease: float


def procrustes(matrix: Any) -> Any:
    """Matrix with orthonormal columns that has the largest inner product with a given one.

    Parameters
    ----------
    matrix : ndarray, shape (bands, rank)
        At least as many rows as columns.

    Returns
    -------
    ndarray, shape (bands, rank)
        The orthogonal polar factor :math:`U V^T` of the singular value decomposition :math:`U S V^T`.

    References
    ----------
    .. [1] P. H. Schoenemann, "A generalized solution of the orthogonal Procrustes problem", Psychometrika 31
       (1966) 1.
    """
    left, _, right = np.linalg.svd(matrix, full_matrices=False)
    return left @ right


def alternate(y: Any, basis: Any, step: Step, *, tol: float, max_iter: int) -> Factors:
    """Minimise ``||Y - W V'||^2 / 2 + penalty(W)`` over W and V with orthonormal columns, in turn.

    Parameters
    ----------
    y : array, shape (n, bands)
        Data.
    basis : array, shape (bands, rank)
        First V.
    step : callable
        ``step(Y V) -> (W, penalty)``: the minimum over W, whose value is ``||YV - W||^2 / 2 + penalty``.
    tol : float
        Relative decrease of the objective in one iteration that counts as converged.
    max_iter : int
        Iterations allowed.

    Returns
    -------
    Factors
        W is the minimum for the last V.

    Notes
    -----
    As V is orthonormal, the objective is
    :math:`\\tfrac12 \\|Y\\|^2 - \\langle YV, W \\rangle + \\tfrac12 \\|W\\|^2` plus the penalty; each half
    step lowers it. The problem is not convex in both: the certificate says that the alternation has come to
    rest.
    """
    xp = namespace(y)
    square = 0.5 * float(xp.sum(xp.astype(y, xp.float64) ** 2))
    history: list[tuple[int, float]] = []
    components, decrease = None, np.inf
    for iteration in range(1, max_iter + 1):
        if components is not None:
            basis = beside(procrustes(to_numpy(y.T @ components).astype(np.float64)), y)
        projected = y @ basis
        components, penalty = step(projected)
        inner = xp.sum(components * (0.5 * components - projected), dtype=xp.float64)
        value = square + float(inner) + penalty
        if history:
            decrease = (history[-1][1] - value) / max(abs(value), np.finfo(float).tiny)
        history.append((iteration, value))
        if decrease <= tol:
            break
    return Factors(components, basis, tuple(history), max(decrease, 0.0))


def signal_directions(y: Any, rank: int | None) -> Any:
    """First directions of the whitened spectra, shape (bands, rank).

    Parameters
    ----------
    y : array, shape (..., bands)
        Spectra in units of their noise, about their mean.
    rank : int, optional
        Number of directions, at most that of the bands; those above the noise where absent
        (`whitened_subspace`).

    Returns
    -------
    array, shape (bands, rank)
        Orthonormal columns, beside the spectra.
    """
    pixels = namespace(y).reshape(y, (-1, y.shape[-1]))
    count, bands = pixels.shape
    second = to_numpy(pixels.T @ pixels).astype(np.float64) / count
    found = whitened_subspace(
        second, np.zeros(bands), np.ones(bands), count, None if rank is None else min(rank, bands)
    )
    return beside(found.basis, y)
