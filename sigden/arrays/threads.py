"""When a parallel numba kernel may run, and how many threads work goes to."""

from __future__ import annotations

import functools
import itertools
import multiprocessing
import os
import sys
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any, TypeVar

__all__ = [
    "in_one_blas_thread",
    "in_order",
    "one_blas_thread",
    "parallel_allowed",
    "share_out",
    "usable_cores",
]

_FORKED = False
Part = TypeVar("Part")
Result = TypeVar("Result")


class _Held:
    """Who holds BLAS to one thread, and the threads that each library had before."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.users = 0
        self.before: dict[str, tuple[Any, int]] = {}


_HELD = _Held()


def _mark_forked() -> None:
    global _FORKED
    _FORKED = True
    _HELD.lock = threading.Lock()  # a thread that is not in the child may have had it


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
    work = in_one_blas_thread(work)
    if workers < 2:
        for part in parts:
            work(part)
        return
    with ThreadPoolExecutor(workers) as pool:
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
    Small products leave threads of BLAS waiting for each other and for all that is done between them. BLAS
    has its threads back while no part is worked on, so also between two results. Where threadpoolctl is not
    there to say how many threads there are, the parts are done one after the other.
    """
    workers = max((lib.num_threads for lib in _libraries()), default=1) if parallel_allowed() else 1
    work = in_one_blas_thread(work)
    parts = iter(parts)
    ahead = list(itertools.islice(parts, 2))
    parts = itertools.chain(ahead, parts)
    if workers < 2 or len(ahead) < 2:
        yield from map(work, parts)
        return
    waiting: deque[Any] = deque()
    with ThreadPoolExecutor(workers) as executor:
        try:
            for part in parts:
                if len(waiting) > 2 * workers:
                    yield waiting.popleft().result()
                waiting.append(executor.submit(work, part))
            while waiting:
                yield waiting.popleft().result()
        finally:
            for left in waiting:
                left.cancel()


def in_one_blas_thread(work: Callable[[Part], Result]) -> Callable[[Part], Result]:
    """The same function, under `one_blas_thread` while it runs."""

    @functools.wraps(work)
    def alone(part: Part) -> Result:
        with one_blas_thread():
            return work(part)

    return alone


@contextmanager
def one_blas_thread() -> Iterator[None]:
    """One BLAS thread while this lasts, for workers; nothing where threadpoolctl is not there to say so.

    Notes
    -----
    Most libraries have one number of threads for the process. Workers that overlap are counted: the first one
    notes the numbers, the last one to leave gives them back, save where somebody else has set another since.
    Libraries built on OpenMP have a number for each thread of Python, so it is set in every worker's own.
    """
    with _HELD.lock:
        for library in _libraries():
            _HELD.before.setdefault(library.filepath, (library, library.num_threads))
            _set_threads(library, 1)
        _HELD.users += 1
    try:
        yield
    finally:
        with _HELD.lock:
            _HELD.users -= 1
            if not _HELD.users:
                for library, count in _HELD.before.values():
                    if library.num_threads == 1:
                        _set_threads(library, count)
                _HELD.before.clear()


def _set_threads(library: Any, count: int) -> None:
    # threadpoolctl 3.8 lets one thread of Python set a number and ignores the others without a word; but the
    # first worker to come need not be the last to leave
    release = getattr(library, "clear_controlling_thread", None)
    if release is not None:
        release(force=True)
    library.set_num_threads(count)
    if release is not None:
        release(force=True)


def _libraries() -> list[Any]:
    """BLAS libraries of the process; none without threadpoolctl."""
    # SciPy brings its own with its first product; what is loaded shows in the number of modules
    return _found(len(sys.modules))


@functools.lru_cache(maxsize=1)
def _found(modules: int) -> list[Any]:
    """Libraries, looked for once: that takes longer than a small product."""
    try:
        from threadpoolctl import ThreadpoolController
    except ImportError:
        return []
    return list(ThreadpoolController().select(user_api="blas").lib_controllers)
