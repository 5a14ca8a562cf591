"""What is known about a scene before the solve: its channels, its power, its colour."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np

from sigden.arrays import is_numpy, namespace, share_out
from sigden.multiband.data.grid import Grid
from sigden.multiband.data.observation import Observation, check_observations
from sigden.multiband.data.power import ScenePower, observed_power, row_blocks, scene_power, squared
from sigden.multiband.data.response import Response, check_response
from sigden.multiband.forward.operator import commensurate_factor, remembered
from sigden.multiband.joint.channel import Channel, observed_channel
from sigden.multiband.joint.fourier_wiener import FourierWiener
from sigden.multiband.joint.iterative_wiener import IterativeWiener
from sigden.multiband.joint.planes import fft_workers, over_rows, weighted_sum
from sigden.multiband.joint.registration import displacement, warn_displaced
from sigden.multiband.joint.scene_light import SceneLight
from sigden.multiband.psf.spectrum import gaussian_sharpening, gaussian_transfer

__all__ = ["ScenePrior", "scene_prior", "sharpness"]

_TWIN = 128
"""Side in pixels of the patch on which noise is propagated when it is the same everywhere."""
_SHOWN = 0.9
"""Part of a PSF that the sharpest image must show for a pixel to tell whether its image is displaced."""


@dataclass(frozen=True, eq=False)
class ScenePrior:
    """Channels of one scene with its prior.

    Parameters
    ----------
    bands : tuple of str
        Bands to estimate.
    observations : tuple of Observation
        Where the channels come from.
    channels : tuple of Channel
        One for each observation, in order.
    light : SceneLight
        Power of the scene in the sharpest image, per mode of the grid, and the fluxes of the bands.
    target_fwhm : float
        FWHM in arcsec of the target PSF.
    grid : Grid
        Pixel grid of the estimate.
    """

    bands: tuple[str, ...]
    observations: tuple[Observation, ...]
    channels: tuple[Channel, ...]
    light: SceneLight
    target_fwhm: float
    grid: Grid

    @property
    def power(self) -> ScenePower:
        """Power of the scene in the sharpest image, per mode of the grid; in cycles per arcsec."""
        return self.light.power

    @cached_property
    def relative_flux(self) -> Any:
        """Flux of each band over that of the sharpest image, shape (bands,)."""
        return np.array([self.light.flux[band] for band in self.bands])

    @property
    def closed(self) -> bool:
        """Whether every Fourier mode of the whole problem stands alone, its aliases apart."""
        coarsest = max(c.factor for c in self.channels)
        return all(c.closed and coarsest % c.factor == 0 for c in self.channels)

    @property
    def data(self) -> list[Any]:
        """Images of all channels."""
        return [c.data for c in self.channels]

    @cached_property
    def target(self) -> Any:
        """Transfer function of the target PSF."""
        return gaussian_transfer(self.grid.shape, self.grid.scale, self.target_fwhm)

    @cached_property
    def sharpening(self) -> Any:
        """Inverse of `target`, zero where the target passes nothing."""
        return gaussian_sharpening(self.target)

    def predict(self, estimate: Any) -> list[Any]:
        """Images that an estimate at the target PSF predicts.

        Parameters
        ----------
        estimate : numpy.ndarray, shape (bands, rows, columns)
            Flux per grid pixel.

        Returns
        -------
        list of numpy.ndarray
            One for each channel, in its native pixels, zero where these do not count.
        """
        from scipy import fft

        shape, workers = self.grid.shape, fft_workers(estimate)
        modes = fft.rfft2(estimate, norm="ortho", workers=workers)
        modes *= self.sharpening.astype(modes.real.dtype, copy=False)
        out = []
        for c in self.channels:
            if c.transfer is None:
                mixed = weighted_sum(c.mix, modes)
                image = c.operator(fft.irfft2(mixed, s=shape, norm="ortho", workers=workers))
            else:
                image = c.seen(modes, c.mix)
            out.append(image if c.used is None else np.where(c.used, image, 0.0).astype(estimate.dtype))
        return out

    def drawn(self, rng: np.random.Generator) -> Any:
        """Images at the target PSF drawn from the prior power, every band by itself."""
        from scipy import fft

        kind = np.result_type(*(c.data.dtype for c in self.channels), np.float32)
        amplitude = np.sqrt(self.power.on(self.grid.shape, self.grid.scale)) * self.target
        white = rng.standard_normal((len(self.bands), *self.grid.shape))
        images = fft.irfft2(fft.rfft2(white) * amplitude, s=self.grid.shape)
        return (images * self.relative_flux[:, None, None]).astype(kind)

    def solver(self, *, correlation: float, strength: float = 1.0) -> FourierWiener | IterativeWiener:
        """Linear solver under this prior.

        Parameters
        ----------
        correlation : float
            Prior correlation of two bands, relative to their fluxes.
        strength : float
            Factor on the prior power; more than one smooths less.

        Returns
        -------
        FourierWiener or IterativeWiener
            Closed form where every Fourier mode stands alone, else conjugate gradients.
        """
        if self.closed:
            return self.closed_solver(correlation=correlation, strength=strength)
        return IterativeWiener(
            self.channels, *self._prior(correlation, strength), self.target, self.grid.shape
        )

    def closed_solver(self, *, correlation: float, strength: float = 1.0) -> FourierWiener:
        """Closed form of `solver`, for a prior that is `closed`."""
        power, covariance = self._prior(correlation, 1.0)
        return FourierWiener(self.channels, power, strength * covariance, self.target, self.grid.shape)

    def _prior(self, correlation: float, strength: float) -> tuple[Any, Any]:
        """Power of each mode, and covariance between bands."""
        n = len(self.bands)
        matrix = np.full((n, n), correlation) + (1.0 - correlation) * np.eye(n)
        covariance = matrix * np.outer(self.relative_flux, self.relative_flux)
        power = self.power.on(self.grid.shape, self.grid.scale)
        return power if strength == 1.0 else strength * power, covariance

    def with_model_error(self, error: float) -> ScenePrior:
        """The same with another relative model error of the wide bands."""
        wide = [replace(c, model_error=error) if c.model_error > 0 else c for c in self.channels]
        return replace(self, channels=tuple(wide))

    @cached_property
    def twin(self) -> ScenePrior:
        """Smaller patch with the same noise, PSFs and prior, without data; itself if noise varies."""
        step = max(c.factor for c in self.channels)
        shape = tuple(min(n, step * math.ceil(_TWIN / step)) for n in self.grid.shape)
        if not self.closed or shape == self.grid.shape:
            return self
        grid = Grid((shape[0], shape[1]), self.grid.scale)
        pairs = zip(self.channels, self.observations, strict=True)
        return replace(self, channels=tuple(c.like(o, grid) for c, o in pairs), grid=grid)


def scene_prior(
    observations: Sequence[Observation],
    grid: Grid,
    response: Response,
    *,
    target_fwhm: float,
    model_error: float,
    light: SceneLight | None = None,
) -> ScenePrior:
    """Channels and prior of a scene.

    Parameters
    ----------
    observations : sequence of Observation
        Images of one scene, any pixels.
    grid : Grid
        Pixel grid of the estimate.
    response : mapping
        For each wide band the weight of every other band in it: ``{"VIS": {"r": 0.38, "i": 0.35, "z":
        0.27}}``.
    target_fwhm : float
        FWHM in arcsec of the Gaussian target PSF.
    model_error : float
        Relative standard deviation of a wide band from its mixture.
    light : SceneLight, optional
        Power and colours of the scene, as of `ScenePrior.light`; measured where it is not given or knows not
        all bands.

    Returns
    -------
    ScenePrior
        Ready to be solved.

    Raises
    ------
    InputError
        If the observations do not fit the grid or each other, or none is of a narrow band.
    ParameterError
        If an observation has no noise level, or the response is not of these observations.

    Warns
    -----
    DisplacedImageWarning
        If images lie off the place of the sharpest one.
    """
    observations = check_observations(observations)
    bands = check_response(observations, response)
    channels = tuple(
        observed_channel(o, grid, bands, response, model_error, out=out)
        for o, out in zip(observations, _transfer_planes(observations, grid), strict=True)
    )
    if light is None or not set(bands) <= set(light.flux):
        sharpest = max(range(len(channels)), key=lambda i: sharpness(observations[i]))
        power = _power(observations[sharpest], channels[sharpest], grid)
        plane = power.on(grid.shape, grid.scale)
        flux, evidence = _relative_flux(observations, channels, channels[sharpest], plane, grid)
        fluxes, weights = (dict(zip(bands, map(float, values), strict=True)) for values in (flux, evidence))
        light = SceneLight(power, fluxes, weights, math.prod(grid.shape))
    return ScenePrior(bands, observations, channels, light, target_fwhm, grid)


def _transfer_planes(observations: Sequence[Observation], grid: Grid) -> list[Any]:
    """Planes for the transfer functions on a large grid, side by side from fine to coarse pixels."""
    factors = [None if o.varying_psf else commensurate_factor(o, grid) for o in observations]
    kinds = {
        np.result_type(o.image.dtype, np.complex64) for o in observations if is_numpy(namespace(o.image))
    }
    if remembered(grid) or not all(factors) or len(kinds) != 1:
        return [None] * len(factors)
    planes = np.empty((len(factors), grid.shape[0], grid.shape[1] // 2 + 1), kinds.pop())
    order = sorted(range(len(factors)), key=lambda i: factors[i] or 0)
    return [planes[order.index(i)] for i in range(len(factors))]


def _power(observation: Observation, channel: Channel, grid: Grid) -> ScenePower:
    if not channel.closed or channel.factor != 1:
        return observed_power(observation, grid.scale)
    power = scene_power(channel.data, channel.transfer, channel.sigma, modes=channel.modes)
    return replace(power, step=power.step / grid.scale)


def _relative_flux(
    observations: Sequence[Observation], channels: Sequence[Channel], sharp: Channel, power: Any, grid: Grid
) -> tuple[Any, Any]:
    """Flux of every band over that of the sharpest image, where both have light, and what it rests on.

    The sharpest image, deconvolved, is seen through each channel and fitted to its data; a prior of one,
    uncertain by one, keeps the answer sane where there is hardly any light. Pixels whose light the sharpest
    image has under its mask do not count. The same fit tells images that lie off their place.
    """
    from scipy import fft

    bands = channels[0].mix.size
    if sharp.transfer is not None and sharp.factor == 1:
        modes = np.empty((1, *power.shape), sharp.modes.dtype)
        data = sharp.modes

        def deconvolve(part: slice) -> None:
            passed, level = sharp.transfer[part], power[part]
            gain = level / (sharp.sigma**2 + squared(passed) * level)
            modes[0, part] = gain * passed.conj() * data[part]

        share_out(deconvolve, list(row_blocks(power.shape)))
    else:
        modes = fft.rfft2(sharp.operator.adjoint(sharp.data), norm="ortho")[None]
        modes *= power / (sharp.sigma**2 + (1.0 if sharp.transfer is None else sharp.gain) * power)
    closed = all(c.transfer is not None for c in channels)
    scene = None if closed else fft.irfft2(modes[0], s=grid.shape, norm="ortho")
    top, bottom = np.ones(bands), np.ones(bands)
    moved = []
    for c, observation in zip(channels, observations, strict=True):
        if np.count_nonzero(c.mix) != 1 or c is sharp:
            continue
        weight = (1.0 / c.sigma**2 if c.error is None else 1.0 / c.error**2) * _shown(sharp, c)
        seen = c.operator(scene) if c.transfer is None else c.seen(modes, np.ones(1))
        b = int(np.argmax(c.mix))
        if c.mix[b] != 1:
            seen = seen * float(c.mix[b])
        both, own = _products(weight, seen, c.data)
        top[b] += both
        bottom[b] += own
        off = displacement(seen, c.data, weight)
        if off is not None:
            moved.append((observation.band, observation.pixel_scale, off))
    warn_displaced(moved)
    flux = top / bottom
    return np.maximum(flux, 0.05 * max(float(flux.max()), 1e-6)), bottom


def _shown(sharp: Channel, channel: Channel) -> Any:
    """Which pixels of a channel hold light that the sharpest image shows, masks apart; one if all do."""
    from scipy import fft

    if sharp.used is None or sharp.used.all() or sharp.transfer is None or sharp.factor != 1:
        return 1.0
    scene = sharp.used.astype(channel.data.dtype)
    if channel.transfer is None:
        share = channel.operator(scene) / np.maximum(channel.operator(np.ones_like(scene)), 1e-30)
    else:
        modes = fft.rfft2(scene, norm="ortho", workers=fft_workers(scene))
        share = channel.seen(modes[None], np.ones(1)) / abs(channel.transfer[0, 0])
    return (share > _SHOWN).astype(channel.data.dtype)


def _products(weight: Any, seen: Any, data: Any) -> Any:
    """Weighted sums of an image times the data, and times itself."""
    shares: dict[int, Any] = {}

    def add(read: slice, own: slice, within: slice) -> None:
        weighted = (weight if np.ndim(weight) == 0 else weight[own]) * seen[own]
        shares[own.start] = [np.sum(weighted * image[own], dtype=np.float64) for image in (data, seen)]

    over_rows(add, seen.shape)
    return np.sum([shares[first] for first in sorted(shares)], axis=0)


def sharpness(observation: Observation) -> float:
    """Inverse squared width of the effective PSF, in arcsec: number of cells of noise in a unit of area."""
    psf = np.asarray(observation.psf_grid, dtype=np.float64).mean(axis=(0, 1))
    step = float(observation.psf_scale or observation.pixel_scale)
    area = step**2 * float(np.sum(psf)) ** 2 / float(np.sum(psf**2))
    pixel = observation.pixel_scale**2
    return 1.0 / (max(area, pixel) if observation.psf_includes_pixel else area + pixel)
