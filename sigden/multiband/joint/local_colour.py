"""Sharp image of the wide band times a smooth map of colour for each band."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np

from sigden.errors import InputError, ParameterError
from sigden.method import Method
from sigden.multiband.data.grid import Grid
from sigden.multiband.data.observation import Observation
from sigden.multiband.data.response import Response
from sigden.multiband.data.result import MultibandResult
from sigden.multiband.joint.channel import Channel
from sigden.multiband.joint.colour_field import any_pixels, closed_form
from sigden.multiband.joint.fourier_wiener import FourierWiener
from sigden.multiband.joint.scene_prior import ScenePrior, scene_prior
from sigden.multiband.joint.units import in_unit_of_noise

__all__ = ["LocalColour"]

_FWHM_TO_SIGMA = 1.0 / math.sqrt(8.0 * math.log(2.0))


@dataclass(frozen=True, kw_only=True)
class LocalColour(Method):
    """Local colour: the deconvolved image of the wide band times a smooth map of colour for each band.

    Parameters
    ----------
    target_fwhm : float, default 0.2
        FWHM in arcsec of the Gaussian PSF of the estimate (effective, pixel included).
    window_fwhm : float, default 0.8
        FWHM in arcsec of the Gaussian window in which a colour is fitted.
    colour_scatter : float, default 0.5
        Relative standard deviation of local colours about that of the whole scene.

    Notes
    -----
    The wide band is deconvolved to the target PSF by a Wiener filter whose prior power is measured in it. In
    the window g about a pixel the band's image y is fitted by a multiple of the prediction v, which is the
    deconvolved wide band through the forward operator of y with noise s,

    .. math:: c = \\frac{\\sum g \\, v y / s^2 + c_0 / t^2}{\\sum g \\, v^2 / s^2 + 1 / t^2},

    where c0 is the ratio of the total fluxes and t the scatter of colours in its unit: without light the
    colour falls back to c0. The detail of all bands is that of the wide one: what differs within a window is
    lost. It is the fastest of the joint methods and what the others must beat.

    Where every image's pixels are whole multiples of the grid's and its noise is uniform, all is in closed
    form with periodic borders. Any other pixels, rotations, noise maps, masks and PSFs that vary go through
    their forward operators: the wide band is deconvolved by `WienerDeconvolution`, sums run over the pixels
    with data, and `uncertainty` is NaN: `bootstrap` measures it.

    In closed form `uncertainty` holds the propagated noise of the wide band and of the colour in its window,
    to first order: it is a guide where the window holds little light, and detail lost within a window is not
    in it. `details` holds ``colour``, the maps, and ``wide``, the deconvolved wide band.

    References
    ----------
    .. [1] B. Aiazzi, L. Alparone, S. Baronti, A. Garzelli and M. Selva, "MTF-tailored multiscale fusion of
       high-resolution MS and Pan imagery", Photogramm. Eng. Remote Sens. 72 (2006), 591, sections 2 and 3.
    """

    axes: ClassVar[str] = "list of (rows, columns) -> (bands, rows, columns)"

    target_fwhm: float = 0.2
    window_fwhm: float = 0.8
    colour_scatter: float = 0.5

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in ("target_fwhm", "window_fwhm", "colour_scatter"):
            value = getattr(self, name)
            if not 0 < value < math.inf:
                raise ParameterError(f"{name}: must be positive and finite, got {value}")

    @in_unit_of_noise
    def __call__(
        self, observations: Sequence[Observation], grid: Grid, *, response: Response
    ) -> MultibandResult:
        """Estimate all bands.

        Parameters
        ----------
        observations : sequence of Observation
            Images of one scene, at least one of them of a wide band.
        grid : Grid
            Pixel grid of the estimate.
        response : mapping
            Weight of each band in every wide band, ``{"VIS": {"r": 0.38, "i": 0.35, "z": 0.27}}``.

        Returns
        -------
        MultibandResult
            Images at the target PSF.

        Raises
        ------
        InputError
            If the observations do not fit the grid or each other, or none is of a wide band.
        """
        if not closed_form(observations, grid, response):
            found = any_pixels(self, observations, grid, response)
            count = len(found.bands)
            return MultibandResult(
                estimate=found.estimate,
                uncertainty=np.full(found.estimate.shape, math.nan),
                noise_covariance=np.full((count, count), math.nan),
                bands=found.bands,
                grid=grid,
                target_fwhm=self.target_fwhm,
                details={"colour": found.colour, "wide": found.wide},
            )
        prior = scene_prior(observations, grid, response, target_fwhm=self.target_fwhm, model_error=0.0)
        wide = _sharpest_wide(observations, prior.channels, response)
        flux = prior.relative_flux / float(wide.mix @ prior.relative_flux)
        image, modes, error = _deconvolved(wide, prior)
        colour = np.empty((len(prior.bands), *grid.shape))
        variance = np.empty_like(colour)
        for index, band in enumerate(prior.bands):
            channels = [c for o, c in zip(observations, prior.channels, strict=True) if o.band == band]
            colour[index], variance[index] = self._colour(channels, modes, grid, float(flux[index]))
        noise = (colour * error) ** 2 + variance * image**2
        shared = np.einsum("brc,drc->bd", colour, colour) * error**2 / image.size
        own = np.mean(variance * image**2, axis=(-2, -1))
        return MultibandResult(
            estimate=colour * image,
            uncertainty=np.sqrt(noise),
            noise_covariance=shared + np.diag(own),
            bands=prior.bands,
            grid=grid,
            target_fwhm=self.target_fwhm,
            details={"colour": colour, "wide": image},
        )

    def _colour(self, channels: Sequence[Channel], modes: Any, grid: Grid, mean: float) -> tuple[Any, Any]:
        """Colour and the variance of its noise in every pixel of the grid."""
        from scipy import fft
        from scipy.ndimage import gaussian_filter

        precision = (self.colour_scatter * mean) ** -2
        top = np.full(grid.shape, precision * mean)
        bottom = np.full(grid.shape, precision)
        information = np.zeros(grid.shape)
        for c in channels:
            seen = fft.irfft2(modes * c.transfer, s=grid.shape)[:: c.factor, :: c.factor]
            width = self.window_fwhm * _FWHM_TO_SIGMA / (grid.scale * c.factor)
            area = max(2.0 * math.pi * width**2, 1.0)
            weight = np.broadcast_to(1.0 / (c.sigma if c.error is None else c.error) ** 2, seen.shape)
            sums = [area * gaussian_filter(weight * seen * d, width, mode="wrap") for d in (c.data, seen)]
            squared = 0.5 * area * gaussian_filter(weight * seen**2, width / math.sqrt(2.0), mode="wrap")
            top += _on_grid(sums[0], c.factor)
            bottom += _on_grid(sums[1], c.factor)
            information += _on_grid(squared, c.factor)
        return top / bottom, information / bottom**2


def _sharpest_wide(
    observations: Sequence[Observation], channels: Sequence[Channel], response: Response
) -> Channel:
    wide = [c for o, c in zip(observations, channels, strict=True) if o.band in response and c.factor == 1]
    if not wide:
        raise InputError(
            "observations: no wide band of `response` is sampled like the grid; local colour needs one"
        )
    return max(wide, key=lambda c: float(np.sum(np.abs(c.transfer) > 0.1 * np.abs(c.transfer[0, 0]))))


def _deconvolved(wide: Channel, prior: ScenePrior) -> tuple[Any, Any, float]:
    """Wide band at the target PSF, its modes before any PSF, and its noise per pixel."""
    from scipy import fft

    shape = prior.grid.shape
    power = prior.power.on(shape, prior.grid.scale)
    alone = replace(wide, data=_filled(wide), error=None, mix=np.ones(1))
    solver = FourierWiener([alone], power, np.ones((1, 1)), prior.target, shape)
    gain = power * wide.transfer.conj() / (power * np.abs(wide.transfer) ** 2 + wide.sigma**2)
    modes = gain * fft.rfft2(alone.data)
    error = math.sqrt(float(solver.noise_covariance[0, 0]))
    return solver.apply([alone.data])[0], modes, error


def _filled(channel: Channel) -> Any:
    """Data with unused pixels by the mean of their neighbours, from ever farther away."""
    from scipy.ndimage import gaussian_filter

    if channel.used is None:
        return channel.data
    out, missing, width = channel.data.copy(), ~channel.used, 1.0
    while missing.any():
        weight = gaussian_filter((~missing).astype(float), width, mode="wrap")
        mean = gaussian_filter(np.where(missing, 0.0, out), width, mode="wrap") / np.maximum(weight, 1e-300)
        near = missing & (weight > 0.01)
        out[near] = mean[near]
        missing &= ~near
        width *= 2.0
    return out


def _on_grid(values: Any, factor: int) -> Any:
    """Values at the centres of blocks, interpolated linearly to the pixels of the grid."""
    from scipy.ndimage import map_coordinates

    if factor == 1:
        return values
    shape = tuple(n * factor for n in values.shape)
    places = (np.indices(shape) - (factor - 1) / 2) / factor
    return map_coordinates(values, places, order=1, mode="grid-wrap")
