"""First look at the details of deconvolved bands: what stands out of its propagated noise."""

from __future__ import annotations

from typing import Any

import numpy as np

from sigden.multiband.joint.planes import weighted_sum

__all__ = ["colour_basis", "detail_noise", "noise_pairs", "shrink_colours"]


def colour_basis(bands: int) -> Any:
    """Orthonormal contrasts of equally spaced bands, the mean first (discrete cosine basis)."""
    index = np.arange(bands)
    basis = np.cos(np.pi * index[:, None] * (index[None, :] + 0.5) / bands)
    return basis / np.linalg.norm(basis, axis=1, keepdims=True)


def noise_pairs(solver: Any, bands: int, scales: int) -> Any:
    """Covariance between bands of the starlet details of a solver's propagated noise.

    Parameters
    ----------
    solver : FourierWiener or IterativeWiener
        Whose `levels` gives the variance in a combination of bands.
    bands : int
        Number of bands.
    scales : int
        Number of detail scales.

    Returns
    -------
    numpy.ndarray, shape (bands, bands, scales, 1, 1) or (bands, bands, scales, rows, columns)
        Symmetric in its first two axes.
    """
    first, second = np.triu_indices(bands)
    unit = np.eye(bands)
    # the variance of a sum of two bands holds their covariance
    levels = solver.levels(unit[first] + unit[second], scales)
    out = np.empty((bands, bands, *levels.shape[1:]))
    for level, b, d in zip(levels, first, second, strict=True):
        if b == d:
            out[b, b] = level / 4
    for level, b, d in zip(levels, first, second, strict=True):
        if b != d:
            out[b, d] = out[d, b] = (level - out[b, b] - out[d, d]) / 2
    return out


def detail_noise(pairs: Any, weights: Any, colour: Any) -> Any:
    """Variance of the noise of the details in one combination of bands over their local colours.

    Parameters
    ----------
    pairs : numpy.ndarray, shape (bands, bands, scales, 1, 1) or (bands, bands, scales, rows, columns)
        As of `noise_pairs`.
    weights : numpy.ndarray, shape (bands,)
        The combination.
    colour : numpy.ndarray, shape (bands, 1, 1) or (bands, rows, columns)
        What the bands are divided by; smooth.

    Returns
    -------
    numpy.ndarray, shape (scales, 1, 1) or (scales, rows, columns)
        In the precision of `colour`.
    """
    total: Any = 0.0
    parts = [float(w) / c for w, c in zip(weights, colour, strict=True)]
    for b, mine in enumerate(parts):
        for d, other in enumerate(parts[: b + 1]):
            share = pairs[b, d] if b == d else 2.0 * pairs[b, d]
            total = total + share.astype(colour.dtype) * (mine * other)
    return total


def shrink_colours(images: Any, basis: Any, flux: Any, pairs: Any, threshold: float) -> Any:
    """Starlet shrinkage of all bands in a colour basis, by the power around each coefficient.

    Parameters
    ----------
    images : numpy.ndarray, shape (bands, rows, columns)
        Noisy images.
    basis : numpy.ndarray, shape (bands, bands)
        Orthonormal colours of the bands over their fluxes, one in a row.
    flux : numpy.ndarray, shape (bands,)
        Relative fluxes.
    pairs : numpy.ndarray
        Noise of the details, as of `noise_pairs`.
    threshold : float
        Noise powers taken off the local power.

    Returns
    -------
    numpy.ndarray, shape (bands, rows, columns)
        Images whose details w are multiplied by ``max(0, 1 - threshold s^2 / p)``, with the variance s^2 of
        their noise and the mean p of w^2 around.
    """
    from sigden.denoisers.starlet.transform import smooth_starlet, starlet

    kind = images.dtype.type
    scales = pairs.shape[2]
    fluxes = np.asarray(flux, dtype=images.dtype)[:, None, None]
    out = np.zeros_like(images)
    for combination in basis:
        coefficients = starlet(weighted_sum(combination / flux, images), scales)
        noise = detail_noise(pairs, combination, fluxes)
        for j in range(scales):
            local = np.maximum(smooth_starlet(coefficients[j] ** 2, j + 1), noise[j])
            # where there is neither light nor noise, as in an image of zeros, there is nothing to keep
            coefficients[j] *= np.maximum(1 - kind(threshold) * noise[j] / np.where(local > 0, local, 1), 0)
        estimate = np.sum(coefficients, axis=0)
        for b, weight in enumerate(combination):
            out[b] += kind(weight * flux[b]) * estimate
    return out
