"""HDF5 files that try to lead out of themselves, to fill the memory, or that are simply broken."""

import os
import pickle
import time

import h5py
import numpy as np
import pytest

from sigden.errors import FileError, SigdenError
from sigden.io import open_hdf5, read_dataset, read_strain
from sigden.io.hdf5 import find_object, list_datasets
from sigden.io.hdf5_values import read_attribute, read_attributes, read_text, read_texts
from sigden.io.limits import MAX_BYTES

SECRET = np.arange(8.0)


@pytest.fixture
def secret(tmp_path):
    """A file outside, whose numbers must never appear."""
    path = tmp_path / "secret.h5"
    with h5py.File(path, "w") as file:
        file["strain/Strain"] = SECRET
        file["data"] = SECRET
    return path


def write(path, build):
    with h5py.File(path, "w") as file:
        build(file)
    return path


def refuse(path, name, *words, **kwargs):
    """Reading `name` by the dataset reader and by read_strain both fail, naming path and object."""
    with open_hdf5(path) as file, pytest.raises(FileError) as caught:
        read_dataset(file, name, **kwargs)
    assert str(caught.value).startswith(f"{path}: {name}: ")
    reason = str(caught.value).removeprefix(f"{path}: {name}: ")
    assert all(part in reason for part in words)
    with pytest.raises(FileError) as caught:
        read_strain(path, channel=name, sample_rate=4096)
    assert str(path) in str(caught.value)
    assert name in str(caught.value)


@pytest.mark.parametrize("name", ["link", "a/link", "a/b/c/link"])
def test_external_link_at_any_depth(tmp_path, secret, name):
    path = write(tmp_path / "x.h5", lambda f: f.__setitem__(name, h5py.ExternalLink(secret.name, "/data")))
    refuse(path, name, "external link", secret.name)


@pytest.mark.parametrize("name", ["strain/Strain", "a/strain/Strain"])
def test_external_link_as_a_group_on_the_way(tmp_path, secret, name):
    group = name.removesuffix("/Strain")
    path = write(tmp_path / "x.h5", lambda f: f.__setitem__(group, h5py.ExternalLink(secret.name, "/strain")))
    refuse(path, name, "external link")


def test_external_link_in_place_of_gwosc_strain_is_met_without_naming_it(tmp_path, secret):
    path = write(
        tmp_path / "x.h5", lambda f: f.__setitem__("strain", h5py.ExternalLink(secret.name, "/strain"))
    )
    with pytest.raises(FileError, match="external link"):
        read_strain(path)


def test_file_of_external_links_only_says_why_it_is_refused(tmp_path, secret):
    path = write(tmp_path / "x.h5", lambda f: f.__setitem__("H1", h5py.ExternalLink(secret.name, "/data")))
    with pytest.raises(FileError, match=r"H1.*external link"):
        read_strain(path, sample_rate=4096)


@pytest.mark.parametrize("target", ["/out", "out", "/deep/out", "deep/out"])
def test_soft_link_to_an_external_link(tmp_path, secret, target):
    def build(file):
        file[target] = h5py.ExternalLink(secret.name, "/data")
        file["soft"] = h5py.SoftLink(target)
        file["softer"] = h5py.SoftLink("/soft")

    refuse(write(tmp_path / "x.h5", build), "softer", "external link")


def test_soft_link_inside_the_file_is_followed(tmp_path):
    def build(file):
        file["a/b/data"] = np.arange(5.0)
        file["a/relative"] = h5py.SoftLink("b/data")
        file["absolute"] = h5py.SoftLink("/a/relative")
        file["group"] = h5py.SoftLink("/a")

    path = write(tmp_path / "x.h5", build)
    with open_hdf5(path) as file:
        for name in ("a/relative", "absolute", "group/relative", "/group/./b/data"):
            np.testing.assert_array_equal(read_dataset(file, name), np.arange(5.0))
        assert list_datasets(file) == ["a/b/data"]


def test_soft_link_in_circles_and_to_nowhere(tmp_path):
    def build(file):
        file["one"] = h5py.SoftLink("/two")
        file["two"] = h5py.SoftLink("/one")
        file["nowhere"] = h5py.SoftLink("/nothing")

    path = write(tmp_path / "x.h5", build)
    refuse(path, "one", "loop")
    refuse(path, "nowhere", "no such")


def test_external_storage(tmp_path):
    (tmp_path / "raw.bin").write_bytes(SECRET.tobytes())
    path = tmp_path / "x.h5"
    with h5py.File(path, "w") as file:
        file.create_dataset(
            "a/data", shape=(8,), dtype="f8", external=[(str(tmp_path / "raw.bin"), 0, SECRET.nbytes)]
        )
    refuse(path, "a/data", "external storage")
    with pytest.raises(FileError, match="external storage"):
        read_strain(path, sample_rate=4096)


def test_virtual_dataset(tmp_path, secret):
    layout = h5py.VirtualLayout(shape=(8,), dtype="f8")
    layout[:] = h5py.VirtualSource(str(secret), "data", shape=(8,))
    path = write(tmp_path / "x.h5", lambda f: f.create_virtual_dataset("a/data", layout))
    refuse(path, "a/data", "is a virtual dataset")


@pytest.mark.parametrize("chunks", [(4096,), None])
def test_eight_terabyte_claim_is_refused_before_allocation(tmp_path, chunks):
    path = write(tmp_path / "x.h5", lambda f: f.create_dataset("big", (10**12,), "f8", chunks=chunks))
    assert path.stat().st_size < 10_000
    refuse(path, "big", "8,000,000,000,000 bytes", "cap")


@pytest.mark.parametrize("count", [10, 10**8])
def test_claim_below_the_cap_that_was_never_written(tmp_path, count):
    path = write(
        tmp_path / "x.h5", lambda f: f.create_dataset("big", (count,), "f8", chunks=(min(count, 4096),))
    )
    assert count * 8 < MAX_BYTES
    refuse(path, "big", "never written")


def test_partly_written_dataset_is_not_read_as_zeros(tmp_path):
    def build(file):
        file.create_dataset("half", (1000,), "f8", chunks=(100,))[:500] = 1.0

    refuse(write(tmp_path / "x.h5", build), "half", "5 of 10 chunks")


def test_compression_bomb(tmp_path):
    def build(file):
        zeros = np.zeros(6_000_000)
        file.create_dataset("bomb", data=zeros, chunks=(1_000_000,), compression="gzip", compression_opts=9)

    path = write(tmp_path / "x.h5", build)
    assert 48e6 / path.stat().st_size > 500
    refuse(path, "bomb", "bomb", "200 to 1")


def test_chunk_larger_than_its_dataset_counts(tmp_path):
    def build(file):
        file.create_dataset(
            "wide", data=np.zeros(10), maxshape=(None,), chunks=(6_000_000,), compression="gzip"
        )

    refuse(write(tmp_path / "x.h5", build), "wide", "48,000,000 bytes")


def test_series_with_long_gaps_is_read(tmp_path):
    values = np.full(262_144, np.nan)
    values[:20_000] = np.random.default_rng(0).normal(size=20_000)

    def build(file):
        file.create_dataset("H1", data=values, compression="gzip", shuffle=True).attrs["sample_rate"] = 4096

    series = read_strain(write(tmp_path / "x.h5", build))["H1"]
    np.testing.assert_array_equal(series.values, values)
    assert series.gaps.sum() == 242_144


def test_cap_is_the_callers(tmp_path):
    path = write(tmp_path / "x.h5", lambda f: f.__setitem__("data", np.zeros(100)))
    with open_hdf5(path) as file:
        assert read_dataset(file, "data", max_bytes=800).shape == (100,)
        with pytest.raises(FileError, match="800 bytes, more than the cap of 799"):
            read_dataset(file, "data", max_bytes=799)


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (np.array([b"ab", b"cd"]), "text"),
        (["ab", "cd"], "text"),
        (np.zeros(3, dtype=[("x", "f8"), ("y", "i4")]), "records with fields x, y"),
        (h5py.Empty("f8"), "null dataspace"),
    ],
)
def test_wrong_dtype(tmp_path, value, words):
    refuse(write(tmp_path / "x.h5", lambda f: f.__setitem__("a/data", value)), "a/data", words)


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (np.zeros((2, 8)), "one dimension"),
        (np.float64(1), "one dimension"),
        (np.zeros(8, complex), "real numbers"),
        (np.zeros(8, bool), "real numbers"),
        (np.zeros(0), "no samples"),
    ],
)
def test_numbers_that_are_no_strain(tmp_path, value, words):
    path = write(tmp_path / "x.h5", lambda f: f.__setitem__("a/data", value))
    for channel in ("a/data", None):
        with pytest.raises(FileError, match=words) as caught:
            read_strain(path, channel=channel, sample_rate=4096)
        assert f"{path}: a/data" in str(caught.value)


def test_group_where_a_dataset_is_needed_and_the_reverse(tmp_path):
    path = write(tmp_path / "x.h5", lambda f: f.__setitem__("a/data", SECRET))
    refuse(path, "a", "is a group")
    refuse(path, "a/data/deeper", "not a group")
    refuse(path, "a/other", "no such")


def test_named_type_is_neither_group_nor_dataset(tmp_path):
    refuse(write(tmp_path / "x.h5", lambda f: f.__setitem__("kind", np.dtype("f8"))), "kind", "neither")


@pytest.mark.parametrize("name", ["strain.hdf5", "strain.h5", "strain.hdf"])
def test_text_named_hdf5(tmp_path, name):
    path = tmp_path / name
    path.write_text("time,strain\n0,1\n1,2\n")
    for read in (read_strain, lambda p: open_hdf5(p).__enter__()):
        with pytest.raises(FileError, match="not an HDF5 file") as caught:
            read(path)
        assert str(path) in str(caught.value)


def test_empty_missing_and_directory(tmp_path):
    empty = tmp_path / "empty.hdf5"
    empty.touch()
    for path, words in (
        (empty, "empty"),
        (tmp_path / "none.hdf5", "no such file"),
        (tmp_path, "regular file"),
    ):
        for read in (read_strain, lambda p: open_hdf5(p).__enter__()):
            with pytest.raises(FileError, match=words) as caught:
                read(path)
            assert str(path) in str(caught.value)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="named pipes are a POSIX thing")
def test_named_pipe_does_not_hang(tmp_path):
    path = tmp_path / "pipe.hdf5"
    os.mkfifo(path)
    start = time.monotonic()
    with pytest.raises(FileError, match="regular file"):
        read_strain(path)
    assert time.monotonic() - start < 5


@pytest.mark.parametrize("keep", [0.01, 0.3, 0.9, 0.999])
def test_truncated(tmp_path, keep):
    values = np.random.default_rng(0).normal(size=20_000)
    whole = write(tmp_path / "whole.h5", lambda f: f.__setitem__("H1", values)).read_bytes()
    path = tmp_path / "cut.h5"
    path.write_bytes(whole[: int(keep * len(whole))])
    with pytest.raises(FileError, match="cut short") as caught:
        read_strain(path, sample_rate=4096)
    assert str(path) in str(caught.value)


def test_damaged_compressed_data(tmp_path):
    values = np.random.default_rng(0).normal(size=20_000)
    path = tmp_path / "x.h5"
    with h5py.File(path, "w") as file:
        dataset = file.create_dataset("H1", data=values, chunks=(20_000,), compression="gzip")
        place = dataset.id.get_chunk_info(0)
    data = bytearray(path.read_bytes())
    middle = place.byte_offset + place.size // 2
    data[middle : middle + 64] = bytes(64)
    path.write_bytes(data)
    refuse(path, "H1", "damaged")


def test_damage_anywhere_gives_an_error_of_ours_or_numbers(tmp_path):
    values = np.random.default_rng(0).normal(size=64)

    def build(file):
        dataset = file.create_dataset("a/H1", data=values, chunks=(16,), compression="gzip")
        dataset.attrs.update({"dx": 1 / 4096, "x0": 3.0, "xunit": "s", "unit": "strain", "name": "H1"})

    whole = write(tmp_path / "whole.h5", build).read_bytes()
    path = tmp_path / "damaged.h5"
    outcomes, messages = set(), []
    for place in range(0, len(whole), 23):
        damaged = bytearray(whole)
        damaged[place] ^= 0xFF
        path.write_bytes(damaged)
        try:
            outcomes.add(type(read_strain(path)))
        except SigdenError as error:
            messages.append(str(error))
            outcomes.add(type(error))
    assert all(str(path) in message for message in messages)
    assert outcomes == {dict, FileError}


def test_hard_link_cycle_ends(tmp_path):
    def build(file):
        file["a/data"] = SECRET
        file["a/again"] = file["/"]

    path = write(tmp_path / "x.h5", build)
    with open_hdf5(path) as file:
        assert list_datasets(file) == ["a/data"]
        assert find_object(file, "a/again/a/data") is not None


def test_attributes_are_plain_values_only(tmp_path):
    def build(file):
        attrs = file.attrs
        attrs["text"] = "Tübingen"
        attrs["bytes"] = np.bytes_(b"\x80\x04pickle.")
        attrs["number"] = 3
        attrs["one"] = np.array([2.5])
        attrs["few"] = np.arange(3)
        attrs["many"] = np.zeros(2000)
        attrs["reference"] = file.ref
        attrs["empty"] = h5py.Empty("f8")
        attrs["record"] = np.zeros((), dtype=[("x", "f8")])

    path = write(tmp_path / "x.h5", build)
    with open_hdf5(path) as file:
        values = read_attributes(file)
        np.testing.assert_array_equal(values.pop("few"), [0, 1, 2])
        assert values == {"text": "Tübingen", "number": 3, "one": 2.5, "empty": None}
        assert read_attribute(file, "absent") is None
        for name in ("bytes", "many", "reference", "record"):
            with pytest.raises(FileError, match=name) as caught:
                read_attribute(file, name)
            assert str(path) in str(caught.value)


def test_pickled_channel_is_not_unpickled(tmp_path):
    class Trap:
        def __reduce__(self):
            return (open, (str(tmp_path / "sprung"), "w"))

    def build(file):
        file["H1"] = SECRET
        file["H1"].attrs.update(
            {"dx": 0.25, "x0": 1.0, "xunit": "s", "channel": np.void(pickle.dumps(Trap()))}
        )

    series = read_strain(write(tmp_path / "x.h5", build))["H1"]
    assert series.channel is None
    np.testing.assert_array_equal(series.values, SECRET)
    assert not (tmp_path / "sprung").exists()


def test_texts(tmp_path):
    def build(file):
        file["one"] = "H1"
        file["list"] = np.array([b"DATA", b"CAT1"])
        file["long"] = np.array([b"x"] * 100)
        file["binary"] = np.bytes_(b"\xff\xfe")
        file["number"] = 3

    path = write(tmp_path / "x.h5", build)
    with open_hdf5(path) as file:
        assert read_text(file, "one") == "H1"
        assert read_text(file, "absent") is None
        assert read_texts(file, "list") == ("DATA", "CAT1")
        assert read_texts(file, "absent") == ()
        for read, name in ((read_text, "list"), (read_text, "number"), (read_text, "binary")):
            with pytest.raises(FileError, match=name):
                read(file, name)
        for name in ("long", "number"):
            with pytest.raises(FileError, match=name):
                read_texts(file, name)
