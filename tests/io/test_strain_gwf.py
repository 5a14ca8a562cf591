"""Frames: real ones where LALFrame is installed, and damaged ones that never reach it."""

import importlib.util
from pathlib import Path

import numpy as np
import pytest

from sigden.errors import FileError
from sigden.io import read_strain, shipped_example
from sigden.io.gwf_structure import require_whole_frames


@pytest.fixture
def frame():
    pytest.importorskip("gwpy.timeseries")
    return shipped_example().with_suffix(".gwf")


def test_whole_frame_passes(frame):
    require_whole_frames(frame)


# the last structure begins at byte 377,249: cut there, every length still fits
@pytest.mark.parametrize("keep", [20, 100, 200_000, 377_249, -40, -1])
def test_frame_cut_short_never_reaches_the_library(tmp_path, frame, keep):
    path = tmp_path / "x.gwf"
    path.write_bytes(frame.read_bytes()[:keep])
    with pytest.raises(FileError, match="cut short") as caught:
        read_strain(path)
    assert str(path) in str(caught.value)


def test_frame_with_more_behind_it_or_wrong_lengths(tmp_path, frame):
    whole = frame.read_bytes()
    path = tmp_path / "x.gwf"
    for damaged in (
        whole + b"more",
        whole[:40] + b"\xff" * 8 + whole[48:],
        whole[:40] + bytes(8) + whole[48:],
    ):
        path.write_bytes(damaged)
        with pytest.raises(FileError, match="damaged"):
            read_strain(path)
    path.write_bytes(whole[:5] + b"\x04" + whole[6:])
    with pytest.raises(FileError, match="version 4"):
        read_strain(path)
    path.write_bytes(whole[:12] + b"??" + whole[14:])
    with pytest.raises(FileError, match="byte order"):
        read_strain(path)


def test_without_frame_library(frame, monkeypatch):
    find = importlib.util.find_spec
    absent = ("lalframe", "framel", "LDAStools")
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name in absent else find(name))
    with pytest.raises(FileError, match=r"pip install 'sigden\[gw\]'"):
        read_strain(frame)


def test_real_frame_equals_its_hdf5_twin(frame):
    pytest.importorskip("lalframe")
    pytest.importorskip("gwpy.io.gwf")
    frames, twin = read_strain(frame), read_strain(shipped_example())
    assert list(frames) == list(twin)
    for key, series in frames.items():
        assert (series.sample_rate, series.t0) == (twin[key].sample_rate, twin[key].t0)
        np.testing.assert_array_equal(series.values, twin[key].values)
    assert list(read_strain(frame, detector="L1")) == ["L1"]
    assert list(read_strain(frame, channel="V1:h_16384Hz")) == ["V1"]
    for kwargs, words in (
        ({"detector": "K1"}, "no strain channel of K1"),
        ({"channel": "H1:NO"}, "H1:NO: no such channel"),
        ({"sample_rate": 4096}, "16384 Hz, but"),
    ):
        with pytest.raises(FileError, match=words) as caught:
            read_strain(Path(frame), **kwargs)
        assert str(frame) in str(caught.value)
