"""Waveform of a binary black hole: inspiral, merger and ringdown."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from sigden.errors import ParameterError

__all__ = ["BinaryWaveform", "binary_black_hole"]

# G M_sun / c^3 in s and Mpc / c in s.
_SUN_SECONDS = 4.925490947641267e-6
_MEGAPARSEC_SECONDS = 1.0292712503794876e14

# Ajith et al. (2011), table I: coefficients of eta, eta chi, eta chi^2, eta^2, eta^2 chi, eta^3.
_PHASE = {
    2: (-9.2091e2, 4.9213e2, 1.3503e2, 6.7419e3, -1.0534e3, -1.3397e4),
    3: (1.7022e4, -9.5659e3, -2.1821e3, -1.2137e5, 2.0752e4, 2.3859e5),
    4: (-1.2544e5, 7.5066e4, 1.3382e4, 8.7354e5, -1.6573e5, -1.6936e6),
    6: (-8.8977e5, 6.3102e5, 5.0676e4, 5.9808e6, -1.4148e6, -1.1280e7),
    7: (8.6960e5, -6.7098e5, -3.0082e4, -5.8379e6, 1.5145e6, 1.0891e7),
    8: (-3.6600e5, 3.0670e5, 6.3176e2, 2.4265e6, -7.2180e5, -4.5524e6),
}
_MERGER = (6.4365e-1, 8.2696e-1, -2.7063e-1, -5.8218e-2, -3.9346, -7.0916)
_RING = (1.4690e-1, -1.2281e-1, -2.6091e-2, -2.4900e-2, 1.7013e-1, 2.3252)
_WIDTH = (-4.0979e-1, -3.5226e-2, 1.0082e-1, 1.8286, -2.0169e-2, -2.8698)


@dataclass(frozen=True, eq=False)
class BinaryWaveform:
    """Two polarisations of a face-on binary.

    Parameters
    ----------
    plus, cross : array, shape (n,)
        Strain.
    peak : int
        Sample of the largest amplitude.
    sample_rate : float
        Hz.
    """

    plus: Any
    cross: Any
    peak: int
    sample_rate: float


def binary_black_hole(
    m1: float,
    m2: float,
    distance_mpc: float,
    sample_rate: float,
    f_low: float = 20.0,
    *,
    chi: float = 0.0,
    phase: float = 0.0,
) -> BinaryWaveform:
    """Inspiral, merger and ringdown of two black holes without precession.

    Parameters
    ----------
    m1, m2 : float
        Masses in the detector's frame, solar masses.
    distance_mpc : float
        Luminosity distance, Mpc.
    sample_rate : float
        Hz.
    f_low : float
        Frequency at which the waveform fades in, Hz.
    chi : float
        Mass-weighted aligned spin, -0.85 to 0.85.
    phase : float
        Phase of the wave, radians.

    Returns
    -------
    BinaryWaveform
        Plus and cross of an optimally oriented source.

    Raises
    ------
    ParameterError
        If a parameter is out of range, or the ringdown exceeds the Nyquist frequency.

    Notes
    -----
    The phenomenological frequency-domain model of reference [1]_ (known as IMRPhenomB): power laws with
    post-Newtonian corrections up to the merger, a Lorentzian beyond, and a fitted phase series in
    :math:`v = (\\pi M f)^{1/3}`. It was fitted to mass ratios up to 4. The spectrum fades in over a quarter
    of `f_low`, which stands for the endless inspiral before. Good for tests on realistic chirps; not for
    parameter estimation.

    References
    ----------
    .. [1] P. Ajith et al., "Inspiral-merger-ringdown waveforms for black-hole binaries with nonprecessing
       spins", Phys. Rev. Lett. 106 (2011) 241101, eqs. 1-2 and table I.
    """
    for name, value in (("m1", m1), ("m2", m2), ("distance_mpc", distance_mpc), ("sample_rate", sample_rate)):
        if not (math.isfinite(value) and value > 0):
            raise ParameterError(f"{name}: must be positive, got {value}")
    if not -0.85 <= chi <= 0.85:
        raise ParameterError(f"chi: the model holds from -0.85 to 0.85, got {chi}")
    total = (m1 + m2) * _SUN_SECONDS
    eta = m1 * m2 / (m1 + m2) ** 2
    merger, ring, width = _frequencies(eta, chi, total)
    if not 0 < f_low < merger:
        raise ParameterError(f"f_low: must lie between 0 and the merger at {merger:.1f} Hz, got {f_low}")
    if ring + 2 * width > sample_rate / 2:
        raise ParameterError(
            f"sample_rate: {sample_rate:g} Hz is too low for a ringdown at {ring:.0f} Hz; "
            "raise it or the masses"
        )
    chirp_seconds = 5 * total / (256 * eta * (math.pi * total * 0.7 * f_low) ** (8 / 3))
    n = 1 << math.ceil(math.log2((1.5 * chirp_seconds + 1.0) * sample_rate))
    f = np.fft.rfftfreq(n, 1 / sample_rate)[1:]
    amplitude = _amplitude(f, eta, chi, total, merger, ring, width) / (distance_mpc * _MEGAPARSEC_SECONDS)
    fade = np.clip((f - 0.75 * f_low) / (0.25 * f_low), 0, 1)
    amplitude *= np.sin(np.pi / 2 * fade) ** 2
    angle = _phase(f, eta, chi, total)
    # Stationary phase: shift so that the peak stands where the inspiral before it fits.
    delay = np.interp(ring, f, np.gradient(angle, f)) / (2 * math.pi)
    angle = angle - 2 * math.pi * f * delay
    lead = 0.9 * n / sample_rate
    spectrum = np.zeros(n // 2 + 1, dtype=np.complex128)
    spectrum[1:] = amplitude * np.exp(-1j * (angle + 2 * math.pi * f * lead))
    spectrum[-1] = 0
    turn = np.exp(1j * phase)
    plus = np.fft.irfft(spectrum * turn, n) * sample_rate
    cross = np.fft.irfft(spectrum * turn * -1j, n) * sample_rate
    peak = int(np.argmax(plus**2 + cross**2))
    return BinaryWaveform(plus, cross, peak, float(sample_rate))


def _fit(coefficients: tuple[float, ...], eta: float, chi: float) -> float:
    terms = (eta, eta * chi, eta * chi**2, eta**2, eta**2 * chi, eta**3)
    return sum(c * t for c, t in zip(coefficients, terms, strict=True))


def _frequencies(eta: float, chi: float, total: float) -> tuple[float, float, float]:
    merger = 1 - 4.4547 * (1 - chi) ** 0.217 + 3.521 * (1 - chi) ** 0.26 + _fit(_MERGER, eta, chi)
    ring = (1 - 0.63 * (1 - chi) ** 0.3) / 2 + _fit(_RING, eta, chi)
    width = (1 - 0.63 * (1 - chi) ** 0.3) * (1 - chi) ** 0.45 / 4 + _fit(_WIDTH, eta, chi)
    scale = math.pi * total
    return merger / scale, ring / scale, width / scale


def _amplitude(f: Any, eta: float, chi: float, total: float, merger: float, ring: float, width: float) -> Any:
    def inspiral(g: Any) -> Any:
        v = np.cbrt(math.pi * total * g)
        alpha2 = -323 / 224 + 451 * eta / 168
        alpha3 = (27 / 8 - 11 * eta / 6) * chi
        return (g / merger) ** (-7 / 6) * (1 + alpha2 * v**2 + alpha3 * v**3)

    def plunge(g: Any) -> Any:
        v = np.cbrt(math.pi * total * g)
        return (g / merger) ** (-2 / 3) * (1 + (1.4547 * chi - 1.8897) * v + (1.6557 - 1.8153 * chi) * v**2)

    def lorentzian(g: Any) -> Any:
        return (width / 2) ** 2 / ((g - ring) ** 2 + (width / 2) ** 2)

    join = float(inspiral(merger) / plunge(merger))
    shape = np.where(f < merger, inspiral(f), join * plunge(f))
    shape = np.where(f < ring, shape, join * float(plunge(ring)) * lorentzian(f))
    prefactor = math.sqrt(5 * eta / 24) * total ** (5 / 6) * merger ** (-7 / 6) / math.pi ** (2 / 3)
    return prefactor * shape


def _phase(f: Any, eta: float, chi: float, total: float) -> Any:
    v = np.cbrt(math.pi * total * f)
    inspiral = {
        2: 3715 / 756,
        3: -16 * math.pi + 113 * chi / 3,
        4: 15293365 / 508032 - 405 * chi**2 / 8,
    }
    series = sum((inspiral.get(k, 0.0) + _fit(c, eta, chi)) * v**k for k, c in _PHASE.items())
    return 3 / (128 * eta * v**5) * (1 + series)
