"""The cross-talk catalogue: made once, whoever of several jobs makes it."""

from subprocess import CompletedProcess

import pytest

from sigden import FileError
from sigden.plugins import pycwb as plugin


@pytest.fixture
def path(tmp_path, monkeypatch):
    monkeypatch.setattr(plugin, "_pycwb", lambda: None)
    return tmp_path / "cache" / "wdmXTalk.xbin"


def fails(command, **options):
    return CompletedProcess(command, 1, "", "Traceback\nFileExistsError: File exists\n")


def test_job_that_comes_second_takes_the_catalogue_of_the_first(path, monkeypatch):
    def other_job_was_faster(command, **options):
        path.write_bytes(b"whole")
        return fails(command)

    monkeypatch.setattr(plugin.subprocess, "run", other_job_was_faster)
    assert plugin.crosstalk_catalogue(path).read_bytes() == b"whole"
    monkeypatch.setattr(plugin.subprocess, "run", fails)
    assert plugin.crosstalk_catalogue(path) == path


def test_failure_is_named(path, monkeypatch):
    monkeypatch.setattr(plugin.subprocess, "run", fails)
    with pytest.raises(FileError, match="could not be made: FileExistsError"):
        plugin.crosstalk_catalogue(path)
