"""Block shrinkage of short-time Fourier coefficients, over several windows."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np

from sigden.arrays import is_numpy, namespace
from sigden.denoisers.shrinkage.line import LineShrinkage
from sigden.errors import InputError, ParameterError
from sigden.solvers import Solution

__all__ = ["SpectrogramDenoiser"]

_FRAMES, _BINS = 5, 3  # of a block
_HOP = 4  # frames in a window
_TEMPERATURE = 8.0


@dataclass(frozen=True, kw_only=True)
class SpectrogramDenoiser(LineShrinkage):
    """Block shrinkage of spectrograms, averaged over windows by their unbiased risk.

    Parameters
    ----------
    windows : tuple of int, default (32, 64, 128, 256, 512, 1024)
        Lengths of the Hann windows in samples, multiples of 4; those longer than the record are left out.
    false_alarm : float, default 0.05
        Probability that a block of noise is not set to zero.
    noise : {"white", "coloured"}, default "white"
        As of `sigma`, or of a level of its own at every frequency, from the median over the record.

    Notes
    -----
    Hann windows a quarter of a length apart make a tight frame. A coefficient is multiplied by
    :math:`(1 - \\lambda / E)_+`, E being the mean energy of the 5 x 3 block of frames and frequencies around
    it in units of the noise [1]_: neighbours in time and frequency share the decision. Blocks of noise have a
    chi-square distribution whose degrees of freedom D follow from the overlap of the windows, and
    :math:`\\lambda` is its quantile. Stein's unbiased risk of a coefficient is, in units of its variance,

    .. math:: 1 + \\frac{\\lambda^2 - 2 \\lambda (1 - 2 / D)}{E} \\text{ for } E > \\lambda,
       \\qquad E - 1 \\text{ otherwise.}

    Estimates of all windows are averaged at every time with the weights :math:`e^{-R/8}` [2]_, R being the
    risk summed over one longest window around it, in the unit of the data over the level of the noise where
    it has its power. Runs on NumPy arrays.

    References
    ----------
    .. [1] G. Yu, S. Mallat and E. Bacry, "Audio denoising by time-frequency block thresholding", IEEE Trans.
       Signal Process. 56 (2008) 1830.
    .. [2] A. S. Dalalyan and J. Salmon, "Sharp oracle inequalities for aggregation of affine estimators",
       Ann. Stat. 40 (2012) 2327.

    Examples
    --------
    >>> import numpy as np
    >>> from sigden import SpectrogramDenoiser
    >>> t = np.arange(4096) / 4096
    >>> chirp = 2 * np.sin(2 * np.pi * (100 * t + 400 * t**2))
    >>> noisy = chirp + np.random.default_rng(0).standard_normal(t.size)
    >>> bool(np.mean((SpectrogramDenoiser()(noisy, sigma=1.0) - chirp) ** 2) < 0.2)
    True
    """

    windows: tuple[int, ...] = (32, 64, 128, 256, 512, 1024)
    false_alarm: float = 0.05

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.windows or not all(w >= 8 and w % _HOP == 0 for w in self.windows):
            raise ParameterError(f"windows: multiples of 4, at least 8 and one of them, got {self.windows}")
        if not 0 < self.false_alarm < 1:
            raise ParameterError(f"false_alarm: must be between 0 and 1, got {self.false_alarm}")

    def solve(self, values: Any, *, sigma: Any = None, mask: Any = None) -> Solution:
        """As of `LineShrinkage`, for NumPy arrays."""
        if not is_numpy(namespace(values)):
            raise InputError("SpectrogramDenoiser runs on NumPy arrays only; copy the data to the host first")
        return super().solve(values, sigma=sigma, mask=mask)

    def _shrunk(self, z: Any) -> Any:
        n, centre = z.shape[1], z.mean(axis=1, keepdims=True)
        z = z - centre
        fitting = [w for w in sorted(set(self.windows)) if w <= n] or [n // _HOP * _HOP]
        found = [self._with(z, w) for w in fitting]
        risks = np.stack([_summed(risk, fitting[-1]) for _, risk in found])
        weights = np.exp(-(risks - risks.min(axis=0)) / _TEMPERATURE)
        weights /= weights.sum(axis=0)
        mixed = (w.astype(z.dtype) * estimate for w, (estimate, _) in zip(weights, found, strict=True))
        return sum(mixed, start=centre)

    def _with(self, z: Any, window: int) -> tuple[Any, Any]:
        """Estimate of one window, and the risk density per sample, in units of the noise."""
        from scipy.ndimage import uniform_filter
        from scipy.stats import chi2

        hop, n = window // _HOP, z.shape[1]
        coefficients, taper = _analysed(z, window)
        power = np.abs(coefficients) ** 2
        level = np.ones_like(power[:, :1])
        if self.noise == "coloured":
            # the energy of complex noise is exponential; the two ends of the spectrum are real
            quantile = np.full(power.shape[2], math.log(2.0), dtype=power.dtype)
            quantile[[0, -1]] = 0.4549364
            level = np.median(power, axis=1, keepdims=True) / quantile
        power /= np.where(level > 0, level, 1)
        energy = uniform_filter(power, (1, _FRAMES, _BINS), mode="nearest")
        freedom = _freedom(window)
        limit = float(chi2.isf(self.false_alarm, freedom)) / freedom
        with np.errstate(divide="ignore"):
            share = limit / energy
        coefficients *= np.maximum(1.0 - share, 0.0).astype(power.dtype)
        kept = 1.0 + (limit - 2.0 * (1.0 - 2.0 / freedom)) * share
        risk = np.where(energy > limit, kept, energy - 1.0)
        both = np.full(risk.shape[2], 2.0)  # a frequency stands for its negative too
        both[[0, -1]] = 1.0
        # the risk counts in the unit of the data, over the noise where it is: empty bands have no say
        plateau = np.sum(level**2, axis=2, keepdims=True)
        share = level * np.sum(level, axis=2, keepdims=True) / np.where(plateau > 0, plateau, 1)
        density = np.sum(risk * both * share, axis=2) / window
        times = np.arange(n)
        centres = (np.arange(density.shape[1]) - _HOP // 2) * hop
        per_sample = np.stack([np.interp(times, centres, row) for row in density])
        return _synthesised(coefficients, taper, hop, n), per_sample


@lru_cache(maxsize=32)
def _taper(window: int) -> Any:
    w = np.hanning(window + 1)[:window]
    w /= math.sqrt(np.sum(w * w))
    w.setflags(write=False)
    return w


def _analysed(z: Any, window: int) -> tuple[Any, Any]:
    """Coefficients of unit noise variance, shape (batch, frames, bins); the ends are mirrored."""
    from scipy.fft import rfft

    n, hop = z.shape[1], window // _HOP
    taper = _taper(window).astype(z.dtype)
    frames = -(-n // hop) + _HOP
    padded = np.pad(z, ((0, 0), (window, frames * hop + window - n - window)), mode="symmetric")
    views = np.lib.stride_tricks.sliding_window_view(padded, window, axis=1)[:, ::hop][:, :frames]
    return rfft(views * taper, axis=-1), taper


def _synthesised(coefficients: Any, taper: Any, hop: int, n: int) -> Any:
    """Adjoint over the frame bound."""
    from scipy.fft import irfft

    window = taper.size
    segments = irfft(coefficients, window, axis=-1) * (taper * hop)
    batch, frames, _ = segments.shape
    out = np.zeros((batch, (frames + _HOP) * hop + window), dtype=segments.dtype)
    for j in range(_HOP):
        part = segments[:, j::_HOP].reshape(batch, -1)
        out[:, j * hop : j * hop + part.shape[1]] += part
    return out[:, window : window + n]


def _summed(density: Any, samples: int) -> Any:
    from scipy.ndimage import uniform_filter1d

    return uniform_filter1d(density, min(samples, density.shape[1]), axis=1, mode="nearest") * samples


@lru_cache(maxsize=32)
def _freedom(window: int) -> float:
    """Degrees of freedom of the energy of a block of noise: twice the coefficients, less their overlap."""
    hop, taper = window // _HOP, _taper(window)
    overlap = 0.0
    for step in range(-_FRAMES + 1, _FRAMES):
        shift = abs(step) * hop
        if shift >= window:
            continue
        product = taper[shift:] * taper[: window - shift]
        for bins in range(-_BINS + 1, _BINS):
            turn = np.exp(2j * np.pi * bins * np.arange(product.size) / window)
            pairs = (_FRAMES - abs(step)) * (_BINS - abs(bins))
            overlap += pairs * abs(np.sum(product * turn)) ** 2
    return 2.0 * (_FRAMES * _BINS) ** 2 / overlap
