"""Details of bands given the light around them: posterior mean, and the variance of what is left."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from sigden.arrays import Kernel
from sigden.multiband.data.observation import Observation
from sigden.multiband.joint.planes import over_rows, smooth_reach, weighted_sum
from sigden.multiband.joint.scene_prior import sharpness
from sigden.multiband.joint.shrink import detail_noise, pair_shares
from sigden.multiband.joint.transfer import Passage

__all__ = ["colour_scales", "coloured", "local_colour", "posterior_details"]

_HERE = "sigden.multiband.joint"
_POSTERIOR = Kernel(
    "joint_posterior_details",
    generic=f"{_HERE}.details_generic:posterior_colour",
    numba=f"{_HERE}.details_numba:posterior_colour",
)
_RELIEF = 0.035
"""Mean squared starlet detail over the squared light around it, the same at all scales."""
_UNSEEN = 0.0015
"""The same for the first contrast of colours; that of order u has u^-3 of it, as spectra are smooth."""
_CONTRAST_LIMITS = (0.2, 5.0)
_AROUND = 1  # starlet scales: the light around a detail
_PEAKED = 0.1
"""Mean squared detail of the mean beyond that, over squared light that stands out of its neighbourhood."""
_NEIGHBOURHOOD = 2
_GREATEST_PEAK = 4.0


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
    prior = images.dtype.type(np.mean(np.asarray(noise) / np.asarray(flux) ** 2))
    out = np.empty_like(images)

    def fit(read: slice, own: slice, within: slice) -> None:
        bands = images[:, read] / fluxes
        mean = np.mean(bands, axis=0)
        below = smooth_starlet(mean**2, scales)[within] + prior
        above = smooth_starlet(bands * mean, scales)[:, within] + prior
        # an image of zeros without noise has no colour
        ratio = np.clip(above / np.where(below > 0, below, 1), *_CONTRAST_LIMITS).astype(images.dtype)
        out[:, own] = fluxes * ratio / np.mean(ratio, axis=0)

    over_rows(fit, images.shape[1:], smooth_reach(scales))
    return out


def coloured(images: Any, colour: Any) -> Any:
    """Mean band of images over their local colours, times these."""
    out = np.empty_like(images)

    def fill(read: slice, own: slice, within: slice) -> None:
        out[:, own] = colour[:, own] * np.mean(images[:, own] / colour[:, own], axis=0)

    over_rows(fill, images.shape[1:])
    return out


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

    .. math:: e = a \\, (1 - k h)^2 \\, E + b \\, k^2 s^2,

    with the parts a and b of their power that the fit of what is left in the data does not mend. Details are
    large where their own square is, as their distribution has heavy tails: of the mean of the bands

    .. math:: E = \\frac{q}{q + s^2} \\langle w^2 \\rangle
        + 0.1 \\, m^2 \\min(m^2 / \\langle m^2 \\rangle, 4)^{5/2}, \\qquad
        q = \\langle w_{pilot}^2 \\rangle + 0.2 \\, \\eta_0 \\langle m^2 \\rangle,

    the part of the squared detail that is taken for light, and, from the second scale on, what is lost of
    peaks, with the light m of the estimate against that of a Gaussian of 2.2 pixels. For contrasts, which
    the images hardly resolve, E is twice what the pilot shows and 0.4 of the least. The sum over scales and
    colours is brought to the variance of all details together, as neighbouring scales share noise. The
    constants are those of simulated real and parametric galaxies; 0.035, of the mean, and 0.0015, of the
    first contrast, hold from the finest scale to that of eight pixels.
    """
    shape, kind, scales = images.shape[1:], images.dtype, pairs.shape[2]
    images, pilot, colour = (np.ascontiguousarray(v, kind) for v in (images, pilot, colour))
    light = _light_around(pilot, colour)
    alike = pairs.shape[-2:] == (1, 1)
    shares, noise = pair_shares(pairs) if alike else np.empty((scales, 0)), np.empty((1, 0, 0), kind)
    work = np.empty((6, *shape), kind)
    # planes of a wide field are large: the results take the place of what they are made of
    estimate, error, through = (np.empty((len(basis), *shape), kind) for _ in range(3))
    missed = np.empty(shape, kind)
    for u, combination in enumerate(basis):
        if not alike:
            noise = np.ascontiguousarray(detail_noise(pairs, combination, colour))
        relief = _RELIEF if u == 0 else _UNSEEN / u**3
        parts = np.ascontiguousarray([p[min(u, 1)] for p in passage.parts]).T.copy()
        _POSTERIOR(
            images, pilot, colour, combination, light, relief, u > 0, shares, noise, parts, work, estimate[u],
            error[u], through[u], missed,
        )  # fmt: skip
    _add_peaks(error[0], estimate[0], missed)
    details = np.broadcast_to(np.asarray(passage.details, dtype=kind), error.shape)

    def finish(read: slice, own: slice, within: slice) -> None:
        estimate[:, own] = [weighted_sum(w, estimate[:, own]) for w in basis.T]
        estimate[:, own] *= colour[:, own]
        left, total = ([weighted_sum(w, v[:, own]) for w in basis.T**2] for v in (error, through))
        positive = np.stack(total)
        np.divide(left, positive, out=error[:, own], where=positive > 0)
        error[:, own] *= details[:, own]

    over_rows(finish, shape)
    return estimate, error


def _add_peaks(error: Any, mean: Any, missed: Any) -> None:
    """Add what is lost of the light that stands out of its neighbourhood to the variance of the mean."""
    from sigden.denoisers.starlet.transform import smooth_starlet

    def fill(read: slice, own: slice, within: slice) -> None:
        light = np.maximum(mean[read], 0.0) ** 2
        around = smooth_starlet(light, _NEIGHBOURHOOD)[within]
        light = light[within]
        peak = np.minimum(light / np.where(around > 0, around, 1), _GREATEST_PEAK)
        error[own] += _PEAKED * missed[own] * light * peak**2 * np.sqrt(peak)

    over_rows(fill, mean.shape, smooth_reach(_NEIGHBOURHOOD))


def _light_around(pilot: Any, colour: Any) -> Any:
    """Squared light of the bands over their colours, around each pixel, shape (rows, columns)."""
    from sigden.denoisers.starlet.transform import smooth_starlet

    out = np.empty(pilot.shape[1:], pilot.dtype)

    def fill(read: slice, own: slice, within: slice) -> None:
        light = np.maximum(np.mean(pilot[:, read] / colour[:, read], axis=0), 0.0) ** 2
        out[own] = len(pilot) * smooth_starlet(light, _AROUND)[within]

    over_rows(fill, out.shape, smooth_reach(_AROUND))
    return out
