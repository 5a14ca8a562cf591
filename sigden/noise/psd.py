"""One-sided power spectral density and its estimate from data with gaps."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from sigden.arrays import as_floating, first_index, is_numpy, namespace
from sigden.errors import InputError, ParameterError

__all__ = ["PowerSpectrum", "clean_stretches", "welch_psd"]


@dataclass(frozen=True, eq=False)
class PowerSpectrum:
    """One-sided power spectral density on a grid of frequencies.

    Parameters
    ----------
    frequencies : array, shape (k,)
        Hz, increasing.
    density : array, shape (..., k)
        Power per Hz, not negative; leading axes are channels.
    averages : int
        Number of segments behind the estimate; 0 for a model.

    Raises
    ------
    InputError
        If the shapes do not fit, the frequencies do not increase, or a density is negative or not finite.

    Notes
    -----
    One-sided: the variance is the integral of the density from zero to the Nyquist frequency.
    """

    frequencies: Any
    density: Any
    averages: int = 0

    def __post_init__(self) -> None:
        f = _frozen(self.frequencies, "frequencies")
        s = _frozen(self.density, "density")
        if f.ndim != 1 or f.size < 2 or s.ndim < 1 or s.shape[-1] != f.size:
            raise InputError(
                f"power spectrum: frequencies {f.shape} and density {s.shape} do not fit; "
                "expected shapes (k,) and (..., k), k at least 2"
            )
        if not np.all(np.diff(f) > 0):
            raise InputError("power spectrum: frequencies must increase")
        bad = ~(np.isfinite(s) & (s >= 0))
        if bad.any():
            index = first_index(bad)
            raise InputError(f"power spectrum: density {s[index]} at index {index} is not a finite power")
        object.__setattr__(self, "frequencies", f)
        object.__setattr__(self, "density", s)

    @property
    def amplitude(self) -> Any:
        """Amplitude spectral density, per square root of Hz."""
        return np.sqrt(self.density)

    def at(self, frequencies: Any) -> Any:
        """Density at other frequencies.

        Parameters
        ----------
        frequencies : array_like
            Hz.

        Returns
        -------
        array, shape ``(..., *frequencies.shape)``
            Geometric interpolation (linear in the logarithm); linear next to a zero; the end values are held
            outside the grid.
        """
        f = np.asarray(frequencies, dtype=np.float64)
        rows = self.density.reshape(-1, self.frequencies.size)
        out = np.stack([_interpolate(f.ravel(), self.frequencies, row) for row in rows])
        return out.reshape(self.density.shape[:-1] + f.shape)

    def channel(self, index: int | tuple[int, ...]) -> PowerSpectrum:
        """Spectrum of one channel."""
        return PowerSpectrum(self.frequencies, self.density[index], self.averages)

    def floored(self, dynamic_range: float) -> PowerSpectrum:
        """Spectrum that nowhere falls below its maximum divided by `dynamic_range`."""
        if not dynamic_range > 1:
            raise ParameterError(f"dynamic_range: must exceed 1, got {dynamic_range}")
        top = self.density.max(axis=-1, keepdims=True)
        return PowerSpectrum(self.frequencies, np.maximum(self.density, top / dynamic_range), self.averages)


def welch_psd(
    x: Any,
    sample_rate: float,
    *,
    segment_seconds: float = 4.0,
    overlap: float = 0.5,
    average: Literal["median", "mean"] = "median",
    window: str | tuple[Any, ...] = ("tukey", 0.5),
    mask: Any = None,
) -> PowerSpectrum:
    """Power spectral density by Welch's method, from the stretches without gaps.

    Parameters
    ----------
    x : NumPy array, shape (..., n)
        Samples of each channel; NaN marks a gap.
    sample_rate : float
        Hz.
    segment_seconds : float
        Length of one segment.
    overlap : float
        Shared fraction of neighbouring segments, from 0 to below 1.
    average : {"median", "mean"}
        The median is robust against glitches and loud signals; its bias is corrected.
    window : str or tuple
        As of `scipy.signal.get_window`.
    mask : array of bool, optional
        True where a sample is ignored.

    Returns
    -------
    PowerSpectrum
        Float64 density of shape (..., k) per Hz, and the least number of segments of any channel.

    Raises
    ------
    InputError
        If the array is not NumPy's, holds infinities, is constant, or has no stretch of one segment's length
        without a gap; the message names the channel.
    ParameterError
        If a parameter is out of range.

    Notes
    -----
    Every clean stretch is cut on its own, so that no segment touches a gap; segments overlap within a
    stretch. The mean of each segment is taken off. The median of K values of an exponential distribution lies
    at :math:`\\sum_{k=1}^{K} (-1)^{k+1}/k` (odd K) of its mean, and is divided by it.

    References
    ----------
    .. [1] P. D. Welch, "The use of fast Fourier transform for the estimation of power spectra", IEEE Trans.
       Audio Electroacoust. 15 (1967) 70.
    .. [2] B. Allen et al., "FINDCHIRP", Phys. Rev. D 85 (2012) 122006, appendix B.
    """
    if not is_numpy(namespace(x)):
        raise InputError("welch_psd: runs on NumPy arrays only; copy the samples to the host first")
    if not sample_rate > 0:
        raise ParameterError(f"sample_rate: must be positive, got {sample_rate}")
    if not 0 <= overlap < 1:
        raise ParameterError(f"overlap: must be in [0, 1), got {overlap}")
    if average not in ("median", "mean"):
        raise ParameterError(f"average: expected 'median' or 'mean', got {average!r}")
    length = round(segment_seconds * sample_rate)
    if length < 4:
        raise ParameterError(
            f"segment_seconds: {segment_seconds} s hold {length} samples; at least 4 are needed"
        )
    x = as_floating(x, "strain").astype(np.float64, copy=False)
    gaps = np.isnan(x)
    if mask is not None:
        gaps = gaps | np.broadcast_to(np.asarray(mask, dtype=bool), x.shape)
    if np.isinf(x[~gaps]).any():
        index = first_index(np.isinf(x) & ~gaps)
        raise InputError(f"strain: infinite value at index {index}; mask it")

    from scipy.signal import get_window

    taper = get_window(window, length)
    step = max(1, length - int(overlap * length))
    rows, holes = x.reshape(-1, x.shape[-1]), gaps.reshape(-1, x.shape[-1])
    densities, counts = [], []
    for i, (row, hole) in enumerate(zip(rows, holes, strict=True)):
        where = _channel_name(i, x.shape[:-1])
        frames = _frames(row, hole, length, step, sample_rate, where)
        densities.append(periodogram_average(frames, taper, sample_rate, average))
        counts.append(frames.shape[0])
    density = np.stack(densities).reshape(*x.shape[:-1], -1)
    return PowerSpectrum(np.fft.rfftfreq(length, 1 / sample_rate), density, min(counts))


def clean_stretches(gaps: Any) -> Any:
    """Start and stop of every run without a gap.

    Parameters
    ----------
    gaps : NumPy array of bool, shape (n,)
        True in a gap.

    Returns
    -------
    array of int, shape (count, 2)
        Half-open ranges in order.
    """
    edges = np.diff(np.concatenate(([1], np.asarray(gaps, dtype=np.int8), [1])))
    return np.stack([np.flatnonzero(edges == -1), np.flatnonzero(edges == 1)], axis=1)


def _frames(row: Any, hole: Any, length: int, step: int, sample_rate: float, where: str) -> Any:
    stretches = clean_stretches(hole)
    longest = int((stretches[:, 1] - stretches[:, 0]).max()) if len(stretches) else 0
    if longest < length:
        raise InputError(
            f"strain{where}: the longest stretch without a gap is {longest} samples "
            f"({longest / sample_rate:g} s), shorter than the PSD segment of {length} samples "
            f"({length / sample_rate:g} s); shorten segment_seconds or give a PSD"
        )
    clean = row[~hole]
    if clean.min() == clean.max():
        what = "all zero" if clean[0] == 0 else f"constant ({clean[0]:g})"
        raise InputError(f"strain{where}: {what}; it has no spectrum to estimate, leave the channel out")
    windows = np.lib.stride_tricks.sliding_window_view(row, length)
    starts = np.concatenate([np.arange(a, b - length + 1, step) for a, b in stretches])
    return windows[starts]


def periodogram_average(frames: Any, taper: Any, sample_rate: float, average: str) -> Any:
    """One-sided density of windowed frames, shape (count, length), averaged over them."""
    from scipy.fft import rfft

    length = frames.shape[-1]
    scale = np.abs(frames).max()
    frames = (frames - frames.mean(axis=-1, keepdims=True)) / scale
    power = np.abs(rfft(frames * taper, axis=-1)) ** 2
    median = average == "median"
    mean = median_of_rows(power) / median_bias(len(power)) if median else power.mean(axis=0)
    mean[1 : (length + 1) // 2] *= 2
    return mean * (scale * scale / (sample_rate * np.sum(taper * taper)))


def median_of_rows(rows: Any) -> Any:
    """Median over the first axis of finite rows; sorting whole columns is three times as fast as NumPy's."""
    columns = np.stack(rows, axis=-1)
    columns.sort(axis=-1)
    middle = len(rows) // 2
    return columns[:, middle] if len(rows) % 2 else (columns[:, middle - 1] + columns[:, middle]) / 2


def median_bias(count: int) -> float:
    """Median over mean of so many exponential variates (Allen et al. 2012, appendix B)."""
    odd = count if count % 2 else count - 1
    k = np.arange(1, odd + 1)
    return float(np.sum((-1.0) ** (k + 1) / k))


def _channel_name(index: int, lead: tuple[int, ...]) -> str:
    if not lead:
        return ""
    place = tuple(int(i) for i in np.unravel_index(index, lead))
    return f"[{', '.join(map(str, place))}]"


def _interpolate(f: Any, grid: Any, density: Any) -> Any:
    right = np.clip(np.searchsorted(grid, f, side="right"), 1, grid.size - 1)
    left = right - 1
    weight = np.clip((f - grid[left]) / (grid[right] - grid[left]), 0.0, 1.0)
    a, b = density[left], density[right]
    both = (a > 0) & (b > 0)
    logs = np.log(np.where(both, a, 1.0)), np.log(np.where(both, b, 1.0))
    geometric = np.exp((1 - weight) * logs[0] + weight * logs[1])
    out = np.where(both, geometric, (1 - weight) * a + weight * b)
    return np.where(weight == 0, a, np.where(weight == 1, b, out))


def _frozen(values: Any, what: str) -> Any:
    out = np.array(values, dtype=np.float64)
    if out.dtype.kind != "f":
        raise InputError(f"power spectrum: {what} are not real numbers")
    out.setflags(write=False)
    return out
