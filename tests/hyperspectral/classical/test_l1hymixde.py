"""L1HyMixDe: the robust fit, the sparse part, and outliers that FastHyDe cannot bear."""

import numpy as np
import pytest
from scipy.optimize import minimize

from sigden import ROF, FastHyDe, L1HyMixDe, ParameterError
from sigden.hyperspectral.classical.l1hymixde import robust_subspace, without_outliers
from sigden.simulate import dead_lines, gaussian_noise, impulse_noise, spectral_cube, stripe_noise


def error(estimate, truth):
    return float(np.mean((estimate - truth) ** 2))


@pytest.fixture(scope="module")
def scene():
    truth = spectral_cube((48, 50), 60, endmembers=4, seed=3)
    return truth, gaussian_noise(truth, (0.02, 0.08), seed=1)


@pytest.mark.parametrize("defect", [impulse_noise, stripe_noise, dead_lines])
def test_outliers_do_little_harm(scene, defect):
    truth, noisy = scene
    struck = defect(noisy, seed=5)
    assert error(L1HyMixDe()(struck), truth) < 0.7 * error(FastHyDe()(struck), truth)


def test_the_sparse_part_holds_the_outliers(scene):
    truth, noisy = scene
    struck = noisy.copy()
    place = np.random.default_rng(0).random(truth.shape) < 0.01
    struck[place] += 1.0
    solution = L1HyMixDe().solve(struck)
    sparse = solution.details["sparse"]
    assert np.median(sparse[place]) > 0.8
    assert np.median(np.abs(sparse[~place])) < 0.1
    assert solution.converged


def test_the_robust_fit_is_the_minimum_of_the_huber_loss():
    rng = np.random.default_rng(2)
    basis = np.linalg.qr(rng.standard_normal((30, 3)))[0]
    y = (20 * rng.standard_normal((20, 20, 3))) @ basis.T + rng.standard_normal((20, 20, 30))
    y[rng.random(y.shape) < 0.05] += 30.0
    found, fit = robust_subspace(y, without_outliers(y), 3)
    np.testing.assert_allclose(found.T @ found, np.eye(3), atol=1e-10)
    cosine = np.linalg.svd(found.T @ basis, compute_uv=False)
    assert cosine.min() > 0.99
    spectrum, start = y[4, 5], fit[4, 5]
    last = np.linalg.lstsq(basis, start, rcond=None)[0]

    def huber(z):
        size = np.abs(spectrum - basis @ z)
        return np.sum(np.where(size < 1, size**2 / 2, size - 0.5))

    best = minimize(huber, last, method="BFGS").fun
    assert huber(last) < 1.1 * best + 1.0


def test_small_objects_are_no_outliers():
    cube = np.random.default_rng(3).standard_normal((24, 24, 20))
    cube += 6.0 * np.random.default_rng(4).standard_normal((24, 24, 1)) * np.linspace(1, 2, 20)
    cube[10, 10] += 40.0 * np.linspace(1, 2, 20)
    _, fit = robust_subspace(cube, without_outliers(cube), 3)
    assert np.abs(fit[10, 10] - cube[10, 10]).mean() < 2.0


def test_only_outliers_are_replaced():
    cube = np.random.default_rng(5).standard_normal((20, 22, 6)).astype(np.float32)
    cube[3, 4, 2] = 25.0
    out = without_outliers(cube)
    assert abs(out[3, 4, 2]) < 2.0
    assert np.mean(out == cube) > 0.99
    constant = np.zeros((8, 8, 2), dtype=np.float32)
    constant[3, 3, 0] = 1.0
    np.testing.assert_array_equal(without_outliers(constant), constant)


def test_any_denoiser_of_images_serves(scene):
    truth, noisy = scene
    method = L1HyMixDe(rank=4, denoiser=ROF(regularization=0.7))
    assert error(method(noisy), truth) < 0.1 * error(noisy, truth)
    assert method == L1HyMixDe.from_dict(method.to_dict())


@pytest.mark.parametrize("parameter", ["rank", "tol", "max_iter"])
def test_parameters_out_of_range_are_named(parameter):
    with pytest.raises(ParameterError, match=parameter):
        L1HyMixDe(**{parameter: -1})
