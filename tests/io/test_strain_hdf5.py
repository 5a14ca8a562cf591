"""Strain out of HDF5: real files of GWOSC and gwpy, and plain datasets."""

import importlib.util
import os

import h5py
import numpy as np
import pytest

from sigden.errors import FileError, InputError, ParameterError
from sigden.io import QualityVector, StrainSeries, read_strain, shipped_example

VALUES = np.random.default_rng(0).normal(size=64)


def write(path, datasets, attrs=None):
    """An HDF5 file of {name: (values, attributes)} and attributes of its root."""
    with h5py.File(path, "w") as file:
        file.attrs.update(attrs or {})
        for name, (values, attributes) in datasets.items():
            file[name] = values
            file[name].attrs.update(attributes)
    return path


def gwosc(path, *, spacing=1 / 16, start=100, detector="H1", quality=None, **attrs):
    with h5py.File(path, "w") as file:
        file["strain/Strain"] = VALUES
        given = {"Xspacing": spacing, "Xstart": start, "Yunits": "", **attrs}
        file["strain/Strain"].attrs.update({key: value for key, value in given.items() if value is not None})
        file["meta/GPSstart"], file["meta/Duration"] = 100, 4
        if detector:
            file["meta/Detector"] = detector
        if quality is not None:
            file["quality/simple/DQmask"] = quality
            file["quality/simple/DQmask"].attrs.update({"Xspacing": 1.0, "Xstart": 100})
            file["quality/simple/DQShortnames"] = np.array([b"DATA", b"CBC_CAT1"])
    return path


def test_real_gwosc_files(sigden_data):
    for detector, first in (("H1", 2.17704028e-19), ("L1", -1.04289994e-18)):
        path = sigden_data / "strain" / f"{detector[0]}-{detector}_LOSC_4_V2-1126259446-32.hdf5"
        found = read_strain(path)
        assert list(found) == [detector]
        series = found[detector]
        assert (series.sample_rate, series.t0, len(series), series.duration) == (4096, 1126259446, 131072, 32)
        assert series.values[0] == pytest.approx(first, rel=1e-8)
        assert series.unit == "strain"
        assert series.quality.names[:2] == ("DATA", "CBC_CAT1")
        np.testing.assert_array_equal(series.quality.bits, np.full(32, 127))
        assert not series.flagged("DATA", "BURST_CAT3").any()


def test_real_templates_are_no_series(sigden_data):
    with pytest.raises(FileError, match=r"template: has shape \(2, 131072\)"):
        read_strain(sigden_data / "strain" / "GW150914_4_template.hdf5")


def test_shipped_example():
    pytest.importorskip("gwpy.timeseries")
    found = read_strain(shipped_example())
    assert list(found) == ["H1", "L1", "V1"]
    for series in found.values():
        assert (series.sample_rate, series.t0, series.duration) == (16384, 968654552, 1)
        assert np.isfinite(series.values).all()
    assert found["V1"].channel == "V1:h_16384Hz"
    assert list(read_strain(shipped_example(), detector="L1")) == ["L1"]
    assert list(read_strain(shipped_example(), channel="V1:h_16384Hz")) == ["V1"]
    with pytest.raises(FileError, match="no strain of detector 'K1'; it holds H1, L1, V1"):
        read_strain(shipped_example(), detector="K1")
    with pytest.raises(FileError, match="16384 Hz, but sample_rate=4096"):
        read_strain(shipped_example(), sample_rate=4096)


def test_shipped_example_without_gwpy(monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(FileError, match=r"pip install 'sigden\[gw\]'"):
        shipped_example()


def test_gwosc_quality_marks_seconds(tmp_path):
    series = read_strain(gwosc(tmp_path / "x.hdf5", quality=np.array([3, 1, 0, 3], np.uint32)))["H1"]
    second = np.arange(64) // 16
    np.testing.assert_array_equal(series.flagged(), np.zeros(64, bool))
    np.testing.assert_array_equal(series.flagged("DATA"), second == 2)
    np.testing.assert_array_equal(series.flagged("DATA", "CBC_CAT1"), (second == 1) | (second == 2))
    with pytest.raises(InputError, match=r"no quality bit 'BURST'.*DATA, CBC_CAT1"):
        series.flagged("BURST")


def test_gwosc_falls_back_on_its_meta_data(tmp_path):
    series = read_strain(gwosc(tmp_path / "x.hdf5", spacing=None, start=None))["H1"]
    assert (series.sample_rate, series.t0, series.quality) == (16, 100, None)
    with pytest.raises(InputError, match="no quality vector"):
        series.flagged("DATA")


def test_gwosc_detector_from_the_file_name_or_the_caller(tmp_path):
    path = gwosc(tmp_path / "L-L1_LOSC_4_V2-100-4.hdf5", detector=None)
    assert list(read_strain(path)) == ["L1"]
    path = gwosc(tmp_path / "x.hdf5", detector=None)
    assert list(read_strain(path)) == ["Strain"]
    assert list(read_strain(path, detector="K1")) == ["K1"]
    assert list(read_strain(gwosc(tmp_path / "y.hdf5"), channel="strain/Strain")) == ["H1"]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"spacing": 0.0}, "Xspacing is 0.0"),
        ({"spacing": -0.1}, "Xspacing is -0.1"),
        ({"spacing": np.nan}, "Xspacing is nan"),
        ({"spacing": "fast"}, "Xspacing is 'fast'"),
        ({"start": np.inf}, "Xstart is inf"),
        ({"quality": np.zeros((2, 2), np.uint32)}, "quality/simple/DQmask"),
        ({"quality": np.zeros(4)}, "quality/simple/DQmask"),
    ],
)
def test_gwosc_with_nonsense(tmp_path, change, words):
    path = gwosc(tmp_path / "x.hdf5", **change)
    with pytest.raises(FileError, match=words) as caught:
        read_strain(path)
    assert str(path) in str(caught.value)


def test_gwosc_quality_of_another_time(tmp_path):
    path = gwosc(tmp_path / "x.hdf5", quality=np.zeros(4, np.uint32), start=101)
    with pytest.raises(FileError, match="DQmask: starts at 100, the strain at 101"):
        read_strain(path)


def test_gwosc_without_any_start(tmp_path):
    path = gwosc(tmp_path / "x.hdf5", start=None)
    with h5py.File(path, "a") as file:
        del file["meta/GPSstart"]
    with pytest.raises(FileError, match="no start time"):
        read_strain(path)


def test_gwpy_writes_sigden_reads(tmp_path):
    timeseries = pytest.importorskip("gwpy.timeseries")
    given = {
        name: timeseries.TimeSeries(
            VALUES, sample_rate=rate, t0=1126259462.5, name=name, channel=name, unit="strain"
        )
        for name, rate in (("H1:GDS-CALIB_STRAIN", 4096), ("L1:GDS-CALIB_STRAIN", 3))
    }
    one = tmp_path / "one.hdf5"
    given["H1:GDS-CALIB_STRAIN"].write(one, path="group/H1", format="hdf5")
    two = tmp_path / "two.hdf5"
    timeseries.TimeSeriesDict(given).write(two, format="hdf5")
    assert list(read_strain(one)) == ["H1"]
    found = read_strain(two)
    assert list(found) == ["H1", "L1"]
    assert [series.sample_rate for series in found.values()] == [4096, 3]
    for prefix, series in found.items():
        assert series.t0 == 1126259462.5
        assert series.channel == f"{prefix}:GDS-CALIB_STRAIN"
        np.testing.assert_array_equal(series.values, VALUES)
    assert list(read_strain(two, channel="L1:GDS-CALIB_STRAIN")) == ["L1"]


def test_gwpy_series_that_are_not_uniform_or_not_of_time(tmp_path):
    frequency = pytest.importorskip("gwpy.frequencyseries")
    path = tmp_path / "x.hdf5"
    frequency.FrequencySeries(VALUES, df=1, name="psd").write(path, path="psd", format="hdf5")
    with pytest.raises(FileError, match="axis is in 'Hz'"):
        read_strain(path, channel="psd")
    write(tmp_path / "y.hdf5", {"H1": (VALUES, {"xindex": np.arange(64.0) ** 2})})
    with pytest.raises(FileError, match="not uniformly sampled"):
        read_strain(tmp_path / "y.hdf5", sample_rate=16)


def test_two_series_of_one_detector_keep_their_names(tmp_path):
    path = write(tmp_path / "x.h5", {name: (VALUES, {"dx": 0.25}) for name in ("H1:A", "H1:B", "L1:A")})
    assert list(read_strain(path)) == ["H1:A", "H1:B", "L1"]


@pytest.mark.parametrize(
    ("key", "value"), [("sample_rate", 4096), ("fs", 4096.0), ("dt", 1 / 4096), ("delta_t", 1 / 4096)]
)
@pytest.mark.parametrize("at_root", [True, False])
def test_plain_dataset(tmp_path, key, value, at_root):
    attrs = {key: value, "t0": 12.5}
    path = write(
        tmp_path / "x.h5", {"a/data": (VALUES, {} if at_root else attrs)}, attrs if at_root else None
    )
    series = read_strain(path)["a/data"]
    assert (series.sample_rate, series.t0) == (4096, 12.5)
    assert list(read_strain(path, detector="H1", sample_rate=4096)) == ["H1"]
    with pytest.raises(FileError, match=r"a/data: is sampled at 4096 Hz.*sample_rate=2048"):
        read_strain(path, sample_rate=2048)


def test_plain_dataset_without_sample_rate(tmp_path):
    path = write(tmp_path / "x.h5", {"data": (VALUES, {})})
    with pytest.raises(FileError, match="give sample_rate") as caught:
        read_strain(path)
    assert f"{path}: data" in str(caught.value)
    assert read_strain(path, sample_rate=512)["data"].sample_rate == 512


@pytest.mark.parametrize("rate", [0, -1, np.nan, np.inf])
def test_sample_rate_must_be_a_rate(tmp_path, rate):
    path = write(tmp_path / "x.h5", {"data": (VALUES, {})})
    with pytest.raises(ParameterError, match="sample_rate"):
        read_strain(path, sample_rate=rate)
    stated = write(tmp_path / "y.h5", {"data": (VALUES, {"sample_rate": float(rate)})})
    with pytest.raises(FileError, match="data: sample_rate is"):
        read_strain(stated)


def test_which_of_several_plain_datasets(tmp_path):
    path = write(tmp_path / "x.h5", {"one": (VALUES, {}), "two": (VALUES + 1, {})}, {"fs": 16})
    with pytest.raises(FileError, match=r"name one with channel=: one, two"):
        read_strain(path)
    np.testing.assert_array_equal(read_strain(path, channel="two")["two"].values, VALUES + 1)
    with pytest.raises(FileError, match=r"three: no such channel or dataset; it holds one, two"):
        read_strain(path, channel="three")
    image = write(tmp_path / "y.h5", {"image": (np.zeros((2, 2)), {}), "data": (VALUES, {})}, {"fs": 16})
    assert list(read_strain(image)) == ["data"]


def test_empty_hdf5(tmp_path):
    with pytest.raises(FileError, match="holds no dataset"):
        read_strain(write(tmp_path / "x.h5", {}))


@pytest.mark.parametrize("dtype", [">f8", ">f4", "<f4", "i2", ">i4"])
def test_values_become_native_doubles(tmp_path, dtype):
    values = np.arange(-5, 5).astype(dtype)
    path = write(tmp_path / "x.h5", {"data": (values, {"fs": 16})})
    series = read_strain(path)["data"]
    assert series.values.dtype == np.dtype("f8")
    assert series.values.dtype.isnative
    np.testing.assert_array_equal(series.values, np.arange(-5, 5))


def test_gaps_stay_nan(tmp_path):
    values = VALUES.copy()
    values[10:20] = np.nan
    series = read_strain(write(tmp_path / "x.h5", {"data": (values, {"fs": 16})}))["data"]
    np.testing.assert_array_equal(np.flatnonzero(series.gaps), np.arange(10, 20))
    np.testing.assert_array_equal(series.flagged(), series.gaps)


def test_file_without_permission(tmp_path):
    path = write(tmp_path / "x.h5", {"data": (VALUES, {"fs": 16})})
    path.chmod(0)
    if os.access(path, os.R_OK):
        pytest.skip("this user may read everything")
    with pytest.raises(FileError, match="cannot be opened"):
        read_strain(path)


def test_series_is_frozen_and_checked():
    values = VALUES.copy()
    series = StrainSeries(values, 16, t0=3, name="H1")
    with pytest.raises(ValueError, match="read-only"):
        series.values[0] = 1
    values[0] = 5.0
    np.testing.assert_array_equal(series.times[:3], [3, 3.0625, 3.125])
    assert series.with_values(np.zeros(64)).sample_rate == 16
    for bad in (np.zeros((2, 2)), np.zeros(3, complex), np.array(["a"])):
        with pytest.raises(InputError, match="1-D real numbers"):
            StrainSeries(bad, 16)
    for rate in (0, -1, np.nan):
        with pytest.raises(InputError, match="sample_rate"):
            StrainSeries(VALUES, rate)
    with pytest.raises(InputError, match="t0"):
        StrainSeries(VALUES, 16, t0=np.nan)
    with pytest.raises(InputError, match="shape"):
        series.with_values(np.zeros(3))
    with pytest.raises(InputError, match="quality bits"):
        QualityVector(np.zeros(0, int))


def test_series_to_gwpy_and_back():
    pytest.importorskip("gwpy.timeseries")
    series = StrainSeries(VALUES, 3, t0=1e9, name="H1:X", channel="H1:X", unit="strain")
    there = series.to_gwpy()
    assert there.sample_rate.value == 3
    assert there.unit == "strain"
    back = StrainSeries.from_gwpy(there)
    for key in ("sample_rate", "t0", "name", "channel", "unit"):
        assert getattr(back, key) == getattr(series, key)
    np.testing.assert_array_equal(back.values, VALUES)
    there.value[0] = 7
    assert back.values[0] == VALUES[0]
