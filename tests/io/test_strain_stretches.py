"""Strain read and written a stretch at a time."""

import dataclasses

import h5py
import numpy as np
import pytest

from sigden import FileError, InputError
from sigden.io import StoredStrain, StrainSeries, open_strain, read_provenance, read_strain, write_stretches
from sigden.io.series import QualityVector


@pytest.fixture
def series():
    values = np.random.default_rng(0).standard_normal(1000)
    values[300:310] = np.nan
    quality = QualityVector(np.arange(4), names=("DATA",))
    return StrainSeries(
        values=values, sample_rate=250.0, t0=7.0, name="H1:X", channel="H1:X", unit="strain", quality=quality
    )


def write(path, series, samples=300):
    stored = StoredStrain.of(series)
    heads = {"H1": stored, "extras/H1/residual": dataclasses.replace(stored, name="residual", unit="")}
    with write_stretches(path, heads) as writer:
        for block in stored.stretches(samples):
            writer.append("H1", block)
            writer.append("extras/H1/residual", -block)
        writer.finish({"made": "here"})
    return path


def test_what_is_written_in_stretches_is_read_in_stretches(tmp_path, series):
    path = write(tmp_path / "a.hdf5", series)
    stored = open_strain(path)["H1"]
    assert (len(stored), stored.duration, stored.t0, stored.unit) == (1000, 4.0, 7.0, "strain")
    np.testing.assert_array_equal(np.concatenate(list(stored.stretches(64))), series.values)
    part = stored.series(250, 500)
    assert part.t0 == 8.0
    np.testing.assert_array_equal(part.values, series.values[250:500])
    whole = read_strain(path)["H1"]
    np.testing.assert_array_equal(whole.values, series.values)
    np.testing.assert_array_equal(whole.quality.bits, series.quality.bits)
    assert read_provenance(path) == {"made": "here"}
    (other,) = read_strain(path, channel="extras/H1/residual").values()
    assert other.quality is None
    np.testing.assert_array_equal(other.values, -series.values)


def test_big_endian_float32_in_chunks_is_read_in_stretches(tmp_path):
    values = np.arange(500, dtype=">f4")
    with h5py.File(tmp_path / "a.hdf5", "w") as file:
        file.create_dataset("H1", data=values, chunks=(64,), compression="gzip").attrs["dx"] = 0.5
    blocks = list(open_strain(tmp_path / "a.hdf5")["H1"].stretches(77))
    assert all(block.dtype == np.float64 for block in blocks)
    np.testing.assert_array_equal(np.concatenate(blocks), np.arange(500.0))


def test_other_formats_are_in_memory(tmp_path):
    np.save(tmp_path / "H-H1_A-1-2.npy", np.arange(10.0))
    stored = open_strain(tmp_path / "H-H1_A-1-2.npy", sample_rate=5.0)["H1"]
    np.testing.assert_array_equal(stored.read(3, 5), [3.0, 4.0])


def test_a_damaged_stretch_is_named_when_it_is_read(tmp_path):
    path = tmp_path / "a.hdf5"
    with h5py.File(path, "w") as file:
        data = np.random.default_rng(0).standard_normal(4096)
        file.create_dataset("H1", data=data, chunks=(1024,), compression="gzip").attrs["dx"] = 0.5
        where = file["H1"].id.get_chunk_info(2)
    stored = open_strain(path)["H1"]
    with path.open("r+b") as file:
        file.seek(where.byte_offset)
        file.write(b"\xff" * 64)
    assert stored.read(0, 2048).size == 2048
    with pytest.raises(FileError, match=r"a\.hdf5: H1: cannot be read"):
        stored.read(2048, 3000)


def test_a_file_that_shrank_is_an_error(tmp_path, series):
    path = write(tmp_path / "a.hdf5", series)
    stored = open_strain(path)["H1"]
    with h5py.File(path, "r+") as file:
        del file["H1"]
        file.create_dataset("H1", data=np.zeros(100))
    with pytest.raises(FileError, match="was changed"):
        stored.read(0, 200)


def test_nothing_is_left_of_a_file_that_was_not_finished(tmp_path, series):
    heads = {"H1": StoredStrain.of(series)}

    def filled(samples):
        with write_stretches(tmp_path / "a.hdf5", heads) as writer:
            writer.append("H1", np.zeros(samples))
            writer.finish({})

    with pytest.raises(InputError, match="only 999"):
        filled(999)
    with pytest.raises(InputError, match="1001 samples for a series of 1000"):
        filled(1001)
    with pytest.raises(InputError, match="was not finished"), write_stretches(tmp_path / "a.hdf5", heads):
        pass
    with pytest.raises(ZeroDivisionError), write_stretches(tmp_path / "a.hdf5", heads):
        raise ZeroDivisionError
    assert list(tmp_path.iterdir()) == []
    write(tmp_path / "a.hdf5", series)
    with pytest.raises(FileError, match="exists"), write_stretches(tmp_path / "a.hdf5", heads):
        pass
