"""Exact 1-D total-variation kernels: closed forms, certificates, worst cases, agreement."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import array_api_strict as strict
import numpy as np
import pytest
from hypothesis import given, settings, strategies as st
from hypothesis.extra.numpy import arrays
from numpy.testing import assert_allclose, assert_array_equal
from scipy.optimize import lsq_linear

from sigden.denoisers.tv import tv1d_gap_numba, tv1d_generic, tv1d_numba

IMPLEMENTATIONS = [pytest.param(tv1d_numba, id="numba"), pytest.param(tv1d_generic, id="generic")]
WEIGHTS = (0.03, 0.3, 3.0, 30.0, 300.0)
DEVICE = strict.Device("device1")
HOST = strict.Device("CPU_DEVICE")


def solve(module, y, weight):
    """One row."""
    y = np.asarray(y)
    return module.tv1d(y[None, :], np.asarray([weight], dtype=y.dtype))[0]


def families(n):
    """Rows that are hard in one way each, with a weight that makes them so."""
    random = np.random.default_rng(5)
    i = np.arange(n, dtype=np.float64)
    white = random.standard_normal(n)
    return {
        "white": (white, 3.0),
        "brown": (np.cumsum(white), 30.0),
        "ramp": (i, float(n)),
        "descending ramp": (-i, 0.01 * n * n),
        "noisy ramp": (i + white, float(n)),
        "slow ramp": (0.01 * i + white, 30.0),
        "sine": (1e3 * np.sin(6 * np.pi * i / n), 1e5),
        "parabola": (1e4 * (i / n - 0.5) ** 2, 1e4),
        "steps": (np.repeat(10 * random.standard_normal(n // 512 + 1), 512)[:n] + white, 10.0),
        "saw": ((i % 1000) / 10, 100.0),
        "alternating": (np.where(i % 2 == 0, 1.0, -1.0), 10.0),
        "stairs": (np.floor(i / 7), 1000.0),
        "slowing stairs": (np.floor(np.sqrt(i)), float(n)),
        "spikes": (50.0 * (random.random(n) < 0.02) + white, 7.0),
        # a cone that stays open over the whole row closes at its end, and all edges are due at once
        "ramp and plunge": (np.where(i < n - 2, -i, -1e3 * n * n), 4.0 * n * n),
        "mixed": (np.where(i < n / 2, white, i + 0.1 * white), 300.0),
    }


def dense_reference(y, weight):
    """Bounded least squares on the dual: min |y - D'p| with |p| <= weight."""
    d = np.diff(np.eye(y.size), axis=0)
    p = lsq_linear(d.T, y, (-weight, weight), method="bvls", tol=1e-14, max_iter=10_000).x
    return y - d.T @ p


def assert_optimal(u, y, weight, tolerance=1e-9):
    """Karush-Kuhn-Tucker conditions: dual in its box, at the right end wherever u jumps."""
    dual = np.cumsum(u - y)
    size = weight + np.abs(y - y.mean()).max() * np.sqrt(y.size)
    assert abs(dual[-1]) <= tolerance * size
    assert np.all(np.abs(dual[:-1]) <= weight + tolerance * size)
    step = np.diff(u)
    jump = np.abs(step) > 1e-9 * np.abs(y - y.mean()).max()
    assert_allclose(dual[:-1][jump], weight * np.sign(step[jump]), rtol=0, atol=tolerance * size)


@pytest.mark.parametrize("module", IMPLEMENTATIONS)
class TestClosedForms:
    @pytest.mark.parametrize(
        ("weight", "expected"), [(0.5, [0.5, 2.5]), (1.5, [1.5, 1.5]), (9.0, [1.5, 1.5])]
    )
    def test_two_samples(self, module, weight, expected):
        assert_allclose(solve(module, [0.0, 3.0], weight), expected, rtol=1e-14)

    @pytest.mark.parametrize(
        ("weight", "expected"),
        [(1.0, [1.0, 4.0, 1.0]), (1.9, [1.9, 2.2, 1.9]), (2.0, [2.0, 2.0, 2.0]), (5.0, [2.0, 2.0, 2.0])],
    )
    def test_three_samples(self, module, weight, expected):
        assert_allclose(solve(module, [0.0, 6.0, 0.0], weight), expected, rtol=1e-14)

    def test_one_sample(self, module):
        assert_array_equal(solve(module, [4.0], 3.0), [4.0])

    def test_no_rows(self, module):
        assert module.tv1d(np.empty((0, 5)), np.empty(0)).shape == (0, 5)
        assert module.duality_gap(np.empty((0, 5)), np.empty(0), np.empty((0, 5))).shape == (0,)

    def test_step(self, module):
        y = np.repeat([1.0, 5.0], [4, 8])
        assert_allclose(solve(module, y, 2.0), np.repeat([1.5, 4.75], [4, 8]), rtol=1e-14)

    def test_constant(self, module):
        y = np.full(50, 0.1)
        assert_array_equal(solve(module, y, 0.7), y)

    def test_ramp(self, module):
        # the ends are levelled until the dual has reached the weight: k (k + 1) / 2 = weight
        k = 20
        y = np.arange(200.0)
        expected = np.clip(y, k, 199 - k)
        assert_allclose(solve(module, y, k * (k + 1) / 2), expected, rtol=1e-13)

    def test_weight_zero_returns_the_data(self, module):
        y = np.random.default_rng(0).standard_normal(100)
        assert_array_equal(solve(module, y, 0.0), y)

    @pytest.mark.parametrize("weight", [1e4, 1e12, 1e300, np.inf])
    def test_huge_weight_gives_the_mean(self, module, weight):
        y = np.random.default_rng(1).standard_normal(333)
        assert_allclose(solve(module, y, weight), np.full(333, y.mean()), rtol=0, atol=1e-15)

    @pytest.mark.parametrize("size", [5e-324, 1e-310, 1e-200])
    def test_tiny_data_have_a_mean_too(self, module, size):
        assert_allclose(solve(module, [size, 0.0], 1.0), [size / 2, size / 2], rtol=0, atol=5e-324)
        assert_allclose(solve(module, [3.0, 1.0], 1e308), [2.0, 2.0], rtol=1e-14)

    def test_tiny_weight(self, module):
        y = np.random.default_rng(2).standard_normal(333)
        assert_allclose(solve(module, y, 1e-18), y, rtol=0, atol=1e-15)


@pytest.mark.parametrize("module", IMPLEMENTATIONS)
class TestOptimality:
    @settings(deadline=None, max_examples=60)
    @given(
        y=arrays(np.float64, st.integers(2, 40), elements=st.floats(-100, 100)),
        weight=st.floats(1e-3, 200),
    )
    def test_karush_kuhn_tucker(self, module, y, weight):
        u = solve(module, y, weight)
        if module is tv1d_numba:
            assert_optimal(u, y, weight)
        else:
            # near ties an iterative kernel is right by its certificate, not to the last digit of every jump
            assert tv1d_numba.duality_gap(y[None, :], np.array([weight]), u[None, :])[0] <= 1e-9

    @settings(deadline=None, max_examples=60)
    @given(
        y=arrays(np.float64, st.integers(2, 200), elements=st.integers(-3, 3).map(float)),
        weight=st.integers(1, 20).map(lambda k: k / 2),
    )
    def test_ties(self, module, y, weight):
        assert_optimal(solve(module, y, weight), y, weight)

    @pytest.mark.parametrize("weight", [0.1, 1.0, 4.0])
    def test_dense_reference(self, module, weight):
        random = np.random.default_rng(11)
        for y in (random.standard_normal(30), np.cumsum(random.standard_normal(30))):
            assert_allclose(solve(module, y, weight), dense_reference(y, weight), rtol=0, atol=1e-9)

    @pytest.mark.parametrize("weight", WEIGHTS)
    def test_rows_of_a_batch_have_their_own_weight(self, module, weight):
        y = np.stack([row for row, _ in families(700).values()])
        w = weight * np.geomspace(0.1, 10, len(y))
        u = module.tv1d(y, w)
        for i in range(len(y)):
            assert_optimal(u[i], y[i], w[i], 1e-7)
        assert np.all(module.duality_gap(y, w, u) < 1e-12)

    @pytest.mark.parametrize("scale", [1e-21, 1.0, 1e12])
    @pytest.mark.parametrize("dtype", [np.float32, np.float64])
    def test_scale(self, module, scale, dtype):
        y = np.random.default_rng(3).standard_normal((1, 400)).astype(dtype)
        w = np.asarray([2.0], dtype=dtype)
        u = module.tv1d(y * dtype(scale), w * dtype(scale))
        assert u.dtype == dtype
        assert_allclose(u / dtype(scale), module.tv1d(y, w), rtol=0, atol=20 * np.finfo(dtype).eps)

    def test_offset(self, module):
        y = np.random.default_rng(4).standard_normal(400)
        assert_allclose(solve(module, y + 1e6, 2.0) - 1e6, solve(module, y, 2.0), rtol=0, atol=2e-9)

    def test_input_is_neither_written_nor_copied_for_being_read_only(self, module):
        y = np.random.default_rng(6).standard_normal((2, 100))
        w = np.ones(2)
        before = y.copy()
        expected = module.tv1d(y, w)
        y.flags.writeable = False
        w.flags.writeable = False
        u = module.tv1d(y, w)
        assert_array_equal(u, expected)
        assert_array_equal(y, before)
        assert np.all(module.duality_gap(y, w, u) < 1e-12)

    def test_non_finite_data_end(self, module):
        y = np.random.default_rng(7).standard_normal((3, 200))
        y[0, 50] = np.nan
        y[1, 60] = np.inf
        expected = module.tv1d(y[2:], np.ones(1))
        with np.errstate(invalid="ignore"):
            u = module.tv1d(y, np.ones(3))
        assert not np.isfinite(u[:2]).all(axis=1).any()
        assert_array_equal(u[2], expected[0])


@pytest.mark.parametrize("module", IMPLEMENTATIONS)
class TestGap:
    def test_by_hand(self, module):
        # both times the best dual is p = 1, of value <p, Dy> - |D'p|^2 / 2 = 3 - 1
        gap = module.duality_gap(np.array([[0.0, 3.0]]), np.ones(1), np.array([[1.0, 2.0]]))
        primal = 1.0 + 0.5 * (1.0 + 1.0)
        assert_allclose(gap, [(primal - 2.0) / primal], atol=1e-15)
        gap = module.duality_gap(np.array([[0.0, 3.0]]), np.ones(1), np.array([[2.0, 1.0]]))
        primal = 1.0 + 0.5 * (4.0 + 4.0)
        assert_allclose(gap, [(primal - 2.0) / primal], atol=1e-15)

    def test_bounds_the_distance_to_the_optimum(self, module):
        random = np.random.default_rng(8)
        y = random.standard_normal((1, 300))
        w = np.array([1.5])
        best = module.tv1d(y, w)

        def value(u):
            return w[0] * np.abs(np.diff(u)).sum() + 0.5 * ((u - y) ** 2).sum()

        for size in (1e-6, 1e-3, 1.0):
            u = best + size * random.standard_normal(y.shape)
            gap = module.duality_gap(y, w, u)[0]
            assert gap >= (value(u) - value(best)) / value(u) > 0.0

    def test_is_zero_where_both_values_vanish(self, module):
        y = np.full((2, 10), 3.0)
        assert_array_equal(module.duality_gap(y, np.array([1.0, np.inf]), y), [0.0, 0.0])

    def test_implementations_agree(self, module):
        random = np.random.default_rng(9)
        y = random.standard_normal((4, 100))
        u = y + 0.1 * random.standard_normal(y.shape)
        w = np.array([0.0, 0.1, 1.0, 10.0])
        assert_allclose(module.duality_gap(y, w, u), tv1d_numba.duality_gap(y, w, u), rtol=1e-12)

    def test_float32_estimate(self, module):
        y = np.random.default_rng(10).standard_normal((1, 5000)).astype(np.float32)
        w = np.array([3.0], dtype=np.float32)
        assert module.duality_gap(y, w, module.tv1d(y, w))[0] < 1e-8


class TestNumba:
    @pytest.mark.parametrize("name", list(families(16)))
    def test_worst_cases_end_and_are_exact(self, name):
        # quadratic work would take minutes here
        y, weight = families(200_000)[name]
        u = solve(tv1d_numba, y, weight)
        assert_optimal(u, y, weight, 1e-8)
        assert tv1d_numba.duality_gap(y[None], np.array([weight]), u[None])[0] < 1e-15

    @pytest.mark.parametrize("name", list(families(16)))
    def test_generic_agrees(self, name):
        y, weight = families(3000)[name]
        spread = np.ptp(y)
        for factor in (0.01, 1.0):
            u = solve(tv1d_numba, y, factor * weight)
            assert_allclose(u, solve(tv1d_generic, y, factor * weight), rtol=0, atol=1e-7 * spread)

    @pytest.mark.parametrize("n", [2, 3, 4, 5, 6, 7, 65, 1000])
    def test_negated_and_reversed_data(self, n):
        random = np.random.default_rng(n)
        for y in (random.standard_normal(n), np.cumsum(random.standard_normal(n))):
            for weight in WEIGHTS:
                u = solve(tv1d_numba, y, weight)
                assert_allclose(solve(tv1d_numba, -y, weight), -u, rtol=0, atol=1e-15)
                assert_allclose(solve(tv1d_numba, y[::-1].copy(), weight), u[::-1], rtol=0, atol=1e-12)

    @settings(deadline=None, max_examples=40)
    @given(
        pieces=st.lists(
            st.tuples(st.integers(1, 300), st.floats(-3, 3), st.floats(-0.5, 0.5), st.floats(0, 2)),
            min_size=1,
            max_size=12,
        ),
        weight=st.floats(0.01, 3000),
        seed=st.integers(0, 1000),
    )
    def test_hulls_kept_and_dropped(self, pieces, weight, seed):
        random = np.random.default_rng(seed)
        y = np.concatenate([
            20 * level + slope * np.arange(n) + noise * random.standard_normal(n)
            for n, level, slope, noise in pieces
        ])  # fmt: skip
        assert_optimal(solve(tv1d_numba, y, weight), y, weight)

    @pytest.mark.parametrize("dtype", [np.float32, np.float64])
    def test_long_segments(self, dtype):
        random = np.random.default_rng(12)
        n = 1_000_000
        truth = 100 + np.repeat([0.0, 3.0, 1.0], [n // 4, n // 4, n // 2])
        y = (truth + random.standard_normal(n)).astype(dtype)
        weight = 20_000.0
        u = solve(tv1d_numba, y, weight)
        edges = np.flatnonzero(np.diff(u)) + 1
        assert 2 <= edges.size < 20
        values = u[[0, *edges]].astype(np.float64)
        means = [part.mean() for part in np.split(y.astype(np.float64), edges)]
        dual = np.concatenate([[0.0], weight * np.sign(np.diff(values)), [0.0]])
        expected = means + np.diff(dual) / np.diff([0, *edges, n])
        assert_allclose(values, expected, rtol=1e-7 if dtype is np.float32 else 1e-13)

    def test_parallel_is_bit_identical(self):
        y = np.random.default_rng(13).standard_normal((101, 300))
        w = np.geomspace(0.01, 100, 101)
        serial, parallel = np.empty_like(y), np.empty_like(y)
        tv1d_numba._serial(y, w, serial)
        tv1d_numba._parallel(y, w, parallel)
        assert_array_equal(serial, parallel)
        gaps = np.empty(101), np.empty(101)
        tv1d_gap_numba._serial(y, w, serial, gaps[0])
        tv1d_gap_numba._parallel(y, w, serial, gaps[1])
        assert_array_equal(*gaps)

    def test_threads(self):
        y = np.random.default_rng(14).standard_normal((64, 2000))
        w = np.ones(64)
        expected = tv1d_numba.tv1d(y, w)
        with ThreadPoolExecutor(4) as pool:
            for u in pool.map(lambda _: tv1d_numba.tv1d(y, w), range(8)):
                assert_array_equal(u, expected)

    def test_row_for_other_kernels(self):
        y = np.random.default_rng(15).standard_normal(500)
        u = np.empty_like(y)
        tv1d_numba.tv1d_row(y, 2.0, u)
        assert_array_equal(u, solve(tv1d_numba, y, 2.0))

    def test_strided_rows(self):
        y = np.random.default_rng(16).standard_normal((100, 6))
        assert_array_equal(tv1d_numba.tv1d(y.T, np.ones(6)), tv1d_numba.tv1d(y.T.copy(), np.ones(6)))


class TestGenericOnDevice:
    @pytest.mark.parametrize("dtype", ["float32", "float64"])
    def test_stays_on_its_device_and_agrees(self, dtype):
        rows = [row for row, _ in families(500).values()]
        y = (np.stack(rows) / np.max(np.abs(rows), axis=1)[:, None]).astype(dtype)
        w = np.geomspace(1e-3, 1e3, len(rows)).astype(dtype)
        data, weight = strict.asarray(y, device=DEVICE), strict.asarray(w, device=DEVICE)
        u = tv1d_generic.tv1d(data, weight)
        gap = tv1d_generic.duality_gap(data, weight, u)
        assert u.device == gap.device == DEVICE
        assert u.dtype == data.dtype
        assert gap.dtype == strict.float64
        host, host_gap = (np.asarray(strict.asarray(x, device=HOST, copy=True)) for x in (u, gap))
        # near a tie the estimate is less determined than the value it reaches
        assert_allclose(host, tv1d_numba.tv1d(y, w), rtol=0, atol=1e-6 if dtype == "float32" else 1e-7)
        assert np.all(host_gap < (1e-5 if dtype == "float32" else 1e-12))

    def test_long_row(self):
        y = np.random.default_rng(17).standard_normal((1, 50_000))
        for weight in (3.0, 300.0):
            w = np.array([weight])
            assert_allclose(tv1d_generic.tv1d(y, w), tv1d_numba.tv1d(y, w), rtol=0, atol=1e-7)
