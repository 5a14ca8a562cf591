"""Regularised ROF kernels: certificates, limits, every-case convergence, agreement of implementations."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import array_api_strict as strict
import numpy as np
import pytest
from hypothesis import given, settings, strategies as st
from hypothesis.extra.numpy import arrays
from numpy.testing import assert_allclose, assert_array_equal
from scipy.linalg import solveh_banded
from scipy.optimize import minimize

from sigden.denoisers.tv import rrof_numba
from sigden.denoisers.tv.rrof_generic import rrof as rrof_generic
from sigden.denoisers.tv.rrof_numba import rrof as rrof_cpu
from sigden.denoisers.tv.tridiagonal_generic import solve_tridiagonal

IMPLEMENTATIONS = [pytest.param(rrof_cpu, id="numba"), pytest.param(rrof_generic, id="generic")]
WEIGHTS = (0.03, 0.3, 3.0, 30.0, 300.0)
BETAS = (100.0, 1.0, 1e-2, 1e-4, 1e-6, 1e-8, 1e-10, 1e-12)
DEVICE = strict.Device("device1")


def objective(u, y, weight, beta):
    """The functional itself, constant included, for one row."""
    return weight * np.sqrt(np.diff(u) ** 2 + beta).sum() + 0.5 * ((u - y) ** 2).sum()


def gradient(u, y, weight, beta):
    flux = np.diff(u) / np.sqrt(np.diff(u) ** 2 + beta)
    return u - y + weight * (np.append(0.0, flux) - np.append(flux, 0.0))


def signals(n, seed=0):
    """Rows of data of order one, one for each way in which such data are hard."""
    random = np.random.default_rng(seed)
    i = np.arange(n)
    white = random.standard_normal(n)
    steps = 5 * np.repeat(random.standard_normal(n // 40 + 1), 40)[:n]
    spikes = 50.0 * (random.random(n) < 0.02)
    even = 2 * n
    low_pass = np.exp(-((np.fft.rfftfreq(even) / 0.1) ** 2))
    band = np.fft.irfft(np.fft.rfft(random.standard_normal(even)) * low_pass, even)[:n]
    return np.stack([
        white, np.cumsum(white), 4 * band + np.sin(i * i * 1e-3), steps, steps + 0.1 * white, 0.01 * i,
        10.0 * i, 0.01 * i + white, spikes, spikes + white, np.sin(i / 30.0) * 10, (-1.0) ** i,
        white * 1e-3, white + 1e3, np.full(n, 3.7), np.zeros(n),
    ])  # fmt: skip


def strict_rows(x):
    return strict.asarray(x, device=DEVICE)


def on_host(x):
    return np.asarray(strict.asarray(x, device=strict.Device("CPU_DEVICE"), copy=True))


@pytest.mark.parametrize("rrof", IMPLEMENTATIONS)
@pytest.mark.parametrize("tol", [1e-8, 1e-10])
def test_every_case_converges(rrof, tol):
    for n in (1, 2, 3, 16, 257):
        y = signals(n, seed=n)
        for weight in WEIGHTS:
            for beta in BETAS:
                u, gap, iterations = rrof(y, np.full(len(y), weight), beta, tol, 200)
                assert np.all(np.isfinite(u))
                assert np.all((gap >= 0) & (gap <= tol)), (n, weight, beta, gap)
                assert np.all(iterations <= 60)


def test_every_case_converges_in_long_rows():
    y = signals(8192, seed=5)
    for weight in (0.3, 30.0, 300.0):
        for beta in (1e-2, 1e-6, 1e-12):
            _, gap, iterations = rrof_cpu(y, np.full(len(y), weight), beta, 1e-8, 200)
            assert np.all(gap <= 1e-8)
            assert np.all(iterations <= 40)


@pytest.mark.parametrize("rrof", IMPLEMENTATIONS)
@pytest.mark.parametrize("beta", [1.0, 1e-2, 1e-4])
def test_gradient_vanishes(rrof, beta):
    y = signals(300, seed=2)
    u, _, _ = rrof(y, np.full(len(y), 2.0), beta, 1e-14, 200)
    for row, data in zip(u, y, strict=True):
        assert np.abs(gradient(row, data, 2.0, beta)).max() < 1e-4


def test_gap_bounds_the_distance_to_the_minimum():
    y = signals(200, seed=3)
    exact, _, _ = rrof_cpu(y, np.full(len(y), 5.0), 1e-4, 1e-14, 200)
    for max_iter in (0, 1, 2, 3):
        u, gap, iterations = rrof_cpu(y, np.full(len(y), 5.0), 1e-4, 1e-14, max_iter)
        assert np.all(iterations <= max_iter)
        for i in range(len(y)):
            floor = 5.0 * (y.shape[1] - 1) * 1e-2
            value = objective(u[i], y[i], 5.0, 1e-4)
            excess = value - objective(exact[i], y[i], 5.0, 1e-4)
            # F(u) - F(u*) <= gap * (F(u) - floor), and strong convexity bounds the distance
            assert excess <= gap[i] * (value - floor) + 1e-12 * value
            assert 0.5 * ((u[i] - exact[i]) ** 2).sum() <= gap[i] * (value - floor) + 1e-12 * value
    _, early, _ = rrof_cpu(y, np.full(len(y), 5.0), 1e-4, 1e-14, 1)
    assert np.any(early > 1e-8)


@pytest.mark.parametrize("rrof", IMPLEMENTATIONS)
@pytest.mark.parametrize(("weight", "beta"), [(0.3, 1e-2), (3.0, 1e-2), (3.0, 1.0), (20.0, 10.0)])
def test_independent_solver(rrof, weight, beta):
    y = signals(12, seed=7)[:10]
    u, _, _ = rrof(y, np.full(len(y), weight), beta, 1e-13, 200)
    for row, data in zip(u, y, strict=True):
        options = {"gtol": 1e-9, "maxiter": 5000}
        peer = minimize(objective, data, (data, weight, beta), method="BFGS", jac=gradient, options=options)
        assert_allclose(row, peer.x, atol=2e-6)


def test_small_beta_tends_to_total_variation():
    # minimiser of exact TV for a unit step of half-length k: the plateaus move by weight / k
    k, weight = 50, 4.0
    y = np.repeat([0.0, 1.0], k)[None, :]
    errors = []
    for beta in (1e-2, 1e-4, 1e-6, 1e-8, 1e-10):
        u, _, _ = rrof_cpu(y, np.array([weight]), beta, 1e-13, 200)
        errors.append(np.abs(u[0] - np.repeat([weight / k, 1 - weight / k], k)).max())
    assert np.all(np.diff(errors) < 0)
    assert errors[-1] < 5e-4


def test_small_beta_tends_to_the_exact_kernel():
    from sigden.denoisers.tv.tv1d_numba import tv1d

    y = signals(400, seed=11)
    weight = np.full(len(y), 3.0)
    exact = np.asarray(tv1d(y, weight))
    u, _, _ = rrof_cpu(y, weight, 1e-16, 1e-13, 200)
    assert_allclose(u, exact, atol=1e-3)


@pytest.mark.parametrize("rrof", IMPLEMENTATIONS)
def test_large_beta_tends_to_the_linear_filter(rrof):
    y = signals(100, seed=13)[:5]
    weight, beta = 3e3, 1e6
    strength = weight / np.sqrt(beta)
    banded = np.zeros((2, 100))
    banded[0, 1:] = -strength
    banded[1] = 1 + 2 * strength
    banded[1, [0, -1]] = 1 + strength
    u, _, _ = rrof(y, np.full(5, weight), beta, 1e-14, 200)
    assert_allclose(u, solveh_banded(banded, y.T).T, atol=1e-3)


@pytest.mark.parametrize("rrof", IMPLEMENTATIONS)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_trivial_rows_are_exact(rrof, dtype):
    random = np.random.default_rng(1)
    y = random.standard_normal((4, 33)).astype(dtype)
    y[1] = 0.1
    y[2] = 0.0
    u, gap, iterations = rrof(y, np.array([0.0, 3.0, 3.0, 3.0]), 1e-4, 1e-8, 100)
    assert_array_equal(u[:3], y[:3])
    assert_array_equal(gap[:3], 0.0)
    assert_array_equal(iterations[:3], 0)
    assert iterations[3] > 0
    assert u.dtype == dtype
    assert gap.dtype == np.float64
    assert iterations.dtype == np.int64


@pytest.mark.parametrize("rrof", IMPLEMENTATIONS)
@pytest.mark.parametrize("shape", [(0, 5), (3, 0)])
def test_empty(rrof, shape):
    u, gap, iterations = rrof(np.zeros(shape), np.ones(shape[0]), 1e-4, 1e-8, 100)
    assert u.shape == shape
    assert gap.shape == iterations.shape == (shape[0],)


@pytest.mark.parametrize("rrof", IMPLEMENTATIONS)
def test_float32_agrees_with_float64(rrof):
    y = signals(500, seed=17).astype(np.float32)
    for weight in (0.3, 30.0):
        for beta in (1e-2, 1e-8):
            u, gap, _ = rrof(y, np.full(len(y), weight), beta, 1e-5, 200)
            exact, _, _ = rrof(y.astype(np.float64), np.full(len(y), weight), beta, 1e-5, 200)
            assert u.dtype == np.float32
            assert np.all(gap <= 1e-5)
            assert_allclose(u, exact, rtol=2e-6, atol=1e-6)


@pytest.mark.parametrize("rrof", IMPLEMENTATIONS)
def test_invalid_rows_do_not_spread(rrof):
    y = np.random.default_rng(3).standard_normal((6, 40))
    clean, clean_gap, _ = rrof(y, np.full(6, 2.0), 1e-4, 1e-10, 100)
    y[1, 7] = np.nan
    y[2, 0] = np.inf
    weight = np.array([2.0, 2.0, 2.0, -1.0, np.nan, 2.0])
    u, gap, iterations = rrof(y, weight, 1e-4, 1e-10, 100)
    assert np.all(np.isnan(u[1:5]))
    assert np.all(np.isnan(gap[1:5]))
    assert_array_equal(iterations[1:5], 0)
    assert_array_equal(u[[0, 5]], clean[[0, 5]])
    assert_array_equal(gap[[0, 5]], clean_gap[[0, 5]])


@pytest.mark.parametrize("rrof", IMPLEMENTATIONS)
def test_parameters_per_row(rrof):
    y = np.random.default_rng(4).standard_normal((3, 50))
    weight = np.array([0.2, 2.0, 20.0])
    beta = np.array([1e-2, 1e-5, 1e-9])
    together, _, _ = rrof(y, weight, beta, 1e-10, 100)
    for i in range(3):
        alone, _, _ = rrof(y[i : i + 1], weight[i : i + 1], float(beta[i]), 1e-10, 100)
        assert_allclose(together[i], alone[0], rtol=0, atol=1e-14)


@pytest.mark.parametrize("rrof", IMPLEMENTATIONS)
def test_read_only_input_is_kept(rrof):
    y = signals(64, seed=19)
    weight = np.full(len(y), 2.0)
    before = y.copy()
    expected, _, _ = rrof(y, weight, 1e-4, 1e-8, 100)
    y.flags.writeable = False
    weight.flags.writeable = False
    u, _, _ = rrof(y, weight, 1e-4, 1e-8, 100)
    assert_array_equal(u, expected)
    assert_array_equal(y, before)


def test_layout_does_not_matter():
    y = signals(64, seed=23)
    expected, _, _ = rrof_cpu(y, np.full(len(y), 2.0), 1e-4, 1e-8, 100)
    u, _, _ = rrof_cpu(np.asfortranarray(y), np.full(len(y), 2.0), 1e-4, 1e-8, 100)
    assert_array_equal(u, expected)


def test_the_iteration_limit_is_told():
    y = np.cumsum(np.random.default_rng(5).standard_normal((1, 500)), axis=1)
    for rrof in (rrof_cpu, rrof_generic):
        u, gap, iterations = rrof(y, np.array([30.0]), 1e-4, 1e-12, 2)
        assert iterations[0] == 2
        assert gap[0] > 1e-12
        assert np.all(np.isfinite(u))


def test_continuation_reaches_the_same_minimum():
    for n in (2, 3, 40, 300):
        y = signals(n, seed=29)
        for weight in (0.3, 3.0, 300.0):
            for beta in (1.0, 1e-4, 1e-12):
                direct, _, short = rrof_cpu(y, np.full(len(y), weight), beta, 1e-13, 300)
                forced, gap, long = rrof_cpu(y, np.full(len(y), weight), beta, 1e-13, 300, patience=0)
                assert np.all(gap <= 1e-13)
                assert_allclose(forced, direct, atol=2e-6 * (1 + np.abs(y).max()))
    assert long.sum() > short.sum()


def test_a_gap_below_rounding_ends_and_is_told():
    y = np.random.default_rng(6).standard_normal((1, 300))
    u, gap, iterations = rrof_cpu(y, np.array([3.0]), 1e-4, 0.0, 1000)
    assert iterations[0] < 200
    assert 0.0 <= gap[0] < 1e-13
    expected, _, _ = rrof_cpu(y, np.array([3.0]), 1e-4, 1e-13, 100)
    assert_allclose(u, expected, atol=1e-5)


def test_serial_parallel_and_threads_are_bit_identical(monkeypatch):
    y = np.cumsum(np.random.default_rng(7).standard_normal((130, 300)), axis=1)
    weight = np.linspace(0.1, 30, 130)
    assert y.size >= rrof_numba._LEAST_SHARED
    parallel = rrof_cpu(y, weight, 1e-6, 1e-9, 100)
    with ThreadPoolExecutor(4) as pool:
        threaded = list(pool.map(lambda _: rrof_cpu(y, weight, 1e-6, 1e-9, 100), range(4)))
    monkeypatch.setattr(rrof_numba, "parallel_allowed", lambda: False)
    for other in [rrof_cpu(y, weight, 1e-6, 1e-9, 100), *threaded]:
        for a, b in zip(parallel, other, strict=True):
            assert_array_equal(a, b)


@pytest.mark.parametrize("n", [1, 2, 3, 50, 257])
def test_implementations_agree(n):
    y = np.delete(signals(n, seed=31), 6, axis=0)
    for weight in (0.0, 0.3, 3.0, 300.0):
        for beta in (1.0, 1e-2, 1e-6, 1e-12):
            cpu, _, _ = rrof_cpu(y, np.full(len(y), weight), beta, 1e-15, 200)
            other, _, _ = rrof_generic(y, np.full(len(y), weight), beta, 1e-15, 200)
            assert_allclose(other, cpu, atol=1e-6)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_other_device(dtype):
    y = signals(65, seed=37).astype(dtype)
    weight = np.full(len(y), 3.0)
    weight[0] = 0.0
    expected = rrof_generic(y, weight, 1e-4, 1e-10, 100)
    for beta in (1e-4, strict_rows(np.full(len(y), 1e-4))):
        found = rrof_generic(strict_rows(y), strict_rows(weight), beta, 1e-10, 100)
        assert all(x.device == DEVICE for x in found)
        assert found[0].dtype == getattr(strict, dtype)
        for a, b in zip(found, expected, strict=True):
            assert_allclose(on_host(a), b, rtol=1e-6 if dtype == "float32" else 1e-12, atol=1e-12)


@settings(deadline=None, max_examples=60)
@given(
    y=arrays(np.float64, st.tuples(st.just(1), st.integers(1, 40)), elements=st.floats(-50, 50, width=32)),
    weight=st.floats(0.0, 300.0),
    beta=st.floats(1e-12, 100.0),
)
def test_random_input(y, weight, beta):
    w = np.array([weight])
    u, gap, _ = rrof_cpu(y, w, beta, 1e-8, 200)
    assert gap[0] <= 1e-8
    slack = 1e-9 * (1 + np.abs(y).max())
    assert y.min() - slack <= u.min()
    assert u.max() <= y.max() + slack
    assert objective(u[0], y[0], weight, beta) <= objective(y[0], y[0], weight, beta) * (1 + 1e-12)
    other, _, _ = rrof_generic(y, w, beta, 1e-8, 200)
    value = objective(u[0], y[0], weight, beta)
    assert objective(other[0], y[0], weight, beta) == pytest.approx(value, rel=1e-7, abs=1e-12)
    # the gap is relative to the objective, so its root bounds the distance of two estimates
    assert np.linalg.norm(other - u) <= 2 * np.sqrt(2e-8 * value) + 1e-9


@pytest.mark.parametrize("n", [1, 2, 3, 7, 8, 9, 100])
@pytest.mark.parametrize("convert", [np.asarray, strict_rows], ids=["numpy", "strict"])
def test_tridiagonal(n, convert):
    random = np.random.default_rng(n)
    lower, upper, rhs = random.standard_normal((3, 4, n))
    diagonal = 1 + np.abs(lower) + np.abs(upper)
    found = solve_tridiagonal(*(convert(a) for a in (lower, diagonal, upper, rhs)))
    if convert is strict_rows:
        assert found.device == DEVICE
        found = on_host(found)
    for i in range(4):
        dense = np.diag(diagonal[i]) + np.diag(lower[i, 1:], -1) + np.diag(upper[i, :-1], 1)
        assert_allclose(found[i], np.linalg.solve(dense, rhs[i]), rtol=1e-10, atol=1e-12)


def test_tridiagonal_keeps_float32():
    ones = np.ones((1, 9), dtype=np.float32)
    found = solve_tridiagonal(-ones, 3 * ones, -ones, ones)
    assert found.dtype == np.float32
