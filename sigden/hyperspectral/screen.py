"""Defects of a cube, found by what the other bands say, and only on evidence."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from sigden.arrays import namespace
from sigden.hyperspectral.atoms import repeated_values
from sigden.hyperspectral.chance import sample_step
from sigden.hyperspectral.impulses import candidates, relative_levels, scattered
from sigden.hyperspectral.model import LowRank, fit
from sigden.hyperspectral.order import median
from sigden.hyperspectral.stripes import line_offsets, without_line_directions
from sigden.hyperspectral.table import Table
from sigden.hyperspectral.workspace import Workspace

__all__ = ["DEAD", "IMPULSE", "Defects", "Search", "screen"]

DEAD, IMPULSE = 2, 4
_ROUNDS = 8
_SETTLED = 0.02  # relative change of noise levels at which the search has settled


@dataclass(frozen=True)
class Search:
    """Which defects are looked for.

    Parameters
    ----------
    dead : bool
        Values that repeat whatever the signal is: dead detectors, saturated impulses.
    impulses : bool
        Single voxels that the noise cannot explain.
    stripes : bool
        Columns or rows of a band that are shifted by a constant.
    """

    dead: bool = True
    impulses: bool = True
    stripes: bool = True


@dataclass(eq=False)
class Defects:
    """What a search found, in the unit of the pixels.

    Parameters
    ----------
    flags : Table or None
        Sum of `GIVEN`, `DEAD` and `IMPULSE` for each sample: missing from the start, of a repeated value,
        standing out. None if there is none.
    columns : ndarray, shape (columns, bands)
        Offset of each column.
    rows : ndarray, shape (rows, bands)
        Offset of each row.
    """

    flags: Table | None
    columns: Any
    rows: Any

    def mark(self, first: int, struck: Any, flag: int, workspace: Workspace, shape: Any) -> None:
        """Set a flag in some bands, shape (bands, pixels)."""
        if self.flags is None:
            self.flags = workspace.table(shape, np.uint8)
        marks = self.flags.bands(first, first + struck.shape[0])
        self.flags.put_bands(first, namespace(marks).where(struck, marks | flag, marks))


def screen(pixels: Table, workspace: Workspace, given: Table | None, known: Any, search: Search) -> Defects:
    """Search for defects; missing samples are filled and stripes taken off in place.

    Parameters
    ----------
    pixels : Table
        Spectra, changed in place; finite.
    workspace : Workspace
        Memory that may be used.
    given : Table or None
        Not zero where a sample is missing; what is found is added.
    known : ndarray, shape (bands,), or None
        Noise level where it is given.
    search : Search
        What is looked for.

    Returns
    -------
    Defects
        What was found.

    Notes
    -----
    Each round fits the low-rank model to what is good, takes off stripes, and compares every voxel with the
    prediction of the other bands. It ends when nothing changes and the noise levels have settled, at
    once for a clean cube.
    """
    rows, columns, bands = pixels.shape
    defects = Defects(given, np.zeros((columns, bands)), np.zeros((rows, bands)))
    if search.dead:
        _mark_dead(pixels, workspace, defects)
    if defects.flags is not None:
        _fill_from_neighbours(pixels, defects.flags)
    if not (search.impulses or search.stripes) and defects.flags is None:
        return defects
    sigma = None
    for _ in range(_ROUNDS):
        model = fit(pixels, workspace, defects.flags, sigma, known, correct=False)
        settled = defects.flags is None if sigma is None else _change(model.space.sigma, sigma) < _SETTLED
        sigma = model.space.sigma
        if search.stripes and _take_off_stripes(pixels, workspace, model, defects):
            settled = False
            model = fit(pixels, workspace, defects.flags, sigma, known, correct=False)
        if search.impulses:
            settled &= _mark_impulses(pixels, workspace, model, defects) <= 1e-5 * len(pixels) * bands
        if settled:
            break
    return defects


def _mark_dead(pixels: Table, workspace: Workspace, defects: Defects) -> None:
    """Mark samples whose value repeats too often."""
    for first, last in pixels.groups():
        values = pixels.bands(first, last)
        known = None if defects.flags is None else defects.flags.bands(first, last) == 0
        xp = namespace(values)
        struck = xp.zeros_like(values, dtype=xp.bool)
        for i in range(last - first):
            band = values[i, :]
            sample = band if known is None else band[known[i, :]]
            for value in repeated_values(sample) if sample.shape[0] else ():
                struck[i, :] |= band == value
        if bool(xp.any(struck)):
            defects.mark(first, struck, DEAD, workspace, pixels.shape)


def _fill_from_neighbours(pixels: Table, flags: Table) -> None:
    """First guess of missing samples: what lies around them in the band."""
    from sigden.denoisers.starlet.fill import fill_masked

    for first, last in pixels.groups():
        missing = flags.bands(first, last) != 0
        xp = namespace(missing)
        if not bool(xp.any(missing)):
            continue
        values = pixels.bands(first, last)
        for i in range(last - first):
            gone = missing[i, :]
            if bool(xp.all(gone)):
                values[i, :] = 0
            elif bool(xp.any(gone)):
                image, holes = (xp.reshape(part, (1, *pixels.shape[:2])) for part in (values[i, :], gone))
                values[i, :] = xp.reshape(fill_masked(image, holes), (-1,))
        pixels.put_bands(first, values)


def _change(now: Any, before: Any) -> float:
    safe = np.where(before > 0, before, 1)
    return float(np.abs(np.where(before > 0, now / safe - 1, 0)).max())


def _take_off_stripes(pixels: Table, workspace: Workspace, model: LowRank, defects: Defects) -> bool:
    """Subtract the stripes of columns, then of rows; True if there were any."""
    found = False
    room = workspace.units(pixels.dtype.itemsize, 1, "a line of the image")
    for axis, space in enumerate(without_line_directions(model.space, model.coefficients)):
        offsets = line_offsets(pixels, space, axis, defects.flags, room=room)
        if not offsets.any():
            continue
        found = True
        _subtract(pixels, pixels.beside(offsets), axis)
        if axis == 0:
            defects.columns += offsets
        else:
            defects.rows += offsets
    return found


def _subtract(pixels: Table, offsets: Any, axis: int) -> None:
    for first, last in pixels.spans():
        part = pixels.read(first, last)
        cube = namespace(part).reshape(part, (-1, *pixels.shape[1:]))
        cube -= offsets if axis == 0 else offsets[first:last, None, :]
        pixels.write(first, namespace(part).reshape(cube, part.shape))


def _mark_impulses(pixels: Table, workspace: Workspace, model: LowRank, defects: Defects) -> int:
    """Mark voxels that stand out of their band and lie at random; their number is returned."""
    before: Any = None
    waiting: tuple[int, Any] | None = None
    count = 0

    def decide(band: int, struck: Any, after: Any) -> int:
        """Mark a band once its neighbours are known."""
        if struck is None or not scattered(struck, before, after):
            return 0
        xp = namespace(struck)
        defects.mark(band, xp.reshape(struck, (1, -1)), IMPULSE, workspace, pixels.shape)
        return int(xp.count_nonzero(struck))

    for first, last in pixels.groups():
        values = pixels.bands(first, last)
        residuals = model.left_out(values, first)
        known = None if defects.flags is None else defects.flags.bands(first, last) == 0
        for b in range(first, last):
            kept = None if known is None else known[b - first, :]
            struck = _candidates(residuals[b - first, :], values[b - first, :], kept, pixels.shape[:2])
            if waiting is not None:
                count += decide(*waiting, struck)
                before = waiting[1]
            waiting = b, struck
    if waiting is not None:
        count += decide(*waiting, None)
    return count


def _candidates(residual: Any, values: Any, kept: Any, shape: tuple[int, ...]) -> Any:
    """Voxels of a band that the noise cannot explain, shape (rows, columns), or None."""
    xp = namespace(residual)
    image = xp.reshape(residual, shape)
    level = _spread(residual, kept)
    found = candidates(image, level)
    if bool(xp.any(found)):
        # noise that grows with the signal has a tail of its own: measure again where it is bright
        found = candidates(image / relative_levels(image, xp.reshape(values - residual, shape)), level)
    return found if bool(xp.any(found)) else None


def _spread(residual: Any, kept: Any) -> float:
    """Robust noise level of the residual of one band."""
    xp = namespace(residual)
    sample = residual if kept is None or bool(xp.all(kept)) else residual[kept]
    count = sample.shape[0]
    return float(median(xp.abs(sample[:: sample_step(count)]))) / 0.6745 if count else 0.0
