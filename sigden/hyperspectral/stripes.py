"""Stripes: columns or rows of a band that are shifted by a constant."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np

from sigden.arrays import namespace, to_numpy
from sigden.hyperspectral.chance import chance_level
from sigden.hyperspectral.robust_fit import left_over, robust_weights
from sigden.hyperspectral.subspace import Subspace
from sigden.hyperspectral.table import Table

__all__ = ["line_offsets", "without_line_directions"]

_ERRORS = 5.0  # standard errors, at least, that a stripe must rise above the columns around it
_SECTIONS = 4
_SECTION_ERRORS = 4.0
_WINDOW = 9  # columns among which a stripe must be alone
_MOST = 0.4  # part of the columns of a band; with more it is misfit, not striped
_MOST_BANDS = 0.3  # part of the bands that a stripe strikes in one column; an object strikes more
_ALONE = 0.3  # part of a direction's energy in one column from which it is that column
_EVEN = 0.5  # part of the energy of that column in its mean
_SHORTEST = 16


def line_offsets(
    pixels: Table, space: Subspace, axis: int, flags: Table | None = None, *, room: int = 2**62
) -> Any:
    """Offset of every column or row in every band.

    Parameters
    ----------
    pixels : Table
        Data; missing samples hold their prediction.
    space : Subspace
        Signal subspace and noise level.
    axis : int
        Axis of the image that is summed over: 0 for the offsets of columns, 1 for those of rows.
    flags : Table, optional
        Not zero where a sample is missing.
    room : int
        Samples that may be held at once.

    Returns
    -------
    float64 ndarray, shape (lines, bands)
        The offset of each striped line, 0 elsewhere.

    Notes
    -----
    The mean spectrum of a column lies in the signal subspace except where a band is striped: it is fitted by
    iteratively reweighted least squares with Tukey's weights, so that a stripe of one band does not reach the
    others. A column is striped in a band if what is left differs from that of the columns around it by five
    standard errors, more where there are so many lines that some reach that by chance, and if each quarter
    of the column shows the same offset: structure that the model misses seldom fills one column from end to
    end. Sums over lines are taken where the data are; what is decided on them, and the few lines in question,
    on the host.
    """
    length, lines, bands = pixels.shape[axis], pixels.shape[1 - axis], pixels.shape[2]
    if length < _SHORTEST or lines < _WINDOW:
        return np.zeros((lines, bands))
    alive = space.sigma > 0
    scale = np.where(alive, space.sigma, 1.0)
    sections, sizes = _section_means(pixels, axis)
    sections -= space.mean
    sections /= scale
    whole = np.average(sections, axis=0, weights=sizes)
    weight = robust_weights(whole, space.basis, 1 / math.sqrt(length))
    left = np.stack([left_over(x, space.basis, weight) for x in (whole, *sections)])
    if flags is not None:
        # where samples are missing the prediction stands, which has no offset
        kept = 1 - _line_share(flags, axis)
        left *= np.where(kept > 0.3, 1 / np.maximum(kept, 0.3), 0)
    # a band that the others alone predict is left with the noise of that prediction as well
    leverage = np.minimum(np.sum(space.basis**2, axis=1), 0.9)
    errors = chance_level(lines * bands, _ERRORS) / np.sqrt(1 - leverage)
    found = _decide(left, alive, errors, length)
    _drop_noisy(found, pixels, axis, (space, scale, weight), room)
    return found * scale


def without_line_directions(space: Subspace, coefficients: Table) -> tuple[Subspace, Subspace]:
    """Subspace without the directions that one column alone brought in, and without those of one row.

    Parameters
    ----------
    space : Subspace
        Signal subspace.
    coefficients : Table, shape (rows, columns, rank)
        Its coefficients.

    Returns
    -------
    columns, rows : Subspace
        Without the directions most of whose energy, over that of the noise, lies evenly along one line: a
        column that is striped in many bands makes a direction of its own, which then hides it.
    """
    rows, columns, rank = coefficients.shape
    sums = [np.zeros((2, columns, rank)), np.zeros((2, rows, rank))]
    for first, last in coefficients.spans():
        part = coefficients.read(first, last)
        xp = namespace(part)
        part = xp.reshape(part, (-1, columns, rank))
        for power, values in enumerate((part, part**2)):
            sums[0][power] += to_numpy(xp.sum(values, axis=0, dtype=xp.float64))
            sums[1][power, first:last] = to_numpy(xp.sum(values, axis=1, dtype=xp.float64))
    by_column, by_row = (
        _without(space, part, length) for part, length in zip(sums, (rows, columns), strict=True)
    )
    return by_column, by_row


def _without(space: Subspace, sums: Any, length: int) -> Subspace:
    """By the sums of coefficients and of their squares along each line, shape (2, lines, rank)."""
    constant, energy = sums[0].T ** 2 / length, np.maximum(sums[1].T - length, 0)
    top = energy.argmax(axis=1)
    line = np.arange(len(energy)), top
    alone = energy[line] > _ALONE * np.maximum(energy.sum(axis=1), 1e-300)
    even = constant[line] > _EVEN * (energy[line] + length)
    keep = ~(alone & even)
    return space if keep.all() or not keep.any() else replace(space, basis=space.basis[:, keep])


def _section_means(pixels: Table, axis: int) -> tuple[Any, Any]:
    """Mean spectra of the quarters of each line, shape (quarters, lines, bands), and their lengths."""
    _, columns, bands = pixels.shape
    bounds = [int(bound) for bound in np.linspace(0, pixels.shape[axis], _SECTIONS + 1)]
    out = np.zeros((_SECTIONS, pixels.shape[1 - axis], bands))
    for first, last in pixels.spans():
        part = pixels.read(first, last)
        xp = namespace(part)
        part = xp.reshape(part, (-1, columns, bands))
        for s in range(_SECTIONS):
            if axis == 0:
                inner = slice(*(min(max(bound - first, 0), last - first) for bound in bounds[s : s + 2]))
                out[s] += to_numpy(xp.sum(part[inner, ...], axis=0, dtype=xp.float64))
            else:
                inner = slice(*bounds[s : s + 2])
                out[s, first:last] = to_numpy(xp.sum(part[:, inner, :], axis=1, dtype=xp.float64))
    sizes = np.diff(bounds)
    return out / sizes[:, None, None], sizes


def _line_share(flags: Table, axis: int) -> Any:
    """Part of each line that is marked, shape (lines, bands)."""
    out = np.zeros((flags.shape[1 - axis], flags.shape[2]))
    for first, last in flags.spans():
        part = flags.read(first, last)
        xp = namespace(part)
        part = xp.reshape(part, (-1, *flags.shape[1:]))
        if axis == 0:
            out += to_numpy(xp.count_nonzero(part, axis=0))
        else:
            out[first:last] = to_numpy(xp.count_nonzero(part, axis=1))
    return out / flags.shape[axis]


def _decide(left: Any, alive: Any, errors: Any, length: int) -> Any:
    """Offsets in units of the noise where they are significant, alone and the same in each section."""
    from scipy.ndimage import median_filter

    around = median_filter(left[0], size=(_WINDOW, 1), mode="reflect")
    offset = left[0] - around
    # the spread of the columns themselves: correlated noise and misfit make it larger than the error
    spread = np.maximum(np.median(np.abs(offset), axis=0) / 0.6745, 1 / math.sqrt(length))
    struck = (np.abs(offset) > errors * spread) & alive
    allowed = np.maximum(_SECTION_ERRORS * math.sqrt(_SECTIONS) * spread, 0.25 * np.abs(offset))
    struck &= np.all(np.abs(left[1:] - around - offset) < allowed, axis=0)
    struck &= struck.mean(axis=0) <= _MOST
    struck &= struck.mean(axis=1, keepdims=True) <= _MOST_BANDS
    return np.where(struck, offset, 0.0)


def _drop_noisy(found: Any, pixels: Table, axis: int, fit: tuple[Subspace, Any, Any], room: int) -> None:
    """Keep an offset only if it also rises above the noise of its own line, which may be a bright one."""
    length = pixels.shape[axis]
    lines, counts = np.flatnonzero(found.any(axis=1)), np.count_nonzero(found, axis=1)
    while lines.size:
        fitting = max(int(np.searchsorted(np.cumsum(counts[lines]) * length, room, side="right")), 1)
        some, lines = lines[:fitting], lines[fitting:]
        for line, left in _residuals(found, some, pixels, axis, fit).items():
            struck = np.flatnonzero(found[line])
            own = np.median(np.abs(left - np.median(left, axis=0)), axis=0) / 0.6745
            quiet = np.abs(found[line, struck]) > _ERRORS * own / math.sqrt(length)
            found[line, struck[~quiet]] = 0


def _residuals(
    found: Any, lines: Any, pixels: Table, axis: int, fit: tuple[Subspace, Any, Any]
) -> dict[int, Any]:
    """What the fit leaves of the struck bands along each line, shape (length, struck)."""
    space, scale, weight = fit
    out = {
        int(line): np.empty((pixels.shape[axis], np.count_nonzero(found[line])), pixels.dtype)
        for line in lines
    }
    for first, last in pixels.spans():
        part = pixels.read(first, last)
        part = namespace(part).reshape(part, (-1, *pixels.shape[1:]))
        for line, left in out.items():
            if axis == 1 and not first <= line < last:
                continue
            spectra = to_numpy(part[:, line, :] if axis == 0 else part[line - first, ...])
            place = slice(first, last) if axis == 0 else slice(None)
            rest = left_over((spectra - space.mean) / scale, space.basis, weight[line])
            left[place] = rest[:, found[line] != 0]
    return out
