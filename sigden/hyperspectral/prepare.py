"""From a checked cube to spectra of order one, with what is missing marked."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from sigden.arrays import require_mask
from sigden.errors import InputError
from sigden.hyperspectral.pixels import checked_cube, require_numpy
from sigden.hyperspectral.source import Source
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
    require_numpy(cube, "denoising")
    values = checked_cube(cube)
    if mask is not None:
        require_mask(mask, values, "cube")
    level: Any = None if sigma is None else np.asarray(sigma, dtype=np.float64)
    if level is not None and level.shape == values.shape:
        level = Source(level, what="sigma")
    return prepare_source(
        Source(values), level, None if mask is None else Source(mask, what="mask"), Workspace()
    )


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
    outside = np.zeros(shape[0] * shape[1], dtype=bool)
    table: Table | None = None
    flags = None
    if inner[2]:
        for first, flat, missing in parts:
            part = _scaled(flat, used, scale)
            if missing is not None:
                gone = missing[:, used]
                part[gone] = 0
                outside[first * shape[1] : first * shape[1] + len(part)] = gone.all(axis=1)
                if flags is None:
                    flags = workspace.table(inner, np.uint8)
                flags.write(first, gone.view(np.uint8))
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
        table=MemoryTable(np.zeros((len(outside), 0), source.dtype), inner) if table is None else table,
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
            flat = self._source.read(first, last).reshape(-1, self._source.shape[2])
            yield first, flat, self._missing(flat, first, last)
            del flat
            for part in (self._source, self._mask, self._levels):
                if part is not None:
                    part.done()

    def _missing(self, flat: Any, first: int, last: int) -> Any:
        """True where a sample does not count, or None."""
        missing = None
        if self._mask is not None:
            missing = self._mask.read(first, last).reshape(flat.shape)
        with np.errstate(invalid="ignore", over="ignore"):
            clean = bool(np.isfinite(flat.sum()))
        if not clean:
            bad = np.isinf(flat) if missing is None else np.isinf(flat) & ~missing
            if bad.any():
                row, column, band = (
                    int(i) for i in np.argwhere(bad.reshape(last - first, -1, flat.shape[1]))[0]
                )
                raise InputError(
                    f"cube: infinite value at index {(first + row, column, band)}; mask it, or set it to NaN"
                )
            missing = np.isnan(flat) if missing is None else missing | np.isnan(flat)
        if self._levels is not None:
            unknown = ~np.isfinite(self._levels.read(first, last)).reshape(flat.shape)
            missing = unknown if missing is None else missing | unknown
        return None if missing is None or not missing.any() else missing


def _scaled(flat: Any, used: Any, scale: float) -> Any:
    """Used bands over the scale, a new array."""
    if used.all():
        return flat / flat.dtype.type(scale)
    part = np.compress(used, flat, axis=1)
    part /= flat.dtype.type(scale)
    return part


def _range(flat: Any, missing: Any) -> tuple[Any, Any]:
    """Least and largest valid sample of each band; (inf, -inf) where there is none."""
    if missing is None:
        return flat.min(axis=0), flat.max(axis=0)
    low = np.where(missing, np.inf, flat).min(axis=0)
    return low, np.where(missing, -np.inf, flat).max(axis=0)


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
    rows, columns, bands = sigma.shape
    table: Table
    if workspace.limited:
        table = workspace.table(sigma.shape, sigma.dtype)
        for first, last in table.spans():
            table.write(first, sigma.read(first, last).reshape(-1, bands))
            sigma.done()
    else:
        table = MemoryTable(sigma.read(0, rows).reshape(-1, bands), sigma.shape)
    by_band = np.zeros(bands)
    for first, last in table.groups():
        for b, levels in enumerate(table.bands(first, last), first):
            known = levels[np.isfinite(levels)].astype(np.float64)
            if np.any(known < 0):
                raise InputError("sigma: must not be negative")
            by_band[b] = np.median(known) if known.size else 0.0
    relative = np.ones(rows * columns)
    kept = by_band > 0
    for where, part in table.pieces():
        ratio = np.where(np.isfinite(part), part, np.nan)[:, kept].astype(np.float64) / by_band[kept]
        inside = ~np.isnan(ratio).all(axis=1) if kept.any() else np.zeros(len(part), dtype=bool)
        relative[where][inside] = np.nanmedian(ratio[inside], axis=1)
    relative = np.maximum(relative, 1e-3)
    # what the pixel factors leave: the mean square, as that is what the covariance sees
    total, count = np.zeros(bands), np.zeros(bands)
    for where, part in table.pieces():
        square = (part / relative[where, None]) ** 2
        known = np.isfinite(square)
        total += np.where(known, square, 0).sum(axis=0)
        count += known.sum(axis=0)
    by_band = np.sqrt(total / np.maximum(count, 1))
    return by_band, relative if np.ptp(relative) > 1e-3 else None
