import numpy as np
import pytest

from sigden import TV1D
from sigden.batch import many, run_files
from sigden.errors import FileError, InputError, MissingExtraError, ParameterError

METHOD = TV1D(regularization=3.0)


@pytest.fixture
def sources(tmp_path, step):
    for i in range(3):
        np.save(tmp_path / f"s{i}.npy", step + i)
    (tmp_path / "s1.npy").write_bytes(b"\x93NUMPY broken")
    return [tmp_path / f"s{i}.npy" for i in range(3)]


def contents(folder):
    return {p.name: p.read_bytes() for p in folder.glob("*.npy")}


def test_one_that_fails_does_not_stop_the_others(tmp_path, sources):
    seen = []
    outcomes = run_files(METHOD, sources, tmp_path / "out", on_done=seen.append)
    assert [o.error is None for o in outcomes] == [True, False, True]
    assert seen == outcomes
    assert outcomes[1].status == "failed"
    assert "s1.npy" in outcomes[1].error
    assert set(contents(tmp_path / "out")) == {"s0-denoised.npy", "s2-denoised.npy"}


def test_workers_write_the_same_bytes_in_the_same_order(tmp_path, sources):
    alone = run_files(METHOD, sources, tmp_path / "one")
    spread = run_files(METHOD, sources, tmp_path / "two", workers=2)
    assert contents(tmp_path / "one") == contents(tmp_path / "two")
    assert [(o.input, o.status) for o in alone] == [(o.input, o.status) for o in spread]


def test_workers_keep_to_one_thread(tmp_path, sources, monkeypatch):
    monkeypatch.setattr(many, "_guarded", _threads)
    outcomes = run_files(METHOD, sources[:1] * 1 + sources[2:], tmp_path, workers=2)
    assert {o.status for o in outcomes} == {"1 1 True"}


def _threads(method, source, **options):
    import multiprocessing
    import os

    from sigden.batch import Outcome

    spawned = multiprocessing.parent_process() is not None
    return Outcome(
        input=str(source),
        status=f"{os.environ['NUMBA_NUM_THREADS']} {os.environ['OMP_NUM_THREADS']} {spawned}",
    )


def test_an_unexpected_error_is_reported_by_name(tmp_path, sources, monkeypatch, caplog):
    def broken(*args, **kwargs):
        raise ZeroDivisionError("a bug")

    monkeypatch.setattr(many, "run_file", broken)
    (outcome,) = run_files(METHOD, sources[:1], tmp_path)
    assert outcome.error == f"{sources[0]}: ZeroDivisionError: a bug"
    assert "unexpected" in caplog.text


def test_a_killed_worker_is_told(tmp_path, sources, monkeypatch):
    monkeypatch.setattr(many, "_guarded", _die)
    with pytest.raises(many.SigdenError, match="worker was killed"):
        run_files(METHOD, sources, tmp_path, workers=2)


def _die(method, source, **options):
    import os
    import signal

    os.kill(os.getpid(), signal.SIGKILL)


def test_two_inputs_of_one_name(tmp_path, step):
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        np.save(tmp_path / folder / "x.npy", step)
    with pytest.raises(InputError, match=r"a/x\.npy and .*b/x\.npy would both be written"):
        run_files(METHOD, [tmp_path / "a/x.npy", tmp_path / "b/x.npy"], tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_workers_below_one(tmp_path):
    with pytest.raises(ParameterError, match="workers"):
        run_files(METHOD, ["a.npy"], tmp_path, workers=0)


def test_without_joblib(tmp_path, sources, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "joblib", None)
    with pytest.raises(MissingExtraError, match=r"sigden\[batch\]"):
        run_files(METHOD, sources, tmp_path, workers=2)


def test_a_place_that_cannot_be_written_to_is_refused_before_any_work(tmp_path, monkeypatch):
    (tmp_path / "file").touch()
    np.save(tmp_path / "a.npy", np.zeros(9))
    monkeypatch.setattr(TV1D, "solve", lambda *args, **kwargs: pytest.fail("worked"))
    with pytest.raises(FileError, match="a file is in the way"):
        run_files(TV1D(), [tmp_path / "a.npy"], tmp_path / "file" / "x")


def test_a_folder_in_which_nothing_came_to_stand_is_not_left(tmp_path):
    (outcome,) = run_files(TV1D(), [tmp_path / "none.npy"], tmp_path / "out")
    assert "no such file" in outcome.error
    assert not (tmp_path / "out").exists()
