"""How a field is divided: cores that cover it once, windows that reach beyond them."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from sigden.multiband.tiles.mosaic import Box

__all__ = ["Tile", "plan_tiles", "share"]


@dataclass(frozen=True)
class Tile:
    """Part of a field that is solved at once.

    Parameters
    ----------
    core : tuple of int
        Pixels that are this tile's: first and past-the-last row, first and past-the-last column.
    window : tuple of int
        Pixels that are solved: the core with its halo.
    """

    core: Box
    window: Box


def plan_tiles(shape: tuple[int, int], tile: int, halo: int, step: int) -> list[Tile]:
    """Tiles of a field.

    Parameters
    ----------
    shape : tuple of int
        Rows and columns of the field.
    tile : int
        Largest side of the cores.
    halo : int
        Width around a core that is solved with it.
    step : int
        Windows begin and end at multiples of it; `tile` and `halo` are rounded up to one.

    Returns
    -------
    list of Tile
        Row by row. A window is its core with the halo on every side, beyond the border of the field too. One
        tile alone is the field itself, up to a multiple of `step`.
    """
    rows, columns = (_line(n, _up(tile, step), _up(halo, step), step) for n in shape)
    return [Tile((*r[0], *c[0]), (*r[1], *c[1])) for r in rows for c in columns]


def _up(value: int, step: int) -> int:
    return -(-value // step) * step


def _line(size: int, tile: int, halo: int, step: int) -> list[tuple[tuple[int, int], tuple[int, int]]]:
    whole = _up(size, step)
    if tile + 2 * halo >= whole:
        # every window would be the whole
        return [((0, size), (0, whole))]
    count = -(-size // tile)
    # cores of one size but for a step, so that none is narrower than the cross-fade
    edges = [round(i * size / count / step) * step for i in range(count)] + [size]
    return [((a, b), (a - halo, _up(b, step) + halo)) for a, b in pairwise(edges)]


def share(tile: Tile, shape: tuple[int, int], crossfade: int) -> tuple[Box, np.ndarray]:
    """Weight of a tile in the pixels around its core.

    Parameters
    ----------
    tile : Tile
        The tile.
    shape : tuple of int
        Rows and columns of the field.
    crossfade : int
        Half the width over which neighbours are mixed; 0 cuts.

    Returns
    -------
    box : tuple of int
        Pixels of the field with a weight.
    weight : numpy.ndarray
        Their weights; over all tiles they sum to one.
    """
    sides = []
    for (first, last), size in zip((tile.core[:2], tile.core[2:]), shape, strict=True):
        begin, end = max(first - crossfade, 0), min(last + crossfade, size)
        at = np.arange(begin, end) + 0.5
        up = _ramp(at - first, crossfade) if first > 0 else np.ones(at.size)
        down = _ramp(last - at, crossfade) if last < size else np.ones(at.size)
        sides.append(((begin, end), up * down))
    (rows, down), (columns, across) = sides
    return (*rows, *columns), down[:, None] * across[None, :]


def _ramp(distance: np.ndarray, crossfade: int) -> np.ndarray:
    """From zero at `crossfade` before an edge to one as far behind it."""
    if crossfade == 0:
        return (distance > 0).astype(float)
    return np.clip(0.5 + distance / (2.0 * crossfade), 0.0, 1.0)
