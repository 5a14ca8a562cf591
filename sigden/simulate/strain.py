"""Strain of a network of detectors with a known signal."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import numpy as np

from sigden.errors import InputError, ParameterError
from sigden.noise.psd import PowerSpectrum
from sigden.simulate.psd import aligo_spectrum, coloured_noise
from sigden.simulate.waveform import binary_black_hole

__all__ = ["SimulatedStrain", "inject", "shift_time", "strain"]

# Arrival after H1 (s), sign and relative amplitude: within the light travel times of 10 ms and 27 ms.
_GEOMETRY: Mapping[str, tuple[float, float, float]] = MappingProxyType(
    {"H1": (0.0, 1.0, 1.0), "L1": (-6.9e-3, -1.0, 0.9), "V1": (18.2e-3, 1.0, 0.4)}
)


@dataclass(frozen=True, eq=False)
class SimulatedStrain:
    """Strain with its truth.

    Parameters
    ----------
    detectors : tuple of str
        Names, one for each row.
    data : array, shape (detectors, n)
        Noise plus signal.
    signal : array, shape (detectors, n)
        Signal alone.
    psd : PowerSpectrum
        One-sided density of the noise, the same for all detectors.
    sample_rate : float
        Hz.
    t0 : float
        GPS time of the first sample, s.
    peak_times : tuple of float
        GPS time of the signal's peak in each detector.
    snr : tuple of float
        Matched-filter signal-to-noise ratio in each detector.
    """

    detectors: tuple[str, ...]
    data: Any
    signal: Any
    psd: PowerSpectrum
    sample_rate: float
    t0: float
    peak_times: tuple[float, ...]
    snr: tuple[float, ...]

    @property
    def noise(self) -> Any:
        """Noise alone, shape (detectors, n)."""
        return self.data - self.signal


def strain(
    duration: float = 32.0,
    sample_rate: float = 4096,
    snr: float = 20.0,
    seed: int = 0,
    detectors: tuple[str, ...] = ("H1", "L1"),
    *,
    m1: float = 36.0,
    m2: float = 29.0,
    chi: float = 0.0,
    waveform: Any = None,
    psd: PowerSpectrum | None = None,
    peak_at: float | None = None,
    t0: float = 1126259446.0,
    f_low: float = 20.0,
) -> SimulatedStrain:
    """Strain of some detectors with one binary black hole, or any other signal, in it.

    Parameters
    ----------
    duration : float
        Seconds.
    sample_rate : float
        Hz.
    snr : float
        Matched-filter signal-to-noise ratio in a detector of full response, here H1; 0 leaves the signal out.
    seed : int
        Of `numpy.random.default_rng`; every detector's noise is drawn on its own.
    detectors : tuple of str
        Of H1, L1 and V1.
    m1, m2, chi : float
        Masses (solar) and aligned spin of `binary_black_hole`.
    waveform : array, shape (m,), optional
        Another signal of this sample rate; its largest sample is put at the peak time.
    psd : PowerSpectrum, optional
        Density of the noise; `aligo_spectrum` by default.
    peak_at : float, optional
        Seconds from the start to the peak in H1; half of the duration by default.
    t0 : float
        GPS time of the first sample.
    f_low : float
        Frequency, Hz, above which the signal-to-noise ratio is counted and the waveform begins.

    Returns
    -------
    SimulatedStrain
        Data, truth, density and times.

    Raises
    ------
    ParameterError
        If a detector is unknown or a parameter is out of range.

    Notes
    -----
    The network's geometry is one fixed sky position in outline: L1 hears the wave 6.9 ms before H1 with
    the opposite sign and 0.9 of the amplitude, V1 18.2 ms after H1 with 0.4. No antenna patterns are
    computed.
    """
    unknown = [d for d in detectors if d not in _GEOMETRY]
    if unknown or not detectors:
        raise ParameterError(f"detectors: {unknown or 'none given'}; known ones are {', '.join(_GEOMETRY)}")
    if not snr >= 0:
        raise ParameterError(f"snr: must not be negative, got {snr}")
    n = round(duration * sample_rate) if duration > 0 and sample_rate > 0 else 0
    if n < 2:
        raise ParameterError(f"duration: {duration} s at {sample_rate} Hz hold no record")
    if psd is None:
        psd = aligo_spectrum(sample_rate)
    if waveform is None:
        binary = binary_black_hole(m1, m2, 400.0, sample_rate, f_low, chi=chi)
        wave, peak = binary.plus, binary.peak
    else:
        wave = np.asarray(waveform, dtype=np.float64)
        peak = int(np.argmax(np.abs(wave)))
    centre = duration / 2 if peak_at is None else peak_at
    base = _place(wave, peak, n, round(centre * sample_rate))
    base = _scaled(base, psd, sample_rate, snr, f_low) if snr > 0 else np.zeros(n)

    seeds = np.random.SeedSequence(seed).generate_state(len(_GEOMETRY))
    rows, signals, peaks, heard = [], [], [], []
    for name in detectors:
        delay, sign, response = _GEOMETRY[name]
        h = sign * response * shift_time(base, delay, sample_rate)
        draw = int(seeds[list(_GEOMETRY).index(name)])
        rows.append(coloured_noise(psd, n, sample_rate, draw) + h)
        signals.append(h)
        peaks.append(t0 + round(centre * sample_rate) / sample_rate + delay)
        heard.append(_snr(h, psd, sample_rate, f_low))
    return SimulatedStrain(
        tuple(detectors),
        np.stack(rows),
        np.stack(signals),
        psd,
        float(sample_rate),
        float(t0),
        tuple(peaks),
        tuple(heard),
    )


def inject(
    noise: Any, signal: Any, psd: PowerSpectrum, snr: float, sample_rate: float, *, f_low: float = 20.0
) -> tuple[Any, Any]:
    """Add a signal scaled to a matched-filter signal-to-noise ratio.

    Parameters
    ----------
    noise : array, shape (n,)
        Strain.
    signal : array, shape (n,)
        Signal in any unit.
    psd : PowerSpectrum
        One-sided density of the noise, per Hz.
    snr : float
        Wanted ratio, :math:`\\rho^2 = 4 \\int |h(f)|^2 / S(f) df`.
    sample_rate : float
        Hz.
    f_low : float
        Lower end of the integral, Hz.

    Returns
    -------
    data, scaled : array, shape (n,)
        Noise plus signal, and the signal in it.

    Raises
    ------
    InputError
        If the shapes differ or the signal has no power above `f_low`.
    ParameterError
        If `snr` is negative.
    """
    noise, signal = np.asarray(noise), np.asarray(signal, dtype=np.float64)
    if noise.shape != signal.shape or noise.ndim != 1:
        raise InputError(f"inject: noise {noise.shape} and signal {signal.shape} must have one shape (n,)")
    if not snr >= 0:
        raise ParameterError(f"snr: must not be negative, got {snr}")
    scaled = _scaled(signal, psd, sample_rate, snr, f_low)
    return noise + scaled, scaled


def shift_time(x: Any, delay: float, sample_rate: float) -> Any:
    """Band-limited shift by a fraction of a sample.

    Parameters
    ----------
    x : array, shape (n,)
        Samples that vanish near the ends.
    delay : float
        Seconds; positive is later.
    sample_rate : float
        Hz.

    Returns
    -------
    array, shape (n,)
        ``x(t - delay)``; what leaves the record is lost.
    """
    n = x.shape[-1]
    size = n + 2 * (math.ceil(abs(delay) * sample_rate) + 1)
    f = np.fft.rfftfreq(size, 1 / sample_rate)
    return np.fft.irfft(np.fft.rfft(x, size) * np.exp(-2j * np.pi * f * delay), size)[:n]


def _place(wave: Any, peak: int, n: int, at: int) -> Any:
    if not 0 <= at < n:
        raise ParameterError(f"peak_at: sample {at} lies outside the record of {n} samples")
    out = np.zeros(n)
    start, stop = max(0, at - peak), min(n, at - peak + wave.size)
    out[start:stop] = wave[start - at + peak : stop - at + peak]
    fade = min(start + 256, at) - start
    if at - peak < 0 and fade > 0:
        out[start : start + fade] *= np.sin(np.pi / 2 * np.arange(fade) / fade) ** 2
    return out


def _snr(h: Any, psd: PowerSpectrum, sample_rate: float, f_low: float) -> float:
    n = h.size
    f = np.fft.rfftfreq(n, 1 / sample_rate)
    top = float(np.abs(h).max()) or 1.0
    spectrum = np.fft.rfft(h / top) / sample_rate
    density = psd.at(f) / top**2
    keep = (f >= f_low) & (f < sample_rate / 2) & (density > 0)
    return math.sqrt(4 * float(np.sum(np.abs(spectrum[keep]) ** 2 / density[keep])) * sample_rate / n)


def _scaled(h: Any, psd: PowerSpectrum, sample_rate: float, snr: float, f_low: float) -> Any:
    now = _snr(h, psd, sample_rate, f_low)
    if not now > 0:
        raise InputError(f"signal: no power above {f_low:g} Hz to scale to a signal-to-noise ratio")
    return h * (snr / now)
