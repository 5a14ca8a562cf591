import array_api_strict
import numpy as np
import pytest
from astropy import units as u

from sigden.arrays import is_numpy, namespace, require_array, to_numpy
from sigden.errors import InputError


def test_numpy_and_strict_namespaces_are_told_apart():
    assert is_numpy(namespace(np.ones(3)))
    strict = namespace(array_api_strict.ones(3))
    assert strict.__name__.startswith("array_api_strict")
    assert not is_numpy(strict)


def test_none_and_scalars_are_ignored():
    assert is_numpy(namespace(np.ones(2), None, 2.0, True))


@pytest.mark.parametrize("container", [np.ones(3) * u.m, np.ma.masked_array([1.0, 2.0], mask=[True, False])])
def test_containers_are_refused_by_name(container):
    with pytest.raises(InputError, match=type(container).__name__):
        namespace(container)


def test_mixed_namespaces_are_refused():
    with pytest.raises(InputError, match="one array-API namespace"):
        namespace(np.ones(2), array_api_strict.ones(2))


def test_argument_is_named():
    with pytest.raises(InputError, match="psf: "):
        require_array([1, 2], "psf")


def test_to_numpy_is_explicit_and_equal():
    strict = array_api_strict.arange(4)
    assert isinstance(to_numpy(strict), np.ndarray)
    np.testing.assert_array_equal(to_numpy(strict), np.arange(4))
