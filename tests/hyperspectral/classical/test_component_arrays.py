"""Wavelet, component and robust methods on cubes of other array libraries: what NumPy gives."""

import numpy as np
import pytest

from sigden import FORPDN, OTVCA, ROF, WSRRR, HyMiNoR, HyRes, L1HyMixDe
from sigden.hyperspectral.beside import mirrored
from sigden.hyperspectral.classical.hyminor import sparse_part_removed
from sigden.hyperspectral.classical.l1hymixde import robust_subspace, without_outliers
from sigden.hyperspectral.classical.sure import soft, soft_threshold_sure
from sigden.hyperspectral.classical.wavelet import ImageWavelet
from sigden.simulate import gaussian_noise, mixed_noise, spectral_cube

TRUTH = spectral_cube((19, 21), 26, endmembers=4, seed=3).astype(float)
# two ways to the minimum of total variation, each to its own gap
EXACT, GAP = 1e-10, 3e-3
METHODS = [
    (HyRes(), EXACT),
    (HyMiNoR(), EXACT),
    (FORPDN(moments=2), EXACT),
    (WSRRR(moments=2), EXACT),
    (OTVCA(tol=3e-3), GAP),
    (OTVCA(regularization=0.7, rank=3, tol=3e-3), GAP),
    (L1HyMixDe(rank=4), EXACT),
    (L1HyMixDe(rank=3, denoiser=ROF(regularization=0.7)), GAP),
]


def name(parameter):
    return parameter.name() if hasattr(parameter, "name") else str(parameter)


def noisy(dtype=np.float64):
    cube = gaussian_noise(TRUTH, np.linspace(0.03, 0.08, TRUTH.shape[2]), seed=1)
    cube[4, 5, 6], cube[10, 2:5, 11] = 2.0, -1.0
    return cube.astype(dtype)


def tolerance(exact, dtype):
    return exact if dtype == np.float64 else max(exact, 2e-5)


def same(elsewhere, found, expected, atol):
    received = elsewhere.receive(found)
    assert received.dtype == expected.dtype
    np.testing.assert_allclose(received, expected, rtol=0, atol=atol)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(("method", "exact"), METHODS, ids=name)
def test_methods_give_what_numpy_gives(elsewhere, method, exact, dtype):
    data = noisy(dtype)
    atol = tolerance(exact, dtype)
    there = elsewhere.send(data)
    found, expected = method.solve(there), method.solve(data)
    same(elsewhere, found.estimate, expected.estimate, atol)
    assert abs(found.iterations - expected.iterations) <= (0 if exact == EXACT else 2)
    assert found.status == expected.status
    assert set(found.details) == set(expected.details)
    same(elsewhere, found.details["sigma"], expected.details["sigma"], tolerance(EXACT, dtype))
    for part in ("thresholds", "regularization", "basis", "components", "sparse"):
        if part in expected.details:
            size = np.abs(expected.details[part]).max()
            same(elsewhere, found.details[part], expected.details[part], 50 * atol * size)
    assert found.details.get("rank") == expected.details.get("rank")
    np.testing.assert_array_equal(elsewhere.receive(there), data)


@pytest.mark.parametrize(("method", "exact"), METHODS[:4] + METHODS[6:7], ids=name)
def test_masks_and_missing_samples(elsewhere, method, exact):
    data = noisy()
    missing = np.random.default_rng(6).random(data.shape) < 0.02
    missing[6, 5, :15], missing[8, 8] = True, True
    data[..., 7], data[..., 9] = np.nan, 0.25
    data[2, 3, 4] = np.nan
    found = method(elsewhere.send(data), mask=elsewhere.send(missing))
    same(elsewhere, found, method(data, mask=missing), exact)
    levels = np.linspace(0.03, 0.08, data.shape[2])
    same(elsewhere, method(elsewhere.send(data), sigma=levels), method(data, sigma=levels), exact)


@pytest.mark.parametrize("shape", [(32, 48), (37, 50), (9, 21), (3, 4)])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_wavelets(elsewhere, shape, dtype):
    images = np.random.default_rng(0).standard_normal((*shape, 3)).astype(dtype)
    transform = ImageWavelet(shape, 3, 2)
    found = transform.forward(elsewhere.send(images))
    for level, expected in zip(found, transform.forward(images), strict=True):
        same(elsewhere, level, expected, tolerance(1e-12, dtype))
    same(elsewhere, transform.inverse(found), images, tolerance(1e-12, dtype))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_thresholds(elsewhere, dtype):
    w = np.random.default_rng(1).standard_normal((300, 4)).astype(dtype)
    w[:40, 0], w[:, 1], w[:, 2] = 6.0, 5 * w[:, 1], 0.0
    there = elsewhere.send(w)
    for found, expected in zip(soft_threshold_sure(there), soft_threshold_sure(w), strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-6 if dtype == np.float32 else 1e-12)
    limits = np.linspace(0.5, 2, 4).astype(dtype)
    np.testing.assert_array_equal(elsewhere.receive(soft(there, elsewhere.send(limits))), soft(w, limits))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("weight", [0.0, 0.5, 0.75, 1.0, 3.0])
@pytest.mark.parametrize("bands", [1, 2, 3, 30])
def test_spectra_of_least_total_variation(elsewhere, bands, weight, dtype):
    rows = np.random.default_rng(bands).standard_normal((40, bands)).astype(dtype)
    rows[20:] = np.round(2 * rows[20:])  # ties
    found = sparse_part_removed(elsewhere.send(rows), weight)
    np.testing.assert_array_equal(elsewhere.receive(found), sparse_part_removed(rows, weight))


def test_the_total_variation_is_least_for_weights_that_are_not_exact(elsewhere):
    rows = np.random.default_rng(4).standard_normal((50, 40))

    def cost(x):
        return np.abs(x - rows).sum(axis=1) + 0.6 * np.abs(np.diff(x, axis=1)).sum(axis=1)

    found = elsewhere.receive(sparse_part_removed(elsewhere.send(rows), 0.6))
    np.testing.assert_allclose(cost(found), cost(sparse_part_removed(rows, 0.6)), rtol=1e-12)


@pytest.mark.parametrize("shape", [(14, 11, 5), (2, 3, 4)])
def test_outliers_are_replaced_by_the_median_around_them(elsewhere, shape):
    cube = np.random.default_rng(5).standard_normal(shape)
    cube[1, 2, 2] = 25.0
    expected = without_outliers(cube)
    assert (expected != cube).any()
    np.testing.assert_array_equal(elsewhere.receive(without_outliers(elsewhere.send(cube))), expected)


def test_the_robust_fit(elsewhere):
    y = mixed_noise(TRUTH, seed=2) / 0.05
    clean = without_outliers(y)
    found = robust_subspace(elsewhere.send(y), elsewhere.send(clean), 4)
    for part, expected in zip(found, robust_subspace(y, clean, 4), strict=True):
        same(elsewhere, part, expected, 1e-9 * np.abs(expected).max())


@pytest.mark.parametrize(("twice", "mode"), [(True, "symmetric"), (False, "reflect")])
@pytest.mark.parametrize("length", [1, 2, 5])
def test_reflection_is_that_of_numpy(elsewhere, length, twice, mode):
    x = np.arange(3.0 * length).reshape(3, length)
    expected = np.pad(x, ((0, 0), (3, 4)), mode=mode)
    np.testing.assert_array_equal(mirrored(x, 1, 3, 4, twice=twice), expected)
    found = mirrored(elsewhere.send(x), 1, 3, 4, twice=twice)
    np.testing.assert_array_equal(elsewhere.receive(found), expected)
