"""A catalogue of positions to stamps around them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from sigden.errors import InputError, ParameterError
from sigden.multiband.apply import require_multiband
from sigden.multiband.data.grid import Grid
from sigden.multiband.data.observation import Observation
from sigden.multiband.data.response import Response, check_response
from sigden.multiband.data.result import MultibandResult
from sigden.multiband.tiles.mosaic import Box, Mosaic
from sigden.multiband.tiles.solve import solve_window
from sigden.multiband.tiles.threads import in_order
from sigden.multiband.tiles.window import common_step

__all__ = ["deconvolve_stamps"]


def deconvolve_stamps(
    method: Any,
    observations: Sequence[Observation | Mosaic],
    grid: Grid,
    positions: Any,
    size: int,
    *,
    response: Response,
    workers: int = 1,
    progress: Callable[[int, int], None] | None = None,
) -> list[MultibandResult | None]:
    """Run a multiband method on a stamp around each position of a catalogue.

    Parameters
    ----------
    method : Method
        A joint method, or one that deconvolves a single image.
    observations : sequence of Observation or Mosaic
        Images of the field.
    grid : Grid
        Pixel grid of the field; a stamp's pixels are pixels of it.
    positions : array, shape (n, 2), or astropy.coordinates.SkyCoord
        Places (row, column) in pixels of the grid, or in the sky if the grid has a WCS.
    size : int
        Side of a stamp in pixels of the grid; rounded up to whole pixels of the coarsest image.
    response : mapping
        Weight of each band in every wide band.
    workers : int, optional
        Threads. The result does not depend on it.
    progress : callable, optional
        ``progress(done, total)`` in stamps.

    Returns
    -------
    list of MultibandResult or None
        One for each position, in order, with the stamp's own grid, and in ``details["window"]`` its first and
        past-the-last row and column in the field; None where there are no data. A stamp may reach beyond the
        images: what is not seen is as masked.

    Raises
    ------
    InputError
        If a position is not finite, or the grid has no WCS for positions in the sky; the stamp that does not
        fit is named.
    ParameterError
        If `size` or `workers` is not positive.

    Notes
    -----
    A PSF larger than the stamp is cropped, and one that varies is that in the middle of the stamp. The
    position is within a pixel of the coarsest image of the middle.
    """
    require_multiband(method)
    if isinstance(size, bool) or int(size) != size or size < 1:
        raise ParameterError(f"size: must be a positive whole number, got {size!r}")
    mosaics = [Mosaic.of(one) for one in observations]
    check_response(mosaics, response)
    places = _places(positions, grid)
    step = common_step(mosaics, grid)
    side = -(-int(size) // step) * step

    def work(place: np.ndarray) -> MultibandResult | None:
        window = _window(place, side, step)
        found = solve_window(method, mosaics, grid, window, response=response)
        return None if found is None else _noted(found, window)

    out: list[MultibandResult | None] = []
    for done, found in enumerate(in_order(work, list(places), workers), 1):
        out.append(found)
        if progress is not None:
            progress(done, len(places))
    return out


def _noted(found: MultibandResult, window: Box) -> MultibandResult:
    from dataclasses import replace

    return replace(found, details={**found.details, "window": window})


def _window(place: np.ndarray, side: int, step: int) -> Box:
    first, left = (int(np.rint((p - (side - 1) / 2) / step)) * step for p in place)
    return first, first + side, left, left + side


def _places(positions: Any, grid: Grid) -> np.ndarray:
    if hasattr(positions, "icrs"):
        if grid.wcs is None:
            raise InputError("positions: the grid has no wcs, so they must be (row, column)")
        x, y = grid.wcs.world_to_pixel(positions)
        places = np.stack([np.atleast_1d(y), np.atleast_1d(x)], axis=1)
    else:
        places = np.asarray(positions, dtype=float)
        if places.size == 0:
            return np.zeros((0, 2))
    if places.ndim != 2 or places.shape[1] != 2:
        raise InputError(f"positions: must be (n, 2) rows and columns, got shape {places.shape}")
    bad = ~np.isfinite(places).all(axis=1)
    if bad.any():
        raise InputError(f"positions[{int(np.argmax(bad))}]: not finite, {places[bad][0]}")
    return places
