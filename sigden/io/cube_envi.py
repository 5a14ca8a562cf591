"""ENVI cubes: a text header and a plain binary file, through the package spectral."""

from __future__ import annotations

import math
import os
import warnings
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from sigden.errors import FileError, MissingExtraError
from sigden.io.atomic import atomic_path
from sigden.io.cube_value import Cube, as_float, placeholder
from sigden.io.limits import MAX_BYTES, check_claim
from sigden.io.regular import require_regular

__all__ = ["EnviLayout", "describe_envi", "envi_pair", "new_envi", "read_envi", "write_envi"]

_DATA_SUFFIXES = ("", ".img", ".dat", ".raw", ".bin", ".hyspex", ".bil", ".bip", ".bsq")
# axes of the file as (rows, columns, bands) counts them
_ORDER = {"bip": (0, 1, 2), "bil": (0, 2, 1), "bsq": (2, 0, 1)}


def read_envi(path: str | os.PathLike[str], *, max_bytes: int = MAX_BYTES) -> Cube:
    """Read an ENVI cube.

    Parameters
    ----------
    path : path
        Header (``.hdr``) or binary file; the other is looked for beside it.
    max_bytes : int
        Cap on the size in memory.

    Returns
    -------
    Cube
        Stored values, not divided by the reflectance scale factor; samples of the data ignore value are
        masked, bands with a zero in the bad-band list are bad.

    Raises
    ------
    FileError
        If a file is missing, the header cannot be used, the data are cut short, or a list of the header does
        not have one value for each band.
    MissingExtraError
        If the package spectral is not installed.
    """
    cube, layout = describe_envi(path)
    count, size = math.prod(cube.values.shape), layout.path.stat().st_size
    check_claim(str(layout.path), count * max(layout.dtype.itemsize, 4), size * 4, max_bytes)
    stored = np.fromfile(layout.path, layout.dtype, count, offset=layout.offset)
    stored = stored.reshape([cube.values.shape[i] for i in layout.order])
    stored = stored.transpose(np.argsort(layout.order))
    mask = None
    if layout.ignored is not None:
        mask = np.ascontiguousarray(stored == layout.ignored)
    return replace(
        cube,
        values=np.ascontiguousarray(as_float(stored, str(layout.path))),
        mask=mask if mask is not None and mask.any() else None,
    )


@dataclass(frozen=True)
class EnviLayout:
    """Where the numbers of an ENVI cube are.

    Parameters
    ----------
    path : pathlib.Path
        Binary file.
    dtype : numpy.dtype
        Of its numbers.
    order : tuple of int
        Which axis of (rows, columns, bands) each axis of the file is.
    offset : int
        Place of the first number.
    ignored : number of `dtype`, or None
        Value of samples that are to be ignored.
    """

    path: Path
    dtype: Any
    order: tuple[int, int, int]
    offset: int
    ignored: Any


def describe_envi(path: str | os.PathLike[str]) -> tuple[Cube, EnviLayout]:
    """What an ENVI header says: a cube whose values are a placeholder, and where they are."""
    header_path, data_path = envi_pair(path)
    header, parameters = _header(header_path)
    interleave = str(header["interleave"]).lower()
    if interleave not in _ORDER:
        raise FileError(f"{header_path}: interleave {interleave!r}; known: bil, bip, bsq")
    shape = (parameters.nrows, parameters.ncols, parameters.nbands)
    if min(shape) < 1 or parameters.offset < 0:
        raise FileError(f"{header_path}: lines, samples and bands are {shape}; they must be positive")
    dtype = np.dtype(parameters.dtype)
    size = data_path.stat().st_size
    count = shape[0] * shape[1] * shape[2]
    # ENVI is not compressed: what is not on the disk is not there
    if parameters.offset + count * dtype.itemsize > size:
        raise FileError(
            f"{data_path}: is cut short, {size:,} bytes of {parameters.offset + count * dtype.itemsize:,} "
            f"that {header_path.name} claims"
        )
    as_float(np.empty(0, dtype), str(data_path))
    flags = _numbers(header, "bbl", shape[2], header_path)
    cube = Cube(
        values=placeholder(shape),
        wavelength=_numbers(header, "wavelength", shape[2], header_path),
        wavelength_unit=str(header.get("wavelength units", "")),
        fwhm=_numbers(header, "fwhm", shape[2], header_path),
        bad_bands=None if flags is None else flags == 0,
        unit=str(header.get("data units", "")),
        header=header,
        name=str(header_path),
    )
    ignored = _ignored(header, dtype, header_path)
    return cube, EnviLayout(data_path, dtype, _ORDER[interleave], parameters.offset, ignored)


def write_envi(
    path: str | os.PathLike[str], cube: Cube, *, history: Iterable[str] = (), overwrite: bool = False
) -> None:
    """Write an ENVI cube.

    Parameters
    ----------
    path : path
        Header (``.hdr``) or binary file; the other gets the same stem.
    cube : Cube
        Values; an ENVI header that it came with is kept but for size, type and place of the data.
    history : iterable of str
        Lines of provenance, for the header's field ``history``.
    overwrite : bool
        Whether existing files may be replaced.

    Raises
    ------
    FileError
        If a file exists or cannot be written.
    MissingExtraError
        If the package spectral is not installed.
    """
    with new_envi(path, cube, cube.values.dtype, history=history, overwrite=overwrite) as (
        data,
        dtype,
        order,
    ):
        cube.values.transpose(order).astype(dtype).tofile(data)


@contextmanager
def new_envi(
    path: str | os.PathLike[str],
    cube: Cube,
    kind: Any,
    *,
    history: Iterable[str] = (),
    overwrite: bool = False,
) -> Iterator[tuple[Path, Any, tuple[int, int, int]]]:
    """ENVI header and an empty binary file, which get their names when the block ends well.

    Parameters
    ----------
    path : path
        Header or binary file.
    cube : Cube
        What the header is to tell; its values are not looked at.
    kind : dtype
        Of the values.
    history : iterable of str
        Lines of provenance.
    overwrite : bool
        Whether existing files may be replaced.

    Yields
    ------
    path : pathlib.Path
        Where the numbers are to go.
    dtype : numpy.dtype
        How they are to be written.
    order : tuple of int
        Which axis of (rows, columns, bands) each axis of the file is.
    """
    envi = _spectral()
    header_path, data_path = _new_pair(Path(path))
    old = dict(cube.header) if isinstance(cube.header, dict) and "interleave" in cube.header else {}
    interleave = str(old.get("interleave", "bsq")).lower()
    rows, columns, bands = cube.values.shape
    dtype = np.dtype(np.float32 if np.dtype(kind).itemsize <= 4 else np.float64).newbyteorder("<")
    lists = {"wavelength": cube.wavelength, "fwhm": cube.fwhm}
    lists["bbl"] = None if cube.bad_bands is None else (~cube.bad_bands).astype(int)
    fresh = {key: [f"{v:.10g}" for v in part] for key, part in lists.items() if part is not None}
    if cube.wavelength_unit:
        fresh["wavelength units"] = [cube.wavelength_unit]
    header: dict[str, Any] = {key: v[0] if key == "wavelength units" else v for key, v in fresh.items()}
    header |= old
    header |= {"lines": rows, "samples": columns, "bands": bands, "header offset": 0, "byte order": 0}
    header |= {"data type": 4 if dtype.itemsize == 4 else 5, "interleave": interleave}
    lines = [line.translate({ord("{"): "(", ord("}"): ")", ord(","): ";", ord("="): ":"}) for line in history]
    if lines:
        before = header.get("history", [])
        header["history"] = [*([before] if isinstance(before, str) else before), *lines]
    with (
        atomic_path(data_path, overwrite) as data,
        atomic_path(header_path, overwrite) as text,
    ):
        yield data, dtype, _ORDER[interleave]
        envi.write_envi_header(str(text), header)


def envi_pair(path: str | os.PathLike[str]) -> tuple[Path, Path]:
    """Header and binary file of an ENVI cube, either of which may be given.

    Raises
    ------
    FileError
        If one of them is not there.
    """
    path = Path(path)
    require_regular(path)
    if path.suffix.lower() != ".hdr":
        for header in (
            path.with_suffix(".hdr"),
            path.with_suffix(".HDR"),
            path.with_name(f"{path.name}.hdr"),
        ):
            if header.is_file():
                return header, path
        raise FileError(f"{path}: its ENVI header {path.with_suffix('.hdr').name} is not beside it")
    for suffix in _DATA_SUFFIXES:
        for spelling in {suffix, suffix.upper()}:
            data = path.with_name(path.stem + spelling)
            if data.is_file():
                return path, data
    raise FileError(f"{path}: its data file ({path.stem}.img or the like) is not beside it")


def _new_pair(path: Path) -> tuple[Path, Path]:
    if path.suffix.lower() == ".hdr":
        return path, path.with_suffix(".img")
    return path.with_suffix(".hdr"), path


def _spectral() -> Any:
    try:
        from spectral.io import envi
    except ImportError as error:
        raise MissingExtraError(
            "ENVI needs the package spectral: python -m pip install 'sigden[cube]'"
        ) from error
    return envi


def _header(path: Path) -> tuple[dict[str, Any], Any]:
    """Header as text, and its sizes."""
    envi = _spectral()
    try:
        with warnings.catch_warnings():
            # names of fields are not case-sensitive
            warnings.simplefilter("ignore")
            header = envi.read_envi_header(str(path))
        envi.check_compatibility(header)
        if "library" in str(header.get("file type", "")).lower():
            raise FileError(f"{path}: is a spectral library, not a cube")
        if str(header.get("file compression", "0")).strip() not in ("0", ""):
            raise FileError(f"{path}: its data are compressed; write them uncompressed")
        return header, envi.gen_params(header)
    except FileError:
        raise
    except KeyError as error:
        raise FileError(f"{path}: data type {error} is no ENVI type") from error
    except (envi.SpyException, OSError, ValueError, TypeError, UnicodeDecodeError) as error:
        reason = " ".join(str(error).split()) or type(error).__name__
        raise FileError(f"{path}: cannot be read as an ENVI header: {reason}") from error


def _numbers(header: dict[str, Any], key: str, bands: int, path: Path) -> Any:
    """One number for each band, or None where the header has none."""
    given = header.get(key)
    if given is None:
        return None
    try:
        numbers = np.array([float(v) for v in ([given] if isinstance(given, str) else given)])
    except ValueError as error:
        raise FileError(f"{path}: {key}: {error}") from error
    if len(numbers) != bands:
        raise FileError(f"{path}: {key} has {len(numbers)} values for {bands} bands")
    return numbers


def _ignored(header: dict[str, Any], dtype: Any, path: Path) -> Any:
    """Value of samples that are to be ignored; None where the type of the data does not hold it."""
    text = header.get("data ignore value")
    if text is None:
        return None
    try:
        value = float(text)
    except (TypeError, ValueError) as error:
        raise FileError(f"{path}: data ignore value: {text!r} is no number") from error
    if dtype.kind in "iu":
        # the cast would wrap: -9999 is a good sample of unsigned data
        limits = np.iinfo(dtype)
        if not (value.is_integer() and limits.min <= value <= limits.max):
            return None
        return dtype.type(int(value))
    with np.errstate(over="ignore"):
        return dtype.type(value)
