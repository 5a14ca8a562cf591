"""Total-variation denoising: FGP and PDHG agree, and the gap certifies."""

from __future__ import annotations

import array_api_strict
import numpy as np
import pytest

from sigden.errors import ParameterError
from sigden.functionals import (
    L1,
    BoundedSquaredL2,
    Box,
    GroupL2,
    NonNegativity,
    SeparableFunctional,
    SquaredL2,
    Zero,
)
from sigden.operators import CircularConvolve, Diagonal, FiniteDifference, Identity, Masking, Stack
from sigden.solvers import FGP, PDHG, Denoising, SaddlePoint, Status, solve

RNG = np.random.default_rng(4)
TRUTH = np.zeros((14, 12))
TRUTH[3:9, 4:10] = 1.0
NOISY = TRUTH + 0.2 * RNG.normal(size=TRUTH.shape)
GRADIENT = FiniteDifference(TRUTH.shape)


def objective(u, data, penalty):
    return 0.5 * float(np.sum((u - data) ** 2)) + penalty(GRADIENT(u))


@pytest.fixture(autouse=True)
def _same_numbers_in_any_order(monkeypatch):
    monkeypatch.setitem(globals(), "RNG", np.random.default_rng(104))


@pytest.mark.parametrize("penalty", [GroupL2(0.25), L1(0.25), GroupL2(np.linspace(0.1, 0.4, 12))])
@pytest.mark.parametrize("restart", ["gradient", "function", "none"])
def test_fgp_and_pdhg_agree_and_certify(penalty, restart):
    fgp = solve(FGP(restart=restart), Denoising(NOISY, penalty, GRADIENT), max_iter=5000, tol=1e-6)
    pdhg = solve(PDHG(), SaddlePoint(SquaredL2(NOISY), penalty, GRADIENT), max_iter=5000, tol=1e-6)
    assert fgp.converged
    assert pdhg.converged
    assert fgp.details["certificate"] == pdhg.details["certificate"] == "relative duality gap"
    # Strong convexity turns the gap into a distance: ||u - u*||^2 / 2 <= gap * objective.
    reach = np.sqrt(2 * 1e-6 * objective(fgp.estimate, NOISY, penalty))
    assert np.linalg.norm(fgp.estimate - pdhg.estimate) <= 2.01 * reach
    assert np.linalg.norm(fgp.estimate - TRUTH) < np.linalg.norm(NOISY - TRUTH)


def test_gap_of_early_iterates_bounds_their_error():
    penalty = GroupL2(0.25)
    exact = solve(FGP(), Denoising(NOISY, penalty, GRADIENT), max_iter=20_000, tol=1e-12).estimate
    best = objective(exact, NOISY, penalty)
    for solver, problem in (
        (FGP(), Denoising(NOISY, penalty, GRADIENT)),
        (PDHG(), SaddlePoint(SquaredL2(NOISY), penalty, GRADIENT)),
    ):
        for count in (1, 5, 20):
            early = solve(solver, problem, max_iter=count, tol=0.0)
            value = objective(early.estimate, NOISY, penalty)
            assert early.status is Status.MAX_ITER
            assert 0 < value - best <= early.gap * value * (1 + 1e-9)


def test_one_dimensional_total_variation_has_a_closed_form_for_a_step():
    step = np.concatenate([np.zeros(10), np.ones(30)])
    problem = Denoising(step, L1(0.5), FiniteDifference((40,)))
    solution = solve(FGP(), problem, max_iter=20_000, tol=1e-12)
    assert solution.converged
    expected = np.concatenate([np.full(10, 0.5 / 10), np.full(30, 1 - 0.5 / 30)])
    np.testing.assert_allclose(solution.estimate, expected, atol=1e-5)


def test_constant_and_zero_weight_are_exact():
    constant = np.full(TRUTH.shape, 3.7)
    for problem, solver in (
        (Denoising(constant, GroupL2(0.5), GRADIENT), FGP()),
        (SaddlePoint(SquaredL2(constant), GroupL2(0.5), GRADIENT), PDHG()),
        (Denoising(NOISY, GroupL2(0.0), GRADIENT), FGP()),
    ):
        solution = solve(solver, problem, max_iter=50, tol=0.0)
        assert solution.converged
        expected = constant if solution.estimate[0, 0] == 3.7 else NOISY
        np.testing.assert_array_equal(solution.estimate, expected)


def test_constraint_in_fgp_matches_bounded_distance_in_pdhg():
    shifted = NOISY - 0.3
    penalty = GroupL2(0.2)
    fgp = solve(FGP(), Denoising(shifted, penalty, GRADIENT, NonNegativity()), max_iter=20_000, tol=1e-8)
    pdhg = solve(PDHG(), SaddlePoint(BoundedSquaredL2(shifted), penalty, GRADIENT), max_iter=20_000, tol=1e-8)
    assert fgp.converged
    assert pdhg.converged
    assert fgp.estimate.min() == 0.0
    assert pdhg.estimate.min() == 0.0
    np.testing.assert_allclose(fgp.estimate, pdhg.estimate, atol=2e-3)


@pytest.mark.parametrize("scale", [1e-9, 1.0, 1e9])
def test_equivariant_with_the_weight(scale):
    base = solve(FGP(), Denoising(NOISY, GroupL2(0.2), GRADIENT), max_iter=200, tol=1e-6)
    other = solve(FGP(), Denoising(scale * NOISY, GroupL2(0.2 * scale), GRADIENT), max_iter=200, tol=1e-6)
    assert other.iterations == base.iterations
    np.testing.assert_allclose(other.estimate / scale, base.estimate, atol=1e-10)


def test_inpainting_certifies_by_residuals():
    keep = RNG.random(TRUTH.shape) < 0.6
    data = np.where(keep, TRUTH, 0.0)
    problem = SaddlePoint(SquaredL2(data, keep.astype(float)), GroupL2(0.02), GRADIENT)
    assert not problem.has_duality_gap
    solution = solve(PDHG(), problem, max_iter=20_000, tol=1e-6)
    assert solution.converged
    assert solution.details["certificate"] == "relative primal and dual residuals"
    assert solution.history[0][1] == np.inf
    assert np.mean(np.abs(solution.estimate - TRUTH)) < 0.05
    # Optimality by hand: K^H y is minus the gradient of the data term, and y a subgradient of the penalty.
    y = solution.details["dual"]
    slope = keep * (solution.estimate - data) + GRADIENT.adjoint(y)
    assert np.linalg.norm(slope) < 1e-4 * np.linalg.norm(y)
    assert GroupL2(0.02).conjugate(y) == 0.0


def test_deblurring_with_several_terms_behind_a_stack():
    psf = np.outer([1.0, 2.0, 1.0], [1.0, 2.0, 1.0]) / 16
    blur = CircularConvolve(psf, TRUTH.shape)
    data = blur(TRUTH) + 0.01 * RNG.normal(size=TRUTH.shape)
    stack = Stack([blur, GRADIENT])
    terms = SeparableFunctional([SquaredL2(data), GroupL2(0.005)], stack.block_shapes)
    bounded = SaddlePoint(Box(0.0, 1.0), terms, stack)
    assert bounded.has_duality_gap
    first = solve(PDHG(), bounded, max_iter=20_000, tol=1e-4)
    assert first.converged
    free = SaddlePoint(NonNegativity(), terms, stack)
    assert not free.has_duality_gap
    second = solve(PDHG(), free, max_iter=20_000, tol=1e-5)
    assert second.converged
    assert bounded(first.estimate) == pytest.approx(free(second.estimate), rel=0.02)
    assert np.linalg.norm(first.estimate - TRUTH) < 0.5 * np.linalg.norm(data - TRUTH)


def test_acceleration_pays():
    problem = SaddlePoint(SquaredL2(NOISY), GroupL2(0.25), GRADIENT)
    fast, slow = (
        solve(PDHG(accelerate=flag), problem, max_iter=5000, tol=1e-4).iterations for flag in (True, False)
    )
    assert fast < 0.7 * slow


def test_non_trivial_operators_and_ratio():
    weights = Diagonal(RNG.random(TRUTH.shape) + 0.5)
    problem = SaddlePoint(SquaredL2(NOISY), L1(0.1), GRADIENT @ weights)
    estimates = [
        solve(PDHG(ratio=ratio), problem, max_iter=20_000, tol=1e-6).estimate for ratio in (0.3, 1.0, 3.0)
    ]
    np.testing.assert_allclose(estimates[0], estimates[1], atol=5e-3)
    np.testing.assert_allclose(estimates[2], estimates[1], atol=5e-3)


def test_warm_start_from_the_dual():
    problem = Denoising(NOISY, GroupL2(0.25), GRADIENT)
    cold = solve(FGP(), problem, max_iter=5000, tol=1e-7)
    warm = solve(FGP(), problem, cold.details["dual"], max_iter=5000, tol=1e-7)
    assert warm.iterations == 0


def test_strict_device_and_single_precision():
    device = array_api_strict.Device("device1")
    far = array_api_strict.asarray(NOISY.astype(np.float32), device=device)
    keep = array_api_strict.asarray(np.ones(TRUTH.shape, dtype=bool), device=device)
    penalty = GroupL2(0.25)
    expected = solve(FGP(), Denoising(NOISY, penalty, GRADIENT), max_iter=5000, tol=1e-6).estimate
    for solver, problem in (
        (FGP(), Denoising(far, penalty, GRADIENT)),
        (FGP(restart="function"), Denoising(far, penalty, GRADIENT)),
        (PDHG(), SaddlePoint(SquaredL2(far), penalty, GRADIENT @ Masking(keep))),
        (
            PDHG(),
            SaddlePoint(
                Zero(),
                SeparableFunctional([SquaredL2(far), penalty], [TRUTH.shape, GRADIENT.out_shape]),
                Stack([Identity(TRUTH.shape), GRADIENT]),
            ),
        ),
    ):
        solution = solve(solver, problem, max_iter=5000, tol=1e-4)
        assert solution.converged
        assert solution.estimate.device == device
        assert solution.estimate.dtype == array_api_strict.float32
        here = np.asarray(solution.estimate.to_device(array_api_strict.Device("CPU_DEVICE")))
        np.testing.assert_allclose(here, expected, atol=0.02)


def test_bad_problems_are_refused():
    with pytest.raises(ParameterError, match="SaddlePoint"):
        Denoising(NOISY, NonNegativity(), GRADIENT)
    with pytest.raises(ParameterError, match="ratio"):
        PDHG(ratio=0.0)
    with pytest.raises(ParameterError, match="restart"):
        FGP(restart="often")
    with pytest.raises(ParameterError, match="x0 is needed"):
        solve(PDHG(), SaddlePoint(Zero(), L1(), Identity((3,))), max_iter=1, tol=0.1)
