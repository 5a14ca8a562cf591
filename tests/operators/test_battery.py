"""One battery that every operator passes."""

from __future__ import annotations

import pickle

import array_api_strict
import numpy as np
import pytest

from sigden.errors import InputError
from sigden.operators import (
    Adjoint,
    CircularConvolve,
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
from sigden.testing import assert_adjoint, random_like

DEVICE = array_api_strict.Device("device1")
# Bounds of sums, stacks and padded convolutions exceed the norm; all others are the norm itself.
LOOSE = ("sum", "stack", "linear", "composition", "forward model", "adjoint of composition")


class Reversal(LinearOperator):
    """Operator of a plug-in: no closed forms, no arrays."""

    def __init__(self, shape):
        super().__init__(shape, shape)

    def _forward(self, xp, x):
        return 2.0 * xp.flip(x, axis=-1) + x

    def _adjoint(self, xp, y):
        return 2.0 * xp.flip(y, axis=-1) + y


def psf(put, *shape, seed=1):
    return put(np.random.default_rng(seed).normal(size=shape))


def complex_psf(put, *shape, seed=1):
    generator = np.random.default_rng(seed)
    return put(generator.normal(size=shape) + 1j * generator.normal(size=shape))


def mask(put, *shape):
    return put(np.random.default_rng(5).random(shape) < 0.6)


def transfer(put, *shape):
    generator = np.random.default_rng(7)
    return put(generator.normal(size=shape) + 1j * generator.normal(size=shape))


REAL = {
    "identity": lambda put: Identity((3, 4)),
    "difference 1-D": lambda put: FiniteDifference((9,)),
    "difference 2-D": lambda put: FiniteDifference((5, 4)),
    "difference 3-D": lambda put: FiniteDifference((3, 4, 2)),
    "difference of images": lambda put: FiniteDifference((2, 4, 3), axes=(-1, -2)),
    "difference of one sample": lambda put: FiniteDifference((1, 4), axes=(0,)),
    "circular 1-D": lambda put: CircularConvolve(psf(put, 3), (8,)),
    "circular odd grid": lambda put: CircularConvolve(psf(put, 3, 5), (5, 7)),
    "circular even grid": lambda put: CircularConvolve(psf(put, 5, 3), (6, 4)),
    "circular even kernel": lambda put: CircularConvolve(psf(put, 2, 4), (5, 6), center=(1, 2)),
    "circular fractional centre": lambda put: CircularConvolve(psf(put, 4, 4), (6, 6), center=(1.5, 1.5)),
    "circular shared by bands": lambda put: CircularConvolve(psf(put, 3, 3), (2, 4, 5)),
    "circular per band": lambda put: CircularConvolve(psf(put, 2, 3, 3), (2, 4, 5), ndim=2),
    "circular transfer": lambda put: CircularConvolve.from_transfer(transfer(put, 6, 4), (6, 6)),
    "circular sum": lambda put: CircularConvolve(psf(put, 3), (8,)) - 2 * Identity((8,)),
    "circular adjoint": lambda put: CircularConvolve(psf(put, 3, 3), (5, 6)).H,
    "linear same": lambda put: Convolve(psf(put, 3, 5), (6, 5)),
    "linear same off centre": lambda put: Convolve(psf(put, 4), (7,), center=(3,)),
    "linear full": lambda put: Convolve(psf(put, 2, 3), (4, 5), mode="full"),
    "linear large kernel": lambda put: Convolve(psf(put, 9), (4,)),
    "linear per band": lambda put: Convolve(psf(put, 2, 3), (2, 6), ndim=1),
    "sampling mask": lambda put: Sampling(mask(put, 4, 5)),
    "sampling bands": lambda put: Sampling(mask(put, 5), (3, 5)),
    "sampling indices": lambda put: Sampling(put(np.asarray([7, 0, 3, 11])), (3, 4)),
    "sampling trailing indices": lambda put: Sampling(put(np.asarray([3, 1])), (3, 4), ndim=1),
    "masking": lambda put: Masking(mask(put, 4, 5)),
    "masking bands": lambda put: Masking(mask(put, 5), (3, 5)),
    "diagonal": lambda put: Diagonal(psf(put, 4, 5)),
    "diagonal broadcast": lambda put: Diagonal(psf(put, 4, 1), (2, 4, 5)),
    "stack": lambda put: Stack([FiniteDifference((4, 5)), 0.5 * Identity((4, 5)), Diagonal(psf(put, 4, 5))]),
    "plug-in": lambda put: Reversal((6,)),
    "scaled": lambda put: Scaled(FiniteDifference((4, 5)), -0.3),
    "sum": lambda put: Sum([Reversal((6,)), Diagonal(psf(put, 6)), Identity((6,))]),
    "composition": lambda put: FiniteDifference((4, 5)) @ Convolve(psf(put, 3, 3), (4, 5)),
    "forward model": lambda put: Sampling(mask(put, 5, 6)) @ CircularConvolve(psf(put, 3, 3), (5, 6)) * 2,
    "adjoint": lambda put: Adjoint(FiniteDifference((4, 5))),
    "adjoint of composition": lambda put: (Sampling(mask(put, 4, 5)) @ Convolve(psf(put, 3, 3), (4, 5))).H,
    "gram operator": lambda put: FiniteDifference((4, 5)).gram_operator,
}

COMPLEX = {
    "circular complex": lambda put: CircularConvolve(complex_psf(put, 3, 3), (4, 5)),
    "circular complex transfer": lambda put: CircularConvolve.from_transfer(
        transfer(put, 4, 5), (4, 5), real=False
    ),
    "circular mixed sum": lambda put: (
        CircularConvolve(complex_psf(put, 3, 3), (4, 6)) + CircularConvolve(psf(put, 3, 3), (4, 6))
    ),
    "circular mixed product": lambda put: (
        CircularConvolve(psf(put, 3, 3), (5, 5)) @ CircularConvolve(complex_psf(put, 3, 3), (5, 5))
    ),
    "circular complex multiple": lambda put: CircularConvolve(psf(put, 3, 3), (4, 5)) * (1 - 2j),
    "linear complex": lambda put: Convolve(complex_psf(put, 3, 2), (4, 5), center=(0, 1)),
    "diagonal complex": lambda put: Diagonal(complex_psf(put, 4, 5)),
    "diagonal complex multiple": lambda put: Diagonal(psf(put, 4, 5)) * 1j + Identity((4, 5)),
    "scaled complex": lambda put: Scaled(FiniteDifference((4, 5)), 1 + 0.5j),
    "stack complex": lambda put: Stack([Identity((4,)), Diagonal(complex_psf(put, 4))]),
    "composition complex": lambda put: FiniteDifference((4,)) @ Diagonal(complex_psf(put, 4)),
}

ALL = {**REAL, **COMPLEX}


def dense(operator):
    """Matrix of an operator on NumPy."""
    size = int(np.prod(operator.in_shape))
    rows = np.eye(size)
    columns = [operator(rows[i].reshape(operator.in_shape)).reshape(-1) for i in range(size)]
    return np.stack(columns, axis=1)


def host(array):
    return array


def strict(array):
    return array_api_strict.asarray(array, device=DEVICE)


@pytest.fixture(params=ALL)
def name(request):
    return request.param


@pytest.fixture
def operator(name):
    return ALL[name](host)


def kinds(name):
    return (
        ("complex64", "complex128") if name in COMPLEX else ("float32", "float64", "complex64", "complex128")
    )


def test_adjoint_passes_the_dot_test_and_keeps_the_dtype(name, operator):
    for kind in kinds(name):
        assert_adjoint(operator, dtype=kind)
        assert_adjoint(operator.H, dtype=kind)


def test_adjoint_is_the_conjugate_transpose(operator):
    np.testing.assert_allclose(dense(operator.H), dense(operator).conj().T, atol=1e-13)


def test_real_input_stays_real_unless_the_operator_is_complex(name, operator):
    output = operator(np.ones(operator.in_shape, dtype=np.float32))
    assert output.dtype == (np.complex64 if name in COMPLEX else np.float32)
    assert operator.is_complex == (name in COMPLEX)


def test_linear(name, operator):
    kind = kinds(name)[-1]
    x, y = (random_like(operator.in_shape, dtype=kind, seed=seed) for seed in (3, 4))
    np.testing.assert_allclose(operator(2.5 * x - 1j * y), 2.5 * operator(x) - 1j * operator(y), atol=1e-12)


def test_gram_is_the_adjoint_of_the_forward(operator):
    x = random_like(operator.in_shape, seed=6)
    expected = operator.adjoint(operator(x))
    np.testing.assert_allclose(operator.gram(x), expected, atol=1e-12)
    np.testing.assert_allclose(operator.gram_operator(x), expected, atol=1e-12)


def test_input_is_not_changed_and_output_is_not_an_alias(operator):
    x = random_like(operator.in_shape, seed=8)
    kept = x.copy()
    x.flags.writeable = False
    output = operator(x)
    assert not np.shares_memory(output, x)
    y = random_like(operator.out_shape, seed=9)
    y.flags.writeable = False
    assert not np.shares_memory(operator.adjoint(y), y)
    np.testing.assert_array_equal(x, kept)


def test_pickle_round_trip(operator):
    x = random_like(operator.in_shape, seed=10)
    before = operator(x.astype(np.float32)), operator(x)
    copy = pickle.loads(pickle.dumps(operator))
    np.testing.assert_array_equal(copy(x), before[1])
    np.testing.assert_array_equal(copy(x.astype(np.float32)), before[0])
    assert (copy.in_shape, copy.out_shape) == (operator.in_shape, operator.out_shape)


def test_norm_bound_holds_and_is_tight(name, operator):
    norm = float(np.linalg.norm(dense(operator), 2))
    bound = operator.norm_bound()
    factor = 2.0 if any(word in name for word in LOOSE) else 1.06
    assert norm * (1 - 1e-12) <= bound <= factor * norm + 1e-15


def test_norm_estimate_and_power_method_bracket_the_norm(operator):
    norm = float(np.linalg.norm(dense(operator), 2))
    assert norm * (1 - 1e-9) <= norm_estimate(operator) <= 1.0501 * norm
    found = power_method(operator, tol=1e-9)
    assert 0.98 * norm <= found <= norm * (1 + 1e-9)
    assert found == power_method(operator, tol=1e-9)


def test_scipy_view(operator):
    view = to_scipy(operator)
    matrix = dense(operator)
    assert view.shape == matrix.shape
    x, y = random_like((view.shape[1],), seed=11), random_like((view.shape[0],), seed=12)
    np.testing.assert_allclose(view @ x, matrix @ x, atol=1e-12)
    np.testing.assert_allclose(view.H @ y, matrix.conj().T @ y, atol=1e-12)
    block = random_like((view.shape[1], 2), seed=13)
    np.testing.assert_allclose(view @ block, matrix @ block, atol=1e-12)


def test_strict_device_agrees_with_numpy(name, operator):
    twin = ALL[name](strict)
    for kind in kinds(name):
        like = strict(np.zeros(1))
        assert_adjoint(twin, dtype=kind, like=like, trials=1)
    kind = kinds(name)[-1]
    x = random_like(operator.in_shape, dtype=kind)
    output = twin(strict(x))
    assert output.device == DEVICE
    atol = 1e-12
    np.testing.assert_allclose(to_host(output), operator(x), atol=atol)
    np.testing.assert_allclose(to_host(twin.gram(strict(x))), operator.gram(x), atol=10 * atol)
    assert twin.norm_bound() == pytest.approx(operator.norm_bound(), rel=1e-12)


def to_host(array):
    return np.asarray(array.to_device(array_api_strict.Device("CPU_DEVICE")))


def test_wrong_shape_names_operator_and_both_shapes(operator):
    with pytest.raises(InputError, match=r"expects shape .*, got \(17,\)") as error:
        operator(np.ones(17))
    assert str(operator.in_shape) in str(error.value)
    assert type(operator).__name__ in str(error.value) or repr(operator) in str(error.value)
    with pytest.raises(InputError, match="adjoint"):
        operator.adjoint(np.ones((17, 1)))


@pytest.mark.parametrize("kind", ["int64", "bool", "float16", ">f8"])
def test_other_dtypes_are_refused(operator, kind):
    with pytest.raises(InputError, match="convert it first"):
        operator(np.ones(operator.in_shape, dtype=kind))


def test_immutable(operator):
    with pytest.raises(AttributeError, match="immutable"):
        operator.in_shape = (1,)
    with pytest.raises(AttributeError, match="immutable"):
        del operator.in_shape


@pytest.mark.parametrize("name", [n for n in ALL if ALL[n](host).__dict__["_like"] is not None])
def test_data_elsewhere_are_refused(name):
    held = ALL[name](strict)
    with pytest.raises(InputError, match="library"):
        held(np.ones(held.in_shape))
    with pytest.raises(InputError, match="device"):
        held(array_api_strict.ones(held.in_shape))
