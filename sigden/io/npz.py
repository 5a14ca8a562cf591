"""Read NumPy files that nobody vouches for: no pickle, and sizes checked before memory is taken."""

from __future__ import annotations

import lzma
import math
import os
import zipfile
import zlib
from collections.abc import Iterable
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from sigden.errors import FileError
from sigden.io.limits import MAX_BYTES, check_claim
from sigden.io.regular import require_regular

__all__ = ["npy_layout", "npz_names", "read_npy", "read_npz"]

_DAMAGE = (
    OSError,
    EOFError,
    NotImplementedError,
    RuntimeError,
    lzma.LZMAError,
    zipfile.BadZipFile,
    zlib.error,
)


def read_npy(path: str | os.PathLike[str], *, max_bytes: int = MAX_BYTES) -> NDArray[Any]:
    """Read one array from an NPY file.

    Parameters
    ----------
    path : path
        File on disk.
    max_bytes : int
        Cap on the size in memory, in bytes.

    Returns
    -------
    array
        The values in native byte order.

    Raises
    ------
    FileError
        If the file is missing, damaged, cut short, needs pickle, or claims more than it holds or than the
        cap.
    """
    source = Path(path)
    require_regular(source)
    try:
        with source.open("rb") as stream:
            return _read(stream, str(source), source.stat().st_size, max_bytes)
    except OSError as error:
        if isinstance(error, FileError):
            raise
        raise FileError(f"{source}: cannot be read: {error.strerror or error}") from error


def npy_layout(path: str | os.PathLike[str]) -> tuple[tuple[int, ...], bool, np.dtype[Any], int]:
    """Shape of the array in an NPY file, whether its first axis is the fastest, its dtype and its place.

    Raises
    ------
    FileError
        If the file is missing, damaged, cut short or needs pickle.
    """
    source = Path(path)
    require_regular(source)
    try:
        with source.open("rb") as stream:
            shape, order, dtype, offset = _header(stream, str(source))
            size = source.stat().st_size
    except OSError as error:
        if isinstance(error, FileError):
            raise
        raise FileError(f"{source}: cannot be read: {error.strerror or error}") from error
    if dtype.hasobject:
        raise FileError(f"{source}: holds Python objects (pickle), which can run code; refused")
    if offset + math.prod(shape) * dtype.itemsize != size:
        raise FileError(f"{source}: does not hold what it claims (cut short or damaged)")
    return shape, order == "F", dtype, offset


def npz_names(path: str | os.PathLike[str]) -> list[str]:
    """Names of the arrays in an NPZ file.

    Raises
    ------
    FileError
        If the file is missing, not a ZIP file, damaged, or names an array twice.
    """
    with _open_zip(Path(path)) as archive:
        return _names(archive, Path(path))


def read_npz(
    path: str | os.PathLike[str], names: Iterable[str] | None = None, *, max_bytes: int = MAX_BYTES
) -> dict[str, NDArray[Any]]:
    """Read arrays from an NPZ file.

    Parameters
    ----------
    path : path
        File on disk.
    names : iterable of str, optional
        Arrays to read; all by default.
    max_bytes : int
        Cap on the size in memory of all of them together, in bytes.

    Returns
    -------
    dict of str to array
        Values in native byte order.

    Raises
    ------
    FileError
        If the file is missing or damaged, an array is missing, needs pickle, or claims more than the cap or
        far more than the file stores.
    """
    source = Path(path)
    arrays: dict[str, NDArray[Any]] = {}
    with _open_zip(source) as archive:
        known = _names(archive, source)
        left = max_bytes
        for name in known if names is None else names:
            where = f"{source}: {name}"
            if name not in known:
                raise FileError(f"{where}: no such array; the file holds {', '.join(known) or 'none'}")
            member = archive.getinfo(f"{name}.npy")
            check_claim(where, member.file_size, member.compress_size, left)
            try:
                with archive.open(member) as stream:
                    arrays[name] = _read(stream, where, member.file_size, left)
            except _DAMAGE as error:
                if isinstance(error, FileError):
                    raise
                raise FileError(f"{where}: cannot be unpacked (damaged?): {error}") from error
            left -= arrays[name].nbytes
    return arrays


def _open_zip(path: Path) -> zipfile.ZipFile:
    require_regular(path)
    try:
        return zipfile.ZipFile(path)
    except (OSError, zipfile.BadZipFile, EOFError, ValueError, NotImplementedError) as error:
        raise FileError(f"{path}: cannot be read as NPZ (cut short or damaged?): {error}") from error


def _names(archive: zipfile.ZipFile, path: Path) -> list[str]:
    names = [name.removesuffix(".npy") for name in archive.namelist() if name.endswith(".npy")]
    if len(set(names)) < len(names):
        raise FileError(f"{path}: names an array twice; refused")
    return names


def _read(stream: IO[bytes], where: str, size: int, max_bytes: int) -> NDArray[Any]:
    """One array from a stream of `size` bytes, whose header must claim just that."""
    shape, order, dtype, header = _header(stream, where)
    if dtype.hasobject:
        raise FileError(f"{where}: holds Python objects (pickle), which can run code; refused")
    count = math.prod(shape)
    claimed = count * dtype.itemsize
    if claimed > max_bytes:
        check_claim(where, claimed, size, max_bytes)
    if claimed + header != size:
        raise FileError(
            f"{where}: claims {claimed:,} bytes, but holds {size - header:,} (cut short or damaged)"
        )
    data = bytearray(claimed)
    view, filled = memoryview(data), 0
    while filled < claimed:
        block = stream.read(min(claimed - filled, 1 << 24))
        if not block:
            raise FileError(f"{where}: is cut short, {filled:,} of {claimed:,} bytes")
        view[filled : filled + len(block)] = block
        filled += len(block)
    values = np.frombuffer(data, dtype=dtype, count=count) if claimed else np.empty(count, dtype)
    values = values.reshape(shape, order=order)
    return values.astype(dtype.newbyteorder("="), copy=False)


def _header(stream: IO[bytes], where: str) -> tuple[tuple[int, ...], Any, np.dtype[Any], int]:
    try:
        version = np.lib.format.read_magic(stream)
        if version == (1, 0):
            shape, fortran, dtype = np.lib.format.read_array_header_1_0(stream)
        elif version == (2, 0):
            shape, fortran, dtype = np.lib.format.read_array_header_2_0(stream)
        else:
            raise FileError(f"{where}: NPY version {version[0]}.{version[1]} (records) is not read")
    except (ValueError, TypeError, SyntaxError, EOFError, zipfile.BadZipFile, zlib.error) as error:
        raise FileError(f"{where}: is no NumPy array (damaged header): {error}") from error
    return shape, "F" if fortran else "C", dtype, stream.tell()
