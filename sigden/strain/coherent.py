"""One signal in several detectors: delay, sign and amplitude from the data alone."""

from __future__ import annotations

import cmath
import dataclasses
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from sigden.errors import ParameterError
from sigden.noise import PowerSpectrum
from sigden.strain.aligned import Aligned
from sigden.strain.apart import apart
from sigden.strain.blocks import two_at_a_time
from sigden.strain.links import Link, distance, shaken
from sigden.strain.local_estimate import LocalEstimate
from sigden.strain.tracked import noise_density, tracked

__all__ = ["CoherentEstimate", "Pair", "coherent"]

_BLOCK_SECONDS = 4.0
_NATS = 5.0  # evidence for a common signal beyond the number of delays tried
_LOUD_NATS = 18.0  # what one detector must see for its neighbour's silence to be told
_NULL_SIGMAS = 4.0
_PASSES = 3
_SETTLED = 0.3  # of their standard errors: links that move less than this stay
_TINY = 1e-9
_LEFT = 16.0
_LARGEST = 4.0


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
    phase: float = 0.0


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
    gains: Any = None,
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
    noise = tuple(noise_density(row, sample_rate, band) for row, band in zip(z, bands, strict=True))
    network = _Network(z, own, sample_rate, tuple(bands), gains, noise, max_delay)
    fade = np.sin(np.pi * (np.arange(block) + 0.5) / block) ** 2 + 1e-9
    parts = [slice(start, start + block) for start in _starts(n, block)]
    for part, (found, error, told) in zip(parts, two_at_a_time(network.join, parts), strict=True):
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
    gains: Any
    noise: tuple[PowerSpectrum, ...]
    max_delay: float

    def join(self, part: slice) -> tuple[Any, Any, list[Pair]]:
        """Estimates and errors of one stretch, and the pairs found in it."""
        estimates = np.stack([o.estimate[part] for o in self.own])
        errors = np.stack([o.uncertainty[part] for o in self.own])
        energy = np.sum(estimates**2, axis=1)
        first = int(np.argmax(energy))
        if not energy[first] > 0:
            return estimates, errors, []
        streams = Aligned(self.z[:, part], self.sample_rate, self.bands, self.gains, first, self.max_delay)
        alone = streams.spectrum(estimates)
        others = [row for row in range(len(estimates)) if row != first]
        told = {row: self._match(streams, alone, row) for row in others}
        links = {first: Link()} | {row: link for row, (link, evidence) in told.items() if evidence > _NATS}
        kept = np.ones(estimates.shape[1])
        if len(links) > 1:
            links = _heard(streams, alone, links)
            kept = 1.0 - apart(streams, alone, errors, links)
            if kept.min() < 0.99:
                streams = dataclasses.replace(streams, samples=streams.samples - (1.0 - kept) * estimates)
                rest = streams.spectrum(kept * estimates)
                if all(streams.energy(rest[row]) > _LEFT * streams.noise(row) for row in links):
                    links = _heard(streams, rest, links)
                else:
                    links = {first: Link()}
        loud = energy[first] / (2.0 * streams.noise(first)) > _LOUD_NATS
        pairs = []
        for row in others:
            link = links.get(row, told[row][0])
            power, spread = self._null(streams, kept * estimates[first], row, link)
            agreed = row in links and power < 1.0 + _NULL_SIGMAS * spread
            if agreed or loud:
                pairs.append(_pair(part, streams, alone, row, link, agreed, power))
            if not agreed:
                links.pop(row, None)
        if len(links) == 1:
            return estimates, errors, pairs
        for left in reversed(range(_PASSES)):
            common, responses = self._denoised(streams, links)
            spectrum = streams.spectrum(common.estimate)
            again = streams.heard(responses[first] * spectrum, links)
            if not left or all(distance(links[row], link) < _SETTLED for row, link in again.items()):
                break
            links = again
        whole = streams.energy(spectrum)
        for row, link in links.items():
            seen = responses[row] * spectrum
            share = streams.energy(seen) / whole
            moved = _moved(common.uncertainty, link.delay * self.sample_rate)
            aside = shaken(link, *streams.analytic(seen))
            variance = share * moved**2 + (1.0 - share) ** 2 * aside
            estimates[row] = streams.series(seen) + (1.0 - kept) * estimates[row]
            errors[row] = np.sqrt(kept * variance + (1.0 - kept) * errors[row] ** 2)
        return estimates, errors, pairs

    def _match(self, streams: Aligned, alone: Any, row: int) -> tuple[Link, float]:
        """Link of a detector to the reference by each one's estimate in the other's data, and evidence."""
        first, relative = streams.first, streams.relative[row]
        forth, back = relative * alone[first], alone[row] / relative
        delays, one = streams.filtered(forth, streams.spectra[row], self.max_delay)
        _, two = streams.filtered(streams.spectra[first], back, self.max_delay)
        length, back_length = (math.sqrt(max(streams.energy(t), _TINY)) for t in (forth, back))
        one = one / (length * math.sqrt(streams.noise(row)))
        two = two / (back_length * math.sqrt(streams.noise(first)))
        power, more = np.abs(one) ** 2, np.abs(two) ** 2
        total = np.where((one * two.conj()).real > 0, power + more, np.maximum(power, more))
        best = int(np.argmax(total))
        spread = max(b[1] - b[0] for b in self.bands)
        trials = max(1.0, 4.0 * self.max_delay * spread)
        evidence = float(total[best] / 2.0 - math.log(trials))
        # each estimate, by its energy, says what both detectors hold of it
        whole, part = (streams.energy(alone[d]) for d in (first, row))
        a, b = complex(one[best]) * whole, complex(two[best]) * part
        here = streams.product(alone[first], streams.spectra[first]) / math.sqrt(whole * streams.noise(first))
        there = streams.product(alone[row], streams.spectra[row]) / math.sqrt(max(part, _TINY) * streams.noise(row))
        size = (abs(a) + part * max(there, 0.0)) / (whole * max(here, _TINY) + abs(b))
        size = min(max(size, 1.0 / _LARGEST), _LARGEST) * math.sqrt(whole) / length
        turn = a + b
        return Link(float(delays[best]), size * turn / max(abs(turn), _TINY)), evidence

    def _denoised(self, streams: Aligned, links: dict[int, Link]) -> tuple[LocalEstimate, dict[int, Any]]:
        spectrum, responses = streams.joined(streams.spectra, links)
        low = min(self.bands[row][0] for row in links)
        high = max(self.bands[row][1] for row in links)
        density = sum(
            np.abs(response) ** 2 * self.noise[row].at(streams.frequencies) for row, response in responses.items()
        )
        noise = PowerSpectrum(streams.frequencies, density)
        return tracked(streams.series(spectrum), self.sample_rate, (low, high), density=noise), responses

    def _null(self, streams: Aligned, template: Any, row: int, link: Link) -> tuple[float, float]:
        """Power of the null stream where the signal is, in units of noise, and its standard error."""
        envelope = np.convolve(template**2, np.ones(33), "same")
        inside = envelope > 0.05 * envelope.max()
        spread = min(self.bands[d][1] - self.bands[d][0] for d in (streams.first, row))
        independent = max(1.0, 2.0 * spread * inside.sum() / self.sample_rate)
        return float(np.mean(streams.null(row, link)[inside] ** 2)), math.sqrt(2.0 / independent)


def _heard(streams: Aligned, spectra: Any, links: dict[int, Link]) -> dict[int, Link]:
    """Links with the estimates of single detectors, added in phase, as the template."""
    joint, responses = streams.joined(spectra, links)
    return streams.heard(responses[streams.first] * joint, links)


def _pair(
    part: slice, streams: Aligned, alone: Any, row: int, link: Link, agreed: bool, null: float
) -> Pair:
    seen = streams.transfer(row, link) * alone[streams.first]
    ratio = math.sqrt(streams.energy(seen) / streams.energy(alone[streams.first]))
    length = math.sqrt(streams.energy(seen) * streams.energy(alone[row]))
    correlation = streams.product(seen, alone[row]) / length if length > 0 else 0.0
    sign = math.copysign(1.0, link.ratio.real)
    return Pair(
        part.start,
        part.stop,
        streams.first,
        row,
        agreed,
        link.delay,
        sign * ratio,
        correlation,
        null,
        cmath.phase(sign * link.ratio),
    )


def _moved(error: Any, samples: float) -> Any:
    """Delay of what is smooth and positive; the ends hold their value."""
    places = np.arange(error.size)
    return np.interp(places - samples, places, error)
