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
    from sigden.denoisers.starlet.transform import scale_transfer, smooth_starlet

    rng = np.random.default_rng(0)
    noise = [c.drawn(rng) for c in prior.channels]
    image = first.apply(noise, noise=True)
    smooth = smooth_starlet(image, scales)
    left = [n - p for n, p in zip(noise, prior.predict(smooth), strict=True)]
    ground, details = smooth + last.apply(left, noise=True), image - smooth
    light = prior.drawn(rng)
    seen = prior.predict(light)
    fields = (light, first.apply(seen, noise=True), light - last.apply(seen, noise=True), details)
    bands = np.stack([scale_transfer(light.shape[1:], j) ** 2 for j in range(scales)])
    parts = np.stack([_shares([weighted_sum(c, f) for f in fields], bands) for c in basis[:2]])
    if prior.closed:
        ground, details = (np.mean(v**2, axis=(1, 2))[:, None, None] for v in (ground, details))
    else:
        ground, details = (smoothed_square(v[None], _FIELD) for v in (ground, details))
    return Passage(ground, details, (parts[:, 0], parts[:, 1], parts[:, 2]))


def _shares(fields: list[Any], bands: Any) -> Any:
    """The three parts of `Passage`, of light, what is held of it, what is left of it, and noise.

    `bands` are the squared transfer functions of the details, shape (scales, rows, columns // 2 + 1).
    """
    from scipy import fft

    light, held, left, noise = (fft.rfft2(f) for f in fields)
    power, remains, drawn = (v.real**2 + v.imag**2 for v in (light, left, noise))
    known = light.real * held.real + light.imag * held.imag
    planes = np.stack([power, known, remains, drawn, drawn * _ratio(remains, power)])
    planes *= mode_weight(fields[0].shape[1])
    below, above, rest, noise_power, noise_left = np.tensordot(planes, bands, ((1, 2), (1, 2)))
    return np.stack([_ratio(above, below), _ratio(rest, below), _ratio(noise_left, noise_power)])


def _ratio(above: Any, below: Any) -> Any:
    return np.where(below > 0, above / np.where(below > 0, below, 1), 1.0)
