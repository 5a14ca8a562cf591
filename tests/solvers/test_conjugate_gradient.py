"""Conjugate gradients against direct solutions."""

from __future__ import annotations

import array_api_strict
import numpy as np
import pytest
import scipy.linalg
import scipy.sparse.linalg

from sigden.errors import InputError, ParameterError
from sigden.operators import (
    CircularConvolve,
    Diagonal,
    FiniteDifference,
    Identity,
    LinearOperator,
    Sampling,
    to_scipy,
)
from sigden.solvers import ConjugateGradient, LeastSquares, LinearSystem, Status, solve

RNG = np.random.default_rng(1)


@pytest.fixture(autouse=True)
def _same_numbers_in_any_order(monkeypatch):
    monkeypatch.setitem(globals(), "RNG", np.random.default_rng(101))


class Matrix(LinearOperator):
    """Dense matrix."""

    def __init__(self, matrix):
        super().__init__(matrix.shape[1], matrix.shape[0], like=matrix)
        self._set(matrix=matrix)

    def _forward(self, xp, x):
        return xp.astype(self.matrix, x.dtype) @ x

    def _adjoint(self, xp, y):
        return xp.conj(xp.astype(self.matrix, y.dtype)).T @ y


def test_positive_definite_system_matches_scipy():
    difference = FiniteDifference((12, 9))
    operator = difference.gram_operator + 0.1 * Identity((12, 9))
    data = RNG.normal(size=(12, 9))
    solution = solve(ConjugateGradient(), LinearSystem(operator, data), max_iter=300, tol=1e-11)
    assert solution.status is Status.CONVERGED
    expected, info = scipy.sparse.linalg.cg(to_scipy(operator), data.ravel(), rtol=1e-12)
    assert info == 0
    np.testing.assert_allclose(solution.estimate.ravel(), expected, atol=1e-9)
    assert solution.gap == pytest.approx(
        np.linalg.norm(data - operator(solution.estimate)) / np.linalg.norm(data), rel=1e-6
    )
    assert solution.details["certificate"] == "relative residual"


@pytest.mark.parametrize("damping", [0.0, 0.5])
@pytest.mark.parametrize("is_complex", [False, True])
def test_least_squares_matches_the_direct_solution(damping, is_complex):
    matrix = RNG.normal(size=(20, 8)) + (1j * RNG.normal(size=(20, 8)) if is_complex else 0)
    data = RNG.normal(size=20) + (1j * RNG.normal(size=20) if is_complex else 0)
    problem = LeastSquares(Matrix(matrix), data, damping=damping)
    solution = solve(ConjugateGradient(), problem, max_iter=60, tol=1e-12, check_every=1)
    gram = matrix.conj().T @ matrix + damping * np.eye(8)
    expected = scipy.linalg.solve(gram, matrix.conj().T @ data)
    assert solution.converged
    assert solution.iterations <= 12
    np.testing.assert_allclose(solution.estimate, expected, atol=1e-10)
    assert "normal equations" in solution.details["certificate"]
    assert np.linalg.norm(problem.gradient(solution.estimate)) < 1e-9


def test_gradient_is_the_derivative_of_the_objective():
    problem = LeastSquares(Matrix(RNG.normal(size=(7, 5))), RNG.normal(size=7), damping=0.3)
    x, d = RNG.normal(size=(2, 5))
    slope = (problem(x + 1e-5 * d) - problem(x - 1e-5 * d)) / 2e-5
    assert float(problem.gradient(x) @ d) == pytest.approx(slope, rel=1e-7)
    hessian = problem.operator.matrix.T @ problem.operator.matrix + 0.3 * np.eye(5)
    assert np.linalg.norm(hessian, 2) <= problem.lipschitz * (1 + 1e-12)


def test_warm_start_ends_at_once_and_is_not_changed():
    operator = Diagonal(RNG.random(30) + 0.5)
    exact = RNG.normal(size=30)
    kept = exact.copy()
    solution = solve(
        ConjugateGradient(), LinearSystem(operator, operator(exact)), exact, max_iter=10, tol=1e-12
    )
    assert (solution.iterations, solution.status) == (0, Status.CONVERGED)
    assert not np.shares_memory(solution.estimate, exact)
    np.testing.assert_array_equal(exact, kept)


def test_zero_data_give_zero():
    solution = solve(ConjugateGradient(), LeastSquares(Identity((4,)), np.zeros(4)), max_iter=5, tol=0.0)
    assert solution.converged
    np.testing.assert_array_equal(solution.estimate, np.zeros(4))


def test_indefinite_system_is_refused():
    operator = Diagonal(np.asarray([1.0, -1.0]))
    with pytest.raises(InputError, match="not positive definite"):
        solve(ConjugateGradient(), LinearSystem(operator, np.asarray([0.1, 1.0])), max_iter=5, tol=1e-9)


def test_single_precision_is_kept():
    psf = np.exp(-0.5 * np.arange(-3, 4) ** 2.0)
    operator = CircularConvolve(psf / psf.sum(), (64,))
    data = RNG.normal(size=64).astype(np.float32)
    solution = solve(ConjugateGradient(), LeastSquares(operator, data, 0.1), max_iter=100, tol=1e-5)
    assert solution.converged
    assert solution.estimate.dtype == np.float32
    expected = operator.inverse_gram(0.1)(operator.adjoint(data.astype(np.float64)))
    np.testing.assert_allclose(solution.estimate, expected, atol=1e-4)


def test_strict_device():
    device = array_api_strict.Device("device1")
    keep = RNG.random((6, 7)) < 0.7
    data = RNG.normal(size=int(keep.sum()))
    results = []
    for put in (lambda a: a, lambda a: array_api_strict.asarray(a, device=device)):
        problem = LeastSquares(Sampling(put(keep)), put(data), 0.2)
        results.append(solve(ConjugateGradient(), problem, max_iter=50, tol=1e-10))
    assert results[1].estimate.device == device
    far = np.asarray(results[1].estimate.to_device(array_api_strict.Device("CPU_DEVICE")))
    np.testing.assert_allclose(far, results[0].estimate, atol=1e-9)


def test_problems_check_their_parts():
    with pytest.raises(InputError, match="not square"):
        LinearSystem(FiniteDifference((4,)), np.ones((1, 4)))
    with pytest.raises(InputError, match="the operator gives"):
        LeastSquares(Identity((4,)), np.ones(5))
    with pytest.raises(InputError, match="float32"):
        LeastSquares(Identity((4,)), np.ones(4, dtype=int))
    with pytest.raises(InputError, match="container"):
        LeastSquares(Identity((4,)), np.ma.masked_array(np.ones(4)))
    with pytest.raises(ParameterError, match="damping"):
        LeastSquares(Identity((4,)), np.ones(4), damping=-1.0)
    with pytest.raises(InputError, match="x0 has shape"):
        solve(ConjugateGradient(), LeastSquares(Identity((4,)), np.ones(4)), np.ones(3), max_iter=1, tol=0.1)
