"""Cubes that are opened and written in parts: like those that are read and written whole."""

import json
import tracemalloc

import numpy as np
import pytest
from astropy.io import fits

from sigden import FileError
from sigden.io import Cube, create_cube, open_cube, read_cube, write_cube
from sigden.io.cube_part import CubePart, RawArray, order_of_axes
from sigden.io.cube_value import placeholder

SHAPE = (7, 5, 6)
VALUES = np.random.default_rng(0).random(SHAPE, np.float32)
VARIANCE = VALUES * 0.1 + 0.01
BAD = np.arange(6) == 2
WAVELENGTH = np.linspace(400.0, 900.0, 6)
KINDS = [("a.npy", 2), ("a.npy", 0), ("a.h5", 2), ("a.h5", 1), ("a.fits", 0), ("a.hdr", 2)]


def described(axis, name):
    plain = name.endswith(".npy")
    return Cube(
        values=VALUES,
        variance=None if plain else VARIANCE,
        wavelength=None if plain else WAVELENGTH,
        wavelength_unit="" if plain else "nm",
        bad_bands=BAD if name.endswith((".h5", ".hdr")) else None,
        unit="" if plain else "Jy",
        axis=axis,
    )


def assert_alike(found, expected):
    for name in ("values", "mask", "variance"):
        part, whole = getattr(found, name), getattr(expected, name)
        assert (part is None) == (whole is None), name
        if part is not None:
            assert part.dtype == whole.dtype
            assert part.shape == whole.shape
            np.testing.assert_array_equal(part[:, :, :], whole)
            np.testing.assert_array_equal(part[2:5, 1:3, 2:6], whole[2:5, 1:3, 2:6])
            np.testing.assert_array_equal(part[6:9, :, 1:2], whole[6:9, :, 1:2])
    for name in ("wavelength", "fwhm", "bad_bands"):
        np.testing.assert_array_equal(getattr(found, name), getattr(expected, name), err_msg=name)
    for name in ("wavelength_unit", "unit", "axis", "name"):
        assert getattr(found, name) == getattr(expected, name), name


@pytest.mark.parametrize(("name", "axis"), KINDS)
def test_opened_is_what_is_read(tmp_path, name, axis):
    write_cube(tmp_path / name, described(axis, name))
    given = axis if name.endswith((".npy", ".h5")) else None
    with open_cube(tmp_path / name, axis=given) as found:
        assert_alike(found, read_cube(tmp_path / name, axis=given))


@pytest.mark.parametrize(("name", "axis"), KINDS)
def test_written_in_parts_is_what_is_written_whole(tmp_path, name, axis):
    cube = described(axis, name)
    write_cube(tmp_path / name, cube, provenance={"method": "Test"})
    other = tmp_path / f"parts{name[1:]}"
    with create_cube(other, cube, variance=True, provenance={"method": "Test"}) as (values, variance):
        for first, last in ((0, 3), (3, 4), (4, 7)):
            values[first:last, :, :] = VALUES[first:last]
            if variance is not None:
                variance[first:last, :, :] = VARIANCE[first:last]
    given = axis if name.endswith((".npy", ".h5")) else None
    found, expected = (read_cube(path, axis=given) for path in (other, tmp_path / name))
    np.testing.assert_array_equal(found.values, expected.values)
    assert (found.variance is None) == (expected.variance is None)
    if expected.variance is not None:
        np.testing.assert_array_equal(found.variance, expected.variance)
    np.testing.assert_array_equal(found.wavelength, expected.wavelength)
    np.testing.assert_array_equal(found.bad_bands, expected.bad_bands)
    assert found.unit == expected.unit
    if name == "a.npy":
        assert other.read_bytes() == (tmp_path / name).read_bytes()
        assert json.loads(other.with_suffix(".json").read_text()) == {"method": "Test"}


def test_fits_keeps_its_other_units(tmp_path):
    primary = fits.PrimaryHDU()
    primary.header["TELESCOP"] = "JWST"
    flags = np.zeros((6, 7, 5), np.uint32)
    flags[1, 2, 3], flags[4, 5, 0] = 1, 4
    units = [
        primary,
        fits.ImageHDU(np.moveaxis(VALUES, 2, 0), name="SCI"),
        fits.ImageHDU(np.moveaxis(np.sqrt(VARIANCE), 2, 0), name="ERR"),
        fits.ImageHDU(flags, name="DQ"),
        fits.BinTableHDU.from_columns([fits.Column("x", "E", array=np.arange(4.0))], name="EXTRA"),
    ]
    fits.HDUList(units).writeto(tmp_path / "a.fits")
    out = tmp_path / "b.fits"
    with open_cube(tmp_path / "a.fits") as cube:
        np.testing.assert_array_equal(np.argwhere(cube.mask[:, :, :]), [[2, 3, 1]])
        np.testing.assert_allclose(cube.variance[1:2, :, :], VARIANCE[1:2], rtol=1e-5)
        with create_cube(out, cube, variance=True, provenance={"method": "Test"}) as (values, variance):
            values[0:7, :, :] = 2 * VALUES
            variance[0:7, :, :] = 4 * VARIANCE
    with fits.open(out) as found:
        found.verify("exception")
        assert [unit.name for unit in found] == ["PRIMARY", "SCI", "ERR", "DQ", "EXTRA"]
        np.testing.assert_array_equal(found["DQ"].data, flags)
        np.testing.assert_array_equal(found["EXTRA"].data["x"], np.arange(4.0))
        np.testing.assert_allclose(found["ERR"].data, 2 * np.moveaxis(np.sqrt(VARIANCE), 2, 0), rtol=1e-6)
        assert "sigden method = Test" in str(found["SCI"].header["HISTORY"])
    with (
        open_cube(out) as cube,
        create_cube(tmp_path / "c.fits", cube, variance=False, provenance={}) as (values, variance),
    ):
        assert variance is None
        values[0:7, :, :] = VALUES
    with fits.open(tmp_path / "c.fits") as found:
        assert [unit.name for unit in found] == ["PRIMARY", "SCI", "DQ", "EXTRA"]


@pytest.mark.parametrize("name", ["b.npy", "b.h5", "b.fits", "b.hdr"])
def test_nothing_is_left_of_what_was_interrupted(tmp_path, name):
    cube = described(2, name)

    def interrupted():
        with create_cube(tmp_path / name, cube, variance=False, provenance={}) as (values, _):
            values[0:2, :, :] = VALUES[0:2]
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert not any(tmp_path.iterdir())


def test_integers_fortran_order_and_ignored_values(tmp_path):
    counts = (VALUES * 1000).astype(np.uint16)
    np.save(tmp_path / "f.npy", np.asfortranarray(counts))
    with open_cube(tmp_path / "f.npy") as cube:
        assert cube.values.dtype == np.float32
        np.testing.assert_array_equal(cube.values[1:4, 2:3, :], counts[1:4, 2:3])
    write_cube(
        tmp_path / "a.hdr", Cube(values=VALUES, header={"interleave": "bil", "data ignore value": "0"})
    )
    with open_cube(tmp_path / "a.img") as cube:
        np.testing.assert_array_equal(cube.values[3:6, :, :], VALUES[3:6])
        assert not cube.mask[:, :, :].any()


def test_a_part_beyond_the_end_of_the_file_is_named(tmp_path):
    (tmp_path / "x").write_bytes(bytes(100))
    with open(tmp_path / "x", "rb", buffering=0) as file:
        part = CubePart(RawArray(file, np.float32, (3, 4, 5)), order_of_axes(2), np.float32)
        assert not part[0:1, :, :].any()
        with pytest.raises(FileError, match="cut short"):
            part[0:3, :, :]


@pytest.mark.parametrize("name", ["a.npz", "a.mat", "a.fits.gz"])
def test_what_cannot_be_done_in_parts(tmp_path, name):
    with (
        pytest.raises(FileError, match="cannot be written in parts"),
        create_cube(tmp_path / name, described(2, name), variance=False, provenance={}),
    ):
        pass
    write_cube(tmp_path / name, described(2, name))
    with pytest.raises(FileError, match="cannot be read in parts"), open_cube(tmp_path / name):
        pass


def test_damaged_npy(tmp_path):
    np.save(tmp_path / "a.npy", VALUES)
    (tmp_path / "a.npy").write_bytes((tmp_path / "a.npy").read_bytes()[:-9])
    with pytest.raises(FileError, match="cut short or damaged"), open_cube(tmp_path / "a.npy"):
        pass


def test_hdf5_is_made_without_the_memory_of_the_cube(tmp_path):
    cube = Cube(values=placeholder((400, 300, 50)), axis=1)
    tracemalloc.start()
    try:
        with create_cube(tmp_path / "a.h5", cube, variance=True, provenance={}) as (values, variance):
            values[0:1, :, :] = variance[0:1, :, :] = np.ones((1, 300, 50), np.float32)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < cube.values.nbytes / 2


@pytest.mark.parametrize(
    ("kind", "expected"), [(np.int16, np.float32), (np.uint16, np.float32), (np.int32, np.float64)]
)
def test_integers_of_fits_become_single_precision_where_that_holds_them(tmp_path, kind, expected):
    stored = np.moveaxis(VALUES * 1000, 2, 0).astype(kind)
    fits.HDUList([fits.PrimaryHDU(), fits.ImageHDU(stored)]).writeto(tmp_path / "a.fits")
    whole = read_cube(tmp_path / "a.fits")
    assert whole.values.dtype == expected
    np.testing.assert_array_equal(np.moveaxis(whole.values, 2, 0), stored)
    with open_cube(tmp_path / "a.fits") as found:
        assert_alike(found, whole)


@pytest.mark.parametrize("name", ["b.npy", "b.h5", "b.fits", "b.hdr"])
@pytest.mark.parametrize("failure", [OSError("no network"), RuntimeError("lost")])
def test_a_failure_of_the_caller_is_not_one_of_the_file(tmp_path, name, failure):
    with (
        pytest.raises(type(failure), match=str(failure)) as caught,
        create_cube(tmp_path / name, described(2, name), variance=False, provenance={}),
    ):
        raise failure
    assert caught.value is failure
    assert not any(tmp_path.iterdir())


def test_a_part_that_hdf5_does_not_take_names_the_file(tmp_path):
    def write_to_a_closed_file():
        cube = described(2, "b.h5")
        with create_cube(tmp_path / "b.h5", cube, variance=False, provenance={}) as (values, _):
            values._data._dataset.file.close()
            values[0:1, :, :] = VALUES[0:1]

    with pytest.raises(FileError, match=r"b\.h5: cannot be written"):
        write_to_a_closed_file()
    assert not any(tmp_path.iterdir())
