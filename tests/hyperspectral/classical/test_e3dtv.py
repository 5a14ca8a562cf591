"""E3DTV: the linear system is solved exactly, the constraints hold, the duals are feasible."""

import math

import numpy as np
import pytest

from sigden import E3DTV, ParameterError
from sigden.hyperspectral.classical.e3dtv import _State
from sigden.hyperspectral.classical.gradient_solver import gradient_solver
from sigden.operators import FiniteDifference
from sigden.simulate import gaussian_noise, impulse_noise, spectral_cube


def differences(x):
    return [FiniteDifference(x.shape, (axis,))(x)[0].reshape(-1, x.shape[2]) for axis in range(3)]


def test_the_linear_system_is_solved_exactly():
    shape = (7, 9, 5)
    right = np.random.default_rng(0).standard_normal(shape)
    x = gradient_solver(right)(right)
    back = x.copy()
    for axis in range(3):
        difference = FiniteDifference(shape, (axis,))
        back += difference.adjoint(difference(x))
    np.testing.assert_allclose(back, right, atol=1e-12)


@pytest.fixture(scope="module")
def settled():
    truth = spectral_cube((24, 26), 20, endmembers=3, seed=1).astype(float)
    noisy = impulse_noise(gaussian_noise(truth, 0.03, seed=2), (0.02, 0.08), seed=3)
    y = noisy - noisy.mean(axis=(0, 1))
    state, weight = _State(y, 8, 0.015), 0.004 * math.sqrt(24 * 26)
    violations = [state.advance(weight) for _ in range(60)]
    return truth - noisy.mean(axis=(0, 1)), y, state, weight, violations


def test_the_constraints_hold_in_the_end(settled):
    _, y, state, _, violations = settled
    assert violations[-1] < 1e-3 * np.linalg.norm(y)
    np.testing.assert_allclose(state.x + state.sparse, y, atol=1e-3)
    for gradient, part, basis in zip(differences(state.x), state.parts, state.bases, strict=True):
        np.testing.assert_allclose(part @ basis.T, gradient, atol=2e-3)
        np.testing.assert_allclose(basis.T @ basis, np.eye(8), atol=1e-10)


def test_the_duals_are_subgradients_of_the_norms(settled):
    _, _, state, weight, _ = settled
    dual = state.penalty * state.dual
    assert np.abs(dual).max() <= 1 + 1e-6
    active = state.sparse != 0
    np.testing.assert_allclose(dual[active], np.sign(state.sparse[active]), atol=1e-6)
    for part, basis, scaled in zip(state.parts, state.bases, state.duals, strict=True):
        inner = state.penalty * scaled @ basis
        assert np.abs(inner).max() <= weight * (1 + 1e-4)
        np.testing.assert_allclose(inner[part != 0], weight * np.sign(part[part != 0]), atol=1e-5)


def test_the_objective_is_below_that_of_the_truth_and_of_the_data(settled):
    truth, y, state, weight, _ = settled

    def objective(x):
        rough = sum(np.abs(g @ v).sum() for g, v in zip(differences(x), state.bases, strict=True))
        return weight * rough + np.abs(y - x).sum()

    assert objective(state.x) < objective(truth)
    for seed in (10, 11, 12):
        step = 0.02 * np.random.default_rng(seed).standard_normal(y.shape)
        assert objective(state.x) < objective(state.x + step)


def test_the_sparse_part_holds_the_outliers():
    truth = spectral_cube((30, 30), 40, endmembers=4, seed=1)
    noisy = gaussian_noise(truth, 0.02, seed=2)
    place = np.random.default_rng(0).random(truth.shape) < 0.02
    noisy[place] += 0.8
    solution = E3DTV().solve(100 * noisy)
    assert np.median(solution.details["sparse"][place]) == pytest.approx(80.0, abs=8.0)
    assert np.mean((solution.estimate / 100 - truth) ** 2) < 0.05 * np.mean((noisy - truth) ** 2)


@pytest.mark.parametrize("parameter", ["rank", "regularization", "penalty", "tol", "max_iter"])
def test_parameters_out_of_range_are_named(parameter):
    with pytest.raises(ParameterError, match=parameter):
        E3DTV(**{parameter: -1})
