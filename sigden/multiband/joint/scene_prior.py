"""From observations to the Fourier solver: channels, band fluxes, prior."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from sigden.errors import InputError, ParameterError
from sigden.multiband.data.grid import Grid
from sigden.multiband.data.observation import Observation
from sigden.multiband.data.power import scene_power
from sigden.multiband.forward.operator import commensurate_factor, transfer
from sigden.multiband.joint.fourier_wiener import Channel, FourierWiener
from sigden.multiband.joint.planes import fft_workers, weighted_sum

__all__ = ["ScenePrior", "scene_prior"]

_TARGET_FLOOR = 1e-6

Response = Mapping[str, Mapping[str, float]]


@dataclass(frozen=True, eq=False)
class ScenePrior:
    """Channels of one scene with what is known about it before the solve.

    Parameters
    ----------
    bands : tuple of str
        Bands to estimate.
    channels : tuple of Channel
        One for each observation, in order.
    power : numpy.ndarray, shape (rows, columns // 2 + 1)
        Power of the scene in the wide band.
    relative_flux : numpy.ndarray, shape (bands,)
        Flux of each band over that of the wide band.
    target : numpy.ndarray, shape (rows, columns // 2 + 1)
        Transfer function of the target PSF.
    shape : tuple of int
        Rows and columns of the grid.
    """

    bands: tuple[str, ...]
    channels: tuple[Channel, ...]
    power: Any
    relative_flux: Any
    target: Any
    shape: tuple[int, int]

    def predict(self, estimate: Any) -> list[Any]:
        """Images that an estimate at the target PSF predicts.

        Parameters
        ----------
        estimate : numpy.ndarray, shape (bands, rows, columns)
            Flux per grid pixel.

        Returns
        -------
        list of numpy.ndarray
            One for each channel, in its native pixels.
        """
        from scipy import fft

        shape = estimate.shape[-2:]
        passed = self.target > _TARGET_FLOOR
        sharpen = np.where(passed, 1.0 / np.where(passed, self.target, 1.0), 0.0)
        modes = fft.rfft2(estimate, workers=fft_workers(estimate)) * sharpen.astype(
            estimate.dtype, copy=False
        )
        out = []
        for c in self.channels:
            seen = c.transfer.astype(modes.dtype, copy=False) * weighted_sum(c.mix, modes)
            image = fft.irfft2(seen, s=shape, workers=fft_workers(estimate))
            out.append(image[:: c.factor, :: c.factor])
        return out

    def solver(self, *, correlation: float, strength: float = 1.0) -> FourierWiener:
        """Linear solver under this prior.

        Parameters
        ----------
        correlation : float
            Prior correlation of two bands, relative to their fluxes.
        strength : float
            Factor on the prior power; more than one smooths less.

        Returns
        -------
        FourierWiener
            Closed-form solver.
        """
        n = len(self.bands)
        matrix = np.full((n, n), correlation) + (1.0 - correlation) * np.eye(n)
        covariance = matrix * np.outer(self.relative_flux, self.relative_flux)
        return FourierWiener(self.channels, strength * self.power, covariance, self.target, self.shape)


def scene_prior(
    observations: Sequence[Observation],
    grid: Grid,
    response: Response,
    *,
    target: Any,
    model_error: float,
) -> ScenePrior:
    """Channels and prior of a scene.

    Parameters
    ----------
    observations : sequence of Observation
        Every pixel grid a whole multiple of `grid`, each with one noise level.
    grid : Grid
        Pixel grid of the estimate.
    response : mapping
        For each wide band the weight of every other band in it: ``{"VIS": {"r": 0.38, "i": 0.35, "z":
        0.27}}``.
    target : numpy.ndarray, shape (rows, columns // 2 + 1)
        Transfer function of the target PSF.
    model_error : float
        Relative standard deviation of a wide band from its mixture.

    Returns
    -------
    ScenePrior
        Ready to be solved.

    Raises
    ------
    InputError
        If an observation is not commensurate with the grid, has a noise map or masked pixels, or a band is
        missing.
    """
    bands = tuple(dict.fromkeys(o.band for o in observations if o.band not in response))
    if not bands:
        raise InputError(
            "observations: every band is declared wide in `response`; at least one narrow band is needed"
        )
    channels = tuple(_channel(o, grid, bands, response, model_error) for o in observations)
    flux = np.array(
        [
            np.mean([c.data.sum() for o, c in zip(observations, channels, strict=True) if o.band == b])
            for b in bands
        ]
    )
    sharpest = max(range(len(channels)), key=lambda i: _sharpness(channels[i]))
    wide = channels[sharpest]
    total = float(wide.mix @ flux)
    if not (total > 0 and (flux > 0).all()):
        listed = ", ".join(f"{b}: {f:.3g}" for b, f in zip(bands, flux, strict=True))
        raise InputError(f"observations: the total flux of every band must be positive, got {listed}")
    if wide.factor != 1:
        raise InputError(
            f"{observations[sharpest].band}: the sharpest observation must be sampled like the grid"
        )
    power = scene_power(wide.data, wide.transfer, wide.sigma)
    return ScenePrior(bands, channels, power, flux / total, target, grid.shape)


def _channel(
    observation: Observation, grid: Grid, bands: tuple[str, ...], response: Response, model_error: float
) -> Channel:
    band = observation.band
    factor = commensurate_factor(observation, grid)
    if factor is None:
        raise InputError(
            f"{band}: its pixels are no whole multiple of the grid's; closed forms need commensurate grids"
        )
    mask = None if observation.mask is None or not np.any(observation.mask) else np.asarray(observation.mask)
    variance = np.asarray(observation.noise_variance)
    known = variance if mask is None else variance[~mask]
    if known.size == 0 or known.min() != known.max():
        raise InputError(f"{band}: the closed-form methods need one noise level, and some unmasked pixels")
    data = np.asarray(observation.values)
    return Channel(
        data=data if mask is None else _guessed(data, mask),
        transfer=transfer(observation, grid),
        factor=factor,
        mix=_mix(band, bands, response),
        sigma=float(np.sqrt(known.flat[0])),
        model_error=model_error if band in response else 0.0,
        mask=mask,
    )


def _guessed(data: Any, mask: Any) -> Any:
    """Masked pixels by the mean of their neighbours, from ever farther away."""
    from scipy.ndimage import gaussian_filter

    out, missing, width = data.copy(), mask.copy(), 1.0
    while missing.any():
        weight = gaussian_filter((~mask).astype(float), width, mode="wrap")
        mean = gaussian_filter(np.where(mask, 0.0, data), width, mode="wrap") / np.maximum(weight, 1e-300)
        near = missing & (weight > 0.01)
        out[near] = mean[near]
        missing &= ~near
        width *= 2.0
    return out


def _mix(band: str, bands: tuple[str, ...], response: Response) -> Any:
    if band not in response:
        return np.array([float(b == band) for b in bands])
    unknown = sorted(set(response[band]) - set(bands))
    if unknown:
        raise ParameterError(f"response: {band} mixes {', '.join(unknown)}, which no observation shows")
    return np.array([float(response[band].get(b, 0.0)) for b in bands])


def _sharpness(channel: Channel) -> float:
    """Number of modes that pass with more than a tenth of the flux."""
    passed = np.abs(channel.transfer) > 0.1 * np.abs(channel.transfer[0, 0])
    return float(passed.sum())
