"""Spectra that are worked on, in memory or in a file: read and written by rows of the image or by bands."""

from __future__ import annotations

import weakref
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from typing import Any, cast

import numpy as np

from sigden.arrays import device_of, namespace, to_numpy
from sigden.errors import FileError
from sigden.hyperspectral.beside import beside, host_dtype

__all__ = ["GROUP", "FileTable", "MemoryTable", "Table", "band_share", "piece_rows", "spans"]

_PIECE = 8192
GROUP = 16  # bands that are worked on at once


class Table(ABC):
    """Image of spectra, shape (rows, columns, bands), of which a part is in memory at a time.

    Parameters
    ----------
    shape : tuple of int
        Rows, columns and bands.
    dtype : dtype
        Of the values, as NumPy names it.
    block : int
        Rows that are read at once, a multiple of those of a piece.
    group : int
        Bands that are worked on at once.

    Notes
    -----
    Spectra are handed out as (pixels, bands), pixels row by row, and always whole rows of them. Pieces are
    the same whatever the memory, so that sums are rounded in the same way.
    """

    def __init__(self, shape: tuple[int, int, int], dtype: Any, block: int, group: int) -> None:
        self.shape = shape
        self.dtype = np.dtype(dtype)
        self.block = block
        self.group = group

    def __len__(self) -> int:
        return self.shape[0] * self.shape[1]

    def spans(self) -> list[tuple[int, int]]:
        """First and past-the-last row of each block."""
        return spans(0, self.shape[0], self.block)

    def cuts(self, first: int, last: int) -> list[tuple[int, int]]:
        """First and past-the-last row of each piece between two rows."""
        return spans(first, last, piece_rows(self.shape[1]))

    def pieces(self, first: int = 0, last: int | None = None) -> Iterator[tuple[slice, Any]]:
        """Pixels of each piece between two rows, as a slice, and their spectra."""
        for begin, end in spans(first, self.shape[0] if last is None else last, self.block):
            part = self.read(begin, end)
            start = begin * self.shape[1]
            for top, bottom in self.cuts(begin, end):
                where = self.pixels(top, bottom)
                yield where, part[where.start - start : where.stop - start, :]

    def groups(self, size: int | None = None) -> list[tuple[int, int]]:
        """First and past-the-last band of each group."""
        return spans(0, self.shape[2], size or self.group)

    def pixels(self, first: int, last: int) -> slice:
        """Numbers of the pixels of some rows."""
        return slice(first * self.shape[1], last * self.shape[1])

    def update(self, change: Callable[[slice, Any], None]) -> None:
        """Change spectra in place, piece by piece: ``change(pixels, spectra)``."""
        for first, last in self.spans():
            part = self.read(first, last)
            start = first * self.shape[1]
            for top, bottom in self.cuts(first, last):
                where = self.pixels(top, bottom)
                change(where, part[where.start - start : where.stop - start, :])
            self.write(first, part)

    def room(self, *shape: int) -> Any:
        """New array for values of the table, of its library and on its device."""
        return np.empty(shape, self.dtype)

    def beside(self, small: Any) -> Any:
        """Small NumPy array put beside the values of the table, in their dtype."""
        return small.astype(self.dtype)

    def every(self, step: int) -> Iterator[Any]:
        """Every so manieth spectrum, of NumPy."""
        for place in range(0, len(self), step):
            row, column = divmod(place, self.shape[1])
            yield self.read(row, row + 1)[column]

    @abstractmethod
    def read(self, first: int, last: int) -> Any:
        """Spectra of some rows, shape (pixels, bands): where in memory a view."""

    @abstractmethod
    def blank(self, first: int, last: int) -> Any:
        """Array for the spectra of some rows, to be filled and handed to `write`."""

    @abstractmethod
    def write(self, first: int, part: Any) -> None:
        """Put spectra in place from a row on."""

    @abstractmethod
    def bands(self, first: int, last: int) -> Any:
        """Copy of some bands, shape (bands, pixels)."""

    @abstractmethod
    def put_bands(self, first: int, values: Any) -> None:
        """Put bands in place from a band on, shape (bands, pixels)."""


class MemoryTable(Table):
    """Spectra in memory, of the host or of a device.

    Parameters
    ----------
    array : array, shape (pixels, bands)
        The spectra themselves, not a copy. Its parts are views and can be written to.
    shape : tuple of int
        Rows, columns and bands.
    block : int, optional
        Rows that are worked on at once; all of them by default.
    group : int
        Bands that are worked on at once.
    """

    def __init__(
        self, array: Any, shape: tuple[int, int, int], block: int | None = None, group: int = GROUP
    ) -> None:
        super().__init__(shape, _dtype(array), block or shape[0], group)
        self.array = array

    def room(self, *shape: int) -> Any:
        """New array for values of the table."""
        if isinstance(self.array, np.ndarray):
            return np.empty(shape, self.dtype)
        return namespace(self.array).empty(shape, dtype=self.array.dtype, device=device_of(self.array))

    def beside(self, small: Any) -> Any:
        """Small NumPy array put beside the values of the table."""
        return beside(small, self.array)

    def every(self, step: int) -> Iterator[Any]:
        """Every so manieth spectrum, of NumPy."""
        yield from to_numpy(self.array[::step, :])

    def read(self, first: int, last: int) -> Any:
        """View of the spectra of some rows."""
        return self.array[self.pixels(first, last), :]

    def blank(self, first: int, last: int) -> Any:
        """The same view."""
        return self.read(first, last)

    def write(self, first: int, part: Any) -> None:
        """Put spectra in place; nothing is to be done for a view."""
        start = first * self.shape[1]
        place = self.array[start : start + part.shape[0], :]
        if not (isinstance(part, np.ndarray) and np.may_share_memory(place, part)):
            place[...] = part

    def bands(self, first: int, last: int) -> Any:
        """Copy of some bands."""
        part = self.array[:, first:last].T
        return (
            np.array(part, order="C")
            if isinstance(part, np.ndarray)
            else namespace(part).asarray(part, copy=True)
        )

    def put_bands(self, first: int, values: Any) -> None:
        """Put bands in place."""
        self.array[:, first : first + values.shape[0]] = values.T


class FileTable(Table):
    """Spectra in a file, in tiles of some rows and some bands, so that both ways of reading are quick.

    Parameters
    ----------
    file : binary file
        Unbuffered, open for reading and writing, empty; it is closed with the table.
    shape : tuple of int
        Rows, columns and bands.
    dtype : dtype
        Of the values, zeros at first.
    block : int
        Rows of a tile.
    group : int
        Bands of a tile.

    Notes
    -----
    The file is read and written, not mapped: what has been used does not stay in the memory of the process.
    """

    def __init__(self, file: Any, shape: tuple[int, int, int], dtype: Any, block: int, group: int) -> None:
        super().__init__(shape, dtype, block, group)
        self._file = file
        # a raw file that is merely dropped warns
        weakref.finalize(self, file.close)
        file.truncate(shape[0] * shape[1] * shape[2] * self.dtype.itemsize)

    def read(self, first: int, last: int) -> Any:
        """Spectra of some rows."""
        out = self.blank(first, last)
        for begin, end, lower, upper in self._tiles(first, last, 0, self.shape[2]):
            tile = self._get(begin, end, lower, upper)
            start = (begin - first) * self.shape[1]
            out[start : start + len(tile), lower:upper] = tile
        return out

    def blank(self, first: int, last: int) -> Any:
        """New array for the spectra of some rows."""
        return np.empty(((last - first) * self.shape[1], self.shape[2]), self.dtype)

    def write(self, first: int, part: Any) -> None:
        """Put spectra in place."""
        for begin, end, lower, upper in self._tiles(
            first, first + len(part) // self.shape[1], 0, self.shape[2]
        ):
            where = slice((begin - first) * self.shape[1], (end - first) * self.shape[1])
            self._put(begin, lower, upper, part[where, lower:upper])

    def bands(self, first: int, last: int) -> Any:
        """Some bands."""
        out = np.empty((last - first, len(self)), self.dtype)
        for begin, end, lower, upper in self._tiles(0, self.shape[0], first, last):
            tile = self._get(begin, end, lower, upper)
            inner = slice(max(first, lower), min(last, upper))
            out[inner.start - first : inner.stop - first, self.pixels(begin, end)] = tile[
                :, inner.start - lower : inner.stop - lower
            ].T
        return out

    def put_bands(self, first: int, values: Any) -> None:
        """Put bands in place."""
        last = first + len(values)
        for begin, end, lower, upper in self._tiles(0, self.shape[0], first, last):
            inner = slice(max(first, lower), min(last, upper))
            part = values[inner.start - first : inner.stop - first, self.pixels(begin, end)].T
            if (inner.start, inner.stop) != (lower, upper):
                tile = self._get(begin, end, lower, upper)
                tile[:, inner.start - lower : inner.stop - lower] = part
                part = tile
            self._put(begin, lower, upper, part)

    def _tiles(self, first: int, last: int, lower: int, upper: int) -> Iterator[tuple[int, int, int, int]]:
        """Parts of tiles that hold some rows and some bands: rows, and the bands of the tile."""
        rows, _, bands = self.shape
        if first >= last or lower >= upper:
            return
        for top in range(first // self.block * self.block, last, self.block):
            for left in range(lower // self.group * self.group, upper, self.group):
                bottom = min(top + self.block, rows)
                yield max(top, first), min(bottom, last), left, min(left + self.group, bands)

    def _seek(self, begin: int, lower: int, upper: int) -> None:
        """Go to a row of a tile."""
        rows, columns, bands = self.shape
        top = begin // self.block * self.block
        height = min(self.block, rows - top)
        place = columns * (top * bands + height * lower + (begin - top) * (upper - lower))
        self._file.seek(place * self.dtype.itemsize)

    def _get(self, begin: int, end: int, lower: int, upper: int) -> Any:
        out = np.empty(((end - begin) * self.shape[1], upper - lower), self.dtype)
        self._seek(begin, lower, upper)
        view, done = memoryview(cast(Any, out)).cast("B"), 0
        try:
            while done < len(view):
                count = self._file.readinto(view[done:])
                if not count:
                    raise OSError("it ends early; another program has cut it")
                done += count
        except OSError as error:
            raise FileError(f"scratch file: cannot be read: {error.strerror or error}") from error
        return out

    def _put(self, begin: int, lower: int, upper: int, part: Any) -> None:
        self._seek(begin, lower, upper)
        view, done = memoryview(cast(Any, np.ascontiguousarray(part))).cast("B"), 0
        try:
            while done < len(view):
                done += self._file.write(view[done:])
        except OSError as error:
            raise FileError(
                f"scratch file: cannot be written: {error.strerror or error}; name another folder (scratch=)"
            ) from error


def spans(first: int, last: int, size: int) -> list[tuple[int, int]]:
    """First and past-the-last index of consecutive parts."""
    return [(begin, min(begin + size, last)) for begin in range(first, last, size)]


def piece_rows(columns: int) -> int:
    """Rows of a piece, about eight thousand pixels: what is multiplied and summed at once."""
    return max(1, _PIECE // columns)


def _dtype(array: Any) -> Any:
    """NumPy's dtype of an array of floating numbers or of flags."""
    if isinstance(array, np.ndarray):
        return array.dtype
    return np.dtype(np.uint8) if array.dtype == namespace(array).uint8 else host_dtype(array)


def band_share(flags: Table) -> Any:
    """Part of each band that is marked, shape (bands,)."""
    total = np.zeros(flags.shape[2])
    for _, part in flags.pieces():
        total += to_numpy(namespace(part).count_nonzero(part, axis=0))
    return total / len(flags)
