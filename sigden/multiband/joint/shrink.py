"""First look at the details of deconvolved bands: what stands out of its propagated noise."""

from __future__ import annotations

from typing import Any

import numpy as np

from sigden.arrays import Kernel
from sigden.multiband.joint.planes import over_rows, weighted_sum

__all__ = ["colour_basis", "detail_noise", "noise_pairs", "pair_shares", "shrink_colours"]

_HERE = "sigden.multiband.joint"
_SHRINK = Kernel(
    "joint_shrink",
    generic=f"{_HERE}.details_generic:shrink_colour",
    numba=f"{_HERE}.details_numba:shrink_colour",
)


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


def pair_shares(pairs: Any) -> Any:
    """Covariances of `noise_pairs` that are the same everywhere, as `detail_noise` sums them.

    Parameters
    ----------
    pairs : numpy.ndarray, shape (bands, bands, scales, 1, 1)
        As of `noise_pairs`.

    Returns
    -------
    numpy.ndarray, shape (scales, pairs of bands)
        Twice for two different bands.
    """
    first, second = np.tril_indices(len(pairs))
    twice = np.where(first == second, 1.0, 2.0)
    return np.ascontiguousarray((twice[:, None] * pairs[first, second, :, 0, 0]).T)


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
    parts = np.asarray(weights, dtype=colour.dtype)[:, None, None] / colour
    first, second = np.tril_indices(len(parts))
    total: Any = 0.0
    for b, d, weight in zip(first, second, np.where(first == second, 1.0, 2.0), strict=True):
        total = total + (weight * pairs[b, d]).astype(colour.dtype) * (parts[b] * parts[d])
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
    images = np.ascontiguousarray(images)
    fluxes = np.asarray(flux, dtype=images.dtype)[:, None, None]
    shrunk, work = np.empty_like(images), np.empty((4, *images.shape[1:]), images.dtype)
    for estimate, combination in zip(shrunk, basis, strict=True):
        noise = detail_noise(pairs, combination, fluxes)
        _SHRINK(images, combination / flux, noise, threshold, work, estimate)
    del work
    weights = (basis * flux).T

    def mix(read: slice, own: slice, within: slice) -> None:
        shrunk[:, own] = [weighted_sum(w, shrunk[:, own]) for w in weights]

    over_rows(mix, images.shape[1:])
    return shrunk
