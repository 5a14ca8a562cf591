"""Short signals of simple form."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from sigden.errors import ParameterError

__all__ = ["ringdown", "sine_gaussian", "supernova_like", "white_noise_burst"]


def sine_gaussian(
    n: int,
    sample_rate: float,
    frequency: float,
    quality: float = 9.0,
    *,
    centre: float | None = None,
    phase: float = 0.0,
) -> Any:
    """Sine under a Gaussian, of unit peak envelope.

    Parameters
    ----------
    n : int
        Number of samples.
    sample_rate, frequency : float
        Hz.
    quality : float
        ``sqrt(2) pi frequency tau`` with the envelope ``exp(-(t / tau)**2)``.
    centre : float, optional
        Time of the peak, s; the middle by default.
    phase : float
        Radians at the centre.

    Returns
    -------
    array, shape (n,)
        ``exp(-(t / tau)**2) * cos(2 pi f t + phase)``.

    Raises
    ------
    ParameterError
        If a parameter is out of range.
    """
    t = _time(n, sample_rate, frequency, centre)
    if not quality > 0:
        raise ParameterError(f"quality: must be positive, got {quality}")
    tau = quality / (math.sqrt(2) * math.pi * frequency)
    return np.exp(-((t / tau) ** 2)) * np.cos(2 * math.pi * frequency * t + phase)


def ringdown(
    n: int,
    sample_rate: float,
    frequency: float,
    decay: float,
    *,
    start: float | None = None,
    phase: float = 0.0,
) -> Any:
    """Damped sine that sets in at once.

    Parameters
    ----------
    n : int
        Number of samples.
    sample_rate, frequency : float
        Hz.
    decay : float
        Time in which the amplitude falls by e, s.
    start : float, optional
        Onset, s; the middle by default.
    phase : float
        Radians at the onset.

    Returns
    -------
    array, shape (n,)
        ``exp(-t / decay) * cos(2 pi f t + phase)`` after the onset.

    Raises
    ------
    ParameterError
        If a parameter is out of range.
    """
    t = _time(n, sample_rate, frequency, start)
    if not decay > 0:
        raise ParameterError(f"decay: must be positive, got {decay}")
    after = np.maximum(t, 0.0)
    return np.where(t >= 0, np.exp(-after / decay) * np.cos(2 * math.pi * frequency * after + phase), 0.0)


def white_noise_burst(
    n: int,
    sample_rate: float,
    band: tuple[float, float],
    duration: float,
    seed: int,
    *,
    centre: float | None = None,
) -> Any:
    """Gaussian noise of a band under a Gaussian envelope, of unit energy.

    Parameters
    ----------
    n : int
        Number of samples.
    sample_rate : float
        Hz.
    band : tuple of float
        Lower and upper frequency, Hz.
    duration : float
        Standard deviation of the envelope of the power, s.
    seed : int
        Of `numpy.random.default_rng`.
    centre : float, optional
        Time of the peak, s; the middle by default.

    Returns
    -------
    array, shape (n,)
        Samples with ``sum(h**2) / sample_rate == 1``.

    Raises
    ------
    ParameterError
        If a parameter is out of range.
    """
    low, high = band
    if not 0 <= low < high <= sample_rate / 2:
        raise ParameterError(f"band: expected 0 <= low < high <= {sample_rate / 2:g} Hz, got {band}")
    if not duration > 0:
        raise ParameterError(f"duration: must be positive, got {duration}")
    t = _time(n, sample_rate, high, centre)
    f = np.fft.rfftfreq(n, 1 / sample_rate)
    spectrum = np.fft.rfft(np.random.default_rng(seed).normal(size=n))
    noise = np.fft.irfft(np.where((f >= low) & (f <= high), spectrum, 0), n)
    burst = noise * np.exp(-((t / duration) ** 2) / 4)
    return burst / math.sqrt(float(burst @ burst) / sample_rate)


def supernova_like(n: int, sample_rate: float, *, bounce: float | None = None, seed: int = 0) -> Any:
    """Caricature of a core collapse: a bounce spike, its ringdown, and a rising noisy mode.

    Parameters
    ----------
    n : int
        Number of samples.
    sample_rate : float
        Hz, at least 2048.
    bounce : float, optional
        Time of the bounce, s; a quarter of the record by default.
    seed : int
        Of `numpy.random.default_rng`, for the stochastic part.

    Returns
    -------
    array, shape (n,)
        Unit peak.

    Raises
    ------
    ParameterError
        If the sample rate is below 2048 Hz.

    Notes
    -----
    Not a simulation. The bounce is a Gaussian's second derivative of 1 ms, the ringdown 700 Hz and 5 ms;
    after it a mode climbs from 150 to 750 Hz within 0.3 s, its amplitude a positive random walk, after the
    shape of published spectrograms [1]_.

    References
    ----------
    .. [1] J. W. Murphy, C. D. Ott and A. Burrows, "A model for gravitational wave emission from
       neutrino-driven core-collapse supernovae", Astrophys. J. 707 (2009) 1173.
    """
    if not sample_rate >= 2048:
        raise ParameterError(f"sample_rate: must be at least 2048 Hz, got {sample_rate}")
    start = 0.25 * n / sample_rate if bounce is None else bounce
    t = _time(n, sample_rate, 750.0, start)
    z = (t / 1e-3) ** 2
    spike = (1 - z) * np.exp(-z / 2)
    ring = -0.5 * ringdown(n, sample_rate, 700.0, 5e-3, start=start + 1e-3)
    late = np.clip(t / 0.3, 0, 1)
    angle = 2 * math.pi * np.cumsum(150 + 600 * late) / sample_rate
    knots = np.abs(np.random.default_rng(seed).normal(size=64))
    envelope = np.interp(late, np.linspace(0, 1, 64), knots) * np.sin(np.pi * late) ** 2
    h = spike + ring + 0.3 * envelope * np.sin(angle)
    return h / np.abs(h).max()


def _time(n: int, sample_rate: float, frequency: float, centre: float | None) -> Any:
    if n < 1:
        raise ParameterError(f"n: must be positive, got {n}")
    if not sample_rate > 0:
        raise ParameterError(f"sample_rate: must be positive, got {sample_rate}")
    if not 0 < frequency <= sample_rate / 2:
        raise ParameterError(f"frequency: must lie in (0, {sample_rate / 2:g}] Hz, got {frequency}")
    zero = n / (2 * sample_rate) if centre is None else centre
    return np.arange(n) / sample_rate - zero
