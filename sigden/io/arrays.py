"""Plain arrays out: NPY and NPZ, without pickle."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

import numpy as np

from sigden.errors import InputError
from sigden.io.atomic import atomic_path

__all__ = ["write_npy", "write_npz"]


def write_npy(path: str | os.PathLike[str], values: Any, *, overwrite: bool = False) -> None:
    """Write one array as NPY.

    Parameters
    ----------
    path : path
        Output file.
    values : array
        Numbers of any shape.
    overwrite : bool
        Whether an existing file may be replaced.

    Raises
    ------
    FileError
        If the file exists or cannot be written.
    InputError
        If the array holds Python objects.
    """
    array = _numbers(values, "array")
    with atomic_path(path, overwrite) as temporary, temporary.open("wb") as stream:
        np.save(stream, array, allow_pickle=False)


def write_npz(path: str | os.PathLike[str], arrays: Mapping[str, Any], *, overwrite: bool = False) -> None:
    """Write named arrays as NPZ.

    Parameters
    ----------
    path : path
        Output file.
    arrays : mapping of str to array
        Numbers of any shape.
    overwrite : bool
        Whether an existing file may be replaced.

    Raises
    ------
    FileError
        If the file exists or cannot be written.
    InputError
        If an array holds Python objects.
    """
    import zipfile

    checked = {name: _numbers(values, name) for name, values in arrays.items()}
    with (
        atomic_path(path, overwrite) as temporary,
        zipfile.ZipFile(temporary, "w", zipfile.ZIP_STORED) as archive,
    ):
        # numpy.savez takes names as keyword arguments, so a name such as "file" would fail there
        for name, array in checked.items():
            with archive.open(f"{name}.npy", "w", force_zip64=True) as stream:
                np.lib.format.write_array(stream, array, allow_pickle=False)


def _numbers(values: Any, name: str) -> Any:
    array = np.asanyarray(values)
    if array.dtype.hasobject:
        raise InputError(f"{name}: holds Python objects, which would need pickle; convert it to numbers")
    return array
