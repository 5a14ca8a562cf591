"""Masked samples on a line: left out of the solve, joined by interpolation after it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sigden.arrays import device_of, namespace
from sigden.denoisers.tv.base import Rows, TotalVariation
from sigden.errors import InputError

__all__ = ["LineTotalVariation"]


@dataclass(frozen=True, kw_only=True)
class LineTotalVariation(TotalVariation):
    """Base of the one-dimensional total-variation denoisers.

    Notes
    -----
    A sample without data costs nothing wherever it lies between its neighbours, so leaving it out and joining
    the neighbours by a line is the exact minimiser for exact total variation. For the regularised one it
    defines the problem: the difference across a gap counts once.
    """

    def solve_rows(self, rows: Any, level: Any, mask: Any) -> tuple[Rows, Any]:
        """Solve whole rows at once, masked rows one by one without their gaps."""
        if mask is None:
            return self.solve_whole_rows(rows, level)
        xp = namespace(rows)
        parts: list[Rows] = []
        weights = []
        for i in range(rows.shape[0]):
            part, weight = self._masked_row(rows[i, :], level[i : i + 1], mask[i, :], i)
            parts.append(part)
            weights.append(weight)
        found = Rows(
            estimate=xp.concat([p.estimate for p in parts], axis=0),
            gap=xp.concat([p.gap for p in parts], axis=0),
            iterations=xp.concat([p.iterations for p in parts], axis=0),
        )
        return found, xp.concat(weights, axis=0)

    def solve_whole_rows(self, rows: Any, level: Any) -> tuple[Rows, Any]:
        """Rows without a mask."""
        return super().solve_rows(rows, level, None)

    def _masked_row(self, row: Any, level: Any, mask: Any, index: int) -> tuple[Rows, Any]:
        xp = namespace(row)
        if not bool(xp.any(mask)):
            return self.solve_whole_rows(row[None, :], level)
        kept = xp.nonzero(~mask)[0]
        if kept.shape[0] == 0:
            raise InputError(f"input: row {index} is masked everywhere; leave it out")
        found, weight = self.solve_whole_rows(xp.take(row, kept)[None, :], level)
        estimate = _join(found.estimate[0, :], kept, row)
        return Rows(estimate[None, :], found.gap, found.iterations), weight


def _join(kept_values: Any, kept: Any, like: Any) -> Any:
    """Values at the kept positions, straight lines between them, constant beyond the ends."""
    xp = namespace(like)
    position = xp.arange(like.shape[0], dtype=kept.dtype, device=device_of(like))
    right = xp.clip(xp.searchsorted(kept, position), 0, kept.shape[0] - 1)
    left = xp.clip(right - 1, 0, kept.shape[0] - 1)
    here, start, stop = (
        xp.astype(p, like.dtype) for p in (position, xp.take(kept, left), xp.take(kept, right))
    )
    span = xp.where(stop > start, stop - start, xp.ones_like(start))
    fraction = xp.clip((here - start) / span, 0.0, 1.0)
    low, high = xp.take(kept_values, left), xp.take(kept_values, right)
    at_kept = xp.take(kept, right) == position
    return xp.where(at_kept, high, low + fraction * (high - low))
