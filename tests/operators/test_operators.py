"""What single operators compute, and how they combine."""

from __future__ import annotations

import array_api_strict
import numpy as np
import pytest
import scipy.fft
import scipy.signal

from sigden.errors import InputError, ParameterError
from sigden.operators import (
    CircularConvolve,
    Composition,
    Convolve,
    Diagonal,
    FiniteDifference,
    Identity,
    LinearOperator,
    Masking,
    Sampling,
    Scaled,
    Stack,
    Sum,
    norm_estimate,
    power_method,
    to_scipy,
)


class Reversal(LinearOperator):
    """Operator without closed forms."""

    def __init__(self, shape):
        super().__init__(shape, shape)

    def _forward(self, xp, x):
        return 2.0 * xp.flip(x, axis=-1) + x

    def _adjoint(self, xp, y):
        return 2.0 * xp.flip(y, axis=-1) + y


def dense(operator):
    """Matrix of an operator on NumPy."""
    size = int(np.prod(operator.in_shape))
    rows = np.eye(size)
    columns = [operator(rows[i].reshape(operator.in_shape)).reshape(-1) for i in range(size)]
    return np.stack(columns, axis=1)


RNG = np.random.default_rng(3)
IMAGE = RNG.normal(size=(6, 7))


def kernel(*shape):
    return np.random.default_rng(4).normal(size=shape)


@pytest.fixture(autouse=True)
def _same_numbers_in_any_order(monkeypatch):
    monkeypatch.setitem(globals(), "RNG", np.random.default_rng(103))


def test_difference_of_a_ramp_is_its_slope_with_zero_at_the_border():
    ramp = np.add.outer(2.0 * np.arange(4), 3.0 * np.arange(5))
    rows, columns = FiniteDifference((4, 5))(ramp)
    np.testing.assert_array_equal(rows, [[2.0] * 5] * 3 + [[0.0] * 5])
    np.testing.assert_array_equal(columns, [[3.0] * 4 + [0.0]] * 4)


@pytest.mark.parametrize("axes", [(0,), (-1,), (1, 0), (-1, -2)])
def test_difference_norm_is_exact(axes):
    operator = FiniteDifference((6, 3), axes=axes)
    assert operator.norm_bound() == pytest.approx(np.linalg.norm(dense(operator), 2), rel=1e-12)
    assert operator.norm_bound() < 2 * np.sqrt(len(axes))


@pytest.mark.parametrize("axes", [(2,), (-3,), (0, 0), (0, -2), ()])
def test_difference_refuses_bad_axes(axes):
    with pytest.raises(ParameterError, match=r"ax(is|es)"):
        FiniteDifference((3, 4), axes=axes)


@pytest.mark.parametrize(("size", "shape"), [((3, 5), (6, 7)), ((5, 3), (5, 6)), ((1, 1), (4, 4))])
def test_circular_convolution_matches_wrapped_correlation(size, shape):
    psf, x = kernel(*size), RNG.normal(size=shape)
    expected = np.zeros(shape)
    for i in range(size[0]):
        for j in range(size[1]):
            expected += psf[i, j] * np.roll(x, (i - size[0] // 2, j - size[1] // 2), axis=(0, 1))
    np.testing.assert_allclose(CircularConvolve(psf, shape)(x), expected, atol=1e-13)


def test_fractional_centre_moves_an_even_kernel_by_half_a_sample():
    n = 32
    grid = np.arange(8) - 3.5
    even = np.exp(-0.5 * (grid / 1.2) ** 2)
    odd = np.exp(-0.5 * ((np.arange(9) - 4) / 1.2) ** 2)
    recentred = CircularConvolve(even / even.sum(), (n,), center=(3.5,))
    np.testing.assert_allclose(
        recentred(np.eye(n)[5]), CircularConvolve(odd / odd.sum(), (n,))(np.eye(n)[5]), atol=4e-3
    )
    assert recentred(np.ones(n)) == pytest.approx(np.ones(n))


@pytest.mark.parametrize("kind", [CircularConvolve, Convolve])
def test_even_kernel_needs_a_centre(kind):
    with pytest.raises(ParameterError, match=r"even size \(4, 4\).*center"):
        kind(kernel(4, 4), (8, 8))
    with pytest.raises(ParameterError, match="center must hold 2 indices"):
        kind(kernel(3, 3), (8, 8), center=(3, 0))


def test_transfer_of_a_real_kernel_builds_the_same_operator():
    operator = CircularConvolve(kernel(3, 3), (6, 8))
    again = CircularConvolve.from_transfer(operator.transfer, (6, 8))
    np.testing.assert_allclose(dense(again), dense(operator), atol=1e-13)


def test_half_sample_shift_acts_as_its_real_part_at_the_nyquist_frequency():
    n = 8
    shift = np.exp(-2j * np.pi * scipy.fft.rfftfreq(n) * 0.5)
    operator = CircularConvolve.from_transfer(shift, (n,))
    np.testing.assert_allclose(operator.H @ np.ones(n), np.ones(n), atol=1e-14)
    assert (operator @ operator).transfer[-1] == pytest.approx(0.0)


def test_circular_algebra_stays_diagonal_in_the_fourier_domain():
    a, b = CircularConvolve(kernel(3, 3), (5, 6)), CircularConvolve(kernel(5, 1), (5, 6))
    c = CircularConvolve(kernel(3, 3) * (1 + 1j), (5, 6))
    one = Identity((5, 6))
    for combined, expected in (
        (a + b, dense(a) + dense(b)),
        (a - 2 * b, dense(a) - 2 * dense(b)),
        (a @ b, dense(a) @ dense(b)),
        (a.H @ a + 0.5 * one, dense(a).T @ dense(a) + 0.5 * np.eye(30)),
        (one - a, np.eye(30) - dense(a)),
        (a @ c, dense(a) @ dense(c)),
        (c + b, dense(c) + dense(b)),
        (c.gram_operator, dense(c).conj().T @ dense(c)),
        (-(a / 2), -dense(a) / 2),
        (2j * a, 2j * dense(a)),
        (a.inverse_gram(0.3), np.linalg.inv(dense(a).T @ dense(a) + 0.3 * np.eye(30))),
        (a + one * 1j, dense(a) + 1j * np.eye(30)),
    ):
        assert isinstance(combined, CircularConvolve)
        np.testing.assert_allclose(dense(combined), expected, atol=1e-12)


def test_inverse_gram_refuses_a_singular_sum():
    flat = CircularConvolve.from_transfer(np.asarray([1.0, 0.5, 0.0]), (4,))
    with pytest.raises(ParameterError, match="singular"):
        flat.inverse_gram(0.0)
    with pytest.raises(ParameterError, match="negative"):
        flat.inverse_gram(-1.0)


@pytest.mark.parametrize("size", [(3, 3), (5, 1), (1, 7), (3, 5)])
def test_linear_convolution_matches_scipy(size):
    psf = kernel(*size)
    np.testing.assert_allclose(
        Convolve(psf, IMAGE.shape)(IMAGE), scipy.signal.convolve(IMAGE, psf, mode="same"), atol=1e-13
    )
    np.testing.assert_allclose(
        Convolve(psf, IMAGE.shape, mode="full")(IMAGE), scipy.signal.convolve(IMAGE, psf), atol=1e-13
    )


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"mode": "valid"}, ParameterError, "mode"),
        ({"mode": "full", "center": (1, 1)}, ParameterError, "no meaning"),
        ({"center": (0.5, 1)}, ParameterError, "whole"),
        ({"ndim": 3}, ParameterError, "ndim"),
        ({"ndim": 1}, InputError, "leading axes"),
    ],
)
def test_linear_convolution_refuses_bad_arguments(arguments, error, message):
    with pytest.raises(error, match=message):
        Convolve(kernel(3, 3), (4, 6), **arguments)


def test_circular_kernel_must_fit():
    with pytest.raises(InputError, match="larger"):
        CircularConvolve(kernel(3, 9), (5, 5))
    with pytest.raises(InputError, match="non-finite"):
        CircularConvolve(np.asarray([0.0, np.nan, 1.0]), (5,))
    with pytest.raises(InputError, match="the grid has"):
        CircularConvolve.from_transfer(np.ones((4, 4)), (4, 4))


def test_sampling_picks_in_order_and_puts_back():
    keep = np.asarray([[True, False, True], [False, False, True]])
    operator = Sampling(keep)
    values = np.arange(6.0).reshape(2, 3)
    np.testing.assert_array_equal(operator(values), [0.0, 2.0, 5.0])
    np.testing.assert_array_equal(operator.adjoint(np.asarray([1.0, 2.0, 3.0])), [[1, 0, 2], [0, 0, 3]])
    unsorted = Sampling(np.asarray([5, 0]), (2, 3))
    np.testing.assert_array_equal(unsorted(values), [5.0, 0.0])
    np.testing.assert_array_equal(unsorted.adjoint(np.asarray([7.0, 8.0])), [[8, 0, 0], [0, 0, 7]])
    assert isinstance(operator.gram_operator, Masking)


@pytest.mark.parametrize(
    ("selection", "shape", "message"),
    [
        (np.zeros(4, dtype=bool), None, "no sample"),
        (np.asarray([0, 4]), (4,), "outside"),
        (np.asarray([-1, 2]), (4,), "outside"),
        (np.asarray([1, 1]), (4,), "twice"),
        (np.asarray([0.0, 1.0]), (4,), "dtype"),
        (np.ones(3, dtype=bool), (4,), "does not fit"),
        (np.asarray([1]), None, "in_shape is required"),
    ],
)
def test_sampling_refuses_bad_selections(selection, shape, message):
    with pytest.raises((InputError, ParameterError), match=message):
        Sampling(selection, shape)


def test_later_changes_of_the_arguments_do_not_reach_the_operator():
    weights, keep, places = np.ones(4), np.ones(4, dtype=bool), np.asarray([0, 1])
    diagonal, masking, sampling = Diagonal(weights), Masking(keep), Sampling(places, (4,))
    weights[:], keep[:], places[:] = 5.0, False, 3
    np.testing.assert_array_equal(diagonal(np.ones(4)), np.ones(4))
    np.testing.assert_array_equal(masking(np.ones(4)), np.ones(4))
    np.testing.assert_array_equal(sampling(np.arange(4.0)), [0.0, 1.0])


def test_masking_stops_non_finite_samples():
    masking = Masking(np.asarray([True, False]))
    np.testing.assert_array_equal(masking(np.asarray([1.0, np.nan])), [1.0, 0.0])


def test_diagonal_algebra_stays_diagonal():
    a, b = Diagonal(kernel(4)), Diagonal(RNG.normal(size=4))
    for combined, expected in (
        (a + b, dense(a) + dense(b)),
        (a @ b, dense(a) @ dense(b)),
        (a - Identity((4,)), dense(a) - np.eye(4)),
        (3 * a, 3 * dense(a)),
        (a.gram_operator, dense(a) @ dense(a)),
    ):
        assert isinstance(combined, Diagonal)
        np.testing.assert_allclose(dense(combined), expected, atol=1e-14)


def test_stack_splits_and_joins():
    stack = Stack([FiniteDifference((2, 3)), Identity((2, 3))])
    x = RNG.normal(size=(2, 3))
    gradient, copy = stack.split(stack(x))
    np.testing.assert_array_equal(gradient, FiniteDifference((2, 3))(x))
    np.testing.assert_array_equal(copy, x)
    np.testing.assert_array_equal(stack.join([gradient, copy]), stack(x))
    with pytest.raises(InputError, match="expects 2 blocks"):
        stack.join([gradient])
    with pytest.raises(InputError, match="block 1"):
        stack.join([gradient, gradient])


def test_general_algebra():
    a, b = Reversal((5,)), Diagonal(kernel(5))
    x = RNG.normal(size=5)
    assert isinstance(a + b, Sum)
    assert isinstance(a @ b, Composition)
    assert isinstance(np.float64(2) * a, Scaled)
    np.testing.assert_allclose((a @ b) @ x, a(b(x)))
    np.testing.assert_allclose((a - b) @ x, a(x) - b(x))
    np.testing.assert_allclose(dense((2 * a) @ (3 * b)), 6 * dense(a) @ dense(b))
    np.testing.assert_allclose(dense((2j * a).H), -2j * dense(a).T)
    assert (a @ Identity((5,))) is a
    assert a.H.H is a
    # Neighbours merge inside longer products and sums.
    assert len((a @ b @ b).operators) == 2
    assert len((a + b + b).operators) == 2
    with pytest.raises(TypeError):
        a + 1
    with pytest.raises(ParameterError, match="expected a number"):
        a * "2"
    with pytest.raises(ParameterError, match="finite"):
        a * np.nan


def test_shapes_must_fit():
    a, b = Identity((4,)), Identity((5,))
    with pytest.raises(InputError, match="add"):
        a + b
    with pytest.raises(InputError, match="compose"):
        a @ b
    with pytest.raises(InputError, match="input shapes differ"):
        Stack([a, b])
    with pytest.raises(ParameterError, match="positive integers"):
        Identity((3, 0))
    with pytest.raises(InputError, match="broadcast"):
        Diagonal(np.ones(3), (4,))


def test_operators_of_different_places_do_not_combine():
    here = Diagonal(np.ones(4))
    there = Diagonal(array_api_strict.ones(4, device=array_api_strict.Device("device1")))
    for combine in (lambda: here + there, lambda: here @ there, lambda: Stack([here, there])):
        with pytest.raises(InputError, match="library"):
            combine()
    with pytest.raises(InputError, match="SciPy"):
        to_scipy(there)


def test_norm_of_zero_and_bad_arguments():
    zero = 0.0 * Reversal((4,))
    assert norm_estimate(zero) == power_method(zero) == 0.0
    with pytest.raises(ParameterError, match="failure"):
        norm_estimate(zero, failure=0.0)
    with pytest.raises(ParameterError, match="max_iter"):
        power_method(zero, max_iter=0)


def test_norm_estimate_holds_on_a_clustered_spectrum():
    values = np.linspace(0.0, 1.0, 20_000)
    operator = Diagonal(values)
    assert 1.0 <= norm_estimate(operator) <= 1.05
    assert 1.0 <= norm_estimate(operator, relative_error=0.01) <= 1.01


def test_container_input_is_refused():
    with pytest.raises(InputError, match="container"):
        Identity((3,))(np.ma.masked_array(np.ones(3)))
