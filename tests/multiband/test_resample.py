"""Decimation, embedding and spline interpolation."""

import pickle

import array_api_strict as strict
import numpy as np
import pytest

from sigden.errors import InputError, ParameterError
from sigden.multiband.forward.resample import Decimate, Embed, SplineResample, spline_response
from sigden.operators import norm_estimate
from sigden.testing import assert_adjoint

DEVICE = strict.Device("device1")


def places(shape=(9, 11), angle=0.0):
    rows, columns = np.indices(shape, dtype=float)
    c, s = np.cos(angle), np.sin(angle)
    return 4 + 1.7 * (c * rows - s * columns), 6.3 + 1.7 * (s * rows + c * columns)


OPERATORS = {
    "decimate": Decimate((12, 9), 3),
    "embed": Embed((4, 5), (9, 9), (2, 4)),
    "spline": SplineResample(*places(), (24, 30)),
    "turned spline": SplineResample(*places(angle=0.6), (24, 30), np.linspace(1, 2, 99).reshape(9, 11)),
}


@pytest.mark.parametrize("name", OPERATORS)
@pytest.mark.parametrize("dtype", ["float32", "float64", "complex128"])
def test_adjoint(name, dtype):
    assert_adjoint(OPERATORS[name], dtype=dtype)
    assert_adjoint(pickle.loads(pickle.dumps(OPERATORS[name])), dtype=dtype)


@pytest.mark.parametrize("name", ["decimate", "embed"])
def test_adjoint_on_a_device(name):
    assert_adjoint(OPERATORS[name], like=strict.asarray([0.0], device=DEVICE))


@pytest.mark.parametrize("name", ["decimate", "embed"])
def test_norm(name):
    assert OPERATORS[name].norm_bound() == pytest.approx(1)
    assert norm_estimate(OPERATORS[name]) == pytest.approx(1, rel=0.06)


def test_decimate_and_embed_do_what_they_say():
    x = np.arange(108.0).reshape(12, 9)
    np.testing.assert_array_equal(OPERATORS["decimate"](x), x[::3, ::3])
    y = np.arange(20.0).reshape(4, 5)
    np.testing.assert_array_equal(OPERATORS["embed"](y), np.pad(y, ((2, 3), (4, 0))))


def test_bad_shapes_are_refused():
    with pytest.raises(InputError, match="does not divide"):
        Decimate((12, 10), 3)
    with pytest.raises(InputError, match="does not fit"):
        Embed((4, 5), (9, 9), (2, 5))
    with pytest.raises(ParameterError, match="one shape"):
        SplineResample(np.zeros((2, 3)), np.zeros((3, 2)), (8, 8))


def coefficients(values):
    """Spline coefficients of a periodic image."""
    first = [spline_response(f) for f in np.fft.fftfreq(values.shape[0])]
    second = [spline_response(f) for f in np.fft.rfftfreq(values.shape[1])]
    return np.fft.irfft2(np.fft.rfft2(values) / np.outer(first, second), values.shape)


def bump(rows, columns):
    return np.exp(-0.5 * ((rows - 15.2) ** 2 + (columns - 16.7) ** 2) / 2.0**2)


def test_spline_passes_through_its_samples():
    values = np.random.default_rng(3).normal(size=(32, 32))
    rows, columns = np.indices((20, 20)) + 6.0
    found = SplineResample(rows, columns, (32, 32))(coefficients(values))
    np.testing.assert_allclose(found, values[6:26, 6:26], atol=1e-10)


@pytest.mark.parametrize("angle", [0.0, 0.4])
def test_spline_follows_a_smooth_function(angle):
    rows, columns = places(angle=angle)
    found = SplineResample(rows, columns, (32, 32))(coefficients(bump(*np.indices((32, 32)))))
    np.testing.assert_allclose(found, bump(rows, columns), atol=2e-4)


def test_separable_and_full_matrices_agree():
    rows, columns = places()
    tilted = rows + 1e-5 * np.indices(rows.shape)[1]
    x = np.random.default_rng(4).normal(size=(24, 30))
    separable, full = SplineResample(rows, columns, (24, 30)), SplineResample(tilted, columns, (24, 30))
    assert separable.__dict__["_sides"] is not None
    assert full.__dict__["_sides"] is None
    np.testing.assert_allclose(separable(x), full(x), atol=2e-3)


def test_places_beyond_the_grid_are_dark():
    rows, columns = places()
    rows = rows.copy()
    rows[0], rows[1, 0] = -20.0, np.nan
    found = SplineResample(rows, columns, (24, 30))(np.ones((24, 30)))
    assert (found[0] == 0).all()
    assert found[1, 0] == 0
    np.testing.assert_allclose(found[2:, 1:], 1.0, rtol=1e-12)
