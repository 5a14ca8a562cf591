"""Figure of denoised strain: time series, spectrograms and spectra before and after."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from sigden.errors import InputError
from sigden.report.spectra import draw_spectra
from sigden.report.spectrogram import constant_q
from sigden.report.style import LIGHT, Palette, dress, require_matplotlib

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure, SubFigure

    from sigden.strain.result import StrainResult

__all__ = ["strain_figure"]

_TILE_MARGIN_SECONDS = 0.5
_FREQUENCIES = 120
_COLUMNS = 700
_AREA_POINTS = 800
_FREQUENCY_TICKS = tuple(m * 10.0**k for k in range(-2, 5) for m in (1, 2, 3, 5))


def strain_figure(
    results: Mapping[str, StrainResult],
    *,
    truth: Mapping[str, Any] | None = None,
    window: tuple[float, float] = (-0.25, 0.15),
    unit: str = "strain",
    palette: Palette = LIGHT,
) -> Figure:
    """Time series, spectrograms and amplitude spectra before and after, one block of panels per detector.

    Parameters
    ----------
    results : mapping of str to StrainResult
        Results by detector.
    truth : mapping of str to array, optional
        Simulated signal by detector, shape (n,), in the calibration of the input.
    window : tuple of float
        Range in s around the loudest time of the estimate that is shown.
    unit : str
        Unit of the calibrated series, for the labels.
    palette : Palette
        Colours.

    Returns
    -------
    matplotlib.figure.Figure
        Without any pyplot state, so that threads may draw side by side.

    Raises
    ------
    InputError
        If there are no results, or a truth has another length than its result.
    MissingExtraError
        If matplotlib is not installed.
    """
    require_matplotlib()
    from matplotlib.figure import Figure

    if not results:
        raise InputError("figure: no results to draw")
    figure = Figure(figsize=(12, 10.6 * len(results)), facecolor=palette.background)
    blocks = figure.subfigures(len(results), 1, squeeze=False)[:, 0]
    for block, (name, result) in zip(blocks, results.items(), strict=True):
        signal = None if truth is None else truth.get(name)
        if signal is not None and np.shape(signal) != np.shape(result.denoised):
            raise InputError(
                f"figure: the truth of {name} has shape {np.shape(signal)}, "
                f"the result {np.shape(result.denoised)}"
            )
        _detector(block, name, result, signal, _shown(result, window), unit, palette)
    return figure


def _detector(
    block: SubFigure,
    name: str,
    result: StrainResult,
    truth: Any,
    shown: tuple[slice, float],
    unit: str,
    palette: Palette,
) -> None:
    block.set_facecolor(palette.background)
    # fixed places: the panels are always the same, and solving for a layout costs as much as all the drawing
    grid = block.add_gridspec(
        3,
        2,
        height_ratios=(1, 1, 0.95),
        left=0.065,
        right=0.925,
        top=0.97,
        bottom=0.055,
        hspace=0.34,
        wspace=0.16,
    )
    where, centre = shown
    clock = f"Time (s) from GPS {centre:.4f}"
    calibrated = result.psd is not None
    series = block.add_subplot(grid[0, 0] if calibrated else grid[0, :])
    white = (result.whitened, result.whitened_denoised, result.whitened_uncertainty, None)
    _series(series, result, where, centre, *white, palette=palette)
    dress(series, palette, title=f"{name}: whitened strain", x=clock, y="Noise sigma")
    _legend(series, palette)
    if calibrated:
        series = block.add_subplot(grid[0, 1])
        before = result.residual + result.denoised
        if truth is not None:
            truth = result.in_band(truth)
        scale, power = _power_of_ten(_reach(before[where], result.denoised[where]))
        lines = (before, result.denoised, result.uncertainty, truth)
        scaled = (None if line is None else line * scale for line in lines)
        _series(series, result, where, centre, *scaled, palette=palette)
        low, high = result.band
        dress(
            series,
            palette,
            title=f"{name}: {unit}, {low:g}\N{EN DASH}{high:g} Hz",
            x=clock,
            y=_capital(unit) + power,
        )
        _legend(series, palette)
    panels = [block.add_subplot(grid[1, 0]), block.add_subplot(grid[1, 1])]
    _spectrograms(block, panels, name, result, where, centre, clock, palette)
    draw_spectra(block.add_subplot(grid[2, :]), name, result, unit, palette)


def _shown(result: StrainResult, window: tuple[float, float]) -> tuple[slice, float]:
    """Samples in the window around the loudest one, and the GPS time of that one."""
    loudness = np.nan_to_num(np.abs(result.whitened_denoised))
    if not loudness.any():
        loudness = np.nan_to_num(np.abs(result.whitened))
    loudest = int(np.argmax(loudness))
    first = max(0, loudest + round(window[0] * result.sample_rate))
    last = min(loudness.size, loudest + round(window[1] * result.sample_rate) + 1)
    return slice(first, last), result.t0 + loudest / result.sample_rate


def _clock(result: StrainResult, where: slice, centre: float) -> Any:
    # the difference of sample numbers is exact; that of GPS times is not
    zero = round((centre - result.t0) * result.sample_rate)
    return (np.arange(where.start, where.stop) - zero) / result.sample_rate


def _series(
    axes: Axes,
    result: StrainResult,
    where: slice,
    centre: float,
    before: Any,
    after: Any,
    error: Any,
    truth: Any,
    *,
    palette: Palette,
) -> None:
    t = _clock(result, where, centre)
    before, after, error = before[where], after[where], error[where]
    axes.plot(t, before, color=palette.before, linewidth=0.9, label="input")
    # unlike lines, areas are written point by point
    few = slice(None, None, max(1, t.size // _AREA_POINTS))
    axes.fill_between(
        t[few],
        (after - 2 * error)[few],
        (after + 2 * error)[few],
        color=palette.after,
        alpha=0.22,
        linewidth=0,
        label="± 2 standard errors",
    )
    axes.plot(t, after, color=palette.after, linewidth=1.5, label="denoised")
    if truth is not None:
        axes.plot(
            t,
            truth[where],
            color=palette.truth,
            linewidth=1.1,
            linestyle=(0, (4, 2)),
            label="simulated signal",
        )
    axes.set_xlim(t[0], t[-1])
    reach = 1.45 * _reach(before, after)
    axes.set_ylim(-reach, reach)


def _reach(before: Any, after: Any) -> float:
    """Height that holds the estimate, and the input but for its extremes: no glitch flattens the rest."""
    if not np.isfinite(before).any():
        return 1.0
    usual = 1.6 * float(np.nanquantile(np.abs(before), 0.98))
    return max(min(usual, float(np.nanmax(np.abs(before)))), float(np.nanmax(np.abs(after)))) or 1.0


def _legend(axes: Axes, palette: Palette) -> None:
    axes.legend(
        loc="lower left",
        fontsize=8.5,
        ncols=4,
        frameon=False,
        labelcolor=palette.ink,
        handlelength=1.6,
        columnspacing=1.2,
    )


def _spectrograms(
    block: SubFigure,
    panels: list[Axes],
    name: str,
    result: StrainResult,
    where: slice,
    centre: float,
    clock: str,
    palette: Palette,
) -> None:
    rate = result.sample_rate
    low, high = max(result.band[0], 1e-3 * rate), min(result.band[1], 0.499 * rate)
    frequencies = np.geomspace(low, high, _FREQUENCIES)
    # unit variance within the band is a higher density than unit variance over all frequencies
    density = rate / (2 * (high - low))
    images = [
        _tiles(x, rate, where, frequencies) / density for x in (result.whitened, result.whitened_denoised)
    ]
    t = _clock(result, where, centre)
    step = max(1, t.size // _COLUMNS)
    top = max(float(images[0].max()), 1.0)
    octaves = np.log2([low, high])
    for axes, image, title in zip(panels, images, ("before", "after"), strict=True):
        # rows are evenly spaced in the logarithm, so a plain image does, and is far faster than a mesh
        axes.imshow(
            image[:, ::step],
            extent=(t[0], t[-1], octaves[0], octaves[1]),
            origin="lower",
            aspect="auto",
            interpolation="bilinear",
            cmap=palette.colormap,
            vmin=0,
            vmax=top,
        )
        ticks = [f for f in _FREQUENCY_TICKS if low <= f <= high]
        axes.set_yticks(np.log2(ticks), [f"{f:g}" for f in ticks])
        dress(axes, palette, title=f"{name}: spectrogram {title}", x=clock, y="Frequency (Hz)", grid=False)
    place = panels[1].get_position()
    bar = block.colorbar(
        panels[1].get_images()[0], cax=block.add_axes((0.938, place.y0, 0.012, place.height))
    )
    bar.ax.set_facecolor(palette.background)
    bar.set_label("Energy / mean noise energy", fontsize=10, color=palette.ink)
    bar.ax.tick_params(colors=palette.muted, labelsize=9)
    bar.outline.set_edgecolor(palette.muted)


def _tiles(x: Any, rate: float, where: slice, frequencies: Any) -> Any:
    margin = round(_TILE_MARGIN_SECONDS * rate)
    first = max(0, where.start - margin)
    part = np.nan_to_num(x[first : min(x.size, where.stop + margin)])
    # zeros keep the end from leaking into the beginning
    padded = np.concatenate([part, np.zeros(margin)])
    return constant_q(padded, rate, frequencies)[:, where.start - first : where.stop - first]


def _power_of_ten(reach: float) -> tuple[float, str]:
    """Factor that brings values to order one, and how the axis says so."""
    if 1e-2 <= reach < 1e4:
        return 1.0, ""
    exponent = int(np.floor(np.log10(reach)))
    return 10.0**-exponent, f" ($10^{{{exponent}}}$)"


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
