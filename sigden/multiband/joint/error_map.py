"""Standard error of every pixel: propagated noise, and what the model cannot know."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from sigden.multiband.joint.planes import over_rows, smooth_reach
from sigden.multiband.joint.scene_prior import ScenePrior

__all__ = ["misfit_variance", "model_variance"]

_UNSEEN_COLOUR = 0.075
_GREATEST_PEAK = 4.0
_CONTRAST = 0.25
_WINDOW = 2  # starlet scales: a Gaussian of 2.2 pixels


def model_variance(estimate: Any, residual: Sequence[Any], prior: ScenePrior) -> Any:
    """Variance that the model adds to the propagated noise.

    Parameters
    ----------
    estimate : numpy.ndarray, shape (bands, rows, columns)
        Images at the target PSF.
    residual : sequence of numpy.ndarray
        Data less prediction of each channel.
    prior : ScenePrior
        Channels and band fluxes.

    Returns
    -------
    numpy.ndarray, shape (bands, rows, columns)
        Variance of each pixel.

    Notes
    -----
    Below the resolution of its own image a band is the wide band times a colour that nobody has seen. The
    error is therefore in proportion to the light x, the larger where that stands out of its neighbourhood
    and the more the colour changes nearby:

    .. math:: V_b = (\\kappa^2 \\, p + m) \\, x_b^2
        + \\tfrac14 \\, \\langle (x_b - f_b \\bar x)^2 \\rangle, \\qquad
        p = \\min\\left( \\frac{\\bar x^2}{\\langle \\bar x^2 \\rangle}, 4 \\right), \\qquad
        m = \\frac{\\langle \\chi^2 - 1 \\rangle_+ \\, \\sigma^2}{\\langle \\bar x^2 \\rangle + \\sigma^2}

    with the mean colour f, the mean :math:`\\bar x` of the bands over f, the misfit m that the squared
    standardised residual :math:`\\chi^2` of wide bands shows, relative to the light, and means over a
    Gaussian of 2.2 pixels. The constants (:math:`\\kappa` is 0.075) are fitted to the errors of
    `JointWiener` on simulated fields of real and parametric galaxies.
    """
    from sigden.denoisers.starlet.transform import smooth_starlet

    out = np.empty_like(estimate)
    planes = _wide_planes(residual, prior)

    def fill(read: slice, own: slice, within: slice) -> None:
        mean = _mean_band(estimate[:, read], prior)
        light, ground = _light(mean)
        share = _misfit(ground, planes, read)[within]
        peak = np.minimum(light / np.where(ground > 0, ground, 1), _GREATEST_PEAK)[within]
        share += _UNSEEN_COLOUR**2 * peak
        for variance, image, f in zip(out, estimate, prior.relative_flux, strict=True):
            contrast = image[read] - float(f) * mean
            contrast *= contrast
            variance[own] = smooth_starlet(contrast, _WINDOW)[within]
            variance[own] *= _CONTRAST
            variance[own] += share * np.maximum(image[own], 0.0) ** 2

    over_rows(fill, estimate.shape[1:], smooth_reach(_WINDOW))
    return out


def misfit_variance(estimate: Any, residual: Sequence[Any], prior: ScenePrior) -> Any:
    """Variance in proportion to the squared light, as far as wide bands contradict their mixture.

    Parameters
    ----------
    estimate : numpy.ndarray, shape (bands, rows, columns)
        Images at the target PSF.
    residual : sequence of numpy.ndarray
        Data less prediction of each channel.
    prior : ScenePrior
        Channels and band fluxes.

    Returns
    -------
    numpy.ndarray, shape (bands, rows, columns)
        The misfit m of `model_variance`, times the squared light.
    """
    out = np.empty_like(estimate)
    planes = _wide_planes(residual, prior)

    def fill(read: slice, own: slice, within: slice) -> None:
        _, ground = _light(_mean_band(estimate[:, read], prior))
        share = _misfit(ground, planes, read)[within]
        out[:, own] = share * np.maximum(estimate[:, own], 0.0) ** 2

    over_rows(fill, estimate.shape[1:], smooth_reach(_WINDOW))
    return out


def _mean_band(estimate: Any, prior: ScenePrior) -> Any:
    """Mean of the bands over their fluxes."""
    flux = [float(f) for f in prior.relative_flux]
    mean = estimate[0] / (flux[0] * len(flux))
    for image, f in zip(estimate[1:], flux[1:], strict=True):
        mean += image / (f * len(flux))
    return mean


def _light(mean: Any) -> tuple[Any, Any]:
    """Squared light, and its mean around."""
    from sigden.denoisers.starlet.transform import smooth_starlet

    light = np.maximum(mean, 0.0) ** 2
    return light, smooth_starlet(light, _WINDOW)


class _WidePlane(NamedTuple):
    """Residual of a wide band, its noise rms, that of each pixel if it differs, and its squared light."""

    residual: Any
    sigma: float
    error: Any
    gain: float


def _wide_planes(residual: Sequence[Any], prior: ScenePrior) -> list[_WidePlane]:
    """Wide bands in the pixels of the grid."""
    return [
        # relative to the unit of the mixture
        _WidePlane(image, c.sigma, c.error, float(c.mix @ prior.relative_flux) ** 2)
        for c, image in zip(prior.channels, residual, strict=True)
        if c.transfer is not None and c.factor == 1 and np.count_nonzero(c.mix) > 1
    ]


def _misfit(ground: Any, planes: Sequence[_WidePlane], rows: slice) -> Any:
    """Squared residual of wide bands beyond their noise, relative to the light, of some rows."""
    from sigden.denoisers.starlet.transform import smooth_starlet

    share = np.zeros_like(ground)
    for one in planes:
        error = one.sigma if one.error is None else one.error[rows]
        squared = np.asarray(error, dtype=ground.dtype) ** 2
        used = np.isfinite(squared)
        known = 1.0 if one.error is None else smooth_starlet(used.astype(ground.dtype), _WINDOW)
        excess = smooth_starlet(one.residual[rows] ** 2 / squared, _WINDOW)
        excess -= known
        level = np.where(used, squared, 0) / one.gain
        share += np.maximum(excess, 0.0) * level / (ground + one.sigma**2 / one.gain)
    return share
