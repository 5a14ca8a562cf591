"""A cube as a list of spectra, checked once."""

from __future__ import annotations

from typing import Any

import array_api_compat
import numpy as np

from sigden.arrays import as_floating, is_numpy, namespace, require_array, require_finite
from sigden.errors import InputError

__all__ = ["as_pixels", "checked_cube", "mean_spectrum"]


def checked_cube(cube: Any) -> Any:
    """Cube as a floating array of its own library, contiguous if that is NumPy.

    Parameters
    ----------
    cube : array, shape (rows, columns, bands)
        Real data.

    Returns
    -------
    array, shape (rows, columns, bands)
        Float32 or float64, native byte order.

    Raises
    ------
    InputError
        If it has not three axes, is empty, has fewer than two bands, or its library cannot assign to parts of
        an array (JAX, dask).
    """
    xp = require_array(cube, "cube")
    if not is_numpy(xp) and (
        array_api_compat.is_lazy_array(cube) or not array_api_compat.is_writeable_array(cube)
    ):
        raise InputError(
            f"cube: {type(cube).__module__} arrays cannot be written to and are not served here; "
            "give an array of NumPy, CuPy or PyTorch"
        )
    values = as_floating(cube, "cube")
    if values.ndim != 3:
        raise InputError(
            f"cube: needs the axes (rows, columns, bands), got shape {tuple(values.shape)}; "
            "move the spectral axis of a (wavelength, y, x) cube last with numpy.moveaxis(cube, 0, -1)"
        )
    if 0 in values.shape or values.shape[2] < 2:
        raise InputError(f"cube: needs pixels and at least two bands, got shape {tuple(values.shape)}")
    return np.ascontiguousarray(values) if is_numpy(xp) else values


def as_pixels(cube: Any, *, finite: bool = False) -> tuple[Any, tuple[int, int, int]]:
    """Spectra, shape (pixels, bands), and the shape of the cube."""
    values = checked_cube(cube)
    if finite:
        require_finite(values, "cube")
    rows, columns, bands = values.shape
    return namespace(values).reshape(values, (-1, bands)), (rows, columns, bands)


def mean_spectrum(cube: Any) -> Any:
    """Mean of spectra, shape (..., bands) to (bands,), summed in float64, in their dtype."""
    xp = namespace(cube)
    pixels = xp.reshape(cube, (-1, cube.shape[-1]))
    return xp.astype(xp.sum(pixels, axis=0, dtype=xp.float64) / pixels.shape[0], pixels.dtype)
