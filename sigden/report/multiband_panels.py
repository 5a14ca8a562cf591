"""Figures of a multiband scene."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from sigden.multiband.data.geometry import grid_to_native
from sigden.multiband.data.grid import Grid
from sigden.multiband.data.observation import Observation
from sigden.multiband.data.result import MultibandResult
from sigden.report.panels import colour_bar, frame, panels
from sigden.report.photometry import Comparison
from sigden.report.style import LIGHT, Palette, dress

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["colour_composite", "colour_figure", "error_figure", "flux_figure", "residual_figure"]

_CLIP = 5.0


def colour_composite(images: Any, *, like: Any = None) -> np.ndarray:
    """Red, green and blue picture of images in several bands, bluest first.

    Parameters
    ----------
    images : array, shape (bands, rows, columns)
        Fluxes; one band gives grey, of two the mean is green, of more the first, middle and last are shown.
    like : array, shape (bands, rows, columns), optional
        Images whose brightness decides the stretch; `images` by default.

    Returns
    -------
    numpy.ndarray of uint8, shape (rows, columns, 3)
        Colours after Lupton et al. (2004), bands balanced by their total light.
    """
    from astropy.visualization import make_lupton_rgb

    cube, source = (np.nan_to_num(np.asarray(a, float)) for a in (images, images if like is None else like))
    total = [float(np.sum(np.clip(a, 0, None))) for a in source]
    mean = sum(total) / len(total)
    gain = np.array([mean / t if t > 0 else 1.0 for t in total])[:, None, None]
    level = float(np.quantile(np.mean(source * gain, axis=0), 0.995))
    spread = float(np.median(np.abs(np.mean(source * gain, axis=0))))
    stretch = max(level / 4.0, 3.0 * spread, 1e-300)
    blue, green, red = _three(cube * gain / stretch)
    # pixels without light are divided by zero there, and masked afterwards
    with np.errstate(invalid="ignore", divide="ignore"):
        return make_lupton_rgb(red, green, blue, stretch=1.0, Q=8)


def _three(cube: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    if len(cube) == 1:
        return cube[0], cube[0], cube[0]
    if len(cube) == 2:
        return cube[0], cube.mean(axis=0), cube[1]
    return cube[0], cube[len(cube) // 2], cube[-1]


def colour_figure(
    result: MultibandResult,
    observations: Sequence[Observation],
    *,
    truth: Any = None,
    palette: Palette = LIGHT,
) -> Figure:
    """Colour composites before and after, and of the truth where there is one.

    Parameters
    ----------
    result : MultibandResult
        The estimate.
    observations : sequence of Observation
        What it was made of.
    truth : array, optional
        Simulated scene, shape of the estimate.
    palette : Palette
        Colours.

    Returns
    -------
    matplotlib.figure.Figure
        Side by side, one stretch.
    """
    before = np.stack([_on_grid(observations, band, result.grid) for band in result.bands])
    cubes = [("Data", before), ("Estimate", result.estimate)]
    if truth is not None:
        cubes.append(("Truth", truth))
    figure, axes = panels(len(cubes), result.grid.shape, palette, columns=len(cubes))
    for axis, (name, cube) in zip(axes, cubes, strict=True):
        axis.imshow(colour_composite(cube, like=result.estimate), origin="lower", interpolation="nearest")
        frame(axis, f"{name}: {', '.join(result.bands)}", palette)
    return figure


def _on_grid(observations: Sequence[Observation], band: str, grid: Grid) -> np.ndarray:
    """First image of a band at the nearest native pixel, flux per pixel of the grid."""
    one = next((o for o in observations if o.band == band), None)
    if one is None:
        return np.zeros(grid.shape)
    rows, columns = grid_to_native(one, grid, *np.indices(grid.shape, dtype=float))
    inside = (rows > -0.5) & (rows < one.shape[0] - 0.5) & (columns > -0.5) & (columns < one.shape[1] - 0.5)
    nearest = tuple(
        np.clip(np.rint(np.nan_to_num(a)).astype(int), 0, n - 1)
        for a, n in zip((rows, columns), one.shape, strict=True)
    )
    share = (grid.scale / one.pixel_scale) ** 2
    return np.where(inside, np.asarray(one.values)[nearest] * share, 0.0)


def residual_figure(
    observations: Sequence[Observation], comparison: Comparison, *, palette: Palette = LIGHT
) -> Figure:
    """Residuals of every observation in units of the noise.

    Parameters
    ----------
    observations : sequence of Observation
        The data.
    comparison : Comparison
        Their residuals.
    palette : Palette
        Colours.

    Returns
    -------
    matplotlib.figure.Figure
        A map for each, from -5 to 5.
    """
    figure, axes = panels(len(observations), observations[0].shape, palette)
    for axis, one, residual in zip(axes, observations, comparison.residuals, strict=True):
        shown = axis.imshow(
            residual, origin="lower", cmap="RdBu_r", vmin=-_CLIP, vmax=_CLIP, interpolation="nearest"
        )
        axis.set_facecolor(palette.muted)
        frame(axis, f"{one.band}: (data - model) / noise", palette)
    colour_bar(figure, shown, axes, "noise sigma", palette)
    return figure


def error_figure(result: MultibandResult, unit: str = "", *, palette: Palette = LIGHT) -> Figure:
    """Standard deviation of the estimate.

    Parameters
    ----------
    result : MultibandResult
        The estimate.
    unit : str
        Its unit, for the label.
    palette : Palette
        Colours.

    Returns
    -------
    matplotlib.figure.Figure
        A map for each band on one scale.
    """
    error = np.asarray(result.uncertainty)
    known = error[np.isfinite(error)]
    low, high = (float(np.quantile(known, q)) for q in (0.0, 0.999)) if known.size else (0.0, 1.0)
    figure, axes = panels(len(result.bands), result.grid.shape, palette)
    for axis, band, values in zip(axes, result.bands, error, strict=True):
        # a map of one value is drawn in the middle of the scale, not at its end
        shown = axis.imshow(
            values,
            origin="lower",
            cmap="viridis",
            vmin=min(0.0, low),
            vmax=1.2 * high,
            interpolation="nearest",
        )
        axis.set_facecolor(palette.grid)
        frame(axis, f"{band}: error of the estimate", palette)
    colour_bar(figure, shown, axes, unit or "flux per pixel", palette)
    return figure


def flux_figure(comparison: Comparison, *, palette: Palette = LIGHT) -> Figure:
    """Aperture fluxes of data and prediction.

    Parameters
    ----------
    comparison : Comparison
        Sources with their fluxes.
    palette : Palette
        Colours.

    Returns
    -------
    matplotlib.figure.Figure
        Model over data against the data's flux, a panel for each band.
    """
    figure, axes = panels(len(comparison.bands), (3, 4), palette, grid=True)
    for axis, band in zip(axes, comparison.bands, strict=True):
        fluxes = [s.fluxes[band] for s in comparison.sources if band in s.fluxes]
        good = [f for f in fluxes if f.data > 0]
        data = np.array([f.data for f in good])
        axis.axhline(0.0, color=palette.muted, linewidth=0.9)
        if good:
            difference = np.array([(f.model - f.data) / f.data for f in good])
            error = np.array([f.error / f.data for f in good])
            axis.errorbar(
                data,
                100 * difference,
                yerr=100 * error,
                fmt="o",
                markersize=4,
                color=palette.after,
                ecolor=palette.before,
                elinewidth=1.0,
            )
            axis.set_xscale("log")
            reach = 100 * float(np.max(np.abs(difference) + error))
            axis.set_ylim(-min(1.1 * reach, 100.0), min(1.1 * reach, 100.0))
        dress(axis, palette, title=f"{band}: model against data", x="aperture flux", y="difference (%)")
    return figure
