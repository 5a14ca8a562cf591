"""LRTDTV: the decomposition finds low ranks, the constraints hold, and given its bases no cube is better."""

import numpy as np
import pytest

from sigden import LRTDTV, ParameterError
from sigden.hyperspectral.classical.lrtdtv import _State
from sigden.hyperspectral.classical.slopes_numba import shrink_slopes
from sigden.hyperspectral.classical.tucker import Tucker
from sigden.operators import FiniteDifference
from sigden.simulate import gaussian_noise, impulse_noise, spectral_cube

WEIGHT = 0.1


def low_rank(rng, shape=(12, 14, 9), ranks=(4, 5, 3)):
    core = rng.standard_normal(ranks)
    bases = [np.linalg.qr(rng.standard_normal((n, r)))[0] for n, r in zip(shape, ranks, strict=True)]
    return np.einsum("abc,ia,jb,kc->ijk", core, *bases, optimize=True)


def test_a_cube_of_low_rank_is_found_exactly():
    cube = low_rank(np.random.default_rng(0))
    np.testing.assert_allclose(Tucker((4, 5, 3)).project(cube), cube, atol=1e-12)


def test_the_decomposition_gets_nearer_and_each_basis_is_the_best_for_the_others():
    rng = np.random.default_rng(1)
    cube = low_rank(rng) + 0.3 * rng.standard_normal((12, 14, 9))
    tucker = Tucker((4, 5, 3))
    distances = [np.linalg.norm(tucker.project(cube) - cube) for _ in range(60)]
    assert np.diff(distances).max() <= 1e-12
    for axis in range(3):
        others = [b if a != axis else np.eye(len(b)) for a, b in enumerate(tucker.bases)]
        seen = np.einsum("ijk,ia,jb,kc->abc", cube, *others, optimize=True)
        flat = np.moveaxis(seen, axis, 0).reshape(cube.shape[axis], -1)
        left = np.linalg.svd(flat)[0][:, : tucker.ranks[axis]]
        np.testing.assert_allclose(
            left @ left.T, tucker.bases[axis] @ tucker.bases[axis].T, atol=1e-4, err_msg=str(axis)
        )
        np.testing.assert_allclose(
            tucker.bases[axis].T @ tucker.bases[axis], np.eye(left.shape[1]), atol=1e-12
        )


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_slopes_are_shrunk_and_carried_back_in_one_pass(dtype):
    rng = np.random.default_rng(2)
    z, right = (rng.standard_normal((6, 5, 7)).astype(dtype) for _ in range(2))
    gradient = FiniteDifference(z.shape)
    before = (0.1 * gradient(rng.standard_normal(z.shape))).astype(dtype)
    target = gradient(z) + before
    kept = np.clip(target, -0.4, 0.4)
    slopes = target - kept
    expected = right + gradient.adjoint(slopes - kept / dtype(1.5))
    dual = before.copy()
    total = shrink_slopes(z, dual, 0.4, 1.5, right)
    assert total == pytest.approx(np.sum((gradient(z) - slopes) ** 2), rel=1e-5)
    np.testing.assert_allclose(dual, kept / 1.5, atol=1e-6)
    np.testing.assert_allclose(right, expected, atol=1e-5)


@pytest.fixture(scope="module")
def settled():
    truth = spectral_cube((24, 26), 20, endmembers=3, seed=1).astype(float)
    noisy = impulse_noise(gaussian_noise(truth, 0.03, seed=2), (0.02, 0.08), seed=3)
    mean = noisy.mean(axis=(0, 1))
    y = noisy - mean
    state = _State(y, (20, 21, 6), 0.001, 1.5)
    violations = [state.advance(WEIGHT) for _ in range(60)]
    return truth - mean, y, state, violations


def objective(x, y):
    return WEIGHT * np.abs(FiniteDifference(y.shape)(x)).sum() + np.abs(y - x).sum()


def in_range(state, cube):
    core = np.einsum("ijk,ia,jb,kc->abc", cube, *state.tucker.bases, optimize=True)
    return np.einsum("abc,ia,jb,kc->ijk", core, *state.tucker.bases, optimize=True)


def test_the_constraints_hold_in_the_end(settled):
    _, y, state, violations = settled
    assert violations[-1] < 1e-3 * np.linalg.norm(y)
    np.testing.assert_allclose(state.x + state.sparse, y, atol=1e-3)
    np.testing.assert_allclose(state.x, state.z, atol=1e-3)
    np.testing.assert_allclose(in_range(state, state.x), state.x, atol=1e-9)


class Fixed:
    """Projection on the span of given bases."""

    def __init__(self, bases):
        self.bases = bases

    def project(self, cube):
        core = np.einsum("ijk,ia,jb,kc->abc", cube, *self.bases, optimize=True)
        return np.einsum("abc,ia,jb,kc->ijk", core, *self.bases, optimize=True)


def test_given_bases_the_duals_prove_the_minimum(settled):
    _, y, first, _ = settled
    state = _State(y, first.tucker.ranks, 1.0, 1.0)
    state.tucker = Fixed(first.tucker.bases)
    for _ in range(400):
        state.advance(WEIGHT)
    fit, slopes = state.penalty * state.fit_dual, state.penalty * state.slope_dual
    assert np.abs(fit).max() <= 1 + 1e-9
    assert np.abs(slopes).max() <= WEIGHT * (1 + 1e-9)
    # for every cube x of the span: objective(x) >= <fit, y - x> + <slopes, Dx>, which does not depend on x
    unbalanced = in_range(state, fit - FiniteDifference(y.shape).adjoint(slopes))
    assert np.linalg.norm(unbalanced) < 1e-3 * np.linalg.norm(fit)
    least = np.sum(fit * y)
    value = objective(state.x, y)
    assert least * (1 - 1e-3) <= value <= least * (1 + 2e-3)
    assert value <= objective(first.x, y) <= 1.05 * value


def test_the_objective_is_below_that_of_the_truth_and_of_cubes_around(settled):
    truth, y, state, _ = settled
    assert objective(state.x, y) < objective(truth, y)
    for seed in (10, 11, 12):
        step = in_range(state, np.random.default_rng(seed).standard_normal(y.shape))
        assert objective(state.x, y) < objective(state.x + 0.02 * step, y)


def test_the_sparse_part_holds_the_outliers():
    truth = spectral_cube((30, 30), 40, endmembers=4, seed=1)
    noisy = gaussian_noise(truth, 0.02, seed=2)
    place = np.random.default_rng(0).random(truth.shape) < 0.02
    noisy[place] += 0.8
    solution = LRTDTV().solve(100 * noisy)
    assert np.median(solution.details["sparse"][place]) == pytest.approx(80.0, abs=8.0)
    assert np.mean((solution.estimate / 100 - truth) ** 2) < 0.05 * np.mean((noisy - truth) ** 2)


@pytest.mark.parametrize(
    "parameter", ["rank", "spatial_rank", "regularization", "penalty", "growth", "tol", "max_iter"]
)
def test_parameters_out_of_range_are_named(parameter):
    with pytest.raises(ParameterError, match=parameter):
        LRTDTV(**{parameter: -1})
