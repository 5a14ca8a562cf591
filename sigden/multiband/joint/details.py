"""Details of bands given the light around them: posterior mean, and the variance of what is left."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from sigden.multiband.data.observation import Observation
from sigden.multiband.joint.planes import weighted_sum
from sigden.multiband.joint.scene_prior import sharpness
from sigden.multiband.joint.shrink import detail_noise
from sigden.multiband.joint.transfer import Passage

__all__ = ["colour_scales", "local_colour", "posterior_details"]

_RELIEF = 0.035
"""Mean squared starlet detail over the squared light around it, the same at all scales."""
_UNSEEN = 0.0015
"""The same for the first contrast of colours; that of order u has u^-3 of it, as spectra are smooth."""
_CONTRAST_LIMITS = (0.2, 5.0)
_AROUND = 1  # starlet scales: the light around a detail


def colour_scales(observations: Sequence[Observation], scale: float) -> int:
    """Starlet scales whose smoothing is at least as wide as the widest PSF.

    Parameters
    ----------
    observations : sequence of Observation
        Images of the scene.
    scale : float
        Arcsec per pixel of the grid.

    Returns
    -------
    int
        At least 1.
    """
    area = max(1.0 / sharpness(o) for o in observations) / scale**2
    # a Gaussian of this noise area against the spread of the smoothing, both per axis
    return max(1, math.ceil(math.log(3.0 * area / (4.0 * math.pi) + 1.0, 4.0)))


def local_colour(images: Any, flux: Any, noise: Any, scales: int) -> Any:
    """Flux of every band over the mean band, fitted to a neighbourhood of each pixel.

    Parameters
    ----------
    images : numpy.ndarray, shape (bands, rows, columns)
        Estimate of the bands.
    flux : numpy.ndarray, shape (bands,)
        Relative fluxes in the whole scene, what is said where there is no light.
    noise : numpy.ndarray, shape (bands,)
        Variance that weighs the light of the neighbourhood against that.
    scales : int
        Starlet scales of the neighbourhood.

    Returns
    -------
    numpy.ndarray, shape (bands, rows, columns)
        Smooth; its mean over the bands, over `flux`, is one.

    Notes
    -----
    With bands :math:`n_b = x_b / f_b`, their mean m and the mean noise p over squared fluxes,

    .. math:: c_b = f_b \\, \\frac{\\langle n_b m \\rangle + p}{\\langle m^2 \\rangle + p}.
    """
    from sigden.denoisers.starlet.transform import smooth_starlet

    fluxes = np.asarray(flux, dtype=images.dtype)[:, None, None]
    bands = images / fluxes
    mean = np.mean(bands, axis=0)
    prior = images.dtype.type(np.mean(np.asarray(noise) / np.asarray(flux) ** 2))
    below = smooth_starlet(mean**2, scales) + prior
    above = smooth_starlet(bands * mean, scales) + prior
    # an image of zeros without noise has no colour
    ratio = np.clip(above / np.where(below > 0, below, 1), *_CONTRAST_LIMITS).astype(images.dtype)
    return fluxes * ratio / np.mean(ratio, axis=0)


def posterior_details(
    images: Any, pilot: Any, basis: Any, colour: Any, pairs: Any, passage: Passage
) -> tuple[Any, Any]:
    """Posterior mean of the starlet details of all bands, with the variance of its error.

    Parameters
    ----------
    images : numpy.ndarray, shape (bands, rows, columns)
        Noisy images.
    pilot : numpy.ndarray, shape (bands, rows, columns)
        First estimate of the same.
    basis : numpy.ndarray, shape (bands, bands)
        Orthonormal colours of the bands over their local colours, one in a row, the mean first.
    colour : numpy.ndarray, shape (bands, rows, columns)
        Local colours.
    pairs : numpy.ndarray
        Noise of the details, as of `noise_pairs`.
    passage : Passage
        How much of light and of noise comes through.

    Returns
    -------
    estimate : numpy.ndarray, shape (bands, rows, columns)
        Images with their details multiplied by k.
    variance : numpy.ndarray, shape (bands, rows, columns)
        Of what the error of the details leaves in the final estimate.

    Notes
    -----
    A detail w of scale j and colour u has noise of variance s^2 and holds the part h of the true one, for
    which a zero mean and a variance are known before: what the pilot's square shows around, and in no case
    less than a part of the squared light m around, the same at all scales,

    .. math:: \\tau^2 = \\max(\\langle w_{pilot}^2 \\rangle, \\eta_u \\langle m^2 \\rangle), \\qquad
        k = \\frac{\\tau^2}{\\tau^2 + s^2}.

    The expected squared error is that of light not let through and of noise let through,

    .. math:: e = a \\, (1 - k h)^2 \\tau^2 + b \\, k^2 s^2,

    with the parts a and b of their power that the fit of what is left in the data does not mend. The sum over
    scales and colours is brought to the variance of all details together, as neighbouring scales share noise.
    The constant of the mean, 0.035, and that of the first contrast, 0.0015, are those of details of simulated
    real and parametric galaxies; they hold from the finest scale to that of eight pixels.
    """
    from sigden.denoisers.starlet.transform import smooth_starlet, starlet

    scales = pairs.shape[2]
    bands, seen = images / colour, pilot / colour
    light = np.maximum(np.mean(seen, axis=0), 0.0) ** 2
    light = len(images) * smooth_starlet(light, _AROUND)
    out, variance, total = np.zeros_like(images), np.zeros_like(images), np.zeros_like(images)
    for u, combination in enumerate(basis):
        coefficients = starlet(weighted_sum(combination, bands), scales)
        before = starlet(weighted_sum(combination, seen), scales)
        noise = detail_noise(pairs, combination, colour)
        floor = light * images.dtype.type(_RELIEF if u == 0 else _UNSEEN / u**3)
        error, through = np.zeros_like(light), np.zeros_like(light)
        for j in range(scales):
            power = np.maximum(smooth_starlet(before[j] ** 2, j), floor)
            both = power + noise[j]
            keep = power / np.where(both > 0, both, 1)
            coefficients[j] *= keep
            held, light_left, noise_left = (float(v[min(u, 1), j]) for v in passage.parts)
            error += light_left * (1 - held * keep) ** 2 * power + noise_left * keep**2 * noise[j]
            through += noise[j]
        estimate = np.sum(coefficients, axis=0)
        for b, weight in enumerate(combination):
            out[b] += float(weight) * estimate
            variance[b] += float(weight) ** 2 * error
            total[b] += float(weight) ** 2 * through
    out *= colour
    variance *= np.asarray(passage.details / np.where(total > 0, total, 1), dtype=images.dtype)
    return out, variance
