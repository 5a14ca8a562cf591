"""Starlet coefficients of deconvolved bands drawn towards zero by their propagated noise."""

from __future__ import annotations

from typing import Any

import numpy as np

from sigden.multiband.joint.fourier_wiener import FourierWiener
from sigden.multiband.joint.planes import mode_weight, weighted_sum

__all__ = ["colour_basis", "scale_levels", "shrink_colours"]


def colour_basis(bands: int) -> Any:
    """Orthonormal contrasts of equally spaced bands, the mean first (discrete cosine basis)."""
    index = np.arange(bands)
    basis = np.cos(np.pi * index[:, None] * (index[None, :] + 0.5) / bands)
    return basis / np.linalg.norm(basis, axis=1, keepdims=True)


def scale_levels(power: Any, shape: tuple[int, int], scales: int) -> Any:
    """Variance of the starlet details of stationary noise.

    Parameters
    ----------
    power : numpy.ndarray, shape (..., rows, columns // 2 + 1)
        Mean square of each mode, unitary DFT.
    shape : tuple of int
        Rows and columns of the image.
    scales : int
        Number of detail scales.

    Returns
    -------
    numpy.ndarray, shape (..., scales)
        Variance of a coefficient, finest scale first.
    """
    from sigden.denoisers.starlet.transform import scale_transfer

    weight = mode_weight(shape[1]) / (shape[0] * shape[1])
    columns = [np.sum(power * scale_transfer(shape, j) ** 2, axis=-2) @ weight for j in range(scales)]
    return np.stack(columns, axis=-1)


def shrink_colours(images: Any, solver: FourierWiener, flux: Any, threshold: float, scales: int) -> Any:
    """Starlet shrinkage of all bands in a colour basis.

    Parameters
    ----------
    images : numpy.ndarray, shape (bands, rows, columns)
        What `solver` gives.
    solver : FourierWiener
        Tells the noise.
    flux : numpy.ndarray, shape (bands,)
        Relative flux of the bands.
    threshold : float
        Noise powers taken off the local power.
    scales : int
        Number of detail scales.

    Returns
    -------
    numpy.ndarray, shape (bands, rows, columns)
        Images whose coefficients w are multiplied by ``max(0, 1 - threshold s^2 / p)``, with the noise s of
        their scale and colour, and the mean p of w^2 around.
    """
    from sigden.denoisers.starlet.transform import smooth_starlet, starlet

    basis = colour_basis(len(flux)) / flux
    levels = scale_levels(solver.noise_power(basis), images.shape[1:], scales)
    out = np.zeros_like(images)
    for combination, back, level in zip(basis, np.linalg.inv(basis).T, levels, strict=True):
        coefficients = starlet(weighted_sum(combination.astype(images.dtype), images), scales)
        for j in range(scales):
            local = smooth_starlet(coefficients[j] ** 2, j + 1)
            noise = images.dtype.type(level[j])
            keep = 1.0 - images.dtype.type(threshold) * noise / np.maximum(local, noise)
            coefficients[j] *= np.maximum(keep, 0.0)
        total = np.sum(coefficients, axis=0)
        for b in range(len(flux)):
            out[b] += images.dtype.type(back[b]) * total
    return out
