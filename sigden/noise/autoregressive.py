"""Stationary Gaussian noise as an autoregression: causal whitening that is exact from the first sample on."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from sigden.errors import InputError, ParameterError
from sigden.noise.psd import PowerSpectrum

__all__ = ["AutoregressiveModel"]

_LARGEST_GRID = 1 << 21


@dataclass(frozen=True, eq=False)
class AutoregressiveModel:
    """Autoregressive model of stationary noise.

    Parameters
    ----------
    coefficients : array, shape (order + 1,)
        Prediction-error filter scaled to unit innovations: its convolution with the noise is white with unit
        variance.
    reflection : array, shape (order,)
        Partial correlations, all smaller than one in magnitude.
    variance : float
        Variance of one sample of the noise.

    Notes
    -----
    With :math:`R` the covariance matrix of n successive samples of the process, `whiten` applies the lower
    triangular :math:`A` with :math:`A^T A = R^{-1}`: sample t is predicted from the t samples before it
    (at most `order`), so the first ones are white with unit variance too. `colour` is :math:`A^{-1}`.

    References
    ----------
    .. [1] N. Levinson, "The Wiener RMS error criterion in filter design and prediction", J. Math. Phys. 25
       (1946) 261.
    .. [2] S. M. Kay, "Modern Spectral Estimation", Prentice Hall (1988), chapter 6.
    """

    coefficients: Any
    reflection: Any
    variance: float

    @property
    def order(self) -> int:
        """Number of past samples in the prediction."""
        return int(self.reflection.size)

    @classmethod
    def from_spectrum(
        cls,
        psd: PowerSpectrum,
        sample_rate: float,
        order: int,
        *,
        dynamic_range: float = 1e15,
        offset: float = 0.0,
    ) -> AutoregressiveModel:
        """Model with the autocovariance of a spectrum at all lags up to the order.

        Parameters
        ----------
        psd : PowerSpectrum
            One channel.
        sample_rate : float
            Hz.
        order : int
            Number of past samples; the spectrum is resolved to about ``sample_rate / order``.
        dynamic_range : float
            The density is lifted to its maximum divided by this where it is lower.
        offset : float
            Standard deviation of an unknown constant under the noise, in standard deviations of the noise. A
            detrended spectrum says nothing of it.

        Returns
        -------
        AutoregressiveModel
            The model.

        Raises
        ------
        InputError
            If the spectrum has several channels, is zero, or is too steep for float64.
        ParameterError
            If a parameter is out of range.
        """
        if psd.density.ndim != 1:
            raise InputError(
                f"power spectrum: expected one channel, got density of shape {psd.density.shape}"
            )
        if order < 1:
            raise ParameterError(f"order: must be at least 1, got {order}")
        if not sample_rate > 0:
            raise ParameterError(f"sample_rate: must be positive, got {sample_rate}")
        if not offset >= 0:
            raise ParameterError(f"offset: must not be negative, got {offset}")
        if not psd.density.max() > 0:
            raise InputError("power spectrum: zero at every frequency; there is nothing to whiten")
        spacing = float(np.diff(psd.frequencies).min())
        half = max(2 * order, min(round(sample_rate / (2 * spacing)), _LARGEST_GRID))
        grid = np.arange(half + 1) * (sample_rate / (2 * half))
        density = psd.floored(dynamic_range).at(grid)
        scale = float(np.mean(density))
        covariance = np.fft.irfft(density / scale)[: order + 1]
        covariance += offset * offset * covariance[0]
        filter_, reflection, error = _levinson(covariance)
        unit = scale * sample_rate / 2
        return cls(filter_ / np.sqrt(error * unit), reflection, float(covariance[0] * unit))

    def density(self, frequencies: Any, sample_rate: float) -> Any:
        """One-sided density of the model, per Hz."""
        f = np.atleast_1d(np.asarray(frequencies, dtype=np.float64))
        lags = -2j * np.pi / sample_rate * np.arange(self.order + 1)
        response = np.array([np.sum(np.exp(v * lags) * self.coefficients) for v in f])
        return (2 / sample_rate / np.abs(response) ** 2).reshape(np.shape(frequencies))

    def response(self, n: int) -> Any:
        """Whitening filter at the ``n // 2 + 1`` frequencies of a real transform of length n."""
        from scipy.fft import rfft

        padded = np.zeros(-(-(self.order + 1) // n) * n)
        padded[: self.order + 1] = self.coefficients
        return rfft(padded.reshape(-1, n).sum(axis=0))

    def whiten(self, x: Any) -> Any:
        """Innovations: white, unit variance, from the first sample on.

        Parameters
        ----------
        x : array, shape (..., n)
            Float64 samples of the noise.

        Returns
        -------
        array, shape (..., n)
            ``A x``.
        """
        from sigden.noise.recursion_numba import whiten_start

        rows = _rows(x)
        out = np.ascontiguousarray(_convolve(rows, self.coefficients)[:, : x.shape[-1]])
        whiten_start(rows, self.reflection, self.variance, out)
        return out.reshape(x.shape)

    def whiten_adjoint(self, e: Any) -> Any:
        """Transpose of `whiten`.

        Parameters
        ----------
        e : array, shape (..., n)
            Float64.

        Returns
        -------
        array, shape (..., n)
            ``A^T e``.
        """
        from sigden.noise.recursion_numba import whiten_start_adjoint

        rows = _rows(e)
        late = rows.copy()
        late[:, : self.order] = 0
        out = _convolve(late[:, ::-1], self.coefficients)[:, : e.shape[-1]][:, ::-1].copy()
        whiten_start_adjoint(rows, self.reflection, self.variance, out)
        return out.reshape(e.shape)

    def colour(self, e: Any) -> Any:
        """Samples of the noise from its innovations, the inverse of `whiten`.

        Parameters
        ----------
        e : array, shape (..., n)
            Float64.

        Returns
        -------
        array, shape (..., n)
            ``A^{-1} e``.
        """
        from sigden.noise.recursion_numba import colour_start

        rows = _rows(e)
        out = np.empty_like(rows)
        colour_start(rows, self.reflection, self.variance, out)
        if rows.shape[1] > self.order:
            self._colour_late(rows, out)
        return out.reshape(e.shape)

    def _colour_late(self, e: Any, out: Any) -> None:
        """Solve the banded triangular system in blocks, each by two short convolutions."""
        from scipy.fft import irfft, next_fast_len, rfft

        p, n = self.order, e.shape[-1]
        block = min(max(p, 256), n - p)
        size = next_fast_len(max(2 * block, p + block), real=True)
        past_filter = rfft(self.coefficients[1:], size)
        inverse = rfft(self._inverse[:block], size)
        for start in range(p, n, block):
            stop = min(start + block, n)
            past = irfft(rfft(out[:, start - p : start], size) * past_filter, size)
            rest = e[:, start:stop] - past[:, p - 1 : p - 1 + stop - start]
            out[:, start:stop] = irfft(rfft(rest, size) * inverse, size)[:, : stop - start]

    @cached_property
    def _inverse(self) -> Any:
        """Impulse response of the colouring, shape (max(order, 256),)."""
        from sigden.noise.recursion_numba import power_series_inverse

        out = np.empty(max(self.order, 256))
        power_series_inverse(self.coefficients, out)
        return out


def _rows(x: Any) -> Any:
    return np.ascontiguousarray(x, dtype=np.float64).reshape(-1, x.shape[-1])


def _levinson(covariance: Any) -> tuple[Any, Any, float]:
    from sigden.noise.recursion_numba import levinson

    filter_, reflection = np.empty(covariance.size), np.empty(covariance.size - 1)
    error, failed = levinson(np.ascontiguousarray(covariance), filter_, reflection)
    if failed:
        raise InputError(
            f"power spectrum: too steep for float64 at prediction order {failed}; lower dynamic_range, "
            "shorten the impulse response or filter the data first"
        )
    return filter_, reflection, float(error)


def _convolve(x: Any, taps: Any) -> Any:
    from scipy.signal import oaconvolve

    return oaconvolve(x, np.broadcast_to(taps, (1,) * (x.ndim - 1) + taps.shape), axes=-1)
