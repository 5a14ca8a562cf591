"""Where the pixels of an observation fall on the grid."""

from __future__ import annotations

from typing import Any

import numpy as np

from sigden.errors import InputError
from sigden.multiband.data.grid import Grid
from sigden.multiband.data.observation import Observation

__all__ = [
    "commensurate_factor",
    "footprint",
    "grid_to_native",
    "local_matrix",
    "native_places",
    "native_to_grid",
    "require_overlap",
]

TOLERANCE = 1e-3
"""Largest departure from a regular lattice, in pixels of the grid, that counts as rounding."""


def _both_wcs(observation: Observation, grid: Grid) -> bool:
    if observation.wcs is None and grid.wcs is None:
        return False
    if grid.wcs is None:
        raise InputError(f"band {observation.band!r}: has a wcs, the grid has none; give the grid one")
    if observation.wcs is None:
        raise InputError(
            f"band {observation.band!r}: wcs missing, the grid has one; give the observation one"
        )
    return True


def _through_sky(source: Any, target: Any, rows: Any, columns: Any) -> tuple[np.ndarray, np.ndarray]:
    from astropy.wcs.utils import pixel_to_pixel

    x, y = pixel_to_pixel(source, target, np.asarray(columns, float), np.asarray(rows, float))
    return np.asarray(y, float), np.asarray(x, float)


def native_to_grid(
    observation: Observation, grid: Grid, rows: Any, columns: Any
) -> tuple[np.ndarray, np.ndarray]:
    """Places on the grid of places in the observation.

    Parameters
    ----------
    observation : Observation
        The observation.
    grid : Grid
        The grid.
    rows, columns : array of float
        Places in pixels of the observation, pixel centres at whole numbers.

    Returns
    -------
    rows, columns : numpy.ndarray of float64
        Places in pixels of the grid.

    Raises
    ------
    InputError
        If only one of both has a WCS.
    """
    if _both_wcs(observation, grid):
        return _through_sky(observation.wcs, grid.wcs, rows, columns)
    step = observation.pixel_scale
    return (
        (observation.offset[0] + step * np.asarray(rows, float)) / grid.scale,
        (observation.offset[1] + step * np.asarray(columns, float)) / grid.scale,
    )


def grid_to_native(
    observation: Observation, grid: Grid, rows: Any, columns: Any
) -> tuple[np.ndarray, np.ndarray]:
    """Places in the observation of places on the grid.

    Parameters
    ----------
    observation : Observation
        The observation.
    grid : Grid
        The grid.
    rows, columns : array of float
        Places in pixels of the grid, pixel centres at whole numbers.

    Returns
    -------
    rows, columns : numpy.ndarray of float64
        Places in pixels of the observation.

    Raises
    ------
    InputError
        If only one of both has a WCS.
    """
    if _both_wcs(observation, grid):
        return _through_sky(grid.wcs, observation.wcs, rows, columns)
    step = observation.pixel_scale
    return (
        (grid.scale * np.asarray(rows, float) - observation.offset[0]) / step,
        (grid.scale * np.asarray(columns, float) - observation.offset[1]) / step,
    )


def commensurate_factor(observation: Observation, grid: Grid) -> int | None:
    """Step k if every pixel of the observation is a block of k x k pixels of the grid, and all are covered.

    Parameters
    ----------
    observation : Observation
        The observation.
    grid : Grid
        The grid.

    Returns
    -------
    int or None
        The step; None if sizes, edges or axes do not match to a thousandth of a pixel of the grid.

    Raises
    ------
    InputError
        If only one of both has a WCS.
    """
    has_wcs = _both_wcs(observation, grid)
    factor = round(observation.pixel_scale / grid.scale)
    rows, columns = observation.shape
    if factor < 1 or (rows * factor, columns * factor) != grid.shape:
        return None
    nodes = 5 if has_wcs else 2
    row, column = np.meshgrid(
        np.linspace(0, rows - 1, nodes), np.linspace(0, columns - 1, nodes), indexing="ij"
    )
    found = native_to_grid(observation, grid, row, column)
    shift = (factor - 1) / 2
    apart = max(
        np.abs(place - (factor * index + shift)).max()
        for place, index in zip(found, (row, column), strict=True)
    )
    return factor if apart <= TOLERANCE else None


def native_places(observation: Observation, grid: Grid) -> tuple[np.ndarray, np.ndarray]:
    """Places on the grid of all pixel centres of the observation.

    Parameters
    ----------
    observation : Observation
        The observation.
    grid : Grid
        The grid.

    Returns
    -------
    rows, columns : numpy.ndarray of float64, shape of the observation
        Places in pixels of the grid.

    Raises
    ------
    InputError
        If only one of both has a WCS.

    Notes
    -----
    A large image with a WCS is projected at every 32nd pixel only and filled in by bicubic splines, if these
    meet the projection at places between to a thousandth of a pixel.
    """
    shape = observation.shape
    if observation.wcs is not None and min(shape) >= 256:
        filled = _filled(observation, grid, shape)
        if filled is not None:
            return filled
    row, column = np.indices(shape, dtype=float)
    return native_to_grid(observation, grid, row, column)


def _filled(
    observation: Observation, grid: Grid, shape: tuple[int, int], step: int = 32
) -> tuple[np.ndarray, np.ndarray] | None:
    from scipy.interpolate import RectBivariateSpline

    knots = [np.linspace(0, n - 1, (n - 1) // step + 2) for n in shape]
    between = [0.5 * (k[1:] + k[:-1]) for k in knots]
    coarse = native_to_grid(observation, grid, *np.meshgrid(*knots, indexing="ij"))
    if not all(np.isfinite(values).all() for values in coarse):
        return None
    exact = native_to_grid(observation, grid, *np.meshgrid(*between, indexing="ij"))
    splines = [RectBivariateSpline(*knots, values) for values in coarse]
    for spline, values in zip(splines, exact, strict=True):
        if not np.abs(spline(*between) - values).max() <= TOLERANCE:
            return None
    rows, columns = (spline(np.arange(shape[0]), np.arange(shape[1])) for spline in splines)
    return rows, columns


def local_matrix(observation: Observation, grid: Grid) -> np.ndarray:
    """Derivative of places on the grid by places in the observation.

    Parameters
    ----------
    observation : Observation
        The observation.
    grid : Grid
        The grid.

    Returns
    -------
    numpy.ndarray of float64, shape ``(2, 2)``
        Rows and columns of the grid (first axis) per row and column of the observation (second axis), at the
        pixel of the observation nearest to the middle of the grid.

    Raises
    ------
    InputError
        If only one of both has a WCS.
    """
    middle = grid_to_native(observation, grid, *(np.array([(n - 1) / 2]) for n in grid.shape))
    row, column = (
        float(np.clip(np.nan_to_num(place[0], nan=(n - 1) / 2), 0, n - 1))
        for place, n in zip(middle, observation.shape, strict=True)
    )
    rows, columns = native_to_grid(
        observation,
        grid,
        row + np.array([0.5, -0.5, 0.0, 0.0]),
        column + np.array([0.0, 0.0, 0.5, -0.5]),
    )
    return np.array(
        [[rows[0] - rows[1], rows[2] - rows[3]], [columns[0] - columns[1], columns[2] - columns[3]]]
    )


def footprint(observation: Observation, grid: Grid) -> np.ndarray:
    """Pixels of an observation whose centre falls on the grid.

    Parameters
    ----------
    observation : Observation
        The observation.
    grid : Grid
        The grid.

    Returns
    -------
    numpy.ndarray of bool, shape of the observation
        True on the grid. Where it is False the observation sees light from beyond the scene.

    Raises
    ------
    InputError
        If only one of both has a WCS.
    """
    if commensurate_factor(observation, grid) is not None:
        return np.ones(observation.shape, bool)
    rows, columns = native_places(observation, grid)
    return _inside(rows, grid.shape[0]) & _inside(columns, grid.shape[1])


def _inside(places: np.ndarray, size: int) -> np.ndarray:
    return (places >= -0.5) & (places <= size - 0.5)


def require_overlap(observation: Observation, grid: Grid) -> None:
    """Refuse an observation of another part of the sky.

    Parameters
    ----------
    observation : Observation
        The observation.
    grid : Grid
        The grid.

    Raises
    ------
    InputError
        If no pixel centre of the observation falls on the grid, or only one of both has a WCS.
    """
    if not footprint(observation, grid).any():
        raise InputError(
            f"band {observation.band!r}: disjoint from the grid, none of its pixels falls on it; check its "
            "wcs, or scale and offset"
        )
