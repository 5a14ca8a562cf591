"""Figures of a denoised spectral cube."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from sigden.report.panels import colour_bar, frame, panels
from sigden.report.style import LIGHT, Palette, dress

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from sigden.report.cube import CubeSection

__all__ = [
    "bright_pixels",
    "colour_bands",
    "components_figure",
    "eigen_figure",
    "noise_figure",
    "rgb_figure",
    "spectra_figure",
]

_VISIBLE_NM = (640.0, 550.0, 460.0)
_PER_UNIT_NM = {
    "nm": 1.0,
    "nanometers": 1.0,
    "nanometer": 1.0,
    "um": 1e3,
    "micron": 1e3,
    "microns": 1e3,
    "micrometers": 1e3,
    "angstrom": 0.1,
    "angstroms": 0.1,
    "a": 0.1,
    "m": 1e9,
}
_EIGEN_IMAGES = 8


def colour_bands(section: CubeSection) -> tuple[int, int, int]:
    """Bands shown as red, green and blue.

    Parameters
    ----------
    section : CubeSection
        The cube.

    Returns
    -------
    tuple of int
        Those nearest to 640, 550 and 460 nm where the wavelengths hold them, else five, three and one sixth
        of the way along the bands that count.
    """
    good = np.flatnonzero(section.good)
    scale = _PER_UNIT_NM.get(section.wavelength_unit.strip().lower())
    if section.wavelength is not None and scale is not None:
        nm = np.asarray(section.wavelength)[good] * scale
        if nm.min() <= 470.0 and nm.max() >= 630.0:
            red, green, blue = (int(good[np.abs(nm - w).argmin()]) for w in _VISIBLE_NM)
            return red, green, blue
    red, green, blue = (int(good[len(good) * part // 6]) for part in (5, 3, 1))
    if section.wavelength is not None and section.wavelength[red] < section.wavelength[blue]:
        red, blue = blue, red
    return red, green, blue


def rgb_figure(section: CubeSection, *, palette: Palette = LIGHT) -> Figure:
    """Colours before and after, and of the truth where there is one, with the pixels of the spectra.

    Parameters
    ----------
    section : CubeSection
        The cube.
    palette : Palette
        Colours.

    Returns
    -------
    matplotlib.figure.Figure
        Side by side, each band stretched between the 1 and 99.5 percentiles of its estimate.
    """
    from matplotlib.patheffects import withStroke

    bands = colour_bands(section)
    cubes = [("Before", section.before), ("After", section.after)]
    if section.truth is not None:
        cubes.append(("Truth", section.truth))
    figure, axes = panels(len(cubes), section.before.shape[:2], palette, columns=len(cubes))
    like = section.after[..., bands].astype(float)
    # a band without a number keeps a stretch of its own
    limits = [np.quantile(v[np.isfinite(v)], (0.01, 0.995)) if np.isfinite(v).any() else (0.0, 1.0)
              for v in np.moveaxis(like, 2, 0)]  # fmt: skip
    low, high = np.array(limits).T
    for axis, (name, cube) in zip(axes, cubes, strict=True):
        shown = np.nan_to_num(np.asarray(cube[..., bands], float), nan=-np.inf)
        shown = np.clip((shown - low) / np.where(high > low, high - low, 1.0), 0.0, 1.0)
        axis.imshow(shown, origin=section.origin, interpolation="nearest")
        frame(axis, f"{name}: {', '.join(section.band_name(b) for b in bands)}", palette)
    # dark around white, so that marks stand out of any colour
    halo = [withStroke(linewidth=2.5, foreground="#101418")]
    for number, (row, column) in enumerate(section.pixels, 1):
        for axis in axes[:2]:
            axis.scatter(column, row, s=110, facecolors="none", edgecolors="#ffffff", path_effects=halo)
            axis.annotate(
                str(number),
                (column, row),
                (7, 5),
                textcoords="offset points",
                color="#ffffff",
                fontsize=10,
                path_effects=halo,
            )
    return figure


def spectra_figure(section: CubeSection, *, palette: Palette = LIGHT) -> Figure:
    """Spectra of the chosen pixels, with the error of the estimate where the method tells.

    Parameters
    ----------
    section : CubeSection
        The cube.
    palette : Palette
        Colours.

    Returns
    -------
    matplotlib.figure.Figure
        A panel for each pixel.
    """
    count = len(section.pixels)
    across = min(2, count)
    figure, axes = panels(count, (5, 11), palette, columns=across, grid=True)
    x, good = section.abscissa(), section.good
    for number, (axis, (row, column)) in enumerate(zip(axes, section.pixels, strict=True), 1):
        before = np.where(good, section.before[row, column], np.nan)
        after = np.where(good, section.after[row, column], np.nan)
        axis.plot(x, before, color=palette.before, linewidth=0.9, label="before")
        if section.truth is not None:
            axis.plot(x, section.truth[row, column], color=palette.truth, linewidth=1.0, label="truth")
        if section.variance is not None:
            error = np.sqrt(np.where(good, section.variance[row, column], np.nan))
            axis.fill_between(x, after - error, after + error, color=palette.after, alpha=0.25, linewidth=0)
        axis.plot(x, after, color=palette.after, linewidth=1.4, label="after")
        label = f"{number}: row {row}, column {column}"
        dress(axis, palette, title=label, x=section.x_label(), y=section.unit or "value")
        if number == 1:
            axis.legend(frameon=False, fontsize=9, labelcolor=palette.ink)
    return figure


def noise_figure(section: CubeSection, *, palette: Palette = LIGHT) -> Figure:
    """Noise level of every band before and, where the method tells, after.

    Parameters
    ----------
    section : CubeSection
        The cube.
    palette : Palette
        Colours.

    Returns
    -------
    matplotlib.figure.Figure
        One panel with a logarithmic scale.
    """
    figure, (axis,) = panels(1, (3, 10), palette, grid=True)
    x, good = section.abscissa(), section.good
    level = np.full(len(x), np.nan)
    level[good] = np.where(section.sigma > 0, section.sigma, np.nan)
    axis.plot(x, level, color=palette.before, linewidth=1.6, label="noise of the input")
    if section.variance is not None:
        left = np.full(len(x), np.nan)
        left[good] = np.sqrt(np.nanmedian(section.variance[..., good], axis=(0, 1)))
        axis.plot(x, np.where(left > 0, left, np.nan), color=palette.after, linewidth=1.6,
                  label="noise left in the estimate, median")  # fmt: skip
    if np.isfinite(level).any():
        axis.set_yscale("log")
    axis.legend(frameon=False, fontsize=9, labelcolor=palette.ink)
    unit = f" ({section.unit})" if section.unit else ""
    dress(axis, palette, title="Noise of each band", x=section.x_label(), y=f"standard deviation{unit}")
    return figure


def eigen_figure(section: CubeSection, *, palette: Palette = LIGHT) -> Figure:
    """First eigen-images after denoising, in units of their noise.

    Parameters
    ----------
    section : CubeSection
        The cube; its result holds eigen-images.
    palette : Palette
        Colours.

    Returns
    -------
    matplotlib.figure.Figure
        A map for each of at most eight, each on a scale of its own.
    """
    images = section.result.eigen_images[:_EIGEN_IMAGES]
    figure, axes = panels(len(images), images.shape[1:], palette, columns=min(4, len(images)))
    for number, (axis, image) in enumerate(zip(axes, images, strict=True), 1):
        low, high = np.nanquantile(image, (0.01, 0.99))
        axis.imshow(
            image, cmap=palette.colormap, vmin=low, vmax=high, interpolation="nearest", origin=section.origin
        )
        frame(axis, f"{number}: {low:.3g} to {high:.3g}", palette)
    return figure


def components_figure(section: CubeSection, *, palette: Palette = LIGHT) -> Figure:
    """Where samples were taken for outliers, and how large stripes were.

    Parameters
    ----------
    section : CubeSection
        The cube; its result holds components.
    palette : Palette
        Colours.

    Returns
    -------
    matplotlib.figure.Figure
        Share of the bands with an outlier, and root mean square offset of the stripes, of each pixel.
    """
    components = section.result.components
    maps = [
        ("Share of bands with outliers", components.outliers.mean(axis=2)),
        ("Stripes, rms over bands", np.sqrt(np.mean(components.stripes**2, axis=2))),
    ]
    figure, axes = panels(2, section.before.shape[:2], palette, columns=2)
    for axis, (name, values), unit in zip(axes, maps, ("share", section.unit or "value"), strict=True):
        top = float(np.max(values))
        shown = axis.imshow(
            values,
            cmap=palette.colormap,
            vmin=0.0,
            vmax=top if top > 0 else 1.0,
            interpolation="nearest",
            origin=section.origin,
        )
        frame(axis, name, palette)
        colour_bar(figure, shown, [axis], unit, palette)
    return figure


def bright_pixels(values: Any, count: int) -> tuple[tuple[int, int], ...]:
    """Bright pixels with different spectra, for a first look.

    Parameters
    ----------
    values : array, shape (rows, columns, bands)
        Denoised cube.
    count : int
        How many; fewer come where no other spectrum differs.

    Returns
    -------
    tuple of (row, column)
        The brightest, then by turns the one that is farthest from all before, of the pixels above the median
        light.
    """
    rows, columns, bands = values.shape
    pixels = np.nan_to_num(np.asarray(values, np.float64)).reshape(-1, bands)
    scale = np.sqrt(np.mean(pixels**2, axis=0))
    pixels = pixels / np.where(scale > 0, scale, 1.0)
    light = pixels.sum(axis=1)
    chosen = [int(light.argmax())]
    distance = np.sum((pixels - pixels[chosen[0]]) ** 2, axis=1)
    while len(chosen) < min(count, rows * columns):
        pick = int(np.where(light >= np.median(light), distance, -math.inf).argmax())
        if not distance[pick] > 0:
            break
        chosen.append(pick)
        distance = np.minimum(distance, np.sum((pixels - pixels[pick]) ** 2, axis=1))
    return tuple((i // columns, i % columns) for i in chosen)
