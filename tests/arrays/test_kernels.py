import logging

import array_api_strict
import numpy as np
import pytest

from sigden.arrays import Kernel
from sigden.errors import SigdenError


def generic_double(x):
    return x + x


def numba_double(x):
    return 2 * x + 0.0


HERE = __name__


def test_dispatch_by_namespace():
    kernel = Kernel("double", generic=f"{HERE}:generic_double", numba=f"{HERE}:numba_double")
    assert kernel.choose(np) == "numba" or kernel.choose(__import__("array_api_compat").numpy) == "numba"
    assert kernel.choose(array_api_strict) == "generic"
    assert float(kernel(array_api_strict.asarray(3.0))) == 6.0
    assert float(kernel(np.asarray(3.0))) == 6.0
    assert kernel.implementations == ("generic", "numba")


def test_missing_implementation_falls_back_and_says_so_once(caplog):
    kernel = Kernel("lonely loop", generic=f"{HERE}:generic_double")
    with caplog.at_level(logging.INFO, logger="sigden.kernels"):
        kernel(np.ones(2))
        kernel(np.ones(2))
    assert [r.message for r in caplog.records].count(
        "kernel lonely loop has no numba implementation: the generic one is used"
    ) == 1


def test_unknown_implementation_is_named():
    with pytest.raises(SigdenError, match="no 'cuda' implementation; it has generic"):
        Kernel("double", generic=f"{HERE}:generic_double").implementation("cuda")
