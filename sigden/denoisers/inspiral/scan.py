"""Where a fit begins: matched filters along the leading law of an inspiral."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np

from sigden.denoisers.inspiral.family import LEADING, NEWTON, ORDERS, POST_NEWTON

__all__ = ["Seed", "scan"]

# leading phase at the lowest frequency, rad
_HEAVIEST = 2.0
_LIGHTEST = 20000.0
_STEP = 7.0  # from one filter to the next
_NARROWEST = 0.3  # of the phase: step between the heaviest
_RING = 0.68  # v at which the ringdown of the remnant begins to fade
_APART = 0.05  # relative, of the phases of two seeds
_BATCH = 64
_LAWS = (NEWTON, POST_NEWTON)
_HIGHEST = 20  # times the lowest frequency: beyond it a filter gains little


@dataclass(frozen=True, eq=False)
class Seed:
    """Where a fit begins.

    Parameters
    ----------
    power : float
        Squared signal-to-noise ratio of the filter, noise having mean one.
    coefficients : numpy.ndarray
        Post-Newtonian coefficients of the phase.
    leading : float
        Leading phase at the lowest frequency, rad.
    arrival : float
        Sample of the end.
    """

    power: float
    coefficients: Any
    leading: float
    arrival: float


def scan(spectrum: Any, first: int, size: int, count: int) -> list[Seed]:
    """Best inspirals of a stretch.

    Parameters
    ----------
    spectrum : numpy.ndarray, shape (bins,), complex
        Fourier coefficients of unit noise.
    first : int
        Number of the lowest bin.
    size : int
        Samples of the stretch.
    count : int
        How many, at most.

    Returns
    -------
    list of Seed
        Best first.

    Notes
    -----
    The filters have the amplitude ``f**-0.5`` up to the ringdown, the mean of the whitened inspirals of
    detectors; the phase is that of `Family` with Newton's coefficients and those of post-Newtonian theory for
    equal masses, in turn.
    """
    from scipy.fft import ifft

    spectrum = spectrum[: _HIGHEST * first]
    leading, filters = _filters(first, spectrum.size)
    power, at = np.empty(len(filters)), np.empty(len(filters), dtype=int)
    data = np.zeros((_BATCH, size), dtype=np.complex64)
    for start in range(0, len(filters), _BATCH):
        part = filters[start : start + _BATCH]
        np.multiply(spectrum, part, out=data[: len(part), first : first + spectrum.size])
        series = ifft(data[: len(part)])
        squared = series.real**2 + series.imag**2
        at[start : start + len(part)] = np.argmax(squared, axis=1)
        power[start : start + len(part)] = squared.max(axis=1) * size**2
    out: list[Seed] = []
    for k in np.argsort(-power):
        seed = Seed(float(power[k]), _LAWS[k % 2], leading[k], float(at[k]))
        if all(seed.coefficients is not o.coefficients or _apart(seed, o) for o in out):
            out.append(seed)
        if len(out) == count:
            break
    return out


def _apart(one: Seed, other: Seed) -> bool:
    return abs(one.leading / other.leading - 1.0) > _APART


@lru_cache(maxsize=4)
def _filters(first: int, bins: int) -> tuple[list[float], Any]:
    """Leading phases and a filter of unit norm for each, the laws in turn; shape (phases, bins)."""
    x = np.arange(first, first + bins) / first
    leading = _grid(x[-1], first)
    out = np.zeros((len(leading), bins), dtype=np.complex64)
    for i, value in enumerate(leading):
        v = (LEADING / value) ** 0.2 * np.cbrt(x)
        # what arrives within the stretch
        delay = value * 5.0 / 3.0 / (2.0 * math.pi) * x ** (-8.0 / 3.0)
        weight = np.where((v < _RING) & (delay < first), x**-0.5, 0.0)
        weight /= max(math.sqrt(np.sum(weight * weight)), 1e-30)
        phase = LEADING * sum(c * v ** (k - 5) for c, k in zip(_LAWS[i % 2], ORDERS, strict=True))
        out[i] = weight * np.exp(1j * phase)
    return leading, out


def _grid(top: float, periods: float) -> list[float]:
    """Leading phases: evenly spaced, wider where the stretch holds the end of a chirp only."""
    out, leading = [], _HEAVIEST
    while leading < _LIGHTEST:
        out.append(leading)
        delay = leading * 5.0 / 3.0 / (2.0 * math.pi)
        lowest = max(1.0, (delay / periods) ** 0.375)
        if lowest > top / 2:
            break
        leading += min(_STEP, _NARROWEST * leading) * lowest ** (5.0 / 3.0)
    return out
