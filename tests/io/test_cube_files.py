import json

import h5py
import numpy as np
import pytest
from astropy.io import fits

from sigden.errors import FileError, InputError
from sigden.io import Cube, open_cube, read_cube, write_cube

ROWS, COLUMNS, BANDS = 5, 4, 7


@pytest.fixture
def values():
    return np.random.default_rng(0).standard_normal((ROWS, COLUMNS, BANDS)).astype(np.float32)


@pytest.fixture
def cube(values):
    bad = np.zeros(BANDS, bool)
    bad[2] = True
    return Cube(
        values=values,
        variance=np.abs(values) + 1,
        wavelength=np.linspace(400.0, 700.0, BANDS),
        wavelength_unit="nm",
        fwhm=np.full(BANDS, 9.5),
        bad_bands=bad,
    )


@pytest.fixture
def envi(tmp_path):
    """Write an ENVI pair by hand, not through the code under test."""
    pytest.importorskip("spectral")

    def make(stored, interleave="bsq", extra="", name="scene", offset=0, code=12, cut=0, order=0):
        axes = {"bip": (0, 1, 2), "bil": (0, 2, 1), "bsq": (2, 0, 1)}[interleave]
        content = b"\x07" * offset + stored.transpose(axes).tobytes()
        (tmp_path / f"{name}.img").write_bytes(content[: len(content) - cut])
        rows, columns, bands = stored.shape
        (tmp_path / f"{name}.hdr").write_text(
            f"ENVI\nsamples = {columns}\nlines = {rows}\nbands = {bands}\nheader offset = {offset}\n"
            f"file type = ENVI Standard\ndata type = {code}\ninterleave = {interleave}\n"
            f"byte order = {order}\n{extra}"
        )
        return tmp_path / f"{name}.hdr"

    return make


EXTRA = (
    "wavelength units = Nanometers\nwavelength = {400, 450, 500, 550, 600, 650, 700}\n"
    "fwhm = {9,9,9,9,9,9,9}\nbbl = {1, 1, 0, 1, 1, 1, 1}\nmap info = {UTM, 1.000, 5, 7}\n"
    "Sensor Type = AVIRIS\ndescription = {a scene}\n"
)


@pytest.mark.parametrize("interleave", ["bip", "bil", "bsq"])
@pytest.mark.parametrize("dtype", ["<u2", ">u2"])
def test_envi_in_and_out(envi, tmp_path, interleave, dtype):
    stored = np.arange(ROWS * COLUMNS * BANDS).reshape(ROWS, COLUMNS, BANDS) + 65000
    stored = (stored % 65536).astype(dtype)
    path = envi(stored, interleave, EXTRA, offset=16, order=int(dtype[0] == ">"))
    found = read_cube(path)
    assert found.values.dtype == np.float32
    np.testing.assert_array_equal(found.values, stored.astype(float))
    np.testing.assert_array_equal(read_cube(path.with_suffix(".img")).values, found.values)
    assert list(np.flatnonzero(found.bad_bands)) == [2]
    assert (found.wavelength[0], found.wavelength[-1], found.wavelength_unit) == (400, 700, "Nanometers")
    # values beyond the integer type of the input are no matter: what comes out is floating
    write_cube(tmp_path / "out.hdr", found.with_values(2 * found.values), provenance={"method": "X, {y}"})
    again = read_cube(tmp_path / "out.hdr")
    np.testing.assert_array_equal(again.values, 2.0 * stored)
    for name in ("wavelength", "fwhm", "bad_bands"):
        np.testing.assert_array_equal(getattr(again, name), getattr(found, name))
    assert again.header["interleave"] == interleave
    assert again.header["map info"] == ["UTM", "1.000", "5", "7"]
    assert again.header["sensor type"] == "AVIRIS"
    assert again.header["description"].strip() == "a scene"
    assert again.header["history"] == ["sigden method : X; (y)"]


def test_envi_is_what_spectral_reads(cube, tmp_path):
    spectral = pytest.importorskip("spectral")
    write_cube(tmp_path / "a.hdr", cube)
    image = spectral.envi.open(str(tmp_path / "a.hdr"))
    np.testing.assert_array_equal(np.asarray(image.load()), cube.values)
    np.testing.assert_allclose(image.bands.centers, cube.wavelength)
    assert image.metadata["bbl"] == [1, 1, 0, 1, 1, 1, 1]


def test_envi_ignore_value_is_masked(envi):
    stored = np.ones((ROWS, COLUMNS, BANDS), "<i2")
    stored[1, 2] = -9999
    found = read_cube(envi(stored, extra="data ignore value = -9999\n", code=2))
    assert found.mask[1, 2].all()
    assert found.mask.sum() == BANDS


@pytest.mark.parametrize("value", ["-9999", "0.5", "1e9", "nan"])
def test_envi_ignore_value_that_the_type_does_not_hold_masks_nothing(envi, value):
    stored = np.array([55537, 0, 51712, 65535], "<u2")[np.arange(ROWS * COLUMNS * BANDS) % 4]
    path = envi(stored.reshape(ROWS, COLUMNS, BANDS), extra=f"data ignore value = {value}\n")
    assert read_cube(path).mask is None
    with open_cube(path) as found:
        assert found.mask is None


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"cut": 3}, "cut short, 277 bytes of 280"),
        ({"extra": "wavelength = {1, 2}\n"}, "wavelength has 2 values for 7 bands"),
        ({"extra": "bbl = {1, 1, x, 1, 1, 1, 1}\n"}, "bbl"),
        ({"extra": "data ignore value = none\n"}, "data ignore value"),
        ({"extra": "file compression = 1\n"}, "compressed"),
        ({"code": 99}, "no ENVI type"),
        ({"code": 6, "cut": -1}, "cut short"),
        ({"extra": "interleave = tiled\n"}, "interleave 'tiled'"),
        ({"extra": "wavelength = {1, 2\n"}, "cannot be read as an ENVI header"),
    ],
)
def test_envi_that_cannot_be_used(envi, change, message):
    stored = np.ones((ROWS, COLUMNS, BANDS), "<u2")
    with pytest.raises(FileError, match=message):
        read_cube(envi(stored, **change))


def test_envi_halves_that_are_missing(envi, tmp_path):
    path = envi(np.ones((ROWS, COLUMNS, BANDS), "<u2"))
    path.with_suffix(".img").rename(tmp_path / "other.img")
    with pytest.raises(FileError, match=r"data file \(scene.img"):
        read_cube(path)
    with pytest.raises(FileError, match=r"header other.hdr is not beside"):
        read_cube(tmp_path / "other.img")
    with pytest.raises(FileError, match="leave dataset and axis out"):
        read_cube(path, axis=0)


def spectral_header(kind="WAVE", axis=3):
    header = fits.Header()
    for key, value in (("CTYPE", kind), ("CRPIX", 1.0), ("CRVAL", 4750.0), ("CUNIT", "Angstrom")):
        header[f"{key}{axis}"] = value
    header[f"CD{axis}_{axis}"] = 1.25
    header["BUNIT"] = "10**(-20)*erg/s/cm**2/Angstrom"
    return header


def muse(path, values):
    raw = np.moveaxis(values, 2, 0)
    variance = np.abs(raw) + 1
    variance[0, 0, 0] = np.nan
    quality = np.zeros(raw.shape, np.int32)
    quality[1, 2, 3] = 4
    header = spectral_header("AWAV")
    units = [
        fits.PrimaryHDU(header=fits.Header({"INSTRUME": "MUSE"})),
        fits.ImageHDU(raw, header, name="DATA"),
        fits.ImageHDU(variance, header, name="STAT"),
        fits.ImageHDU(quality, header, name="DQ"),
    ]
    fits.HDUList(units).writeto(path)
    return variance


def test_muse(values, tmp_path):
    variance = muse(tmp_path / "m.fits", values)
    found = read_cube(tmp_path / "m.fits")
    np.testing.assert_array_equal(found.values, values)
    np.testing.assert_array_equal(found.variance, np.moveaxis(variance, 0, 2))
    assert [tuple(i) for i in np.argwhere(found.mask)] == [(0, 0, 0), (2, 3, 1)]
    np.testing.assert_allclose(found.wavelength, 4750 + 1.25 * np.arange(BANDS))
    assert (found.wavelength_unit, found.axis) == ("Angstrom", 0)
    out = found.with_values(values + 1, np.full_like(values, 0.25))
    write_cube(tmp_path / "out.fits", out, provenance={"method": "X"})
    with fits.open(tmp_path / "out.fits", checksum=True) as units:
        assert [u.name for u in units] == ["PRIMARY", "DATA", "STAT", "DQ"]
        np.testing.assert_array_equal(units["DATA"].data, np.moveaxis(values + 1, 2, 0))
        assert (units["STAT"].data == 0.25).all()
        assert units["DQ"].data[1, 2, 3] == 4
        assert units["DATA"].header["CTYPE3"] == "AWAV"
        assert units["PRIMARY"].header["INSTRUME"] == "MUSE"
        assert "sigden method = X" in str(units["DATA"].header["HISTORY"])
    write_cube(tmp_path / "bare.fits", found.with_values(values))
    with fits.open(tmp_path / "bare.fits") as units:
        # the variance of the input would be wrong for the estimate
        assert [u.name for u in units] == ["PRIMARY", "DATA", "DQ"]


def test_jwst(values, tmp_path):
    raw = np.moveaxis(values, 2, 0)
    quality = np.zeros(raw.shape, np.uint32)
    quality[0, 0, 0], quality[1, 1, 1] = 4, 513
    error = np.full(raw.shape, 0.5, np.float32)
    error[2, 0, 1] = 0
    units = [
        fits.PrimaryHDU(header=fits.Header({"TELESCOP": "JWST"})),
        fits.ImageHDU(raw, spectral_header(), name="SCI"),
        fits.ImageHDU(error, name="ERR"),
        fits.ImageHDU(quality, name="DQ"),
        fits.ImageHDU(raw[0], name="WMAP"),
    ]
    fits.HDUList(units).writeto(tmp_path / "j.fits")
    found = read_cube(tmp_path / "j.fits")
    # only DO_NOT_USE counts, and no error of zero is believed
    assert [tuple(i) for i in np.argwhere(found.mask)] == [(0, 1, 2), (1, 1, 1)]
    assert found.variance[0, 0, 0] == 0.25
    write_cube(tmp_path / "out.fits", found.with_values(values, np.full_like(values, 0.04)))
    with fits.open(tmp_path / "out.fits") as units:
        assert [u.name for u in units] == ["PRIMARY", "SCI", "ERR", "DQ", "WMAP"]
        np.testing.assert_allclose(units["ERR"].data, 0.2, rtol=1e-6)


def test_fits_axis_by_ctype(values, tmp_path):
    fits.PrimaryHDU(values, spectral_header(axis=1)).writeto(tmp_path / "a.fits")
    found = read_cube(tmp_path / "a.fits")
    np.testing.assert_array_equal(found.values, values)
    assert found.axis == 2
    assert len(found.wavelength) == BANDS
    write_cube(tmp_path / "b.fits", found)
    np.testing.assert_array_equal(fits.getdata(tmp_path / "b.fits"), values)
    assert read_cube(tmp_path / "a.fits", axis=0).values.shape == (COLUMNS, BANDS, ROWS)


@pytest.mark.parametrize("name", ["a.fits", "a.fits.gz"])
def test_fits_from_another_kind_of_file(cube, tmp_path, name):
    from dataclasses import replace

    write_cube(tmp_path / name, replace(cube, wavelength_unit="Nanometers", unit="Jy"))
    content = (tmp_path / name).read_bytes()
    assert content.startswith(b"\x1f\x8b" if name.endswith("gz") else b"SIMPLE")
    assert fits.getdata(tmp_path / name, "DATA").shape == (BANDS, ROWS, COLUMNS)
    found = read_cube(tmp_path / name)
    np.testing.assert_array_equal(found.values, cube.values)
    np.testing.assert_array_equal(found.variance, cube.variance)
    np.testing.assert_allclose(found.wavelength, cube.wavelength)
    assert (found.wavelength_unit, found.unit) == ("nm", "Jy")
    write_cube(tmp_path / "b.fits", replace(cube, wavelength_unit="channels"))
    assert read_cube(tmp_path / "b.fits").wavelength is None


def test_fits_that_cannot_be_used(values, tmp_path):
    fits.PrimaryHDU(values[0]).writeto(tmp_path / "flat.fits")
    with pytest.raises(FileError, match="no image with three axes"):
        read_cube(tmp_path / "flat.fits")
    fits.PrimaryHDU(values[None]).writeto(tmp_path / "four.fits")
    with pytest.raises(FileError, match="has no image with three axes"):
        read_cube(tmp_path / "four.fits")
    pair = [fits.PrimaryHDU(), fits.ImageHDU(values, name="DATA"), fits.ImageHDU(values[1:], name="STAT")]
    fits.HDUList(pair).writeto(tmp_path / "pair.fits")
    with pytest.raises(FileError, match=r"STAT\): has the shape"):
        read_cube(tmp_path / "pair.fits")
    pair[2] = fits.ImageHDU(0 * values, name="STAT")
    fits.HDUList(pair).writeto(tmp_path / "zero.fits")
    with pytest.raises(FileError, match="no variance is positive"):
        read_cube(tmp_path / "zero.fits")
    muse(tmp_path / "m.fits", values)
    (tmp_path / "cut.fits").write_bytes((tmp_path / "m.fits").read_bytes()[:6000])
    with pytest.raises(FileError, match=r"cut\.fits"):
        read_cube(tmp_path / "cut.fits")


@pytest.mark.parametrize("suffix", [".npz", ".mat", ".h5"])
@pytest.mark.parametrize("axis", [0, 2])
def test_named_arrays(cube, tmp_path, suffix, axis):
    from dataclasses import replace

    path = tmp_path / f"a{suffix}"
    write_cube(path, replace(cube, axis=axis), provenance={"method": "X"})
    found = read_cube(path)
    assert found.axis == axis
    for name in ("values", "variance", "wavelength", "fwhm", "bad_bands"):
        np.testing.assert_array_equal(getattr(found, name), getattr(cube, name))
    assert found.wavelength_unit == "nm"
    if suffix == ".h5":
        with h5py.File(path) as file:
            assert json.loads(file.attrs["provenance"]) == {"method": "X"}
    with pytest.raises(FileError, match="exists already"):
        write_cube(path, cube)


def test_npy_with_its_record(cube, tmp_path):
    write_cube(tmp_path / "a.npy", cube, provenance={"method": "X"})
    np.testing.assert_array_equal(read_cube(tmp_path / "a.npy").values, cube.values)
    assert json.loads((tmp_path / "a.json").read_text()) == {"method": "X"}
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a.json", "a.npy"]


def test_matlab_73_is_read_in_its_own_order(values, tmp_path):
    with h5py.File(tmp_path / "a.mat", "w", userblock_size=512) as file:
        file["cube"] = values.T
    with (tmp_path / "a.mat").open("r+b") as stream:
        stream.write(b"MATLAB 7.3 MAT-file, Platform: GLNXA64")
    np.testing.assert_array_equal(read_cube(tmp_path / "a.mat").values, values)


def test_which_array(values, tmp_path):
    np.savez(tmp_path / "a.npz", one=values, two=values + 1, wave_nm=np.arange(7.0))
    with pytest.raises(FileError, match=r"more than one array may be the cube.*one \(5, 4, 7\)"):
        read_cube(tmp_path / "a.npz")
    found = read_cube(tmp_path / "a.npz", dataset="two")
    np.testing.assert_array_equal(found.values, values + 1)
    with pytest.raises(FileError, match="no array 'three'"):
        read_cube(tmp_path / "a.npz", dataset="three")


def test_wrong_axis_order(values, tmp_path):
    np.savez(tmp_path / "a.npz", cube=values, wavelength=np.arange(9.0))
    with pytest.raises(FileError, match="9 wavelengths, and no axis has as many"):
        read_cube(tmp_path / "a.npz")
    np.savez(tmp_path / "b.npz", cube=np.ones((7, 7, 5)), wavelength=np.arange(7.0))
    with pytest.raises(FileError, match="two axes have"):
        read_cube(tmp_path / "b.npz")
    assert read_cube(tmp_path / "b.npz", axis=1).values.shape == (7, 5, 7)
    with pytest.raises(FileError, match="axis 2 of the shape"):
        read_cube(tmp_path / "b.npz", axis=2)


def test_files_that_are_no_cubes(values, tmp_path):
    np.save(tmp_path / "c.npy", values.astype(complex))
    with pytest.raises(FileError, match="real numbers are needed"):
        read_cube(tmp_path / "c.npy")
    np.save(tmp_path / "flat.npy", values[0])
    with pytest.raises(FileError, match="no array has three axes"):
        read_cube(tmp_path / "flat.npy")
    (tmp_path / "a.mat").write_bytes(b"MATLAB 5.0" + bytes(200))
    with pytest.raises(FileError, match=r"a\.mat"):
        read_cube(tmp_path / "a.mat")
    with pytest.raises(FileError, match="names no kind of cube"):
        read_cube(tmp_path / "a.txt")
    with pytest.raises(FileError, match="no such file"):
        read_cube(tmp_path / "none.h5")


def test_a_cube_of_shapes_that_do_not_fit(values):
    with pytest.raises(InputError, match="wavelength has the shape"):
        Cube(values=values, wavelength=np.arange(3.0))
    with pytest.raises(InputError, match="three axes"):
        Cube(values=values[0])
