"""Posterior mean of several bands, closed form for each Fourier mode, aliasing included."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np

from sigden.arrays import Kernel, namespace
from sigden.errors import InputError
from sigden.multiband.joint.channel import Channel
from sigden.multiband.joint.planes import fft_workers, image_of, joined, mode_weight

__all__ = ["FourierWiener", "System"]

_HERE = "sigden.multiband.joint"
_ESTIMATE = Kernel(
    "joint_estimate",
    generic=f"{_HERE}.posterior_generic:estimate_modes",
    numba=f"{_HERE}.estimate_numba:estimate_modes",
)
_EVIDENCE = Kernel(
    "joint_evidence",
    generic=f"{_HERE}.posterior_generic:evidence",
    numba=f"{_HERE}.posterior_numba:evidence",
)
_NOISE = Kernel(
    "joint_noise",
    generic=f"{_HERE}.posterior_generic:propagated_noise",
    numba=f"{_HERE}.noise_numba:propagated_noise",
)


class System(NamedTuple):
    """Linear system of every coarse frequency, as the kernels take it; channels from fine to coarse.

    Parameters
    ----------
    transfers : numpy.ndarray, complex, shape (channels, rows, columns // 2 + 1)
        Transfer function of each channel, before every `factor`-th pixel is taken.
    power, target : numpy.ndarray, shape (rows, columns // 2 + 1)
        Prior power and transfer function of the target.
    factors : numpy.ndarray of int64, shape (channels,)
        Native pixel over grid pixel, ascending.
    where : numpy.ndarray of int64, shape (channels, aliases)
        Datum that an alias falls on.
    couple : numpy.ndarray, shape (channels, channels)
        Prior covariance between the channels' mixtures, model error included.
    cross : numpy.ndarray, shape (channels, bands)
        Prior covariance between mixtures and bands.
    variance : numpy.ndarray, shape (data,)
        Noise of each datum.
    mix : numpy.ndarray, shape (channels, bands)
        Weight of each band in the channels' mixtures.
    """

    transfers: Any
    power: Any
    target: Any
    factors: Any
    where: Any
    couple: Any
    cross: Any
    variance: Any
    mix: Any


class FourierWiener:
    """Linear estimate of all bands from all channels under a stationary Gaussian prior.

    Parameters
    ----------
    channels : sequence of Channel
        Observations of one scene; every factor divides the largest.
    power : numpy.ndarray, shape (rows, columns // 2 + 1)
        Prior power of each mode of the scene before any PSF, for DFTs divided by the square root of the
        number of pixels.
    band_covariance : numpy.ndarray, shape (bands, bands)
        Prior covariance between bands, the same at all frequencies.
    target : numpy.ndarray, shape (rows, columns // 2 + 1)
        Transfer function of the target PSF, real.
    shape : tuple of int
        Rows and columns of the grid.

    Notes
    -----
    A channel of factor k sees the sum of the k x k modes that alias to one of its own. For each frequency of
    the coarsest channel the modes x of all aliases and bands and the data d of all channels are jointly
    Gaussian,

    .. math:: \\hat x = S A^H (A S A^H + N)^{-1} d, \\qquad C = S - S A^H (A S A^H + N)^{-1} A S,

    a system of as many unknowns as data: seven for one wide band and three bands at half its sampling.
    Channels in single precision are transformed in single precision; the systems are solved in double.
    """

    def __init__(
        self,
        channels: Sequence[Channel],
        power: Any,
        band_covariance: Any,
        target: Any,
        shape: tuple[int, int],
    ) -> None:
        self.channels = tuple(channels)
        self.shape = (int(shape[0]), int(shape[1]))
        self.factor = max(c.factor for c in channels)
        for c in channels:
            if self.factor % c.factor or any(n % self.factor for n in self.shape):
                raise InputError(
                    f"channels: pixel factor {c.factor} and grid {self.shape} do not fit the coarsest factor "
                    f"{self.factor}; crop the images to whole coarse pixels"
                )
        self.covariance = np.asarray(band_covariance, dtype=np.float64)
        self.dtype = np.result_type(*(c.data.dtype for c in channels), np.float32)
        self._order = sorted(range(len(self.channels)), key=lambda i: self.channels[i].factor)
        self._power = power
        self._target = target
        self.system = self._system()

    def _system(self) -> System:
        ordered = [self.channels[i] for i in self._order]
        kind = np.result_type(self.dtype, np.complex64)
        counts = [(self.factor // c.factor) ** 2 for c in ordered]
        first = np.concatenate(([0], np.cumsum(counts)[:-1]))
        row, column = np.divmod(np.arange(self.factor**2), self.factor)
        where = [
            f
            + (row % (self.factor // c.factor)) * (self.factor // c.factor)
            + column % (self.factor // c.factor)
            for f, c in zip(first, ordered, strict=True)
        ]
        transfers = joined([c.transfer.astype(kind, copy=False) for c in ordered])
        mixes = np.stack([c.mix for c in ordered])
        couple = mixes @ self.covariance @ mixes.T
        couple += np.diag([v * c.model_error**2 for v, c in zip(np.diag(couple), ordered, strict=True)])
        return System(
            transfers=transfers.reshape(len(ordered), *ordered[0].transfer.shape),
            power=np.ascontiguousarray(self._power, dtype=np.float64),
            target=np.ascontiguousarray(self._target, dtype=np.float64),
            factors=np.array([c.factor for c in ordered], dtype=np.int64),
            where=np.stack(where).astype(np.int64),
            couple=couple,
            cross=np.ascontiguousarray(mixes @ self.covariance),
            variance=np.repeat([c.sigma**2 for c in ordered], counts),
            mix=np.ascontiguousarray(mixes),
        )

    def _run(self, kernel: Kernel, *args: Any) -> Any:
        system = self.system
        run: Callable[..., Any] = kernel.implementation(kernel.choose(namespace(system.transfers)))
        return run(system, *args, self.shape[1])

    @cached_property
    def _covariances(self) -> tuple[Any, Any]:
        _, propagated, explained = self._run(_NOISE, np.empty((0, len(self.covariance))))
        return propagated / math.prod(self.shape), explained / math.prod(self.shape)

    @property
    def noise_covariance(self) -> Any:
        """Covariance between bands of one pixel's propagated noise, shape (bands, bands)."""
        return self._covariances[0]

    @cached_property
    def covariance_of_error(self) -> Any:
        """Covariance between bands of one pixel's error, under the prior, shape (bands, bands)."""
        prior = float(np.sum(mode_weight(self.shape[1]) * self._power * self._target**2)) / math.prod(
            self.shape
        )
        return prior * self.covariance - self._covariances[1]

    def apply(self, images: Sequence[Any], *, noise: bool = False) -> Any:
        """Posterior mean for data of the same channels.

        Parameters
        ----------
        images : sequence of numpy.ndarray
            One for each channel, shape ``(..., rows / factor, columns / factor)``; leading axes are a batch.
        noise : bool
            Whether these are noise, for which an iteration would stop earlier; the closed form is exact.

        Returns
        -------
        numpy.ndarray, shape ``(..., bands, rows, columns)``
            Mean at the target PSF.
        """
        lead = images[0].shape[:-2]
        bands = len(self.covariance)
        if not lead:
            return self.image(self.modes(images))
        out = np.empty((*lead, bands, *self.shape), dtype=self.dtype)
        for index in np.ndindex(*lead):
            out[index] = self.image(self.modes([image[index] for image in images]))
        return out

    def modes(self, images: Sequence[Any]) -> Any:
        """Modes of the posterior mean for one set of data.

        Parameters
        ----------
        images : sequence of numpy.ndarray
            One for each channel, shape ``(rows / factor, columns / factor)``.

        Returns
        -------
        numpy.ndarray, complex, shape (bands, rows, columns // 2 + 1)
            At the target PSF, for DFTs divided by the square root of the number of pixels.
        """
        return self._run(_ESTIMATE, *self._packed(images), None, False)[0]

    def improved(
        self, images: Sequence[Any], given: Any = None, *, residual: bool = False
    ) -> tuple[Any, list[Any]]:
        """An estimate and the posterior mean of what the data hold beyond it, in one step.

        Parameters
        ----------
        images : sequence of numpy.ndarray
            Data of each channel, shape ``(rows / factor, columns / factor)``.
        given : numpy.ndarray, shape (bands, rows, columns), optional
            Estimate at the target PSF; zero by default.
        residual : bool
            Whether to say what remains.

        Returns
        -------
        estimate : numpy.ndarray, shape (bands, rows, columns)
            Sum of both.
        residual : list of numpy.ndarray
            Data less the prediction of that sum, as `ScenePrior.predict` gives it; empty if not asked for.
        """
        from scipy import fft

        if given is not None:
            given = fft.rfft2(given, norm="ortho", workers=fft_workers(given))
        data, start = self._packed(images)
        modes, left = self._run(_ESTIMATE, data, start, given, residual)
        del given
        estimate = self.image(modes)
        if not residual:
            return estimate, []
        rest: list[Any] = [None] * len(self.channels)
        for begin, i in zip(start, self._order, strict=True):
            rows, columns = (n // self.channels[i].factor for n in self.shape)
            half = left[begin : begin + rows * (columns // 2 + 1)].reshape(rows, -1)
            rest[i] = image_of(half, (rows, columns))
        return estimate, rest

    def evidence(self, images: Sequence[Any]) -> float:
        """Log likelihood of data of the same channels under this prior, but for a constant.

        Parameters
        ----------
        images : sequence of numpy.ndarray
            One for each channel, shape ``(rows / factor, columns / factor)``.

        Returns
        -------
        float
            To be compared between priors.
        """
        return self._run(_EVIDENCE, *self._packed(images))

    def _packed(self, images: Sequence[Any]) -> tuple[Any, Any]:
        """Half planes of the channels' modes one after the other, and where each begins."""
        halves = [self._half(self.channels[i], images[i]) for i in self._order]
        start = np.concatenate(([0], np.cumsum([h.size for h in halves])[:-1])).astype(np.int64)
        data = joined(halves)
        for i, begin, half in zip(self._order, start, halves, strict=True):
            kept = self.channels[i].__dict__
            if "modes" in kept and half is kept["modes"]:
                # next time, and for other solvers, they lie one after the other
                kept["modes"] = data[begin : begin + half.size].reshape(half.shape)
        return data, start

    @property
    def noise_variance(self) -> Any:
        """Variance of each pixel's propagated noise, the same everywhere, shape (bands, 1, 1)."""
        return np.diag(self.noise_covariance)[:, None, None]

    def levels(self, combinations: Any, scales: int) -> Any:
        """Variance of the starlet details of the propagated noise in combinations of bands.

        Parameters
        ----------
        combinations : numpy.ndarray, shape (combinations, bands)
            Weight of each band.
        scales : int
            Number of detail scales.

        Returns
        -------
        numpy.ndarray, shape (combinations, scales, 1, 1)
            The same everywhere.
        """
        from sigden.denoisers.starlet.transform import scale_transfer

        power = self.noise_power(combinations)
        weight = mode_weight(self.shape[1]) / math.prod(self.shape)
        rows = [np.sum(power * scale_transfer(self.shape, j) ** 2, axis=-2) @ weight for j in range(scales)]
        return np.stack(rows, axis=-1)[..., None, None]

    def noise_power(self, combinations: Any) -> Any:
        """Power of the propagated noise in combinations of bands.

        Parameters
        ----------
        combinations : numpy.ndarray, shape (combinations, bands)
            Weight of each band.

        Returns
        -------
        numpy.ndarray, shape (combinations, rows, columns // 2 + 1)
            Mean square of each mode, for DFTs divided by the square root of the number of pixels.
        """
        noise, propagated, explained = self._run(_NOISE, np.ascontiguousarray(combinations, dtype=np.float64))
        self.__dict__["_covariances"] = tuple(c / math.prod(self.shape) for c in (propagated, explained))
        return noise

    def _half(self, channel: Channel, image: Any) -> Any:
        from scipy import fft

        if image is channel.data and image.dtype == self.dtype:
            return channel.modes
        image = image.astype(self.dtype, copy=False)
        return fft.rfft2(image, norm="ortho", workers=fft_workers(image))

    def image(self, modes: Any) -> Any:
        """Images of the modes that `modes` gives, which are overwritten, shape (bands, rows, columns)."""
        return image_of(modes, self.shape)
