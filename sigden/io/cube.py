"""Spectral cubes in and out: the kind of file is told by its suffix."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from sigden.errors import FileError
from sigden.io.cube_value import Cube
from sigden.io.limits import MAX_BYTES

__all__ = [
    "ENVI_SUFFIXES",
    "FITS_SUFFIXES",
    "GEOTIFF_SUFFIXES",
    "Cube",
    "cube_files",
    "cube_suffix",
    "history_lines",
    "read_cube",
    "write_cube",
]

FITS_SUFFIXES = (".fits", ".fit", ".fts")
_ARRAYS = (".npy", ".npz", ".mat", ".h5", ".hdf5", ".hdf")
GEOTIFF_SUFFIXES = (".tif", ".tiff")
ENVI_SUFFIXES = (".hdr", ".img", ".dat", ".raw", ".bin", ".bil", ".bip", ".bsq")


def read_cube(
    path: str | os.PathLike[str],
    *,
    dataset: str | int | None = None,
    axis: int | None = None,
    max_bytes: int = MAX_BYTES,
) -> Cube:
    """Read a cube.

    Parameters
    ----------
    path : path
        ENVI (header or data file), GeoTIFF, FITS (also ``.fits.gz``), NPY, NPZ, MAT or HDF5.
    dataset : str or int, optional
        Which array of NPZ, MAT and HDF5, or unit of FITS (name or number), where there are several.
    axis : int, optional
        Spectral axis in the file as NumPy counts: 0 for (wavelength, y, x). By default FITS tells by CTYPE,
        else it is 0; in other files it is the axis with as many samples as there are wavelengths, else the
        last. ENVI and GeoTIFF always tell.
    max_bytes : int
        Cap on the size of an array in memory.

    Returns
    -------
    Cube
        Values (rows, columns, bands) with what the file says about them. Integers become float32, from 32
        bits on float64.

    Raises
    ------
    FileError
        If the file is missing, of no known kind, damaged, cut short, or its axes do not fit.
    MissingExtraError
        If ENVI is to be read without the extra ``cube``, or GeoTIFF without ``geotiff``.
    """
    suffix = cube_suffix(path)
    if suffix in ENVI_SUFFIXES:
        from sigden.io.cube_envi import read_envi

        if dataset is not None or axis is not None:
            raise FileError(
                f"{path}: an ENVI file holds one cube and tells its axes; leave dataset and axis out"
            )
        return read_envi(path, max_bytes=max_bytes)
    if suffix in GEOTIFF_SUFFIXES:
        from sigden.io.cube_geotiff import read_geotiff

        if dataset is not None or axis is not None:
            raise FileError(
                f"{path}: a GeoTIFF holds one cube and tells its axes; leave dataset and axis out"
            )
        return read_geotiff(path, max_bytes=max_bytes)
    if suffix in FITS_SUFFIXES:
        from sigden.io.cube_fits import read_fits_cube

        unit = int(dataset) if isinstance(dataset, str) and dataset.isdigit() else dataset
        return read_fits_cube(path, hdu=unit, axis=axis, max_bytes=max_bytes)
    from sigden.io.cube_arrays import read_array_cube

    name = None if dataset is None else str(dataset)
    return read_array_cube(path, dataset=name, axis=axis, max_bytes=max_bytes)


def write_cube(
    path: str | os.PathLike[str],
    cube: Cube,
    *,
    provenance: Mapping[str, Any] | None = None,
    overwrite: bool = False,
) -> None:
    """Write a cube in the format that the suffix names.

    Parameters
    ----------
    path : path
        Output file; ``cube_files`` tells what is written with it.
    cube : Cube
        The cube; what its file held beside is kept where the kind of file is the same. Values are floating.
    provenance : mapping, optional
        How it was made: HISTORY in FITS, ``history`` in ENVI, a tag in GeoTIFF, an attribute in HDF5, a text
        in MAT, a JSON file beside NPY and NPZ.
    overwrite : bool
        Whether existing files may be replaced.

    Raises
    ------
    FileError
        If a file exists or cannot be written.
    MissingExtraError
        If ENVI is to be written without the extra ``cube``, or GeoTIFF without ``geotiff``.
    """
    suffix, record = cube_suffix(path), provenance or {}
    if suffix in ENVI_SUFFIXES:
        from sigden.io.cube_envi import write_envi

        write_envi(path, cube, history=history_lines(record), overwrite=overwrite)
    elif suffix in GEOTIFF_SUFFIXES:
        from sigden.io.cube_geotiff import write_geotiff

        write_geotiff(path, cube, provenance=record, overwrite=overwrite)
    elif suffix in FITS_SUFFIXES:
        from sigden.io.cube_fits import write_fits_cube

        write_fits_cube(path, cube, history=history_lines(record), overwrite=overwrite)
    else:
        from sigden.io.cube_arrays import write_array_cube

        write_array_cube(path, cube, provenance=record, overwrite=overwrite)


def cube_suffix(path: str | os.PathLike[str]) -> str:
    """Suffix of a cube's file in lower case, ``.gz`` left aside for FITS.

    Raises
    ------
    FileError
        If it names no kind of cube.
    """
    path = Path(path)
    suffix = path.suffix.lower()
    if suffix == ".gz":
        suffix = Path(path.stem).suffix.lower()
        suffix = suffix if suffix in FITS_SUFFIXES else ".gz"
    if suffix not in (*FITS_SUFFIXES, *_ARRAYS, *ENVI_SUFFIXES, *GEOTIFF_SUFFIXES):
        known = ", ".join((*ENVI_SUFFIXES, *GEOTIFF_SUFFIXES, *FITS_SUFFIXES, *_ARRAYS))
        raise FileError(f"{path}: {suffix or 'no suffix'} names no kind of cube; known: {known}")
    return suffix


def cube_files(path: str | os.PathLike[str]) -> list[Path]:
    """Files that `write_cube` writes for a path, which comes first."""
    path = Path(path)
    suffix = cube_suffix(path)
    if suffix == ".hdr":
        return [path, path.with_suffix(".img")]
    if suffix in ENVI_SUFFIXES:
        return [path, path.with_suffix(".hdr")]
    return [path, path.with_suffix(".json")] if suffix in (".npy", ".npz") else [path]


def history_lines(record: Mapping[str, Any], prefix: str = "") -> Iterator[str]:
    """Provenance as lines of text."""
    for key, value in record.items():
        if isinstance(value, Mapping):
            yield from history_lines(value, f"{prefix}{key}.")
        else:
            yield f"sigden {prefix}{key} = {value}"
