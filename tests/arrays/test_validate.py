import array_api_strict
import numpy as np
import pytest
from hypothesis import given, strategies as st
from hypothesis.extra import numpy as hnp

from sigden.arrays import as_floating, first_index, require_finite, require_ndim
from sigden.errors import InputError


@pytest.mark.parametrize(
    ("dtype", "expected"),
    [
        (">f4", "float32"),
        (">f8", "float64"),
        ("<f4", "float32"),
        ("i2", "float64"),
        ("u1", "float64"),
        ("f2", "float32"),
    ],
)
def test_byte_order_becomes_native_and_precision_is_kept(dtype, expected):
    x = np.asarray([1, 2, 3], dtype=dtype)
    out = as_floating(x)
    assert out.dtype == np.dtype(expected)
    assert out.dtype.isnative
    np.testing.assert_array_equal(out, [1, 2, 3])


@pytest.mark.parametrize("x", [np.asarray([True]), np.asarray([1j]), np.asarray(["a"])])
def test_non_real_data_are_refused_with_their_dtype(x):
    with pytest.raises(InputError, match=r"cube: dtype .* is not real numeric"):
        as_floating(x, "cube")


def test_text_among_numbers_is_shown():
    with pytest.raises(InputError, match=r"not real numeric \(found 'NA'\)"):
        as_floating(np.asarray(["1.5", "NA", "2"]), "cube")


def test_strict_arrays_stay_on_their_device():
    device = array_api_strict.Device("device1")
    x = array_api_strict.asarray([1, 2], device=device)
    assert as_floating(x).device == device
    assert as_floating(x).dtype == array_api_strict.float64


@given(hnp.array_shapes(min_dims=1, max_dims=3, max_side=6), st.data())
def test_the_first_bad_index_is_named(shape, data):
    index = tuple(data.draw(st.integers(0, side - 1)) for side in shape)
    x = np.zeros(shape)
    x[index] = np.inf
    assert first_index(~np.isfinite(x)) == index
    place = index[0] if len(index) == 1 else index
    with pytest.raises(InputError) as caught:
        require_finite(x, "image")
    assert f"inf at index {place} (1 in all)" in str(caught.value)


def test_a_sum_that_overflows_is_not_an_error():
    require_finite(np.asarray([1e308, 1e308]))


def test_masked_values_may_be_anything():
    x = np.asarray([1.0, np.nan])
    require_finite(x, mask=np.asarray([False, True]))
    with pytest.raises(InputError, match="index 1"):
        require_finite(x, mask=np.asarray([True, False]))


def test_axes_are_counted():
    require_ndim(np.ones((2, 2)), 2)
    with pytest.raises(InputError, match="at least 2 axes"):
        require_ndim(np.ones(2), 2)
    with pytest.raises(InputError, match="empty"):
        require_ndim(np.ones((0, 2)), 1)
