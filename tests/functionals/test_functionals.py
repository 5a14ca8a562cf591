"""What single functionals compute."""

from __future__ import annotations

import math

import array_api_strict
import numpy as np
import pytest

from sigden.errors import InputError, ParameterError
from sigden.functionals import (
    L1,
    L2,
    AnisotropicTVBall,
    BoundedSquaredL2,
    Box,
    ConjugateFunctional,
    GroupL2,
    IsotropicTVBall,
    NonNegativity,
    NuclearNorm,
    SeparableFunctional,
    SquaredL2,
    Zero,
    inner,
    norm,
)


def test_values():
    x = np.asarray([[3.0, -1.0], [4.0, 0.0]])
    assert L1(2.0)(x) == 16.0
    assert L2(2.0)(x) == pytest.approx(2 * math.sqrt(26))
    assert GroupL2(2.0)(x) == 12.0
    assert NuclearNorm()(np.diag([3.0, -4.0])) == pytest.approx(7.0)
    assert SquaredL2(np.ones((2, 2)), np.asarray([1.0, 2.0]))(x) == 0.5 * (4 + 2 * 4 + 9 + 2 * 1)
    assert Box(-1.0, 4.0)(x) == 0.0
    assert Box(-0.5, 4.0)(x) == math.inf
    assert NonNegativity()(x) == math.inf
    assert IsotropicTVBall(5.0)(x) == 0.0
    assert IsotropicTVBall(4.9)(x) == math.inf
    assert AnisotropicTVBall(4.0)(x) == 0.0
    assert BoundedSquaredL2(np.zeros((2, 2)))(np.abs(x)) == 13.0


def test_soft_thresholding_is_exact():
    np.testing.assert_array_equal(
        L1(1.0).prox(np.asarray([3.0, -0.5, 1.0, -2.0]), 0.75), [2.25, 0.0, 0.25, -1.25]
    )


def test_singular_values_are_thresholded():
    generator = np.random.default_rng(0)
    x = generator.normal(size=(2, 5, 3))
    got = np.linalg.svd(NuclearNorm(0.5).prox(x, 2.0), compute_uv=False)
    np.testing.assert_allclose(got, np.maximum(np.linalg.svd(x, compute_uv=False) - 1.0, 0.0), atol=1e-12)


def test_bounds_hold_exactly_after_dual_steps():
    y = np.linspace(-3, 3, 50)
    for step in (0.3, 0.7, 1.7):
        assert NonNegativity().conjugate(NonNegativity().conjugate_prox(y, step)) == 0.0
        assert math.isfinite(Box(upper=0.4).conjugate(Box(upper=0.4).conjugate_prox(y, step)))


def test_support_function_of_a_box():
    y = np.asarray([2.0, -3.0, 0.0])
    assert Box(-1.0, 0.5).conjugate(y) == 4.0
    assert Box(-1.0).conjugate(y) == math.inf
    assert Box(np.asarray([-np.inf, -1.0, -np.inf]), np.asarray([1.0, np.inf, np.inf])).conjugate(y) == 5.0


def test_gradient_of_the_squared_distance():
    generator = np.random.default_rng(1)
    data, weight, x, d = generator.random((4, 6))
    f = SquaredL2(data, weight)
    slope = (f(x + 1e-5 * d) - f(x - 1e-5 * d)) / 2e-5
    assert float(np.sum(f.gradient(x) * d)) == pytest.approx(slope, rel=1e-8)
    assert f.lipschitz == weight.max()
    assert f.strong_convexity == weight.min()
    np.testing.assert_array_equal(Zero().gradient(x), np.zeros(6))


def test_sums_are_double_precision():
    ones = np.full(2**24, 0.1, dtype=np.float32)
    assert inner(ones, ones) == pytest.approx(2**24 * float(np.float32(0.1)) ** 2, rel=1e-7)
    assert norm(1j * ones[:4]) == pytest.approx(0.2)
    assert inner(np.asarray([1j]), np.asarray([2.0])) == 0.0


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: L1(-1.0), "L1 weight.*>= 0"),
        (lambda: L1(np.asarray([1.0, np.nan])), "L1 weight.*everywhere"),
        (lambda: L1("a"), "L1 weight"),
        (lambda: L1(True), "L1 weight"),
        (lambda: L1(np.asarray([1j])), "real array"),
        (lambda: L2(np.ones(3)), "one number"),
        (lambda: NuclearNorm(np.inf), "finite"),
        (lambda: GroupL2(-np.ones(2)), "GroupL2 weight"),
        (lambda: IsotropicTVBall(-1), "radius"),
        (lambda: AnisotropicTVBall(np.nan), "radius"),
        (lambda: SquaredL2(weight=-1.0), "SquaredL2 weight"),
        (lambda: BoundedSquaredL2(np.ones(2), weight=np.asarray([0.0, 1.0])), "positive everywhere"),
        (lambda: Box(1.0, 0.0), "exceeds"),
        (lambda: Box(np.ones(2), np.asarray([2.0, 0.0])), "exceeds"),
        (lambda: Box(np.nan), "not NaN"),
        (lambda: Box(np.inf), "empty"),
        (lambda: -1.0 * L1(), "positive"),
        (lambda: L1().dilated(0.0), "not be zero"),
        (lambda: L1() * np.ones(2), "one number"),
        (lambda: ConjugateFunctional(SquaredL2(weight=0.0)), "no closed-form"),
        (lambda: SeparableFunctional([L1()], []), "a shape for each"),
    ],
)
def test_bad_parameters_are_refused(build, message):
    with pytest.raises(ParameterError, match=message):
        build()


def test_parameters_must_live_with_the_data():
    there = array_api_strict.ones(3, device=array_api_strict.Device("device1"))
    for f in (L1(there), SquaredL2(there), Box(upper=there), L1().translated(there)):
        with pytest.raises(InputError, match="different libraries"):
            f(np.ones(3))
    with pytest.raises(InputError, match="two axes"):
        NuclearNorm()(np.ones(3))
