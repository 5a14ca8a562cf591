"""When a parallel numba kernel may run."""

from __future__ import annotations

import multiprocessing
import os
import threading

__all__ = ["parallel_allowed"]

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
