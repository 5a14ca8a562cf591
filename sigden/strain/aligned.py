"""Streams of several detectors as one of them would have heard them."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from sigden.strain.links import Link, link_of

__all__ = ["Aligned"]

_FINER = 2  # steps of delay in one sample
_NEAR_SECONDS = 0.002
_LARGEST_GAIN = 8.0
_LARGEST_RATIO = 4.0


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
    gains : numpy.ndarray, shape (detectors, k)
        Amplitude response of each detector's whitening at even frequencies from 0 to half the sample rate.
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
        """Of the transforms, Hz."""
        return np.arange(self.size // 2 + 1) * (self.sample_rate / self.size)

    @cached_property
    def spectra(self) -> Any:
        """Transforms of the samples."""
        return self.spectrum(self.samples)

    @cached_property
    def relative(self) -> Any:
        """Gain of every detector over that of the reference."""
        even = np.linspace(0.0, self.sample_rate / 2, self.gains.shape[-1])
        low, high = self.bands[self.first]
        inside = (even >= low) & (even <= high)
        gains = np.maximum(self.gains, 1e-12 * self.gains.max(axis=1, keepdims=True))
        ratio = gains / gains[self.first]
        middle = np.median(ratio[:, inside], axis=1, keepdims=True)
        ratio = middle * np.clip(ratio / middle, 1.0 / _LARGEST_GAIN, _LARGEST_GAIN)
        return np.stack([np.interp(self.frequencies, even, row) for row in ratio])

    def spectrum(self, x: Any) -> Any:
        """Transform of samples, shape (..., n)."""
        from scipy.fft import rfft

        return rfft(x, self.size)

    def series(self, spectrum: Any) -> Any:
        """Samples of a transform; what leaves the stretch is lost."""
        from scipy.fft import irfft

        return irfft(spectrum, self.size)[..., : self.samples.shape[-1]]

    def energy(self, spectrum: Any) -> float:
        """Sum of the squared samples."""
        return self.product(spectrum, spectrum)

    def product(self, one: Any, two: Any) -> float:
        """Inner product of the samples."""
        return float(np.vdot(one, two).real) * 2.0 / self.size

    def analytic(self, spectrum: Any) -> tuple[Any, Any]:
        """Analytic samples and their derivative, per second."""
        from scipy.fft import ifft

        both = np.zeros((2, self.size), dtype=np.complex128)
        both[0, 1 : spectrum.size] = 2.0 * spectrum[1:]
        both[1, : spectrum.size] = 2j * np.pi * self.frequencies * both[0, : spectrum.size]
        series = ifft(both)[:, : self.samples.shape[-1]]
        return series[0], series[1]

    def noise(self, row: int) -> float:
        """Variance of an inner product with unit noise of the band, per unit of energy."""
        low, high = self.bands[row]
        return self.sample_rate / (2.0 * (high - low))

    def transfer(self, row: int, link: Link) -> Any:
        """From the whitened signal of the reference to that of a detector."""
        return link.ratio * self.relative[row] * np.exp(-2j * np.pi * link.delay * self.frequencies)

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
        return delay, complex(turned @ self.spectra[row]) * 2.0 / self.size / self.energy(template)

    def heard(self, template: Any, links: Mapping[int, Link]) -> dict[int, Link]:
        """Links from a template of the reference's signal, with their covariance."""
        parts = {row: self.transfer(row, link) * template for row, link in links.items()}
        power = {row: self.energy(s) / self.noise(row) for row, s in parts.items()}
        early, unit = self.arrival(parts[self.first], self.first)
        out = {}
        for row, link in links.items():
            # a detector against all others: errors of both add up
            told = power[row] * (1.0 - power[row] / sum(power.values()))
            moments = self._moments(np.abs(parts[row]) ** 2)
            if row == self.first:
                out[row] = link_of(0.0, 1.0, told, moments)
                continue
            late, amplitude = self.arrival(parts[row], row)
            ratio = link.ratio * amplitude / unit
            largest = _LARGEST_RATIO * abs(link.ratio) * math.sqrt(power[self.first] / power[row])
            ratio *= min(1.0, largest / max(abs(ratio), 1e-30))
            out[row] = link_of(link.delay + late - early, ratio, told, moments)
        return out

    def _moments(self, weight: Any) -> tuple[float, float]:
        """Mean angular frequency, and mean of its square."""
        omega = 2.0 * np.pi * self.frequencies
        total = float(weight.sum())
        return float(weight @ omega) / total, float(weight @ omega**2) / total
