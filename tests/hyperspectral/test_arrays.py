"""Noise and subspace of cubes of other array libraries: the figures of NumPy, where the cube is."""

import numpy as np
import pytest

from sigden import InputError
from sigden.hyperspectral import (
    hysime,
    leverage_corrected,
    marchenko_pastur_rank,
    noise_correlation,
    noise_residuals,
    noise_sigma,
    poisson_gaussian,
    regression_sigma,
    whitened_subspace,
)
from sigden.hyperspectral.order import median, quantiles
from sigden.hyperspectral.regression import moments_of, spectral_regression
from sigden.simulate import gaussian_noise, poisson_noise, spectral_cube

SHAPE = (24, 31, 20)


def cube(dtype=np.float64, **noise):
    return gaussian_noise(spectral_cube(SHAPE[:2], SHAPE[2], seed=1), 0.05, seed=2, **noise).astype(dtype)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("function", [regression_sigma, noise_sigma, noise_residuals, noise_correlation])
def test_noise_is_estimated_where_the_cube_is(elsewhere, function, dtype):
    data = cube(dtype, correlation=0.7)
    found, expected = elsewhere.receive(function(elsewhere.send(data))), function(data)
    assert found.dtype == expected.dtype
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-5 if dtype == np.float32 else 1e-12)


def test_missing_pixels_are_left_out_of_the_noise(elsewhere):
    data = cube()
    data[3, 4, 5] = np.nan
    np.testing.assert_allclose(
        elsewhere.receive(regression_sigma(elsewhere.send(data))), regression_sigma(data), rtol=1e-12
    )


def test_rank_and_directions(elsewhere):
    data = cube()
    there = elsewhere.send(data)
    assert marchenko_pastur_rank(there) == marchenko_pastur_rank(data)
    sigma = noise_sigma(data)
    assert marchenko_pastur_rank(there, sigma=elsewhere.send(sigma)) == marchenko_pastur_rank(
        data, sigma=sigma
    )
    (rank, basis), (expected, directions) = hysime(there), hysime(data)
    assert rank == expected
    np.testing.assert_allclose(elsewhere.receive(basis), directions, rtol=0, atol=1e-10)


def test_photon_noise_is_fitted(elsewhere):
    data = poisson_noise(spectral_cube(SHAPE[:2], SHAPE[2], seed=1), 200.0, seed=2)
    found, expected = poisson_gaussian(elsewhere.send(data)), poisson_gaussian(data)
    assert found.gain == pytest.approx(expected.gain, rel=1e-10)
    np.testing.assert_allclose(elsewhere.receive(found.read_sigma), expected.read_sigma, rtol=0, atol=1e-10)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_spectra_are_projected_and_come_back(elsewhere, dtype):
    pixels = cube(dtype).reshape(-1, SHAPE[2])
    moments = moments_of(elsewhere.send(pixels))
    sigma = spectral_regression(moments, dtype).sigma
    sigma = leverage_corrected(moments.covariance, moments.mean, sigma, len(pixels))
    space = whitened_subspace(moments.covariance, moments.mean, sigma, len(pixels))
    coefficients = space.project(elsewhere.send(pixels))
    atol = 2e-4 if dtype == np.float32 else 1e-10
    np.testing.assert_allclose(elsewhere.receive(coefficients), space.project(pixels), rtol=0, atol=atol)
    np.testing.assert_allclose(
        elsewhere.receive(space.reconstruct(coefficients)),
        space.reconstruct(space.project(pixels)),
        rtol=0,
        atol=atol,
    )


@pytest.mark.parametrize("shape", [(7,), (8,), (3, 4), (5, 3)])
def test_order_statistics(elsewhere, shape):
    x = np.random.default_rng(0).standard_normal(shape)
    there = elsewhere.send(x)
    assert float(median(there)) == pytest.approx(float(np.median(x)), rel=1e-15)
    for axis in range(-1, len(shape)):
        np.testing.assert_allclose(elsewhere.receive(median(there, axis)), np.median(x, axis), rtol=1e-15)
    parts = (0.0, 0.05, 0.5, 0.95, 1.0)
    flat = elsewhere.send(x.reshape(-1))
    assert quantiles(flat, parts) == pytest.approx(np.quantile(x, parts), rel=1e-12)


def test_what_cannot_be_served_is_named(elsewhere):
    data = cube()
    data[1, 2, 3] = np.nan
    there = elsewhere.send(data)
    with pytest.raises(InputError, match="at index"):
        noise_sigma(there)
    with pytest.raises(InputError, match="axes"):
        noise_sigma(there[0, ...])


def test_arrays_without_assignment_are_refused():
    dask = pytest.importorskip("dask.array", reason="dask is not installed")
    with pytest.raises(InputError, match="dask"):
        noise_sigma(dask.zeros((4, 5, 6)))
