import contextlib
import multiprocessing
import os
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import numba
import numpy as np
import pytest

from sigden.arrays import in_order, one_blas_thread, parallel_allowed, share_out, threads, usable_cores
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

    for count in (1, 2):
        taken.clear()
        with threadpoolctl.threadpool_limits(count, user_api="blas"):
            found = in_order(lambda x: (x @ x)[0, 0], parts())
            first = next(found)
            assert len(taken) < 20
            assert [first, *found] == [8.0 * k * k for k in range(100)]
            assert list(in_order(abs, iter([-3]))) == [3]
            assert list(in_order(abs, [])) == []


def test_an_error_in_a_part_comes_out():
    with pytest.raises(ZeroDivisionError):
        list(in_order(lambda part: 1 / part, [2, 1, 0, 1]))


def blas_threads():
    threadpoolctl = pytest.importorskip("threadpoolctl")
    found = {lib["num_threads"] for lib in threadpoolctl.threadpool_info() if lib["user_api"] == "blas"}
    if not found:
        pytest.skip("no BLAS whose threads can be set")
    return found


@pytest.fixture
def two_threads():
    threadpoolctl = pytest.importorskip("threadpoolctl")
    with threadpoolctl.threadpool_limits(2, user_api="blas"):
        if blas_threads() != {2}:
            pytest.skip("no BLAS whose threads can be set")
        yield
        assert blas_threads() == {2}


@pytest.mark.usefixtures("two_threads")
def test_blas_has_its_threads_between_results_and_when_a_generator_is_dropped():
    found = in_order(lambda _: blas_threads(), range(50))
    assert next(found) == {1}
    wait_for(lambda: blas_threads() == {2})
    found.close()
    assert blas_threads() == {2}
    found = in_order(abs, range(50))
    next(found)
    del found
    wait_for(lambda: blas_threads() == {2})


def wait_for(condition, seconds=20.0):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.001)


@pytest.mark.usefixtures("two_threads")
@pytest.mark.parametrize("run", [share_out, lambda *args: list(in_order(*args))])
def test_blas_has_its_threads_after_an_error(run):
    with pytest.raises(ZeroDivisionError):
        run(lambda part: 1 / part, [2, 1, 0, 1])


@pytest.mark.usefixtures("two_threads")
@pytest.mark.parametrize("count", [1, 2, 3])
def test_the_first_to_hold_blas_may_be_the_first_to_leave(count):
    """In threads of their own: threadpoolctl lets only one of them set a number."""
    inside = []

    def begin(turn):
        turn.enter_context(one_blas_thread())
        inside.append(blas_threads())

    def end(turn):
        turn.close()
        inside.append(blas_threads())

    with contextlib.ExitStack() as stack:
        pools = [stack.enter_context(ThreadPoolExecutor(1)) for _ in range(count)]
        turns = [contextlib.ExitStack() for _ in pools]
        for step in (begin, end):
            for pool, turn in zip(pools, turns, strict=True):
                pool.submit(step, turn).result()
    assert inside == [{1}] * (2 * count - 1) + [{2}]


@pytest.mark.usefixtures("two_threads")
def test_a_number_that_somebody_else_has_set_meanwhile_stays():
    threadpoolctl = pytest.importorskip("threadpoolctl")
    with threadpoolctl.threadpool_limits(3, user_api="blas"), one_blas_thread():
        assert blas_threads() == {1}
        threadpoolctl.threadpool_limits(2, user_api="blas")
    assert blas_threads() == {2}


@pytest.mark.usefixtures("two_threads")
@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this system")
@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_a_fork_while_blas_is_held_leaves_nobody_waiting():
    with one_blas_thread():
        pid = os.fork()
        if pid == 0:
            with one_blas_thread():
                os._exit(0)
        assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0


@pytest.mark.usefixtures("two_threads")
def test_a_library_that_is_loaded_later_is_held_too(monkeypatch):
    class Library:
        filepath = "later"
        num_threads = 4

        def set_num_threads(self, count):
            self.num_threads = count

    library, known = Library(), []
    monkeypatch.setattr(threads, "_libraries", lambda: known)
    with one_blas_thread():
        known.append(library)
        with one_blas_thread():
            assert library.num_threads == 1
        assert library.num_threads == 1
    assert library.num_threads == 4
