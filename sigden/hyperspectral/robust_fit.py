"""Fits that a few outlying samples do not move."""

from __future__ import annotations

from typing import Any

import numpy as np

__all__ = ["left_over", "robust_weights"]

_STEPS = 12
_TUKEY = 4.685


def robust_weights(spectra: Any, basis: Any, error: float) -> Any:
    """Tukey's weights of each sample about the fit of its vector in a subspace.

    Parameters
    ----------
    spectra : ndarray, shape (vectors, samples)
        Vectors.
    basis : ndarray, shape (samples, rank)
        Orthonormal directions.
    error : float
        Least spread of what is left.

    Returns
    -------
    ndarray, shape of `spectra`
        Between 0 and 1, by iteratively reweighted least squares: Huber's weights first, then Tukey's [1]_.

    References
    ----------
    .. [1] P. J. Huber, "Robust Statistics" (1981), section 7.8.
    """
    weight = np.ones_like(spectra)
    for step in range(_STEPS):
        size = np.abs(left_over(spectra, basis, weight))
        spread = np.maximum(np.median(size, axis=1, keepdims=True) / 0.6745, error)
        if step < _STEPS // 2:
            weight = np.minimum(1.0, 1.345 * spread / np.maximum(size, 1e-300))
        else:
            weight = np.maximum(1 - (size / (_TUKEY * spread)) ** 2, 0.0) ** 2
    return weight


def left_over(spectra: Any, basis: Any, weight: Any) -> Any:
    """Vectors less their weighted fit in a subspace.

    Parameters
    ----------
    spectra : ndarray, shape (vectors, samples)
        Vectors.
    basis : ndarray, shape (samples, rank)
        Orthonormal directions.
    weight : ndarray, shape of `spectra` or (samples,)
        Weight of each sample.

    Returns
    -------
    ndarray, shape of `spectra`
        What is left.
    """
    rank = basis.shape[1]
    products = (basis[:, :, None] * basis[:, None, :]).reshape(-1, rank * rank)
    normal = (weight @ products).reshape(*weight.shape[:-1], rank, rank) + 1e-9 * np.eye(rank)
    right = (weight * spectra) @ basis
    if weight.ndim == 1:  # the same weights for all spectra
        return spectra - np.linalg.solve(normal, right.T).T @ basis.T
    return spectra - np.linalg.solve(normal, right[..., None])[..., 0] @ basis.T
