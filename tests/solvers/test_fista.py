"""FISTA against closed forms and optimality conditions."""

from __future__ import annotations

import array_api_strict
import numpy as np
import pytest
import scipy.linalg
import scipy.optimize

from sigden.errors import ParameterError
from sigden.functionals import L1, GroupL2, IsotropicTVBall, NonNegativity, NuclearNorm, SquaredL2, Zero
from sigden.operators import CircularConvolve, FiniteDifference, LinearOperator, Sampling
from sigden.solvers import FISTA, Composite, LeastSquares, Smooth, solve

RNG = np.random.default_rng(2)
RESTARTS = ("gradient", "function", "none")


@pytest.fixture(autouse=True)
def _same_numbers_in_any_order(monkeypatch):
    monkeypatch.setitem(globals(), "RNG", np.random.default_rng(102))


class Matrix(LinearOperator):
    """Dense matrix."""

    def __init__(self, matrix):
        super().__init__(matrix.shape[1], matrix.shape[0], like=matrix)
        self._set(matrix=matrix)

    def _forward(self, xp, x):
        return self.matrix @ x

    def _adjoint(self, xp, y):
        return self.matrix.T @ y


@pytest.mark.parametrize("restart", RESTARTS)
def test_lasso_in_an_orthogonal_design_is_soft_thresholding(restart):
    design, _ = np.linalg.qr(RNG.normal(size=(12, 12)))
    data = 3 * RNG.normal(size=12)
    problem = Composite(LeastSquares(Matrix(design), data), L1(0.8))
    solution = solve(FISTA(restart=restart), problem, max_iter=500, tol=1e-12)
    assert solution.converged
    assert solution.details["certificate"] == "relative duality gap"
    np.testing.assert_allclose(solution.estimate, L1(0.8).prox(design.T @ data, 1.0), atol=1e-5)


@pytest.mark.parametrize("restart", RESTARTS)
def test_lasso_meets_its_optimality_conditions(restart):
    design = RNG.normal(size=(20, 40))
    data = RNG.normal(size=20)
    weight = 0.1 * float(np.max(np.abs(design.T @ data)))
    problem = Composite(LeastSquares(Matrix(design), data), L1(weight))
    solution = solve(FISTA(restart=restart), problem, max_iter=20_000, tol=1e-11)
    assert solution.converged
    x = solution.estimate
    slope = design.T @ (data - design @ x)
    assert np.all(np.abs(slope) <= weight * (1 + 1e-4))
    np.testing.assert_allclose(slope[np.abs(x) > 1e-6], (weight * np.sign(x))[np.abs(x) > 1e-6], rtol=1e-4)
    assert 0 < np.count_nonzero(np.abs(x) > 1e-6) <= 20


def test_gap_bounds_the_distance_to_the_optimum():
    design = RNG.normal(size=(20, 15))
    data = RNG.normal(size=20)
    for penalty, damping in (
        (L1(1.0), 0.0),
        (L1(1.0), 0.4),
        (NonNegativity(), 0.4),
        (SquaredL2(weight=0.3), 0.0),
    ):
        problem = Composite(LeastSquares(Matrix(design), data, damping), penalty)
        assert problem.has_duality_gap
        best = problem(solve(FISTA(), problem, max_iter=20_000, tol=1e-13).estimate)
        for point in (np.zeros(15), np.abs(RNG.normal(size=15))):
            gap = problem.duality_gap(point)
            assert problem(point) - best <= gap * max(problem(point), best) * (1 + 1e-9)
            assert gap > 1e-3


def test_restart_saves_iterations_on_an_ill_conditioned_problem():
    design = RNG.normal(size=(60, 30)) * np.geomspace(1, 0.03, 30)
    problem = Composite(LeastSquares(Matrix(design), RNG.normal(size=60)), L1(0.01))
    counts = {
        restart: solve(FISTA(restart=restart), problem, max_iter=20_000, tol=1e-8, check_every=20).iterations
        for restart in RESTARTS
    }
    assert counts["gradient"] < 0.7 * counts["none"]
    assert counts["function"] < 0.7 * counts["none"]


def test_function_restart_never_raises_the_objective():
    design = RNG.normal(size=(30, 20)) * np.geomspace(1, 0.1, 20)
    problem = Composite(LeastSquares(Matrix(design), RNG.normal(size=30)), L1(0.05))
    values = []
    solution = solve(
        FISTA(restart="function"),
        problem,
        max_iter=200,
        tol=0.0,
        check_every=1,
        callback=lambda progress: values.append(problem(progress.estimate)),
    )
    assert solution.details["restarts"] > 0
    assert np.all(np.diff(values) <= 1e-13)


@pytest.mark.parametrize("penalty", [NonNegativity(), Zero()])
def test_constrained_least_squares_by_the_proximal_residual(penalty):
    design, data = RNG.normal(size=(25, 10)), RNG.normal(size=25)
    problem = Composite(LeastSquares(Matrix(design), data), penalty)
    solution = solve(FISTA(), problem, max_iter=5000, tol=1e-11)
    assert solution.converged
    assert solution.details["certificate"] == "relative proximal gradient residual"
    if isinstance(penalty, Zero):
        expected = scipy.linalg.lstsq(design, data)[0]
    else:
        expected = scipy.optimize.nnls(design, data)[0]
    np.testing.assert_allclose(solution.estimate, expected, atol=1e-8)


def test_smooth_part_from_functions():
    target = RNG.normal(size=6)
    smooth = Smooth(lambda x: float(np.sum(np.logaddexp(x, -x))), np.tanh, 1.0)
    problem = Composite(smooth, SquaredL2(target))
    solution = solve(FISTA(), problem, np.zeros(6), max_iter=500, tol=1e-12)
    assert solution.converged
    np.testing.assert_allclose(np.tanh(solution.estimate) + solution.estimate, target, atol=1e-9)
    with pytest.raises(ParameterError, match="x0 is needed"):
        solve(FISTA(), problem, max_iter=1, tol=0.1)
    with pytest.raises(ParameterError, match="no duality gap"):
        problem.duality_gap(target)


def test_matrix_completion_certifies_by_the_nuclear_gap():
    low_rank = RNG.normal(size=(12, 2)) @ RNG.normal(size=(2, 10))
    sampling = Sampling(RNG.random((12, 10)) < 0.8)
    problem = Composite(LeastSquares(sampling, sampling(low_rank)), NuclearNorm(0.05))
    solution = solve(FISTA(), problem, max_iter=3000, tol=1e-5)
    assert solution.converged
    assert np.linalg.norm(solution.estimate - low_rank) < 0.1 * np.linalg.norm(low_rank)


def test_strict_device_and_single_precision():
    device = array_api_strict.Device("device1")
    psf = np.ones(5) / 5
    spikes = np.zeros(40)
    spikes[[7, 20, 31]] = [2.0, -1.0, 3.0]
    data = CircularConvolve(psf, (40,))(spikes).astype(np.float32)
    results = []
    for put in (lambda a: a, lambda a: array_api_strict.asarray(a, device=device)):
        problem = Composite(LeastSquares(CircularConvolve(put(psf), (40,)), put(data)), L1(0.01))
        results.append(solve(FISTA(), problem, max_iter=400, tol=1e-4))
    assert results[0].converged
    assert results[1].converged
    assert results[0].estimate.dtype == np.float32
    assert results[1].estimate.device == device
    assert results[1].estimate.dtype == array_api_strict.float32
    far = np.asarray(results[1].estimate.to_device(array_api_strict.Device("CPU_DEVICE")))
    np.testing.assert_allclose(far, results[0].estimate, atol=1e-3)


def test_dual_of_total_variation_as_a_composite_problem():
    data = RNG.normal(size=(6, 5))
    operator = FiniteDifference((6, 5))
    problem = Composite(LeastSquares(operator.H, data), IsotropicTVBall(0.3))
    assert problem.has_duality_gap
    solution = solve(FISTA(), problem, max_iter=3000, tol=1e-9)
    assert solution.converged
    u = data - operator.adjoint(solution.estimate)
    primal = 0.5 * np.sum((u - data) ** 2) + GroupL2(0.3)(operator(u))
    dual = 0.5 * np.sum(data**2) - 0.5 * np.sum(u**2)
    assert primal == pytest.approx(dual, rel=1e-7)


def test_bad_parameters_are_refused():
    with pytest.raises(ParameterError, match="restart"):
        FISTA(restart="sometimes")
    with pytest.raises(ParameterError, match="step_size"):
        FISTA(step_size=0.0)
    with pytest.raises(ParameterError, match="lipschitz"):
        Smooth(np.sum, np.ones_like, 0.0)
