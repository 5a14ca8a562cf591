"""FITS cubes of integral-field spectrographs: (wavelength, y, x), with variance and quality."""

from __future__ import annotations

import gzip
import os
import warnings
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from sigden.errors import FileError
from sigden.io.atomic import atomic_path
from sigden.io.cube_value import Cube, find_axis, placeholder
from sigden.io.fits import history_cards
from sigden.io.fits_units import check_size, find_image, image_names, native, open_fits
from sigden.io.limits import MAX_BYTES

__all__ = [
    "FitsLayout",
    "UnitNumbers",
    "describe_fits",
    "new_layout",
    "quality_mask",
    "read_fits_cube",
    "write_fits_cube",
]

_SCIENCE = ("SCI", "DATA")
_VARIANCE = ("STAT", "VAR", "VARIANCE")
_ERROR = ("ERR", "ERROR")
_SPECTRAL = ("WAVE", "AWAV", "FREQ", "WAVN", "ENER", "VELO", "VRAD", "VOPT", "ZOPT", "BETA")
_DO_NOT_USE = 1


@dataclass(frozen=True, eq=False)
class FitsLayout:
    """Units of a FITS file around the cube.

    Parameters
    ----------
    units : tuple of astropy.io.fits HDU
        All units in their order; those of science and noise without their data.
    science : int
        Number of the unit with the cube.
    noise : int or None
        Number of the unit with its noise.
    is_error : bool
        Whether that holds the standard deviation, not the variance.
    """

    units: tuple[Any, ...]
    science: int
    noise: int | None
    is_error: bool


def read_fits_cube(
    path: str | os.PathLike[str],
    *,
    hdu: int | str | None = None,
    axis: int | None = None,
    max_bytes: int = MAX_BYTES,
) -> Cube:
    """Read a cube from a FITS file.

    Parameters
    ----------
    path : path
        FITS file.
    hdu : int or str, optional
        Unit of the cube; by default SCI (JWST) or DATA (MUSE), else the first with three axes.
    axis : int, optional
        Spectral axis as NumPy counts; by default that of the header's CTYPE, else 0.
    max_bytes : int
        Cap on the size of each array in memory.

    Returns
    -------
    Cube
        With the variance of STAT (MUSE), or of the standard deviation in ERR (JWST); samples whose variance
        is not positive, and those that DQ flags (of JWST: as DO_NOT_USE), are masked.

    Raises
    ------
    FileError
        If the file is missing, damaged, has no such cube, or an extension has another shape.
    """
    path = Path(path)
    with open_fits(path) as units:
        cube, numbers = describe_fits(path, units, hdu, axis, max_bytes)
        stored, variance, quality = (
            None if number is None else native(units[number].data)
            for number in (numbers.science, numbers.noise, numbers.quality)
        )
    mask = None if quality is None else quality_mask(quality, numbers.jwst)
    if variance is not None:
        if numbers.is_error:
            variance = variance**2
        with np.errstate(invalid="ignore"):
            unknown = ~(variance > 0) | np.isinf(variance)
        if unknown.all():
            raise FileError(
                f"{path}[{numbers.noise}]: no variance is positive; leave the unit out of the file"
            )
        mask = unknown if mask is None else mask | unknown

    def last(part: Any) -> Any:
        return None if part is None else np.ascontiguousarray(np.moveaxis(part, cube.axis, 2))

    return replace(
        cube,
        values=last(stored),
        mask=last(mask) if mask is not None and mask.any() else None,
        variance=last(variance),
    )


@dataclass(frozen=True)
class UnitNumbers:
    """Units that a cube is made of.

    Parameters
    ----------
    science : int
        Number of the unit with the cube.
    noise, quality : int or None
        Numbers of those with its noise and its flags.
    is_error : bool
        Whether the noise is the standard deviation, not the variance.
    jwst : bool
        Whether the flags are those of JWST.
    """

    science: int
    noise: int | None
    quality: int | None
    is_error: bool
    jwst: bool


def quality_mask(quality: Any, jwst: bool) -> Any:
    """Samples that flags forbid to use: of JWST those of the first bit, else all that are flagged."""
    bits = np.nan_to_num(quality, nan=_DO_NOT_USE).astype(np.int64)
    return (bits & _DO_NOT_USE) != 0 if jwst else bits != 0


def describe_fits(
    path: Path, units: Any, hdu: int | str | None, axis: int | None, max_bytes: int | None = None
) -> tuple[Cube, UnitNumbers]:
    """What open units say of a cube: one with a placeholder for its values, and where those are.

    Parameters
    ----------
    path : pathlib.Path
        The file, for messages.
    units : astropy.io.fits.HDUList
        Its units.
    hdu, axis : optional
        As in `read_fits_cube`.
    max_bytes : int, optional
        Cap on the size of each array.

    Returns
    -------
    cube : Cube
        The cube.
    numbers : UnitNumbers
        The units.
    """
    limit = 2**62 if max_bytes is None else max_bytes
    names = [name.upper() for name in image_names(units)]
    number = _science(units, names, path, hdu)
    unit, where = units[number], f"{path}[{number}]"
    shape = check_size(unit, where, path, limit)
    axis = find_axis(shape, where=where, axis=_axis(unit.header, axis), bands=None, usual=0)
    noise, is_error = _find(names, _VARIANCE), False
    if noise is None:
        noise, is_error = _find(names, _ERROR), True
    quality = _find(names, ("DQ",))
    for other in (noise, quality):
        _require_like(units, other, path, shape, limit)
    wavelength, wavelength_unit = _wavelength(unit.header, units, axis, shape)
    kept = tuple(_kept(one, i in (number, noise)) for i, one in enumerate(units))
    jwst = "JWST" in str(units[0].header.get("TELESCOP", "")).upper()
    cube = Cube(
        values=placeholder((*(n for i, n in enumerate(shape) if i != axis), shape[axis])),
        wavelength=wavelength,
        wavelength_unit=wavelength_unit,
        unit=str(unit.header.get("BUNIT", "")),
        axis=axis,
        header=FitsLayout(kept, number, noise, is_error),
        name=where,
    )
    return cube, UnitNumbers(number, noise, quality, is_error, jwst)


def write_fits_cube(
    path: str | os.PathLike[str], cube: Cube, *, history: Iterable[str] = (), overwrite: bool = False
) -> None:
    """Write a cube as FITS.

    Parameters
    ----------
    path : path
        Output file.
    cube : Cube
        Values and variance; the other units of the file that it came from are kept. Without a variance the
        unit that held it is left out. A cube from elsewhere is written as DATA and STAT.
    history : iterable of str
        Lines of provenance, added as HISTORY to the unit of the cube.
    overwrite : bool
        Whether an existing file may be replaced.

    Raises
    ------
    FileError
        If the file exists or cannot be written.
    """
    from astropy.io import fits

    if isinstance(cube.header, FitsLayout):
        layout = cube.header
    else:
        # FITS cubes are (wavelength, y, x), whatever the file was that this one came from
        cube = replace(cube, axis=0)
        layout = new_layout(cube)
    units = []
    for number, unit in enumerate(layout.units):
        if number == layout.science:
            unit = _with_data(unit, cube.in_file_order(cube.values))
            history_cards(unit.header, history)
        elif number == layout.noise:
            if cube.variance is None:
                continue
            noise = np.sqrt(cube.variance) if layout.is_error else cube.variance
            unit = _with_data(unit, cube.in_file_order(noise))
        else:
            unit = unit.copy()
        units.append(unit)
    if layout.noise is None and cube.variance is not None:
        units.append(fits.ImageHDU(cube.in_file_order(cube.variance), name="STAT"))
    opened: Any = gzip.open if Path(path).suffix.lower() == ".gz" else open
    with atomic_path(path, overwrite) as temporary, opened(temporary, "wb") as stream:
        fits.HDUList(units).writeto(stream, output_verify="silentfix", checksum=True)


def _science(units: Any, names: list[str], path: Path, hdu: int | str | None) -> int:
    if hdu is not None:
        return find_image(units, path, hdu)
    number = _find(names, _SCIENCE)
    if number is None:
        cubes = [i for i, unit in enumerate(units) if unit.is_image and unit.header.get("NAXIS") == 3]
        if not cubes:
            raise FileError(f"{path}: has no image with three axes")
        number = cubes[0]
    return number


def _find(names: list[str], wanted: tuple[str, ...]) -> int | None:
    return next((names.index(name) for name in wanted if name in names), None)


def _axis(header: Any, given: int | None) -> int | None:
    """Spectral axis by CTYPE, as NumPy counts; what the caller says comes first."""
    if given is not None:
        return given
    kinds = [str(header.get(f"CTYPE{i}", "")).upper() for i in range(1, 4)]
    found = [2 - i for i, kind in enumerate(kinds) if kind.startswith(_SPECTRAL)]
    return found[0] if len(found) == 1 else None


def _require_like(units: Any, number: int | None, path: Path, shape: tuple[int, ...], limit: int) -> None:
    """Refuse an extension that has not the shape of the cube."""
    if number is None:
        return
    where = f"{path}[{number}] ({units[number].name})"
    found = check_size(units[number], where, path, limit)
    if found != shape:
        raise FileError(f"{where}: has the shape {found}, the cube {shape}")


def _wavelength(header: Any, units: Any, axis: int, shape: tuple[int, ...]) -> tuple[Any, str]:
    """Spectral coordinate of each band in the unit of the header, where its WCS tells."""
    from astropy import units as u
    from astropy.wcs import WCS, WcsError

    key = 3 - axis
    if not str(header.get(f"CTYPE{key}", "")).upper().startswith(_SPECTRAL):
        return None, ""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            spectral = WCS(header, fobj=units).sub(["spectral"])
            values = np.asarray(spectral.pixel_to_world_values(np.arange(shape[axis])), float)
            unit = u.Unit(spectral.world_axis_units[0])
            shown = u.Unit(str(header.get(f"CUNIT{key}", "")) or unit)
            return unit.to(shown, values), shown.to_string()
        except (WcsError, ValueError, KeyError, TypeError, AttributeError, IndexError, u.UnitsError):
            return None, ""


def _kept(unit: Any, empty: bool) -> Any:
    """Copy of a unit, without data where these are written anew."""
    from astropy.io import fits

    if not empty:
        return unit.copy()
    header = unit.header.copy()
    for keyword in ("BSCALE", "BZERO", "BLANK", "CHECKSUM", "DATASUM"):
        header.remove(keyword, ignore_missing=True)
    kind = fits.PrimaryHDU if isinstance(unit, fits.PrimaryHDU) else fits.ImageHDU
    return kind(header=header)


def _with_data(unit: Any, values: Any) -> Any:
    return type(unit)(data=values, header=unit.header.copy())


def new_layout(cube: Cube) -> FitsLayout:
    """Primary unit and DATA, with a linear wavelength axis where the bands are evenly spaced."""
    from astropy.io import fits

    data = fits.ImageHDU(name="DATA")
    if cube.unit:
        data.header["BUNIT"] = cube.unit
    wave, unit = cube.wavelength, _fits_unit(cube.wavelength_unit)
    if wave is not None and len(wave) > 1 and unit:
        step = float(wave[-1] - wave[0]) / (len(wave) - 1)
        if np.allclose(np.diff(wave), step, rtol=1e-4, atol=0):
            data.header["CTYPE3"] = "WAVE"
            data.header["CRPIX3"] = 1.0
            data.header["CRVAL3"] = float(wave[0])
            data.header["CDELT3"] = step
            data.header["CUNIT3"] = unit
    return FitsLayout((fits.PrimaryHDU(), data), 1, None, False)


def _fits_unit(name: str) -> str:
    """Unit of length as FITS writes it, an empty text where it is none."""
    from astropy import units as u

    lower = name.strip().lower()
    plain = {"nanometers": "nm", "micrometers": "um", "microns": "um", "angstroms": "Angstrom"}
    try:
        unit = u.Unit(plain.get(lower, name.strip()))
        return unit.to_string("fits") if unit.is_equivalent(u.m) else ""
    except ValueError:
        return ""
