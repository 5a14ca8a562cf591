"""NPZ and NPY: no pickle, no bombs, no guessing."""

import io
import pickle
import zipfile

import numpy as np
import pytest

from sigden.errors import FileError
from sigden.io import read_npy, read_npz, read_strain
from sigden.io.npz import npz_names

VALUES = np.random.default_rng(0).normal(size=64)


class Trap:
    """Touches a file when it is unpickled."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return (open, (str(self.path), "w"))


def npy(values, **kwargs):
    stream = io.BytesIO()
    np.save(stream, values, **kwargs)
    return stream.getvalue()


def header(shape, dtype="<f8"):
    """NPY header that claims `shape`, whatever follows it."""
    text = repr({"descr": dtype, "fortran_order": False, "shape": shape}).encode() + b"\n"
    return np.lib.format.magic(1, 0) + len(text).to_bytes(2, "little") + text


def archive(path, members, compression=zipfile.ZIP_DEFLATED):
    with zipfile.ZipFile(path, "w", compression) as file:
        for name, data in members:
            file.writestr(f"{name}.npy", data)
    return path


def test_npz_round_trip(tmp_path):
    for save in (np.savez, np.savez_compressed):
        for name in ("strain", "data", "values"):
            save(tmp_path / "x.npz", **{name: VALUES}, sample_rate=4096, t0=12.5)
            series = read_strain(tmp_path / "x.npz")[name]
            assert (series.sample_rate, series.t0) == (4096, 12.5)
            np.testing.assert_array_equal(series.values, VALUES)


@pytest.mark.parametrize(("key", "value"), [("fs", 16), ("dt", 1 / 16), ("sample_rate", np.array([16.0]))])
def test_npz_detectors_and_rates(tmp_path, key, value):
    path = tmp_path / "x.npz"
    np.savez(path, H1=VALUES, L1=VALUES.astype(">f4"), noise=np.zeros(3), **{key: value})
    found = read_strain(path)
    assert list(found) == ["H1", "L1"]
    assert found["L1"].values.dtype == np.dtype("f8")
    np.testing.assert_array_equal(found["L1"].values, VALUES.astype("f4"))
    assert found["H1"].sample_rate == 16
    assert list(read_strain(path, detector="L1")) == ["L1"]
    assert list(read_strain(path, channel="noise")) == ["noise"]
    for kwargs, words in (
        ({"detector": "V1"}, "no strain of detector 'V1'; it holds H1, L1"),
        ({"channel": "V1"}, "V1: no such array; it holds H1, L1"),
        ({"sample_rate": 8}, "16 Hz, but sample_rate=8"),
    ):
        with pytest.raises(FileError, match=words) as caught:
            read_strain(path, **kwargs)
        assert str(path) in str(caught.value)


def test_npz_says_what_is_missing(tmp_path):
    path = tmp_path / "x.npz"
    np.savez(path, strain=VALUES)
    with pytest.raises(FileError, match="strain: does not say its sample rate"):
        read_strain(path)
    assert read_strain(path, sample_rate=16)["strain"].t0 == 0
    np.savez(path, other=VALUES, sample_rate=16)
    with pytest.raises(FileError, match="it holds other, sample_rate"):
        read_strain(path)


@pytest.mark.parametrize(
    ("arrays", "words"),
    [
        ({"strain": np.zeros((2, 3)), "fs": 1}, "one dimension"),
        ({"strain": np.zeros(3, complex), "fs": 1}, "real numbers"),
        ({"strain": np.array(["a", "b"]), "fs": 1}, "real numbers"),
        ({"strain": np.zeros(0), "fs": 1}, "no samples"),
        ({"strain": VALUES, "fs": -1}, "fs is -1"),
        ({"strain": VALUES, "fs": np.nan}, "fs is nan"),
        ({"strain": VALUES, "dt": 1e-300}, "dt is 1e-300"),
        ({"strain": VALUES, "fs": np.zeros(2)}, "one number is needed"),
        ({"strain": VALUES, "fs": "fast"}, "one number is needed"),
    ],
)
def test_npz_with_nonsense(tmp_path, arrays, words):
    np.savez(tmp_path / "x.npz", **arrays)
    with pytest.raises(FileError, match=words) as caught:
        read_strain(tmp_path / "x.npz")
    assert str(tmp_path / "x.npz") in str(caught.value)


def test_pickle_is_refused(tmp_path):
    trap = np.array([Trap(tmp_path / "sprung")], dtype=object)
    np.savez(tmp_path / "x.npz", strain=trap, sample_rate=16)
    np.save(tmp_path / "x.npy", trap)
    for path in (tmp_path / "x.npz", tmp_path / "x.npy"):
        with pytest.raises(FileError, match="holds Python objects") as caught:
            read_strain(path, sample_rate=16)
        assert str(path) in str(caught.value)
    (tmp_path / "bare.npy").write_bytes(pickle.dumps(Trap(tmp_path / "sprung")))
    with pytest.raises(FileError, match="no NumPy array"):
        read_strain(tmp_path / "bare.npy", sample_rate=16)
    assert not (tmp_path / "sprung").exists()


def test_zip_bomb_is_refused_by_the_directory(tmp_path):
    path = archive(tmp_path / "x.npz", [("strain", npy(np.zeros(6_000_000)))])
    assert path.stat().st_size < 100_000
    with pytest.raises(FileError, match="200 to 1") as caught:
        read_strain(path, sample_rate=16)
    assert f"{path}: strain" in str(caught.value)


def test_header_that_claims_terabytes(tmp_path):
    for compression in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        path = archive(tmp_path / "x.npz", [("strain", header((10**12,)) + bytes(80))], compression)
        with pytest.raises(FileError, match="8,000,000,000,000 bytes"):
            read_strain(path, sample_rate=16)
    (tmp_path / "x.npy").write_bytes(header((10**12,)) + bytes(80))
    with pytest.raises(FileError, match="8,000,000,000,000 bytes"):
        read_strain(tmp_path / "x.npy", sample_rate=16)


def test_cap_holds_for_all_arrays_together(tmp_path):
    path = tmp_path / "x.npz"
    np.savez(path, a=np.zeros(100), b=np.zeros(100))
    assert set(read_npz(path, max_bytes=2000)) == {"a", "b"}
    with pytest.raises(FileError, match="b: claims"):
        read_npz(path, max_bytes=1500)
    np.save(tmp_path / "x.npy", np.zeros(100))
    with pytest.raises(FileError, match="cap of 799"):
        read_npy(tmp_path / "x.npy", max_bytes=799)


@pytest.mark.parametrize(
    "data",
    [
        b"\x93NUMPY",
        b"\x93NUMPY\x09\x00" + bytes(100),
        header((8,))[:40],
        header((8,)) + bytes(63),
        header((8,)) + bytes(65),
        header((-8,)) + bytes(64),
        header(("8",)) + bytes(64),
        header((8,), dtype="<q9") + bytes(64),
    ],
)
def test_damaged_array(tmp_path, data):
    (tmp_path / "x.npy").write_bytes(data)
    with pytest.raises(FileError) as caught:
        read_npy(tmp_path / "x.npy")
    assert str(tmp_path / "x.npy") in str(caught.value)
    path = archive(tmp_path / "x.npz", [("strain", data)])
    with pytest.raises(FileError) as caught:
        read_npz(path)
    assert f"{path}: strain" in str(caught.value)


def test_damaged_archive(tmp_path):
    whole = archive(tmp_path / "whole.npz", [("strain", npy(VALUES))]).read_bytes()
    path = tmp_path / "x.npz"
    for damaged in (whole[:100], whole[:-10], b"PK\x03\x04", whole[:80] + bytes(40) + whole[120:]):
        path.write_bytes(damaged)
        with pytest.raises(FileError) as caught:
            read_strain(path, sample_rate=16)
        assert str(path) in str(caught.value)


def test_name_given_twice(tmp_path):
    path = tmp_path / "x.npz"
    with pytest.warns(UserWarning, match="Duplicate name"):
        archive(path, [("strain", npy(VALUES)), ("strain", npy(VALUES + 1))])
    with pytest.raises(FileError, match="names an array twice"):
        npz_names(path)


def test_npy(tmp_path):
    path = tmp_path / "H-H1_CLEAN-0-4.npy"
    np.save(path, VALUES.astype(">f4"))
    np.testing.assert_array_equal(read_strain(path, sample_rate=16)["H1"].values, VALUES.astype("f4"))
    with pytest.raises(FileError, match="give sample_rate"):
        read_strain(path)
    with pytest.raises(FileError, match="leave channel out"):
        read_strain(path, channel="strain", sample_rate=16)


@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("shape", [(), (0,), (3, 0), (2, 3, 4)])
def test_arrays_of_any_shape(tmp_path, shape, order):
    values = np.asarray(np.arange(np.prod(shape)).reshape(shape), dtype=">i4", order=order)
    np.save(tmp_path / "x.npy", values)
    got = read_npy(tmp_path / "x.npy")
    assert got.dtype == np.dtype("i4")
    np.testing.assert_array_equal(got, values)
    assert got.flags.writeable
