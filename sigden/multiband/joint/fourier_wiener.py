"""Posterior mean of several bands, closed form for each Fourier mode, aliasing included."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from sigden.errors import InputError

__all__ = ["Channel", "FourierWiener"]


@dataclass(frozen=True)
class Channel:
    """One observation as the Fourier solver sees it.

    Parameters
    ----------
    data : numpy.ndarray, shape (rows / factor, columns / factor)
        Image, background taken off.
    transfer : numpy.ndarray, complex, shape (rows, columns)
        Full transfer function on the fine grid, before every `factor`-th pixel is taken.
    factor : int
        Native pixel over grid pixel.
    mix : numpy.ndarray, shape (bands,)
        Weight of each band in this observation.
    sigma : float
        Noise rms per native pixel.
    model_error : float
        Relative standard deviation of the mixture, for observations of several bands.
    mask : numpy.ndarray of bool, optional
        True where `data` is a guess; the closed form itself takes all pixels as data.
    """

    data: Any
    transfer: Any
    factor: int
    mix: Any
    sigma: float
    model_error: float = 0.0
    mask: Any = None


class FourierWiener:
    """Linear estimate of all bands from all channels under a stationary Gaussian prior.

    Parameters
    ----------
    channels : sequence of Channel
        Observations of one scene; every factor divides the largest.
    power : numpy.ndarray, shape (rows, columns)
        Prior power of each mode of the scene before any PSF, for DFTs divided by the square root of the
        number of pixels.
    band_covariance : numpy.ndarray, shape (bands, bands)
        Prior covariance between bands, the same at all frequencies.
    target : numpy.ndarray, shape (rows, columns)
        Transfer function of the target PSF.

    Notes
    -----
    A channel of factor k sees the sum of the k x k modes that alias to one of its own. For each frequency of
    the coarsest channel the modes x of all aliases and bands and the data d of all channels are jointly
    Gaussian,

    .. math:: \\hat x = S A^H (A S A^H + N)^{-1} d, \\qquad C = S - S A^H (A S A^H + N)^{-1} A S,

    a system of as many unknowns as data: seven for one wide band and three bands at half its sampling.
    """

    def __init__(self, channels: Sequence[Channel], power: Any, band_covariance: Any, target: Any) -> None:
        self.shape = tuple(power.shape)
        self.factor = max(c.factor for c in channels)
        for c in channels:
            if self.factor % c.factor or any(n % self.factor for n in self.shape):
                raise InputError(
                    f"channels: pixel factor {c.factor} and grid {self.shape} do not fit the coarsest factor "
                    f"{self.factor}; crop the images to whole coarse pixels"
                )
        self.channels = tuple(channels)
        self.covariance = np.asarray(band_covariance, dtype=np.float64)
        self._power = self._half(power)
        self._target = self._half(target)
        counts = [(self.factor // c.factor) ** 2 for c in self.channels]
        levels = [np.full(m, c.sigma**2) for m, c in zip(counts, self.channels, strict=True)]
        self._noise_diagonal = np.concatenate(levels)
        self._gain, self._back = self._solve()

    def _half(self, full: Any) -> Any:
        """(rows / k, columns / 2k + 1, k * k) aliases of every non-negative coarse column frequency."""
        k = self.factor
        rows, columns = self.shape[0] // k, self.shape[1] // k
        folded = full.reshape(k, rows, k, columns).transpose(1, 3, 0, 2)[:, : columns // 2 + 1]
        return np.ascontiguousarray(folded).reshape(rows, columns // 2 + 1, k * k)

    def _groups(self, factor: int) -> Any:
        """Which mode of a channel each of the k * k aliases falls on."""
        q = self.factor // factor
        first, second = np.divmod(np.arange(self.factor**2), self.factor)
        return (first % q) * q + second % q

    def _system(self) -> list[Any]:
        """For each channel its response (rows, columns, data, aliases) to one band of unit weight."""
        out = []
        for c in self.channels:
            response = self._half(c.transfer) / c.factor
            select = np.eye((self.factor // c.factor) ** 2)[:, self._groups(c.factor)]
            out.append(response[:, :, None, :] * select)
        return out

    def _solve(self) -> tuple[list[Any], list[Any]]:
        system = self._system()
        cross = [self.covariance @ c.mix for c in self.channels]
        sizes = [a.shape[2] for a in system]
        edges = np.concatenate(([0], np.cumsum(sizes)))
        shape = self._power.shape[:2]
        matrix = np.zeros((*shape, edges[-1], edges[-1]), dtype=np.complex128)
        seen = [a * self._power[:, :, None, :] for a in system]
        for i, c in enumerate(self.channels):
            for j, other in enumerate(self.channels[: i + 1]):
                block = seen[i] @ system[j].conj().swapaxes(-1, -2) * (other.mix @ cross[i])
                if i == j:
                    block = block * (1.0 + c.model_error**2) + np.eye(sizes[i]) * c.sigma**2
                matrix[:, :, edges[i] : edges[i + 1], edges[j] : edges[j + 1]] = block
                if i != j:
                    matrix[:, :, edges[j] : edges[j + 1], edges[i] : edges[i + 1]] = block.conj().swapaxes(
                        -1, -2
                    )
        inverse = np.linalg.inv(matrix)
        # S A^H for every band, at the target PSF
        spatial = [x.conj().swapaxes(-1, -2) * self._target[..., None] for x in seen]
        back = [
            np.concatenate([x * w[b] for x, w in zip(spatial, cross, strict=True)], axis=-1)
            for b in range(self.covariance.shape[0])
        ]
        return [x @ inverse for x in back], back

    @cached_property
    def covariance_of_error(self) -> Any:
        """Covariance between bands of one pixel's error, under the prior, shape (bands, bands)."""
        prior = np.sum(self._mode_weight() * self._power * np.abs(self._target) ** 2)
        explained = self._pairs(self._back, 1.0)
        return (prior * self.covariance - explained) / math.prod(self.shape)

    @cached_property
    def noise_covariance(self) -> Any:
        """Part of it that propagated noise makes, shape (bands, bands)."""
        return self._pairs(self._gain, self._noise_diagonal) / math.prod(self.shape)

    def _pairs(self, right: list[Any], weight: Any) -> Any:
        """Sum over modes of gain, weight and the conjugate of `right`, for every pair of bands."""
        doubled = self._mode_weight()[..., None] * weight
        flat = [(g * doubled).ravel() for g in self._gain]
        return np.array([[np.vdot(r.ravel(), g).real for r in right] for g in flat])

    def _mode_weight(self) -> Any:
        """Two for a coarse column that stands for its mirror image too."""
        columns = self.shape[1] // self.factor
        weight = np.full(columns // 2 + 1, 2.0)
        weight[0] = 1.0
        if columns % 2 == 0:
            weight[-1] = 1.0
        return weight[None, :, None]

    def apply(self, images: Sequence[Any]) -> Any:
        """Posterior mean for other data of the same channels.

        Parameters
        ----------
        images : sequence of numpy.ndarray
            One for each channel, shape ``(..., rows / factor, columns / factor)``; leading axes are a batch.

        Returns
        -------
        numpy.ndarray, shape ``(..., bands, rows, columns)``
            Mean at the target PSF.
        """
        from scipy import fft

        data = []
        for c, image in zip(self.channels, images, strict=True):
            q = self.factor // c.factor
            modes = fft.fft2(image, axes=(-2, -1)) / math.sqrt(image.shape[-2] * image.shape[-1])
            rows, columns = self.shape[0] // self.factor, self.shape[1] // self.factor
            lead = modes.shape[:-2]
            folded = modes.reshape(*lead, q, rows, q, columns)
            folded = np.moveaxis(folded, (-4, -2), (-2, -1))[..., : columns // 2 + 1, :, :]
            data.append(folded.reshape(*lead, rows, columns // 2 + 1, q * q))
        stacked = np.concatenate(data, axis=-1)[..., None]
        bands = [self._image((g @ stacked)[..., 0]) for g in self._gain]
        return np.stack(bands, axis=-3)

    def noise_power(self, combination: Any) -> Any:
        """Power of the propagated noise in a combination of bands.

        Parameters
        ----------
        combination : numpy.ndarray, shape (bands,)
            Weight of each band.

        Returns
        -------
        numpy.ndarray, shape (rows, columns)
            Mean square of each mode, for DFTs divided by the square root of the number of pixels.
        """
        gain = sum(w * g for w, g in zip(combination, self._gain, strict=True))
        return self._unfold(np.sum(np.abs(gain) ** 2 * self._noise_diagonal, axis=-1)).real

    def _image(self, half: Any) -> Any:
        from scipy import fft

        return fft.ifft2(self._unfold(half), axes=(-2, -1)).real * math.sqrt(math.prod(self.shape))

    def _unfold(self, half: Any) -> Any:
        """Full plane of modes from the aliases of the non-negative coarse columns."""
        k = self.factor
        rows, columns = self.shape[0] // k, self.shape[1] // k
        lead = half.shape[:-3]
        full = np.zeros((*lead, k, rows, k, columns), dtype=np.complex128)
        full[..., : columns // 2 + 1] = np.moveaxis(
            half.reshape(*lead, rows, columns // 2 + 1, k, k), (-2, -1), (-4, -2)
        )
        full = full.reshape(*lead, *self.shape)
        # the other half of the coarse columns is the mirror image
        missing = np.flatnonzero(np.arange(self.shape[1]) % columns > columns // 2)
        mirror = full[..., (-np.arange(self.shape[0])) % self.shape[0], :][..., (-missing) % self.shape[1]]
        full[..., missing] = mirror.conj()
        return full
