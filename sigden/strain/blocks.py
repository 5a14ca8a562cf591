"""Long stretches denoised in overlapping blocks, on two threads."""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from typing import Any, TypeVar

import numpy as np

from sigden.strain.local_estimate import LocalEstimate

__all__ = ["BLOCK_SECONDS", "HALO_SECONDS", "in_blocks", "nothing", "two_at_a_time"]

BLOCK_SECONDS = 16.0
HALO_SECONDS = 1.0
_THREADS = 2

Part = TypeVar("Part")
Result = TypeVar("Result")


def two_at_a_time(work: Callable[[Part], Result], parts: Sequence[Part]) -> Generator[Result, None, None]:
    """Results in order, from two threads; a single part, and the kernels it calls, keep the caller's.

    Parameters
    ----------
    work : callable
        What is done with one part.
    parts : sequence
        Its arguments.

    Yields
    ------
    object
        What `work` returns. What has not begun when one fails, or the generator is closed, is left out.
    """
    if len(parts) < 2:
        yield from map(work, parts)
        return
    with ThreadPoolExecutor(_THREADS) as pool:
        yield from pool.map(work, parts)


def nothing(size: int) -> LocalEstimate:
    """Estimate of a stretch that is too short for one, or silent: zero, with the error of the noise."""
    return LocalEstimate(np.zeros(size), np.ones(size), 0.0, 0)


def in_blocks(
    estimate: Callable[[Any], LocalEstimate],
    z: Any,
    first: int,
    last: int,
    *,
    block: int,
    halo: int,
    progress: Callable[[int], None] | None = None,
) -> LocalEstimate:
    """Estimate of some samples of a stretch, block by block.

    Parameters
    ----------
    estimate : callable
        Estimate of whitened samples of shape (m,).
    z : numpy.ndarray, shape (n,)
        Whitened samples.
    first, last : int
        Samples that are wanted, half open.
    block : int
        Samples of a block.
    halo : int
        Samples on both sides of a block that its estimate may look at, where `z` has them.
    progress : callable, optional
        ``progress(done)``, the end of what is done, after every block.

    Returns
    -------
    LocalEstimate
        Of the samples from `first` to `last`.
    """
    starts = range(first, last, block)
    size = last - first
    mean, error, gap, steps = np.empty(size), np.empty(size), 0.0, 0
    certificate = LocalEstimate.certificate

    def one(start: int) -> LocalEstimate:
        return estimate(z[max(0, start - halo) : min(z.size, min(start + block, last) + halo)])

    with closing(two_at_a_time(one, starts)) as results:
        for start, found in zip(starts, results, strict=True):
            low, stop = max(0, start - halo), min(start + block, last)
            mean[start - first : stop - first] = found.estimate[start - low : stop - low]
            error[start - first : stop - first] = found.uncertainty[start - low : stop - low]
            gap, steps = max(gap, found.gap), steps + found.iterations
            certificate = found.certificate
            if progress is not None:
                progress(stop)
    return LocalEstimate(mean, error, gap, steps, certificate)
