"""Free tracks, and one inspiral beside them in proportion to its evidence."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from sigden.denoisers.inspiral.fit import Fit, fit
from sigden.denoisers.inspiral.scan import scan
from sigden.denoisers.tracks import TrackEstimate, TrackModel, add_tracks, estimate_tracks

__all__ = ["estimate_signal"]

_STRETCH = 80.0  # horizons
_AFTER = 0.2  # of the stretch, behind its loudest part
_REACH = 5.0  # horizons
_LOUD = 3.0  # energy within them, that of a sample of noise being one
_MOST = 4
_SEEDS = 3
_BELOW, _ABOVE = 0.8, 1.1  # of the band's edges
_FAVOUR = 5.0
_FAINT = 0.15  # of the noise: amplitude at which an inspiral counts as half present
_HOPELESS = -12.0
_LEAST = 12.0  # power of a filter that is worth a fit; noise alone leaves about as much in a stretch
LOG = None


def estimate_signal(
    x: Any, sample_rate: float, band: tuple[float, float], model: TrackModel | None = None
) -> TrackEstimate:
    model = model or TrackModel()
    found = estimate_tracks(x, sample_rate, band, model)
    size = _fast(min(x.size, round(_STRETCH * model.horizon * sample_rate)))
    for start in _stretches(found.signal, model.horizon * sample_rate, size):
        part = slice(start, start + size)
        own = TrackEstimate(*(v[part] for v in _fields(found)))
        _weigh(x[part], sample_rate, band, model, own)
    return found


def _fast(most: int) -> int:
    """Largest length up to this one, without prime factors beyond 5: its transform is quick."""
    from scipy.fft import prev_fast_len

    return int(prev_fast_len(most, real=True))


def _fields(found: TrackEstimate) -> tuple[Any, ...]:
    return found.signal, found.variance, found.presence, found.freedom, found.evidence, found.known


def _stretches(signal: Any, horizon: float, size: int) -> list[int]:
    """Where stretches begin that hold what tracks have found."""
    from scipy.ndimage import uniform_filter1d

    width = max(1, round(_REACH * horizon))
    energy = uniform_filter1d(np.abs(signal) ** 2, width, mode="constant") * width
    out: list[int] = []
    while len(out) < _MOST:
        at = int(np.argmax(energy))
        if energy[at] < _LOUD:
            break
        start = min(max(0, at - round((1 - _AFTER) * size)), signal.size - size)
        out.append(start)
        energy[max(0, start) : start + size] = 0
    return out


def _weigh(x: Any, sample_rate: float, band: tuple[float, float], model: TrackModel, own: TrackEstimate) -> None:
    """Average of the tracks and of an inspiral with tracks beside it; in place."""
    best = _inspiral(x, band[0] / sample_rate, band[1] / sample_rate)
    if best is None:
        return
    evidence, signal, variance = best
    power = np.abs(signal) ** 2
    present = power / (power + _FAINT**2)
    chirp = TrackEstimate(signal.astype(np.complex64), variance / model.temper, present.copy(), 2 * variance, np.zeros(x.size), present)
    alone = chirp.signal.copy()
    add_tracks(x, sample_rate, band, model, chirp)
    others = float(own.evidence.sum())
    beside = float(chirp.evidence.sum())
    odds = evidence + beside + _FAVOUR - float(np.logaddexp(0.0, others))
    weight = 1.0 / (1.0 + math.exp(-min(max(odds, -50.0), 50.0)))
    if LOG is not None:
        LOG.append(dict(ev=evidence, Zu=others, Zr=beside, own=own.signal.copy(), chirp=chirp.signal.copy(), alone=alone, weight=weight))
    apart = weight * (1.0 - weight) * np.abs(chirp.signal - own.signal) ** 2 / 2.0
    for old, new in zip(_fields(own), _fields(chirp), strict=True):
        old += weight * (new - old)
    own.variance[:] += apart / model.temper


def _inspiral(x: Any, low: float, high: float) -> tuple[float, Any, Any] | None:
    """Log evidence, posterior mean and variance of the real part."""
    from scipy.fft import fft, ifft

    size = x.size
    first = max(1, math.ceil(_BELOW * low * size))
    last = min(size - 1, math.floor(_ABOVE * high * size))
    spectrum = fft(x)[first : last + 1] / math.sqrt(size)
    frequencies = np.arange(first, last + 1) / size
    seeds = [seed for seed in scan(spectrum, first, size, _SEEDS) if seed.power > _LEAST]
    fits = [fit(spectrum, frequencies, size, seed) for seed in seeds]
    fits = [f for f in fits if f.evidence > _HOPELESS]
    if not fits:
        return None
    best: Fit = max(fits, key=lambda f: f.evidence)
    both = np.zeros((1 + best.directions.shape[1], size), dtype=np.complex64)
    both[0, first : last + 1] = best.spectrum
    both[1:, first : last + 1] = best.directions.T
    series = ifft(both) * math.sqrt(size)
    return best.evidence, series[0], np.sum(series[1:].real.astype(np.float64) ** 2, axis=0)
