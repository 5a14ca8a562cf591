"""Spectral cubes that are written part by part, and are there whole or not at all."""

from __future__ import annotations

import io
import json
import math
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import IO, Any

import numpy as np

from sigden.errors import FileError
from sigden.io.atomic import atomic_path
from sigden.io.cube import ENVI_SUFFIXES, FITS_SUFFIXES, GEOTIFF_SUFFIXES, cube_suffix, history_lines
from sigden.io.cube_part import CubePart, RawArray, order_of_axes
from sigden.io.cube_value import Cube, placeholder

__all__ = ["create_cube", "holds_variance", "require_parts"]

_BLOCK = 2880


def require_parts(path: str | os.PathLike[str]) -> None:
    """Refuse an output of a kind that cannot be written in parts.

    Raises
    ------
    FileError
        Naming kinds that can.
    """
    if cube_suffix(path) in (".npz", ".mat", *GEOTIFF_SUFFIXES) or Path(path).suffix.lower() == ".gz":
        raise FileError(f"{path}: cannot be written in parts; choose .npy, .h5, .fits or .hdr")


def holds_variance(path: str | os.PathLike[str]) -> bool:
    """Whether files of the kind hold the variance beside the cube."""
    suffix = cube_suffix(path)
    return suffix not in ENVI_SUFFIXES and suffix != ".npy"


@contextmanager
def create_cube(
    path: str | os.PathLike[str],
    cube: Cube,
    *,
    variance: bool,
    provenance: Mapping[str, Any],
    overwrite: bool = False,
) -> Iterator[tuple[CubePart, CubePart | None]]:
    """Make a file for a cube that is written by slices.

    Parameters
    ----------
    path : path
        Output file: ENVI, FITS, NPY or HDF5.
    cube : Cube
        What the file is to tell, and the shape and dtype of the values, which are not looked at.
    variance : bool
        Whether a variance is to be written.
    provenance : mapping
        As in `write_cube`.
    overwrite : bool
        Whether existing files may be replaced.

    Yields
    ------
    values : CubePart
        Takes the values, ``values[first:last, :, :] = part``.
    variance : CubePart or None
        Takes the variance.

    Raises
    ------
    FileError
        If a file exists, cannot be written, or is of a kind that cannot be written in parts.

    Notes
    -----
    The files get their names when the block ends well; when it raises, nothing is left.
    """
    require_parts(path)
    suffix, path = cube_suffix(path), Path(path)
    if suffix in ENVI_SUFFIXES:
        made = _envi(path, cube, provenance, overwrite)
    elif suffix in FITS_SUFFIXES:
        made = _fits(path, cube, variance, provenance, overwrite)
    elif suffix == ".npy":
        made = _npy(path, cube, provenance, overwrite)
    else:
        made = _hdf5(path, cube, variance, provenance, overwrite)
    with made as parts:
        yield parts


_Parts = Iterator[tuple[CubePart, CubePart | None]]


@contextmanager
def _envi(path: Path, cube: Cube, provenance: Mapping[str, Any], overwrite: bool) -> _Parts:
    from sigden.io.cube_envi import new_envi

    lines = history_lines(provenance)
    with (
        new_envi(path, cube, cube.values.dtype, history=lines, overwrite=overwrite) as (data, dtype, order),
        open(data, "r+b") as file,
    ):
        yield _raw(file, cube, dtype, order), None


@contextmanager
def _npy(path: Path, cube: Cube, provenance: Mapping[str, Any], overwrite: bool) -> _Parts:
    order = order_of_axes(cube.axis)
    dtype = np.dtype(cube.values.dtype).newbyteorder("<")
    shape = tuple(cube.values.shape[i] for i in order)
    with (
        atomic_path(path.with_suffix(".json"), overwrite) as text,
        atomic_path(path, overwrite) as data,
        open(data, "r+b") as file,
    ):
        text.write_text(json.dumps(dict(provenance), default=str, indent=2) + "\n", encoding="utf-8")
        np.lib.format.write_array_header_1_0(
            file, {"descr": dtype.str, "fortran_order": False, "shape": shape}
        )
        yield _raw(file, cube, dtype, order), None


@contextmanager
def _hdf5(path: Path, cube: Cube, variance: bool, provenance: Mapping[str, Any], overwrite: bool) -> _Parts:
    import h5py

    from sigden.io.cube_arrays import named_arrays

    order = order_of_axes(cube.axis)
    room = placeholder(cube.values.shape, cube.values.dtype)
    # views: a contiguous placeholder would take the memory of the cube
    names = named_arrays(replace(cube, values=room, variance=room if variance else None), views=True)
    large = [name for name, array in names.items() if array.ndim == 3]
    with atomic_path(path, overwrite) as temporary:
        with _writing(path):
            file = h5py.File(temporary, "w")
        try:
            with _writing(path):
                file.attrs["provenance"] = json.dumps(dict(provenance), default=str, indent=2)
                for name, array in names.items():
                    if name in large:
                        file.create_dataset(name, shape=array.shape, dtype=array.dtype)
                    else:
                        file.create_dataset(name, data=array)
                if cube.unit:
                    file[large[0]].attrs["unit"] = cube.unit
            # what goes wrong in the caller's block is not a failure to write
            parts = [CubePart(_Dataset(file[name], path), order, cube.values.dtype) for name in large]
            yield parts[0], parts[1] if variance else None
        finally:
            with _writing(path):
                file.close()


@contextmanager
def _writing(path: Path) -> Iterator[None]:
    try:
        yield
    except (OSError, RuntimeError, ValueError) as error:
        raise FileError(f"{path}: cannot be written: {error}") from error


class _Dataset:
    """Dataset of an HDF5 file that is written."""

    def __init__(self, dataset: Any, path: Path) -> None:
        self._dataset, self._path = dataset, path
        self.shape = dataset.shape

    def __getitem__(self, key: tuple[slice, slice, slice]) -> Any:
        return self._dataset[key]

    def __setitem__(self, key: tuple[slice, slice, slice], values: Any) -> None:
        with _writing(self._path):
            self._dataset[key] = values


@contextmanager
def _fits(path: Path, cube: Cube, variance: bool, provenance: Mapping[str, Any], overwrite: bool) -> _Parts:
    from astropy.io import fits

    from sigden.io.cube_fits import FitsLayout, new_layout
    from sigden.io.fits import history_cards

    if not isinstance(cube.header, FitsLayout):
        # FITS cubes are (wavelength, y, x), whatever the file was that this one came from
        cube = replace(cube, axis=0, header=new_layout(replace(cube, axis=0)))
    layout, order = cube.header, order_of_axes(cube.axis)
    dtype = np.dtype(cube.values.dtype).newbyteorder(">")
    values = noise = None
    with atomic_path(path, overwrite) as temporary, open(temporary, "r+b") as file:
        units = list(layout.units)
        if variance and layout.noise is None:
            units.append(fits.ImageHDU(name="STAT"))
        wanted = layout.noise if layout.noise is not None else len(layout.units)
        for number, unit in enumerate(units):
            if number == layout.science:
                header = unit.header.copy()
                history_cards(header, history_lines(provenance))
                values = _fits_unit(file, header, cube, dtype, order)
            elif number == wanted:
                if variance:
                    noise = _fits_unit(file, unit.header.copy(), cube, dtype, order)
            else:
                file.write(_unit_bytes(unit))
        if values is None:
            raise FileError(f"{path}: its layout has no unit for the cube")
        if noise is not None and layout.is_error:
            noise = _Root(noise)  # type: ignore[assignment]
        yield values, noise


class _Root:
    """Takes a variance where the file holds the standard deviation."""

    def __init__(self, part: CubePart) -> None:
        self._part = part
        self.shape, self.dtype = part.shape, part.dtype

    def __setitem__(self, key: tuple[slice, slice, slice], values: Any) -> None:
        self._part[key] = np.sqrt(values)


def _fits_unit(file: IO[bytes], header: Any, cube: Cube, dtype: Any, order: tuple[int, int, int]) -> CubePart:
    """Write the header of a unit and leave room for its data."""
    shape = tuple(cube.values.shape[i] for i in order)
    header["BITPIX"] = -8 * dtype.itemsize
    header["NAXIS"] = 3
    for i, length in enumerate(shape[::-1], 1):
        header.set(f"NAXIS{i}", length, after="NAXIS" if i == 1 else f"NAXIS{i - 1}")
    file.write(header.tostring(sep="", endcard=True, padding=True).encode("ascii"))
    part = _raw(file, cube, dtype, order)
    end = file.seek(0, io.SEEK_END)
    file.truncate(-(-end // _BLOCK) * _BLOCK)
    file.seek(0, io.SEEK_END)
    return part


def _unit_bytes(unit: Any) -> bytes:
    """A unit as it stands in a file."""
    from astropy.io import fits

    buffer = io.BytesIO()
    if isinstance(unit, fits.PrimaryHDU):
        fits.HDUList([unit.copy()]).writeto(buffer, output_verify="silentfix")
        return buffer.getvalue()
    first = fits.PrimaryHDU()
    fits.HDUList([first]).writeto(buffer)
    start = len(buffer.getvalue())
    buffer = io.BytesIO()
    fits.HDUList([first, unit.copy()]).writeto(buffer, output_verify="silentfix")
    return buffer.getvalue()[start:]


def _raw(file: IO[bytes], cube: Cube, dtype: Any, order: tuple[int, int, int]) -> CubePart:
    """Room for a cube from where the file stands on."""
    file.flush()
    start = file.tell()
    shape = tuple(cube.values.shape[i] for i in order)
    file.truncate(start + math.prod(shape) * dtype.itemsize)
    return CubePart(RawArray(file, dtype, shape, start), order, dtype.newbyteorder("="))
