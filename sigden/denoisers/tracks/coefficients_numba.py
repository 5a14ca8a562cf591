"""Loops over the coefficients of one length, each in one pass."""

from __future__ import annotations

import math
from typing import Any

import numba as nb
import numpy as np

__all__ = ["quantise", "scale"]

_OPTIONS = {"nogil": True, "cache": True, "fastmath": True, "error_model": "numpy"}
_coefficients = nb.complex64[:, :, ::1]


@nb.njit([(_coefficients, nb.float32, nb.int64, nb.uint16[:, :, ::1])], **_OPTIONS)
def quantise(c: Any, per_unit: Any, top: Any, out: Any) -> None:
    """Nearest integer to ``per_unit |c|``, at most `top`, to `out` of the same shape."""
    values, places = c.reshape(-1), out.reshape(-1)
    most = np.float32(top)
    for i in range(values.size):
        x, y = values[i].real, values[i].imag
        places[i] = np.uint16(min(math.sqrt(x * x + y * y) * per_unit + np.float32(0.5), most))


@nb.njit([(_coefficients, nb.float32[:, :, ::1])], **_OPTIONS)
def scale(c: Any, gain: Any) -> None:
    """``c *= gain`` in place."""
    values, factors = c.reshape(-1), gain.reshape(-1)
    for i in range(values.size):
        values[i] *= factors[i]
