"""Small matrices on the host, put beside the array they work on; what NumPy writes in place, others too."""

from __future__ import annotations

from typing import Any

import numpy as np

from sigden.arrays import device_of, is_numpy, namespace

__all__ = [
    "among",
    "beside",
    "columns_of",
    "contiguous",
    "host_dtype",
    "matmul",
    "mirrored",
    "put_columns",
    "put_rows",
    "subtract",
]


def host_dtype(array: Any) -> np.dtype[Any]:
    """NumPy's dtype of floating data of any library: float32 or float64."""
    if isinstance(array, np.ndarray):
        return array.dtype
    return np.dtype(np.float32 if array.dtype == namespace(array).float32 else np.float64)


def beside(small: Any, array: Any, dtype: Any = None) -> Any:
    """Small NumPy array in the library and on the device of another one.

    Parameters
    ----------
    small : ndarray
        Numbers of a few bands or directions.
    array : array
        What they are to be used with.
    dtype : dtype of NumPy, optional
        That of `array` when absent.

    Returns
    -------
    array
        For NumPy what ``small.astype(array.dtype)`` gives.

    Notes
    -----
    The only way by which numbers of the room go to a device; `sigden.arrays.to_numpy` is the way back.
    """
    cast = np.asarray(small).astype(host_dtype(array) if dtype is None else dtype)
    xp = namespace(array)
    return cast if is_numpy(xp) else xp.asarray(cast, device=device_of(array))


def matmul(a: Any, b: Any, out: Any) -> None:
    """Matrix product put in place of a view, without a temporary array where NumPy can do so."""
    if isinstance(out, np.ndarray):
        np.matmul(a, b, out=out)
    else:
        out[...] = a @ b


def subtract(a: Any, b: Any, out: Any) -> None:
    """Difference put in place of a view."""
    if isinstance(out, np.ndarray):
        np.subtract(a, b, out=out)
    else:
        out[...] = a - b


def contiguous(array: Any) -> Any:
    """Row after row in memory, as compiled loops need it; arrays of other libraries as they are."""
    return np.ascontiguousarray(array) if isinstance(array, np.ndarray) else array


def mirrored(array: Any, axis: int, before: int, after: int, *, twice: bool) -> Any:
    """Array continued by reflection along one axis; itself where nothing is added.

    Parameters
    ----------
    array : array
        Samples, at least one along `axis`.
    axis : int
        Axis that grows.
    before, after : int
        Samples added at either end.
    twice : bool
        Whether the sample at the border comes twice.

    Returns
    -------
    array
        As `numpy.pad` in the mode ``"symmetric"`` or ``"reflect"``.
    """
    if before == after == 0:
        return array
    places = np.arange(array.shape[axis])
    index = np.pad(places, (before, after), mode="symmetric" if twice else "reflect")
    return namespace(array).take(array, beside(index, array, np.int64), axis=axis)


def columns_of(spectra: Any, used: Any) -> Any:
    """Copy of the chosen bands of spectra; `used` is an array of bool, shape (bands,), of NumPy."""
    if isinstance(spectra, np.ndarray):
        return spectra[:, used]
    index = beside(np.flatnonzero(used), spectra, np.int64)
    return namespace(spectra).take(spectra, index, axis=1)


def put_columns(spectra: Any, used: Any, values: Any) -> None:
    """Put bands in place of the chosen ones."""
    if isinstance(spectra, np.ndarray):
        spectra[:, used] = values
    elif used.all():
        spectra[...] = values
    else:
        for place, band in enumerate(np.flatnonzero(used)):
            spectra[:, int(band)] = values[:, place]


def put_rows(spectra: Any, chosen: Any, values: Any) -> Any:
    """Copy of spectra with others in place of the chosen ones.

    Parameters
    ----------
    spectra : array, shape (pixels, bands)
        Where they are put.
    chosen : array of bool, shape (pixels,)
        True where a spectrum is replaced.
    values : array, shape (number chosen, bands)
        What is put there.

    Returns
    -------
    array, shape (pixels, bands)
        New array.
    """
    xp = namespace(spectra)
    if is_numpy(xp):
        out = spectra.copy()
        out[chosen] = values
        return out
    if values.shape[0] == 0:
        return xp.asarray(spectra, copy=True)
    place = xp.cumulative_sum(xp.astype(chosen, xp.int64)) - 1
    return xp.where(chosen[:, None], xp.take(values, xp.maximum(place, 0), axis=0), spectra)


def among(values: Any, used: Any, around: Any = None) -> Any:
    """Used bands among those that were left out.

    Parameters
    ----------
    values : array, shape (pixels, used bands)
        What is known of the used bands.
    used : ndarray of bool, shape (bands,)
        Which they are.
    around : array, shape (pixels, bands), optional
        What stands in the other bands; zeros when absent.

    Returns
    -------
    array, shape (pixels, bands)
        New array.
    """
    xp = namespace(values)
    if around is None:
        shape = values.shape[0], used.size
        out = xp.zeros(shape, dtype=values.dtype, device=device_of(values))
    else:
        out = xp.asarray(around, copy=True)
    put_columns(out, used, values)
    return out
