"""Shrinkage of starlet details in NumPy: the readable reference of the kernels."""

from __future__ import annotations

from typing import Any

import numpy as np

from sigden.denoisers.starlet.transform import smooth_starlet, starlet
from sigden.multiband.joint.planes import weighted_sum

__all__ = ["LEAST_OF_CONTRAST", "LEAST_OF_MEAN", "SHOWN_OF_CONTRAST", "posterior_colour", "shrink_colour"]

LEAST_OF_MEAN = 0.2
"""Part of the least that details of the mean are taken to have, for what of their square is light."""
SHOWN_OF_CONTRAST, LEAST_OF_CONTRAST = 2.0, 0.4
"""Mean square of details of contrasts, over what a pilot shows and over the least they are taken to have."""


def shrink_colour(images: Any, weights: Any, noise: Any, threshold: float, work: Any, estimate: Any) -> None:
    """One colour of `shrink_colours`.

    Parameters
    ----------
    images : numpy.ndarray, shape (bands, rows, columns)
        Noisy images.
    weights : numpy.ndarray, shape (bands,)
        The combination.
    noise : numpy.ndarray, shape (scales, 1, 1) or (scales, rows, columns)
        Variance of the noise of its details.
    threshold : float
        Noise powers taken off the local power.
    work : numpy.ndarray, shape (4, rows, columns)
        Scratch.
    estimate : numpy.ndarray, shape (rows, columns)
        Is set to the shrunk combination.
    """
    kind, scales = images.dtype.type, len(noise)
    coefficients = starlet(weighted_sum(weights, images), scales)
    for j in range(scales):
        local = np.maximum(smooth_starlet(coefficients[j] ** 2, j + 1), noise[j])
        # where there is neither light nor noise, as in an image of zeros, there is nothing to keep
        coefficients[j] *= np.maximum(1 - kind(threshold) * noise[j] / np.where(local > 0, local, 1), 0)
    np.sum(coefficients, axis=0, out=estimate)


def posterior_colour(
    images: Any, pilot: Any, colour: Any, weights: Any, light: Any, relief: float, contrast: bool,
    shares: Any, noise: Any, parts: Any, work: Any, estimate: Any, error: Any, through: Any, missed: Any,
) -> None:  # fmt: skip
    """One colour of `posterior_details`.

    Parameters
    ----------
    images, pilot : numpy.ndarray, shape (bands, rows, columns)
        Noisy images, and the first estimate of the same.
    colour : numpy.ndarray, shape (bands, rows, columns)
        Local colours.
    weights : numpy.ndarray, shape (bands,)
        The combination of bands over their local colours.
    light : numpy.ndarray, shape (rows, columns)
        Squared light around.
    relief : float
        The least share of it that details have.
    contrast : bool
        Whether the combination is one between bands, not their mean.
    shares : numpy.ndarray, shape (scales, pairs of bands)
        Covariance of the noise of the details between bands; twice for two different ones.
    noise : numpy.ndarray, shape (scales, rows, columns) or (1, 0, 0)
        Variance of the noise of the details, if it is not that of `shares`.
    parts : numpy.ndarray, shape (scales, 3)
        Part of a true detail that is held, parts of the power of light and of noise that stay.
    work : numpy.ndarray, shape (6, rows, columns)
        Scratch.
    estimate, error, through : numpy.ndarray, shape (rows, columns)
        Are set to the combination, the variance of its error and that of the noise, summed over the scales.
    missed : numpy.ndarray, shape (rows, columns)
        Of the mean it is set to the part of the power of light that is lost, summed over all scales but the
        finest.
    """
    kind, scales = images.dtype, len(parts)
    coefficients = starlet(weighted_sum(weights, images / colour), scales)
    before = starlet(weighted_sum(weights, pilot / colour), scales)
    if not noise.size:
        first, second = np.tril_indices(len(weights))
        over = weights.astype(kind)[:, None, None] / colour
        noise = np.tensordot(shares.astype(kind), over[first] * over[second], 1)
    error[:], through[:] = 0, 0
    if not contrast:
        missed[:] = 0
    for j, (held, light_left, noise_left) in enumerate(parts.tolist()):
        shown, least = smooth_starlet(before[j] ** 2, j), light * kind.type(relief)
        power = np.maximum(shown, least)
        keep = _share(power, noise[j])
        if contrast:
            expected = kind.type(SHOWN_OF_CONTRAST) * shown + kind.type(LEAST_OF_CONTRAST) * least
        else:
            own = smooth_starlet(coefficients[j] ** 2, min(j, 1))
            expected = _share(shown + kind.type(LEAST_OF_MEAN) * least, noise[j]) * own
        coefficients[j] *= keep
        lost = light_left * (1 - held * keep) ** 2
        error += lost * expected + noise_left * keep**2 * noise[j]
        through += noise[j]
        if j and not contrast:
            missed += lost
    np.sum(coefficients, axis=0, out=estimate)


def _share(power: Any, noise: Any) -> Any:
    """Part of a squared detail that is light."""
    both = power + noise
    return power / np.where(both > 0, both, 1)
