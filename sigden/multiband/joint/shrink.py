"""Starlet coefficients of deconvolved bands drawn towards zero by their propagated noise."""

from __future__ import annotations

from typing import Any

import numpy as np

from sigden.multiband.joint.planes import weighted_sum

__all__ = ["colour_basis", "shrink_colours"]


def colour_basis(bands: int) -> Any:
    """Orthonormal contrasts of equally spaced bands, the mean first (discrete cosine basis)."""
    index = np.arange(bands)
    basis = np.cos(np.pi * index[:, None] * (index[None, :] + 0.5) / bands)
    return basis / np.linalg.norm(basis, axis=1, keepdims=True)


def shrink_colours(images: Any, basis: Any, levels: Any, threshold: float) -> tuple[Any, Any]:
    """Starlet shrinkage of all bands in a colour basis.

    Parameters
    ----------
    images : numpy.ndarray, shape (bands, rows, columns)
        Noisy images.
    basis : numpy.ndarray, shape (bands, bands)
        Colours, one in a row.
    levels : numpy.ndarray, shape (bands, scales, 1, 1) or (bands, scales, rows, columns)
        Variance of the noise of each colour's details.
    threshold : float
        Noise powers taken off the local power.

    Returns
    -------
    estimate : numpy.ndarray, shape (bands, rows, columns)
        Images whose details w are multiplied by ``k = max(0, 1 - threshold s^2 / p)``, with the variance s^2
        of their noise and the mean p of w^2 around.
    kept : numpy.ndarray, shape (bands, rows, columns)
        Part of the noise of the details that ``k^2`` leaves.
    """
    from sigden.denoisers.starlet.transform import smooth_starlet, starlet

    kind = images.dtype.type
    scales = levels.shape[1]
    weights = np.linalg.inv(basis)
    out, kept = np.zeros_like(images), np.zeros_like(images)
    total = np.einsum("bc,cjrq->brq", weights**2, levels)
    for colour, combination in enumerate(basis):
        coefficients = starlet(weighted_sum(combination.astype(images.dtype), images), scales)
        left = np.zeros_like(images[0])
        for j in range(scales):
            noise = levels[colour, j].astype(images.dtype)
            local = np.maximum(smooth_starlet(coefficients[j] ** 2, j + 1), noise)
            # where there is neither light nor noise, as in an image of zeros, there is nothing to keep
            keep = np.maximum(1 - kind(threshold) * noise / np.where(local > 0, local, 1), 0)
            coefficients[j] *= keep
            left += keep**2 * noise
        estimate = np.sum(coefficients, axis=0)
        for b in range(len(images)):
            out[b] += kind(weights[b, colour]) * estimate
            if total[b].any():
                kept[b] += (weights[b, colour] ** 2 / total[b]).astype(images.dtype) * left
    return out, kept
