"""What comes through the linear steps of the sparse estimate: of noise, of details, of light."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from sigden.multiband.joint.iterative_wiener import smoothed_square
from sigden.multiband.joint.planes import mode_weight, weighted_sum
from sigden.multiband.joint.scene_prior import ScenePrior

__all__ = ["Passage", "measure_passage"]

_FIELD = 5  # starlet scales over which noise maps are smoothed


class Passage(NamedTuple):
    """Measured on one draw of the noise and one of the prior.

    Parameters
    ----------
    ground : numpy.ndarray, shape (bands, 1, 1) or (bands, rows, columns)
        Variance of the noise that comes through where no detail is kept.
    details : numpy.ndarray, shape (bands, 1, 1) or (bands, rows, columns)
        Variance of the noise of all details of the first step.
    parts : tuple of numpy.ndarray, shape (2, scales)
        For the mean of the bands and for a contrast, in every scale: the part of a true detail that the first
        step holds; the part of the power of light, and of noise, that the last step does not mend.
    """

    ground: Any
    details: Any
    parts: tuple[Any, Any, Any]


def measure_passage(prior: ScenePrior, first: Any, last: Any, basis: Any, scales: int) -> Passage:
    """Send noise and light through the first and the last step.

    Parameters
    ----------
    prior : ScenePrior
        What is to be solved.
    first, last : FourierWiener or IterativeWiener
        Solvers of the two steps.
    basis : numpy.ndarray, shape (bands, bands)
        Colours of the bands over their fluxes, the mean first.
    scales : int
        Number of detail scales.

    Returns
    -------
    Passage
        The same for every run, from a fixed seed.
    """
    from sigden.denoisers.starlet.transform import smooth_starlet

    rng = np.random.default_rng(0)
    noise = [c.drawn(rng) for c in prior.channels]
    image = first.apply(noise, noise=True)
    smooth = smooth_starlet(image, scales)
    left = [n - p for n, p in zip(noise, prior.predict(smooth), strict=True)]
    ground, details = smooth + last.apply(left, noise=True), image - smooth
    light = prior.drawn(rng)
    seen = prior.predict(light)
    fields = (light, first.apply(seen, noise=True), light - last.apply(seen, noise=True), details)
    parts = np.stack([_shares([weighted_sum(c, f) for f in fields], scales) for c in basis[:2]])
    if prior.closed:
        ground, details = (np.mean(v**2, axis=(1, 2))[:, None, None] for v in (ground, details))
    else:
        ground, details = (smoothed_square(v[None], _FIELD) for v in (ground, details))
    return Passage(ground, details, (parts[:, 0], parts[:, 1], parts[:, 2]))


def _shares(fields: list[Any], scales: int) -> Any:
    """The three parts of `Passage`, of light, what is held of it, what is left of it, and noise."""
    from scipy import fft

    from sigden.denoisers.starlet.transform import scale_transfer

    shape = fields[0].shape
    light, held, left, noise = (fft.rfft2(f) for f in fields)
    power, weight = np.abs(light) ** 2, mode_weight(shape[1])
    unmended = _ratio(np.abs(left) ** 2, power)
    out = np.empty((3, scales))
    for j in range(scales):
        band = scale_transfer(shape, j) ** 2 * weight
        below = np.sum(band * power)
        out[0, j] = _ratio(np.sum(band * (light.conj() * held).real), below)
        out[1, j] = _ratio(np.sum(band * np.abs(left) ** 2), below)
        band = band * np.abs(noise) ** 2
        out[2, j] = _ratio(np.sum(band * unmended), np.sum(band))
    return out


def _ratio(above: Any, below: Any) -> Any:
    return np.where(below > 0, above / np.where(below > 0, below, 1), 1.0)
