"""Whole fields: tiles with a halo, solved side by side, put together without seams."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from sigden.errors import InputError, ParameterError, SigdenError
from sigden.multiband.apply import deconvolve, require_multiband
from sigden.multiband.data.grid import Grid
from sigden.multiband.data.observation import Observation
from sigden.multiband.data.response import Response, check_response, narrow_bands, usable
from sigden.multiband.data.result import MultibandResult
from sigden.multiband.joint.scene_light import SceneLight, pooled_light
from sigden.multiband.joint.wiener import JointMethod
from sigden.multiband.tiles.memory import bytes_per_pixel, check_workers, largest_tile
from sigden.multiband.tiles.mosaic import Box, Mosaic
from sigden.multiband.tiles.plan import Tile, plan_tiles, share
from sigden.multiband.tiles.taper import power_kept, tapered
from sigden.multiband.tiles.threads import in_order
from sigden.multiband.tiles.window import common_step, observe_all, shows, window_grid

__all__ = ["deconvolve_tiles", "default_halo", "solve_window"]

_DEFAULT_TILE = 512
_HALO_ARCSEC = 4.8
_LOOKED_AT = 16


def default_halo(grid: Grid) -> int:
    """Halo in pixels of the grid that is used where none is given: 4.8 arcsec."""
    return math.ceil(_HALO_ARCSEC / grid.scale)


def deconvolve_tiles(
    method: Any,
    observations: Sequence[Observation | Mosaic],
    grid: Grid,
    *,
    response: Response,
    tile: int | None = None,
    halo: int | None = None,
    crossfade: int | None = None,
    memory: int | None = None,
    workers: int = 1,
    out: tuple[Any, Any] | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> MultibandResult:
    """Run a multiband method over a field of any size, tile by tile.

    Parameters
    ----------
    method : Method
        A joint method, or one that deconvolves a single image.
    observations : sequence of Observation or Mosaic
        Images of the field. Those in memory are cut as they are; a `Mosaic` is read part by part.
    grid : Grid
        Pixel grid of the estimate.
    response : mapping
        Weight of each band in every wide band.
    tile : int, optional
        Largest side of a tile in pixels of the grid, without its halo; 512 by default, or what `memory`
        holds.
    halo : int, optional
        Pixels around a tile that are solved with it and left out; those of 4.8 arcsec by default.
    crossfade : int, optional
        Pixels on each side of a seam over which neighbouring tiles are mixed, at most `halo`; half the halo
        by default, 0 for a plain cut.
    memory : int, optional
        Bound in bytes on what the solves take together; the images and the result themselves come on top.
    workers : int, optional
        Threads. The result does not depend on it.
    out : tuple of array, optional
        Where to put estimate and uncertainty, each of shape (bands, rows, columns), such as memory maps; new
        arrays by default.
    progress : callable, optional
        ``progress(done, total)`` in tiles.

    Returns
    -------
    MultibandResult
        As of one solve. ``details`` holds the number of ``tiles``, their ``tile``, ``halo`` and ``crossfade``
        in pixels, the ``workers``, and ``missing``: the cores and bands for which there were no data, which
        are NaN.

    Raises
    ------
    InputError
        If no band is left to be estimated, or an observation does not fit; the tile is named.
    ParameterError
        If a number is out of range or a tile does not fit the memory.

    Notes
    -----
    A tile is solved with what the images show of it and its halo, with their PSF in its middle. In the outer
    part of the halo light fades to nothing while the noise stays, so that a source cut by the edge of a
    window does not meet the other side of the periodic border and falsify the prior (`tapered`). Beyond the
    border of the field the images are mirrored for that. The power and the colours of the prior are those
    of the field, measured in all of its tiles or in sixteen spread over it; what else a method measures is
    that of the tile, and a cross-fade spreads the step. A field that fits into one tile with its halo gives
    exactly the result of the method itself.

    Uncertainties of neighbours see the same noise and are mixed like the estimates. `noise_covariance` is the
    mean over the tiles.
    """
    require_multiband(method)
    mosaics = [Mosaic.of(one) for one in observations]
    bands = check_response(mosaics, response)
    halo = default_halo(grid) if halo is None else _whole(halo, "halo", 0)
    workers = _whole(workers, "workers", 1)
    step = common_step(mosaics, grid)
    cost = bytes_per_pixel(mosaics, grid, len(bands))
    tiles = plan_tiles(grid.shape, _tile_side(tile, memory, workers, cost, halo, step), halo, step)
    if memory is not None:
        window = _area(tiles[0].window)
        workers = check_workers(_whole(memory, "memory", 1), window, cost, workers)
    fade = halo // 2 if crossfade is None else _whole(crossfade, "crossfade", 0)
    if fade > halo:
        raise ParameterError(f"crossfade: must be at most the halo of {halo} pixels, got {fade}")
    if len(tiles) == 1:
        fade = 0
    else:
        fade = min(fade, min(min(t.core[1] - t.core[0], t.core[3] - t.core[2]) for t in tiles) // 2)
    field_of = _Field.empty(bands, grid, mosaics, out)
    solved = _solved(method, mosaics, grid, response, tiles, halo, fade, workers)
    for done, (one, found) in enumerate(solved, 1):
        field_of.add(one, found, fade)
        if progress is not None:
            progress(done, len(tiles))
    field_of.finish(tiles, fade)
    return MultibandResult(
        estimate=field_of.estimate,
        uncertainty=field_of.uncertainty,
        noise_covariance=field_of.mean_covariance(),
        bands=bands,
        grid=grid,
        target_fwhm=method.target_fwhm,
        details={
            "tiles": len(tiles),
            "tile": max(max(t.core[1] - t.core[0], t.core[3] - t.core[2]) for t in tiles),
            "halo": halo,
            "crossfade": fade,
            "workers": workers,
            "missing": tuple(field_of.missing),
        },
    )


def solve_window(
    method: Any,
    mosaics: Sequence[Mosaic],
    grid: Grid,
    window: Box,
    *,
    response: Response,
    fade: int = 0,
    core: Box | None = None,
    light: SceneLight | None = None,
) -> MultibandResult | None:
    """Run a method on a window of the grid.

    Parameters
    ----------
    method : Method
        What to run.
    mosaics : sequence of Mosaic
        Images of the field.
    grid : Grid
        The whole grid.
    window : tuple of int
        First and past-the-last row, first and past-the-last column.
    response : mapping
        Weight of each band in every wide band; those without data in the window are left out.
    fade : int, optional
        Pixels of the grid over which light fades towards the edges (`tapered`).
    core : tuple of int, optional
        Part of the window that is asked for: images without data there are left out.
    light : SceneLight, optional
        Power and colours of the field, for a joint method.

    Returns
    -------
    MultibandResult or None
        Of the bands with data there; None if there are none.

    Raises
    ------
    InputError
        Naming the window, if an observation does not fit.
    """
    with _named(window):
        seen = _seen(mosaics, grid, window, response, fade, core)
        if seen is None:
            return None
        used, part, mixed = seen
        return deconvolve(method, used, part, response=mixed, light=light)


@contextmanager
def _named(window: Box) -> Iterator[None]:
    """Errors name the window."""
    try:
        yield
    except SigdenError as error:
        place = f"rows {window[0]} to {window[1]}, columns {window[2]} to {window[3]}"
        raise type(error)(f"{place} of the grid: {error}") from error


def _seen(
    mosaics: Sequence[Mosaic], grid: Grid, window: Box, response: Response, fade: int, core: Box | None
) -> tuple[list[Observation], Grid, Response] | None:
    """What the images show of a window, its grid, and the response of the bands there; None of no band."""
    part = window_grid(grid, window)
    seen = observe_all(mosaics, grid, window)
    if core is not None:
        inner = core[0] - window[0], core[1] - window[0], core[2] - window[2], core[3] - window[2]
        seen = [o for o in seen if shows(o, part, inner)]
    if not narrow_bands(seen, response):
        return None
    used, mixed = usable(seen, response)
    if fade:
        used = [tapered(o, part, fade, i) for i, o in enumerate(used)]
    return list(used), part, mixed


def _field_light(
    method: Any,
    mosaics: Sequence[Mosaic],
    grid: Grid,
    response: Response,
    tiles: Sequence[Tile],
    fade: int,
    workers: int,
) -> SceneLight | None:
    """Power and colours of the field, from tiles spread over it; None if the method has no such prior."""
    if not isinstance(method, JointMethod) or len(tiles) == 1:
        return None
    chosen = [tiles[round(i)] for i in np.linspace(0, len(tiles) - 1, min(len(tiles), _LOOKED_AT))]

    def look(one: Tile) -> SceneLight | None:
        with _named(one.window):
            seen = _seen(mosaics, grid, one.window, response, fade, one.core)
            if seen is None or {o.band for o in seen[0]} != {m.band for m in mosaics}:
                return None
            used, part, mixed = seen
            return method.light(used, part, response=mixed).scaled(1.0 / power_kept(part.shape, fade))

    found = [light for light in in_order(look, chosen, workers) if light is not None]
    return pooled_light(found) if found else None


def _solved(
    method: Any,
    mosaics: Sequence[Mosaic],
    grid: Grid,
    response: Response,
    tiles: Sequence[Tile],
    halo: int,
    crossfade: int,
    workers: int,
) -> Iterator[tuple[Tile, MultibandResult | None]]:
    """Tiles with their results, in order, no more of them at a time than there are workers."""
    width = 0 if len(tiles) == 1 else min(halo // 2, halo - crossfade)
    light = _field_light(method, mosaics, grid, response, tiles, width, workers)

    def work(one: Tile) -> MultibandResult | None:
        return solve_window(
            method, mosaics, grid, one.window, response=response, fade=width, core=one.core, light=light
        )

    yield from zip(tiles, in_order(work, tiles, workers), strict=True)


@dataclass(eq=False)
class _Field:
    """The result as it grows."""

    bands: tuple[str, ...]
    shape: tuple[int, int]
    estimate: Any
    uncertainty: Any
    covariance: np.ndarray
    area: np.ndarray
    missing: list[tuple[Box, str]] = field(default_factory=list)
    _absent: list[tuple[Tile, int]] = field(default_factory=list)

    @classmethod
    def empty(cls, bands: tuple[str, ...], grid: Grid, mosaics: Sequence[Mosaic], out: Any) -> _Field:
        full = (len(bands), *grid.shape)
        if out is None:
            out = (np.zeros(full), np.zeros(full))
        for name, array in zip(("estimate", "uncertainty"), out, strict=True):
            if tuple(array.shape) != full:
                raise InputError(f"out: {name} must have shape {full}, got {tuple(array.shape)}")
            array[...] = 0.0
        pairs = (len(bands), len(bands))
        return cls(bands, grid.shape, out[0], out[1], np.zeros(pairs), np.zeros(pairs))

    def add(self, tile: Tile, found: MultibandResult | None, crossfade: int) -> None:
        """Add a tile with its weights."""
        box, weight = share(tile, self.shape, crossfade)
        place = slice(box[0], box[1]), slice(box[2], box[3])
        inner = (
            slice(box[0] - tile.window[0], box[1] - tile.window[0]),
            slice(box[2] - tile.window[2], box[3] - tile.window[2]),
        )
        there = () if found is None else found.bands
        for index, band in enumerate(self.bands):
            if band not in there:
                self.missing.append((tile.core, band))
                self._absent.append((tile, index))
        if found is None:
            return
        chosen = [self.bands.index(band) for band in there]
        for i, estimate, error in zip(chosen, found.estimate, found.uncertainty, strict=True):
            self.estimate[(i, *place)] += weight * estimate[inner]
            self.uncertainty[(i, *place)] += weight * error[inner]
        pairs, pixels = np.ix_(chosen, chosen), _area(tile.core)
        self.covariance[pairs] += pixels * np.asarray(found.noise_covariance)
        self.area[pairs] += pixels

    def finish(self, tiles: Sequence[Tile], crossfade: int) -> None:
        """Give the weight of tiles without data to their neighbours; their cores become NaN."""
        for index in sorted({i for _, i in self._absent}):
            cores = {t.core for t, i in self._absent if i == index}
            absent = [share(t, self.shape, crossfade) for t, i in self._absent if i == index]
            for tile in tiles:
                core = tile.core
                place = index, slice(core[0], core[1]), slice(core[2], core[3])
                if core in cores:
                    self.estimate[place] = self.uncertainty[place] = math.nan
                    continue
                lost = np.zeros((core[1] - core[0], core[3] - core[2]))
                for box, weight in absent:
                    _add_overlap(lost, core, box, weight)
                if not lost.any():
                    continue
                self.estimate[place] /= 1.0 - lost
                self.uncertainty[place] /= 1.0 - lost

    def mean_covariance(self) -> np.ndarray:
        """Mean over the tiles, NaN for pairs of bands that no tile shows together."""
        return np.where(self.area > 0, self.covariance / np.maximum(self.area, 1.0), math.nan)


def _add_overlap(total: np.ndarray, core: Box, box: Box, weight: np.ndarray) -> None:
    rows = max(core[0], box[0]), min(core[1], box[1])
    columns = max(core[2], box[2]), min(core[3], box[3])
    if rows[0] < rows[1] and columns[0] < columns[1]:
        total[rows[0] - core[0] : rows[1] - core[0], columns[0] - core[2] : columns[1] - core[2]] += weight[
            rows[0] - box[0] : rows[1] - box[0], columns[0] - box[2] : columns[1] - box[2]
        ]


def _tile_side(tile: int | None, memory: int | None, workers: int, cost: int, halo: int, step: int) -> int:
    if tile is not None:
        return _whole(tile, "tile", 1)
    if memory is None:
        return _DEFAULT_TILE
    # the halo is rounded up to whole steps, and so is the tile: leave room for both
    side = largest_tile(_whole(memory, "memory", 1) // workers, cost, halo + step)
    return min(_DEFAULT_TILE, side // step * step)


def _area(box: Box) -> int:
    return (box[1] - box[0]) * (box[3] - box[2])


def _whole(value: Any, name: str, least: int) -> int:
    if isinstance(value, bool) or int(value) != value or value < least:
        raise ParameterError(f"{name}: must be a whole number from {least}, got {value!r}")
    return int(value)
