"""Figures of a correction: calibration, score, and bias before and after."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from sigden.debias import BinnedBias, FittedCalibration, LinearBasisCalibration, binned_bias
from sigden.report.style import Palette, dress, require_matplotlib
from sigden.score import KernelDensity

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["bias_figure", "calibration_figure", "score_figure"]

_POINTS = 1500
_CURVE = 300


def calibration_figure(calibration: FittedCalibration | None, pairs: Any, palette: Palette) -> Figure:
    """Truth against prediction, with the correction and its error.

    Parameters
    ----------
    calibration : FittedCalibration or None
        Correction that is a function of the prediction; None where it is not.
    pairs : CalibrationSet
        Calibration items.
    palette : Palette
        Colours.

    Returns
    -------
    matplotlib.figure.Figure
        The figure.
    """
    figure, axes = _axes(palette)
    u, y = pairs.predictions, pairs.truth
    few = np.linspace(0, u.size - 1, min(u.size, _POINTS)).astype(int)
    axes.scatter(
        u[few], y[few], s=6, color=palette.before, alpha=0.45, linewidths=0, label="calibration items"
    )
    bins = binned_bias(u, y, bins=min(8, max(1, u.size // 4)))
    axes.plot(
        bins.truth + bins.bias,
        bins.truth,
        "o",
        color=palette.residual,
        markersize=6,
        label="means in bins of truth",
    )
    low, high = pairs.range
    grid = np.linspace(low, high, _CURVE)
    axes.plot(grid, grid, color=palette.muted, linewidth=1.0, linestyle=(0, (4, 2)), label="no correction")
    if calibration is not None:
        curve = calibration.correct(grid)
        if isinstance(calibration, LinearBasisCalibration):
            error = calibration.standard_error(grid)
            axes.fill_between(
                grid,
                curve - 2 * error,
                curve + 2 * error,
                color=palette.after,
                alpha=0.22,
                linewidth=0,
                label="± 2 standard errors",
            )
        axes.plot(grid, curve, color=palette.after, linewidth=2.0, label="correction")
    reach = np.quantile(y, [0.001, 0.999])
    margin = 0.15 * (reach[1] - reach[0])
    axes.set_ylim(reach[0] - margin, reach[1] + margin)
    dress(axes, palette, title="Calibration", x="Prediction", y="Truth")
    _legend(axes, palette, "upper left")
    return figure


def score_figure(calibration: FittedCalibration | None, pairs: Any, new: Any, palette: Palette) -> Figure:
    """What is added to each prediction, beside what the score alone would say, over the densities.

    Parameters
    ----------
    calibration : FittedCalibration or None
        Correction that is a function of the prediction.
    pairs : CalibrationSet
        Calibration items.
    new : numpy.ndarray
        New predictions.
    palette : Palette
        Colours.

    Returns
    -------
    matplotlib.figure.Figure
        The figure.
    """
    figure, axes = _axes(palette)
    u = pairs.predictions
    density = KernelDensity().fit(u)
    grid = np.linspace(np.quantile(u, 0.005), np.quantile(u, 0.995), _CURVE)
    variance = float(np.var(pairs.truth - u))
    axes.plot(
        grid,
        -variance * density.score(grid),
        color=palette.residual,
        linewidth=1.5,
        linestyle=(0, (5, 2)),
        label="Tweedie: error variance × −score",
    )
    if calibration is not None:
        axes.plot(
            grid, calibration.correct(grid) - grid, color=palette.after, linewidth=2.0, label="correction"
        )
    axes.axhline(0.0, color=palette.muted, linewidth=0.8)
    dress(axes, palette, title="Score and correction", x="Prediction", y="Added to the prediction")
    low, high = axes.get_ylim()
    axes.set_ylim(low - 0.35 * (high - low), high + 0.2 * (high - low))
    beneath = axes.twinx()
    for values, colour, label in ((u, palette.before, "calibration"), (new, palette.ink, "new")):
        height, edges = np.histogram(values, bins=40, range=(grid[0], grid[-1]), density=True)
        beneath.stairs(height, edges, color=colour, alpha=0.8, linewidth=1.2, label=f"{label} predictions")
    beneath.set_ylim(0, 5 * beneath.get_ylim()[1])
    beneath.axis("off")
    lines = [*axes.get_legend_handles_labels()[0], *beneath.get_legend_handles_labels()[0]]
    axes.legend(
        handles=lines, loc="upper center", fontsize=8.5, frameon=False, labelcolor=palette.ink, ncols=2
    )
    return figure


def bias_figure(raw: BinnedBias, corrected: BinnedBias, palette: Palette) -> Figure:
    """Mean error in bins of the truth, before and after.

    Parameters
    ----------
    raw, corrected : BinnedBias
        Of held-out items.
    palette : Palette
        Colours.

    Returns
    -------
    matplotlib.figure.Figure
        The figure.
    """
    figure, axes = _axes(palette)
    for bins, colour, marker, label in (
        (raw, palette.residual, "s", "raw predictions"),
        (corrected, palette.after, "o", "corrected, held out"),
    ):
        axes.errorbar(
            bins.truth,
            bins.bias,
            yerr=2 * bins.error,
            color=colour,
            marker=marker,
            markersize=5.5,
            linewidth=1.4,
            capsize=3,
            label=label,
        )
    axes.axhline(0.0, color=palette.muted, linewidth=0.8)
    dress(axes, palette, title="Bias in bins of the truth", x="Truth", y="Mean estimate − truth")
    _legend(axes, palette, "upper right")
    return figure


def _axes(palette: Palette) -> tuple[Figure, Axes]:
    require_matplotlib()
    from matplotlib.figure import Figure as Drawing

    figure = Drawing(figsize=(9.0, 4.6), facecolor=palette.background, layout="constrained")
    return figure, figure.add_subplot()


def _legend(axes: Axes, palette: Palette, where: Literal["upper left", "upper right"]) -> None:
    axes.legend(loc=where, fontsize=8.5, frameon=False, labelcolor=palette.ink)
