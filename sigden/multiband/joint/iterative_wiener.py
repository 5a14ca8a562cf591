"""Posterior mean of several bands for noise that differs from pixel to pixel, or pixels of any kind."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import Any

import numpy as np

from sigden.multiband.joint.channel import Channel
from sigden.multiband.joint.fourier_wiener import FourierWiener
from sigden.multiband.joint.planes import weighted_sum
from sigden.operators import LinearOperator
from sigden.solvers import ConjugateGradient, LinearSystem, Solution, solve

__all__ = ["IterativeWiener"]

_TOLERANCE = 1e-4
_MAX_ITER = 500
_DRAWS = 4


class IterativeWiener:
    """Linear estimate of all bands from all channels under a stationary Gaussian prior, by iteration.

    Parameters
    ----------
    channels : sequence of Channel
        Observations of one scene.
    power : numpy.ndarray, shape (rows, columns // 2 + 1)
        Prior power of each mode of the scene before any PSF, unitary DFT.
    band_covariance : numpy.ndarray, shape (bands, bands)
        Prior covariance between bands, the same at all frequencies.
    target : numpy.ndarray, shape (rows, columns // 2 + 1)
        Transfer function of the target PSF, real.
    shape : tuple of int
        Rows and columns of the grid.

    Notes
    -----
    With the whitened response :math:`B = N^{-1/2} A` of the pixels that count and the whitened data d,

    .. math:: \\hat x = S B^T v, \\qquad (B S B^T + I) v = d,

    by conjugate gradients to a relative residual of 1e-4. Where the channels have transfer functions, the
    closed form for their mean noise preconditions. Noise is propagated by drawing it, with a fixed seed.
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
        self.shape = shape
        self.covariance = np.asarray(band_covariance, dtype=np.float64)
        self.dtype = np.result_type(*(c.data.dtype for c in channels), np.float32)
        self._power, self._target = power, target
        mixes = np.stack([c.mix for c in self.channels])
        self._cross = mixes @ self.covariance
        self._couple = self._cross @ mixes.T
        errors = np.array([c.model_error**2 for c in self.channels])
        self._couple += np.diag(np.diag(self._couple) * errors)
        self.inverse_error = [
            np.broadcast_to(1.0 / (c.sigma if c.error is None else c.error), c.data.shape)
            for c in self.channels
        ]
        self._system = _DataCovariance(self)
        self._preconditioner = None
        if all(c.transfer is not None for c in self.channels):
            closed = FourierWiener(channels, power, band_covariance, target, shape)
            self._preconditioner = _ClosedForm(closed, self)

    def split(self, vector: Any) -> list[Any]:
        """Images of a vector of all channels' pixels."""
        edges = np.cumsum([c.data.size for c in self.channels])[:-1]
        parts = np.split(vector, edges)
        return [p.reshape(c.data.shape) for p, c in zip(parts, self.channels, strict=True)]

    def whiten(self, images: Sequence[Any]) -> Any:
        """Vector of images over their noise, zero where pixels do not count."""
        parts = [(i * w).ravel() for i, w in zip(images, self.inverse_error, strict=True)]
        return np.concatenate(parts).astype(np.float64)

    def spread(self, vector: Any) -> list[Any]:
        """Modes of each channel's back-projection, times the prior power."""
        from scipy import fft

        parts = zip(self.split(vector), self.inverse_error, self.channels, strict=True)
        return [self._power * fft.rfft2(c.operator.adjoint(image * w)) for image, w, c in parts]

    def observe(self, spread: Sequence[Any]) -> Any:
        """Whitened data of the scene that back-projections stand for."""
        from scipy import fft

        images = []
        for weights, c in zip(self._couple, self.channels, strict=True):
            images.append(c.operator(fft.irfft2(weighted_sum(weights, spread), s=self.shape)))
        return self.whiten(images)

    def solution(self, images: Sequence[Any]) -> Solution:
        """Certificate and v for data of the same channels."""
        solver = ConjugateGradient(preconditioner=self._preconditioner)
        problem = LinearSystem(self._system, self.whiten(images))
        return solve(solver, problem, max_iter=_MAX_ITER, tol=_TOLERANCE, check_every=5)

    def apply(self, images: Sequence[Any]) -> Any:
        """Posterior mean for data of the same channels.

        Parameters
        ----------
        images : sequence of numpy.ndarray
            One for each channel.

        Returns
        -------
        numpy.ndarray, shape (bands, rows, columns)
            Mean at the target PSF.
        """
        from scipy import fft

        spread = self.spread(self.solution(images).estimate)
        bands = [weighted_sum(w, spread) * self._target for w in self._cross.T]
        return np.stack([fft.irfft2(b, s=self.shape) for b in bands]).astype(self.dtype)

    @cached_property
    def _noise(self) -> Any:
        """Estimates of noise alone, shape (draws, bands, rows, columns)."""
        rng = np.random.default_rng(0)
        return np.stack([self.apply([c.drawn(rng) for c in self.channels]) for _ in range(_DRAWS)])

    @cached_property
    def noise_covariance(self) -> Any:
        """Covariance between bands of one pixel's propagated noise, mean over pixels."""
        return np.einsum("nbrc,ndrc->bd", self._noise, self._noise) / (
            self._noise.size / len(self.covariance)
        )

    @cached_property
    def noise_variance(self) -> Any:
        """Variance of each pixel's propagated noise, smooth over the field, shape (bands, rows, columns)."""
        return smoothed_square(self._noise, 5)

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
        numpy.ndarray, shape (combinations, scales, rows, columns)
            Smooth over the field.
        """
        from sigden.denoisers.starlet.transform import starlet

        noise = np.einsum("ub,nbrc->nurc", combinations, self._noise)
        details = starlet(noise, scales)[:, :, :scales]
        return np.stack([smoothed_square(details[:, :, j], 4 + j // 2) for j in range(scales)], axis=1)


def smoothed_square(draws: Any, scales: int) -> Any:
    """Mean square over draws and a neighbourhood of so many starlet scales."""
    from sigden.denoisers.starlet.transform import smooth_starlet

    return smooth_starlet(np.ascontiguousarray(np.mean(draws**2, axis=0)), scales)


class _DataCovariance(LinearOperator):
    """Covariance of the whitened data."""

    def __init__(self, wiener: IterativeWiener) -> None:
        size = sum(c.data.size for c in wiener.channels)
        super().__init__((size,), (size,))
        self._set(_wiener=wiener)

    def _forward(self, xp: Any, x: Any) -> Any:
        wiener: IterativeWiener = self.__dict__["_wiener"]
        return wiener.observe(wiener.spread(x)) + x

    def _adjoint(self, xp: Any, y: Any) -> Any:
        return self._forward(xp, y)


class _ClosedForm(LinearOperator):
    """Inverse of the covariance of the whitened data were all noise as it is on average."""

    def __init__(self, closed: FourierWiener, wiener: IterativeWiener) -> None:
        size = sum(c.data.size for c in wiener.channels)
        super().__init__((size,), (size,))
        self._set(_closed=closed, _wiener=wiener)

    def _forward(self, xp: Any, x: Any) -> Any:
        closed, wiener = self.__dict__["_closed"], self.__dict__["_wiener"]
        errors = [np.divide(1.0, w, out=np.zeros(w.shape), where=w > 0) for w in wiener.inverse_error]
        solved = closed.whitened([i * e for i, e in zip(wiener.split(x), errors, strict=True)])
        return np.concatenate([(i * e).ravel() for i, e in zip(solved, errors, strict=True)])

    def _adjoint(self, xp: Any, y: Any) -> Any:
        return self._forward(xp, y)
