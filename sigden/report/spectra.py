"""Amplitude spectral densities before and after."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from sigden.noise.psd import PowerSpectrum, clean_stretches, welch_psd
from sigden.report.style import Palette, dress

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from sigden.strain.result import StrainResult

__all__ = ["draw_spectra"]

_SEGMENT_SECONDS = 1.0
_SEGMENT_SAMPLES = 16


def draw_spectra(axes: Axes, name: str, result: StrainResult, unit: str, palette: Palette) -> None:
    """Amplitude spectral density of detector noise, band-passed input, estimate and residual.

    Parameters
    ----------
    axes : matplotlib.axes.Axes
        Where to draw.
    name : str
        Detector.
    result : StrainResult
        Its result.
    unit : str
        Unit of the calibrated series.
    palette : Palette
        Colours.
    """
    whitened = result.psd is None
    after = result.whitened_denoised if whitened else result.denoised
    before = result.whitened if whitened else result.residual + result.denoised
    residual = before - after
    low, high = result.band
    axes.axvspan(low, high, color=palette.grid, alpha=0.55, linewidth=0)
    if result.psd is not None:
        f = result.psd.frequencies
        axes.loglog(
            f[1:],
            result.psd.amplitude[1:],
            color=palette.before,
            linewidth=0.8,
            alpha=0.7,
            label="input, median",
        )
    floor = []
    lines = (
        ("input, band-passed", before, palette.muted, 1.6),
        ("residual", residual, palette.residual, 1.2),
        ("denoised", after, palette.after, 1.5),
    )
    for label, values, colour, width in lines:
        spectrum = _mean_spectrum(values, result.sample_rate)
        if spectrum is None:
            continue
        f = spectrum.frequencies
        axes.loglog(f[1:], spectrum.amplitude[1:], color=colour, linewidth=width, label=label)
        inside = (f >= low) & (f <= high)
        if inside.any():
            floor.append(float(np.median(spectrum.amplitude[inside])))
    left, right = max(low / 3, 1e-3 * result.sample_rate), min(high * 3, result.sample_rate / 2)
    axes.set_xlim(left, right)
    if floor and max(floor) > 0:
        axes.set_ylim(max(floor) / 300, max(floor) * _head_room(result, left, right, max(floor)))
    dress(
        axes,
        palette,
        title=f"{name}: amplitude spectral density, band shaded",
        x="Frequency (Hz)",
        y="1 / √Hz" if whitened else f"{unit[:1].upper()}{unit[1:]} / √Hz",
    )
    _plain_ticks(axes)
    axes.legend(
        loc="upper right", fontsize=8.5, ncols=5, frameon=False, labelcolor=palette.ink, handlelength=1.8
    )


def _mean_spectrum(values: Any, rate: float) -> PowerSpectrum | None:
    """Mean Welch spectrum in segments that fit between the gaps; None where there is nothing to show."""
    stretches = clean_stretches(np.isnan(values))
    if not len(stretches):
        return None
    longest = int((stretches[:, 1] - stretches[:, 0]).max())
    length = min(round(_SEGMENT_SECONDS * rate), longest)
    finite = values[~np.isnan(values)]
    if length < _SEGMENT_SAMPLES or finite.min() == finite.max():
        return None
    return welch_psd(values, rate, segment_seconds=length / rate, average="mean", window="hann")


def _head_room(result: StrainResult, left: float, right: float, level: float) -> float:
    if result.psd is None:
        return 30.0
    f = result.psd.frequencies
    inside = (f >= left) & (f <= right)
    top = float(result.psd.amplitude[inside].max()) if inside.any() else level
    return float(np.clip(4 * top / level, 30, 3000))


def _plain_ticks(axes: Axes) -> None:
    from matplotlib.ticker import LogLocator, NullFormatter, ScalarFormatter

    axes.xaxis.set_major_locator(LogLocator(base=10, subs=(1, 2, 5)))
    axes.xaxis.set_major_formatter(ScalarFormatter())
    axes.xaxis.set_minor_formatter(NullFormatter())
