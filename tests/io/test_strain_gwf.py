"""Frames: real ones where LALFrame is installed, and damaged ones that never reach it."""

import importlib.util
from pathlib import Path

import numpy as np
import pytest

from sigden.errors import FileError
from sigden.io import open_strain, read_strain, shipped_example
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


NAME = "H1:TEST-STRAIN"


def write_frames(path, frames, rates=(256.0,) * 8, kind="REAL8"):
    """GWF of one frame for each (GPS, samples), at one rate each."""
    lal, lalframe = pytest.importorskip("lal"), pytest.importorskip("lalframe")
    pytest.importorskip("gwpy.io.gwf")
    out = lalframe.FrameUFrFileOpen(str(path), "w")
    for number, ((start, values), rate) in enumerate(zip(frames, rates, strict=False)):
        epoch = lal.LIGOTimeGPS(start)
        series = getattr(lal, f"Create{kind}TimeSeries")(
            NAME, epoch, 0.0, 1 / rate, lal.StrainUnit, len(values)
        )
        series.data.data = values
        frame = lalframe.FrameNew(epoch, len(values) / rate, "test", 0, number, 0)
        getattr(lalframe, f"FrameAdd{kind}TimeSeriesProcData")(frame, series)
        lalframe.FrameUFrameHWrite(out, frame)
    del out
    return path


def decodings(monkeypatch):
    from sigden.io import gwf_frames

    seen, decode = [], gwf_frames._decoded
    monkeypatch.setattr(
        gwf_frames,
        "_decoded",
        lambda path, channel, place: seen.append(place) or decode(path, channel, place),
    )
    return seen


def test_frames_are_decoded_one_by_one_and_each_once(tmp_path, monkeypatch):
    values = np.random.default_rng(0).normal(size=(8, 1024))
    path = write_frames(tmp_path / "x.gwf", [(1000 + 4 * i, row) for i, row in enumerate(values)])
    seen = decodings(monkeypatch)
    stored = open_strain(path)["H1"]
    assert seen == [0]
    assert (stored.size, stored.sample_rate, stored.t0) == (8192, 256.0, 1000.0)
    assert (stored.unit, stored.channel) == ("strain", NAME)
    np.testing.assert_array_equal(np.concatenate(list(stored.stretches(700))), values.ravel())
    assert seen == [0, *range(8)]
    np.testing.assert_array_equal(stored.read(3000, 3100), values.ravel()[3000:3100])
    np.testing.assert_array_equal(read_strain(path)["H1"].values, values.ravel())


def test_missing_frames_are_gaps(tmp_path):
    values = np.random.default_rng(1).normal(size=(3, 512)).astype(np.float32)
    path = write_frames(tmp_path / "x.gwf", zip((1000, 1002, 1010), values, strict=True), kind="REAL4")
    series = read_strain(path)["H1"]
    gaps = np.flatnonzero(series.gaps)
    assert series.duration == 12
    assert (gaps[0], gaps[-1], gaps.size) == (1024, 2559, 1536)
    np.testing.assert_array_equal(series.values[~series.gaps], values.ravel())


def test_frames_of_one_file_that_do_not_agree(tmp_path):
    rows = np.random.default_rng(2).normal(size=(2, 512))
    path = write_frames(tmp_path / "over.gwf", [(1000, rows[0]), (1001, rows[1])])
    with pytest.raises(FileError, match=f"{NAME}: frames overlap"):
        open_strain(path)
    path = write_frames(tmp_path / "rate.gwf", [(1000, rows[0]), (1002, rows[1])])
    with pytest.raises(FileError, match="256 Hz, but"):
        open_strain(path, sample_rate=128)
    path = write_frames(tmp_path / "single.gwf", [(1000, rows[0])])
    np.testing.assert_array_equal(open_strain(path)["H1"].read(5, 9), rows[0, 5:9])


def test_a_frame_at_another_rate_is_named_when_it_is_read(tmp_path):
    frames = [(1000, np.arange(512.0)), (1002, np.arange(256.0))]
    path = write_frames(tmp_path / "mixed.gwf", frames, rates=(256.0, 128.0))
    stored = open_strain(path)["H1"]
    np.testing.assert_array_equal(stored.read(0, 512), np.arange(512))
    with pytest.raises(FileError, match="the frame at 1002 s is not filled at 256 Hz"):
        stored.read(512, 520)


def test_complex_frames_are_refused(tmp_path):
    rows = np.ones((2, 512), dtype=np.complex128)
    path = write_frames(tmp_path / "c.gwf", zip((1000, 1002), rows, strict=True), kind="COMPLEX16")
    with pytest.raises(FileError, match=f"{NAME}: LAL type .* real numbers"):
        open_strain(path)


@pytest.mark.parametrize("kind", ["INT2", "INT8", "UINT2", "UINT4", "UINT8"])
def test_frames_of_integers_are_read(tmp_path, kind):
    rows = np.arange(1024).reshape(2, 512)
    path = write_frames(tmp_path / "i.gwf", zip((1000, 1002), rows, strict=True), kind=kind)
    np.testing.assert_array_equal(read_strain(path)["H1"].values, rows.ravel())
