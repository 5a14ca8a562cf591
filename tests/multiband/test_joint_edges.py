"""Joint methods at the edges of what they take: pixels, precision, scale, emptiness."""

from dataclasses import replace

import numpy as np
import pytest

from sigden import JointSparse, JointWiener, LocalColour
from sigden.multiband import Grid, Observation, bootstrap, gaussian_psf, pooled_light
from sigden.multiband.joint.units import in_unit

RESPONSE = {"VIS": {"r": 0.6, "i": 0.4}}
METHODS = [JointWiener(), JointSparse()]


def observe(shape, factors, dtype=np.float64, scale=1.0, sigma=0.05):
    """A round source and noise in VIS, r and i, each in blocks of the grid."""
    rng = np.random.default_rng(0)
    row, column = np.indices(shape) - np.reshape(shape, (2, 1, 1)) // 2
    light = 9.0 * np.exp(-(row**2 + column**2) / 18.0)
    out = []
    for band, k in factors.items():
        image = light.reshape(shape[0] // k, k, shape[1] // k, k).sum(axis=(1, 3))
        image = scale * (image + sigma * rng.standard_normal(image.shape))
        place = {"offset": (0.05 * (k - 1),) * 2, "scale": 0.1 * k, "psf_scale": 0.1}
        psf = gaussian_psf(0.2 * k, 0.1, (31, 31))
        out.append(Observation(image.astype(dtype), psf, band, sigma=scale * sigma, **place))
    return out, Grid(shape, 0.1)


@pytest.mark.parametrize("method", METHODS, ids=type)
@pytest.mark.parametrize(
    ("shape", "factors"),
    [
        ((36, 48), {"VIS": 1, "r": 2, "i": 3}),
        ((33, 45), {"VIS": 1, "r": 3, "i": 3}),
        ((32, 48), {"VIS": 1, "r": 2, "i": 4}),
    ],
    ids=str,
)
def test_blocks_of_any_size_keep_the_flux(method, shape, factors):
    observations, grid = observe(shape, factors)
    result = method(observations, grid, response=RESPONSE)
    total = 9.0 * np.pi * 18.0
    assert np.sum(result.estimate, axis=(1, 2)) == pytest.approx([total, total], rel=0.05)


@pytest.mark.parametrize("method", METHODS, ids=type)
@pytest.mark.parametrize("scale", [1e-12, 1e12])
def test_single_precision_serves_any_unit(method, scale):
    factors = {"VIS": 1, "r": 2, "i": 2}
    one = method(*observe((32, 48), factors, np.float32), response=RESPONSE)
    other = method(*observe((32, 48), factors, np.float32, scale), response=RESPONSE)
    assert other.estimate.dtype == other.uncertainty.dtype == np.float32
    peak = float(np.max(one.estimate))
    np.testing.assert_allclose(other.estimate / scale, one.estimate, atol=1e-4 * peak)
    np.testing.assert_allclose(other.uncertainty / scale, one.uncertainty, rtol=1e-3)


@pytest.mark.parametrize("method", METHODS, ids=type)
@pytest.mark.parametrize("exponent", [-98, 65])
def test_single_precision_serves_units_whose_squares_it_cannot_hold(method, exponent):
    observations, grid = observe((32, 48), {"VIS": 1, "r": 2, "i": 2}, np.float32)
    mapped = [
        replace(o, background=np.full(o.shape, 0.5, np.float32), sigma=np.full(o.shape, o.sigma, np.float32))
        for o in observations
    ]
    for given in (observations, mapped):
        moved = [in_unit(o, -exponent) for o in given]
        one, other = (method(seen, grid, response=RESPONSE) for seen in (given, moved))
        np.testing.assert_array_equal(other.estimate, np.ldexp(one.estimate, exponent))
        np.testing.assert_array_equal(other.uncertainty, np.ldexp(one.uncertainty, exponent))
        np.testing.assert_allclose(other.noise_covariance, np.ldexp(one.noise_covariance, 2 * exponent))


@pytest.mark.parametrize("exponent", [-98, 65])
def test_local_colours_serve_units_whose_squares_single_precision_cannot_hold(exponent):
    observations, grid = observe((32, 48), {"VIS": 1, "r": 2, "i": 2}, np.float32)
    moved = [in_unit(o, -exponent) for o in observations]
    one, other = (LocalColour()(seen, grid, response=RESPONSE) for seen in (observations, moved))
    peak = np.max(one.estimate)
    np.testing.assert_allclose(np.ldexp(other.estimate, -exponent), one.estimate, atol=1e-9 * peak)
    np.testing.assert_allclose(np.ldexp(other.uncertainty, -exponent), one.uncertainty, rtol=1e-9)
    np.testing.assert_allclose(
        np.ldexp(other.details["wide"], -exponent), one.details["wide"], atol=1e-9 * peak
    )
    np.testing.assert_allclose(other.details["colour"], one.details["colour"], rtol=1e-9)


def test_errors_of_repetitions_are_measured_in_units_whose_squares_single_precision_cannot_hold():
    observations, grid = observe((32, 48), {"VIS": 1, "r": 2, "i": 2}, np.float32)
    moved = [in_unit(o, -65) for o in observations]
    one, other = (
        bootstrap(JointWiener(), seen, grid, response=RESPONSE, draws=2) for seen in (observations, moved)
    )
    assert other.uncertainty.dtype == np.float32
    np.testing.assert_array_equal(other.uncertainty, np.ldexp(one.uncertainty, 65))
    np.testing.assert_allclose(other.noise_covariance, np.ldexp(one.noise_covariance, 130))


@pytest.mark.parametrize("method", METHODS, ids=type)
@pytest.mark.parametrize("shape", [(1, 1), (2, 2), (4, 4), (2, 64)], ids=str)
def test_images_of_a_few_pixels_are_solved(method, shape):
    image = np.random.default_rng(0).standard_normal(shape) + 5.0
    one = Observation(image, np.ones((1, 1)), "r", sigma=1.0, scale=0.1)
    grid = Grid(shape, 0.1)
    light = pooled_light([method.light([one], grid, response={})] * 2)
    for result in (method([one], grid, response={}), method([one], grid, response={}, light=light)):
        assert np.isfinite(result.estimate).all()
        assert np.isfinite(result.uncertainty).all()


@pytest.mark.parametrize("method", METHODS, ids=type)
def test_images_of_zeros_give_zeros(method):
    observations, grid = observe((32, 32), {"VIS": 1, "r": 2, "i": 2})
    dark = [replace(o, image=np.zeros_like(o.image)) for o in observations]
    result = method(dark, grid, response=RESPONSE)
    assert np.all(result.estimate == 0.0)
    assert np.isfinite(result.uncertainty).all()
