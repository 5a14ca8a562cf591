"""Design-like noise of a detector."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count
from typing import Any

import numpy as np

from sigden.errors import ParameterError
from sigden.noise.psd import PowerSpectrum

__all__ = ["aligo_psd", "aligo_spectrum", "coloured_noise", "noise_blocks"]

_WALL_TOP = 7.0
_WALL_CORNER = 14.0
_FIT_EDGE = 20.0


def aligo_psd(frequencies: Any) -> Any:
    """One-sided noise density like Advanced LIGO's design.

    Parameters
    ----------
    frequencies : array_like
        Hz, not negative.

    Returns
    -------
    array
        Density, 1/Hz.

    Raises
    ------
    ParameterError
        If a frequency is negative.

    Notes
    -----
    With :math:`x = f / 245.4` Hz, the fit of reference [1]_ to the zero-detuned, high-power configuration,
    meant for 20 Hz and above:

    .. math:: 10^{48} S = 0.0152 x^{-4} + 0.2935 x^{9/4} + 2.7951 x^{3/2} - 6.5080 x^{3/4} + 17.7622

    Below 20 Hz real records rise far more steeply. The wall added here, ``S(20 Hz) * (14 Hz / f)**20``, held
    below 7 Hz, is not a published fit: it gives records the dynamic range of real ones (some 1e-39 to 1e-47)
    and is 0.1 % of the fit at 20 Hz.

    References
    ----------
    .. [1] P. Ajith, "Addressing the spin question in gravitational-wave searches", Phys. Rev. D 84 (2011)
       084037, eq. 4.7.
    """
    f = np.asarray(frequencies, dtype=np.float64)
    if np.any(~(f >= 0)):
        raise ParameterError("frequencies: must not be negative")
    held = np.maximum(f, _WALL_TOP)
    return _zero_detuned_fit(held) + _zero_detuned_fit(_FIT_EDGE) * (_WALL_CORNER / held) ** 20


def aligo_spectrum(sample_rate: float, resolution: float = 0.25) -> PowerSpectrum:
    """`aligo_psd` from zero to the Nyquist frequency.

    Parameters
    ----------
    sample_rate : float
        Hz.
    resolution : float
        Spacing of the grid, Hz.

    Returns
    -------
    PowerSpectrum
        The density.
    """
    f = np.linspace(0, sample_rate / 2, round(sample_rate / (2 * resolution)) + 1)
    return PowerSpectrum(f, aligo_psd(f))


def coloured_noise(
    psd: PowerSpectrum, n: int, sample_rate: float, seed: int, *, memory_seconds: float = 8.0
) -> Any:
    """Stationary Gaussian noise of a given spectrum.

    Parameters
    ----------
    psd : PowerSpectrum
        One channel, per Hz.
    n : int
        Number of samples.
    sample_rate : float
        Hz.
    seed : int
        Of `numpy.random.default_rng`.
    memory_seconds : float
        Surplus that is made and cropped, so that the two ends are not neighbours on a circle.

    Returns
    -------
    array, shape (n,)
        Float64 samples.

    Raises
    ------
    ParameterError
        If `n` or `sample_rate` is not positive.

    References
    ----------
    .. [1] J. Timmer and M. Koenig, "On generating power law noise", Astron. Astrophys. 300 (1995) 707.
    """
    if n < 1:
        raise ParameterError(f"n: must be positive, got {n}")
    if not sample_rate > 0:
        raise ParameterError(f"sample_rate: must be positive, got {sample_rate}")
    from scipy.fft import irfft, next_fast_len

    size = next_fast_len(n + max(1, round(memory_seconds * sample_rate)), real=True)
    generator = np.random.default_rng(seed)
    f = np.fft.rfftfreq(size, 1 / sample_rate)
    z = generator.normal(size=(2, f.size))
    spectrum = (z[0] + 1j * z[1]) / np.sqrt(2)
    spectrum[0] = z[0, 0]
    if size % 2 == 0:
        spectrum[-1] = z[0, -1]
    density = psd.at(f)
    scale = np.sqrt(density.max()) or 1.0
    samples = irfft(spectrum * (np.sqrt(density) / scale), size)[:n]
    return samples * (scale * np.sqrt(size * sample_rate / 2))


def noise_blocks(
    psd: PowerSpectrum, n: int, sample_rate: float, seed: int, *, memory_seconds: float = 8.0
) -> Iterator[Any]:
    """Stationary Gaussian noise without end, in blocks that join without a seam.

    Parameters
    ----------
    psd, n, sample_rate, seed
        As of `coloured_noise`; `n` is the length of a block.
    memory_seconds : float
        Time over which one stretch of noise goes over into the next, shorter than a block.

    Yields
    ------
    array, shape (n,)
        Float64 samples that follow those of the block before.

    Raises
    ------
    ParameterError
        As of `coloured_noise`, or if a block is not longer than the memory.

    Notes
    -----
    Independent stretches x and y are joined as :math:`x \\cos a + y \\sin a`, with a phase that goes
    smoothly from 0 to :math:`\\pi/2`: the variance stays, and so does the spectrum wherever it changes little
    over the inverse of the memory.
    """
    fade = round(memory_seconds * sample_rate)
    if not 0 < fade < n:
        raise ParameterError(
            f"memory_seconds: must be shorter than a block of {n / sample_rate:g} s, got {memory_seconds}"
        )
    t = (np.arange(fade) + 0.5) / fade
    angle = np.pi / 2 * t**3 * (10.0 - 15.0 * t + 6.0 * t * t)
    tail = None
    for number in count():
        child = int(np.random.SeedSequence([seed, number]).generate_state(1, np.uint64)[0])
        samples = coloured_noise(psd, n + fade, sample_rate, child, memory_seconds=memory_seconds)
        if tail is not None:
            samples[:fade] = samples[:fade] * np.sin(angle) + tail * np.cos(angle)
        tail = samples[n:].copy()
        yield samples[:n]


def _zero_detuned_fit(f: Any) -> Any:
    x = np.asarray(f, dtype=np.float64) / 245.4
    return 1e-48 * (0.0152 * x**-4 + 0.2935 * x**2.25 + 2.7951 * x**1.5 - 6.5080 * x**0.75 + 17.7622)
