"""NGMeet: similar patches are the nearest, singular values rest where their weights do, one step by hand."""

import math

import numpy as np
import pytest

from sigden import NGMeet, ParameterError
from sigden.hyperspectral.classical.nonlocal_low_rank import (
    low_rank_groups,
    similar_patches,
    weighted_low_rank,
)
from sigden.simulate import gaussian_noise, spectral_cube


def patches(cube, patch):
    windows = np.lib.stride_tricks.sliding_window_view(cube, (patch, patch), axis=(0, 1))
    return np.moveaxis(windows, 2, -1)  # (rows, columns, patch, patch, depth)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_groups_hold_the_nearest_patches_of_the_window(dtype):
    cube = np.random.default_rng(0).standard_normal((17, 19, 3)).astype(dtype)
    references, found = similar_patches(cube, patch=4, group=12, window=5, step=3)
    assert set(map(tuple, references)) == {(r, c) for r in (0, 3, 6, 9, 12, 13) for c in (0, 3, 6, 9, 12, 15)}
    all_patches = patches(cube, 4)
    for (y, x), group in zip(references, found, strict=True):
        distance = np.sum((all_patches - all_patches[y, x]) ** 2, axis=(2, 3, 4))
        rows, columns = np.indices(distance.shape)
        distance[(abs(rows - y) > 5) | (abs(columns - x) > 5)] = np.inf
        nearest = np.argsort(distance, axis=None)[:12]
        assert set(map(tuple, group)) == set(zip(*np.unravel_index(nearest, distance.shape), strict=True))


def test_patches_at_a_tie_come_first_in_the_image():
    _, found = similar_patches(np.zeros((9, 9, 1)), patch=3, group=5, window=2, step=3)
    np.testing.assert_array_equal(found[0], [[0, 0], [0, 1], [0, 2], [1, 0], [1, 1]])


@pytest.mark.parametrize("shape", [(12, 30), (30, 12)])
def test_singular_values_rest_where_their_weights_do(shape):
    y = np.random.default_rng(1).standard_normal(shape)
    y += 4 * np.outer(*(np.random.default_rng(2).standard_normal(n) for n in shape))
    strength = 6.0
    left, values, right = np.linalg.svd(y, full_matrices=False)
    x = values.copy()
    cost = []
    for _ in range(3000):  # each threshold minimises a bound on the cost that touches it
        x = np.maximum(values - strength / (x + 1e-9), 0)
        cost.append(0.5 * np.sum((values - x) ** 2) + strength * np.sum(np.log(x + 1e-9)))
    assert np.diff(cost).max() <= 1e-9
    assert 0 < np.count_nonzero(x) < len(x)
    np.testing.assert_allclose(weighted_low_rank(y, strength), (left * x) @ right, atol=1e-5)
    np.testing.assert_allclose(weighted_low_rank(y, 0.0), y, atol=1e-12)
    assert not weighted_low_rank(y, 1e6).any()


def test_the_shrunk_matrix_is_a_minimum_among_those_around():
    rng = np.random.default_rng(3)
    y = rng.standard_normal((8, 3)) @ rng.standard_normal((3, 20)) * 3 + 0.1 * rng.standard_normal((8, 20))
    strength = 4.0
    x = weighted_low_rank(y, strength)

    def value(z):
        return 0.5 * np.sum((y - z) ** 2) + strength * np.sum(np.log(np.linalg.svd(z)[1] + 1e-9))

    assert value(x) < value(y)
    for size in (1e-4, 1e-2):
        for _ in range(5):
            assert value(x) < value(x + size * rng.standard_normal(y.shape))


def test_groups_without_shrinkage_give_the_cube_back():
    cube = np.random.default_rng(4).standard_normal((13, 11, 4))
    _, found = similar_patches(cube, patch=5, group=20, window=6, step=4)
    np.testing.assert_allclose(low_rank_groups(cube, found, np.zeros(len(found)), 5), cube, atol=1e-12)
    flat = low_rank_groups(cube, found, np.full(len(found), 1e9), 5)
    means = patches(cube, 5)
    total, count = np.zeros_like(cube), np.zeros((13, 11, 1))
    for group in found:
        mean = means[group[:, 0], group[:, 1]].mean(axis=0)
        for y, x in group:
            total[y : y + 5, x : x + 5] += mean
            count[y : y + 5, x : x + 5] += 1
    np.testing.assert_allclose(flat, total / count, atol=1e-12)


def test_one_iteration_is_the_best_subspace_and_its_groups(truth):
    noisy = gaussian_noise(truth, 0.05, seed=1)
    mean = noisy.mean(axis=(0, 1))
    y = (noisy - mean) / 0.05
    basis = np.linalg.svd(y.reshape(-1, y.shape[2]), full_matrices=False)[2][:4].T
    images = y @ basis
    _, found = similar_patches(images, patch=5, group=60, window=30, step=4)
    strength = np.full(len(found), 2 * 7.0711 * math.sqrt(60) * 0.56**2)
    expected = low_rank_groups(images, found, strength, 5) @ basis.T * 0.05 + mean
    solution = NGMeet(rank=4, iterations=1, group=60).solve(noisy, sigma=0.05)
    np.testing.assert_allclose(solution.estimate, expected, atol=1e-9)
    assert solution.details["rank"] == 4


def test_iterations_add_directions_and_lower_the_error(truth):
    noisy = gaussian_noise(truth, 0.1, seed=1)
    errors = []
    for iterations in (1, 2, 5):
        solution = NGMeet(rank=3, iterations=iterations).solve(noisy, sigma=0.1)
        assert solution.details["rank"] == 3 + 2 * (iterations - 1)
        errors.append(np.mean((solution.estimate - truth) ** 2))
    assert errors[2] < errors[1] < errors[0]


def test_everything_fed_back_or_nothing(truth):
    noisy = gaussian_noise(truth, 0.1, seed=1)
    once = NGMeet(rank=4, iterations=1)(noisy, sigma=0.1)
    again = NGMeet(rank=4, rank_step=0, iterations=2, feedback=0.0)(noisy, sigma=0.1)
    np.testing.assert_allclose(again, once, atol=1e-12)


def test_images_smaller_than_a_patch_are_taken():
    truth = spectral_cube((4, 40), 6, endmembers=3, seed=1).astype(float)
    noisy = gaussian_noise(truth, 0.05, seed=2)
    out = NGMeet(step=2)(noisy, sigma=0.05)
    assert np.mean((out - truth) ** 2) < 0.5 * np.mean((noisy - truth) ** 2)


@pytest.mark.parametrize(
    "parameters",
    [
        {"rank": 0},
        {"rank_step": -1},
        {"iterations": 0},
        {"feedback": 1.5},
        {"noise_part": -1.0},
        {"strength": -1.0},
        {"patch": 0},
        {"group": 0},
        {"window": 0},
        {"step": 6},
    ],
)
def test_parameters_out_of_range_are_named(parameters):
    with pytest.raises(ParameterError, match=next(iter(parameters))):
        NGMeet(**parameters)
