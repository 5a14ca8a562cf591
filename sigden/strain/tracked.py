"""Whitened strain denoised along chirp tracks and inspirals."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from sigden.denoisers.inspiral import estimate_signal
from sigden.denoisers.tracks import TrackModel, standard_error
from sigden.noise import PowerSpectrum, welch_psd
from sigden.strain.local_estimate import LocalEstimate

__all__ = ["FlatBand", "noise_density", "tracked"]

_RESOLUTION_SECONDS = 0.125
_LOWEST = 0.03  # of the plateau: below it the band counts as closed
_HEADROOM = 1.15
_EDGE_SECONDS = 0.35


def tracked(
    z: Any,
    sample_rate: float,
    band: tuple[float, float],
    *,
    density: PowerSpectrum | None = None,
    model: TrackModel | None = None,
) -> LocalEstimate:
    """Posterior mean of a signal whose frequency follows a track or an inspiral through the band.

    Parameters
    ----------
    z : numpy.ndarray, shape (n,)
        Whitened strain of unit variance, limited to `band`, without gaps.
    sample_rate : float
        Hz.
    band : tuple of float
        Lower and upper edge in Hz.
    density : PowerSpectrum, optional
        One-sided density of the noise in `z`; `noise_density` of `z` by default.
    model : TrackModel, optional
        Prior of the tracks.

    Returns
    -------
    LocalEstimate
        The estimate in the band and its standard error.

    Notes
    -----
    The skirts of the band are lifted to the level of the plateau first, since signals are as strong against
    the noise there (`FlatBand`). The estimate is that of `estimate_signal`, its error that of
    `standard_error`.
    """
    flat = FlatBand(z.size, sample_rate, band, density or noise_density(z, sample_rate, band))
    series = flat.analytic(z)
    found = estimate_signal(series, flat.rate, band, model)
    # mean square of the noise, the empty edges of the band included, from the median of its exponential law
    power = min(1.0, float(np.median(np.abs(series - found.signal) ** 2)) / math.log(2.0))
    spread = standard_error(series, flat.rate, found, model, power=power)
    return LocalEstimate(flat.real(found.signal), flat.resample(spread) * flat.plateau, 0.0, 1)


def noise_density(z: Any, sample_rate: float, band: tuple[float, float]) -> PowerSpectrum:
    """Density of whitened noise, from the data where there are enough of them.

    Parameters
    ----------
    z : numpy.ndarray, shape (n,)
        Whitened strain of unit variance.
    sample_rate : float
        Hz.
    band : tuple of float
        Lower and upper edge in Hz.

    Returns
    -------
    PowerSpectrum
        Median Welch estimate at 8 Hz, smoothed over neighbours; flat for records below eight segments.
    """
    if z.size < 8 * _RESOLUTION_SECONDS * sample_rate:
        edges = np.array([0.0, sample_rate / 2])
        return PowerSpectrum(edges, np.full(2, 1.0 / (band[1] - band[0])))
    psd = welch_psd(z, sample_rate, segment_seconds=_RESOLUTION_SECONDS, window="hann")
    smooth = np.convolve(np.pad(psd.density, 1, mode="edge"), [0.25, 0.5, 0.25], "valid")
    return PowerSpectrum(psd.frequencies, smooth)


@dataclass(frozen=True)
class FlatBand:
    """Real band-limited noise as a complex series of unit white noise, and back.

    Parameters
    ----------
    size : int
        Samples of the real series.
    sample_rate : float
        Its rate, Hz.
    band : tuple of float
        Lower and upper edge in Hz.
    density : PowerSpectrum
        One-sided density of the noise.
    """

    size: int
    sample_rate: float
    band: tuple[float, float]
    density: PowerSpectrum

    @property
    def padded(self) -> int:
        """Length with quiet behind the record, so that its ends are no neighbours."""
        from scipy.fft import next_fast_len

        return next_fast_len(self.size + math.ceil(_EDGE_SECONDS * self.sample_rate), real=True)

    @property
    def bins(self) -> int:
        """Length of the complex series, padding included."""
        from scipy.fft import next_fast_len

        needed = math.ceil(self.padded * _HEADROOM * self.band[1] / self.sample_rate)
        return min(next_fast_len(needed), self.padded)

    @property
    def rate(self) -> float:
        """Sample rate of the complex series, Hz."""
        return self.sample_rate * self.bins / self.padded

    @property
    def level(self) -> float:
        """Density on the plateau of the band."""
        f = self.density.frequencies
        low, high = self.band
        inside = (f >= low + 0.1 * (high - low)) & (f <= high - 0.2 * (high - low))
        values = self.density.density[inside] if inside.any() else self.density.density
        return float(np.median(values))

    @property
    def plateau(self) -> float:
        """Unit of the complex series in units of the real one."""
        return math.sqrt(2.0 * self.level * self.rate)

    def _amplitude(self) -> Any:
        f = np.arange(self.bins) * (self.sample_rate / self.padded)
        return np.sqrt(2.0 * self.rate * np.maximum(self.density.at(f), _LOWEST * self.level))

    def analytic(self, z: Any) -> Any:
        """Complex series of the positive frequencies, shape (m,), complex64, the padding cut off."""
        from scipy.fft import ifft, rfft

        spectrum = rfft(z, self.padded)
        kept = np.zeros(self.bins, dtype=np.complex128)
        count = min(self.bins, spectrum.size)
        kept[1:count] = 2.0 * spectrum[1:count]
        series = ifft(kept / self._amplitude()) * (self.bins / self.padded)
        return series[: math.ceil(self.size * self.bins / self.padded)].astype(np.complex64)

    def real(self, series: Any) -> Any:
        """Real series of a complex one, shape (size,)."""
        from scipy.fft import fft, irfft

        spectrum = fft(series.astype(np.complex128), self.bins) * self._amplitude()
        half = np.zeros(self.padded // 2 + 1, dtype=np.complex128)
        count = min(self.bins, half.size)
        half[:count] = spectrum[:count] * (self.padded / self.bins / 2.0)
        return irfft(half, self.padded)[: self.size]

    def resample(self, values: Any) -> Any:
        """Smooth values of the complex series at the samples of the real one."""
        times = np.arange(self.size) * (self.bins / self.padded)
        return np.interp(times, np.arange(values.size), values)
