"""What is written is what gwpy, and sigden itself, read back."""

import json
import os

import h5py
import numpy as np
import pytest

from sigden.errors import FileError, InputError
from sigden.io import QualityVector, StrainSeries, read_provenance, read_strain, write_strain

VALUES = np.random.default_rng(0).normal(size=256) * 1e-21
RECORD = {
    "method": "rrof",
    "regularization": np.float64(0.12),
    "seed": np.int64(3),
    "shape": np.array([1, 2]),
}


def network():
    return {
        name: StrainSeries(
            VALUES * scale, 4096, t0=1126259462.5, name=f"{name}:CLEAN", channel=f"{name}:GDS", unit="strain"
        )
        for name, scale in (("H1", 1.0), ("L1", 2.0))
    }


def test_gwpy_reads_it(tmp_path):
    timeseries = pytest.importorskip("gwpy.timeseries")
    path = tmp_path / "out.hdf5"
    extras = {"H1": {"residual": VALUES[::-1], "uncertainty": np.full(256, 1e-22)}}
    assert write_strain(path, network(), provenance=RECORD, extras=extras) == path
    one = timeseries.TimeSeries.read(path, path="H1", format="hdf5")
    guessed = timeseries.TimeSeries.read(path, path="L1")
    many = timeseries.TimeSeriesDict.read(path)
    assert list(many) == ["H1", "L1"]
    for got, scale, name in (
        (one, 1, "H1"),
        (guessed, 2, "L1"),
        (many["H1"], 1, "H1"),
        (many["L1"], 2, "L1"),
    ):
        np.testing.assert_array_equal(got.value, VALUES * scale)
        assert (got.t0.value, got.sample_rate.value) == (1126259462.5, 4096)
        assert (str(got.unit), got.name, str(got.channel)) == ("strain", f"{name}:CLEAN", f"{name}:GDS")
    residual = timeseries.TimeSeries.read(path, path="extras/H1/residual")
    np.testing.assert_array_equal(residual.value, VALUES[::-1])
    assert residual.t0 == one.t0


def test_attributes_are_those_gwpy_writes(tmp_path):
    pytest.importorskip("gwpy.timeseries")
    series = network()["H1"]
    write_strain(tmp_path / "ours.h5", {"H1": series}, provenance={})
    series.to_gwpy().write(tmp_path / "theirs.h5", path="H1", format="hdf5")
    with h5py.File(tmp_path / "ours.h5") as ours, h5py.File(tmp_path / "theirs.h5") as theirs:
        assert dict(ours["H1"].attrs) == dict(theirs["H1"].attrs)


def test_sigden_reads_it(tmp_path):
    path = tmp_path / "out.h5"
    given = network()
    quality = QualityVector(np.array([7], np.uint32), ("DATA",), 16.0)
    given["H1"] = StrainSeries(VALUES, 4096, 1126259462.5, "H1:CLEAN", "H1:GDS", "strain", quality)
    write_strain(path, given, provenance=RECORD, extras={"H1": {"residual": given["L1"]}})
    found = read_strain(path)
    assert list(found) == ["H1", "L1"]
    for name, series in found.items():
        np.testing.assert_array_equal(series.values, given[name].values)
        assert (series.sample_rate, series.t0, series.unit) == (4096, 1126259462.5, "strain")
    np.testing.assert_array_equal(found["H1"].quality.bits, [7])
    assert (found["H1"].quality.names, found["H1"].quality.sample_rate) == (("DATA",), 16.0)
    assert found["L1"].quality is None
    (residual,) = read_strain(path, channel="extras/H1/residual").values()
    np.testing.assert_array_equal(residual.values, given["L1"].values)
    assert read_provenance(path) == {
        "method": "rrof",
        "regularization": 0.12,
        "seed": 3,
        "shape": [1, 2],
    }


def test_long_provenance_and_names_with_colons(tmp_path):
    path = tmp_path / "out.h5"
    record = {"inputs": ["x" * 200] * 2000, "path": tmp_path}
    write_strain(path, {"H1:GDS-CALIB_STRAIN": network()["H1"]}, provenance=record)
    assert read_provenance(path) == {**record, "path": str(tmp_path)}
    assert list(read_strain(path)) == ["H1"]


def test_constant_estimate_is_read_back(tmp_path):
    path = tmp_path / "out.h5"
    write_strain(path, {"H1": StrainSeries(np.zeros(5_000_000), 16384)}, provenance={})
    assert not read_strain(path)["H1"].values.any()


def test_existing_file_is_kept(tmp_path):
    path = tmp_path / "out.h5"
    path.write_text("old")
    with pytest.raises(FileError, match="--overwrite"):
        write_strain(path, network(), provenance={})
    assert path.read_text() == "old"
    write_strain(path, network(), provenance={}, overwrite=True)
    assert list(read_strain(path)) == ["H1", "L1"]


@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), KeyboardInterrupt()])
def test_failure_in_the_middle_leaves_the_old_file(tmp_path, monkeypatch, error):
    path = tmp_path / "out.h5"
    write_strain(path, {"H1": network()["H1"]}, provenance={"run": 1})
    before = path.read_bytes()
    create, calls = h5py.Group.create_dataset, []

    def fail(self, name, *args, **kwargs):
        calls.append(name)
        if len(calls) == 2:
            raise error
        return create(self, name, *args, **kwargs)

    monkeypatch.setattr(h5py.Group, "create_dataset", fail)
    expected = FileError if isinstance(error, OSError) else KeyboardInterrupt
    with pytest.raises(expected):
        write_strain(path, network(), provenance={"run": 2}, overwrite=True)
    assert calls == ["H1", "L1"]
    assert path.read_bytes() == before
    assert os.listdir(tmp_path) == ["out.h5"]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"series_by_name": {}}, "no series"),
        ({"provenance": {"x": float("nan")}}, "JSON"),
        ({"provenance": {"x": object()}}, "JSON"),
        ({"series_by_name": {"a/b": network()["H1"]}}, "cannot be the name"),
        ({"series_by_name": {"": network()["H1"]}}, "cannot be the name"),
        ({"series_by_name": {"..": network()["H1"]}}, "cannot be the name"),
        ({"series_by_name": {"extras": network()["H1"]}}, "taken"),
        ({"extras": {"K1": {"x": VALUES}}}, "extras of 'K1'"),
        ({"extras": {"H1": {"x": VALUES[1:]}}}, "shape"),
        ({"extras": {"H1": {"../x": VALUES}}}, "cannot be the name"),
        ({"extras": {"H1": {"x": StrainSeries(VALUES, 16)}}}, "time axis"),
    ],
)
def test_what_cannot_be_written_leaves_no_file(tmp_path, change, words):
    given = {"series_by_name": network(), "provenance": {}, **change}
    with pytest.raises(InputError, match=words):
        write_strain(tmp_path / "out.h5", **given)
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("text", [None, "{", "[1]", 3])
def test_provenance_that_is_none(tmp_path, text):
    path = tmp_path / "x.h5"
    with h5py.File(path, "w") as file:
        if text is not None:
            file.attrs["provenance"] = text
    with pytest.raises(FileError, match="attribute 'provenance'") as caught:
        read_provenance(path)
    assert str(path) in str(caught.value)


def test_provenance_is_plain_json(tmp_path):
    path = tmp_path / "x.h5"
    write_strain(path, network(), provenance=RECORD)
    with h5py.File(path) as file:
        assert json.loads(file.attrs["provenance"])["method"] == "rrof"


@pytest.mark.parametrize("names", ["{", '{"a": 1}', "[1, 2]"])
def test_damaged_quality_names(tmp_path, names):
    path = tmp_path / "x.h5"
    series = StrainSeries(VALUES, 4096, quality=QualityVector(np.array([7])))
    write_strain(path, {"H1": series}, provenance={})
    with h5py.File(path, "a") as file:
        file["quality/H1"].attrs["names"] = names
    with pytest.raises(FileError, match=r"quality/H1.*names"):
        read_strain(path)
