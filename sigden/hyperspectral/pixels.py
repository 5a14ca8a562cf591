"""A cube as a list of spectra, checked once."""

from __future__ import annotations

from typing import Any

import numpy as np

from sigden.arrays import as_floating, is_numpy, require_array, require_finite
from sigden.errors import InputError

__all__ = ["as_pixels", "checked_cube"]


def checked_cube(cube: Any) -> Any:
    """Cube as a contiguous floating NumPy array.

    Parameters
    ----------
    cube : array, shape (rows, columns, bands)
        Real data.

    Returns
    -------
    ndarray, shape (rows, columns, bands)
        Float32 or float64, native byte order.

    Raises
    ------
    InputError
        If it has not three axes, is empty, has fewer than two bands, or lives in another array library.
    """
    if not is_numpy(require_array(cube, "cube")):
        raise InputError(f"cube: {type(cube).__module__} arrays are not served here; give a NumPy array")
    values = as_floating(cube, "cube")
    if values.ndim != 3:
        raise InputError(
            f"cube: needs the axes (rows, columns, bands), got shape {values.shape}; "
            "move the spectral axis of a (wavelength, y, x) cube last with numpy.moveaxis(cube, 0, -1)"
        )
    if 0 in values.shape or values.shape[2] < 2:
        raise InputError(f"cube: needs pixels and at least two bands, got shape {values.shape}")
    return np.ascontiguousarray(values)


def as_pixels(cube: Any, *, finite: bool = False) -> tuple[Any, tuple[int, int, int]]:
    """Spectra, shape (pixels, bands), and the shape of the cube."""
    values = checked_cube(cube)
    if finite:
        require_finite(values, "cube")
    return values.reshape(-1, values.shape[2]), values.shape
