"""FITS files opened safely, and the image units in them."""

from __future__ import annotations

import math
import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from sigden.errors import FileError, SigdenError
from sigden.io.limits import MAX_BYTES, check_claim
from sigden.io.regular import require_regular

__all__ = ["check_size", "find_image", "image_names", "native", "open_fits"]


@contextmanager
def open_fits(path: str | os.PathLike[str], *, memmap: bool = False) -> Iterator[Any]:
    """Open a FITS file for reading.

    Parameters
    ----------
    path : path
        FITS file, also gzip-compressed or with tile-compressed images.
    memmap : bool
        Whether images may be mapped, so that sections of them can be read.

    Yields
    ------
    astropy.io.fits.HDUList
        Its units, loaded on demand.

    Raises
    ------
    FileError
        If the file is missing or damaged, or something in the block finds it to be.
    """
    from astropy.io import fits
    from astropy.utils.exceptions import AstropyWarning

    path = Path(path)
    require_regular(path)
    # a truncated file is a warning there and an error here; raised at once, it would leave the file open
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", AstropyWarning)
        try:
            with fits.open(path, memmap=memmap, lazy_load_hdus=True) as units:
                yield units
        except SigdenError:
            raise
        except (OSError, ValueError, TypeError, KeyError, IndexError, EOFError, fits.VerifyError) as error:
            reason = _cut_short(caught) or " ".join(str(error).split()) or type(error).__name__
            if "No SIMPLE card" in reason:  # the rest of it names an argument of astropy
                reason = "it does not begin as FITS does (no SIMPLE card)"
            raise FileError(f"{path}: cannot be read as FITS: {reason}") from error
    reason = _cut_short(caught)
    if reason:
        raise FileError(f"{path}: cannot be read as FITS: {reason}")


def _cut_short(caught: list[warnings.WarningMessage]) -> str:
    """What astropy warns of where it should stop."""
    return "the file is cut short" if any("truncated" in str(one.message) for one in caught) else ""


def image_names(units: Any) -> list[str]:
    """Names (EXTNAME, upper case) of the units that hold an image, an empty text where there is none."""
    return [unit.name if _holds_image(unit) else "" for unit in units]


def find_image(units: Any, path: Path, hdu: int | str | None) -> int:
    """Number of the unit that is meant.

    Parameters
    ----------
    units : astropy.io.fits.HDUList
        Units of the file.
    path : pathlib.Path
        The file, for messages.
    hdu : int, str or None
        Number or name (EXTNAME) of the unit; None for the first one with an image.

    Returns
    -------
    int
        Its number; it holds an image.

    Raises
    ------
    FileError
        If there is no such unit, or it holds no image.
    """
    if hdu is None:
        number = next((i for i, unit in enumerate(units) if _holds_image(unit)), None)
        if number is None:
            raise FileError(f"{path}: has no image")
        return number
    if isinstance(hdu, str):
        wanted = hdu.upper()
        number = next((i for i, unit in enumerate(units) if unit.name.upper() == wanted), None)
        if number is None:
            names = ", ".join(name for name in image_names(units) if name) or "none has a name"
            raise FileError(f"{path}: has no unit {hdu!r}; its images are: {names}")
    else:
        number = hdu
        if not 0 <= number < len(units):
            raise FileError(f"{path}: has no unit {hdu}; there are {len(units)}")
    if not _holds_image(units[number]):
        raise FileError(f"{path}[{number}]: holds no image")
    return number


def _holds_image(unit: Any) -> bool:
    return bool(unit.is_image and unit.header.get("NAXIS", 0) >= 1 and unit.header.get("NAXIS1", 0) > 0)


def check_size(unit: Any, name: str, path: Path, max_bytes: int = MAX_BYTES) -> tuple[int, ...]:
    """Shape of an image, after its claim has been checked.

    Parameters
    ----------
    unit : astropy.io.fits.ImageHDU
        Unit with the image.
    name : str
        Path and number, for messages.
    path : pathlib.Path
        The file.
    max_bytes : int
        Cap on the size of the image in memory.

    Returns
    -------
    tuple of int
        Shape in the order of NumPy.

    Raises
    ------
    FileError
        If the image claims too much memory.
    """
    header = unit.header
    shape = tuple(int(header[f"NAXIS{i}"]) for i in range(int(header["NAXIS"]), 0, -1))
    width = max(8, abs(int(header["BITPIX"])) // 8)
    check_claim(name, math.prod(shape) * width, path.stat().st_size, max_bytes)
    return shape


def native(values: Any) -> np.ndarray:
    """Array in native byte order, as float32 where that holds its values exactly, else as float64."""
    values = np.asarray(values)
    return values.astype(np.float32 if np.can_cast(values.dtype, np.float32) else np.float64)
