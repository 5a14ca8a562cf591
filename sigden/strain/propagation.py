"""Standard error of calibrated strain from that of the whitened estimate, frequency by frequency."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from sigden.strain.filters import band_gain
from sigden.strain.ripple import Ripple

__all__ = ["ErrorPropagation"]

_WINDOW_SECONDS = 0.07
_HOP_SECONDS = 0.01
_OVERSAMPLING = 2.8  # of the band's upper edge: what aliases is 24 dB below it
_UNSEEN = 0.01  # of the squared error: spread over the band
_SILENT = 1e-12  # of the noise: no amplitude at all
_FRAMES = 512  # at a time: they stay in the cache


@dataclass(frozen=True, eq=False)
class ErrorPropagation:
    """Local gain of a chain of filters for the error of an estimate.

    Parameters
    ----------
    sample_rate : float
        Hz.
    step : int
        One sample of so many is looked at: the estimate has no power beyond that rate.
    calibrated : numpy.ndarray, shape (k,)
        Gain from the denoiser's estimate to calibrated strain, from 0 Hz to half the rate that is looked at.
    whitened : numpy.ndarray, shape (k,)
        Gain from the denoiser's estimate to whitened strain, whose standard error is known.
    noise : numpy.ndarray, shape (k,)
        Amplitude of whitened noise: what the band-pass leaves of it.

    Notes
    -----
    A zero-phase filter of gain c turns a process of evolutionary spectrum p(t, f) into one of
    :math:`c^2(f)\\, p(t, f)`, where p changes little in the time that the filter lasts ([1]_, section 8). The
    whitened estimate, whose squared error is :math:`s^2(t)`, is that of the denoiser times the ripple r
    (`sigden.strain.ripple`), so the squared error of calibrated strain is

    .. math:: s^2(t)\\, \\frac{\\sum_f c^2(f)\\, p(t, f)}{\\sum_f r^2(f)\\, p(t, f)} .

    An error lives where the signal was followed: p is the short-time spectrum of the estimate, in Hann
    windows of 70 ms, plus a small share of :math:`s^2(t)`, with the spectrum of the noise, for what was not
    seen. Where nothing was found, p is that of the noise. A sum over frequencies is the energy of a window
    that has gone through the filter, so the time over which a filter spreads an error counts up to the length
    of a window.

    References
    ----------
    .. [1] M. B. Priestley, "Evolutionary spectra and non-stationary processes", J. R. Stat. Soc. B 27 (1965)
       204.
    """

    sample_rate: float
    step: int
    calibrated: Any
    whitened: Any
    noise: Any

    @classmethod
    def of(cls, ripple: Ripple) -> ErrorPropagation:
        """Of strain that is whitened, rid of its ripple, denoised, coloured and band-passed once more.

        Parameters
        ----------
        ripple : Ripple
            What is known of the whitening.

        Returns
        -------
        ErrorPropagation
            The gain.
        """
        rate, size = ripple.sample_rate, 4 * ripple.model.order
        step = max(1, math.floor(rate / (_OVERSAMPLING * ripple.band[1])))
        grid = np.arange(size // 2 + 1) * (rate / size)
        frequencies = np.linspace(0.0, rate / (2 * step), max(1, size // (2 * step)) + 1)
        whitening, back = (
            np.interp(frequencies, grid, gain)
            for gain in (np.abs(ripple.model.response(size)), ripple.put_back_gain(size))
        )
        passed = band_gain(frequencies, rate, ripple.band)
        calibrated = passed * back / np.maximum(whitening, np.finfo(float).tiny)
        return cls(rate, step, calibrated, back, passed)

    def __call__(self, smooth: Any, error: Any, start: int = 0) -> Any:
        """Standard error of calibrated strain.

        Parameters
        ----------
        smooth : numpy.ndarray, shape (n,)
            Estimate of the denoiser, without ripple, in units of the noise.
        error : numpy.ndarray, shape (n,)
            Standard error of the whitened estimate.
        start : int
            Place of the first sample in its stretch: windows stand at the same places of a stretch whichever
            part of it is given.

        Returns
        -------
        numpy.ndarray, shape (n,)
            Standard error.
        """
        if not smooth.size:
            return np.zeros(0)
        first = min(-start % (self._hop * self.step), smooth.size - 1)
        centres = np.arange(first, smooth.size, self._hop * self.step)
        seen = self._energies(smooth[first % self.step :: self.step], first // self.step, centres.size)
        unseen = _UNSEEN * error[centres] ** 2 + _SILENT
        gain = (seen[:, 0] + unseen) / (seen[:, 1] + unseen)
        return self._level * error * np.sqrt(np.interp(np.arange(smooth.size), centres, gain))

    @property
    def _hop(self) -> int:
        return max(1, round(_HOP_SECONDS * self.sample_rate / self.step))

    @cached_property
    def _window(self) -> Any:
        half = max(1, round(_WINDOW_SECONDS * self.sample_rate / self.step / 2))
        window = np.cos(np.pi * np.arange(-half, half + 1) / (2 * half + 2)) ** 2
        return window / np.linalg.norm(window)

    @cached_property
    def _noise_gains(self) -> Any:
        """Squared gains for noise, calibrated and whitened, shape (2,)."""
        return np.sum(np.stack([self.calibrated, self.whitened]) ** 2 * self.noise**2, axis=-1) / np.sum(
            self.noise**2
        )

    @property
    def _level(self) -> float:
        return math.sqrt(self._noise_gains[0]) / math.sqrt(self._noise_gains[1])

    @cached_property
    def _weights(self) -> Any:
        """Squared gains over those for noise at the bins of a window's transform, shape (bins, 2)."""
        from scipy.fft import irfft, next_fast_len, rfft

        gains = np.stack([self.calibrated, self.whitened]) / np.sqrt(self._noise_gains)[:, None]
        # a window tells of a filter's autocorrelation as much as it is long
        lags = irfft(gains**2, axis=-1)[:, : self._window.size]
        count = lags.shape[1]
        size = 2 * next_fast_len(self._window.size, real=True)
        folded = np.zeros((2, size))
        folded[:, :count] = lags
        folded[:, -1:-count:-1] = lags[:, 1:]
        weights = rfft(folded, axis=-1).real / size
        weights[:, 1 : (size + 1) // 2] *= 2.0  # negative frequencies
        return weights.T

    def _energies(self, x: Any, first: int, count: int) -> Any:
        """Energy of windows, themselves of energy one, behind each filter, shape (count, 2)."""
        from scipy.fft import rfft

        half, weights = self._window.size // 2, self._weights
        windows = np.lib.stride_tricks.sliding_window_view(np.pad(x, half), self._window.size)
        windows = windows[first :: self._hop][:count]
        out = np.empty((count, 2))
        for start in range(0, count, _FRAMES):
            part = slice(start, start + _FRAMES)
            spectrum = rfft(windows[part] * self._window, 2 * (len(weights) - 1), axis=-1)
            out[part] = np.einsum("fb,bk->fk", spectrum.real**2 + spectrum.imag**2, weights)
        return np.maximum(out, 0.0)  # rounding
