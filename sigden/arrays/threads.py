"""When a parallel numba kernel may run, and how many threads work goes to."""

from __future__ import annotations

import functools
import itertools
import multiprocessing
import os
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, nullcontext
from typing import Any

__all__ = ["in_order", "one_blas_thread", "parallel_allowed", "share_out", "usable_cores"]

_FORKED = False


def _mark_forked() -> None:
    global _FORKED
    _FORKED = True


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_mark_forked)


def parallel_allowed() -> bool:
    """Whether a kernel may use numba's thread pool.

    A forked child dies in it and the workqueue layer aborts when two Python threads enter it, so only the
    main thread of a process that is nobody's worker may.

    Returns
    -------
    bool
        True in the main thread of a process that was neither forked nor spawned by another one.
    """
    return (
        not _FORKED
        and threading.current_thread() is threading.main_thread()
        and multiprocessing.parent_process() is None
    )


def usable_cores() -> int:
    """Cores that this process is bound to, which a batch system makes fewer than the machine has.

    Returns
    -------
    int
        At least 1, at most ``NUMBA_NUM_THREADS``, so that one setting bounds every kind of thread.
    """
    from numba import config

    bound = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return max(1, min(bound or 1, config.NUMBA_NUM_THREADS))


def share_out(work: Callable[[Any], None], parts: Sequence[Any]) -> None:
    """Call a function for each part, in as many threads as `usable_cores` where `parallel_allowed`.

    Parameters
    ----------
    work : callable
        Writes its part of a result and spends its time in code that releases the interpreter.
    parts : sequence
        Arguments, cut in a way that does not depend on the number of threads.
    """
    workers = min(usable_cores(), len(parts)) if len(parts) > 1 and parallel_allowed() else 1
    if workers < 2:
        for part in parts:
            work(part)
        return
    with one_blas_thread(), ThreadPoolExecutor(workers) as pool:
        for _ in pool.map(work, parts):
            pass


def in_order(work: Callable[[Any], Any], parts: Iterable[Any]) -> Iterator[Any]:
    """Results of a function for each part, in their order, in as many threads as NumPy's products take.

    Parameters
    ----------
    work : callable
        Spends its time in products of NumPy, which then take one thread each.
    parts : iterable
        Arguments, cut in a way that does not depend on the number of threads; a few are taken ahead of the
        results that are asked for.

    Yields
    ------
    object
        Result of each part, to the last bit that of any number of threads.

    Notes
    -----
    Small products leave threads of BLAS waiting for each other and for all that is done between them. Where
    threadpoolctl is not there to say how many threads there are, the parts are done one after the other.
    """
    pools = _pools() if parallel_allowed() else None
    workers = 0 if pools is None else max((lib.num_threads for lib in pools.lib_controllers), default=1)
    if pools is None or workers < 2:
        yield from map(work, parts)
        return
    parts = iter(parts)
    ahead = list(itertools.islice(parts, 2))
    with pools.limit(limits=1, user_api="blas"):
        if len(ahead) < 2:
            yield from map(work, ahead)
            return
        yield from _by_threads(work, itertools.chain(ahead, parts), workers)


def _by_threads(work: Callable[[Any], Any], parts: Iterable[Any], workers: int) -> Iterator[Any]:
    waiting: deque[Any] = deque()
    with ThreadPoolExecutor(workers) as executor:
        for part in parts:
            if len(waiting) > 2 * workers:
                yield waiting.popleft().result()
            waiting.append(executor.submit(work, part))
        while waiting:
            yield waiting.popleft().result()


@functools.cache
def _pools() -> Any:
    """BLAS libraries, looked for once: that takes longer than a small product. None without threadpoolctl."""
    try:
        from threadpoolctl import ThreadpoolController
    except ImportError:
        return None
    return ThreadpoolController().select(user_api="blas")


def one_blas_thread() -> AbstractContextManager[Any]:
    """One BLAS thread for each worker, where threadpoolctl is there to say so."""
    try:
        from threadpoolctl import threadpool_limits
    except ImportError:
        return nullcontext()
    return threadpool_limits(limits=1, user_api="blas")
