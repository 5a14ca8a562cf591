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
from sigden.strain.matched import match
from sigden.strain.tracked import noise_density, tracked

__all__ = ["CoherentEstimate", "Pair", "coherent"]

_BLOCK_SECONDS = 4.0
_BESIDE_SECONDS = 1.0
_NATS = 5.0  # evidence for a common signal beyond the number of delays tried
_LOUD_NATS = 18.0  # what one detector must see for its neighbour's silence to be told
_NULL_SIGMAS = 4.0
_PASSES = 3
_SETTLED = 0.5  # of their standard errors: links that move less than this stay
_NEARLY = 0.99  # of a signal: what is left out beyond it is looked at
_FAINT = 16.0  # energy, that of a number of noise being one, too little to align detectors by


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
    phase : float
        Of the carrier in the other detector beyond that in the reference and its sign, rad, between plus and
        minus a quarter of a turn; zero where the data do not ask for one.
    delay_error : float
        Standard error of the delay, s; NaN where the two were not joined.
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
    delay_error: float = math.nan


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
    gains : array_like, shape (detectors, k), optional
        Amplitude response of each detector's whitening at even frequencies from 0 to half the sample rate.

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
    `max_delay`. A detector hears the signal of the reference with the transfer function

    .. math:: T(f) = a\\, e^{i \\varphi - 2 \\pi i f \\tau} g(f),

    delay, phase and ratio a of best fit, and the ratio g of the two whitening filters' gains; where `gains`
    are not known, :math:`\\ln g` is a parabola in :math:`\\ln f` with a normal prior. Two streams are joined
    as

    .. math:: y = (x_1 + T^* x_2) / \\sqrt{1 + |T|^2}, \\qquad n = (T x_1 - x_2) / \\sqrt{1 + |T|^2} :

    y holds the signal with :math:`\\sqrt{1 + |T|^2}` of its amplitude in unit noise and the null stream n
    none of it [1]_. y is denoised and given back to the detectors. Where the null stream has more power than
    noise, or the correlation explains too little, the detectors disagree and keep their own estimates; so
    they do for what one of them heard alone at another time of the block
    (`sigden.strain.apart.apart`), which is taken out of the streams before they are joined.

    To the error of the common estimate comes that of the link. Delay, phase and ratio are differences between
    detectors, which the other detectors say nothing of: of their covariance (`sigden.strain.links`) a
    detector with a share s of the signal's energy takes :math:`(1 - s)^2`.

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
        wide = self._with_surroundings(part)
        inside = slice(part.start - wide.start, part.stop - wide.start)
        estimates = np.stack([o.estimate[wide] for o in self.own])
        errors = np.stack([o.uncertainty[wide] for o in self.own])
        pairs = self._joined(wide, estimates, errors)
        named = [dataclasses.replace(pair, start=part.start, stop=part.stop) for pair in pairs]
        return estimates[:, inside], errors[:, inside], named

    def _with_surroundings(self, part: slice) -> slice:
        """A stretch, and more beside it where a signal goes on over its ends."""
        reach = round(_BESIDE_SECONDS * self.sample_rate)

        def goes_on(at: int) -> bool:
            near = slice(max(0, at - reach), at + reach)
            energy = [
                np.sum(o.estimate[near] ** 2) * 2.0 * (high - low) / self.sample_rate
                for o, (low, high) in zip(self.own, self.bands, strict=True)
            ]
            return max(energy) > _FAINT

        start = max(0, part.start - reach) if goes_on(part.start) else part.start
        stop = min(self.z.shape[1], part.stop + reach) if goes_on(part.stop) else part.stop
        return slice(start, stop)

    def _joined(self, part: slice, estimates: Any, errors: Any) -> list[Pair]:
        """Pairs found in one stretch; estimates and errors are changed in place."""
        energy = np.sum(estimates**2, axis=1)
        first = int(np.argmax(energy))
        if not energy[first] > 0:
            return []
        streams = Aligned(self.z[:, part], self.sample_rate, self.bands, self.gains, first, self.max_delay)
        alone = streams.spectrum(estimates)
        told = {row: match(streams, alone, row) for row in range(len(estimates)) if row != first}
        links = {first: Link()} | {row: link for row, (link, evidence) in told.items() if evidence > _NATS}
        streams, links, kept = _without_own(streams, estimates, alone, errors, links)
        guesses = {row: links.get(row, link) for row, (link, _) in told.items()}
        nulls = {row: _null(streams, kept * estimates[first], row, link) for row, link in guesses.items()}
        for row, (power, spread) in nulls.items():
            if not power < 1.0 + _NULL_SIGMAS * spread:
                links.pop(row, None)
        if len(links) > 1:
            common, responses, links = self._common(streams, links)
            self._give_back(streams, common, responses, links, kept, estimates, errors)
        loud = energy[first] / (2.0 * streams.noise(first)) > _LOUD_NATS
        return [
            _pair(part, streams, alone, row, links.get(row, guess), row in links, nulls[row][0])
            for row, guess in guesses.items()
            if row in links or loud
        ]

    def _common(
        self, streams: Aligned, links: dict[int, Link]
    ) -> tuple[LocalEstimate, dict[int, Any], dict[int, Link]]:
        """Estimate of the common signal, what each detector sees of it, and links that have settled."""
        for left in reversed(range(_PASSES)):
            common, responses = self._denoised(streams, links)
            template = responses[streams.first] * streams.spectrum(common.estimate)
            again = streams.heard(template, links)
            settled = all(distance(links[row], link) < _SETTLED for row, link in again.items())
            if settled or not left:
                break
            links = again
        return common, responses, links

    def _denoised(self, streams: Aligned, links: dict[int, Link]) -> tuple[LocalEstimate, dict[int, Any]]:
        spectrum, responses = streams.joined(streams.spectra, links)
        low = min(self.bands[row][0] for row in links)
        high = max(self.bands[row][1] for row in links)
        parts = [np.abs(r) ** 2 * self.noise[row].at(streams.frequencies) for row, r in responses.items()]
        noise = PowerSpectrum(streams.frequencies, sum(parts))
        return tracked(streams.series(spectrum), self.sample_rate, (low, high), density=noise), responses

    def _give_back(
        self,
        streams: Aligned,
        common: LocalEstimate,
        responses: dict[int, Any],
        links: dict[int, Link],
        kept: Any,
        estimates: Any,
        errors: Any,
    ) -> None:
        """The common signal as each detector saw it, beside what it heard alone, in place."""
        spectrum = streams.spectrum(common.estimate)
        whole = streams.energy(spectrum)
        for row, link in links.items():
            seen = responses[row] * spectrum
            share = streams.energy(seen) / whole if whole > 0 else 1.0 / len(links)
            moved = _moved(common.uncertainty, link.delay * self.sample_rate)
            # what the detectors do not agree on is known from one of them only
            variance = share * moved**2 + (1.0 - share) ** 2 * shaken(link, *streams.analytic(seen))
            estimates[row] = streams.series(seen) + (1.0 - kept) * estimates[row]
            errors[row] = np.sqrt(kept * variance + (1.0 - kept) * errors[row] ** 2)


def _without_own(
    streams: Aligned, estimates: Any, alone: Any, errors: Any, links: dict[int, Link]
) -> tuple[Aligned, dict[int, Link], Any]:
    """Streams without what single detectors heard alone, links from what is left, and its share in time."""
    kept = np.ones(estimates.shape[1])
    if len(links) == 1:
        return streams, links, kept
    guess, links = links, _heard(streams, alone, links)
    # the guess is rough, what is measured may be led astray by a glitch
    kept -= np.minimum(*(apart(streams, alone, errors, which) for which in (guess, links)))
    if kept.min() > _NEARLY:
        return streams, links, np.ones(estimates.shape[1])
    streams = dataclasses.replace(streams, samples=streams.samples - (1.0 - kept) * estimates)
    rest = streams.spectrum(kept * estimates)
    if any(streams.energy(rest[row]) < _FAINT * streams.noise(row) for row in links):
        return streams, {streams.first: Link()}, kept
    return streams, _heard(streams, rest, links), kept


def _heard(streams: Aligned, spectra: Any, links: dict[int, Link]) -> dict[int, Link]:
    """Links with the estimates of single detectors, added in phase, as the template."""
    joint, responses = streams.joined(spectra, links)
    return streams.heard(responses[streams.first] * joint, links)


def _null(streams: Aligned, template: Any, row: int, link: Link) -> tuple[float, float]:
    """Power of the null stream where the signal is, in units of noise, and its standard error."""
    envelope = np.convolve(template**2, np.ones(33), "same")
    inside = envelope > 0.05 * envelope.max()
    if not inside.any():
        return 1.0, 0.0
    spread = min(streams.bands[d][1] - streams.bands[d][0] for d in (streams.first, row))
    independent = max(1.0, 2.0 * spread * inside.sum() / streams.sample_rate)
    return float(np.mean(streams.null(row, link)[inside] ** 2)), math.sqrt(2.0 / independent)


def _pair(part: slice, streams: Aligned, alone: Any, row: int, link: Link, agreed: bool, null: float) -> Pair:
    template = alone[streams.first]
    seen = streams.transfer(row, link) * template
    sign = math.copysign(1.0, link.ratio.real)
    length = math.sqrt(streams.energy(seen) * streams.energy(alone[row]))
    return Pair(
        start=part.start,
        stop=part.stop,
        reference=streams.first,
        other=row,
        coherent=agreed,
        delay=link.delay,
        ratio=sign * math.sqrt(streams.energy(seen) / streams.energy(template)),
        correlation=streams.product(seen, alone[row]) / length if length > 0 else 0.0,
        consistency=null,
        phase=cmath.phase(sign * link.ratio),
        delay_error=math.sqrt(link.timing[0][0]) if agreed else math.nan,
    )


def _moved(error: Any, samples: float) -> Any:
    """Delay of what is smooth and positive; the ends hold their value."""
    places = np.arange(error.size)
    return np.interp(places - samples, places, error)
