"""Fits that a few outlying samples do not move."""

from __future__ import annotations

from typing import Any

import numpy as np

from sigden.arrays import namespace
from sigden.hyperspectral.beside import beside
from sigden.hyperspectral.order import median

__all__ = ["left_over", "robust_weights"]

_STEPS = 12
_TUKEY = 4.685


def robust_weights(spectra: Any, basis: Any, error: float) -> Any:
    """Tukey's weights of each sample about the fit of its vector in a subspace.

    Parameters
    ----------
    spectra : array, shape (vectors, samples)
        Vectors.
    basis : array, shape (samples, rank)
        Orthonormal directions.
    error : float
        Least spread of what is left.

    Returns
    -------
    array, shape of `spectra`
        Between 0 and 1, by iteratively reweighted least squares: Huber's weights first, then Tukey's [1]_.

    References
    ----------
    .. [1] P. J. Huber, "Robust Statistics" (1981), section 7.8.
    """
    xp = namespace(spectra)
    weight = xp.ones_like(spectra)
    for step in range(_STEPS):
        size = xp.abs(left_over(spectra, basis, weight))
        spread = xp.maximum(median(size, axis=1)[:, None] / 0.6745, error)
        if step < _STEPS // 2:
            weight = xp.minimum(1.345 * spread / xp.maximum(size, 1e-300), 1.0)
        else:
            weight = xp.maximum(1 - (size / (_TUKEY * spread)) ** 2, 0.0) ** 2
    return weight


def left_over(spectra: Any, basis: Any, weight: Any) -> Any:
    """Vectors less their weighted fit in a subspace.

    Parameters
    ----------
    spectra : array, shape (vectors, samples)
        Vectors.
    basis : array, shape (samples, rank)
        Orthonormal directions.
    weight : array, shape of `spectra` or (samples,)
        Weight of each sample.

    Returns
    -------
    array, shape of `spectra`
        What is left.
    """
    rank = basis.shape[1]
    xp = namespace(spectra)
    products = xp.reshape(basis[:, :, None] * basis[:, None, :], (-1, rank * rank))
    ridge = beside(1e-9 * np.eye(rank), spectra, np.float64)
    normal = xp.reshape(weight @ products, (*weight.shape[:-1], rank, rank)) + ridge
    right = (weight * spectra) @ basis
    if weight.ndim == 1:  # the same weights for all spectra
        return spectra - xp.linalg.solve(normal, right.T).T @ basis.T
    return spectra - xp.linalg.solve(normal, right[..., None])[..., 0] @ basis.T
