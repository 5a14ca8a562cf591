"""One signal in several detectors: delay, sign and amplitude from the data alone."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from sigden.errors import ParameterError
from sigden.strain.local_estimate import LocalEstimate
from sigden.strain.tracked import tracked

__all__ = ["CoherentEstimate", "Pair", "coherent"]

_BLOCK_SECONDS = 4.0
_NATS = 5.0  # evidence for a common signal beyond the number of delays tried
_LOUD_NATS = 18.0  # what one detector must see for its neighbour's silence to be told
_NULL_SIGMAS = 4.0
_PASSES = 2
_FINER = 8  # steps of delay in one sample


@dataclass(frozen=True)
class Pair:
    """How a second detector saw what the reference saw, in one stretch of time.

    Parameters
    ----------
    start, stop : int
        Samples of the stretch.
    reference, other : int
        Rows of the two detectors.
    coherent : bool
        Whether the two were joined; otherwise each was denoised on its own.
    delay : float
        Arrival after the reference, s.
    ratio : float
        Whitened amplitude over that in the reference; negative where the sign is reversed.
    correlation : float
        Of the single-detector estimates, at that delay.
    consistency : float
        Power of the null stream over that of noise, where the signal is; 1 for one common signal.
    """

    start: int
    stop: int
    reference: int
    other: int
    coherent: bool
    delay: float
    ratio: float
    correlation: float
    consistency: float


@dataclass(frozen=True)
class CoherentEstimate:
    """Estimates of all detectors and what joined them.

    Parameters
    ----------
    detectors : tuple of LocalEstimate
        One for each row.
    pairs : tuple of Pair
        Every stretch that held a signal in two detectors.
    """

    detectors: tuple[LocalEstimate, ...]
    pairs: tuple[Pair, ...]


def coherent(
    z: Any,
    sample_rate: float,
    bands: Sequence[tuple[float, float]],
    max_delay: float = 0.03,
    *,
    own: Sequence[LocalEstimate] | None = None,
) -> CoherentEstimate:
    """Denoise two or more detectors that may hold one common signal.

    Parameters
    ----------
    z : numpy.ndarray, shape (detectors, n)
        Whitened strain of unit variance, limited to the bands, without gaps.
    sample_rate : float
        Hz.
    bands : sequence of tuple of float
        Lower and upper edge in Hz, one for each detector.
    max_delay : float
        Largest difference of arrival times, s: 0.010 for Hanford and Livingston, 0.030 for any pair on Earth.
    own : sequence of LocalEstimate, optional
        Estimates of the single detectors, where they are known already.

    Returns
    -------
    CoherentEstimate
        Estimates, and the pairs that were joined or refused.

    Raises
    ------
    ParameterError
        If `max_delay` is not positive.

    Notes
    -----
    Each detector is denoised on its own. In blocks of time the two loudest estimates are correlated within
    `max_delay`; with the delay and the whitened amplitude ratio r of best fit of the second to the first,
    the streams are joined as

    .. math:: y = (x_1 + r x_2) / \\sqrt{1 + r^2}, \\qquad n = (r x_1 - x_2) / \\sqrt{1 + r^2},

    where x_2 is shifted back: y holds the signal with :math:`\\sqrt{1 + r^2}` of its amplitude in unit noise
    and the null stream n none of it [1]_. y is denoised and given back to the detectors. Where the null
    stream has more power than noise, or the correlation explains too little, the detectors disagree and keep
    their own estimates.

    References
    ----------
    .. [1] Y. Guersel and M. Tinto, "Near optimal solution to the inverse problem for gravitational-wave
       bursts", Phys. Rev. D 40 (1989) 3884.
    """
    if not (math.isfinite(max_delay) and max_delay > 0):
        raise ParameterError(f"max_delay: must be positive, got {max_delay}")
    z = np.asarray(z, dtype=np.float64)
    count, n = z.shape
    own = list(own or (tracked(row, sample_rate, band) for row, band in zip(z, bands, strict=True)))
    block = min(n, 2 * round(_BLOCK_SECONDS * sample_rate / 2))
    if count < 2 or block < 4 * math.ceil(max_delay * sample_rate):
        return CoherentEstimate(tuple(own), ())
    estimates, errors = np.zeros_like(z), np.zeros_like(z)
    weights, pairs = np.zeros(n), []
    network = _Network(z, own, sample_rate, tuple(bands), max_delay)
    for start in _starts(n, block):
        part = slice(start, start + block)
        fade = np.sin(np.pi * (np.arange(block) + 0.5) / block) ** 2 + 1e-9
        found, error, told = network.join(part)
        estimates[:, part] += fade * found
        errors[:, part] += fade * error
        weights[part] += fade
        pairs += told
    joined = (LocalEstimate(u / weights, e / weights, 0.0, 1) for u, e in zip(estimates, errors, strict=True))
    return CoherentEstimate(tuple(joined), tuple(pairs))


def _starts(n: int, block: int) -> list[int]:
    last = n - block
    return sorted({*range(0, last + 1, block // 2), last})


@dataclass(frozen=True)
class _Network:
    z: Any
    own: list[LocalEstimate]
    sample_rate: float
    bands: tuple[tuple[float, float], ...]
    max_delay: float

    def join(self, part: slice) -> tuple[Any, Any, list[Pair]]:
        """Estimates and errors of one stretch, and the pairs found in it."""
        x = self.z[:, part]
        estimates = np.stack([o.estimate[part] for o in self.own])
        errors = np.stack([o.uncertainty[part] for o in self.own])
        energy = np.sum(estimates**2, axis=1)
        first = int(np.argmax(energy))
        pairs, joined = [], {first: (0.0, 1.0)}
        for other in range(len(x)):
            if other == first or not energy[first] > 0:
                continue
            delay, ratio, gain, evidence = self._match(x, estimates, first, other)
            null = self._null(x, estimates[first], first, other, delay, ratio)
            agreed = evidence > _NATS and null[0] < 1.0 + _NULL_SIGMAS * null[1]
            if agreed:
                joined[other] = (delay, ratio)
            loud = energy[first] / (2.0 * self._noise(first)) > _LOUD_NATS
            if agreed or loud:
                pairs.append(
                    Pair(part.start, part.stop, first, other, agreed, delay, ratio, gain, float(null[0]))
                )
        if len(joined) == 1:
            return estimates, errors, pairs
        for _ in range(_PASSES):
            common = self._denoise(x, joined, first)
            for other in joined:
                if other != first:
                    joined[other] = self._refine(x, common.estimate, first, other, joined[other][0])
        common = self._denoise(x, joined, first)
        norm = math.sqrt(sum(r * r for _, r in joined.values()))
        for other, (delay, ratio) in joined.items():
            estimates[other] = ratio / norm * _shift(common.estimate, delay * self.sample_rate)
            errors[other] = abs(ratio) / norm * _moved(common.uncertainty, delay * self.sample_rate)
        return estimates, errors, pairs

    def _noise(self, row: int) -> float:
        """Variance of an inner product with unit noise of the band, per unit of energy."""
        low, high = self.bands[row]
        return self.sample_rate / (2.0 * (high - low))

    def _match(self, x: Any, estimates: Any, first: int, other: int) -> tuple[float, float, float, float]:
        """Delay of `other` after `first`, ratio of amplitudes, correlation and evidence."""
        forth = self._correlation(estimates[first], x[other], other)
        back = self._correlation(x[first], estimates[other], first, template_last=True)
        # signs must agree, so amplitudes are added before they are squared
        total = np.where(forth * back > 0, forth**2 + back**2, np.maximum(forth**2, back**2))
        best = int(np.argmax(total))
        delay = self._delays()[best]
        spread = max(b[1] - b[0] for b in self.bands)
        trials = max(1.0, 4.0 * self.max_delay * spread)
        evidence = float(total[best] / 2.0 - math.log(trials))
        one, two = forth[best], back[best]
        ratio = math.copysign(
            min(max(abs(one) / max(abs(two), 1e-9), 0.25), 4.0), one if abs(one) > abs(two) else two
        )
        shifted = _shift(estimates[other], -delay * self.sample_rate)
        norm = math.sqrt(np.sum(estimates[first] ** 2) * np.sum(estimates[other] ** 2))
        correlation = float(np.sum(estimates[first] * shifted)) / norm if norm > 0 else 0.0
        return float(delay), ratio, correlation, evidence

    def _delays(self) -> Any:
        steps = math.floor(self.max_delay * self.sample_rate * _FINER)
        return np.arange(-steps, steps + 1) / (_FINER * self.sample_rate)

    def _correlation(self, a: Any, b: Any, noisy: int, template_last: bool = False) -> Any:
        """Matched-filter signal-to-noise ratio of a in b against the delay of b after a."""
        from scipy.fft import irfft, next_fast_len, rfft

        template = b if template_last else a
        norm = math.sqrt(np.sum(template**2) * self._noise(noisy))
        steps = (self._delays().size - 1) // 2
        if not norm > 0:
            return np.zeros(2 * steps + 1)
        size = next_fast_len(a.size + 2 * (steps // _FINER + 1), real=True)
        product = rfft(b, size) * np.conj(rfft(a, size))
        lags = irfft(product, size * _FINER) * _FINER
        return np.concatenate([lags[-steps:], lags[: steps + 1]]) / norm

    def _refine(self, x: Any, common: Any, first: int, other: int, old: float) -> tuple[float, float]:
        """Delay and ratio with the joined estimate as the template."""
        forth = self._correlation(common, x[other], other)
        near = np.abs(self._delays() - old) <= 0.002
        best = int(np.argmax(np.where(near, np.abs(forth), -1.0)))
        reference = float(np.sum(common * x[first])) / math.sqrt(np.sum(common**2) * self._noise(first))
        ratio = forth[best] / max(reference, 1e-9)
        return float(self._delays()[best]), float(np.clip(ratio, -4.0, 4.0))

    def _denoise(self, x: Any, joined: dict[int, tuple[float, float]], first: int) -> LocalEstimate:
        norm = math.sqrt(sum(r * r for _, r in joined.values()))
        stream = sum(r * _shift(x[d], -delay * self.sample_rate) for d, (delay, r) in joined.items()) / norm
        low = min(self.bands[d][0] for d in joined)
        high = max(self.bands[d][1] for d in joined)
        return tracked(stream, self.sample_rate, (low, high))

    def _null(
        self, x: Any, template: Any, first: int, other: int, delay: float, ratio: float
    ) -> tuple[float, float]:
        """Power of the null stream where the signal is, in units of noise, and its standard error."""
        null = (ratio * x[first] - _shift(x[other], -delay * self.sample_rate)) / math.hypot(1.0, ratio)
        envelope = np.convolve(template**2, np.ones(33), "same")
        inside = envelope > 0.05 * envelope.max()
        spread = min(self.bands[d][1] - self.bands[d][0] for d in (first, other))
        independent = max(1.0, 2.0 * spread * inside.sum() / self.sample_rate)
        return float(np.mean(null[inside] ** 2)), math.sqrt(2.0 / independent)


def _moved(error: Any, samples: float) -> Any:
    """Delay of what is smooth and positive; the ends hold their value."""
    places = np.arange(error.size)
    return np.interp(places - samples, places, error)


def _shift(x: Any, samples: float) -> Any:
    """Band-limited delay; what leaves the stretch is lost."""
    from scipy.fft import irfft, next_fast_len, rfft, rfftfreq

    size = next_fast_len(x.size + 2 * math.ceil(abs(samples)) + 2, real=True)
    return irfft(rfft(x, size) * np.exp(-2j * np.pi * rfftfreq(size) * samples), size)[: x.size]
