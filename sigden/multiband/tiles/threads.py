"""Solves side by side, their results in order."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, TypeVar

from sigden.arrays import in_one_blas_thread
from sigden.errors import ParameterError

__all__ = ["in_order"]

T = TypeVar("T")


def in_order(work: Callable[[Any], T], items: Sequence[Any], workers: int) -> Iterator[T]:
    """Results of a function, in order, no more of them at a time than there are workers.

    Parameters
    ----------
    work : callable
        The function.
    items : sequence
        Its arguments.
    workers : int
        Threads; one runs it here.

    Yields
    ------
    object
        Result for each item.

    Raises
    ------
    ParameterError
        If `workers` is not positive.
    """
    if isinstance(workers, bool) or int(workers) != workers or workers < 1:
        raise ParameterError(f"workers: must be a positive whole number, got {workers!r}")
    work = in_one_blas_thread(work)
    if workers == 1 or len(items) == 1:
        yield from map(work, items)
        return
    with ThreadPoolExecutor(int(workers)) as pool:
        waiting: deque[Future[T]] = deque()
        left = iter(items)
        try:
            while True:
                while len(waiting) < workers and (following := next(left, None)) is not None:
                    waiting.append(pool.submit(work, following))
                if not waiting:
                    return
                yield waiting.popleft().result()
        finally:
            for future in waiting:
                future.cancel()
