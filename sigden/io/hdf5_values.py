"""Attributes and short texts of HDF5 files that nobody vouches for."""

from __future__ import annotations

import math
from typing import Any

import h5py
import numpy as np

from sigden.errors import FileError
from sigden.io.hdf5 import describe, find_object, guarded, where_in

__all__ = ["has_attribute", "read_attribute", "read_attributes", "read_text", "read_texts"]

_MAX_ATTRIBUTE_VALUES = 1024
_MAX_TEXT_BYTES = 1024**2


def read_text(file: h5py.File, name: str) -> str | None:
    """Text of a dataset with a single string, or None where there is no such dataset.

    Raises
    ------
    FileError
        If it is reached by a link out of the file, is not one string, or is not UTF-8.
    """
    node = find_object(file, name)
    if node is None:
        return None
    where = where_in(file, name)
    with guarded(f"{where}: cannot be read"):
        if not isinstance(node, h5py.Dataset) or node.size != 1 or not _is_text(node.dtype):
            raise FileError(f"{where}: a single text is needed")
        if node.dtype.itemsize > _MAX_TEXT_BYTES:
            raise FileError(f"{where}: claims a text of {node.dtype.itemsize:,} bytes")
        value = np.asarray(node[()]).reshape(-1)[0]
    return _decode(value, where)


def read_texts(file: h5py.File, name: str, limit: int = 64) -> tuple[str, ...]:
    """Texts of a one-dimensional dataset of at most `limit` strings; none where there is no such dataset.

    Raises
    ------
    FileError
        If it is reached by a link out of the file, is not a short list of strings, or is not UTF-8.
    """
    node = find_object(file, name)
    if node is None:
        return ()
    where = where_in(file, name)
    with guarded(f"{where}: cannot be read"):
        if not isinstance(node, h5py.Dataset) or not _is_text(node.dtype):
            raise FileError(f"{where}: texts are needed")
        if node.ndim != 1 or node.size > limit or node.dtype.itemsize > _MAX_TEXT_BYTES // limit:
            raise FileError(f"{where}: at most {limit} short texts are read, this has shape {node.shape}")
        values = list(node[()])
    return tuple(_decode(value, where) for value in values)


def _is_text(dtype: np.dtype[Any]) -> bool:
    return h5py.check_string_dtype(dtype) is not None


def _decode(value: Any, where: str) -> str:
    if isinstance(value, bytes):
        try:
            return value.decode("utf-8")
        except UnicodeDecodeError as error:
            raise FileError(f"{where}: is not UTF-8 text") from error
    return str(value)


def read_attribute(node: h5py.Group | h5py.Dataset, name: str) -> Any:
    """One attribute as a plain value, or None where it is missing.

    Parameters
    ----------
    node : h5py.Group or h5py.Dataset
        Object that carries the attribute.
    name : str
        Attribute name.

    Returns
    -------
    str, int, float, bool, array or None
        Texts are decoded from UTF-8, bytes are never unpickled; an array is small and of numbers.

    Raises
    ------
    FileError
        If the attribute is a reference, record or opaque, has over 1024 values, or cannot be read.
    """
    where = f"{node.file.filename}: {node.name}: attribute {name!r}"
    with guarded(f"{where}: cannot be read"):
        if name not in node.attrs:
            return None
        handle = node.attrs.get_id(name)
        shape, dtype = handle.shape, handle.dtype
        if shape is None:
            return None
        textual = _is_text(dtype)
        if not (textual or dtype.kind in "biuf"):
            raise FileError(f"{where}: holds {describe(dtype)}; a number or text is needed")
        if math.prod(shape) > (1 if textual else _MAX_ATTRIBUTE_VALUES) or dtype.itemsize > _MAX_TEXT_BYTES:
            raise FileError(f"{where}: is too large, shape {shape}")
        value = node.attrs[name]
    array = np.asarray(value)
    if textual:
        return _decode(array.reshape(-1)[0], where)
    return array.reshape(-1)[0].item() if array.size == 1 else array


def read_attributes(node: h5py.Group | h5py.Dataset) -> dict[str, Any]:
    """The attributes of an object that are numbers or texts; others are left out."""
    with guarded(f"{node.file.filename}: {node.name}: its attributes cannot be listed"):
        names = list(node.attrs)
    values: dict[str, Any] = {}
    for name in names:
        try:
            values[name] = read_attribute(node, name)
        except FileError:
            continue
    return values


def has_attribute(node: h5py.Group | h5py.Dataset, name: str) -> bool:
    """Whether an object carries an attribute, of whatever kind.

    Raises
    ------
    FileError
        If its attributes cannot be looked up.
    """
    with guarded(f"{node.file.filename}: {node.name}: attribute {name!r}: cannot be looked up"):
        return name in node.attrs
