import multiprocessing
import os
import threading

import pytest

from sigden.arrays import parallel_allowed


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
