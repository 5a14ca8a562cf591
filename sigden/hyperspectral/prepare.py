"""From a checked cube to spectra of order one, with what is missing marked."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from sigden.arrays import device_of, first_index, namespace, require_mask, to_numpy
from sigden.errors import InputError
from sigden.hyperspectral.beside import beside, columns_of
from sigden.hyperspectral.order import median, nanmedian
from sigden.hyperspectral.pixels import checked_cube
from sigden.hyperspectral.source import ArraySource, Source
from sigden.hyperspectral.table import MemoryTable, Table
from sigden.hyperspectral.workspace import Workspace

__all__ = ["GIVEN", "Prepared", "prepare", "prepare_source"]

GIVEN = 1
"""Flag of a sample that was missing from the start."""


@dataclass(eq=False)
class Prepared:
    """A cube ready for work.

    Parameters
    ----------
    source : Source
        The input.
    used : array of bool, shape (bands,)
        Bands that vary.
    table : Table
        Copy of the spectra in the used bands, divided by `scale`; missing samples are zero.
    flags : Table or None
        Not zero where a sample does not count.
    outside : array of bool, shape (pixels,)
        Spectra without a single sample.
    scale : float
        Largest size of a sample.
    sigma : ndarray, shape (used bands,), or None
        Given noise level over `scale`.
    pixel_scale : ndarray, shape (pixels,), or None
        Given noise level of a pixel relative to its band.
    """

    source: Source
    used: Any
    table: Table
    flags: Table | None
    outside: Any
    scale: float
    sigma: Any
    pixel_scale: Any

    @property
    def shape(self) -> tuple[int, int, int]:
        """Rows, columns and used bands."""
        return self.table.shape

    @property
    def values(self) -> Any:
        """The input as an array, shape (rows, columns, bands)."""
        return self.source.read(0, self.shape[0])

    @property
    def pixels(self) -> Any:
        """The spectra as one array, shape (pixels, used bands)."""
        return self.table.read(0, self.shape[0])

    @property
    def missing(self) -> Any:
        """True where a sample does not count, shape of `pixels`; None if all do."""
        return None if self.flags is None else self.flags.read(0, self.shape[0]) != 0


def prepare(cube: Any, sigma: Any, mask: Any) -> Prepared:
    """Check a cube in memory, its noise level and its mask, and copy what is to be worked on.

    Parameters
    ----------
    cube : array, shape (rows, columns, bands)
        Real data; NaN is missing.
    sigma : float, array of shape (bands,) or of the shape of the cube, or None
        Noise level; of a cube, the medians over pixels and over bands count, and a sample whose level is not
        finite is missing.
    mask : array of bool, shape of the cube, or None
        True where a sample does not count.

    Returns
    -------
    Prepared
        The working copy.

    Raises
    ------
    InputError
        If the cube, sigma or mask cannot be used, a sample is infinite, or none is left.
    """
    values = checked_cube(cube)
    if mask is not None:
        require_mask(mask, values, "cube")
    missing = None if mask is None else ArraySource(mask, "mask")
    return prepare_source(ArraySource(values), _levels(sigma, values), missing, Workspace(like=values))


def _levels(sigma: Any, values: Any) -> Any:
    """Given noise: of each sample where the cube is, else on the host."""
    if sigma is None:
        return None
    if not hasattr(sigma, "shape"):
        sigma = np.asarray(sigma, dtype=np.float64)
    if tuple(sigma.shape) != tuple(values.shape):
        return np.asarray(to_numpy(sigma), dtype=np.float64)
    xp = namespace(sigma, values)
    return ArraySource(xp.astype(sigma, xp.float64), "sigma")


def prepare_source(source: Source, sigma: Any, mask: Source | None, workspace: Workspace) -> Prepared:
    """The same for a cube that is read in parts.

    Parameters
    ----------
    source : Source
        The cube.
    sigma : array or Source or None
        Noise level.
    mask : Source or None
        True where a sample does not count.
    workspace : Workspace
        Where the copy is kept.

    Returns
    -------
    Prepared
        The working copy.
    """
    shape = source.shape
    level, relative, levels = _noise(sigma, shape, workspace)
    parts = _Parts(source, mask, levels, workspace)
    low, high = np.full(shape[2], np.inf), np.full(shape[2], -np.inf)
    gaps = False
    for _, flat, missing in parts:
        gaps |= missing is not None
        part_low, part_high = _range(flat, missing)
        np.minimum(low, part_low, out=low)
        np.maximum(high, part_high, out=high)
    if not np.any(low <= high):
        raise InputError("cube: no sample is left; mask less")
    used = high > low
    scale = float(max(np.abs(low[low <= high]).max(), np.abs(high[low <= high]).max())) or 1.0
    inner = (*shape[:2], int(used.sum()))
    outside = workspace.zeros((shape[0] * shape[1],), np.dtype(bool))
    table: Table | None = None
    flags = None
    if inner[2]:
        for first, flat, missing in parts:
            part = _scaled(flat, used, scale)
            if missing is not None:
                gone, xp = columns_of(missing, used), namespace(missing)
                part[gone] = 0
                outside[first * shape[1] : first * shape[1] + part.shape[0]] = xp.all(gone, axis=1)
                if flags is None:
                    flags = workspace.table(inner, np.uint8)
                flags.write(first, xp.astype(gone, xp.uint8))
            if table is None and not workspace.limited:
                table = MemoryTable(part, inner)
            else:
                table = workspace.table(inner, source.dtype) if table is None else table
                table.write(first, part)
    elif gaps:
        outside[...] = True
    return Prepared(
        source=source,
        used=used,
        table=MemoryTable(workspace.zeros((shape[0] * shape[1], 0), source.dtype), inner)
        if table is None
        else table,
        flags=flags,
        outside=outside,
        scale=scale,
        sigma=None if level is None else level[used] / scale,
        pixel_scale=relative,
    )


class _Parts:
    """Spectra of some rows after another, with what is missing of them."""

    def __init__(
        self, source: Source, mask: Source | None, levels: Source | None, workspace: Workspace
    ) -> None:
        self._source, self._mask, self._levels = source, mask, levels
        self._spans = workspace.spans(source.shape, source.dtype.itemsize)

    def __iter__(self) -> Any:
        for first, last in self._spans:
            flat = _flat(self._source.read(first, last))
            yield first, flat, self._missing(flat, first, last)
            del flat
            for part in (self._source, self._mask, self._levels):
                if part is not None:
                    part.done()

    def _missing(self, flat: Any, first: int, last: int) -> Any:
        """True where a sample does not count, or None."""
        missing = None
        if self._mask is not None:
            missing = _flat(self._mask.read(first, last))
        xp = namespace(flat)
        with np.errstate(invalid="ignore", over="ignore"):
            clean = bool(xp.isfinite(xp.sum(flat)))
        if not clean:
            bad = xp.isinf(flat) if missing is None else xp.isinf(flat) & ~missing
            if bool(xp.any(bad)):
                row, column, band = first_index(xp.reshape(bad, (last - first, -1, flat.shape[1])))
                raise InputError(
                    f"cube: infinite value at index {(first + row, column, band)}; mask it, or set it to NaN"
                )
            missing = xp.isnan(flat) if missing is None else missing | xp.isnan(flat)
        if self._levels is not None:
            unknown = ~xp.isfinite(_flat(self._levels.read(first, last)))
            missing = unknown if missing is None else missing | unknown
        return None if missing is None or not bool(xp.any(missing)) else missing


def _scaled(flat: Any, used: Any, scale: float) -> Any:
    """Used bands over the scale, a new array."""
    if used.all():
        return flat / scale
    part = columns_of(flat, used)
    part /= scale
    return part


def _flat(cube: Any) -> Any:
    """Spectra of some rows, shape (pixels, bands), where they are in memory a view."""
    return namespace(cube).reshape(cube, (-1, cube.shape[2]))


def _range(flat: Any, missing: Any) -> tuple[Any, Any]:
    """Least and largest valid sample of each band; (inf, -inf) where there is none."""
    xp = namespace(flat)
    low, high = flat, flat
    if missing is not None:
        low, high = xp.where(missing, math.inf, flat), xp.where(missing, -math.inf, flat)
    return to_numpy(xp.min(low, axis=0)), to_numpy(xp.max(high, axis=0))


def _noise(sigma: Any, shape: tuple[int, int, int], workspace: Workspace) -> tuple[Any, Any, Source | None]:
    """Level of each band, relative level of each pixel, and the levels of a cube."""
    if sigma is None:
        return None, None, None
    bands = shape[2]
    if isinstance(sigma, Source):
        if sigma.shape != shape:
            raise InputError(f"sigma: has the shape {sigma.shape}, the cube {shape}")
        by_band, relative = _noise_of_cube(sigma, workspace)
        return by_band, relative, sigma
    level = np.asarray(sigma, dtype=np.float64)
    if level.shape not in ((), (bands,)):
        raise InputError(
            f"sigma: shape {level.shape} fits neither one number, "
            f"nor one per band ({bands},), nor the cube {shape}"
        )
    if not np.all(np.isfinite(level) & (level >= 0)):
        raise InputError("sigma: must be finite and not negative")
    return np.broadcast_to(level, (bands,)).copy(), None, None


def _noise_of_cube(sigma: Source, workspace: Workspace) -> tuple[Any, Any]:
    """Median level of each band, and of each pixel relative to them; None where pixels are alike."""
    rows, _, bands = sigma.shape
    table: Table
    if workspace.limited:
        table = workspace.table(sigma.shape, sigma.dtype)
        for first, last in table.spans():
            table.write(first, sigma.read(first, last).reshape(-1, bands))
            sigma.done()
    else:
        table = MemoryTable(_flat(sigma.read(0, rows)), sigma.shape)
    by_band = np.zeros(bands)
    for first, last in table.groups():
        levels = table.bands(first, last)
        xp = namespace(levels)
        for b in range(first, last):
            some = levels[b - first, :]
            known = some[xp.isfinite(some)]
            if bool(xp.any(known < 0)):
                raise InputError("sigma: must not be negative")
            by_band[b] = float(median(xp.astype(known, xp.float64))) if known.shape[0] else 0.0
    relative = _relative(table, by_band)
    # what the pixel factors leave: the mean square, as that is what the covariance sees
    total, count = np.zeros(bands), np.zeros(bands)
    for where, part in table.pieces():
        xp = namespace(part)
        square = (part / relative[where, None]) ** 2
        finite = xp.isfinite(square)
        total += to_numpy(xp.sum(xp.where(finite, square, 0.0), axis=0))
        count += to_numpy(xp.count_nonzero(finite, axis=0))
    by_band = np.sqrt(total / np.maximum(count, 1))
    xp = namespace(relative)
    return by_band, relative if float(xp.max(relative) - xp.min(relative)) > 1e-3 else None


def _relative(table: Table, by_band: Any) -> Any:
    """Median over bands of the level of each pixel, in units of that of the band; shape (pixels,)."""
    kept = by_band > 0
    unit = by_band[kept]
    out: Any = None
    for where, part in table.pieces():
        xp = namespace(part)
        if out is None:
            out = xp.ones(len(table), dtype=xp.float64, device=device_of(part))
        if not kept.any():
            break
        ratio = columns_of(xp.where(xp.isfinite(part), part, math.nan), kept)
        ratio = xp.astype(ratio, xp.float64) / beside(unit, part, np.float64)
        nothing = xp.all(xp.isnan(ratio), axis=1)
        out[where] = nanmedian(xp.where(nothing[:, None], 1.0, ratio))
    return xp.maximum(out, 1e-3)
