"""WSRRR and OTVCA: the objective never rises, and the end is optimal in each block."""

from itertools import pairwise

import numpy as np
import pytest

from sigden import OTVCA, ROF, WSRRR, ConvergenceWarning, ParameterError
from sigden.hyperspectral.classical.orthogonal import procrustes
from sigden.hyperspectral.classical.sure import soft
from sigden.hyperspectral.classical.wavelet import ImageWavelet


def test_procrustes_is_the_nearest_orthonormal_matrix():
    rng = np.random.default_rng(0)
    matrix = rng.standard_normal((9, 4))
    found = procrustes(matrix)
    np.testing.assert_allclose(found.T @ found, np.eye(4), atol=1e-12)
    for seed in range(20):
        other = np.linalg.qr(np.random.default_rng(seed).standard_normal((9, 4)))[0]
        assert np.sum(matrix * found) > np.sum(matrix * other)
    middle = found.T @ matrix
    np.testing.assert_allclose(middle, middle.T, atol=1e-12)
    assert np.linalg.eigvalsh(middle).min() > 0


def test_wsrrr_lowers_its_objective_and_ends_where_both_blocks_are_optimal(truth, noisy):
    sigma = np.linspace(0.03, 0.08, truth.shape[2])
    solution = WSRRR(tol=1e-9, max_iter=5000).solve(noisy, sigma=sigma)
    assert solution.converged
    values = [value for _, value in solution.history]
    assert all(after <= before * (1 + 1e-12) for before, after in pairwise(values))
    assert values[-1] < values[0]
    basis, thresholds = solution.details["basis"], solution.details["thresholds"]
    transform = ImageWavelet(truth.shape[:2], 3, 5)
    y = transform.forward((noisy - noisy.mean(axis=(0, 1))) / sigma)
    w = [soft(level @ basis, limit) for level, limit in zip(y, thresholds, strict=True)]
    np.testing.assert_allclose(transform.inverse(w), solution.details["components"], atol=1e-9)
    objective = sum(
        np.sum((a - b @ basis.T) ** 2) / 2 + np.sum(limit * np.abs(b))
        for a, b, limit in zip(y, w, thresholds, strict=True)
    )
    assert objective == pytest.approx(values[-1], rel=1e-9)
    middle = basis.T @ np.concatenate(y).T @ np.concatenate(w)
    np.testing.assert_allclose(middle, middle.T, atol=1e-4 * np.abs(middle).max())
    assert np.linalg.eigvalsh((middle + middle.T) / 2).min() > 0


def test_wsrrr_says_when_it_was_stopped(noisy):
    with pytest.warns(ConvergenceWarning, match="WSRRR: max_iter"):
        WSRRR(max_iter=2, tol=0.0)(noisy)


def test_wsrrr_is_as_good_as_hyde_where_it_is_right(noisy, truth):
    torch = pytest.importorskip("torch", reason="HyDe is not installed")
    hyde = pytest.importorskip("hyde", reason="HyDe is not installed")
    theirs = hyde.WSRRR()(torch.from_numpy(noisy.astype(np.float32)), rank=3)[0].numpy()
    ours = WSRRR(rank=3)(noisy)  # its rank 3 keeps four components, one of them the mean
    errors = [float(np.mean((estimate - truth) ** 2)) for estimate in (ours, theirs)]
    assert errors[0] < 1.05 * errors[1]
    assert np.mean((ours - theirs) ** 2) < errors[1]


@pytest.mark.parametrize("parameter", ["rank", "levels", "tol", "max_iter"])
def test_parameters_out_of_range_are_named(parameter):
    with pytest.raises(ParameterError, match=parameter):
        WSRRR(**{parameter: -1})


def test_a_rank_above_the_bands_is_that_of_the_bands(noisy):
    assert WSRRR(rank=99).solve(noisy).details["rank"] == noisy.shape[2]


def test_otvca_lowers_its_objective_and_ends_where_both_blocks_are_optimal(truth, noisy):
    sigma = np.linspace(0.03, 0.08, truth.shape[2])
    solution = OTVCA(regularization=1.0, tol=1e-7, max_iter=60, rank=3).solve(noisy, sigma=sigma)
    values = [value for _, value in solution.history]
    assert len(values) > 2
    # the inner solver stops at a relative gap of 1e-4
    assert all(after <= before * (1 + 1e-4) for before, after in pairwise(values))
    basis, images = solution.details["basis"], solution.details["components"]
    y = (noisy - noisy.mean(axis=(0, 1))) / sigma
    fit = np.sum((y - images @ basis.T) ** 2) / 2
    variation = 0.0
    for image in np.moveaxis(images, -1, 0):
        down, across = np.zeros_like(image), np.zeros_like(image)
        down[:-1], across[:, :-1] = np.diff(image, axis=0), np.diff(image, axis=1)
        variation += np.sum(np.hypot(down, across))
    assert fit + variation == pytest.approx(values[-1], rel=1e-9)
    for index in range(3):
        best = ROF(regularization=1.0, tol=1e-6)((y @ basis)[..., index], sigma=1.0)
        np.testing.assert_allclose(images[..., index], best, atol=0.15)
    flat = images.reshape(-1, 3)
    middle = basis.T @ y.reshape(len(flat), -1).T @ flat
    np.testing.assert_allclose(middle, middle.T, atol=2e-2 * np.abs(middle).max())


def test_otvca_without_regularization_keeps_the_subspace(noisy):
    sigma = np.linspace(0.03, 0.08, noisy.shape[2])
    solution = OTVCA(regularization=0.0, rank=2).solve(noisy, sigma=sigma)
    y = (noisy - noisy.mean(axis=(0, 1))) / sigma
    basis = np.linalg.svd(y.reshape(-1, y.shape[2]), full_matrices=False)[2][:2]
    np.testing.assert_allclose(
        solution.estimate - noisy.mean(axis=(0, 1)), y @ basis.T @ basis * sigma, atol=1e-8
    )


@pytest.mark.parametrize("parameter", ["rank", "regularization", "tol", "max_iter"])
def test_parameters_of_otvca_out_of_range_are_named(parameter):
    with pytest.raises(ParameterError, match=parameter):
        OTVCA(**{parameter: -1})
