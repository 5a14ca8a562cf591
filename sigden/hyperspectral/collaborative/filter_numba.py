"""Steps of the collaborative filter on the CPU: serial or parallel loops, with bit-identical results."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import get_num_threads

from sigden.arrays import parallel_allowed
from sigden.hyperspectral.collaborative import matching_numba, pilot_numba, wiener_numba
from sigden.hyperspectral.collaborative.cosine import cosines
from sigden.hyperspectral.collaborative.filter import REACH

__all__ = ["match", "pilot", "wiener"]


def pilot(images: Any, limits: Any) -> Any:
    """Estimate of each image, shape (images, rows, columns); `limits`: the thresholds of each block size."""
    images = np.ascontiguousarray(images)
    out, norm = np.zeros_like(images), np.zeros_like(images)
    run = pilot_numba.pilot_parallel if len(images) > 1 and _threads() > 1 else pilot_numba.pilot
    for cut in limits:
        run(images, out, norm, cosines(images.dtype, len(cut)), cut.astype(images.dtype))
    out /= norm
    return out


def match(guide: Any, rows: Any, columns: Any, radius: int, count: int) -> Any:
    """Nearest blocks of each reference block, shape (len(rows), len(columns), count, 2).

    `guide` has the shape (rows, columns, images), `rows` and `columns` are the first row and column of the
    reference blocks.
    """
    found = np.empty((len(rows), len(columns), count, 2), dtype=np.int32)
    run = matching_numba.match_parallel if _threads() > 1 else matching_numba.match
    run(np.ascontiguousarray(guide), rows, columns, radius, found)
    return found


def wiener(
    noisy: Any, guide: Any, found: Any, power: Any, window: Any, means: Any, parts: Any
) -> tuple[Any, Any]:
    """Estimates and gain of images, shape (images, rows, columns), with the matches that all share."""
    noisy = np.ascontiguousarray(noisy)
    dtype = noisy.dtype
    out, gain = np.empty_like(noisy), np.empty_like(noisy)
    run = wiener_numba.wiener_parallel if _threads() > 1 else wiener_numba.wiener
    constants = cosines(dtype), power.astype(dtype), window.astype(dtype)
    if parts is None:
        means, parts = np.zeros((1, 1, 0)), np.zeros((0, len(noisy), len(noisy)))
    noise = np.ascontiguousarray(means, dtype), np.ascontiguousarray(parts, dtype)
    guide = np.ascontiguousarray(guide)
    run(noisy, guide, out, gain, found, _bands(found[:, 0, 0, 0]), *constants, *noise)
    return out, gain


def _bands(starts: Any) -> Any:
    """First lines of bands of reference blocks that every other one may be worked on at once, and the end."""
    lines = np.searchsorted(starts, np.arange(0, starts[-1] + 1, REACH))
    return np.append(lines, starts.size).astype(np.int64)


def _threads() -> int:
    return get_num_threads() if parallel_allowed() else 1
