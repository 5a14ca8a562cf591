"""FITS images in and out, with their header."""

from __future__ import annotations

import math
import os
import warnings
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from sigden.errors import FileError
from sigden.io.atomic import atomic_path
from sigden.io.limits import MAX_BYTES, check_claim

if TYPE_CHECKING:
    from astropy.io.fits import Header

__all__ = ["FitsImage", "read_image", "write_image"]

_HISTORY_WIDTH = 68


@dataclass(frozen=True, eq=False)
class FitsImage:
    """Image of one FITS header-data unit.

    Parameters
    ----------
    values : array, shape (..., ny, nx)
        Physical values (BSCALE and BZERO applied) in native byte order; NaN where blank.
    header : astropy.io.fits.Header
        Its header: WCS, unit and the rest.
    name : str
        Where it came from, for messages: path and number of the unit.
    """

    values: Any
    header: Header
    name: str = "image"


def read_image(
    path: str | os.PathLike[str], *, hdu: int | None = None, max_bytes: int = MAX_BYTES
) -> FitsImage:
    """Read an image from a FITS file.

    Parameters
    ----------
    path : path
        FITS file, also gzip-compressed.
    hdu : int, optional
        Number of the header-data unit; the first one with an image by default.
    max_bytes : int
        Cap on the size of the image in memory.

    Returns
    -------
    FitsImage
        The image; float32 and float64 are kept, integers become floating.

    Raises
    ------
    FileError
        If the file is missing, is no FITS file, has no such image, is truncated, or claims too much memory.
    """
    from astropy.io import fits
    from astropy.utils.exceptions import AstropyWarning

    path = Path(path)
    if not path.is_file():
        raise FileError(f"{path}: no such file")
    # a truncated file is a warning there and an error here; raised at once, it would leave the file open
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", AstropyWarning)
        try:
            with fits.open(path, memmap=False, lazy_load_hdus=True) as units:
                image = _image(units, path, hdu, max_bytes)
        except FileError:
            raise
        except (OSError, ValueError, TypeError, KeyError, IndexError, EOFError, fits.VerifyError) as error:
            reason = " ".join(str(error).split()) or type(error).__name__
            raise FileError(f"{path}: cannot be read as FITS: {reason}") from error
    for warning in caught:
        if "truncated" in str(warning.message):
            raise FileError(f"{path}: cannot be read as FITS: the file is cut short")
    return image


def _image(units: Any, path: Path, hdu: int | None, max_bytes: int) -> FitsImage:
    number = _first_image(units) if hdu is None else hdu
    if number is None or not 0 <= number < len(units):
        raise FileError(
            f"{path}: has no image" if hdu is None else f"{path}: has no unit {hdu}; there are {len(units)}"
        )
    unit = units[number]
    name = f"{path}[{number}]"
    if not unit.is_image or not unit.header.get("NAXIS"):
        raise FileError(f"{name}: holds no image")
    header = unit.header
    size = math.prod(int(header[f"NAXIS{i + 1}"]) for i in range(int(header["NAXIS"])))
    check_claim(name, size * max(8, abs(int(header["BITPIX"])) // 8), path.stat().st_size, max_bytes)
    values = np.asarray(unit.data)
    # scaling keywords describe the stored integers, not the values handed over
    kept = header.copy()
    for keyword in ("BSCALE", "BZERO", "BLANK"):
        kept.remove(keyword, ignore_missing=True)
    kind = np.float32 if values.dtype.kind == "f" and values.dtype.itemsize <= 4 else np.float64
    return FitsImage(values=values.astype(kind), header=kept, name=name)


def _first_image(units: Any) -> int | None:
    number = 0
    while True:
        try:
            unit = units[number]
        except IndexError:
            return None
        if unit.is_image and unit.header.get("NAXIS", 0) >= 1 and unit.header.get("NAXIS1", 0) > 0:
            return number
        number += 1


def write_image(
    path: str | os.PathLike[str], image: FitsImage, *, history: Iterable[str] = (), overwrite: bool = False
) -> None:
    """Write an image with its header.

    Parameters
    ----------
    path : path
        Output file.
    image : FitsImage
        Values and header.
    history : iterable of str
        Lines of provenance, added as HISTORY.
    overwrite : bool
        Whether an existing file may be replaced.

    Raises
    ------
    FileError
        If the file exists or cannot be written.
    """
    from astropy.io import fits

    unit = fits.PrimaryHDU(data=image.values, header=image.header)
    for line in history:
        for start in range(0, len(line), _HISTORY_WIDTH):
            unit.header.add_history(line[start : start + _HISTORY_WIDTH])
    with atomic_path(path, overwrite) as temporary, temporary.open("wb") as stream:
        unit.writeto(stream, output_verify="silentfix", checksum=True)
