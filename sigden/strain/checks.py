"""What a channel of strain must be before it is denoised."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from sigden.arrays import as_floating, first_index
from sigden.errors import InputError, ParameterError
from sigden.noise import PowerSpectrum, welch_psd
from sigden.strain.flat import without_flat
from sigden.strain.occupied import occupied_band

if TYPE_CHECKING:
    from sigden.strain.denoiser import StrainDenoiser

__all__ = ["FEWEST_SEGMENTS", "agreed_rate", "noise_spectrum", "require_channel", "working_band"]

FEWEST_SEGMENTS = 2
_DEFAULT_BAND = (35.0, 350.0)
_FEWEST_SAMPLES = 64.0  # independent ones, in the band and the record: what a local risk averages


def require_channel(values: Any, rate: float, label: str) -> Any:
    """Samples of one channel as float64: finite or NaN, neither all NaN nor constant, flat stretches NaN."""
    x = np.asarray(as_floating(values, label), dtype=np.float64)
    if x.ndim != 1 or x.size < 2:
        raise InputError(f"{label}: expected one channel of shape (n,), got {x.shape}")
    infinite = np.isinf(x)
    if infinite.any():
        raise InputError(
            f"{label}: infinite value at index {first_index(infinite)[0]}; replace it by NaN (a gap)"
        )
    clean = x[~np.isnan(x)]
    if clean.size == 0:
        raise InputError(f"{label}: every sample is NaN")
    if clean.min() == clean.max():
        kind = "zero" if clean[0] == 0 else f"{clean[0]:g}"
        raise InputError(f"{label}: every sample is {kind}; the channel holds no data")
    x = without_flat(x, rate, label)
    if np.isnan(x).all():
        raise InputError(f"{label}: every sample is NaN or in a stretch of equal ones; it holds no data")
    return x


def agreed_rate(method: StrainDenoiser, given: float | None, label: str) -> float:
    """Sample rate in Hz that the method and the data agree on."""
    if given is None and method.sample_rate is None:
        raise InputError(f"{label}: the sample rate is unknown; give sample_rate or a TimeSeries")
    if (
        given is not None
        and method.sample_rate is not None
        and not math.isclose(given, method.sample_rate, rel_tol=1e-9)
    ):
        raise InputError(
            f"{label}: sampled at {given:g} Hz, but the method says sample_rate={method.sample_rate:g}"
        )
    return float(given if given is not None else method.sample_rate or 0.0)


def working_band(method: StrainDenoiser, x: Any, rate: float) -> tuple[float, float]:
    """Band in Hz that the method works in, checked against the samples and their rate."""
    band = method.band or (occupied_band(x, rate) if method.whitened else _DEFAULT_BAND)
    if band[1] > rate / 2:
        raise ParameterError(
            f"band: {band[1]:g} Hz exceeds half the sample rate, {rate / 2:g} Hz; lower it or resample"
        )
    width, clean = band[1] - band[0], float(np.sum(~np.isnan(x)))
    if 2.0 * width * clean / rate < _FEWEST_SAMPLES:
        raise ParameterError(
            f"band: {width:g} Hz over {clean / rate:g} s hold too few independent samples; widen it to "
            f"{_FEWEST_SAMPLES * rate / (2.0 * clean):.3g} Hz or give a longer record"
        )
    coarsest = min(band[0] or math.inf, width)
    if not method.whitened and 1.0 / method.segment_seconds > coarsest / 2.0:
        raise ParameterError(
            f"segment_seconds: {method.segment_seconds:g} s resolve {1.0 / method.segment_seconds:g} Hz, "
            f"too coarse for the band {band[0]:g}-{band[1]:g} Hz; give at least {2.0 / coarsest:.3g} s"
        )
    for line in method.notches:
        if not 0 < line < rate / 2:
            raise ParameterError(f"notches: {line:g} Hz lies outside (0, {rate / 2:g}) Hz")
    return band


def noise_spectrum(x: Any, rate: float, segment_seconds: float, label: str) -> PowerSpectrum:
    """Median Welch spectrum of at least two segments."""
    try:
        psd = welch_psd(x, rate, segment_seconds=segment_seconds, window="hann")
    except InputError as error:
        raise InputError(f"{label}: {str(error).removeprefix('strain: ')}") from error
    if psd.averages < FEWEST_SEGMENTS:
        raise InputError(
            f"{label}: {x.size / rate:g} s hold {psd.averages} segments of segment_seconds="
            f"{segment_seconds:g} (they overlap by half); {FEWEST_SEGMENTS} are needed for a median"
        )
    return psd
