"""Streams of several detectors as one of them would have heard them."""

from __future__ import annotations

import cmath
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from sigden.strain.links import Link, timing

__all__ = ["Aligned"]

_FINER = 2  # steps of delay in one sample
_NEAR_SECONDS = 0.002
_ABOVE = 2.0  # of the bands' upper edge
_LARGEST_GAIN = 8.0
_LARGEST_RATIO = 4.0
_BENT = (0.5, 0.3)  # slope and curvature of the logarithm of a ratio of gains, over half of the band
_STEEPEST = 1.5
_WIDEST = 16.0  # ratio of the frequencies


@dataclass(frozen=True, eq=False)
class Aligned:
    """Whitened strain of several detectors in one stretch, in the frequency domain.

    Parameters
    ----------
    samples : numpy.ndarray, shape (detectors, n)
        Of unit variance, limited to the bands.
    sample_rate : float
        Hz.
    bands : sequence of tuple of float
        Lower and upper edge in Hz, one for each detector.
    gains : numpy.ndarray, shape (detectors, k), or None
        Amplitude response of each detector's whitening at even frequencies from 0 to half the sample rate;
        None where they are not known, so that a ratio of two may depend on the frequency.
    first : int
        Row of the reference.
    max_delay : float
        Largest difference of arrival times, s.
    """

    samples: Any
    sample_rate: float
    bands: Sequence[tuple[float, float]]
    gains: Any
    first: int
    max_delay: float

    @cached_property
    def size(self) -> int:
        """Length of the transforms, with room for the largest delay."""
        from scipy.fft import next_fast_len

        room = 2 * math.ceil((self.max_delay + _NEAR_SECONDS) * self.sample_rate) + 2
        return next_fast_len(self.samples.shape[-1] + room, real=True)

    @cached_property
    def frequencies(self) -> Any:
        """Of the transforms, Hz; what lies far above the bands is left out."""
        spacing = self.sample_rate / self.size
        highest = math.ceil(_ABOVE * max(high for _, high in self.bands) / spacing)
        return np.arange(min(self.size // 2, highest) + 1) * spacing

    @cached_property
    def spectra(self) -> Any:
        """Transforms of the samples."""
        return self.spectrum(self.samples)

    @cached_property
    def relative(self) -> Any:
        """Gain of every detector over that of the reference."""
        if self.gains is None:
            return np.ones((len(self.samples), self.frequencies.size))
        even = np.linspace(0.0, self.sample_rate / 2, self.gains.shape[-1])
        low, high = self.bands[self.first]
        inside = (even >= low) & (even <= high)
        gains = np.maximum(self.gains, 1e-12 * self.gains.max(axis=1, keepdims=True))
        ratio = gains / gains[self.first]
        middle = np.median(ratio[:, inside], axis=1, keepdims=True)
        ratio = middle * np.clip(ratio / middle, 1.0 / _LARGEST_GAIN, _LARGEST_GAIN)
        return np.stack([np.interp(self.frequencies, even, row) for row in ratio])

    @cached_property
    def shapes(self) -> Any:
        """Functions of the frequency on which the logarithm of a ratio of gains may depend."""
        if self.gains is not None:
            return np.ones((1, self.frequencies.size))
        low, high = self.bands[self.first]
        ends = np.log([max(low, high / _WIDEST), high])
        place = np.interp(np.log(np.maximum(self.frequencies, _WIDEST**-2)), ends, [-1.0, 1.0])
        return np.stack([np.ones(place.size), place, place**2 - 1.0 / 3.0])

    @cached_property
    def prior(self) -> Any:
        """Precision of their coefficients before the data; of the ratio itself nothing is known."""
        return np.diag([0.0, *(1.0 / np.square(_BENT))][: len(self.shapes)])

    def spectrum(self, x: Any) -> Any:
        """Transform of samples, shape (..., n)."""
        from scipy.fft import rfft

        return rfft(x, self.size)[..., : self.frequencies.size]

    def series(self, spectrum: Any) -> Any:
        """Samples of a transform; what leaves the stretch is lost."""
        from scipy.fft import irfft

        return irfft(spectrum, self.size)[..., : self.samples.shape[-1]]

    def energy(self, spectrum: Any) -> float:
        """Sum of the squared samples."""
        return self.product(spectrum, spectrum)

    def product(self, one: Any, two: Any) -> float:
        """Inner product of the samples."""
        return float(np.sum((np.conj(one) * two).real)) * 2.0 / self.size

    def analytic(self, spectrum: Any) -> tuple[Any, Any]:
        """Analytic samples, times each of the shapes, and their derivative, per second."""
        from scipy.fft import ifft

        filters = np.concatenate([self.shapes, 2j * np.pi * self.frequencies[None]])
        parts = np.zeros((len(filters), self.size), dtype=np.complex128)
        parts[:, 1 : spectrum.size] = 2.0 * (filters * spectrum)[:, 1:]
        series = ifft(parts)[:, : self.samples.shape[-1]]
        return series[:-1], series[-1]

    def noise(self, row: int) -> float:
        """Variance of an inner product with unit noise of the band, per unit of energy."""
        low, high = self.bands[row]
        return self.sample_rate / (2.0 * (high - low))

    def transfer(self, row: int, link: Link) -> Any:
        """From the whitened signal of the reference to that of a detector."""
        phase = np.exp(-2j * np.pi * link.delay * self.frequencies)
        if len(link.shape):
            bend = np.einsum("i,ib->b", link.shape, self.shapes[1:])
            phase = phase * np.exp(np.clip(bend, -_STEEPEST, _STEEPEST))
        return link.ratio * self.relative[row] * phase

    def joined(self, spectra: Any, links: Mapping[int, Link]) -> tuple[Any, dict[int, Any]]:
        """Streams added in phase, at unit noise, and the response of each detector to their signal."""
        transfers = {row: self.transfer(row, link) for row, link in links.items()}
        norm = np.sqrt(sum(np.abs(t) ** 2 for t in transfers.values()))
        responses = {row: t / norm for row, t in transfers.items()}
        return sum(np.conj(t) * spectra[row] for row, t in responses.items()), responses

    def null(self, row: int, link: Link) -> Any:
        """Samples of the reference and a detector in which a common signal cancels, at unit noise."""
        transfer = self.transfer(row, link)
        left = transfer * self.spectra[self.first] - self.spectra[row]
        return self.series(left / np.sqrt(1.0 + np.abs(transfer) ** 2))

    def filtered(self, template: Any, spectrum: Any, reach: float) -> tuple[Any, Any]:
        """Delays up to `reach` (s), and the complex inner product at each."""
        from scipy.fft import ifft

        size = _FINER * self.size
        product = np.zeros(size, dtype=np.complex128)
        product[: template.size] = spectrum * np.conj(template)
        lags = ifft(product) * (2.0 * _FINER)
        steps = math.floor(reach * self.sample_rate * _FINER)
        return (
            np.arange(-steps, steps + 1) / (_FINER * self.sample_rate),
            np.concatenate([lags[-steps:], lags[: steps + 1]]),
        )

    def arrival(self, template: Any, row: int) -> tuple[float, complex]:
        """Delay of a detector's stream after a template nearby, and the complex amplitude there."""
        delays, product = self.filtered(template, self.spectra[row], _NEAR_SECONDS)
        power = np.abs(product) ** 2
        at = min(max(int(np.argmax(power)), 1), power.size - 2)
        before, here, after = power[at - 1 : at + 2]
        bend = before - 2.0 * here + after
        part = 0.5 * (before - after) / bend if bend < 0 else 0.0
        delay = float(delays[at] + min(max(part, -1.0), 1.0) * (delays[1] - delays[0]))
        turned = np.exp(2j * np.pi * delay * self.frequencies) * np.conj(template)
        return delay, complex(np.sum(turned * self.spectra[row])) * 2.0 / self.size / self.energy(template)

    def heard(self, template: Any, links: Mapping[int, Link]) -> dict[int, Link]:
        """Links from a template of the reference's signal, with their covariance."""
        parts = {row: self.transfer(row, link) * template for row, link in links.items()}
        power = {row: self.energy(s) / self.noise(row) for row, s in parts.items()}
        whole = sum(power.values())
        found = {row: self.arrival(s, row) for row, s in parts.items()}
        tilts = {row: self._tilt(parts[row], row, *found[row]) for row in links}
        early, unit = found[self.first]
        out = {}
        for row, link in links.items():
            # a detector against all others: errors of both add up
            told = power[row] * (1.0 - power[row] / whole)
            weight = np.abs(parts[row]) ** 2
            weight /= weight.sum()
            precision = told * np.einsum("ib,jb->ij", self.shapes * weight, self.shapes)
            covariance = np.linalg.inv(precision + self.prior)
            omega = 2.0 * np.pi * self.frequencies
            moments = float(np.sum(weight * omega)), float(np.sum(weight * omega**2))
            late, amplitude = found[row]
            ratio = link.ratio * amplitude / unit
            sign = 1.0 if ratio.real >= 0 else -1.0
            delay, phase, spread = timing(link.delay + late - early, cmath.phase(sign * ratio), told, moments)
            if row == self.first:
                out[row] = Link(0.0, 1.0, np.zeros(len(self.shapes) - 1), covariance, spread)
                continue
            old = np.zeros(len(self.shapes))
            old[1 : 1 + len(link.shape)] = link.shape
            bent = precision @ old + told * (tilts[row] - tilts[self.first])
            more, *shape = covariance @ bent
            size = abs(ratio) * math.exp(more)
            largest = _LARGEST_RATIO * abs(link.ratio) * math.sqrt(power[self.first] / power[row])
            turn = sign * cmath.exp(1j * phase)
            out[row] = Link(delay, min(size, largest) * turn, np.array(shape), covariance, spread)
        return out

    def _tilt(self, template: Any, row: int, delay: float, amplitude: complex) -> Any:
        """Excess of a stream over its template, aligned, in the mean with each function of the frequency."""
        power = np.abs(template) ** 2
        turned = np.exp(2j * np.pi * delay * self.frequencies) / amplitude
        excess = (np.conj(template) * self.spectra[row] * turned).real - power
        return np.einsum("ib,b->i", self.shapes, excess) / power.sum()
