"""Stripes: columns or rows of a band that are shifted by a constant."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np

from sigden.hyperspectral.robust_fit import left_over, robust_weights
from sigden.hyperspectral.subspace import Subspace

__all__ = ["column_offsets", "without_line_directions"]

_ERRORS = 5.0  # standard errors that a stripe must rise above the columns around it
_SECTIONS = 4
_SECTION_ERRORS = 4.0
_WINDOW = 9  # columns among which a stripe must be alone
_MOST = 0.4  # part of the columns of a band; with more it is misfit, not striped
_MOST_BANDS = 0.3  # part of the bands that a stripe strikes in one column; an object strikes more
_ALONE = 0.3  # part of a direction's energy in one column from which it is that column
_EVEN = 0.5  # part of the energy of that column in its mean
_SHORTEST = 16


def column_offsets(cube: Any, space: Subspace, missing: Any = None, errors: float = _ERRORS) -> Any:
    """Offset of every column in every band.

    Parameters
    ----------
    cube : ndarray, shape (rows, columns, bands)
        Data; missing samples hold their prediction.
    space : Subspace
        Signal subspace and noise level.
    missing : array of bool, shape of `cube`, optional
        True where a sample is missing.
    errors : float
        Standard errors that a stripe must rise above the columns around it.

    Returns
    -------
    float64 ndarray, shape (columns, bands)
        The offset of each striped column, 0 elsewhere.

    Notes
    -----
    The mean spectrum of a column lies in the signal subspace except where a band is striped: it is fitted by
    iteratively reweighted least squares with Tukey's weights, so that a stripe of one band does not reach the
    others. A column is striped in a band if what is left differs from that of the columns around it by five
    standard errors, and if each quarter of the column shows the same offset: structure that the model misses
    seldom fills one column from end to end.
    """
    rows, columns, bands = cube.shape
    out = np.zeros((columns, bands))
    if rows < _SHORTEST or columns < _WINDOW:
        return out
    alive = space.sigma > 0
    scale = np.where(alive, space.sigma, 1.0)
    bounds = np.linspace(0, rows, _SECTIONS + 1).astype(int)
    sections = np.empty((_SECTIONS, columns, bands))
    for s in range(_SECTIONS):
        part = slice(bounds[s], bounds[s + 1])
        sections[s] = (cube[part].mean(axis=0, dtype=np.float64) - space.mean) / scale
    whole = np.average(sections, axis=0, weights=np.diff(bounds))
    weight = robust_weights(whole, space.basis, 1 / math.sqrt(rows))
    left = np.stack([left_over(x, space.basis, weight) for x in (whole, *sections)])
    if missing is not None:
        # where samples are missing the prediction stands, which has no offset
        kept = 1 - missing.mean(axis=0)
        left *= np.where(kept > 0.3, 1 / np.maximum(kept, 0.3), 0)
    found = _decide(left, alive, errors / math.sqrt(rows), rows)
    _drop_noisy(found, (cube, space, weight), errors)
    return found * scale


def without_line_directions(space: Subspace, images: Any) -> Subspace:
    """Subspace without the directions that one column alone brought in.

    Parameters
    ----------
    space : Subspace
        Signal subspace.
    images : ndarray, shape (rank, rows, columns)
        Its coefficients.

    Returns
    -------
    Subspace
        Without the directions most of whose energy, over that of the noise, lies evenly along one column:
        a column that is striped in many bands makes a direction of its own, which then hides it.
    """
    rows = images.shape[1]
    energy = np.maximum(np.sum(images.astype(np.float64) ** 2, axis=1) - rows, 0)
    constant = images.mean(axis=1, dtype=np.float64) ** 2 * rows
    top = energy.argmax(axis=1)
    line = np.arange(len(images)), top
    alone = energy[line] > _ALONE * np.maximum(energy.sum(axis=1), 1e-300)
    even = constant[line] > _EVEN * (energy[line] + rows)
    keep = ~(alone & even)
    return space if keep.all() or not keep.any() else replace(space, basis=space.basis[:, keep])


def _decide(left: Any, alive: Any, limit: float, rows: int) -> Any:
    """Offsets in units of the noise where they are significant, alone and the same in each section."""
    from scipy.ndimage import median_filter

    around = median_filter(left[0], size=(_WINDOW, 1), mode="reflect")
    offset = left[0] - around
    # the spread of the columns themselves: correlated noise and misfit make it larger than the error
    spread = np.maximum(np.median(np.abs(offset), axis=0) / 0.6745, 1 / math.sqrt(rows))
    struck = (np.abs(offset) > limit * math.sqrt(rows) * spread) & alive
    allowed = np.maximum(_SECTION_ERRORS * math.sqrt(_SECTIONS) * spread, 0.25 * np.abs(offset))
    struck &= np.all(np.abs(left[1:] - around - offset) < allowed, axis=0)
    struck &= struck.mean(axis=0) <= _MOST
    struck &= struck.mean(axis=1, keepdims=True) <= _MOST_BANDS
    return np.where(struck, offset, 0.0)


def _drop_noisy(found: Any, fit: tuple[Any, Subspace, Any], errors: float) -> None:
    """Keep an offset only if it also rises above the noise of its own column, which may be a bright one."""
    cube, space, weight = fit
    for column in np.flatnonzero(found.any(axis=1)):
        struck = np.flatnonzero(found[column])
        alive = space.sigma > 0
        scale = np.where(alive, space.sigma, 1.0)
        spectra = (cube[:, column] - space.mean) / scale
        left = left_over(spectra, space.basis, weight[column])[:, struck]
        own = np.median(np.abs(left - np.median(left, axis=0)), axis=0) / 0.6745
        quiet = np.abs(found[column, struck]) > errors * own / math.sqrt(len(cube))
        found[column, struck[~quiet]] = 0
