"""Posterior mean of several bands for noise that differs from pixel to pixel, or pixels of any kind."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import Any

import numpy as np

from sigden.multiband.joint.channel import Channel
from sigden.multiband.joint.planes import weighted_sum
from sigden.operators import LinearOperator
from sigden.solvers import ConjugateGradient, LeastSquares, Solution, solve

__all__ = ["IterativeWiener"]

_TOLERANCE = 1e-4
_NOISE_TOLERANCE = 1e-2
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
    The fields x are the bands and, for each wide channel with a model error, what its mixture lacks. With
    their prior covariance :math:`S = L L^T` and white fields z, :math:`x = L z`,

    .. math:: \\hat z = \\arg\\min_z \\tfrac12 \\| N^{-1/2} (A L z - d) \\|^2 + \\tfrac12 \\| z \\|^2

    by conjugate gradients to a relative residual of 1e-4, or 1e-2 for noise. The preconditioner is the
    inverse, mode by mode, of what the matrix would be if all noise were as it is on average and no mode
    aliased onto another. Noise is propagated by drawing it, with a fixed seed.
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
        self._target = target
        lacking = [c for c in self.channels if c.model_error > 0]
        bands, fields = len(self.covariance), len(self.covariance) + len(lacking)
        prior = np.zeros((fields, fields))
        prior[:bands, :bands] = self.covariance
        for i, c in enumerate(lacking, bands):
            prior[i, i] = c.model_error**2 * float(c.mix @ self.covariance @ c.mix)
        mixes = np.zeros((len(self.channels), fields))
        for mix, c in zip(mixes, self.channels, strict=True):
            mix[:bands] = c.mix
            if c.model_error > 0:
                mix[bands + lacking.index(c)] = 1.0
        self._root = np.linalg.cholesky(prior)
        self._amplitude = np.sqrt(power)
        self._response = _Response(self.channels, mixes @ self._root, self._amplitude, shape)
        self._preconditioner = _Circulant(self.channels, mixes @ self._root, power, shape)

    def solution(self, images: Sequence[Any], *, noise: bool = False) -> Solution:
        """White fields for data of the same channels, and the certificate; `apply` says what `noise` is."""
        problem = LeastSquares(self._response, self._response.whiten(images), damping=1.0)
        solver = ConjugateGradient(preconditioner=self._preconditioner)
        tolerance = _NOISE_TOLERANCE if noise else _TOLERANCE
        return solve(solver, problem, max_iter=_MAX_ITER, tol=tolerance, check_every=5)

    def apply(self, images: Sequence[Any], *, noise: bool = False) -> Any:
        """Posterior mean for data of the same channels.

        Parameters
        ----------
        images : sequence of numpy.ndarray
            One for each channel.
        noise : bool
            Whether these are noise, or residuals like it: a relative residual of 1e-2 is then enough.

        Returns
        -------
        numpy.ndarray, shape (bands, rows, columns)
            Mean at the target PSF.
        """
        from scipy import fft

        modes = fft.rfft2(self.solution(images, noise=noise).estimate) * (self._amplitude * self._target)
        bands = [weighted_sum(self._root[b], modes) for b in range(len(self.covariance))]
        return np.stack([fft.irfft2(b, s=self.shape) for b in bands]).astype(self.dtype)

    @cached_property
    def _noise(self) -> Any:
        """Estimates of noise alone, shape (draws, bands, rows, columns)."""
        rng = np.random.default_rng(0)
        return np.stack(
            [self.apply([c.drawn(rng) for c in self.channels], noise=True) for _ in range(_DRAWS)]
        )

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

        out = np.empty((len(combinations), scales, *self.shape))
        for level, combination in zip(out, combinations, strict=True):
            details = starlet(np.einsum("b,nbrc->nrc", combination, self._noise), scales)
            for j in range(scales):
                level[j] = smoothed_square(details[:, j], 4 + j // 2)
        return out


def smoothed_square(draws: Any, scales: int) -> Any:
    """Mean square over draws and a neighbourhood of so many starlet scales."""
    from sigden.denoisers.starlet.transform import smooth_starlet

    return smooth_starlet(np.ascontiguousarray(np.mean(draws**2, axis=0)), scales)


class _Response(LinearOperator):
    """Whitened data of white fields."""

    def __init__(
        self, channels: Sequence[Channel], mixes: Any, amplitude: Any, shape: tuple[int, int]
    ) -> None:
        super().__init__((mixes.shape[1], *shape), (sum(c.data.size for c in channels),))
        weights = [
            np.broadcast_to(1.0 / (c.sigma if c.error is None else c.error), c.data.shape) for c in channels
        ]
        self._set(_channels=tuple(channels), _mixes=mixes, _amplitude=amplitude, _weights=weights)

    def whiten(self, images: Sequence[Any]) -> Any:
        """Vector of images over their noise, zero where pixels do not count."""
        pairs = zip(images, self.__dict__["_weights"], strict=True)
        return np.concatenate([(image * w).ravel() for image, w in pairs]).astype(np.float64)

    def _forward(self, xp: Any, x: Any) -> Any:
        from scipy import fft

        modes = fft.rfft2(x) * self.__dict__["_amplitude"]
        pairs = zip(self.__dict__["_channels"], self.__dict__["_mixes"], strict=True)
        shape = self.in_shape[1:]
        return self.whiten([c.operator(fft.irfft2(weighted_sum(m, modes), s=shape)) for c, m in pairs])

    def _adjoint(self, xp: Any, y: Any) -> Any:
        from scipy import fft

        channels, shape = self.__dict__["_channels"], self.in_shape[1:]
        total = np.zeros((self.in_shape[0], shape[0], shape[1] // 2 + 1), dtype=np.complex128)
        parts = np.split(y, np.cumsum([c.data.size for c in channels])[:-1])
        rows = zip(parts, channels, self.__dict__["_mixes"], self.__dict__["_weights"], strict=True)
        for part, c, mix, weight in rows:
            spread = fft.rfft2(c.operator.adjoint(part.reshape(c.data.shape) * weight))
            for field, share in zip(total, mix, strict=True):
                if share:
                    field += share * spread
        return fft.irfft2(total * self.__dict__["_amplitude"], s=shape)


class _Circulant(LinearOperator):
    """Inverse of the normal matrix of the white fields, were it the same everywhere."""

    def __init__(self, channels: Sequence[Channel], mixes: Any, power: Any, shape: tuple[int, int]) -> None:
        fields = mixes.shape[1]
        super().__init__((fields, *shape), (fields, *shape))
        matrix = np.zeros((*power.shape, fields, fields))
        for c, mix in zip(channels, mixes, strict=True):
            used = 1.0 if c.used is None else float(np.mean(c.used))
            matrix += (c.gain * power * (used / c.sigma**2))[..., None, None] * np.outer(mix, mix)
        self._set(_inverse=np.linalg.inv(matrix + np.eye(fields)))

    def _forward(self, xp: Any, x: Any) -> Any:
        from scipy import fft

        modes = np.moveaxis(fft.rfft2(x), 0, -1)[..., None]
        solved = np.moveaxis((self.__dict__["_inverse"] @ modes)[..., 0], -1, 0)
        return fft.irfft2(solved, s=self.in_shape[1:])

    def _adjoint(self, xp: Any, y: Any) -> Any:
        return self._forward(xp, y)
