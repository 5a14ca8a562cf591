"""Standard error of every pixel: propagated noise, and what the model cannot know."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from sigden.multiband.joint.scene_prior import ScenePrior

__all__ = ["misfit_variance", "model_variance"]

_UNSEEN_COLOUR = 0.055
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
    error is therefore in proportion to the light x, and the larger the more the colour changes nearby:

    .. math:: V_b = (\\kappa^2 + 2 \\, m) \\, x_b^2
        + \\tfrac14 \\, \\langle (x_b - f_b \\bar x)^2 \\rangle, \\qquad
        m = \\frac{\\langle \\chi^2 - 1 \\rangle_+ \\, \\sigma^2}{\\langle \\bar x^2 \\rangle + \\sigma^2}

    with the mean colour f, the mean :math:`\\bar x` of the bands over f, the misfit m that the squared
    standardised residual :math:`\\chi^2` of wide bands shows, relative to the light, and means over a
    Gaussian of 2.2 pixels. The three constants (:math:`\\kappa` is 0.055) are fitted to the errors of
    `JointWiener` and `JointSparse` on simulated fields of real and parametric galaxies.
    """
    from sigden.denoisers.starlet.transform import smooth_starlet

    mean = _mean_band(estimate, prior)
    share = _misfit(mean, residual, prior)
    share *= 2.0
    share += _UNSEEN_COLOUR**2
    out = np.empty_like(estimate)
    for variance, image, f in zip(out, estimate, prior.relative_flux, strict=True):
        variance[...] = image - float(f) * mean
        variance *= variance
        variance[...] = smooth_starlet(variance, _WINDOW)
        variance *= _CONTRAST
        variance += share * np.maximum(image, 0.0) ** 2
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
    return _misfit(_mean_band(estimate, prior), residual, prior) * np.maximum(estimate, 0.0) ** 2


def _mean_band(estimate: Any, prior: ScenePrior) -> Any:
    """Mean of the bands over their fluxes."""
    flux = [float(f) for f in prior.relative_flux]
    mean = estimate[0] / (flux[0] * len(flux))
    for image, f in zip(estimate[1:], flux[1:], strict=True):
        mean += image / (f * len(flux))
    return mean


def _misfit(mean: Any, residual: Sequence[Any], prior: ScenePrior) -> Any:
    """Squared residual of wide bands beyond their noise, relative to the light, shape (rows, columns)."""
    from sigden.denoisers.starlet.transform import smooth_starlet

    share = np.zeros_like(mean)
    ground = smooth_starlet(np.maximum(mean, 0.0) ** 2, _WINDOW)
    for channel, image in zip(prior.channels, residual, strict=True):
        if channel.transfer is None or channel.factor != 1 or np.count_nonzero(channel.mix) < 2:
            continue
        error = channel.sigma if channel.error is None else np.where(channel.used, channel.error, np.inf)
        squared = np.asarray(error, dtype=mean.dtype) ** 2
        known = 1.0 if channel.used is None else smooth_starlet(channel.used.astype(mean.dtype), _WINDOW)
        excess = smooth_starlet(image**2 / squared, _WINDOW)
        excess -= known
        # relative to the unit of the mixture
        gain = float(channel.mix @ prior.relative_flux) ** 2
        level = np.where(np.isfinite(squared), squared, 0) / gain
        share += np.maximum(excess, 0.0) * level / (ground + channel.sigma**2 / gain)
    return share
