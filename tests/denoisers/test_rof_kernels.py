"""Isotropic ROF kernels: optimality, agreement, symmetries."""

from __future__ import annotations

import array_api_strict
import numpy as np
import pytest
from hypothesis import given, settings, strategies as st
from scipy.optimize import lsq_linear

from sigden.denoisers.tv import rof_generic, rof_numba

KERNELS = [rof_numba.rof, rof_generic.rof]
NAMES = ["numba", "generic"]
both = pytest.mark.parametrize("rof", KERNELS, ids=NAMES)


def differences(u):
    out = np.zeros((u.ndim, *u.shape))
    for axis in range(u.ndim):
        part = [slice(None)] * u.ndim
        part[axis] = slice(0, -1)
        out[(axis, *part)] = np.diff(u, axis=axis)
    return out


def objective(u, y, weight, beta=0.0):
    u, y = u.astype(np.float64), y.astype(np.float64)
    slope = np.sqrt(np.sum(differences(u) ** 2, axis=0) + beta) - np.sqrt(beta)
    return weight * slope.sum() + 0.5 * np.sum((u - y) ** 2)


def divergence(p):
    total = np.zeros(p.shape[1:])
    for axis in range(total.ndim):
        total += np.diff(p[axis], axis=axis, prepend=0.0)
    return total


def dual_bound(y, weight, iterations=3000):
    """Lower bound on the optimum by plain accelerated projected gradient on the dual, in float64."""
    p = q = np.zeros((y.ndim, *y.shape))
    t = 1.0
    for _ in range(iterations):
        v = q + differences(y + divergence(q)) / (4.0 * y.ndim)
        new = v * np.minimum(1.0, weight / np.maximum(np.sqrt(np.sum(v**2, axis=0)), 1e-300))
        s = 0.5 * (1.0 + np.sqrt(1.0 + 4.0 * t * t))
        q, p, t = new + (t - 1.0) / s * (new - p), new, s
    return 0.5 * np.sum(y**2) - 0.5 * np.sum((y + divergence(p)) ** 2)


def total_variation_1d(y, weight):
    """Exact 1-D TV from the box-constrained dual."""
    matrix = np.diff(np.eye(y.size), axis=0).T
    dual = lsq_linear(matrix, y, bounds=(-weight, weight), tol=1e-14, max_iter=500)
    return y - matrix @ dual.x


def scene(shape, seed=0, noise=0.1, dtype=np.float64):
    """Piecewise smooth image with noise, in [0, 1]."""
    random = np.random.default_rng(seed)
    axes = np.meshgrid(*(np.linspace(0, 1, n) for n in shape), indexing="ij")
    clean = 0.3 + 0.4 * (sum((a - 0.5) ** 2 for a in axes) < 0.1) + 0.2 * axes[-1]
    return (clean + noise * random.standard_normal(shape)).astype(dtype)


@both
@pytest.mark.parametrize("shape", [(31, 44), (9, 12, 14)])
@pytest.mark.parametrize("weight", [0.05, 0.4])
def test_gap_is_an_upper_bound_of_the_suboptimality(rof, shape, weight):
    y = scene(shape)
    u, gap, iterations = rof(y[None], np.asarray([weight]), 0.0, 1e-7, 20000)
    primal = objective(u[0], y, weight)
    lower = dual_bound(y, weight)
    assert gap[0] <= 1e-7
    assert iterations[0] > 0
    assert primal - lower <= 3e-5 * primal
    assert primal * (1.0 + 1e-12) >= lower
    assert objective(u[0] + 1e-3 * (y - u[0]), y, weight) > primal * (1.0 - 1e-7)


@both
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_reported_gap_bounds_the_true_error(rof, dtype):
    y = scene((40, 40), dtype=dtype)
    exact = rof_numba.rof(y[None].astype(np.float64), np.asarray([0.1]), 0.0, 1e-10, 50000)[0][0]
    u, gap, _ = rof(y[None], np.asarray([0.1]), 0.0, 1e-4, 5000)
    primal = objective(u[0], y, 0.1)
    assert u.dtype == dtype
    assert gap.dtype == np.float64
    excess = primal - objective(exact, y, 0.1)
    assert -1e-9 * primal <= excess <= gap[0] * primal
    # strong convexity: half the squared distance to the optimum is below the gap
    assert 0.5 * np.sum((u[0] - exact) ** 2) <= gap[0] * primal


@pytest.mark.parametrize("shape", [(2, 33, 47), (2, 9, 17, 12), (1, 1, 40), (1, 40, 1), (2, 2, 3, 5)])
@pytest.mark.parametrize("beta", [0.0, 1e-8, 1e-2])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_numba_agrees_with_generic(shape, beta, dtype):
    y = np.stack([scene(shape[1:], seed, dtype=dtype) for seed in range(shape[0])])
    weight = np.linspace(0.05, 0.3, shape[0])
    tol = 1e-5 if dtype == np.float32 else 1e-8
    results = [rof(y, weight, beta, tol, 20000) for rof in KERNELS]
    assert all(np.all(r[1] <= tol) for r in results)
    tolerance = 2.0 * np.sqrt(tol) if dtype == np.float32 else 1e-3
    np.testing.assert_allclose(results[0][0], results[1][0], rtol=0, atol=tolerance)


@both
def test_rows_alike_are_one_dimensional_tv(rof):
    y = np.random.default_rng(1).standard_normal(40) * 0.3 + (np.arange(40) > 20)
    expected = total_variation_1d(y, 0.3)
    along_columns = rof(np.tile(y, (12, 1))[None], np.asarray([0.3]), 0.0, 1e-11, 50000)[0][0]
    np.testing.assert_allclose(along_columns, np.tile(expected, (12, 1)), atol=2e-5)
    along_rows = rof(np.tile(y[:, None], (1, 12))[None], np.asarray([0.3]), 0.0, 1e-11, 50000)[0][0]
    np.testing.assert_allclose(along_rows, np.tile(expected[:, None], (1, 12)), atol=2e-5)


@both
@pytest.mark.parametrize("shape", [(1, 60), (60, 1), (1, 60, 1), (60, 1, 1), (1, 1, 60)])
def test_thin_images_are_one_dimensional_tv(rof, shape):
    y = np.random.default_rng(2).standard_normal(60) * 0.3 + np.sin(np.arange(60) / 8)
    u = rof(y.reshape(1, *shape), np.asarray([0.2]), 0.0, 1e-11, 50000)[0]
    np.testing.assert_allclose(u.ravel(), total_variation_1d(y, 0.2), atol=2e-5)


@both
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_trivial_inputs(rof, dtype):
    y = np.stack([scene((17, 21), seed, dtype=dtype) for seed in range(2)])
    u, gap, iterations = rof(y, np.zeros(2), 0.0, 1e-6, 100)
    np.testing.assert_array_equal(u, y)
    assert np.all(gap == 0)
    assert np.all(iterations == 0)
    constant = np.full((1, 17, 21), 0.3, dtype=dtype)
    for beta in (0.0, 1e-4):
        u, gap, _ = rof(constant, np.asarray([0.5]), beta, 1e-6, 100)
        np.testing.assert_array_equal(u, constant)
        assert gap[0] == 0
    u = rof(np.full((1, 1, 1), 0.7, dtype=dtype), np.asarray([0.5]), 0.0, 1e-6, 100)[0]
    assert u[0, 0, 0] == dtype(0.7)


@both
@pytest.mark.parametrize("shape", [(30, 41), (6, 11, 12)])
@pytest.mark.parametrize("weight", [30.0, 1e5])
def test_huge_weight_gives_the_mean(rof, shape, weight):
    for dtype in (np.float32, np.float64):
        y = scene(shape, dtype=dtype)
        u, gap, _ = rof(y[None], np.asarray([weight]), 0.0, 1e-6, 5000)
        np.testing.assert_allclose(u[0], y.mean(dtype=np.float64), rtol=1e-6)
        assert gap[0] <= 1e-6


@both
def test_transpose(rof):
    y = scene((40, 29))
    u = rof(y[None], np.asarray([0.1]), 0.0, 1e-8, 20000)[0][0]
    transposed = rof(np.ascontiguousarray(y.T)[None], np.asarray([0.1]), 0.0, 1e-8, 20000)[0][0]
    np.testing.assert_allclose(transposed.T, u, atol=1e-3)
    y = scene((8, 13, 10))
    u = rof(y[None], np.asarray([0.1]), 0.0, 1e-8, 20000)[0][0]
    moved = rof(np.ascontiguousarray(y.transpose(2, 0, 1))[None], np.asarray([0.1]), 0.0, 1e-8, 20000)[0][0]
    np.testing.assert_allclose(moved.transpose(1, 2, 0), u, atol=1e-3)


@both
def test_one_plane_is_an_image(rof):
    y = scene((30, 41))
    plane = rof(y[None, None], np.asarray([0.1]), 0.0, 1e-8, 20000)[0][0, 0]
    image = rof(y[None], np.asarray([0.1]), 0.0, 1e-8, 20000)[0][0]
    np.testing.assert_allclose(plane, image, atol=1e-3)


@both
@pytest.mark.parametrize("shape", [(30, 41), (8, 13, 10)])
@pytest.mark.parametrize("beta", [1.0, 1e-2, 1e-4, 1e-8])
def test_smoothed_gradient_vanishes(rof, shape, beta):
    y, weight = scene(shape), 0.1
    u, gap, _ = rof(y[None], np.asarray([weight]), beta, 1e-12, 20000)
    d = differences(u[0])
    gradient = u[0] - y - weight * divergence(d / np.sqrt(np.sum(d**2, axis=0) + beta))
    assert gap[0] <= 1e-12
    # strong convexity bounds the distance; curvature weight ||D||^2 / sqrt(beta) turns it into a gradient
    distance = np.sqrt(2.0 * gap[0] * objective(u[0], y, weight, beta))
    limit = (1.0 + weight * 12.0 / np.sqrt(beta)) * max(distance, 1e-9)
    assert np.sqrt(np.sum(gradient**2)) <= limit


def test_smoothing_converges_fast():
    y = scene((64, 64))
    _, gap, smooth = rof_numba.rof(y[None], np.asarray([0.1]), 1e-2, 1e-8, 5000)
    _, _, exact = rof_numba.rof(y[None], np.asarray([0.1]), 0.0, 1e-8, 5000)
    assert gap[0] <= 1e-8
    assert smooth[0] < exact[0] / 4


@pytest.mark.parametrize("shape", [(1, 301, 257), (40, 64, 65), (2, 40, 50, 50)])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("beta", [0.0, 1e-4])
def test_threads_do_not_change_a_bit(monkeypatch, shape, dtype, beta):
    monkeypatch.setattr(rof_numba, "_BLOCK_SAMPLES", 256)
    y = np.stack([scene(shape[1:], seed, dtype=dtype) for seed in range(shape[0])])
    weight = np.linspace(0.05, 0.2, shape[0])
    results = []
    for threads in (1, 2, 5):
        monkeypatch.setattr(rof_numba, "get_num_threads", lambda threads=threads: threads)
        monkeypatch.setattr(rof_numba, "parallel_allowed", lambda: True)
        results.append(rof_numba.rof(y, weight, beta, 1e-4, 8))
    for result in results[1:]:
        for got, wanted in zip(result, results[0], strict=True):
            np.testing.assert_array_equal(got, wanted)


@both
def test_batch_members_are_independent(rof):
    y = np.stack([scene((24, 31), seed) for seed in range(4)])
    weight = np.asarray([0.3, 0.0, 0.02, 0.1])
    u, gap, iterations = rof(y, weight, 0.0, 1e-6, 20000)
    for b in range(4):
        alone, alone_gap, alone_iterations = rof(y[b : b + 1], weight[b : b + 1], 0.0, 1e-6, 20000)
        np.testing.assert_allclose(u[b], alone[0], atol=1e-12)
        np.testing.assert_allclose(gap[b], alone_gap[0], rtol=1e-6, atol=1e-15)
        assert iterations[b] == alone_iterations[0]


@both
def test_read_only_and_strided_input(rof):
    y = scene((24, 62))
    kept = y.copy()
    y.flags.writeable = False
    u = rof(y[None], np.asarray([0.1]), 0.0, 1e-6, 2000)[0]
    strided = rof(np.repeat(y, 2, axis=1)[None, :, ::2], np.asarray([0.1]), 0.0, 1e-6, 2000)[0]
    np.testing.assert_array_equal(y, kept)
    np.testing.assert_array_equal(u, strided)


@both
def test_iterations_are_bounded_and_the_gap_is_honest(rof):
    y = scene((64, 64))
    u, gap, iterations = rof(y[None], np.asarray([0.2]), 0.0, 1e-12, 7)
    assert iterations[0] == 7
    assert gap[0] > 1e-12
    exact = rof_numba.rof(y[None], np.asarray([0.2]), 0.0, 1e-9, 50000)[0]
    assert objective(u[0], y, 0.2) - objective(exact[0], y, 0.2) <= gap[0] * objective(u[0], y, 0.2)


@both
def test_rounding_stops_before_the_iteration_limit(rof):
    y = scene((32, 32), dtype=np.float32)
    _, gap, iterations = rof(y[None], np.asarray([0.1], dtype=np.float32), 0.0, 1e-14, 100000)
    assert 1e-14 < gap[0] < 1e-5
    assert iterations[0] < 20000


@pytest.mark.parametrize("shape", [(2, 19, 26), (1, 6, 9, 10)])
@pytest.mark.parametrize("beta", [0.0, 1e-4])
def test_generic_stays_on_its_device(shape, beta):
    device = array_api_strict.Device("device1")
    y = np.stack([scene(shape[1:], seed, dtype=np.float32) for seed in range(shape[0])])
    weight = np.linspace(0.0, 0.2, shape[0])
    on_device = array_api_strict.asarray(y, device=device), array_api_strict.asarray(weight, device=device)
    u, gap, iterations = rof_generic.rof(*on_device, beta, 1e-4, 500)
    assert u.device == gap.device == iterations.device == device
    assert u.dtype == array_api_strict.float32
    expected = rof_generic.rof(y, weight, beta, 1e-4, 500)
    back = np.asarray(array_api_strict.asarray(u, device=array_api_strict.Device("CPU_DEVICE")))
    np.testing.assert_allclose(back, expected[0], atol=1e-4)


def test_not_above_skimage():
    restoration = pytest.importorskip("skimage.restoration")
    y = scene((96, 96))
    for weight in (0.03, 0.1, 0.3):
        theirs = restoration.denoise_tv_chambolle(y, weight=weight, eps=1e-7, max_num_iter=3000)
        u, gap, _ = rof_numba.rof(y[None], np.asarray([weight]), 0.0, 1e-5, 20000)
        ours = objective(u[0], y, weight)
        assert ours <= objective(theirs, y, weight) + gap[0] * ours


@settings(deadline=None, max_examples=25)
@given(
    shape=st.one_of(
        st.tuples(st.integers(1, 3), st.integers(1, 20), st.integers(1, 20)),
        st.tuples(st.integers(1, 2), st.integers(1, 7), st.integers(1, 7), st.integers(1, 7)),
    ),
    weight=st.floats(1e-6, 10.0),
    beta=st.sampled_from([0.0, 1e-6, 0.1]),
    seed=st.integers(0, 1000),
)
def test_any_shape_converges(shape, weight, beta, seed):
    y = np.random.default_rng(seed).random(shape)
    u, gap, _ = rof_numba.rof(y, np.full(shape[0], weight), beta, 1e-6, 20000)
    assert u.shape == y.shape
    assert np.all(gap <= 1e-6)
    axes = tuple(range(1, y.ndim))
    np.testing.assert_allclose(u.mean(axis=axes), y.mean(axis=axes), atol=1e-3)
    for b in range(shape[0]):
        assert objective(u[b], y[b], weight, beta) <= objective(y[b], y[b], weight, beta) * (1 + 1e-9) + 1e-12
