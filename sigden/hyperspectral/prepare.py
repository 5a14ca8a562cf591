"""From a checked cube to pixels of order one, with what is missing marked."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from sigden.arrays import require_mask
from sigden.errors import InputError
from sigden.hyperspectral.pixels import checked_cube

__all__ = ["Prepared", "prepare"]


@dataclass(eq=False)
class Prepared:
    """A cube ready for work.

    Parameters
    ----------
    values : ndarray, shape (rows, columns, bands)
        The input.
    used : array of bool, shape (bands,)
        Bands that vary.
    pixels : ndarray, shape (pixels, used bands)
        Copy of the spectra, divided by `scale`; missing samples are zero.
    missing : array of bool, shape of `pixels`, or None
        True where a sample does not count.
    outside : array of bool, shape (pixels,)
        Spectra without a single sample.
    scale : float
        Largest size of a sample.
    sigma : ndarray, shape (used bands,), or None
        Given noise level over `scale`.
    pixel_scale : ndarray, shape (pixels,), or None
        Given noise level of a pixel relative to its band.
    """

    values: Any
    used: Any
    pixels: Any
    missing: Any
    outside: Any
    scale: float
    sigma: Any
    pixel_scale: Any

    @property
    def shape(self) -> tuple[int, int, int]:
        """Rows, columns and used bands."""
        return (*self.values.shape[:2], self.pixels.shape[1])


def prepare(cube: Any, sigma: Any, mask: Any) -> Prepared:
    """Check a cube, its noise level and its mask, and copy what is to be worked on.

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
    flat = values.reshape(-1, values.shape[2])
    missing = None
    if mask is not None:
        require_mask(mask, values, "cube")
        missing = np.ascontiguousarray(mask).reshape(flat.shape)
    with np.errstate(invalid="ignore", over="ignore"):
        clean = bool(np.isfinite(flat.sum()))
    if not clean:
        gone = np.isnan(flat)
        bad = np.isinf(flat) if missing is None else np.isinf(flat) & ~missing
        if bad.any():
            place = tuple(int(i) for i in np.argwhere(bad.reshape(values.shape))[0])
            raise InputError(f"cube: infinite value at index {place}; mask it, or set it to NaN")
        missing = gone if missing is None else missing | gone
    level, relative, unknown = _noise(sigma, values.shape)
    if unknown is not None:
        missing = unknown.reshape(flat.shape) if missing is None else missing | unknown.reshape(flat.shape)
    if missing is not None and not missing.any():
        missing = None
    low, high = _range(flat, missing)
    if not np.any(low <= high):
        raise InputError("cube: no sample is left; mask less")
    used = high > low
    scale = float(max(np.abs(low[low <= high]).max(), np.abs(high[low <= high]).max())) or 1.0
    pixels = flat[:, used] / flat.dtype.type(scale)
    if missing is not None:
        missing = missing[:, used]
        pixels[missing] = 0
    outside = np.zeros(len(flat), dtype=bool) if missing is None else missing.all(axis=1)
    return Prepared(
        values=values,
        used=used,
        pixels=pixels,
        missing=missing,
        outside=outside,
        scale=scale,
        sigma=None if level is None else level[used] / scale,
        pixel_scale=relative,
    )


def _range(flat: Any, missing: Any) -> tuple[Any, Any]:
    """Least and largest valid sample of each band; (inf, -inf) where there is none."""
    if missing is None:
        return flat.min(axis=0), flat.max(axis=0)
    low = np.where(missing, np.inf, flat).min(axis=0)
    return low, np.where(missing, -np.inf, flat).max(axis=0)


def _noise(sigma: Any, shape: tuple[int, ...]) -> tuple[Any, Any, Any]:
    """Level of each band, relative level of each pixel, and where it is unknown."""
    if sigma is None:
        return None, None, None
    level = np.asarray(sigma, dtype=np.float64)
    bands = shape[2]
    if level.shape == tuple(shape):
        unknown = ~np.isfinite(level)
        if np.any(level[~unknown] < 0):
            raise InputError("sigma: must not be negative")
        safe = np.where(unknown, np.nan, level).reshape(-1, bands)
        kept = ~unknown.reshape(-1, bands).all(axis=0)
        by_band = np.zeros(bands)
        by_band[kept] = np.nanmedian(safe[:, kept], axis=0)
        ratio = safe[:, by_band > 0] / by_band[by_band > 0]
        relative = np.ones(len(safe))
        inside = ~np.isnan(ratio).all(axis=1) if ratio.shape[1] else np.zeros(len(safe), dtype=bool)
        relative[inside] = np.nanmedian(ratio[inside], axis=1)
        relative = np.maximum(relative, 1e-3)
        # what the pixel factors leave: the mean square, as that is what the covariance sees
        by_band[kept] = np.sqrt(np.nanmean((safe[:, kept] / relative[:, None]) ** 2, axis=0))
        uneven = np.ptp(relative) > 1e-3
        return by_band, relative if uneven else None, unknown if unknown.any() else None
    if level.shape not in ((), (bands,)):
        raise InputError(
            f"sigma: shape {level.shape} fits neither one number, "
            f"nor one per band ({bands},), nor the cube {shape}"
        )
    if not np.all(np.isfinite(level) & (level >= 0)):
        raise InputError("sigma: must be finite and not negative")
    return np.broadcast_to(level, (bands,)).copy(), None, None
