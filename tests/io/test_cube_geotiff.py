"""GeoTIFF cubes: values, georeference, nodata, bands and masks survive; what cannot be used is named."""

import json
import sys
from dataclasses import replace

import numpy as np
import pytest
from click.testing import CliRunner

from sigden import FileError, MissingExtraError
from sigden.cli import main
from sigden.io import Cube, read_cube, write_cube
from sigden.simulate import gaussian_noise, spectral_cube

rasterio = pytest.importorskip("rasterio", reason="GeoTIFF needs the extra geotiff")

ROWS, COLUMNS, BANDS = 9, 7, 5
TRANSFORM = rasterio.Affine(30.0, 0.0, 500000.0, 0.0, -30.0, 4600000.0)
WAVELENGTH = [450.5, 550.0, 650.25, 800.0, 1600.0]


def geotiff(path, values, tags=(), description="blue", **profile):
    """File of values (rows, columns, bands), with a tag dict for each band."""
    rows, columns, bands = values.shape
    profile = {"crs": "EPSG:32633", "transform": TRANSFORM, "dtype": values.dtype.name} | profile
    with rasterio.open(path, "w", driver="GTiff", height=rows, width=columns, count=bands, **profile) as file:
        file.write(np.moveaxis(values, -1, 0))
        file.descriptions = [f"{description} {n}" for n in range(bands)]
        for number, items in enumerate(tags, 1):
            file.update_tags(number, **items)
        file.update_tags(AREA_OR_POINT="Point", scene="test")
        file.set_band_unit(1, "DN")
    return path


@pytest.fixture
def stored():
    return np.random.default_rng(0).integers(1, 4000, (ROWS, COLUMNS, BANDS)).astype(np.uint16)


def test_values_are_read_in_order_as_floats(tmp_path, stored):
    tags = [{"wavelength": str(w), "wavelength_units": "Nanometers", "bbl": "1"} for w in WAVELENGTH]
    tags[3]["bbl"] = "0"
    found = read_cube(geotiff(tmp_path / "a.tif", stored, tags))
    np.testing.assert_array_equal(found.values, stored)
    assert found.values.dtype == np.float32
    assert found.values.flags.c_contiguous
    assert found.mask is None
    np.testing.assert_array_equal(found.wavelength, WAVELENGTH)
    assert found.wavelength_unit == "Nanometers"
    np.testing.assert_array_equal(found.bad_bands, [False, False, False, True, False])


def test_what_a_file_says_is_written_back(tmp_path, stored):
    stored[2, 3, 1] = 65535
    tags = [{"wavelength": str(w), "STATISTICS_MEAN": "1"} for w in WAVELENGTH]
    path = geotiff(
        tmp_path / "a.tif",
        stored,
        tags,
        nodata=65535,
        compress="lzw",
        tiled=True,
        blockxsize=16,
        blockysize=16,
    )
    with rasterio.open(path, "r+") as file:
        file.scales, file.offsets = [0.5] * BANDS, [1.0] * BANDS
    cube = read_cube(path)
    assert cube.mask.sum() == 1
    assert cube.mask[2, 3, 1]
    out = tmp_path / "b.tif"
    write_cube(out, cube.with_values(cube.values + 0.25), provenance={"method": "HyRes"})
    with rasterio.open(out) as file:
        assert file.crs.to_epsg() == 32633
        assert file.transform == TRANSFORM
        assert file.nodata == 65535
        assert file.dtypes == ("float32",) * BANDS
        assert file.descriptions == tuple(f"blue {n}" for n in range(BANDS))
        assert (file.scales, file.offsets) == ((0.5,) * BANDS, (1.0,) * BANDS)
        assert file.units[0] == "DN"
        assert (file.profile["compress"], file.profile["blockxsize"]) == ("lzw", 16)
        assert file.tags(2)["wavelength"] == "550.0"
        assert "STATISTICS_MEAN" not in file.tags(2)
        assert (file.tags()["scene"], file.tags()["AREA_OR_POINT"]) == ("test", "Point")
        assert json.loads(file.tags()["SIGDEN"]) == {"method": "HyRes"}
        np.testing.assert_array_equal(np.moveaxis(file.read(), 0, -1), stored + np.float32(0.25))
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a.tif", "b.tif"]
    with pytest.raises(FileError, match="exists"):
        write_cube(out, cube)


def test_nan_as_nodata_and_double_precision(tmp_path):
    values = np.random.default_rng(1).standard_normal((ROWS, COLUMNS, 2))
    values[0, 0] = np.nan
    cube = read_cube(geotiff(tmp_path / "a.tiff", values, nodata=np.nan))
    assert cube.values.dtype == np.float64
    np.testing.assert_array_equal(cube.mask, np.isnan(values))
    write_cube(tmp_path / "b.tiff", cube)
    np.testing.assert_array_equal(read_cube(tmp_path / "b.tiff").values, values)


def test_a_mask_within_the_file_is_kept(tmp_path, stored):
    valid = np.full((ROWS, COLUMNS), 255, np.uint8)
    valid[:2] = 0
    with rasterio.Env(GDAL_TIFF_INTERNAL_MASK="YES"):
        path = geotiff(tmp_path / "a.tif", stored)
        with rasterio.open(path, "r+") as file:
            file.write_mask(valid)
    cube = read_cube(path)
    np.testing.assert_array_equal(cube.mask, np.repeat((valid == 0)[..., None], BANDS, -1))
    write_cube(tmp_path / "b.tif", cube)
    np.testing.assert_array_equal(read_cube(tmp_path / "b.tif").mask, cube.mask)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a.tif", "b.tif"]


def test_ground_control_points_are_kept(tmp_path, stored):
    points = [
        rasterio.control.GroundControlPoint(r, c, 10.0 + c, 50.0 - r) for r, c in ((0, 0), (0, 6), (8, 0))
    ]
    path = tmp_path / "a.tif"
    where = {"gcps": points, "crs": "EPSG:4326"}
    with rasterio.open(
        path, "w", driver="GTiff", height=ROWS, width=COLUMNS, count=BANDS, dtype="uint16", **where
    ) as file:
        file.write(np.moveaxis(stored, -1, 0))
    write_cube(tmp_path / "b.tif", read_cube(path))
    with rasterio.open(tmp_path / "b.tif") as file:
        found, crs = file.gcps
    assert [(p.row, p.col, p.x, p.y) for p in found] == [(p.row, p.col, p.x, p.y) for p in points]
    assert crs.to_epsg() == 4326


def test_rational_polynomials_are_kept(tmp_path, stored):
    line, sample = [[float(k == n) for k in range(20)] for n in (1, 2)]
    scales = dict.fromkeys(("height_scale", "lat_scale", "line_scale", "long_scale", "samp_scale"), 2.0)
    offsets = dict.fromkeys(("height_off", "lat_off", "line_off", "long_off", "samp_off"), 3.0)
    rpcs = rasterio.rpc.RPC(
        line_num_coeff=line,
        line_den_coeff=line,
        samp_num_coeff=sample,
        samp_den_coeff=line,
        **scales,
        **offsets,
        err_bias=0.5,
        err_rand=0.25,
    )
    path = geotiff(tmp_path / "a.tif", stored)
    with rasterio.open(path, "r+") as file:
        file.rpcs = rpcs
    write_cube(tmp_path / "b.tif", read_cube(path))
    with rasterio.open(tmp_path / "b.tif") as file:
        assert file.rpcs.to_dict() == rpcs.to_dict()


def test_without_rasterio_the_extra_is_named(tmp_path, stored, monkeypatch):
    path = geotiff(tmp_path / "a.tif", stored)
    monkeypatch.setitem(sys.modules, "rasterio", None)
    with pytest.raises(MissingExtraError, match=r"sigden\[geotiff\]"):
        read_cube(path)


def test_wavelengths_of_the_domain_imagery_are_micrometres(tmp_path, stored):
    path = geotiff(tmp_path / "a.tif", stored)
    with rasterio.open(path, "r+") as file:
        for number, length in enumerate(WAVELENGTH, 1):
            file.update_tags(number, ns="IMAGERY", CENTRAL_WAVELENGTH_UM=str(length / 1000), FWHM_UM="0.01")
    cube = read_cube(path)
    np.testing.assert_allclose(cube.wavelength, np.array(WAVELENGTH) / 1000)
    np.testing.assert_array_equal(cube.fwhm, 0.01)
    assert cube.wavelength_unit == "um"
    write_cube(tmp_path / "b.tif", cube)
    np.testing.assert_array_equal(read_cube(tmp_path / "b.tif").wavelength, cube.wavelength)


def test_cubes_of_other_files_bring_their_bands(tmp_path, stored):
    values = stored.astype(np.float32)
    bad = np.arange(BANDS) == 1
    cube = Cube(
        values, wavelength=np.array(WAVELENGTH), wavelength_unit="nm", fwhm=np.ones(BANDS), bad_bands=bad
    )
    write_cube(tmp_path / "a.tif", cube)
    found = read_cube(tmp_path / "a.tif")
    np.testing.assert_array_equal(found.values, values)
    np.testing.assert_array_equal(found.wavelength, WAVELENGTH)
    np.testing.assert_array_equal(found.fwhm, 1.0)
    np.testing.assert_array_equal(found.bad_bands, bad)
    assert found.wavelength_unit == "nm"


def test_what_cannot_be_used_is_named(tmp_path, stored):
    with pytest.raises(FileError, match="no such file"):
        read_cube(tmp_path / "none.tif")
    (tmp_path / "text.tif").write_text("no image")
    with pytest.raises(FileError, match=r"text\.tif: is no GeoTIFF"):
        read_cube(tmp_path / "text.tif")
    path = geotiff(tmp_path / "a.tif", np.repeat(stored, 40, axis=2))
    with pytest.raises(FileError, match="more than the cap"):
        read_cube(path, max_bytes=1000)
    with pytest.raises(FileError, match="leave dataset and axis out"):
        read_cube(path, axis=0)
    whole = path.read_bytes()
    (tmp_path / "cut.tif").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(FileError, match=r"cut\.tif: is no GeoTIFF"):
        read_cube(tmp_path / "cut.tif")
    geotiff(tmp_path / "z.tif", np.ones((4, 4, 2), np.complex64))
    with pytest.raises(FileError, match="complex"):
        read_cube(tmp_path / "z.tif")
    tags = [{"wavelength": "blue"}] * BANDS
    with pytest.raises(FileError, match="wavelength: could not convert"):
        read_cube(geotiff(tmp_path / "w.tif", stored, tags))


def test_what_cannot_be_written_is_named_and_not_left(tmp_path, stored):
    cube = read_cube(geotiff(tmp_path / "a.tif", stored))
    tiles = {"tiled": True, "blockxsize": 7, "blockysize": 7}  # not a multiple of 16
    wrong = replace(cube, header=replace(cube.header, profile=tiles))
    with pytest.raises(FileError, match=r"b\.tif: cannot be written as GeoTIFF"):
        write_cube(tmp_path / "b.tif", wrong)
    assert [p.name for p in tmp_path.iterdir()] == ["a.tif"]


def test_provenance_may_hold_any_value(tmp_path, stored):
    cube = read_cube(geotiff(tmp_path / "a.tif", stored))
    write_cube(tmp_path / "b.tif", cube, provenance={"input": tmp_path})
    with rasterio.open(tmp_path / "b.tif") as file:
        assert json.loads(file.tags()["SIGDEN"]) == {"input": str(tmp_path)}


def test_the_command_takes_a_geotiff(tmp_path):
    truth = spectral_cube((40, 36), 12, endmembers=3, seed=1)
    noisy = gaussian_noise(truth, 0.05, seed=2).astype(np.float32)
    noisy[5, 6] = -9999
    path = geotiff(tmp_path / "scene.tif", noisy, nodata=-9999)
    result = CliRunner().invoke(main, ["cube", str(path), "--out", str(tmp_path / "out"), "--no-report"])
    assert result.exit_code == 0, result.output
    found = read_cube(tmp_path / "out" / "scene-denoised.tif")
    inside = np.ones(noisy.shape[:2], bool)
    inside[5, 6] = False
    assert np.mean((found.values - truth)[inside] ** 2) < 0.2 * np.mean((noisy - truth)[inside] ** 2)
    np.testing.assert_array_equal(found.mask, ~np.repeat(inside[..., None], 12, -1))
    with rasterio.open(tmp_path / "out" / "scene-denoised.tif") as file:
        assert (file.crs.to_epsg(), file.transform) == (32633, TRANSFORM)
        assert json.loads(file.tags()["SIGDEN"])["method"] == "SubspaceCollaborative"


def test_an_alpha_band_is_a_mask_and_no_band(tmp_path, stored):
    opaque = np.full((ROWS, COLUMNS, 1), 65535, np.uint16)
    opaque[:2] = 0
    colours = [rasterio.enums.ColorInterp.gray] * BANDS + [rasterio.enums.ColorInterp.alpha]
    path = geotiff(tmp_path / "a.tif", np.concatenate([stored, opaque], axis=-1))
    with rasterio.open(path, "r+") as file:
        file.colorinterp = colours
    cube = read_cube(path)
    np.testing.assert_array_equal(cube.values, stored)
    np.testing.assert_array_equal(cube.mask, np.repeat(opaque == 0, BANDS, -1))
    write_cube(tmp_path / "b.tif", cube)
    found = read_cube(tmp_path / "b.tif")
    np.testing.assert_array_equal(found.values, stored)
    np.testing.assert_array_equal(found.mask, cube.mask)
    path = geotiff(tmp_path / "c.tif", opaque)
    with rasterio.open(path, "r+") as file:
        file.colorinterp = colours[-1:]
    with pytest.raises(FileError, match="nothing but an alpha band"):
        read_cube(path)
