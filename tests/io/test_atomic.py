"""Outputs are there whole or not at all."""

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from sigden.errors import FileError
from sigden.io import atomic_path, prepare_output


@pytest.fixture(params=[0o022, 0o077, 0o002])
def umask(request):
    old = os.umask(request.param)
    yield request.param
    os.umask(old)


def mode(path):
    return stat.S_IMODE(path.stat().st_mode)


def test_new_file_appears_at_the_end_only(tmp_path):
    path = tmp_path / "out.h5"
    with atomic_path(path) as temporary:
        assert temporary.parent == tmp_path
        assert temporary.suffix == ".h5"
        temporary.write_text("new")
        assert not path.exists()
    assert path.read_text() == "new"
    assert os.listdir(tmp_path) == ["out.h5"]


def test_mode_is_that_of_the_umask(tmp_path, umask):
    with atomic_path(tmp_path / "out") as temporary:
        temporary.write_text("new")
    assert mode(tmp_path / "out") == 0o666 & ~umask


def test_replaced_file_keeps_its_mode(tmp_path):
    path = tmp_path / "out"
    path.write_text("old")
    path.chmod(0o640)
    with atomic_path(path, overwrite=True) as temporary:
        temporary.write_text("new")
    assert path.read_text() == "new"
    assert mode(path) == 0o640


def test_existing_file_is_refused_before_any_work(tmp_path):
    path = tmp_path / "out"
    path.write_text("old")
    with pytest.raises(FileError, match="--overwrite") as caught, atomic_path(path):
        pytest.fail("the block must not be entered")
    assert str(path) in str(caught.value)
    assert path.read_text() == "old"
    assert os.listdir(tmp_path) == ["out"]


def test_dangling_link_counts_as_existing(tmp_path):
    path = tmp_path / "out"
    path.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(FileError, match="exists already"), atomic_path(path):
        pass
    assert not (tmp_path / "elsewhere").exists()


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt])
@pytest.mark.parametrize("old", [None, "old"])
def test_failure_in_the_middle_leaves_nothing_behind(tmp_path, error, old):
    path = tmp_path / "out"
    if old:
        path.write_text(old)

    def fail():
        with atomic_path(path, overwrite=True) as temporary:
            temporary.write_text("half of")
            raise error

    with pytest.raises(error):
        fail()
    assert os.listdir(tmp_path) == (["out"] if old else [])
    assert old is None or path.read_text() == old


@pytest.mark.parametrize("links", [True, False])
def test_file_made_meanwhile_is_not_overwritten(tmp_path, monkeypatch, links):
    if not links:

        def no_links(*args):
            raise PermissionError(1, "no hard links here")

        monkeypatch.setattr(os, "link", no_links)
    path = tmp_path / "out"

    def race():
        with atomic_path(path) as temporary:
            temporary.write_text("mine")
            path.write_text("theirs")

    with pytest.raises(FileError, match="exists already"):
        race()
    assert path.read_text() == "theirs"
    assert os.listdir(tmp_path) == ["out"]


def test_file_system_without_hard_links(tmp_path, monkeypatch):
    def no_links(*args):
        raise PermissionError(1, "no hard links here")

    monkeypatch.setattr(os, "link", no_links)
    with atomic_path(tmp_path / "out") as temporary:
        temporary.write_text("new")
    assert (tmp_path / "out").read_text() == "new"
    assert os.listdir(tmp_path) == ["out"]


def test_data_reach_the_disk_before_the_name(tmp_path, monkeypatch):
    order = []
    sync, replace = os.fsync, os.replace
    monkeypatch.setattr(os, "fsync", lambda descriptor: (order.append("sync"), sync(descriptor))[1])
    monkeypatch.setattr(os, "replace", lambda *names: (order.append("replace"), replace(*names))[1])
    with atomic_path(tmp_path / "out", overwrite=True) as temporary:
        temporary.write_text("new")
    assert order == ["sync", "replace", "sync"]


def test_full_disk_at_the_end_keeps_the_old_file(tmp_path, monkeypatch):
    path = tmp_path / "out"
    path.write_text("old")

    def full(descriptor):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(FileError, match="No space left"), atomic_path(path, overwrite=True) as temporary:
        temporary.write_text("new")
    assert path.read_text() == "old"
    assert os.listdir(tmp_path) == ["out"]


def test_temporary_file_removed_by_the_block(tmp_path):
    with pytest.raises(FileError, match="cannot be put in place"), atomic_path(tmp_path / "out") as temporary:
        temporary.unlink()
    assert os.listdir(tmp_path) == []


def test_missing_folder_and_folder_as_output(tmp_path):
    with pytest.raises(FileError, match="does not exist"), atomic_path(tmp_path / "no" / "out"):
        pass
    (tmp_path / "folder").mkdir()
    with (
        pytest.raises(FileError, match="not a regular file"),
        atomic_path(tmp_path / "folder", overwrite=True),
    ):
        pass


def test_device_is_not_replaced():
    with pytest.raises(FileError, match="not a regular file"), atomic_path(Path(os.devnull), overwrite=True):
        pass
    assert not Path(os.devnull).is_file()


def test_long_names_fit(tmp_path):
    name = "x" * 240 + ".h5"
    with atomic_path(tmp_path / name) as temporary:
        temporary.write_text("new")
    assert os.listdir(tmp_path) == [name]


def test_prepare_output(tmp_path):
    folder = tmp_path / "a" / "b"
    assert prepare_output(folder) == folder
    assert prepare_output(str(folder)) == folder
    assert folder.is_dir()
    (tmp_path / "file").touch()
    for path in (tmp_path / "file", tmp_path / "file" / "below"):
        with pytest.raises(FileError, match="a file is in the way") as caught:
            prepare_output(path)
        assert str(path) in str(caught.value)


def test_import_stays_light():
    code = (
        "import sys, sigden.io; assert callable(sigden.io.atomic_path); "
        "print([name for name in ('h5py', 'gwpy', 'astropy', 'scipy', 'numba') if name in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stdout.strip() == "[]"


def test_every_public_name_is_there():
    import sigden.io

    assert all(getattr(sigden.io, name) is not None for name in sigden.io.__all__)
    assert set(sigden.io.__all__) <= set(dir(sigden.io))
    with pytest.raises(AttributeError, match="nonsense"):
        _ = sigden.io.nonsense
