"""Denoising of deconvolved images, whose noise is coloured."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from sigden.arrays.namespace import to_numpy
from sigden.denoisers.base import Denoiser
from sigden.denoisers.starlet import scale_noise, starlet
from sigden.errors import InputError, ParameterError
from sigden.method import Method
from sigden.multiband.after.bootstrap import repeats, with_errors
from sigden.multiband.data.grid import Grid
from sigden.multiband.data.observation import Observation
from sigden.multiband.data.response import Response
from sigden.multiband.data.result import MultibandResult

__all__ = ["Denoise", "denoise_result", "denoised_with_errors"]

Denoise = Callable[[Any, float], Any]
"""A user's denoiser: image of shape (rows, columns) and noise level in, image out."""

_SCALES = 4


def denoise_result(
    result: MultibandResult, denoiser: Denoiser | Denoise, *, noise: Any = None
) -> MultibandResult:
    r"""Result with each band denoised.

    Parameters
    ----------
    result : MultibandResult
        Result of any method, with its `uncertainty`.
    denoiser : Denoiser or callable
        What takes white noise off an image: any denoiser D(y, sigma), or a function ``denoise(image, sigma)``
        of an image (NumPy, float64, rows by columns) and its noise level, such as a network; what it returns
        may be an array of any library that exchanges arrays through DLPack or ``__array__``.
    noise : numpy.ndarray, shape (draws, bands, rows, columns), optional
        Draws of the noise of the result, such as deviations of bootstrap repetitions. Without them the noise
        counts as white, which that of a deconvolved image is not.

    Returns
    -------
    MultibandResult
        The denoised images. `uncertainty` and `noise_covariance` stay those of the result given, an upper
        bound; ``details["noise_level"]`` holds the level that the denoiser was told in each band and scale,
        ``details["before_denoising"]`` the images before.

    Raises
    ------
    InputError
        If an uncertainty is not finite, `noise` does not fit, or the denoiser returns another shape or a
        value that is not finite.

    Notes
    -----
    Noise after deconvolution is strong at the frequencies that the PSF held back and absent beyond the
    target's. Denoisers expect white noise. With the standard deviation :math:`s_j` of the noise in the
    starlet scale :math:`W_j` and :math:`\sigma_j` that of white noise of unit variance, the image y becomes

    .. math:: \hat x = \sum_{j=1}^{J+1} W_j \, D(y, s_j / \sigma_j),

    with the smooth image as last scale: the denoiser runs once for each scale, is told the level of white
    noise that is as strong there, and gives that scale of the estimate. For white noise that is
    ``D(y, s)``.
    """
    images = np.asarray(result.estimate, dtype=np.float64)
    level = np.sqrt(np.mean(np.asarray(result.uncertainty, dtype=np.float64) ** 2, axis=(-2, -1)))
    if not (np.isfinite(level).all() and (level >= 0).all()):
        raise InputError("result: its uncertainty is not finite; measure it with bootstrap first")
    if noise is not None and (np.ndim(noise) != 4 or tuple(np.shape(noise)[1:]) != images.shape):
        raise InputError(
            f"noise: expected (draws, {', '.join(map(str, images.shape))}), got {tuple(np.shape(noise))}"
        )
    scales = max(1, min(_SCALES, int(math.log2(max(min(images.shape[-2:]) // 4, 2)))))
    levels = np.repeat(level[:, None], scales + 1, axis=1)
    if noise is not None:
        strength = np.sqrt(
            np.mean(starlet(np.asarray(noise, dtype=np.float64), scales) ** 2, axis=(0, -2, -1))
        )
        levels = strength / np.asarray(scale_noise(scales))
    bands = zip(images, levels, result.bands, strict=True)
    out = np.stack([_by_scales(denoiser, image, told, band) for image, told, band in bands])
    details = {**result.details, "noise_level": levels, "before_denoising": result.estimate}
    return replace(result, estimate=out, details=details)


def _by_scales(denoiser: Denoiser | Denoise, image: Any, levels: Any, band: str) -> Any:
    if np.ptp(levels) == 0.0:
        return _applied(denoiser, image, float(levels[0]), band)
    clean = [_applied(denoiser, image, float(level), band) for level in levels]
    return sum(starlet(one, len(levels) - 1)[j] for j, one in enumerate(clean))


def denoised_with_errors(
    method: Method,
    result: MultibandResult,
    observations: Sequence[Observation],
    grid: Grid,
    response: Response,
    denoiser: Denoiser | Denoise,
    *,
    draws: int,
    seed: int,
) -> MultibandResult:
    """Result of a method denoised by the noise that a bootstrap shows, with the errors that are left."""
    found = np.stack(list(repeats(method, result, observations, grid, response, draws=draws, seed=seed)))
    noise = found - np.mean(found, axis=0)
    noise *= math.sqrt(draws / (draws - 1))
    noisy = with_errors(result, found, draws=draws, seed=seed)
    clean = denoise_result(noisy, denoiser, noise=noise)
    again = [denoise_result(replace(noisy, estimate=one), denoiser, noise=noise).estimate for one in found]
    return with_errors(clean, np.stack(again), draws=draws, seed=seed)


def _applied(denoiser: Denoiser | Denoise, image: Any, sigma: float, band: str) -> Any:
    if isinstance(denoiser, Denoiser):
        return denoiser.estimate(image, sigma=sigma)
    if not callable(denoiser):
        raise ParameterError(f"denoiser: expected a Denoiser or a function, got {denoiser!r}")
    answer = denoiser(np.array(image), sigma)
    try:
        clean = np.asarray(to_numpy(answer), dtype=np.float64)
    except (TypeError, ValueError, AttributeError, BufferError, RuntimeError) as error:
        raise InputError(
            f"band {band!r}: the denoiser returned {type(answer).__name__}, which is no array: {error}"
        ) from error
    if clean.shape != image.shape:
        raise InputError(f"band {band!r}: the denoiser returned shape {clean.shape} for {image.shape}")
    if not np.isfinite(clean).all():
        raise InputError(f"band {band!r}: the denoiser returned a value that is not finite")
    return clean
