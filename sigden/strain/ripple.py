"""Ripple that an estimated spectrum leaves in whitened strain."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from sigden.noise import AutoregressiveModel
from sigden.noise.sigma import NORMAL_QUARTILE

__all__ = ["Ripple"]

_WIDTH = 16.0  # Hz: noise spectra between their lines, and signals of 0.1 s, are smooth over it
_MOST_OF_BAND = 0.1
_LINE = 3.0  # standard deviations of the ripple: what exceeds them is a line


@dataclass(frozen=True, eq=False)
class Ripple:
    """Ratio of a whitening filter's gain to its own running median over frequency.

    Parameters
    ----------
    model : AutoregressiveModel
        Noise model of the whitening.
    sample_rate : float
        Hz.
    band : tuple of float
        Lower and upper edge in Hz, where the ripple's size is measured.

    Notes
    -----
    The average of a few periodograms scatters about the spectrum, from one bin to the next, and whitening
    prints that on the signal: with the gain of the filter :math:`|W(f)| = G(f) R(f)`, G smooth over 16 Hz, a
    signal h turns into :math:`R\\,G h`, of which only :math:`G h` is a smooth chirp; the rest is spread over
    as much time as the filter lasts, in proportion to the signal. R is known, so a denoiser works on the
    strain over R and its estimate is multiplied by R. Where the spectrum exceeds its median by three standard
    deviations of the ripple there is a line: the strain is multiplied by R there, so that the line is as far
    below the noise as the whitening pressed it down, and no track follows it. A spectrum that is a smooth
    model has no ripple.

    Both filters are symmetric impulse responses that end at twice the noise model's order.
    """

    model: AutoregressiveModel
    sample_rate: float
    band: tuple[float, float]

    def taken_out(self, white: Any) -> Any:
        """Whitened samples, shape (n,), over the ripple; noise of unit variance keeps it."""
        return _filtered(white, self._kernels[0])

    def put_back(self, smooth: Any) -> Any:
        """Samples, shape (n,), times the ripple."""
        return _filtered(smooth, self._kernels[1])

    def gain(self, size: int) -> Any:
        """Gain of `taken_out` at the ``size // 2 + 1`` frequencies of a real transform."""
        return _gain(self._kernels[0], size)

    def put_back_gain(self, size: int) -> Any:
        """Gain of `put_back` at the same frequencies."""
        return _gain(self._kernels[1], size)

    @cached_property
    def _kernels(self) -> tuple[Any, Any]:
        from scipy.ndimage import gaussian_filter1d, median_filter

        size = 4 * self.model.order
        level = -np.log(np.maximum(np.abs(self.model.response(size)), np.finfo(float).tiny))
        spacing = self.sample_rate / size
        low, high = self.band
        half = math.ceil(min(_WIDTH, _MOST_OF_BAND * (high - low)) / (2.0 * spacing))
        smooth = median_filter(level, 2 * half + 1, mode="nearest")
        excess = level - gaussian_filter1d(smooth, half / 3.0, mode="nearest")
        f = np.arange(level.size) * spacing
        inside = (f >= low) & (f <= high)
        scatter = float(np.median(np.abs(excess[inside]))) / NORMAL_QUARTILE
        excess = np.maximum(excess, -_LINE * scatter)
        back = np.exp(np.where(excess < _LINE * scatter, excess, -excess))
        # whitened noise is white
        unit = math.sqrt(float(np.mean(back[inside] ** 2)))
        return _kernel(back / unit), _kernel(unit * np.exp(-excess))


def _kernel(gain: Any) -> Any:
    """Symmetric impulse response of a gain, cut off smoothly."""
    from scipy.fft import irfft

    half = gain.size - 1
    fall = np.clip(2.0 * np.arange(half + 1) / half - 1.0, 0.0, 1.0)
    one = irfft(gain)[: half + 1] * np.cos(np.pi / 2 * fall) ** 2
    return np.concatenate([one[:0:-1], one])


def _filtered(x: Any, kernel: Any) -> Any:
    from scipy.signal import oaconvolve

    half = kernel.size // 2
    return oaconvolve(x, kernel)[half : half + x.size]


def _gain(kernel: Any, size: int) -> Any:
    from scipy.fft import rfft

    # what is longer than the transform is folded, which leaves its bins as they are
    padded = np.zeros(-(-kernel.size // size) * size)
    padded[: kernel.size] = kernel
    return np.abs(rfft(padded.reshape(-1, size).sum(axis=0)))
