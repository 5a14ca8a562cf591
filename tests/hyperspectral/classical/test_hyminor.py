"""HyMiNoR: its second step is at the minimum, by linear programming and by duality."""

import numpy as np
import pytest
from scipy.optimize import linprog

from sigden import HyMiNoR, HyRes, ParameterError
from sigden.hyperspectral.classical.hyminor import sparse_part_removed
from sigden.simulate import gaussian_noise, impulse_noise, spectral_cube


def cost(x, h, weight):
    return np.abs(x - h).sum() + weight * np.abs(np.diff(x)).sum()


def linear_program(h, weight):
    n = h.size
    eye, difference = np.eye(n), np.diff(np.eye(n), axis=0)
    right, below = np.zeros((n, n - 1)), np.zeros((n - 1, n))
    matrix = np.block(
        [
            [eye, -eye, right],
            [-eye, -eye, right],
            [difference, below, -np.eye(n - 1)],
            [-difference, below, -np.eye(n - 1)],
        ]
    )
    bound = np.concatenate([h, -h, np.zeros(2 * (n - 1))])
    price = np.concatenate([np.zeros(n), np.ones(n), np.full(n - 1, weight)])
    limits = [(None, None)] * n + [(0, None)] * (2 * n - 1)
    return linprog(price, matrix, bound, bounds=limits).fun


@pytest.mark.parametrize("bands", [1, 2, 3, 8, 25])
@pytest.mark.parametrize("weight", [0.0, 0.4, 1.0, 1.7, 5.0, 50.0])
@pytest.mark.parametrize("ties", [False, True])
def test_the_minimum_is_that_of_the_linear_program(bands, weight, ties):
    rng = np.random.default_rng(bands)
    rows = rng.standard_normal((3, bands))
    rows = np.round(2 * rows) if ties else rows
    for h, x in zip(rows, sparse_part_removed(rows, weight), strict=True):
        assert cost(x, h, weight) == pytest.approx(linear_program(h, weight), abs=1e-8)


def test_the_dual_program_certifies_a_long_spectrum():
    rng = np.random.default_rng(3)
    h = np.cumsum(rng.standard_normal(400)) + 5 * (rng.random(400) < 0.05)
    x = sparse_part_removed(h[None], 1.3)[0]
    # max <p, D h> with |p| <= weight and |D' p| <= 1
    difference = np.diff(np.eye(h.size), axis=0)
    both = np.vstack([difference.T, -difference.T])
    dual = linprog(-(difference @ h), both, np.ones(2 * h.size), bounds=[(-1.3, 1.3)] * (h.size - 1))
    assert cost(x, h, 1.3) == pytest.approx(-dual.fun, rel=1e-9)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_narrow_deviations_go_and_wide_features_stay(dtype):
    spectrum = np.zeros((1, 50), dtype=dtype)
    spectrum[0, 20:], spectrum[0, 5], spectrum[0, 30] = 2.0, 7.0, -3.0
    out = sparse_part_removed(spectrum, 0.8)
    expected = np.where(np.arange(50) >= 20, 2.0, 0.0)[None]
    np.testing.assert_array_equal(out, expected.astype(dtype))
    assert out.dtype == dtype


def test_it_removes_impulses_that_hyres_leaves():
    truth = spectral_cube((30, 30), 110, endmembers=4, seed=3)
    noisy = gaussian_noise(truth, 0.03, seed=1)
    struck = impulse_noise(noisy, (0.02, 0.05), seed=4)
    errors = [np.mean((method(struck) - truth) ** 2) for method in (HyMiNoR(), HyRes())]
    assert errors[0] < errors[1]
    np.testing.assert_allclose(HyMiNoR(regularization=0.0)(noisy), HyRes()(noisy), atol=1e-6)


def test_parameters_out_of_range_are_named():
    with pytest.raises(ParameterError, match="regularization"):
        HyMiNoR(regularization=-1.0)
