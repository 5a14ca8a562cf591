"""Spectral cubes that are opened, not read: parts come from the file when they are asked for."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from sigden.errors import FileError
from sigden.io.cube import ENVI_SUFFIXES, FITS_SUFFIXES, GEOTIFF_SUFFIXES, cube_suffix
from sigden.io.cube_part import CubePart, RawArray, order_of_axes
from sigden.io.cube_value import Cube, as_float

__all__ = ["open_cube"]


@contextmanager
def open_cube(
    path: str | os.PathLike[str], *, dataset: str | int | None = None, axis: int | None = None
) -> Iterator[Cube]:
    """Open a cube of any size.

    Parameters
    ----------
    path : path
        ENVI, FITS, NPY or HDF5 (also MATLAB 7.3), not compressed as a whole.
    dataset, axis : optional
        As in `read_cube`.

    Yields
    ------
    Cube
        As `read_cube` reads it, but for `values`, `mask` and `variance`: parts of them are read when slices
        are taken, ``cube.values[first:last, :, :]``. They can be read while the block lasts.

    Raises
    ------
    FileError
        As `read_cube`, or if files of the kind cannot be read in parts.
    """
    suffix, path = cube_suffix(path), Path(path)
    if suffix in ENVI_SUFFIXES:
        opened = _envi(path)
    elif suffix in FITS_SUFFIXES and path.suffix.lower() != ".gz":
        unit = int(dataset) if isinstance(dataset, str) and dataset.isdigit() else dataset
        opened = _fits(path, unit, axis)
    elif suffix == ".npy":
        opened = _npy(path, axis)
    elif suffix in (".npz", ".gz", *GEOTIFF_SUFFIXES) or path.suffix.lower() == ".gz":
        raise FileError(f"{path}: cannot be read in parts; unpack or convert it to NPY, HDF5, FITS or ENVI")
    else:
        opened = _hdf5(path, None if dataset is None else str(dataset), axis)
    with opened as cube:
        yield cube


@contextmanager
def _envi(path: Path) -> Iterator[Cube]:
    from sigden.io.cube_envi import describe_envi

    cube, layout = describe_envi(path)
    with open(layout.path, "rb", buffering=0) as file:
        raw = RawArray(file, layout.dtype, tuple(cube.values.shape[i] for i in layout.order), layout.offset)
        stored = CubePart(raw, layout.order, raw.dtype)
        mask = None
        if layout.ignored is not None:
            mask = stored.map(lambda part: part == layout.ignored, bool)
        yield replace(cube, values=_floating(stored, str(layout.path)), mask=mask)


@contextmanager
def _npy(path: Path, axis: int | None) -> Iterator[Cube]:
    from sigden.io.cube_value import find_axis
    from sigden.io.npz import npy_layout

    shape, fortran, dtype, offset = npy_layout(path)
    axis = find_axis(shape, where=str(path), axis=axis, bands=None, usual=2)
    order = order_of_axes(axis)
    with open(path, "rb", buffering=0) as file:
        raw = RawArray(file, dtype, shape[::-1] if fortran else shape, offset)
        stored = CubePart(raw, order[::-1] if fortran else order, dtype)
        yield Cube(values=_floating(stored, str(path)), axis=axis, name=str(path))


@contextmanager
def _hdf5(path: Path, dataset: str | None, axis: int | None) -> Iterator[Cube]:
    from sigden.io.cube_arrays import (
        ERROR,
        MASK,
        VARIANCE,
        describe_arrays,
        first_of,
        is_matlab_hdf5,
        opened_arrays,
    )
    from sigden.io.hdf5 import find_object, open_hdf5

    reverse = is_matlab_hdf5(path)
    if path.suffix.lower() == ".mat" and not reverse:
        raise FileError(f"{path}: MAT before version 7.3 cannot be read in parts; convert it to HDF5")
    shapes, load = opened_arrays(path)
    cube, beside = describe_arrays(path, shapes, load, dataset, axis)
    order = order_of_axes(cube.axis)[:: -1 if reverse else 1]
    key = cube.header["dataset"]
    with open_hdf5(path) as file:

        def stored(name: str) -> CubePart:
            found: Any = find_object(file, name)
            return CubePart(found, order, found.dtype)

        variance = first_of(beside, VARIANCE, key)
        error = None if variance else first_of(beside, ERROR, key)
        mask = first_of(beside, MASK, key)
        noise = None
        if variance:
            noise = _floating(stored(variance), f"{path}: {variance}")
        elif error:
            noise = _floating(stored(error), f"{path}: {error}")
            noise = noise.map(np.square, noise.dtype)
        yield replace(
            cube,
            values=_floating(stored(key), f"{path}: {key}"),
            variance=noise,
            mask=stored(mask).map(lambda part: part != 0, bool) if mask else None,
        )


@contextmanager
def _fits(path: Path, hdu: int | str | None, axis: int | None) -> Iterator[Cube]:
    from sigden.io.cube_fits import describe_fits, quality_mask
    from sigden.io.fits_units import native, open_fits

    with open_fits(path) as units:
        cube, numbers = describe_fits(path, units, hdu, axis)
        order = order_of_axes(cube.axis)

        def stored(number: int) -> CubePart:
            section = units[number].section
            kind = native(section[0:1, 0:1, 0:1]).dtype
            return CubePart(_Section(section, cube.in_file(cube.values.shape)), order, kind, native)

        noise = None
        if numbers.noise is not None:
            noise = stored(numbers.noise)
            if numbers.is_error:
                noise = noise.map(np.square, noise.dtype)
        mask = None
        if numbers.quality is not None:
            mask = stored(numbers.quality).map(lambda part: quality_mask(part, numbers.jwst), bool)
        yield replace(cube, values=stored(numbers.science), variance=noise, mask=mask)


class _Section:
    """Section of a FITS unit that knows its shape."""

    def __init__(self, section: Any, shape: tuple[int, ...]) -> None:
        self._section, self.shape = section, shape

    def __getitem__(self, key: tuple[slice, slice, slice]) -> Any:
        return self._section[key]


def _floating(stored: CubePart, where: str) -> CubePart:
    """Numbers as `as_float` gives them."""
    kind = as_float(np.empty((0, 0, 0), stored.dtype), where).dtype
    return stored.map(lambda part: as_float(part, where), kind)
