import multiprocessing
import os
import threading

import numba
import numpy as np
import pytest

from sigden.arrays import in_order, parallel_allowed, share_out, usable_cores
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


def test_results_come_in_order_and_parts_are_taken_as_they_are_needed():
    threadpoolctl = pytest.importorskip("threadpoolctl")
    taken = []

    def parts():
        for k in range(100):
            taken.append(k)
            yield np.full((8, 8), float(k))

    for threads in (1, 2):
        taken.clear()
        with threadpoolctl.threadpool_limits(threads, user_api="blas"):
            found = in_order(lambda x: (x @ x)[0, 0], parts())
            first = next(found)
            assert len(taken) < 20
            assert [first, *found] == [8.0 * k * k for k in range(100)]
            assert list(in_order(abs, iter([-3]))) == [3]
            assert list(in_order(abs, [])) == []


def test_an_error_in_a_part_comes_out():
    with pytest.raises(ZeroDivisionError):
        list(in_order(lambda part: 1 / part, [2, 1, 0, 1]))


def test_blas_has_its_threads_again_when_the_parts_are_done():
    threadpoolctl = pytest.importorskip("threadpoolctl")
    with threadpoolctl.threadpool_limits(2, user_api="blas"):
        before = [lib["num_threads"] for lib in threadpoolctl.threadpool_info() if lib["user_api"] == "blas"]
        found = in_order(lambda x: x, range(50))
        next(found)
        found.close()
        after = [lib["num_threads"] for lib in threadpoolctl.threadpool_info() if lib["user_api"] == "blas"]
    assert after == before
