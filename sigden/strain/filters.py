"""Zero-phase filters of strain with quiet edges."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Literal

import numpy as np

from sigden.arrays import as_floating, is_numpy, namespace, require_finite
from sigden.errors import InputError, ParameterError
from sigden.noise.psd import PowerSpectrum

__all__ = ["band_gain", "band_pass", "find_lines", "notch"]


def band_pass(
    x: Any,
    sample_rate: float,
    band: tuple[float, float],
    *,
    order: int = 4,
    extension: Literal["even", "odd"] = "even",
) -> Any:
    """Butterworth band-pass, forwards and backwards.

    Parameters
    ----------
    x : NumPy array, shape (..., n)
        Real samples.
    sample_rate : float
        Hz.
    band : tuple of float
        Lower and upper corner, Hz; a lower corner of 0 makes a low-pass, an upper one of half the sample rate
        a high-pass.
    order : int
        Order of the Butterworth prototype, run twice.
    extension : {"even", "odd"}
        How the record is continued past its ends. Even keeps the variance of noise at the edges; odd keeps
        slopes of smooth records but doubles the noise there.

    Returns
    -------
    array, shape (..., n)
        The part of `x` in the band, in its dtype.

    Raises
    ------
    InputError
        If the samples are not finite or not a NumPy array.
    ParameterError
        If the band is empty or reaches past the Nyquist frequency.
    """
    x, values = _samples(x)
    nyquist = _nyquist(sample_rate)
    low, high = _require_band(band, nyquist)
    if order < 1:
        raise ParameterError(f"order: must be at least 1, got {order}")
    if extension not in ("even", "odd"):
        raise ParameterError(f"extension: expected 'even' or 'odd', got {extension!r}")
    if low == 0 and high == nyquist:
        return x.copy()
    from scipy.signal import butter, sosfiltfilt

    if low == 0:
        sections = butter(order, high, btype="low", fs=sample_rate, output="sos")
    elif high == nyquist:
        sections = butter(order, low, btype="high", fs=sample_rate, output="sos")
    else:
        sections = butter(order, [low, high], btype="band", fs=sample_rate, output="sos")
    memory = _ringing(sections)
    padded = min(memory, x.shape[-1] - 1)
    out = sosfiltfilt(sections, values, axis=-1, padtype=extension, padlen=padded)
    return out.astype(x.dtype, copy=False)


def band_gain(frequencies: Any, sample_rate: float, band: tuple[float, float], *, order: int = 4) -> Any:
    """Gain of `band_pass`.

    Parameters
    ----------
    frequencies : numpy.ndarray
        Hz, from 0 to half the sample rate.
    sample_rate : float
        Hz.
    band : tuple of float
        Lower and upper corner, Hz.
    order : int
        Order of the Butterworth prototype.

    Returns
    -------
    numpy.ndarray, same shape
        Gain, a half at the corners.

    Raises
    ------
    ParameterError
        If the band is empty or reaches past the Nyquist frequency.

    Notes
    -----
    The bilinear transform takes f to :math:`w = \\tan(\\pi f / f_s)`; run twice, the filter has the gain
    :math:`1 / (1 + q^{2 n})` with :math:`q = (w^2 - w_1 w_2) / (w (w_2 - w_1))`.
    """
    low, high = _require_band(band, _nyquist(sample_rate))
    w, first, last = (
        np.tan(np.pi / sample_rate * np.asarray(f, dtype=np.float64)) for f in (frequencies, low, high)
    )
    with np.errstate(divide="ignore", over="ignore", invalid="ignore"):
        if high == sample_rate / 2:
            q = first / w if low > 0 else np.zeros_like(w)
        else:
            q = (w * w - first * last) / (w * (last - first))
        # 0/0 is a low-pass at zero frequency
        return 1.0 / (1.0 + np.nan_to_num(q, nan=0.0, posinf=np.inf, neginf=-np.inf) ** (2 * order))


def notch(x: Any, sample_rate: float, frequencies: Sequence[float], quality: float = 30.0) -> Any:
    """Take narrow lines out, forwards and backwards.

    Parameters
    ----------
    x : NumPy array, shape (..., n)
        Real samples.
    sample_rate : float
        Hz.
    frequencies : sequence of float
        Centres of the lines, Hz.
    quality : float
        Centre over full width at half power, at least 1.

    Returns
    -------
    array, shape (..., n)
        `x` without the lines, in its dtype.

    Raises
    ------
    InputError
        If the samples are not finite or not a NumPy array.
    ParameterError
        If a frequency lies outside (0, Nyquist) or the quality is below 1.

    Notes
    -----
    The line is shifted to zero frequency, its complex envelope is smoothed both ways, shifted back and taken
    off. The envelope of a steady line is constant, so it continues through a reflection at the ends where the
    line itself does not: a steady line goes out whole, edges included. At a distance d from the centre
    the gain is :math:`d^2 / (d^2 + d_0^2)`.
    """
    x, values = _samples(x)
    nyquist = _nyquist(sample_rate)
    if not (math.isfinite(quality) and quality >= 1):
        raise ParameterError(f"quality: must be at least 1, got {quality}")
    for f in frequencies:
        if not 0 < f < nyquist:
            raise ParameterError(
                f"frequencies: {f} Hz lies outside (0, {nyquist:g}) Hz, half the sample rate"
            )
    if not len(frequencies):
        return x.copy()
    from scipy.signal import butter

    from sigden.strain.notch_numba import take_out

    rows = np.array(values, order="C").reshape(-1, x.shape[-1])
    for f in frequencies:
        # Half power of the notch lies at d = f / (2 quality): (d / d0)^2 = 1 + sqrt(2).
        corner = f / (2 * quality) / math.sqrt(1 + math.sqrt(2))
        sections = butter(1, corner, fs=sample_rate, output="sos")
        padded = min(_ringing(sections), x.shape[-1] - 1)
        take_out(rows, 2 * np.pi * f / sample_rate, -sections[0, 4], padded)
    return rows.reshape(x.shape).astype(x.dtype, copy=False)


def find_lines(psd: PowerSpectrum, *, threshold: float = 10.0, width: float = 8.0) -> Any:
    """Frequencies of narrow lines in a spectrum.

    Parameters
    ----------
    psd : PowerSpectrum
        One channel, on a regular grid.
    threshold : float
        A line exceeds the running median by this factor in power.
    width : float
        Width of the running median, Hz.

    Returns
    -------
    array, shape (count,)
        Frequency of the highest bin of every line, Hz, increasing.

    Raises
    ------
    InputError
        If the spectrum has several channels.
    ParameterError
        If a parameter is out of range.
    """
    if psd.density.ndim != 1:
        raise InputError(f"find_lines: expected one channel, got density of shape {psd.density.shape}")
    if not threshold > 1:
        raise ParameterError(f"threshold: must exceed 1, got {threshold}")
    spacing = float(psd.frequencies[1] - psd.frequencies[0])
    bins = 2 * round(width / (2 * spacing)) + 1
    if bins < 3:
        raise ParameterError(f"width: {width} Hz is below the resolution of {spacing:g} Hz")
    from scipy.ndimage import median_filter

    level = np.log(np.maximum(psd.density, psd.density.max() * 1e-30))
    high = level - median_filter(level, bins, mode="nearest") > math.log(threshold)
    edges = np.flatnonzero(np.diff(np.concatenate(([0], high.astype(np.int8), [0]))))
    peaks = [a + int(np.argmax(level[a:b])) for a, b in edges.reshape(-1, 2)]
    return psd.frequencies[np.asarray(peaks, dtype=int)].copy()


def _samples(x: Any) -> tuple[Any, Any]:
    if not is_numpy(namespace(x)):
        raise InputError("strain filters run on NumPy arrays only; copy the samples to the host first")
    x = as_floating(x, "strain")
    require_finite(x, "strain")
    if x.ndim < 1 or x.shape[-1] < 2:
        raise InputError(f"strain: needs at least 2 samples, got shape {x.shape}")
    return x, x.astype(np.float64, copy=False)


def _nyquist(sample_rate: float) -> float:
    if not (math.isfinite(sample_rate) and sample_rate > 0):
        raise ParameterError(f"sample_rate: must be positive, got {sample_rate}")
    return sample_rate / 2


def _require_band(band: tuple[float, float], nyquist: float) -> tuple[float, float]:
    if len(band) != 2 or not all(math.isfinite(f) for f in band):
        raise ParameterError(f"band: expected two frequencies, low and high, got {band}")
    low, high = (float(f) for f in band)
    if not 0 <= low < high:
        raise ParameterError(f"band: expected 0 <= low < high, got ({low:g}, {high:g}) Hz")
    if high > nyquist:
        raise ParameterError(f"band: {high:g} Hz exceeds the Nyquist frequency of {nyquist:g} Hz")
    return low, high


def _ringing(sections: Any) -> int:
    """Samples until the slowest pole has decayed by 1e-6."""
    radii = [float(np.abs(np.roots(section[3:])).max()) for section in sections]
    slowest = min(max(radii), 1 - 1e-12)
    return max(1, math.ceil(math.log(1e-6) / math.log(slowest))) if slowest > 0 else 1
