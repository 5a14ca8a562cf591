import multiprocessing
import os
import threading

import numba
import numpy as np
import pytest

from sigden.arrays import parallel_allowed, share_out, usable_cores
from sigden.multiband.joint.planes import fft_workers


def test_main_thread_may_use_the_pool():
    if multiprocessing.parent_process() is not None:
        pytest.skip("runs inside a worker process")
    assert parallel_allowed() or threading.current_thread() is not threading.main_thread()


def test_other_threads_may_not():
    found = []
    thread = threading.Thread(target=lambda: found.append(parallel_allowed()))
    thread.start()
    thread.join()
    assert found == [False]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this system")
@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_a_forked_child_may_not():
    pid = os.fork()
    if pid == 0:
        os._exit(0 if not parallel_allowed() else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0


@pytest.mark.skipif(not hasattr(os, "sched_getaffinity"), reason="processes are not bound to cores here")
@pytest.mark.parametrize(("bound", "numba_threads", "cores"), [(1, 8, 1), (3, 8, 3), (8, 2, 2)])
def test_a_process_bound_to_few_cores_starts_few_threads(monkeypatch, bound, numba_threads, cores):
    if not parallel_allowed():
        pytest.skip("runs inside a worker")
    monkeypatch.setattr(os, "cpu_count", lambda: 64)
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: set(range(bound)))
    monkeypatch.setattr(numba.config, "NUMBA_NUM_THREADS", numba_threads)
    assert usable_cores() == cores
    assert fft_workers(np.broadcast_to(0.0, (4096, 4096))) == cores
    meeting, met = threading.Barrier(cores, timeout=20), set()

    def meet(part):
        meeting.wait()
        met.add(threading.get_ident())

    share_out(meet, range(4 * cores))
    assert len(met) == cores
