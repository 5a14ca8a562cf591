"""Structure, flux, colour, shape and background: closed forms."""

from __future__ import annotations

import math

import numpy as np
import pytest

from sigden import InputError, ParameterError
from sigden.metrics import (
    adaptive_moments,
    aperture_flux,
    background_rms,
    colour_error,
    ellipticity_error,
    flux_error,
    nmse,
    sources_mask,
    ssim,
)

ROW, COLUMN = np.mgrid[:61, :71].astype(float)


def gaussian(row, column, covariance):
    """Unit-flux Gaussian; covariance of (row, column)."""
    inverse = np.linalg.inv(covariance)
    dy, dx = ROW - row, COLUMN - column
    power = inverse[0][0] * dy**2 + 2 * inverse[0][1] * dy * dx + inverse[1][1] * dx**2
    return np.exp(-power / 2) / (2 * np.pi * np.sqrt(np.linalg.det(covariance)))


def noise(shape, seed=0):
    return np.random.default_rng(seed).standard_normal(shape)


@pytest.mark.parametrize("unit", [1.0, 1e-200])
def test_nmse_is_the_relative_energy_of_the_error(unit):
    truth = unit * noise((5, 6))
    assert nmse(truth, truth) == 0
    assert nmse(1.1 * truth, truth) == pytest.approx(0.01)
    assert nmse(0 * truth, truth) == pytest.approx(1.0)
    mask = np.zeros(truth.shape, dtype=bool)
    mask[2, 3] = True
    spoiled = truth.copy()
    spoiled[2, 3] = np.nan
    assert nmse(spoiled, truth, mask=mask) == 0
    with pytest.raises(InputError, match="not finite"):
        nmse(spoiled, truth)
    with pytest.raises(InputError, match="zero everywhere"):
        nmse(truth, 0 * truth)


@pytest.mark.parametrize("unit", [1.0, 1e-21, 1e200])
def test_ssim_of_scaled_contrast_is_its_closed_form(unit):
    truth = unit * noise((40, 50))
    assert ssim(truth, truth) == pytest.approx(1.0)
    # a constant against a constant: the variances vanish
    c1 = 0.01**2
    one, two = np.full((20, 20), unit), np.full((20, 20), 2 * unit)
    assert ssim(two, one, data_range=unit) == pytest.approx((2 * 2 + c1) / (4 + 1 + c1))
    assert ssim(truth + unit * noise(truth.shape, 1), truth) < 0.8


def test_ssim_is_that_of_scikit_image():
    metrics = pytest.importorskip("skimage.metrics")
    truth = gaussian(30, 35, [[20.0, 3], [3, 12]]) * 100
    estimate = truth + 0.05 * noise(truth.shape)
    expected = metrics.structural_similarity(
        truth,
        estimate,
        data_range=float(np.ptp(truth)),
        gaussian_weights=True,
        sigma=1.5,
        use_sample_covariance=False,
    )
    assert ssim(estimate, truth) == pytest.approx(expected, abs=1e-10)


def test_ssim_names_what_it_cannot_use():
    with pytest.raises(InputError, match="11 x 11"):
        ssim(np.ones((10, 30)), np.ones((10, 30)))
    with pytest.raises(InputError, match="constant"):
        ssim(np.ones((20, 20)), np.ones((20, 20)))
    with pytest.raises(ParameterError, match="data_range"):
        ssim(np.ones((20, 20)), np.ones((20, 20)), data_range=0.0)
    with pytest.raises(InputError, match="differ"):
        ssim(np.ones((20, 20)), np.ones((20, 21)))


@pytest.mark.parametrize("radius", [0.7, 3.0, 7.3])
@pytest.mark.parametrize("centre", [(20.0, 30.0), (20.4, 30.5)])
def test_aperture_of_a_flat_image_is_its_area(radius, centre):
    assert aperture_flux(np.ones((61, 71)), *centre, radius) == pytest.approx(
        np.pi * radius**2, abs=0.03 * max(1.0, radius)
    )


def test_aperture_of_a_gaussian_is_its_encircled_flux():
    sigma, radius = 4.0, 8.0
    image = gaussian(30.3, 35.2, sigma**2 * np.eye(2))
    # a sample stands for its whole pixel, which adds a twelfth to the variance
    expected = 1 - math.exp(-(radius**2) / (2 * (sigma**2 + 1 / 12)))
    cube = np.stack([image, 3 * image])
    np.testing.assert_allclose(aperture_flux(cube, 30.3, 35.2, radius), [expected, 3 * expected], rtol=1e-4)


def test_aperture_must_lie_inside():
    image = np.ones((20, 20))
    assert aperture_flux(image, 9.5, 9.5, 10.0) == pytest.approx(np.pi * 100, rel=2e-3)
    with pytest.raises(InputError, match=r"\(3, 9\) leaves the image"):
        aperture_flux(image, 3.0, 9.0, 4.0)
    with pytest.raises(ParameterError, match="radius"):
        aperture_flux(image, 9.0, 9.0, 0.0)


def test_flux_and_colour_errors_are_those_put_in():
    places = [(20.0, 20.0), (40.0, 50.0)]
    images = [gaussian(*place, 4 * np.eye(2)) for place in places]
    truth = np.stack([images[0] + images[1], 2 * images[0] + 3 * images[1]])
    estimate = truth * np.asarray([1.1, 0.9])[:, None, None]
    np.testing.assert_allclose(flux_error(estimate, truth, places), [[0.1, -0.1]] * 2, atol=1e-12)
    expected = -2.5 * math.log10(1.1 / 0.9)
    np.testing.assert_allclose(colour_error(estimate, truth, places), [expected] * 2, atol=1e-12)
    np.testing.assert_allclose(colour_error(estimate, truth, places, bands=(1, 0)), [-expected] * 2)
    assert np.isnan(colour_error(-estimate, truth, places)).all()
    assert flux_error(estimate, truth, []).shape == (0, 2)
    with pytest.raises(InputError, match="differ"):
        flux_error(estimate[:, 1:], truth, places)


@pytest.mark.parametrize("covariance", [[[4.0, 0], [0, 4.0]], [[9.0, 2.0], [2.0, 5.0]], [[2.0, -1], [-1, 6]]])
def test_moments_of_a_gaussian_are_its_covariance(covariance):
    image = 50 * gaussian(29.7, 35.4, covariance)
    found = adaptive_moments(image, 31.0, 34.0, radius=25.0)
    assert (found.row, found.column) == pytest.approx((29.7, 35.4), abs=1e-5)
    assert (found.row_row, found.row_column, found.column_column) == pytest.approx(
        (covariance[0][0], covariance[0][1], covariance[1][1]), abs=1e-5
    )
    trace = covariance[0][0] + covariance[1][1]
    expected = (covariance[1][1] - covariance[0][0]) / trace, 2 * covariance[0][1] / trace
    assert found.ellipticity == pytest.approx(expected, abs=1e-5)
    assert found.size == pytest.approx(np.linalg.det(covariance) ** 0.25, abs=1e-5)


def test_ellipticity_error_is_the_distance():
    places = [(30.0, 35.0)]
    round_one, wide = gaussian(30, 35, 5 * np.eye(2)), gaussian(30, 35, [[4.0, 0], [0, 6.0]])
    np.testing.assert_allclose(ellipticity_error(wide, round_one, places, radius=25.0), [0.2], atol=1e-5)
    np.testing.assert_allclose(ellipticity_error(wide, wide, places), [0.0])
    assert np.isnan(ellipticity_error(-wide, wide, places)).all()


def test_what_has_no_moments_is_nan():
    for image in (np.zeros((61, 71)), np.ones((61, 71)), -gaussian(30, 35, 4 * np.eye(2))):
        assert math.isnan(adaptive_moments(image, 30.0, 35.0).row)
    with pytest.raises(InputError, match="needs an image"):
        adaptive_moments(np.ones((2, 20, 20)), 9.0, 9.0)


def test_background_is_what_the_mask_leaves():
    image = noise((2, 60, 60)) * np.asarray([1.0, 3.0])[:, None, None]
    image[:, 28:33, 28:33] += 1e4
    mask = sources_mask((60, 60), [(30.0, 30.0)], radius=6.0, border=3)
    assert mask[30, 35]
    assert not mask[30, 37]
    assert mask[2, 30]
    assert mask[30, 57]
    assert not mask[3, 30]
    np.testing.assert_allclose(background_rms(image, mask=mask), [1.0, 3.0], rtol=0.05)
    assert background_rms(image[0]) > 100
    with pytest.raises(InputError, match="two pixels"):
        background_rms(image, mask=np.ones((60, 60), dtype=bool))
    with pytest.raises(InputError, match="shape"):
        background_rms(image, mask=np.ones((6, 60), dtype=bool))
