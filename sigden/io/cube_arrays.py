"""Cubes among named arrays: NPY, NPZ, MAT and HDF5. Nothing is unpickled."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from sigden.errors import FileError
from sigden.io.arrays import write_npy, write_npz
from sigden.io.atomic import atomic_path
from sigden.io.cube_value import Cube, as_float, find_axis, placeholder
from sigden.io.limits import MAX_BYTES, check_claim
from sigden.io.regular import require_regular

__all__ = [
    "ERROR",
    "MASK",
    "VARIANCE",
    "describe_arrays",
    "first_of",
    "is_matlab_hdf5",
    "named_arrays",
    "opened_arrays",
    "read_array_cube",
    "write_array_cube",
]

_WAVELENGTH = ("wavelength", "wavelengths", "wave", "lambda", "wl")
_UNIT_SUFFIXES = {"a": "Angstrom", "nm": "nm", "um": "um", "m": "m"}
VARIANCE = ("variance", "var", "stat")
ERROR = ("sigma", "err", "error", "std", "uncertainty")
MASK = ("mask", "dq")
_COMPANIONS = (*VARIANCE, *ERROR, *MASK)
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
    shapes, load = opened_arrays(path, max_bytes)
    cube, beside = describe_arrays(path, shapes, load, dataset, axis)
    key, where = cube.header.get("dataset", ""), cube.name

    def last(values: Any) -> Any:
        return np.ascontiguousarray(np.moveaxis(values, cube.axis, 2))

    values = last(as_float(load(key), where))
    noise, error, flags = (first_of(beside, names, key) for names in (VARIANCE, ERROR, MASK))
    variance = None
    if noise is not None:
        variance = as_float(load(noise), f"{where}: variance")
    elif error is not None:
        variance = np.square(load(error), dtype=values.dtype)
    return replace(
        cube,
        values=values,
        mask=None if flags is None else last(load(flags) != 0),
        variance=None if variance is None else last(variance),
    )


def first_of(beside: Mapping[str, str], names: tuple[str, ...], key: str) -> str | None:
    """The first of some arrays that lies beside the cube of a name."""
    return next((beside[name] for name in names if name in beside and beside[name] != key), None)


def describe_arrays(
    path: Path,
    shapes: Mapping[str, tuple[int, ...]],
    load: Callable[[str], Any],
    dataset: str | None,
    axis: int | None,
) -> tuple[Cube, dict[str, str]]:
    """The cube among named arrays, with a placeholder for its values, and the arrays beside it."""
    key = _cube_name(shapes, path, dataset)
    folder = key.rpartition("/")[0]
    beside = {name.rpartition("/")[2].lower(): name for name in shapes if name.rpartition("/")[0] == folder}
    where = f"{path}: {key}" if key else str(path)

    wavelength, unit = _wavelength(beside, load)
    axis = find_axis(
        shapes[key],
        where=where,
        axis=axis,
        bands=None if wavelength is None else len(wavelength),
        usual=2,
    )

    shape = (*(n for i, n in enumerate(shapes[key]) if i != axis), shapes[key][axis])
    for name, names in (("variance", (*VARIANCE, *ERROR)), ("mask", MASK)):
        other = first_of(beside, names, key)
        if other is not None and shapes[other] != shapes[key]:
            raise FileError(f"{where}: its {name} has the shape {shapes[other]}, the cube {shapes[key]}")
    bad, good, fwhm = (
        None if name is None else load(name)
        for name in (
            first_of(beside, names, key) for names in (("bad_bands",), ("bbl", "good_bands"), ("fwhm",))
        )
    )
    flags = None
    if bad is not None:
        flags = bad.ravel() != 0
    elif good is not None:
        flags = good.ravel() == 0
    for name, array in (("fwhm", fwhm), ("bad-band list", flags)):
        if array is not None and array.size != shape[2]:
            raise FileError(f"{where}: its {name} has {array.size} values for {shape[2]} bands")
    cube = Cube(
        values=placeholder(shape),
        wavelength=wavelength,
        wavelength_unit=unit,
        fwhm=None if fwhm is None else fwhm.ravel().astype(float),
        bad_bands=flags,
        axis=axis,
        header={"dataset": key} if key else {},
        name=where,
    )
    return cube, beside


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
    arrays = named_arrays(cube)
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


def named_arrays(cube: Cube, *, views: bool = False) -> dict[str, Any]:
    """Arrays of a file by their names, the cube first; contiguous, unless views are enough."""

    def ordered(values: Any) -> Any:
        return np.moveaxis(values, 2, cube.axis) if views else cube.in_file_order(values)

    key = cube.header.get("dataset", "cube") if isinstance(cube.header, Mapping) else "cube"
    folder = f"{key.rpartition('/')[0]}/" if "/" in key else ""
    out = {key: ordered(cube.values)}
    if cube.variance is not None:
        out[f"{folder}variance"] = ordered(cube.variance)
    if cube.wavelength is not None:
        suffix = next((s for s, unit in _UNIT_SUFFIXES.items() if unit == cube.wavelength_unit), "")
        out[f"{folder}wavelength{'_' if suffix else ''}{suffix}"] = cube.wavelength
    if cube.fwhm is not None:
        out[f"{folder}fwhm"] = cube.fwhm
    if cube.bad_bands is not None:
        out[f"{folder}bad_bands"] = cube.bad_bands.astype(np.uint8)
    return out


def opened_arrays(
    path: Path, max_bytes: int = MAX_BYTES
) -> tuple[dict[str, tuple[int, ...]], Callable[[str], Any]]:
    """Shapes by name, and how to read one."""
    suffix = path.suffix.lower()
    require_regular(path)
    if suffix == ".npy":
        from sigden.io.npz import read_npy

        array = read_npy(path, max_bytes=max_bytes)
        return {"": array.shape}, lambda name: array
    if suffix == ".npz":
        from sigden.io.npz import read_npz

        arrays = {k: v for k, v in read_npz(path, max_bytes=max_bytes).items() if v.dtype.kind in "biuf"}
        return {name: v.shape for name, v in arrays.items()}, arrays.__getitem__
    matlab = is_matlab_hdf5(path)
    if suffix == ".mat" and not matlab:
        return _opened_mat(path, max_bytes)
    return _opened_hdf5(path, max_bytes, reverse=matlab)


def is_matlab_hdf5(path: Path) -> bool:
    """Whether a file is HDF5 of MATLAB, which writes its axes in reverse."""
    require_regular(path)
    with path.open("rb") as stream:
        return b"MATLAB 7.3" in stream.read(128)


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
