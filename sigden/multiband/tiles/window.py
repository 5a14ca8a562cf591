"""A window of the grid, and the part of every mosaic that shows it."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from sigden.multiband.data.geometry import TOLERANCE, grid_to_native, native_places
from sigden.multiband.data.grid import Grid
from sigden.multiband.data.observation import Observation
from sigden.multiband.tiles.mosaic import Box, Mosaic, cut_wcs

__all__ = ["common_step", "observe", "observe_all", "shows", "window_grid"]

_NODES = 7


def window_grid(grid: Grid, window: Box) -> Grid:
    """Part of a grid as a grid of its own.

    Parameters
    ----------
    grid : Grid
        The whole.
    window : tuple of int
        First and past-the-last row, first and past-the-last column; may reach beyond the grid.

    Returns
    -------
    Grid
        The part.
    """
    shape = window[1] - window[0], window[3] - window[2]
    if grid.wcs is None:
        return Grid(shape, grid.scale)
    return Grid(shape, grid.scale, cut_wcs(grid.wcs, window[0], window[2]))


def observe(mosaic: Mosaic, grid: Grid, window: Box) -> Observation | None:
    """Part of a mosaic that shows a window of the grid.

    Parameters
    ----------
    mosaic : Mosaic
        The image.
    grid : Grid
        The whole grid.
    window : tuple of int
        Part of the grid.

    Returns
    -------
    Observation or None
        For use with ``window_grid(grid, window)``. Where the mosaic's pixels are blocks of the grid's it
        covers exactly the window, mirrored beyond the border of the grid and with masked pixels where the
        mosaic ends within it; else all pixels that touch the window. None if there is none with data.

    Raises
    ------
    InputError
        If only one of both has a WCS, or as `Observation` does.
    """
    corners = [np.linspace(a - 0.5, b - 0.5, _NODES) for a, b in (window[:2], window[2:])]
    rows, columns = grid_to_native(mosaic, grid, *np.meshgrid(*corners, indexing="ij"))  # type: ignore[arg-type]
    if not (np.isfinite(rows).all() and np.isfinite(columns).all()):
        return None
    ratio = mosaic.pixel_scale / grid.scale
    box = _aligned(rows, columns, ratio)
    mirror = (False, False, False, False)
    if box is not None:
        mirror = _mirrored(mosaic, grid, window, box, round(ratio))
    else:
        box = (
            max(math.floor(rows.min() + 0.5), 0),
            min(math.ceil(rows.max() + 0.5), mosaic.shape[0]),
            max(math.floor(columns.min() + 0.5), 0),
            min(math.ceil(columns.max() + 0.5), mosaic.shape[1]),
        )
        # one row alone cannot be resampled
        if box[1] - box[0] < 2 or box[3] - box[2] < 2:
            return None
    return mosaic.cut(box, shift=(-window[0] * grid.scale, -window[2] * grid.scale), mirror=mirror)


def _mirrored(
    mosaic: Mosaic, grid: Grid, window: Box, box: Box, factor: int
) -> tuple[bool, bool, bool, bool]:
    """Sides on which the mosaic reaches the border of the grid, so that only what is beyond it is missing."""
    out = []
    for axis in (0, 1):
        first, start = window[2 * axis], box[2 * axis]
        begin = first - start * factor
        end = begin + mosaic.shape[axis] * factor
        out += [begin <= 0, end >= grid.shape[axis]]
    return out[0], out[1], out[2], out[3]


def observe_all(mosaics: Sequence[Mosaic], grid: Grid, window: Box) -> list[Observation]:
    """Parts of all mosaics that show a window; those without data there are left out."""
    found = (observe(mosaic, grid, window) for mosaic in mosaics)
    return [one for one in found if one is not None]


def _aligned(rows: np.ndarray, columns: np.ndarray, ratio: float) -> Box | None:
    """Box in native pixels if a window's edges are edges of native pixels, to the tolerance of the grid."""
    near = TOLERANCE / ratio
    edges = rows[0, 0], rows[-1, 0], columns[0, 0], columns[0, -1]
    whole = [round(float(e) + 0.5) for e in edges]
    straight = np.linspace(whole[0] - 0.5, whole[1] - 0.5, len(rows))[:, None]
    level = np.linspace(whole[2] - 0.5, whole[3] - 0.5, len(rows))[None, :]
    if max(np.abs(rows - straight).max(), np.abs(columns - level).max()) > near:
        return None
    if whole[0] >= whole[1] or whole[2] >= whole[3]:
        return None
    return whole[0], whole[1], whole[2], whole[3]


def shows(observation: Observation, grid: Grid, core: Box) -> bool:
    """Whether an observation has a pixel with data in a part of its grid.

    Parameters
    ----------
    observation : Observation
        The observation.
    grid : Grid
        Its grid.
    core : tuple of int
        First and past-the-last row, first and past-the-last column.

    Returns
    -------
    bool
        True if the centre of an unmasked pixel is there.
    """
    rows, columns = native_places(observation, grid)
    there = (rows > core[0] - 0.5) & (rows < core[1] - 0.5)
    there &= (columns > core[2] - 0.5) & (columns < core[3] - 0.5)
    return bool(there.any() if observation.mask is None else (there & ~np.asarray(observation.mask)).any())


def common_step(mosaics: Sequence[Mosaic], grid: Grid) -> int:
    """Pixels of the grid along the coarsest pixel of which all others are a part, among whole multiples."""
    step = 1
    for mosaic in mosaics:
        ratio = mosaic.pixel_scale / grid.scale
        factor = round(ratio)
        if factor >= 1 and abs(ratio - factor) <= TOLERANCE * factor:
            step = math.lcm(step, factor)
    return step
