"""Defects of a cube, found by what the other bands say, and only on evidence."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from sigden.hyperspectral.atoms import repeated_values
from sigden.hyperspectral.impulses import candidates, relative_levels, scattered
from sigden.hyperspectral.model import LowRank, fit
from sigden.hyperspectral.stripes import column_offsets, without_line_directions

__all__ = ["Defects", "Search", "screen"]

_ROUNDS = 8
_GROUP = 16  # bands whose residuals are held at once
_SETTLED = 0.02  # relative change of noise levels at which the search has settled
_SAMPLE = 8192


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
    given, dead, impulses : array of bool, shape (pixels, bands), or None
        Samples that were missing from the start, repeat a value, or stand out.
    columns : ndarray, shape (columns, bands)
        Offset of each column.
    rows : ndarray, shape (rows, bands)
        Offset of each row.
    """

    given: Any
    dead: Any
    impulses: Any
    columns: Any
    rows: Any

    @property
    def missing(self) -> Any:
        """Samples that do not count, or None."""
        out = None
        for part in (self.given, self.dead, self.impulses):
            if part is not None:
                out = part if out is None else out | part
        return out


def screen(pixels: Any, shape: tuple[int, int, int], given: Any, known: Any, search: Search) -> Defects:
    """Search for defects; missing samples are filled and stripes taken off in place.

    Parameters
    ----------
    pixels : ndarray, shape (pixels, bands)
        Spectra, changed in place; finite.
    shape : tuple of int
        Rows, columns and bands.
    given : array of bool, shape of `pixels`, or None
        True where a sample is missing.
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
    rows, columns, bands = shape
    dead = _dead(pixels, given) if search.dead else None
    defects = Defects(given, dead, None, np.zeros((columns, bands)), np.zeros((rows, bands)))
    missing = defects.missing
    if missing is not None:
        _fill_from_neighbours(pixels, missing, shape)
    if not (search.impulses or search.stripes) and missing is None:
        return defects
    sigma = None
    for _ in range(_ROUNDS):
        model = fit(pixels, shape, missing, sigma, known, correct=False)
        settled = missing is None if sigma is None else _change(model.space.sigma, sigma) < _SETTLED
        sigma = model.space.sigma
        if search.stripes and _take_off_stripes(pixels, shape, model, missing, defects):
            settled = False
            model = fit(pixels, shape, missing, sigma, known, correct=False)
        if search.impulses:
            found = _impulses(pixels, shape, model, missing)
            before = 0 if defects.impulses is None else np.count_nonzero(defects.impulses)
            after = 0 if found is None else np.count_nonzero(found)
            settled &= abs(after - before) <= 1e-5 * pixels.size
            defects.impulses = found
            missing = defects.missing
        if settled:
            break
    return defects


def _dead(pixels: Any, given: Any) -> Any:
    """Samples whose value repeats too often, or None."""
    out = None
    for b in range(pixels.shape[1]):
        band = np.ascontiguousarray(pixels[:, b])
        kept = band if given is None else band[~given[:, b]]
        for value in repeated_values(kept) if kept.size else ():
            if out is None:
                out = np.zeros(pixels.shape, dtype=bool)
            out[:, b] |= band == value
    return out


def _fill_from_neighbours(pixels: Any, missing: Any, shape: tuple[int, int, int]) -> None:
    """First guess of missing samples: what lies around them in the band."""
    from sigden.denoisers.starlet.fill import fill_masked

    rows, columns, _ = shape
    for b in np.flatnonzero(missing.any(axis=0)):
        gone = missing[:, b].reshape(1, rows, columns)
        band = np.ascontiguousarray(pixels[:, b]).reshape(1, rows, columns)
        pixels[:, b] = fill_masked(band, gone).reshape(-1) if not gone.all() else 0


def _change(now: Any, before: Any) -> float:
    safe = np.where(before > 0, before, 1)
    return float(np.abs(np.where(before > 0, now / safe - 1, 0)).max())


def _take_off_stripes(
    pixels: Any, shape: tuple[int, int, int], model: LowRank, missing: Any, defects: Defects
) -> bool:
    """Subtract the stripes of columns, then of rows; True if there were any."""
    cube = pixels.reshape(shape)
    gone = None if missing is None else missing.reshape(shape)
    images = model.coefficients.T.reshape(-1, *shape[:2])
    columns = column_offsets(cube, without_line_directions(model.space, images), gone)
    if columns.any():
        cube -= columns.astype(pixels.dtype)
        defects.columns += columns
    turned = None if gone is None else gone.swapaxes(0, 1)
    space = without_line_directions(model.space, images.swapaxes(1, 2))
    rows = column_offsets(cube.swapaxes(0, 1), space, turned)
    if rows.any():
        cube -= rows.astype(pixels.dtype)[:, None]
        defects.rows += rows
    return bool(columns.any() or rows.any())


def _impulses(pixels: Any, shape: tuple[int, int, int], model: LowRank, missing: Any) -> Any:
    """Voxels that stand out of their band and lie at random, or None."""
    rows, columns, bands = shape
    struck: dict[int, Any] = {}
    for first in range(0, bands, _GROUP):
        last = min(first + _GROUP, bands)
        residuals = model.left_out(pixels, first, last).reshape(-1, rows, columns)
        for b in range(first, last):
            level = _spread(residuals[b - first], None if missing is None else missing[:, b])
            found = candidates(residuals[b - first], level)
            if found.any():
                # noise that grows with the signal has a tail of its own: measure again where it is bright
                predicted = pixels[:, b].reshape(rows, columns) - residuals[b - first]
                found = candidates(
                    residuals[b - first] / relative_levels(residuals[b - first], predicted), level
                )
            if found.any():
                struck[b] = found
    out = None
    for b, found in struck.items():
        if scattered(found, struck.get(b - 1), struck.get(b + 1)):
            if out is None:
                out = np.zeros(shape, dtype=bool)
            out[..., b] = found
    return None if out is None else out.reshape(-1, bands)


def _spread(residual: Any, missing: Any) -> float:
    """Robust noise level of the residual of one band."""
    sample = residual.reshape(-1)
    if missing is not None and missing.any():
        sample = sample[~missing]
    step = max(1, sample.size // _SAMPLE)
    return float(np.median(np.abs(sample[::step]))) / 0.6745 if sample.size else 0.0
