"""Open and read HDF5 files that nobody vouches for.

HDF5 follows external links, external storage and virtual datasets silently, and has no switch against it.
Every component of a path is therefore looked at before it is opened, and the claimed size of a dataset before
it is read.
"""

from __future__ import annotations

import math
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from sigden.errors import FileError
from sigden.io.limits import MAX_BYTES, check_claim
from sigden.io.regular import require_regular

__all__ = [
    "checked_dataset",
    "describe",
    "find_object",
    "guarded",
    "list_datasets",
    "members",
    "open_hdf5",
    "read_dataset",
    "root_of",
    "where_in",
]

_MAX_LINKS = 64
_MAX_OBJECTS = 10_000
# what h5py raises on damaged files, depending on where the damage is
_DAMAGE = (OSError, RuntimeError, KeyError, ValueError, TypeError, MemoryError)


@contextmanager
def open_hdf5(path: str | os.PathLike[str]) -> Iterator[h5py.File]:
    """Open an HDF5 file for reading, or say with one FileError what is wrong with it.

    Parameters
    ----------
    path : path
        File on disk.

    Yields
    ------
    h5py.File
        The open file. Take objects from it with `find_object` and `read_dataset`, which follow no link out of
        it.

    Raises
    ------
    FileError
        If the file is missing, not a regular file, empty, not HDF5, cut short or damaged.
    """
    source = Path(path)
    _require_hdf5(source)
    try:
        file = h5py.File(source, "r")
    except _DAMAGE as error:
        if "truncated file" in str(error):
            raise FileError(f"{source}: the file is cut short (truncated HDF5); fetch it again") from error
        raise FileError(f"{source}: cannot be read as HDF5 (damaged?): {error}") from error
    with file:
        yield file


def _require_hdf5(path: Path) -> None:
    require_regular(path)
    if not h5py.is_hdf5(path):
        raise FileError(f"{path}: not an HDF5 file (no HDF5 signature)")


@contextmanager
def guarded(what: str) -> Iterator[None]:
    """Turn what h5py raises on a damaged file into a FileError.

    Parameters
    ----------
    what : str
        How the message begins: path, object and what cannot be done.

    Yields
    ------
    None
        Nothing.

    Raises
    ------
    FileError
        If the block raises an error of h5py.
    """
    try:
        yield
    except FileError:
        raise
    except _DAMAGE as error:
        raise FileError(f"{what}: {error}") from error


def where_in(file: h5py.File, name: str) -> str:
    """Path and object, the way every message begins."""
    return f"{file.filename}: {name}"


def find_object(file: h5py.File, name: str) -> h5py.Group | h5py.Dataset | None:
    """The group or dataset at a path, reached through links inside the file only.

    Parameters
    ----------
    file : h5py.File
        Open file.
    name : str
        Path from the root of the file.

    Returns
    -------
    h5py.Group or h5py.Dataset or None
        None where nothing is there.

    Raises
    ------
    FileError
        If a component is an external link or of an unknown kind, a dataset stands where a group is needed,
        soft links go in circles, or the dataset keeps its data in other files (external storage, virtual
        dataset).
    """
    node = root = root_of(file)
    pending = _components(name)
    links = 0
    while pending:
        component = pending.pop(0)
        if not isinstance(node, h5py.Group):
            raise FileError(f"{where_in(file, name)}: {node.name} is not a group")
        link = _link(file, node, component, name)
        if link is None:
            return None
        if isinstance(link, h5py.ExternalLink):
            raise FileError(
                f"{where_in(file, name)}: {component!r} is an external link to {link.filename!r}; refused"
            )
        if isinstance(link, h5py.SoftLink):
            links += 1
            if links > _MAX_LINKS:
                raise FileError(f"{where_in(file, name)}: more than {_MAX_LINKS} soft links (a loop?)")
            if link.path.startswith("/"):
                node = root
            pending = _components(link.path) + pending
            continue
        node = _open_child(file, node, component, name)
    _require_inside(file, node, name)
    return node


def _components(name: str) -> list[str]:
    return [part for part in name.split("/") if part not in ("", ".")]


def _link(file: h5py.File, group: h5py.Group, component: str, name: str) -> Any:
    where = where_in(file, name)
    with guarded(f"{where}: {component!r} cannot be looked up"):
        try:
            link = group.get(component, getlink=True)
        except TypeError as error:
            raise FileError(f"{where}: {component!r} is no known kind of link; refused") from error
    if link is None or isinstance(link, (h5py.HardLink, h5py.SoftLink, h5py.ExternalLink)):
        return link
    raise FileError(f"{where}: {component!r} is no known kind of link; refused")


def _open_child(file: h5py.File, group: h5py.Group, component: str, name: str) -> Any:
    with guarded(f"{where_in(file, name)}: {component!r} cannot be opened"):
        child = group[component]
    if isinstance(child, (h5py.Group, h5py.Dataset)):
        return child
    raise FileError(f"{where_in(file, name)}: {component!r} is neither a group nor a dataset")


def _require_inside(file: h5py.File, node: Any, name: str) -> None:
    if not isinstance(node, h5py.Dataset):
        return
    with guarded(f"{where_in(file, name)}: its storage cannot be looked at"):
        external, virtual = node.external, node.is_virtual
    if external:
        raise FileError(f"{where_in(file, name)}: keeps its data in another file (external storage); refused")
    if virtual:
        raise FileError(f"{where_in(file, name)}: is a virtual dataset, its data lie in other files; refused")


def list_datasets(file: h5py.File, group: str = "/", depth: int = 8) -> list[str]:
    """Paths of the datasets under a group that real (hard) links reach, in the order of the file.

    Parameters
    ----------
    file : h5py.File
        Open file.
    group : str
        Where to start.
    depth : int
        How many levels of groups to go down.

    Returns
    -------
    list of str
        Paths without the leading slash. Links out of the file are not followed and not listed.

    Raises
    ------
    FileError
        If there are more than 10,000 objects.
    """
    found: list[str] = []
    seen: set[Any] = set()
    waiting = [(group.strip("/"), 0)]
    count = 0
    while waiting:
        here, level = waiting.pop(0)
        node = find_object(file, here)
        if not isinstance(node, h5py.Group) or node.id in seen:
            continue
        seen.add(node.id)
        for component in members(file, node, here):
            count += 1
            if count > _MAX_OBJECTS:
                raise FileError(f"{file.filename}: more than {_MAX_OBJECTS:,} objects; name the dataset")
            if not isinstance(_link(file, node, component, here), h5py.HardLink):
                continue
            path = f"{here}/{component}" if here else component
            kind = _kind(file, node, component, here)
            if issubclass(kind, h5py.Dataset):
                found.append(path)
            elif issubclass(kind, h5py.Group) and level < depth:
                waiting.append((path, level + 1))
    return found


def members(file: h5py.File, group: h5py.Group, name: str) -> list[str]:
    """Names in a group, a few more than are ever looked at where it has too many."""
    found: list[str] = []
    with guarded(f"{where_in(file, name or '/')}: its members cannot be listed"):
        for component in group:
            found.append(component)
            if len(found) > _MAX_OBJECTS:
                break
    return found


def _kind(file: h5py.File, group: h5py.Group, component: str, name: str) -> type:
    with guarded(f"{where_in(file, name or '/')}: {component!r} cannot be opened"):
        kind: type = group.get(component, getclass=True)
    return kind


def _dataset(file: h5py.File, name: str) -> h5py.Dataset:
    node = find_object(file, name)
    if node is None:
        raise FileError(f"{where_in(file, name)}: no such dataset")
    if not isinstance(node, h5py.Dataset):
        raise FileError(f"{where_in(file, name)}: is a group, a dataset is needed")
    return node


def read_dataset(
    file: h5py.File, name: str, *, max_bytes: int = MAX_BYTES, rows: tuple[int, int] | None = None
) -> NDArray[Any]:
    """Read a numeric dataset after checking where its data lie and what size it claims.

    Parameters
    ----------
    file : h5py.File
        File from `open_hdf5`.
    name : str
        Path of the dataset.
    max_bytes : int
        Cap on the size in memory of the whole dataset, in bytes.
    rows : tuple of int, optional
        Half-open range along the first axis; all of it by default.

    Returns
    -------
    array
        The values in native byte order, in the dataset's shape and dtype.

    Raises
    ------
    FileError
        If the dataset is missing, a group, reached by a link out of the file, stored in other files, not
        numeric, larger than the cap, claimed far beyond what is stored, never (or not wholly) written, or
        unreadable.
    """
    dataset, where = checked_dataset(file, name, max_bytes=max_bytes)
    with guarded(f"{where}: cannot be read (damaged or unknown compression?)"):
        values = np.asarray(dataset[()] if rows is None else dataset[rows[0] : rows[1]])
    return values.astype(values.dtype.newbyteorder("="), copy=False)


def checked_dataset(file: h5py.File, name: str, *, max_bytes: int = MAX_BYTES) -> tuple[h5py.Dataset, str]:
    """Dataset that `read_dataset` would read, unread, and how messages about it begin."""
    dataset = _dataset(file, name)
    where = where_in(file, name)
    with guarded(f"{where}: its type cannot be read"):
        dtype, shape = dataset.dtype, dataset.shape
    if dtype.kind not in "biufc":
        raise FileError(f"{where}: holds {describe(dtype)}; numbers are needed")
    if shape is None:
        raise FileError(f"{where}: is empty (a null dataspace)")
    with guarded(f"{where}: its storage cannot be looked at"):
        _check_size(file, dataset, where, max_bytes)
    return dataset, where


def root_of(file: h5py.File) -> Any:
    """The root group."""
    with guarded(f"{file.filename}: /: cannot be opened"):
        return file["/"]


def describe(dtype: np.dtype[Any]) -> str:
    """Words for a dtype that is not plain numbers."""
    if dtype.names:
        return f"records with fields {', '.join(dtype.names)}"
    if h5py.check_string_dtype(dtype) is not None:
        return "text"
    return f"dtype {dtype}"


def _check_size(file: h5py.File, dataset: h5py.Dataset, where: str, max_bytes: int) -> None:
    """Compare claim, storage and file size; nothing is allocated yet."""
    shape, itemsize = dataset.shape, dataset.dtype.itemsize
    claimed = math.prod(shape) * itemsize
    if not claimed:
        return
    # one chunk is unpacked whole, even where the dataset is smaller than its chunk
    chunk = math.prod(dataset.chunks) * itemsize if dataset.chunks else 0
    stored = int(dataset.id.get_storage_size())
    size = int(file.id.get_filesize())
    check_claim(where, max(claimed, chunk), stored, max_bytes)
    if stored > size:
        raise FileError(f"{where}: claims {stored:,} stored bytes in a file of {size:,}; damaged")
    if not stored:
        raise FileError(f"{where}: its data were never written")
    if dataset.chunks:
        needed = math.prod(-(-length // part) for length, part in zip(shape, dataset.chunks, strict=True))
        written = int(dataset.id.get_num_chunks())
        if written < needed:
            raise FileError(f"{where}: only {written:,} of {needed:,} chunks were written")
