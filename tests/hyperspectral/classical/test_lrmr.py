"""LRMR: each half step is the best, the residual never grows, exact parts are found."""

from itertools import pairwise

import numpy as np
import pytest

from sigden import LRMR, ParameterError
from sigden.hyperspectral.classical.lrmr import _truncated, go_decomposition
from sigden.hyperspectral.order import largest_kept


@pytest.mark.parametrize("shape", [(40, 12), (9, 30)])
def test_half_steps_are_the_best_of_their_kind(shape):
    y = np.random.default_rng(0).standard_normal(shape)
    left, values, right = np.linalg.svd(y, full_matrices=False)
    np.testing.assert_allclose(_truncated(y, 3), left[:, :3] * values[:3] @ right[:3], atol=1e-10)
    sparse = largest_kept(y, 17)
    assert np.count_nonzero(sparse) == 17
    assert np.abs(y[sparse == 0]).max() <= np.abs(sparse[sparse != 0]).min()
    assert not largest_kept(y, 0).any()


def test_the_residual_never_grows_and_the_parts_are_bounded():
    rng = np.random.default_rng(1)
    y = rng.standard_normal((100, 4)) @ rng.standard_normal((4, 30)) + 0.1 * rng.standard_normal((100, 30))
    y[rng.random(y.shape) < 0.05] += 5.0
    low, residuals = go_decomposition(y, 4, 150, 1e-9, 300)
    assert len(residuals) > 5
    assert all(after <= before * (1 + 1e-12) for before, after in pairwise(residuals))
    assert np.linalg.matrix_rank(low) == 4
    last = y - low - largest_kept(y - low, 150)
    assert np.sum(last**2) == pytest.approx(residuals[-1], rel=1e-9)


def test_exact_parts_are_found():
    rng = np.random.default_rng(2)
    clean = rng.standard_normal((120, 3)) @ rng.standard_normal((3, 40))
    struck = clean.copy()
    place = rng.choice(clean.size, 150, replace=False)
    struck.ravel()[place] += 8.0 * rng.choice([-1, 1], 150)
    low, _ = go_decomposition(struck, 3, 150, 0.0, 200)
    np.testing.assert_allclose(low, clean, atol=1e-6)


def test_a_cube_of_one_block_is_one_decomposition(noisy):
    part = noisy[:15, :18]
    solution = LRMR(rank=3, sparsity=0.02).solve(part)
    mean = part.mean(axis=(0, 1))
    flat = (part - mean).reshape(-1, part.shape[2])
    low, _ = go_decomposition(flat, 3, int(0.02 * flat.size), 0.01, 100)
    np.testing.assert_allclose(solution.estimate, low.reshape(part.shape) + mean, atol=1e-9)


def test_outliers_do_little_harm(noisy, truth):
    struck = noisy.copy()
    struck[np.random.default_rng(3).random(truth.shape) < 0.03] = 1.0
    robust = np.mean((LRMR(rank=4)(struck) - truth) ** 2)
    assert robust < 0.6 * np.mean((LRMR(rank=4, sparsity=0.0)(struck) - truth) ** 2)


@pytest.mark.parametrize(
    "parameters",
    [{"rank": 0}, {"block": 0}, {"step": 0}, {"sparsity": 1.0}, {"tol": -1.0}, {"max_iter": 0}, {"step": 30}],
)
def test_parameters_out_of_range_are_named(parameters):
    with pytest.raises(ParameterError, match=next(iter(parameters))):
        LRMR(**parameters)
