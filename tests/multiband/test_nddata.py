import numpy as np
import pytest
from astropy import units as u
from astropy.nddata import CCDData, InverseVariance, NDData, StdDevUncertainty

from sigden import InputError
from sigden.multiband import (
    Grid,
    MultibandResult,
    gaussian_psf,
    observation_from_nddata,
    result_to_nddata,
)

PSF = gaussian_psf(0.5, 0.2, (11, 11))


def test_everything_the_container_knows_arrives():
    mask = np.eye(16, dtype=bool)
    data = CCDData(
        np.ones((16, 16), dtype=">f4"),
        unit=u.nJy,
        mask=mask,
        uncertainty=StdDevUncertainty(np.full((16, 16), 2.0)),
    )
    found = observation_from_nddata(data, PSF, "r", scale=0.2)
    assert found.unit == "nJy"
    assert found.image.dtype == np.float32
    np.testing.assert_array_equal(found.mask, mask)
    np.testing.assert_allclose(found.noise_variance, 4.0)
    assert observation_from_nddata(data, PSF, "r", scale=0.2, sigma=3.0).sigma == 3.0


def test_other_kinds_and_units_of_uncertainty():
    inverse = NDData(np.ones((16, 16)), uncertainty=InverseVariance(np.full((16, 16), 0.25)))
    np.testing.assert_allclose(observation_from_nddata(inverse, PSF, "r", scale=0.2).noise_variance, 4.0)
    micro = NDData(
        np.ones((16, 16)), unit=u.nJy, uncertainty=StdDevUncertainty(np.full((16, 16), 2e-3), unit=u.uJy)
    )
    np.testing.assert_allclose(observation_from_nddata(micro, PSF, "r", scale=0.2).noise_variance, 4.0)


def test_results_go_back():
    estimate = np.arange(32.0).reshape(2, 4, 4)
    result = MultibandResult(
        estimate, np.ones_like(estimate), np.eye(2), ("r", "i"), Grid(shape=(4, 4), scale=0.1), 0.2
    )
    out = result_to_nddata(result, "i")
    np.testing.assert_array_equal(out.data, estimate[1])
    np.testing.assert_array_equal(out.uncertainty.array, 1.0)
    assert out.meta["band"] == "i"
    np.testing.assert_array_equal(result["r"], estimate[0])
    with pytest.raises(InputError, match="'z': the result holds r, i"):
        result_to_nddata(result, "z")
