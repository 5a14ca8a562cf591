"""One battery that every functional passes."""

from __future__ import annotations

import math
import pickle

import array_api_strict
import numpy as np
import pytest
from hypothesis import given, settings, strategies as st
from hypothesis.extra import numpy as hnp

from sigden.errors import InputError, ParameterError, SigdenError
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
)
from sigden.testing import assert_fenchel_young, assert_moreau, assert_prox_optimal, random_like

DEVICE = array_api_strict.Device("device1")
SHAPE = (3, 4)
GENERATOR = np.random.default_rng(2)
DATA = GENERATOR.normal(size=SHAPE)
WEIGHT = GENERATOR.random(SHAPE) + 0.1
SOME = np.where(GENERATOR.random(SHAPE) < 0.5, 0.0, WEIGHT)
GROUP = WEIGHT[0]


def host(array):
    return array


def strict(array):
    return array_api_strict.asarray(array, device=DEVICE)


# Real functionals that take complex input too.
BOTH = {
    "zero": lambda put: Zero(),
    "l1": lambda put: L1(0.7),
    "l1 weighted": lambda put: L1(put(SOME)),
    "l2": lambda put: L2(1.3),
    "group": lambda put: GroupL2(0.8),
    "group weighted": lambda put: GroupL2(put(GROUP)),
    "nuclear": lambda put: NuclearNorm(0.9),
    "isotropic ball": lambda put: IsotropicTVBall(0.6),
    "isotropic ball weighted": lambda put: IsotropicTVBall(put(GROUP)),
    "anisotropic ball": lambda put: AnisotropicTVBall(0.4),
    "anisotropic ball weighted": lambda put: AnisotropicTVBall(put(WEIGHT)),
    "squared": lambda put: SquaredL2(),
    "squared distance": lambda put: SquaredL2(put(DATA)),
    "squared distance weighted": lambda put: SquaredL2(put(DATA), put(WEIGHT)),
    "squared distance masked": lambda put: SquaredL2(put(DATA), put(SOME)),
    "scaled": lambda put: 2.5 * GroupL2(0.5),
    "translated": lambda put: L1(0.5).translated(put(DATA)),
    "translated group": lambda put: GroupL2(0.9).translated(put(DATA)),
    "dilated": lambda put: L1(0.5).dilated(-3.0),
    "dilated distance": lambda put: SquaredL2(put(DATA), put(WEIGHT)).dilated(0.4),
    "all transforms": lambda put: (0.5 * L2(1.2).dilated(2.0)).translated(put(DATA)),
    "conjugate": lambda put: ConjugateFunctional(GroupL2(0.8)),
}
REAL = {
    "non-negativity": lambda put: NonNegativity(),
    "box": lambda put: Box(-0.3, 0.6),
    "half box": lambda put: Box(-0.2),
    "box of arrays": lambda put: Box(put(DATA - WEIGHT), put(DATA + WEIGHT)),
    "bounded distance": lambda put: BoundedSquaredL2(put(DATA)),
    "bounded distance weighted": lambda put: BoundedSquaredL2(put(DATA), -0.1, 0.5, put(WEIGHT)),
    "conjugate of a box": lambda put: ConjugateFunctional(Box(-0.3, 0.6)),
}
ALL = {**BOTH, **REAL}
GROUPED = (
    "group",
    "group weighted",
    "isotropic ball",
    "isotropic ball weighted",
    "scaled",
    "translated group",
    "conjugate",
)


@pytest.fixture(params=ALL)
def name(request):
    return request.param


@pytest.fixture
def functional(name):
    return ALL[name](host)


def kinds(name):
    return ("float32", "float64", "complex64", "complex128") if name in BOTH else ("float32", "float64")


@pytest.mark.parametrize("step", [0.05, 1.0, 7.0])
def test_prox_is_optimal(name, functional, step):
    for seed, kind in enumerate(kinds(name)):
        assert_prox_optimal(functional, 2 * random_like(SHAPE, dtype=kind, seed=seed), step)


@pytest.mark.parametrize("step", [0.05, 1.0, 7.0])
def test_moreau(name, functional, step):
    for seed, kind in enumerate(kinds(name)):
        assert_moreau(functional, 2 * random_like(SHAPE, dtype=kind, seed=seed), step)


@pytest.mark.parametrize("step", [0.05, 1.0, 7.0])
def test_conjugate_value(name, functional, step):
    for seed, kind in enumerate(kinds(name)):
        x = 2 * random_like(SHAPE, dtype=kind, seed=seed)
        if functional.has_conjugate:
            assert_fenchel_young(functional, x, step)
        else:
            with pytest.raises(SigdenError, match="no closed-form conjugate"):
                functional.conjugate(x)


@settings(max_examples=15, deadline=None)
@given(
    x=hnp.arrays(np.float64, SHAPE, elements=st.floats(-50, 50, allow_subnormal=False)),
    step=st.floats(0.01, 100),
    which=st.sampled_from(sorted(ALL)),
)
def test_any_point(x, step, which):
    functional = ALL[which](host)
    assert_prox_optimal(functional, x, step, trials=4, rtol=1e-11)
    assert_moreau(functional, x, step, rtol=1e-12)
    if functional.has_conjugate:
        assert_fenchel_young(functional, x, step, rtol=1e-11)


def test_flags_tell_the_truth(functional):
    points = [30 * random_like(SHAPE, seed=seed) for seed in range(5)]
    assert all(math.isfinite(functional(x)) for x in points) == functional.full_domain
    if functional.has_conjugate:
        finite = all(math.isfinite(functional.conjugate(x)) for x in points)
        assert finite == functional.conjugate_full_domain
    if functional.coercive:
        for x in points:
            scale = functional.feasible_scale(x)
            assert 0 < scale <= 1
            assert math.isfinite(functional.conjugate(scale * x))
            assert scale == 1 or not math.isfinite(functional.conjugate(1.01 * scale * x))


def test_strong_convexity(functional):
    modulus = functional.strong_convexity
    for seed in range(5):
        x, y = (
            functional.prox(random_like(SHAPE, seed=seed), 1.0),
            functional.prox(random_like(SHAPE, seed=seed + 9), 1.0),
        )
        middle = 0.5 * (x + y)
        bound = 0.5 * functional(x) + 0.5 * functional(y) - modulus / 8 * float(np.sum((x - y) ** 2))
        assert functional(middle) <= bound + 1e-12 * (1 + abs(bound))


def test_step_for_each_sample(name, functional):
    x = 2 * random_like(SHAPE, seed=1)
    steps = np.broadcast_to(GROUP, SHAPE) + 0.0
    if name in GROUPED:
        with pytest.raises(ParameterError, match="leading axis"):
            functional.prox(x, steps)
        steps = GROUP
    if not functional.elementwise_step:
        with pytest.raises(ParameterError, match="one step"):
            functional.prox(x, steps)
        return
    got = functional.prox(x, steps)
    for j, step in enumerate(GROUP):
        np.testing.assert_allclose(got[:, j], functional.prox(x, float(step))[:, j], atol=1e-14)
    dual = functional.conjugate_prox(x, steps)
    for j, step in enumerate(GROUP):
        np.testing.assert_allclose(dual[:, j], functional.conjugate_prox(x, float(step))[:, j], atol=1e-14)


def test_strict_device_agrees_with_numpy(name, functional):
    twin = ALL[name](strict)
    for kind in kinds(name):
        x = 2 * random_like(SHAPE, dtype=kind, seed=4)
        far = strict(x)
        tolerance = 1e-5 if kind in ("float32", "complex64") else 1e-13
        for method in ("prox", "conjugate_prox"):
            there, here = getattr(twin, method)(far, 0.7), getattr(functional, method)(x, 0.7)
            assert there.device == DEVICE
            assert there.dtype == far.dtype
            np.testing.assert_allclose(to_host(there), here, atol=tolerance)
        assert twin(far) == pytest.approx(functional(x), rel=tolerance)
        if functional.has_conjugate:
            assert twin.conjugate(far) == pytest.approx(functional.conjugate(x), rel=tolerance)
        assert twin.feasible_scale(far) == pytest.approx(functional.feasible_scale(x), rel=tolerance)


def to_host(array):
    return np.asarray(array.to_device(array_api_strict.Device("CPU_DEVICE")))


def test_input_is_not_changed(functional):
    x = 2 * random_like(SHAPE, seed=5)
    kept = x.copy()
    x.flags.writeable = False
    for result in (functional.prox(x, 0.5), functional.conjugate_prox(x, 0.5)):
        assert not np.shares_memory(result, x)
    np.testing.assert_array_equal(x, kept)


def test_nan_is_not_swallowed(name, functional):
    x = random_like(SHAPE, seed=6)
    x[1, 2] = np.nan
    if name != "zero":
        value = functional(x)
        assert math.isnan(value) or value == math.inf
    assert np.isnan(functional.prox(x, 0.5)[1, 2])
    assert np.isnan(functional.conjugate_prox(x, 0.5)[1, 2])


def test_pickle_round_trip(functional):
    x = 2 * random_like(SHAPE, seed=7)
    copy = pickle.loads(pickle.dumps(functional))
    np.testing.assert_array_equal(copy.prox(x, 0.3), functional.prox(x, 0.3))
    assert copy(x) == functional(x)


@pytest.mark.parametrize("step", [0.0, -1.0, np.nan, np.inf, True, "1", np.zeros(SHAPE)])
def test_bad_steps_are_refused(functional, step):
    with pytest.raises(ParameterError, match="step"):
        functional.prox(np.ones(SHAPE), step)


@pytest.mark.parametrize("kind", ["int64", "float16"])
def test_other_dtypes_are_refused(functional, kind):
    with pytest.raises(InputError, match="convert it first"):
        functional.prox(np.ones(SHAPE, dtype=kind), 1.0)


@pytest.mark.parametrize("name", REAL)
def test_order_needs_real_numbers(name):
    with pytest.raises(InputError, match="real"):
        ALL[name](host)(np.ones(SHAPE, dtype=complex))


def test_separable_acts_block_by_block():
    parts = [GroupL2(0.4), SquaredL2(DATA), NonNegativity()]
    both = SeparableFunctional(parts, [SHAPE, SHAPE, (5,)])
    blocks = [random_like(SHAPE, seed=1), random_like(SHAPE, seed=2), random_like((5,), seed=3)]
    flat = np.concatenate([b.ravel() for b in blocks])
    np.testing.assert_array_equal(
        both.prox(flat, 0.6),
        np.concatenate([f.prox(b, 0.6).ravel() for f, b in zip(parts, blocks, strict=True)]),
    )
    assert_moreau(both, flat, 0.6)
    assert_fenchel_young(both, flat, 0.6)
    assert_prox_optimal(both, flat, 0.6)
    assert both.has_conjugate
    assert not both.full_domain
    with pytest.raises(InputError, match="expects shape"):
        both(flat[:-1])
    with pytest.raises(InputError, match="expects shape"):
        both(flat[None])


class Shifted(L2):
    """A conjugate that is one too large."""

    def _conjugate(self, xp, y):
        return super()._conjugate(xp, y) + 1.0


class Wrong(L1):
    """Soft thresholding at half the threshold, and half the dual ball."""

    def _prox(self, xp, x, step):
        return super()._prox(xp, x, 0.5 * step)

    def _conjugate(self, xp, y):
        return super()._conjugate(xp, 2.0 * y)


def test_helpers_catch_a_wrong_functional():
    x = 2 * random_like(SHAPE, seed=8)
    with pytest.raises(AssertionError, match="not optimal"):
        assert_prox_optimal(Wrong(), x, 1.0)
    with pytest.raises(AssertionError, match="Moreau"):
        assert_moreau(Wrong(), x, 1.0)
    with pytest.raises(AssertionError, match="finite"):
        assert_fenchel_young(Wrong(), x, 1.0)
    with pytest.raises(AssertionError, match="add up"):
        assert_fenchel_young(Shifted(), x, 1.0)
