"""Noise by spectral regression and the signal subspace."""

import numpy as np
import pytest

from sigden import InputError
from sigden.hyperspectral import (
    SpectralMoments,
    hysime,
    marchenko_pastur_edge,
    marchenko_pastur_rank,
    noise_residuals,
    noise_sigma,
    regression_sigma,
    whitened_subspace,
)
from sigden.simulate import gaussian_noise, spectral_cube

TRUTH = spectral_cube((70, 60), 40, endmembers=5, seed=3)
LEVEL = np.linspace(0.01, 0.15, 40)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_the_noise_level_of_every_band_is_found(dtype):
    cube = gaussian_noise(TRUTH.astype(dtype), LEVEL, seed=1)
    np.testing.assert_allclose(noise_sigma(cube), LEVEL, rtol=0.15)
    assert np.all(regression_sigma(cube) > 0.97 * LEVEL)
    np.testing.assert_allclose(noise_sigma(1e-20 * cube.astype(float)), 1e-20 * LEVEL, rtol=0.15)


def test_the_closed_form_is_the_regression_one_band_at_a_time():
    pixels = np.random.default_rng(0).standard_normal((200, 7)) @ np.random.default_rng(1).standard_normal(
        (7, 7)
    )
    pixels += 3.0
    residuals = noise_residuals(pixels.reshape(20, 10, 7)).reshape(200, 7)
    sigma = regression_sigma(pixels.reshape(20, 10, 7))
    for b in range(7):
        others = np.column_stack([np.ones(200), np.delete(pixels, b, axis=1)])
        left = pixels[:, b] - others @ np.linalg.lstsq(others, pixels[:, b], rcond=None)[0]
        np.testing.assert_allclose(residuals[:, b], left, atol=1e-9)
        assert sigma[b] == pytest.approx(np.sqrt(left @ left / (200 - 7)))


def test_moments_do_not_lose_digits_far_from_zero():
    rng = np.random.default_rng(0)
    pixels = (1e3 + rng.standard_normal((30000, 5))).astype(np.float32)
    found = SpectralMoments(np.full(5, 1e3))
    found.add(pixels)
    np.testing.assert_allclose(found.covariance, np.cov(pixels.astype(float).T, bias=True), atol=3e-6)
    np.testing.assert_allclose(found.mean, pixels.mean(axis=0, dtype=float), rtol=1e-9)


def test_moments_and_coefficients_are_the_same_for_any_number_of_threads():
    threadpoolctl = pytest.importorskip("threadpoolctl")
    pixels = np.random.default_rng(1).standard_normal((40000, 60), dtype=np.float32) + 2
    exact = pixels.astype(float)
    results = []
    for threads in (1, 2, 3):
        with threadpoolctl.threadpool_limits(threads, user_api="blas"):
            found = SpectralMoments(np.full(60, 2.0))
            found.add(pixels)
            space = whitened_subspace(found.covariance, found.mean, np.ones(60), len(pixels), 4)
            results.append((found.covariance, found.mean, space.project(pixels)))
    for other in results[1:]:
        for ours, theirs in zip(results[0], other, strict=True):
            np.testing.assert_array_equal(ours, theirs)
    np.testing.assert_allclose(results[0][0], np.cov(exact.T, bias=True), atol=3e-7)
    np.testing.assert_allclose(results[0][2], (exact - results[0][1]) @ space.forward(), atol=1e-5)


def test_rank_is_that_of_the_mixture():
    cube = gaussian_noise(TRUTH, 0.02, seed=1)
    assert marchenko_pastur_rank(cube) == 4  # about the mean
    assert hysime(cube)[0] == 5
    basis = hysime(cube)[1]
    np.testing.assert_allclose(basis.T @ basis, np.eye(5), atol=1e-10)
    noise = np.random.default_rng(5).standard_normal((60, 60, 30))
    assert marchenko_pastur_rank(noise, sigma=np.ones(30)) == 0
    assert 1.2 < marchenko_pastur_edge(30, 3600) < 1.25


def test_a_subspace_holds_what_it_projects():
    cube = gaussian_noise(TRUTH, LEVEL, seed=1)
    pixels = cube.reshape(-1, 40)
    found = SpectralMoments(pixels.mean(axis=0))
    found.add(pixels)
    space = whitened_subspace(found.covariance, found.mean, LEVEL, len(pixels))
    coefficients = space.project(pixels)
    np.testing.assert_allclose(space.project(space.reconstruct(coefficients)), coefficients, atol=2e-4)
    np.testing.assert_allclose(coefficients.mean(axis=0), 0, atol=1e-3)
    noise = (cube - TRUTH).reshape(-1, 40).astype(float)
    np.testing.assert_allclose((noise @ space.forward()).std(axis=0), 1, atol=0.04)


def test_constant_bands_are_without_noise():
    cube = gaussian_noise(TRUTH, 0.05, seed=1)
    cube[..., 3] = 2.0
    sigma = regression_sigma(cube)
    assert sigma[3] == 0
    assert np.all(np.delete(sigma, 3) > 0.04)


def test_unusable_cubes_are_named():
    with pytest.raises(InputError, match="do not determine the noise"):
        regression_sigma(np.random.default_rng(0).standard_normal((4, 4, 20)))
    with pytest.raises(InputError, match="rows, columns, bands"):
        regression_sigma(np.zeros((4, 4)))
    cube = TRUTH.copy()
    cube[1, 2, 3] = np.nan
    with pytest.raises(InputError, match=r"\(1, 2, 3\)"):
        noise_residuals(cube)
    assert np.isfinite(regression_sigma(cube)).all()
