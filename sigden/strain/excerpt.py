"""The part of a long record that a figure shows."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np

from sigden.errors import InputError
from sigden.strain.result import FIELDS, StrainResult

__all__ = ["Excerpt"]


class Excerpt:
    """Samples around the loudest one of an estimate that comes in pieces, in constant memory.

    Parameters
    ----------
    sample_rate : float
        Hz.
    reach_seconds : float
        How far the excerpt goes on both sides, where the record does.
    """

    def __init__(self, sample_rate: float, reach_seconds: float = 8.0) -> None:
        self._reach = round(reach_seconds * sample_rate)
        self._loudest = -1.0
        self._tail: StrainResult | None = None
        self._best: StrainResult | None = None
        self._missing = 0

    def add(self, piece: StrainResult) -> None:
        """Take in the next piece."""
        if self._best is not None and self._missing:
            more = _cut(piece, 0, self._missing)
            self._best, self._missing = _joined(self._best, more), self._missing - more.denoised.size
        size = np.nan_to_num(np.abs(piece.whitened_denoised), nan=-1.0)
        tail = self._tail
        if size.max(initial=-1.0) > self._loudest:
            self._loudest = float(size.max())
            before = 0 if tail is None else tail.denoised.size
            centre = before + int(np.argmax(size))
            last = centre + self._reach
            near = _cut(piece, 0, max(0, last - before))
            best = near if tail is None else _joined(tail, near)
            best = _cut(best, max(0, centre - self._reach), last)
            self._best = dataclasses.replace(best, psd=piece.psd, sigma=piece.sigma)
            self._missing = max(0, last - before - size.size)
        if tail is not None and size.size < self._reach:
            piece = _joined(tail, piece)
        count = piece.denoised.size
        self._tail = _cut(piece, max(0, count - self._reach), count)

    def result(self, figures: dict[str, float]) -> StrainResult:
        """The excerpt, with these figures; an InputError if nothing was denoised."""
        if self._best is None:
            raise InputError("excerpt: nothing was denoised, so there is nothing to show")
        return dataclasses.replace(self._best, figures=figures)


def _cut(result: StrainResult, first: int, last: int) -> StrainResult:
    parts = {name: getattr(result, name)[first:last].copy() for name in FIELDS}
    return dataclasses.replace(result, **parts, t0=result.t0 + first / result.sample_rate)


def _joined(first: StrainResult, second: StrainResult) -> StrainResult:
    parts: dict[str, Any] = {
        name: np.concatenate([getattr(r, name) for r in (first, second)]) for name in FIELDS
    }
    return dataclasses.replace(first, **parts)
