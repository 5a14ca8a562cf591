"""Cubes among named arrays: NPY, NPZ, MAT and HDF5. Nothing is unpickled."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from sigden.errors import FileError
from sigden.io.arrays import write_npy, write_npz
from sigden.io.atomic import atomic_path
from sigden.io.cube_value import Cube, as_float, find_axis
from sigden.io.limits import MAX_BYTES, check_claim

__all__ = ["read_array_cube", "write_array_cube"]

_WAVELENGTH = ("wavelength", "wavelengths", "wave", "lambda", "wl")
_UNIT_SUFFIXES = {"a": "Angstrom", "nm": "nm", "um": "um", "m": "m"}
_VARIANCE = ("variance", "var", "stat")
_ERROR = ("sigma", "err", "error", "std", "uncertainty")
_MASK = ("mask", "dq")
_COMPANIONS = (*_VARIANCE, *_ERROR, *_MASK)
_MAT_LIMIT = 2**31 - 1


def read_array_cube(
    path: str | os.PathLike[str],
    *,
    dataset: str | None = None,
    axis: int | None = None,
    max_bytes: int = MAX_BYTES,
) -> Cube:
    """Read a cube from NPY, NPZ, MAT or HDF5.

    Parameters
    ----------
    path : path
        File on disk; MATLAB's version 7.3 is HDF5.
    dataset : str, optional
        Name of the cube; by default the only array with three axes that is no variance and no mask.
    axis : int, optional
        Spectral axis as NumPy counts; by default that with as many samples as there are wavelengths, else
        the last.
    max_bytes : int
        Cap on the size in memory.

    Returns
    -------
    Cube
        With the arrays beside it that are called wavelength, fwhm, variance or sigma, mask, bad_bands or bbl.

    Raises
    ------
    FileError
        If the file cannot be read, no cube or more than one is in it, or the wavelengths fit no axis.
    """
    path = Path(path)
    shapes, load = _opened(path, max_bytes)
    key = _cube_name(shapes, path, dataset)
    folder = key.rpartition("/")[0]
    beside = {name.rpartition("/")[2].lower(): name for name in shapes if name.rpartition("/")[0] == folder}
    where = f"{path}: {key}" if key else str(path)

    def part(names: tuple[str, ...]) -> Any:
        found = next((beside[name] for name in names if name in beside and beside[name] != key), None)
        return None if found is None else load(found)

    wavelength, unit = _wavelength(beside, load)
    axis = find_axis(
        shapes[key],
        where=where,
        axis=axis,
        bands=None if wavelength is None else len(wavelength),
        usual=2,
    )

    def last(values: Any) -> Any:
        return np.ascontiguousarray(np.moveaxis(values, axis, 2))

    values = last(as_float(load(key), where))
    variance, error, mask = part(_VARIANCE), part(_ERROR), part(_MASK)
    if variance is None and error is not None:
        variance = np.square(error, dtype=values.dtype)
    for name, array in (("variance", variance), ("mask", mask)):
        if array is not None and array.shape != shapes[key]:
            raise FileError(f"{where}: its {name} has the shape {array.shape}, the cube {shapes[key]}")
    bad, good = part(("bad_bands",)), part(("bbl", "good_bands"))
    fwhm = part(("fwhm",))
    flags = None
    if bad is not None or good is not None:
        flags = bad.ravel() != 0 if bad is not None else good.ravel() == 0
    for name, array in (("fwhm", fwhm), ("bad-band list", flags)):
        if array is not None and array.size != values.shape[2]:
            raise FileError(f"{where}: its {name} has {array.size} values for {values.shape[2]} bands")
    return Cube(
        values=values,
        mask=None if mask is None else last(mask != 0),
        variance=None if variance is None else last(as_float(variance, f"{where}: variance")),
        wavelength=wavelength,
        wavelength_unit=unit,
        fwhm=None if fwhm is None else fwhm.ravel().astype(float),
        bad_bands=flags,
        axis=axis,
        header={"dataset": key} if key else {},
        name=where,
    )


def write_array_cube(
    path: str | os.PathLike[str], cube: Cube, *, provenance: Mapping[str, Any], overwrite: bool = False
) -> None:
    """Write a cube as NPY, NPZ, MAT or HDF5, by the suffix.

    Parameters
    ----------
    path : path
        Output file.
    cube : Cube
        The cube; all but NPY also hold wavelength, fwhm, bad_bands and variance where there are any.
    provenance : mapping
        Record; an attribute in HDF5, a text in MAT, a JSON file of the same stem beside NPY and NPZ.
    overwrite : bool
        Whether existing files may be replaced.

    Raises
    ------
    FileError
        If a file exists, cannot be written, or is too large for MAT.
    """
    path = Path(path)
    suffix = path.suffix.lower()
    record = json.dumps(dict(provenance), default=str, indent=2)
    arrays = _arrays(cube)
    name = next(iter(arrays))
    if suffix == ".mat":
        _write_mat(path, {key.rpartition("/")[2]: v for key, v in arrays.items()}, record, overwrite)
    elif suffix in (".npy", ".npz"):
        with atomic_path(path.with_suffix(".json"), overwrite) as temporary:
            temporary.write_text(record + "\n", encoding="utf-8")
            if suffix == ".npy":
                write_npy(path, arrays[name], overwrite=overwrite)
            else:
                write_npz(path, arrays, overwrite=overwrite)
    else:
        _write_hdf5(path, arrays, cube, record, overwrite)


def _arrays(cube: Cube) -> dict[str, Any]:
    key = cube.header.get("dataset", "cube") if isinstance(cube.header, Mapping) else "cube"
    folder = f"{key.rpartition('/')[0]}/" if "/" in key else ""
    out = {key: cube.in_file_order(cube.values)}
    if cube.variance is not None:
        out[f"{folder}variance"] = cube.in_file_order(cube.variance)
    if cube.wavelength is not None:
        suffix = next((s for s, unit in _UNIT_SUFFIXES.items() if unit == cube.wavelength_unit), "")
        out[f"{folder}wavelength{'_' if suffix else ''}{suffix}"] = cube.wavelength
    if cube.fwhm is not None:
        out[f"{folder}fwhm"] = cube.fwhm
    if cube.bad_bands is not None:
        out[f"{folder}bad_bands"] = cube.bad_bands.astype(np.uint8)
    return out


def _opened(path: Path, max_bytes: int) -> tuple[dict[str, tuple[int, ...]], Callable[[str], Any]]:
    """Shapes by name, and how to read one."""
    suffix = path.suffix.lower()
    if not path.is_file():
        raise FileError(f"{path}: no such file")
    if suffix == ".npy":
        from sigden.io.npz import read_npy

        array = read_npy(path, max_bytes=max_bytes)
        return {"": array.shape}, lambda name: array
    if suffix == ".npz":
        from sigden.io.npz import read_npz

        arrays = {k: v for k, v in read_npz(path, max_bytes=max_bytes).items() if v.dtype.kind in "biuf"}
        return {name: v.shape for name, v in arrays.items()}, arrays.__getitem__
    with path.open("rb") as stream:
        start = stream.read(128)
    if suffix == ".mat" and b"MATLAB 7.3" not in start:
        return _opened_mat(path, max_bytes)
    return _opened_hdf5(path, max_bytes, reverse=b"MATLAB 7.3" in start)


def _opened_mat(path: Path, max_bytes: int) -> tuple[dict[str, tuple[int, ...]], Callable[[str], Any]]:
    from scipy.io import loadmat, whosmat
    from scipy.io.matlab import MatReadError

    damage = (MatReadError, OSError, ValueError, TypeError, NotImplementedError, KeyError, MemoryError)
    numeric = {"double", "single", "logical"} | {f"{u}int{n}" for u in ("", "u") for n in (8, 16, 32, 64)}
    try:
        found = {name: tuple(shape) for name, shape, kind in whosmat(path) if kind in numeric}
    except damage as error:
        raise FileError(f"{path}: cannot be read as MAT (damaged?): {error}") from error

    def load(name: str) -> Any:
        check_claim(f"{path}: {name}", 8 * math.prod(found[name]), path.stat().st_size, max_bytes)
        try:
            array = loadmat(path, variable_names=[name])[name]
        except damage as error:
            raise FileError(f"{path}: {name}: cannot be read (damaged?): {error}") from error
        return array.astype(array.dtype.newbyteorder("="), copy=False)

    return found, load


def _opened_hdf5(
    path: Path, max_bytes: int, *, reverse: bool
) -> tuple[dict[str, tuple[int, ...]], Callable[[str], Any]]:
    """Arrays of HDF5; MATLAB writes its axes in reverse."""
    from sigden.io.hdf5 import find_object, list_datasets, open_hdf5, read_dataset

    shapes = {}
    with open_hdf5(path) as file:
        for name in list_datasets(file):
            dataset: Any = find_object(file, name)
            if dataset.dtype.kind in "biuf" and dataset.shape is not None:
                shapes[name] = tuple(dataset.shape[::-1] if reverse else dataset.shape)

    def load(name: str) -> Any:
        with open_hdf5(path) as file:
            values = read_dataset(file, name, max_bytes=max_bytes)
        return values.T if reverse else values

    return shapes, load


def _cube_name(shapes: Mapping[str, tuple[int, ...]], path: Path, dataset: str | None) -> str:
    if dataset is not None:
        wanted = dataset.strip("/")
        if wanted not in shapes:
            raise FileError(f"{path}: no array {dataset!r}; it holds {', '.join(shapes) or 'none'}")
        return wanted
    cubes = [name for name, shape in shapes.items() if len(shape) == 3]
    main = [name for name in cubes if name.rpartition("/")[2].lower() not in _COMPANIONS]
    if len(main) == 1:
        return main[0]
    held = ", ".join(f"{name or 'array'} {shape}" for name, shape in shapes.items()) or "no numbers"
    if not main:
        raise FileError(f"{path}: no array has three axes; it holds {held}")
    raise FileError(f"{path}: more than one array may be the cube; name it (dataset=, --dataset): {held}")


def _wavelength(beside: Mapping[str, str], load: Callable[[str], Any]) -> tuple[Any, str]:
    for lower, name in beside.items():
        stem, _, suffix = lower.partition("_")
        if stem in _WAVELENGTH and (not suffix or suffix in _UNIT_SUFFIXES):
            return load(name).ravel().astype(float), _UNIT_SUFFIXES.get(suffix, "")
    return None, ""


def _write_mat(path: Path, arrays: Mapping[str, Any], record: str, overwrite: bool) -> None:
    from scipy.io import savemat

    for name, array in arrays.items():
        if array.nbytes > _MAT_LIMIT:
            raise FileError(f"{path}: {name} has {array.nbytes:,} bytes, MAT holds 2 GiB; write HDF5 (.h5)")
    with atomic_path(path, overwrite) as temporary:
        savemat(temporary, {**arrays, "provenance": record}, do_compression=False, oned_as="row")


def _write_hdf5(path: Path, arrays: Mapping[str, Any], cube: Cube, record: str, overwrite: bool) -> None:
    import h5py

    with atomic_path(path, overwrite) as temporary:
        try:
            with h5py.File(temporary, "w") as file:
                file.attrs["provenance"] = record
                for name, array in arrays.items():
                    file.create_dataset(name, data=array)
                if cube.unit:
                    file[next(iter(arrays))].attrs["unit"] = cube.unit
        except (OSError, RuntimeError, ValueError) as error:
            raise FileError(f"{path}: cannot be written: {error}") from error
