"""Cubes that are read in parts."""

from __future__ import annotations

from typing import Any

import numpy as np

from sigden.arrays import as_floating, namespace
from sigden.errors import InputError
from sigden.hyperspectral.beside import host_dtype

__all__ = ["ArraySource", "Source", "release"]


class Source:
    """Cube of which some rows are read at a time.

    Parameters
    ----------
    data : array-like
        Anything with a `shape` and a `dtype` of which slices give parts that NumPy understands: an array, a
        memory map, an HDF5 dataset, a dask array, a section of a FITS file, an image of the package spectral.
    axis : int
        Spectral axis.
    what : str
        Name for messages.
    dtype : dtype, optional
        Of what is read; by default float32 for floating numbers of up to 32 bits, float64 for others; a
        boolean cube stays one.

    Raises
    ------
    InputError
        If it is no cube of real numbers.
    """

    def __init__(self, data: Any, axis: int = -1, what: str = "cube", dtype: Any = None) -> None:
        shape = tuple(int(n) for n in getattr(data, "shape", ()))
        if len(shape) != 3 or not hasattr(data, "dtype"):
            raise InputError(
                f"{what}: needs an array with three axes, got {type(data).__name__} {shape or ''}"
            )
        if not -3 <= axis <= 2:
            raise InputError(f"{what}: axis {axis} of a cube with three axes; give 0, 1 or 2")
        self._data, self._axis, self._what = data, axis % 3, what
        rows, columns = (shape[i] for i in range(3) if i != self._axis)
        self.shape = rows, columns, shape[self._axis]
        stored = np.dtype(data.dtype)
        if dtype is not None:
            self.dtype = np.dtype(dtype)
        elif stored.kind == "b":
            self.dtype = stored
        else:
            self.dtype = as_floating(np.empty(0, stored), what).dtype

    def read(self, first: int, last: int) -> Any:
        """Some rows, shape (rows, columns, bands): contiguous, in native byte order, maybe a view.

        Parameters
        ----------
        first, last : int
            First and past-the-last row.

        Returns
        -------
        ndarray
            Of the dtype of the source.
        """
        if hasattr(self._data, "read_subregion"):
            part = self._data.read_subregion((first, last), (0, self.shape[1]))
        else:
            # the axes of the image keep their order: rows come first of the two
            index = (slice(None), slice(first, last)) if self._axis == 0 else (slice(first, last),)
            part = self._data[(*index, *(slice(None),) * (3 - len(index)))]
        stored = np.asarray(part)
        if self._axis != 2:
            stored = np.moveaxis(stored, self._axis, 2)
        out = np.ascontiguousarray(stored, dtype=self.dtype)
        if out.shape != (last - first, *self.shape[1:]):
            raise InputError(
                f"{self._what}: rows {first} to {last} have the shape {out.shape}, expected "
                f"{(last - first, *self.shape[1:])}"
            )
        return out

    def done(self) -> None:
        """Let go of pages of a memory map that have been read."""
        release(self._data)


class ArraySource(Source):
    """Cube in memory, of the host or of a device, of which parts are views.

    Parameters
    ----------
    values : array, shape (rows, columns, bands)
        Floating or boolean, of any array library.
    what : str
        Name for messages.
    """

    def __init__(self, values: Any, what: str = "cube") -> None:
        self._data, self._axis, self._what = values, 2, what
        self.shape = tuple(values.shape)
        self.dtype = np.dtype(bool) if values.dtype == namespace(values).bool else host_dtype(values)

    def read(self, first: int, last: int) -> Any:
        """Some rows, a view."""
        return self._data[first:last, ...]


def release(data: Any) -> None:
    """Give the pages of a memory map back to the system; what was written to it is kept.

    Parameters
    ----------
    data : array-like
        A `numpy.memmap`, or anything else, with which nothing is done.
    """
    import mmap

    # private maps would lose what was written to them
    if not isinstance(data, np.memmap) or data.mode not in ("r", "r+", "w+"):
        return
    base: Any = data
    while isinstance(base, np.ndarray):
        base = base.base
    if isinstance(base, mmap.mmap) and hasattr(mmap, "MADV_DONTNEED"):
        base.madvise(mmap.MADV_DONTNEED)
