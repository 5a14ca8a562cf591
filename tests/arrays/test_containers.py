import dataclasses
import warnings

import numpy as np
import pytest
from astropy import units as u
from astropy.nddata import CCDData, NDData, StdDevUncertainty, VarianceUncertainty
from astropy.wcs import WCS

from sigden.arrays.containers import entries, unpack
from sigden.errors import InputError


def test_plain_array_comes_back_plain():
    sample = unpack(np.arange(3, dtype=">f4"))
    assert sample.values.dtype == np.float32
    out = sample.rebuild(sample.values * 2)
    assert type(out) is np.ndarray


def test_lists_are_arrays():
    assert unpack([1, 2]).values.dtype == np.float64


def test_unknown_types_are_named():
    with pytest.raises(InputError, match=r"psf: .*str"):
        unpack("abc", label="psf")


def test_quantity_keeps_its_unit_and_converts_sigma():
    sample = unpack(np.ones(2) * u.Jy, sigma=5 * u.mJy)
    assert sample.sigma == pytest.approx(0.005)
    out = sample.rebuild(sample.values)
    assert out.unit == u.Jy
    assert isinstance(out, u.Quantity)


def test_sigma_of_another_kind_is_refused():
    with pytest.raises(InputError, match="does not convert"):
        unpack(np.ones(2) * u.Jy, sigma=5 * u.m)


def test_nddata_mask_uncertainty_wcs_and_meta():
    wcs = WCS(naxis=2)
    data = NDData(
        np.ones((2, 3), dtype=np.float32),
        mask=np.eye(2, 3, dtype=bool),
        uncertainty=VarianceUncertainty(np.full((2, 3), 4.0)),
        unit=u.adu,
        wcs=wcs,
        meta={"night": 3},
    )
    sample = unpack(data)
    np.testing.assert_array_equal(sample.mask, data.mask)
    np.testing.assert_allclose(sample.sigma, 2.0)
    out = sample.rebuild(sample.values, provenance={"method": "ROF"})
    assert out.meta["night"] == 3
    assert out.meta["sigden"] == {"method": "ROF"}
    assert "sigden" not in data.meta
    assert out.wcs is not None
    assert out.unit == u.adu
    assert out.uncertainty is None
    assert out.data.dtype == np.float32


def test_ccddata_stays_ccddata():
    data = CCDData(np.ones((2, 2)), unit=u.adu, uncertainty=StdDevUncertainty(np.ones((2, 2))))
    out = unpack(data).rebuild(np.zeros((2, 2)), uncertainty=np.full((2, 2), 0.5))
    assert type(out) is CCDData
    np.testing.assert_array_equal(out.uncertainty.array, 0.5)


def test_masked_array_keeps_its_mask():
    data = np.ma.masked_array([1.0, np.nan], mask=[False, True])
    out = unpack(data).rebuild(np.zeros(2))
    assert isinstance(out, np.ma.MaskedArray)
    np.testing.assert_array_equal(out.mask, [False, True])


def test_masks_join_and_must_fit():
    data = np.ma.masked_array([1.0, 2.0, 3.0], mask=[False, True, False])
    joined = unpack(data, mask=np.asarray([True, False, False])).mask
    np.testing.assert_array_equal(joined, [True, True, False])
    with pytest.raises(InputError, match="mask has shape"):
        unpack(np.ones(3), mask=np.zeros(2, dtype=bool))
    with pytest.raises(InputError, match="boolean"):
        unpack(np.ones(3), mask=np.zeros(3))


def test_time_series_keeps_every_label():
    timeseries = pytest.importorskip("gwpy.timeseries", reason="gwpy comes with the gw extra")
    data = timeseries.TimeSeries(
        np.ones(8), t0=1126259446, sample_rate=4096, unit="strain", name="H1:STRAIN", channel="H1:STRAIN"
    )
    sample = unpack(data)
    assert sample.sample_rate == 4096
    assert sample.t0 == 1126259446
    assert sample.label == "H1:STRAIN"
    out = sample.rebuild(np.zeros(8))
    assert type(out) is timeseries.TimeSeries
    for name in ("t0", "dt", "unit", "name", "channel"):
        assert getattr(out, name) == getattr(data, name)


def test_other_gwpy_series_are_quantities():
    frequencyseries = pytest.importorskip("gwpy.frequencyseries", reason="gwpy comes with the gw extra")
    sample = unpack(frequencyseries.FrequencySeries(np.ones(4), unit="1/Hz"))
    assert str(sample.unit) == "1 / Hz"


def test_pycwb_time_series_keeps_its_time_axis():
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # pycwb warns that ROOT is not there
            from pycwb.types.time_series import TimeSeries
    except ImportError:
        # the fields of pycwb 1.1.0rc1's class
        TimeSeries = dataclasses.make_dataclass("TimeSeries", ["data", "t0", "dt"])
        TimeSeries.__module__ = "pycwb.types.time_series"
    data = TimeSeries(data=np.ones(8), t0=1126259446.0, dt=1 / 2048)
    sample = unpack(data)
    assert sample.sample_rate == 2048
    out = sample.rebuild(np.zeros(8))
    assert type(out) is TimeSeries
    assert (out.t0, out.dt) == (data.t0, data.dt)
    np.testing.assert_array_equal(out.data, 0.0)
    np.testing.assert_array_equal(data.data, 1.0)


def test_a_mapping_has_an_entry_of_its_own_for_members_it_names():
    data = {"r": 1, "i": 2}
    assert entries(None, data, "mask") == {"r": None, "i": None}
    assert entries(3.0, data, "sigma") == {"r": 3.0, "i": 3.0}
    assert entries({"i": 4.0}, data, "sigma") == {"r": None, "i": 4.0}
    with pytest.raises(InputError, match="sigma: has an entry for j, the data have r, i"):
        entries({"j": 4.0}, data, "sigma")
