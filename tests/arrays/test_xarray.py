"""DataArrays: dimensions met by name, order, coordinates and attributes restored."""

import json

import numpy as np
import pytest

from sigden import ROF, HyRes, InputError
from sigden.arrays.containers import unpack
from sigden.simulate import gaussian_noise, spectral_cube

xr = pytest.importorskip("xarray", reason="needs xarray")

ROWS, COLUMNS, BANDS = 20, 24, 12


@pytest.fixture(scope="module")
def cube():
    truth = spectral_cube((ROWS, COLUMNS), BANDS, endmembers=3, seed=3).astype(float)
    return gaussian_noise(truth, np.linspace(0.03, 0.08, BANDS), seed=1)


def array(cube, dims=("y", "x", "wavelength"), spectral="wavelength"):
    names = ("y", "x", spectral)
    out = xr.DataArray(
        cube,
        dims=names,
        coords={"y": np.arange(ROWS) * 30.0, "x": np.arange(COLUMNS) * 30.0, "crs": 0},
        attrs={"units": "W m-2", "scene": "a"},
        name="radiance",
    )
    out = out.assign_coords(wavelength=(spectral, np.linspace(0.4, 2.4, BANDS), {"units": "um"}))
    return out.transpose(*dims)


@pytest.mark.parametrize(
    "dims", [("y", "x", "wavelength"), ("wavelength", "y", "x"), ("y", "wavelength", "x")], ids="-".join
)
def test_the_spectral_dimension_is_met_wherever_it_stands(cube, dims):
    data = array(cube, dims)
    before = data.copy(deep=True)
    out = HyRes()(data)
    assert out.dims == dims
    np.testing.assert_allclose(out.transpose("y", "x", "wavelength").data, HyRes()(cube), atol=1e-12)
    xr.testing.assert_identical(data, before)
    for name, coordinate in data.coords.items():
        xr.testing.assert_identical(out.coords[name], coordinate)
    assert out.name == "radiance"
    assert out.attrs["scene"] == "a"
    assert json.loads(out.attrs["sigden"])["method"] == "HyRes"


def test_bands_are_known_by_name_or_by_a_coordinate_of_wavelengths(cube):
    expected = HyRes()(cube)
    named = array(cube, ("band", "y", "x"), "band").drop_vars("wavelength")
    np.testing.assert_allclose(HyRes()(named).transpose("y", "x", "band").data, expected, atol=1e-12)
    other = array(cube, ("n", "y", "x"), "n")
    np.testing.assert_allclose(HyRes()(other).transpose("y", "x", "n").data, expected, atol=1e-12)
    length = other.drop_vars("wavelength").assign_coords(
        centre=("n", np.arange(12.0), {"standard_name": "sensor_band_central_radiation_wavelength"})
    )
    np.testing.assert_allclose(HyRes()(length).transpose("y", "x", "n").data, expected, atol=1e-12)
    np.testing.assert_allclose(HyRes()(xr.DataArray(cube)).data, expected, atol=1e-12)
    with pytest.raises(InputError, match="rename it to 'wavelength'"):
        HyRes()(other.drop_vars("wavelength"))
    with pytest.raises(InputError, match="may all be spectral"):
        HyRes()(xr.DataArray(cube, dims=("energy", "x", "wavelength")))


def test_sigma_and_mask_follow_the_names(cube):
    mask = np.zeros(cube.shape, bool)
    mask[3, 4, 5:9] = True
    sigma = np.linspace(0.03, 0.08, BANDS)
    expected = HyRes()(cube, sigma=sigma, mask=mask)
    data = array(cube, ("wavelength", "x", "y"))
    named_mask = xr.DataArray(mask, dims=("y", "x", "wavelength")).transpose("x", "wavelength", "y")
    named_sigma = xr.DataArray(sigma, dims="wavelength")
    out = HyRes()(data, sigma=named_sigma, mask=named_mask).transpose("y", "x", "wavelength")
    np.testing.assert_allclose(out.data, expected, atol=1e-12)
    pixels = xr.DataArray(mask.any(axis=-1), dims=("y", "x"))
    whole = HyRes()(cube, mask=np.repeat(mask.any(axis=-1)[..., None], BANDS, -1))
    np.testing.assert_allclose(
        HyRes()(data, mask=pixels).transpose("y", "x", "wavelength").data, whole, atol=1e-12
    )
    with pytest.raises(InputError, match="mask: the dimension 'time'"):
        HyRes()(data, mask=named_mask.rename(x="time"))


def test_images_keep_the_order_of_their_dimensions(cube):
    image = array(cube)[..., 0]
    out = ROF(regularization=0.1)(image, sigma=1.0)
    np.testing.assert_array_equal(out.data, ROF(regularization=0.1)(cube[..., 0], sigma=1.0))
    assert out.dims == ("y", "x")
    xr.testing.assert_identical(out.coords["y"], image.coords["y"])


def test_dtype_missing_voxels_and_lazy_arrays(cube):
    data = array(cube.astype(np.float32), ("wavelength", "y", "x"))
    data[2, 3, 4] = np.nan
    out = HyRes()(data)
    assert out.dtype == np.float32
    assert np.isfinite(out.data).all()
    dask = pytest.importorskip("dask.array", reason="needs dask")
    lazy = data.copy(data=dask.from_array(data.data, chunks=(4, 10, 12)))
    np.testing.assert_array_equal(HyRes()(lazy).data, out.data)


def test_what_is_no_array_is_named(cube):
    with pytest.raises(InputError, match="xarray Dataset is not one array"):
        unpack(array(cube).to_dataset())
    with pytest.raises(InputError, match="real numeric"):
        unpack(xr.DataArray(["a", "b"]))


def test_an_estimate_is_not_packed_as_its_input_was(cube):
    data = array(cube)
    data.encoding = {"dtype": "int16", "scale_factor": 0.01, "_FillValue": -1}
    out = unpack(data).rebuild(data.data)
    assert out.encoding == {}
    assert data.encoding["dtype"] == "int16"
