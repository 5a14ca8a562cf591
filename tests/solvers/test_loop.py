"""The loop: statuses, history, callback."""

from __future__ import annotations

import math

import numpy as np
import pytest

from sigden.errors import ParameterError
from sigden.functionals import L1, GroupL2, SquaredL2
from sigden.operators import Diagonal, FiniteDifference, Identity
from sigden.solvers import (
    FGP,
    FISTA,
    PDHG,
    Composite,
    ConjugateGradient,
    Denoising,
    LeastSquares,
    SaddlePoint,
    Smooth,
    Solution,
    Solver,
    Status,
    relative_gap,
    solve,
)

RNG = np.random.default_rng(5)
DATA = RNG.normal(size=32)
GRADIENT = FiniteDifference((32,))
PROBLEMS = {
    "conjugate gradient": (
        ConjugateGradient(),
        lambda y: LeastSquares(Diagonal(np.linspace(0.1, 1.0, 32)), y, 1e-3),
    ),
    "fista": (FISTA(), lambda y: Composite(LeastSquares(Diagonal(np.linspace(0.1, 1.0, 32)), y), L1(1e-3))),
    "fgp": (FGP(), lambda y: Denoising(y, L1(2.0), GRADIENT)),
    "pdhg": (PDHG(), lambda y: SaddlePoint(SquaredL2(y), L1(2.0), GRADIENT)),
}


@pytest.fixture(autouse=True)
def _same_numbers_in_any_order(monkeypatch):
    monkeypatch.setitem(globals(), "RNG", np.random.default_rng(105))


@pytest.fixture(params=PROBLEMS)
def case(request):
    return PROBLEMS[request.param]


def test_iterations_run_out(case):
    solver, build = case
    solution = solve(solver, build(DATA), max_iter=7, tol=0.0, check_every=3)
    assert solution.status is Status.MAX_ITER
    assert not solution.converged
    assert solution.iterations == 7
    assert [i for i, _ in solution.history] == [0, 3, 6, 7]
    assert solution.history[-1][1] == solution.gap > 0
    assert solution.seconds > 0
    assert "MAX_ITER" in repr(solution)


def test_convergence_stops_at_the_certificate(case):
    solver, build = case
    solution = solve(solver, build(DATA), max_iter=100_000, tol=1e-3, check_every=4)
    assert solution.converged
    assert solution.gap <= 1e-3 < solution.history[-2][1]
    assert solution.iterations % 4 == 0
    assert isinstance(solution.details["certificate"], str)


def test_repeatable_and_data_untouched(case):
    solver, build = case
    data = DATA.copy()
    data.flags.writeable = False
    first, second = (solve(solver, build(data), max_iter=30, tol=0.0) for _ in range(2))
    np.testing.assert_array_equal(first.estimate, second.estimate)
    assert first.history == second.history
    assert not np.shares_memory(first.estimate, data)
    np.testing.assert_array_equal(data, DATA)


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_non_finite_data_are_noticed(case, bad):
    solver, build = case
    data = DATA.copy()
    data[3] = bad
    with np.errstate(invalid="ignore"):
        solution = solve(solver, build(data), max_iter=50, tol=1e-6)
    assert solution.status is Status.NON_FINITE
    assert solution.iterations <= 10


def test_divergence_is_noticed():
    problem = Composite(Smooth(lambda x: float(np.sum(x**2)), lambda x: 2e30 * x, 1.0), L1(1e-3))
    with np.errstate(over="ignore", invalid="ignore"):
        solution = solve(FISTA(restart="none"), problem, np.ones(4), max_iter=1000, tol=1e-6)
    assert solution.status is Status.NON_FINITE
    assert math.isnan(solution.gap)
    assert solution.iterations < 1000


def test_callback_sees_progress_and_stops(case):
    solver, build = case
    seen = []

    def callback(progress):
        seen.append((progress.iteration, progress.gap))
        assert progress.estimate.shape == DATA.shape
        assert progress.seconds >= 0
        return progress.iteration >= 6

    solution = solve(solver, build(DATA), max_iter=100, tol=0.0, check_every=3, callback=callback)
    assert solution.status is Status.STOPPED
    assert solution.iterations == 6
    assert tuple(seen) == solution.history


def test_callback_without_an_answer_does_not_stop(case):
    solver, build = case
    solution = solve(solver, build(DATA), max_iter=4, tol=0.0, callback=lambda progress: progress.iteration)
    assert solution.status is Status.MAX_ITER


def test_start_is_not_changed(case):
    solver, build = case
    problem = build(DATA)
    shape = (1, 32) if isinstance(solver, FGP) else (32,)
    start = RNG.normal(size=shape)
    kept = start.copy()
    start.flags.writeable = False
    first = solve(solver, problem, start, max_iter=0, tol=0.0)
    assert first.iterations == 0
    assert not np.shares_memory(first.estimate, start)
    solve(solver, problem, start, max_iter=20, tol=0.0)
    np.testing.assert_array_equal(start, kept)


def test_step_leaves_the_state_as_it_was(case):
    solver, build = case
    problem = build(DATA)
    state = solver.step(problem, solver.init(problem, None))
    before = solver.estimate(problem, state).copy()
    solver.step(problem, state)
    np.testing.assert_array_equal(solver.estimate(problem, state), before)
    assert isinstance(solver, Solver)


def test_no_output(case, capsys):
    solver, build = case
    solve(solver, build(DATA), max_iter=5, tol=0.0)
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize(
    "arguments", [{"max_iter": -1}, {"tol": -1e-3}, {"tol": math.nan}, {"check_every": 0}]
)
def test_bad_arguments_are_refused(arguments):
    problem = LeastSquares(Identity((32,)), DATA)
    with pytest.raises(ParameterError, match="solve"):
        solve(ConjugateGradient(), problem, **({"max_iter": 5, "tol": 1e-3} | arguments))


def test_relative_gap():
    assert relative_gap(2.0, 1.0) == 0.5
    assert relative_gap(-1.0, -2.0) == 0.5
    assert relative_gap(1.0, 1.0 + 1e-15) == 0.0
    assert relative_gap(0.0, 0.0) == 0.0
    assert relative_gap(0.0, -1.0) == 1.0
    assert relative_gap(math.inf, 0.0) == math.inf
    assert math.isnan(relative_gap(math.nan, 0.0))


def test_solution_is_frozen():
    solution = Solution(DATA, Status.CONVERGED, 3, 0.0)
    with pytest.raises(AttributeError):
        solution.gap = 1.0
    assert solution.converged
    assert solution.history == ()
    assert GroupL2(1.0)(DATA[None]) == L1(1.0)(DATA)
