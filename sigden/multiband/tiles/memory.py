"""What the solve of one window takes."""

from __future__ import annotations

import math
from collections.abc import Sequence

from sigden.errors import ParameterError
from sigden.multiband.data.grid import Grid
from sigden.multiband.tiles.mosaic import Mosaic

__all__ = ["bytes_per_pixel", "check_workers", "largest_tile"]

_SMALLEST_TILE = 32


def bytes_per_pixel(mosaics: Sequence[Mosaic], grid: Grid, bands: int) -> int:
    """Bound on the bytes that a method takes for each pixel of a window.

    Parameters
    ----------
    mosaics : sequence of Mosaic
        Images.
    grid : Grid
        The grid.
    bands : int
        Number of bands to estimate.

    Returns
    -------
    int
        Bytes, an upper bound for the joint methods on commensurate grids.

    Notes
    -----
    Most is taken by `JointSparse` where it iterates: draws of the noise of every band with their starlet
    scales, and for each mode the inverse of a matrix of bands x bands. The closed form takes less: its linear
    systems are solved one frequency after the other and never held together.
    """
    native = sum(max(1, round(m.pixel_scale / grid.scale)) ** -2 for m in mosaics)
    return math.ceil(8 * (40 * bands + 2 * bands**2 + 12 * native + 8 * len(mosaics)))


def largest_tile(budget: int, pixel_bytes: int, halo: int) -> int:
    """Largest side of a core whose window fits a budget.

    Parameters
    ----------
    budget : int
        Bytes for one window.
    pixel_bytes : int
        Bytes for each of its pixels.
    halo : int
        Width of the halo.

    Returns
    -------
    int
        Side in pixels of the grid.

    Raises
    ------
    ParameterError
        If not even a small tile fits.
    """
    side = math.isqrt(budget // pixel_bytes) - 2 * halo
    if side < _SMALLEST_TILE:
        need = pixel_bytes * (_SMALLEST_TILE + 2 * halo) ** 2
        raise ParameterError(
            f"memory: {budget / 2**20:.0f} MiB do not hold a tile of {_SMALLEST_TILE} pixels with a halo of "
            f"{halo}, which takes {need / 2**20:.0f} MiB; give more, or a smaller halo"
        )
    return side


def check_workers(memory: int, window: int, pixel_bytes: int, workers: int) -> int:
    """Number of workers whose windows fit the memory together.

    Parameters
    ----------
    memory : int
        Bytes.
    window : int
        Pixels of one window.
    pixel_bytes : int
        Bytes for each.
    workers : int
        Number wanted.

    Returns
    -------
    int
        From one to `workers`.

    Raises
    ------
    ParameterError
        If a single window does not fit.
    """
    fits = memory // (window * pixel_bytes)
    if fits < 1:
        raise ParameterError(
            f"memory: a window of {window} pixels takes up to {window * pixel_bytes / 2**20:.0f} MiB, more "
            f"than {memory / 2**20:.0f} MiB; give a smaller tile"
        )
    return max(1, min(workers, fits))
