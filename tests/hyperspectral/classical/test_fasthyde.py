"""FastHyDe and FastHyIn: the subspace, photon noise, missing voxels."""

import numpy as np
import pytest

from sigden import ROF, FastHyDe, FastHyIn, ParameterError
from sigden.hyperspectral.classical.anscombe import anscombe, inverse_anscombe
from sigden.hyperspectral.classical.missing import filled_by_subspace
from sigden.simulate import gaussian_noise, poisson_noise, spectral_cube


def error(estimate, truth):
    return float(np.mean((estimate - truth) ** 2))


def test_the_estimate_lies_in_the_subspace(noisy):
    sigma = np.linspace(0.03, 0.08, noisy.shape[2])
    solution = FastHyDe(rank=3).solve(noisy, sigma=sigma)
    y = (noisy - noisy.mean(axis=(0, 1))) / sigma
    basis = np.linalg.svd(y.reshape(-1, y.shape[2]), full_matrices=False)[2][:3].T
    out = (solution.estimate - noisy.mean(axis=(0, 1))) / sigma
    np.testing.assert_allclose(out @ basis @ basis.T, out, atol=1e-9)


def test_any_denoiser_of_images_serves_one_eigen_image_at_a_time(noisy, truth):
    sigma = np.linspace(0.03, 0.08, noisy.shape[2])
    method = FastHyDe(rank=3, denoiser=ROF(regularization=0.8, tol=1e-6))
    y = (noisy - noisy.mean(axis=(0, 1))) / sigma
    basis = np.linalg.svd(y.reshape(-1, y.shape[2]), full_matrices=False)[2][:3].T
    images = [ROF(regularization=0.8, tol=1e-6)((y @ basis)[..., i], sigma=1.0) for i in range(3)]
    expected = np.stack(images, axis=-1) @ basis.T * sigma + noisy.mean(axis=(0, 1))
    np.testing.assert_allclose(method(noisy, sigma=sigma), expected, atol=1e-4)
    assert method == type(method).from_dict(method.to_dict())


def test_noise_that_varies_between_bands_is_met(truth):
    level = np.where(np.arange(truth.shape[2]) % 3 == 0, 0.15, 0.02)
    noisy = gaussian_noise(truth, level, seed=4)
    assert error(FastHyDe()(noisy), truth) < 0.05 * error(noisy, truth)


def test_photon_noise(truth):
    noisy = poisson_noise(spectral_cube((40, 44), 60, endmembers=4, seed=3).astype(float), 60.0, seed=1)
    truth = spectral_cube((40, 44), 60, endmembers=4, seed=3)
    solution = FastHyDe(noise_model="poisson").solve(noisy)
    assert 1 / solution.details["gain"] == pytest.approx(60.0, rel=0.2)
    given = FastHyDe(noise_model="poisson", gain=1 / 60)(noisy)
    dark = truth < 0.2
    assert error(given[dark], truth[dark]) < 0.7 * error(FastHyDe()(noisy)[dark], truth[dark])
    assert np.abs(np.mean(given[dark] - truth[dark])) < 0.002
    assert error(solution.estimate, truth) < 0.07 * error(noisy, truth)
    scaled = FastHyDe(noise_model="poisson", gain=100 / 60)(100 * noisy)
    np.testing.assert_allclose(scaled, 100 * given, atol=1e-4)
    with pytest.raises(ParameterError, match="does not grow"):
        FastHyDe(noise_model="poisson")(-noisy)


def test_the_inverse_of_anscombe_is_unbiased():
    rng = np.random.default_rng(0)
    for mean in (0.5, 2.0, 10.0, 100.0):
        transform = anscombe(rng.poisson(mean, 400_000).astype(float)).mean()
        assert inverse_anscombe(np.asarray(transform)) == pytest.approx(mean, rel=0.01, abs=0.01)
    assert inverse_anscombe(np.array([-3.0, 0.0])).tolist() == [0.0, 0.0]


def test_dead_columns_are_filled_in(truth):
    noisy = gaussian_noise(truth, 0.03, seed=2)
    holes = noisy.copy()
    holes[:, 12, ::2] = 0.0
    holes[:, 13, :12] = 0.0
    holes[5:9, 20:24, 12:] = 0.0
    out = FastHyIn(missing_value=0.0)(holes)
    lost = holes == 0.0
    assert error(out[lost], truth[lost]) < 0.03**2
    np.testing.assert_array_equal(FastHyIn()(np.where(lost, np.nan, noisy)), out)
    np.testing.assert_array_equal(FastHyIn()(noisy, mask=lost), out)
    nothing = np.zeros(truth.shape, dtype=bool)
    np.testing.assert_array_equal(FastHyIn(missing_value=0.0)(holes, mask=nothing), out)


def test_coefficients_of_incomplete_pixels_are_least_squares(truth):
    rng = np.random.default_rng(1)
    shape = (30, 30, 10)
    factors = 50.0 * rng.standard_normal((900, 2)), np.linalg.qr(rng.standard_normal((10, 2)))[0]
    clean = (factors[0] @ factors[1].T).reshape(shape)
    cube = clean + rng.standard_normal(shape)
    missing = np.zeros(shape, dtype=bool)
    missing[3, 4, :6] = True
    filled = filled_by_subspace(np.where(missing, 9.0, cube), missing, np.ones(10))
    np.testing.assert_array_equal(filled[~missing], cube[~missing])
    complete = cube[~missing.any(axis=-1)]
    basis = np.linalg.svd(complete, full_matrices=False)[2][:2].T
    z = np.linalg.lstsq(basis[6:], cube[3, 4, 6:], rcond=None)[0]
    np.testing.assert_allclose(filled[3, 4, :6], basis[:6] @ z, rtol=0.02, atol=0.05)


@pytest.mark.parametrize("parameters", [{"rank": 0}, {"gain": 0.0}, {"noise_model": "pink"}])
def test_parameters_out_of_range_are_named(parameters):
    with pytest.raises(ParameterError, match=next(iter(parameters))):
        FastHyDe(**parameters)
