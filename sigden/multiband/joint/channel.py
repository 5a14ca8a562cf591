"""One observation as the joint solvers see it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np

from sigden.arrays import Kernel, is_numpy, namespace
from sigden.errors import InputError
from sigden.multiband.data.geometry import footprint
from sigden.multiband.data.grid import Grid
from sigden.multiband.data.observation import Observation
from sigden.multiband.data.response import Response
from sigden.multiband.forward.operator import (
    CommensurateForward,
    block_transfer,
    commensurate_factor,
    forward_operator,
)
from sigden.multiband.joint.planes import fft_workers
from sigden.multiband.psf.spectrum import psf_transfer
from sigden.operators import LinearOperator

__all__ = ["Channel", "observed_channel"]

_HERE = "sigden.multiband.joint"
_SEEN = Kernel(
    "joint_seen",
    generic=f"{_HERE}.posterior_generic:seen_modes",
    numba=f"{_HERE}.posterior_numba:seen_modes",
)


@dataclass(frozen=True, eq=False)
class Channel:
    """Data, noise and response of one observation.

    Parameters
    ----------
    data : numpy.ndarray, shape (rows, columns)
        Image in its own pixels, background taken off, zero where masked.
    mix : numpy.ndarray, shape (bands,)
        Weight of each band in this observation.
    sigma : float
        Noise rms per pixel; the root of the mean variance where it differs.
    transfer : numpy.ndarray, complex, shape (rows, columns // 2 + 1), optional
        Transfer function on the grid, before every `factor`-th pixel is taken; None where there is none.
    factor : int
        Native pixel over grid pixel, where there is a transfer function.
    model_error : float
        Relative standard deviation of the mixture, for observations of several bands.
    error : numpy.ndarray, shape (rows, columns), optional
        Noise rms of each pixel, infinite where it is not to be used; None where all are alike.
    response : LinearOperator, optional
        Forward operator, where there is no transfer function.
    blur : numpy.ndarray, shape (rows, columns // 2 + 1), optional
        Its squared gain for each mode of the grid, about, where there is no transfer function.
    """

    data: Any
    mix: Any
    sigma: float
    transfer: Any = None
    factor: int = 1
    model_error: float = 0.0
    error: Any = None
    response: LinearOperator | None = None
    blur: Any = None

    @property
    def gain(self) -> Any:
        """Squared gain for each mode of the grid, unitary DFTs, aliases apart."""
        return self.blur if self.transfer is None else np.abs(self.transfer / self.factor) ** 2

    @property
    def closed(self) -> bool:
        """Whether every Fourier mode stands alone: one transfer function and one noise level."""
        return self.transfer is not None and self.error is None

    @property
    def used(self) -> Any:
        """Pixels that count, or None for all."""
        return None if self.error is None else np.isfinite(self.error)

    @cached_property
    def operator(self) -> LinearOperator:
        """Forward operator from the scene of the mixture to the image."""
        if self.response is not None:
            return self.response
        shape = tuple(n * self.factor for n in self.data.shape)
        return CommensurateForward(self.transfer, (shape[0], shape[1]), self.factor)

    @cached_property
    def modes(self) -> Any:
        """Unitary DFT of the data, half plane."""
        from scipy import fft

        return fft.rfft2(self.data, norm="ortho", workers=fft_workers(self.data))

    def seen(self, modes: Any, mix: Any) -> Any:
        """Image of a scene, where there is a transfer function.

        Parameters
        ----------
        modes : numpy.ndarray, complex, shape (bands, rows, columns // 2 + 1)
            Unitary DFT of its bands.
        mix : numpy.ndarray, shape (bands,)
            Weight of each.

        Returns
        -------
        numpy.ndarray, shape (rows, columns)
            In the pixels of `data`.
        """
        from scipy import fft

        columns = self.data.shape[1] * self.factor
        half = _SEEN(self.transfer, modes, mix, self.factor, columns)
        return fft.irfft2(half, s=self.data.shape, norm="ortho", workers=fft_workers(self.data))

    def drawn(self, rng: np.random.Generator) -> Any:
        """Noise as it is in `data`, zero where pixels do not count."""
        noise = rng.standard_normal(self.data.shape).astype(self.data.dtype)
        if self.error is None:
            return noise * self.data.dtype.type(self.sigma)
        return noise * np.where(self.used, self.error, 0.0).astype(self.data.dtype)

    def like(self, observation: Observation, grid: Grid) -> Channel:
        """The same channel on another grid of the same pixels, without data.

        Parameters
        ----------
        observation : Observation
            Where it comes from.
        grid : Grid
            Whole native pixels of a closed channel.

        Returns
        -------
        Channel
            With data zero.
        """
        shape = tuple(n // self.factor for n in grid.shape)
        transfer = _transfer(observation, grid, self.factor)
        return replace(self, data=np.zeros(shape, self.data.dtype), transfer=transfer)


def observed_channel(
    observation: Observation,
    grid: Grid,
    bands: tuple[str, ...],
    response: Response,
    model_error: float,
    *,
    out: Any = None,
) -> Channel:
    """Channel of an observation.

    Parameters
    ----------
    observation : Observation
        Any pixels; NumPy arrays.
    grid : Grid
        Pixel grid of the estimate.
    bands : tuple of str
        Bands to estimate.
    response : mapping
        Weight of each band in every wide band, as `check_response` accepts it.
    model_error : float
        Relative standard deviation of a wide band from its mixture.
    out : numpy.ndarray, complex, shape (rows, columns // 2 + 1), optional
        Where to write the transfer function.

    Returns
    -------
    Channel
        With a transfer function if the pixels are blocks of the grid's and there is one PSF.

    Raises
    ------
    InputError
        If the arrays are not NumPy's, or nothing of the observation falls on the grid.
    ParameterError
        If there is no noise level.
    """
    band = observation.band
    if not is_numpy(namespace(observation.image)):
        raise InputError(f"band {band!r}: joint methods need NumPy arrays; move them to the host")
    factor = None if observation.varying_psf else commensurate_factor(observation, grid)
    common: dict[str, Any] = {
        "mix": _mix(band, bands, response),
        "factor": factor or 1,
        "model_error": model_error if band in response else 0.0,
        "transfer": None if factor is None else _transfer(observation, grid, factor, out),
    }
    if factor is not None and observation.uniform_sigma is not None:
        return Channel(data=observation.values, sigma=observation.uniform_sigma, **common)
    error = np.sqrt(observation.noise_variance)
    if observation.mask is not None:
        error = np.where(observation.mask, np.inf, error)
    operator = None
    if factor is None:
        operator = forward_operator(observation, grid)
        error = np.where(footprint(observation, grid), error, np.inf)
    known = error[np.isfinite(error)]
    if known.size == 0:
        raise InputError(f"band {band!r}: no pixel with data falls on the grid")
    alike = known.size == error.size and known.min() == known.max()
    return Channel(
        data=np.where(np.isfinite(error), observation.values, 0.0).astype(observation.values.dtype),
        sigma=float(np.sqrt(np.mean(known**2))),
        error=None if alike and factor is not None else error,
        response=operator,
        blur=None if operator is None else _squared_gain(observation, grid),
        **common,
    )


def _transfer(observation: Observation, grid: Grid, factor: int, out: Any = None) -> Any:
    """Transfer function in the precision of the image."""
    single = observation.values.dtype == np.float32
    return block_transfer(observation, observation.psf, grid, factor, single=single, out=out)


def _squared_gain(observation: Observation, grid: Grid) -> Any:
    """Gain of blur and sampling, for axes along those of the grid and the mean PSF."""
    ratio = observation.pixel_scale / grid.scale
    psf = np.mean(np.asarray(observation.psf_grid, dtype=np.float64), axis=(0, 1))
    step = float(observation.psf_scale or observation.pixel_scale)
    transfer = psf_transfer(psf, grid.shape, psf_scale=step, scale=grid.scale)
    if not observation.psf_includes_pixel:
        transfer = transfer * np.sinc(ratio * np.fft.fftfreq(grid.shape[0]))[:, None]
        transfer = transfer * np.sinc(ratio * np.fft.rfftfreq(grid.shape[1]))
    return ratio**2 * np.abs(transfer) ** 2


def _mix(band: str, bands: tuple[str, ...], response: Response) -> Any:
    if band not in response:
        return np.array([float(b == band) for b in bands])
    return np.array([float(response[band].get(b, 0.0)) for b in bands])
