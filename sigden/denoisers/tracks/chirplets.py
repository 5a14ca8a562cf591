"""Local chirps of several lengths: analysis of an analytic series and its synthesis, by transforms."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np

__all__ = ["RATES", "Level", "analyse", "grid", "place", "spread"]

# Chirp rates in units of 4 / length^2: neighbours lose a few per cent of a chirp half-way between them.
RATES = (-2, -1, 0, 1, 2)
_SHORTEST_LENGTH = 8


@dataclass(frozen=True)
class Level:
    """Chirps of one length.

    Parameters
    ----------
    length : int
        Samples of the Hann window, a multiple of 4; slices are a quarter of it apart.
    first, last : int
        Lowest and highest bin, in units of half the inverse length.
    """

    length: int
    first: int
    last: int

    @property
    def hop(self) -> int:
        """Samples from one slice to the next."""
        return self.length // 4

    @property
    def bins(self) -> int:
        """Number of frequencies."""
        return self.last - self.first + 1

    @property
    def window(self) -> Any:
        """Hann window of unit norm, shape (length,)."""
        return _window(self.length)

    @property
    def weight(self) -> float:
        """Scale that makes overlapping windows cubed, the smoother of the synthesis, sum to one."""
        w = self.window
        return float(self.hop / (w.sum() * np.sum(w**2)))

    @property
    def gain(self) -> float:
        """Coefficient of a chirp of unit amplitude."""
        return float(self.window.sum())


def grid(lengths: tuple[float, ...], low: float, high: float) -> tuple[Level, ...]:
    """Levels of given lengths.

    Parameters
    ----------
    lengths : tuple of float
        Lengths of the windows in samples; each is rounded to a multiple of 4 and is at least 8, and those
        that then agree count once.
    low, high : float
        Band in cycles per sample, within 0 to 1.

    Returns
    -------
    tuple of Level
        Shortest first.
    """
    out = []
    for length in sorted({max(_SHORTEST_LENGTH, 4 * round(value / 4)) for value in lengths}):
        first = max(0, math.floor(low * 2 * length))
        last = min(2 * length - 1, max(first + 1, math.ceil(high * 2 * length)))
        out.append(Level(length, first, last))
    return tuple(out)


def analyse(x: Any, level: Level) -> Any:
    """Inner products with every chirp.

    Parameters
    ----------
    x : numpy.ndarray, shape (n,), complex
        Analytic series of unit noise.
    level : Level
        Length and frequencies.

    Returns
    -------
    numpy.ndarray, shape (slices, rates, bins), complex64
        Chirps have unit norm, so noise has unit variance; slice s is centred on sample ``s * hop``.

    Notes
    -----
    The frequencies are those of a transform of twice the length: one for each slice and rate.
    """
    from scipy.fft import fft

    count, half = -(-x.size // level.hop) + 1, level.length // 2
    padded = np.zeros((count - 1) * level.hop + level.length, dtype=np.complex64)
    padded[half : half + x.size] = x[: padded.size - half]
    windows = np.lib.stride_tricks.sliding_window_view(padded, level.length)
    frames = np.zeros((count, len(RATES), 2 * level.length), dtype=np.complex64)
    np.multiply(windows[:: level.hop, None], _chirps(level).conj(), out=frames[..., : level.length])
    return fft(frames, overwrite_x=True)[..., level.first : level.last + 1] * _turns(level).conj()


def place(level: Level, coefficients: Any, n: int) -> Any:
    """Series of chirp coefficients, weighted by the squared window within each slice.

    Parameters
    ----------
    level : Level
        Their level.
    coefficients : numpy.ndarray, shape (slices, rates, bins), complex64
        Zero where there is no signal.
    n : int
        Number of samples.

    Returns
    -------
    numpy.ndarray, shape (n,), complex64
        The series.
    """
    from scipy.fft import ifft

    spectra = np.zeros((len(coefficients), len(RATES), 2 * level.length), dtype=np.complex64)
    np.multiply(coefficients, _turns(level), out=spectra[..., level.first : level.last + 1])
    chirps = ifft(spectra, norm="forward", overwrite_x=True)[..., : level.length]
    chirps *= _synthesis(level)
    return _overlap(level, chirps.sum(axis=1), n)


def spread(level: Level, power: Any, n: int) -> Any:
    """Series of one number for each slice, smoothed as `place` does with amplitudes."""
    return _overlap(level, power[:, None].astype(np.float32) * _smoother(level), n)


def _overlap(level: Level, segments: Any, n: int) -> Any:
    half, hop = level.length // 2, level.hop
    out = np.zeros((len(segments) + 3) * hop + level.length, dtype=segments.dtype)
    for j in range(4):
        part = segments[j::4].reshape(-1)
        out[j * hop : j * hop + part.size] += part
    return out[half : half + n]


@lru_cache(maxsize=64)
def _window(length: int) -> Any:
    w = np.hanning(length + 1)[:length]
    w /= math.sqrt(np.sum(w * w))
    w.setflags(write=False)
    return w


@lru_cache(maxsize=64)
def _synthesis(level: Level) -> Any:
    return _chirps(level) * (level.window * level.weight).astype(np.float32)


@lru_cache(maxsize=64)
def _smoother(level: Level) -> Any:
    return (level.window**2 * level.weight * level.gain).astype(np.float32)


@lru_cache(maxsize=64)
def _chirps(level: Level) -> Any:
    """Chirps of frequency zero at the centre, shape (rates, length)."""
    t = np.arange(level.length) - level.length / 2
    rates = 4.0 * np.array(RATES)[:, None] / level.length**2
    return (level.window * np.exp(1j * np.pi * rates * t * t)).astype(np.complex64)


@lru_cache(maxsize=64)
def _turns(level: Level) -> Any:
    """Phase of every frequency at the first sample, that at the centre being zero, shape (bins,)."""
    return np.array([1, -1j, -1, 1j], dtype=np.complex64)[np.arange(level.first, level.last + 1) % 4]
