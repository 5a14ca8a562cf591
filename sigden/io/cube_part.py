"""Cubes of which a part is read or written at a time."""

from __future__ import annotations

from collections.abc import Callable
from typing import IO, Any, cast

import numpy as np

from sigden.errors import FileError

__all__ = ["CubePart", "RawArray", "order_of_axes"]


class RawArray:
    """Array of numbers that lie one after the other in a file, read and written by slices.

    Parameters
    ----------
    file : binary file
        Open, for writing too where it is to be written.
    dtype : dtype
        Of the numbers, with their byte order.
    shape : tuple of int
        Three axes, the last one fastest.
    offset : int
        Place of the first number in the file.

    Notes
    -----
    The file is read, not mapped: what has been used does not stay in the memory of the process.
    """

    def __init__(self, file: IO[bytes], dtype: Any, shape: tuple[int, ...], offset: int = 0) -> None:
        self._file = file
        self.dtype = np.dtype(dtype)
        self.shape = tuple(int(n) for n in shape)
        self._offset = offset

    def __getitem__(self, key: tuple[slice, slice, slice]) -> Any:
        """Part of the array; slices without a step."""
        first, second, third = self._limits(key)
        out = np.empty((first[1] - first[0], second[1] - second[0], third[1] - third[0]), self.dtype)
        whole = third == (0, self.shape[2])
        if whole and second == (0, self.shape[1]):
            self._read(out, first[0], 0)
            return out
        line = np.empty((second[1] - second[0], self.shape[2]), self.dtype)
        for i in range(*first):
            into = out[i - first[0]] if whole else line
            self._read(into, i, second[0])
            if not whole:
                out[i - first[0]] = line[:, slice(*third)]
        return out

    def __setitem__(self, key: tuple[slice, slice, slice], values: Any) -> None:
        """Put whole lines of the last axis in place."""
        first, second, third = self._limits(key)
        if third != (0, self.shape[2]):
            kept = self[slice(*first), slice(*second), slice(None)]
            kept[:, :, slice(*third)] = values
            values = kept
        part = np.ascontiguousarray(values, dtype=self.dtype)
        try:
            for i in range(*first):
                self._seek(i, second[0])
                self._file.write(memoryview(cast(Any, part[i - first[0]])).cast("B"))
        except OSError as error:
            name = getattr(self._file, "name", "file")
            raise FileError(f"{name}: cannot be written: {error.strerror or error}") from error

    def _limits(self, key: tuple[slice, slice, slice]) -> list[tuple[int, int]]:
        return [part.indices(n)[:2] for part, n in zip(key, self.shape, strict=True)]

    def _seek(self, i: int, j: int) -> None:
        place = (i * self.shape[1] + j) * self.shape[2] * self.dtype.itemsize
        self._file.seek(self._offset + place)

    def _read(self, out: Any, i: int, j: int) -> None:
        self._seek(i, j)
        view, done = memoryview(cast(Any, out)).cast("B"), 0
        while done < len(view):
            count = self._file.readinto(view[done:])  # type: ignore[attr-defined]
            if not count:
                raise FileError(f"{getattr(self._file, 'name', 'file')}: is cut short")
            done += count


class CubePart:
    """Cube (rows, columns, bands) that is read and written by slices, whatever the order in its file.

    Parameters
    ----------
    data : array-like
        Array with three axes of which slices can be taken.
    order : tuple of int
        Which axis of the cube each axis of `data` is.
    dtype : dtype
        Of what is read.
    change : callable, optional
        Applied to every part that is read.
    """

    def __init__(
        self, data: Any, order: tuple[int, ...], dtype: Any, change: Callable[[Any], Any] | None = None
    ) -> None:
        self._data, self._order, self._change = data, order, change
        self.dtype = np.dtype(dtype)
        self.shape = tuple(int(data.shape[order.index(i)]) for i in range(3))

    def __getitem__(self, key: tuple[slice, slice, slice]) -> Any:
        """Part of the cube, in native byte order."""
        stored = np.asarray(self._data[tuple(key[i] for i in self._order)])
        part = stored.transpose(np.argsort(self._order))
        if self._change is not None:
            part = self._change(part)
        return np.ascontiguousarray(part, dtype=self.dtype)

    def __setitem__(self, key: tuple[slice, slice, slice], values: Any) -> None:
        """Put a part in place."""
        self._data[tuple(key[i] for i in self._order)] = np.asarray(values).transpose(self._order)

    def map(self, change: Callable[[Any], Any], dtype: Any) -> CubePart:
        """The same cube with a function applied to every part."""
        return CubePart(self, (0, 1, 2), dtype, change)


def order_of_axes(axis: int) -> tuple[int, int, int]:
    """Which axis of a cube (rows, columns, bands) each axis of an array is whose spectral axis is given."""
    return ((2, 0, 1), (0, 2, 1), (0, 1, 2))[axis]
