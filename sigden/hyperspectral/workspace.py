"""How much memory a cube may take, and where what does not fit is kept."""

from __future__ import annotations

import re
import shutil
import tempfile
from collections.abc import Callable
from typing import Any

import numpy as np

from sigden.arrays import device_of, namespace
from sigden.errors import FileError, ParameterError
from sigden.hyperspectral.table import GROUP, FileTable, MemoryTable, Table, piece_rows, spans

__all__ = ["Workspace", "parse_memory"]

_UNITS = {
    "": 1,
    "k": 10**3,
    "m": 10**6,
    "g": 10**9,
    "t": 10**12,
    "ki": 2**10,
    "mi": 2**20,
    "gi": 2**30,
    "ti": 2**40,
}
# parts of the bound: vectors and images of all pixels, blocks of spectra beside them, windows alone
_PLANES, _BLOCKS, _WINDOWS = 0.55, 0.3, 0.55
_PIXEL = 64  # bytes that the step with most vectors of all pixels takes for each
_BAND = 10  # and for each pixel of every band it works on
_COPIES = 4  # of a block, in the step with most of them
_SMOOTHED = 2  # copies of a window of spectra that is smoothed


class Workspace:
    """Memory and scratch space of one run.

    Parameters
    ----------
    memory : int or str, optional
        Bound in bytes, or a text such as ``"2 GB"``; None keeps all in memory.
    scratch : path, optional
        Folder of the scratch files; that of the system by default.
    progress : callable, optional
        ``progress(stage, done, total)``.
    like : array, optional
        In whose library and on whose device tables in memory are made; NumPy by default.
    """

    def __init__(
        self,
        memory: int | str | None = None,
        scratch: Any = None,
        progress: Callable[[str, int, int], None] | None = None,
        like: Any = None,
    ) -> None:
        self.memory = None if memory is None else parse_memory(memory)
        self.scratch = scratch
        self._progress = progress
        self._like = like

    @property
    def limited(self) -> bool:
        """Whether there is a bound."""
        return self.memory is not None

    def require(self, shape: tuple[int, int, int], itemsize: int, halo: int) -> None:
        """Refuse a bound in which a cube cannot be worked on, and smoothed with a halo.

        Raises
        ------
        ParameterError
            Naming the least that works.
        """
        if self.memory is None:
            return
        rows, columns, bands = shape
        piece = piece_rows(columns)
        least = max(
            rows * columns * (_PIXEL + _BAND) / _PLANES,
            min(rows, piece) * columns * bands * itemsize * _COPIES / _BLOCKS,
            min(rows, 4 * halo + 2 * piece) * columns * bands * itemsize * _SMOOTHED / _WINDOWS,
        )
        if self.memory < least:
            raise ParameterError(
                f"memory: {self.memory:,} bytes do not hold what a cube of {rows} x {columns} pixels and "
                f"{bands} bands takes at once; the least that works is {_rounded(least)}"
            )

    def table(self, shape: tuple[int, int, int], dtype: Any) -> Table:
        """Table of zeros, in memory or in a scratch file that no one else sees.

        Raises
        ------
        FileError
            If the scratch folder cannot be used or has not enough room.
        """
        dtype = np.dtype(dtype)
        if self.memory is None:
            return MemoryTable(self.zeros((shape[0] * shape[1], shape[2]), dtype), shape)
        size = shape[0] * shape[1] * shape[2] * dtype.itemsize
        folder = tempfile.gettempdir() if self.scratch is None else self.scratch
        try:
            free = shutil.disk_usage(folder).free
            if size > free:
                raise FileError(
                    f"{folder}: scratch files need {_rounded(size)}, {_rounded(free)} are free; "
                    "name another folder (scratch=)"
                )
            file = tempfile.TemporaryFile(dir=folder, buffering=0)  # noqa: SIM115
        except OSError as error:
            if isinstance(error, FileError):
                raise
            raise FileError(f"{folder}: no scratch file can be made: {error.strerror or error}") from error
        return FileTable(file, shape, dtype, self.block(shape, max(dtype.itemsize, 4)), self.group(shape))

    def zeros(self, shape: tuple[int, ...], dtype: Any) -> Any:
        """Array in memory, in the library in which tables are made."""
        if self._like is None or isinstance(self._like, np.ndarray):
            return np.zeros(shape, dtype)
        xp = namespace(self._like)
        return xp.zeros(shape, dtype=getattr(xp, dtype.name), device=device_of(self._like))

    def block(self, shape: tuple[int, int, int], itemsize: int) -> int:
        """Rows of spectra that are read at once: whole pieces."""
        if self.memory is None:
            return shape[0]
        piece = piece_rows(shape[1])
        row = shape[1] * shape[2] * itemsize
        pieces = int(self.memory * _BLOCKS / _COPIES / row) // piece
        return min(max(pieces, 1) * piece, shape[0])

    def smoothed(self, shape: tuple[int, int, int], itemsize: int, halo: int) -> int:
        """Rows, beside their halo, of spectra that are smoothed at once: whole pieces."""
        piece, most = piece_rows(shape[1]), 16 * halo
        if self.memory is not None:
            row = shape[1] * shape[2] * itemsize
            fitting = int(self.memory * _WINDOWS / _SMOOTHED / row) - 2 * (halo + piece)
            most = min(max(fitting, 2 * halo), most)
        return max(most // piece, 1) * piece

    def spans(self, shape: tuple[int, int, int], itemsize: int) -> list[tuple[int, int]]:
        """First and past-the-last row of each block."""
        return spans(0, shape[0], self.block(shape, itemsize))

    def group(self, shape: tuple[int, int, int]) -> int:
        """Bands that are worked on at once."""
        if self.memory is None:
            return GROUP
        # the bands come on top of what the step takes otherwise
        left = self.memory * _PLANES / (shape[0] * shape[1]) - _PIXEL
        return int(min(max(left / _BAND, 1), GROUP))

    def number(self, each: float, most: int = GROUP) -> int:
        """Number of things of so many bytes that are worked on at once, from one to `most`."""
        if self.memory is None:
            return most
        return int(min(max(self.memory * _PLANES / each, 1), most))

    def units(self, each: float, least: int, what: str) -> int:
        """Number of units, `least` or more, that fit into a window of eigen-images.

        Parameters
        ----------
        each : float
            Bytes of one.
        least : int
            Number below which nothing can be done.
        what : str
            For the message.

        Raises
        ------
        ParameterError
            Naming the least bound that works.
        """
        if self.memory is None:
            return 2**62
        count = int(self.memory * _WINDOWS / each)
        if count < least:
            raise ParameterError(
                f"memory: {self.memory:,} bytes do not hold {what}; "
                f"the least that works is {_rounded(least * each / _WINDOWS)}"
            )
        return count

    def tell(self, stage: str, done: int = 0, total: int = 1) -> None:
        """Report progress."""
        if self._progress is not None:
            self._progress(stage, done, total)


def parse_memory(memory: int | str) -> int:
    """Number of bytes.

    Parameters
    ----------
    memory : int or str
        Bytes, or a number with a unit: ``"2 GB"``, ``"1.5GiB"``, ``"800 MB"``.

    Returns
    -------
    int
        Bytes.

    Raises
    ------
    ParameterError
        If it is no positive size.
    """
    if isinstance(memory, str):
        found = re.fullmatch(r"\s*([0-9]*\.?[0-9]+)\s*([kmgt]i?|)b?\s*", memory.lower())
        if found is None:
            raise ParameterError(f"memory: {memory!r} is no size; write bytes or, for example, '2 GB'")
        memory = int(float(found[1]) * _UNITS[found[2]])
    if isinstance(memory, bool) or not isinstance(memory, (int, np.integer)) or memory <= 0:
        raise ParameterError(
            f"memory: needs a whole positive number of bytes or, for example, '2 GB', got {memory!r}"
        )
    return int(memory)


def _rounded(size: float) -> str:
    """Size in megabytes, rounded up."""
    return f"{-int(-size // 10**6):,} MB"
