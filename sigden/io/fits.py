"""FITS images in and out, with their header."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sigden.io.atomic import atomic_path
from sigden.io.fits_units import check_size, find_image, native, open_fits
from sigden.io.limits import MAX_BYTES

if TYPE_CHECKING:
    from astropy.io.fits import Header

__all__ = ["FitsImage", "history_cards", "read_image", "write_image"]

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
    path: str | os.PathLike[str], *, hdu: int | str | None = None, max_bytes: int = MAX_BYTES
) -> FitsImage:
    """Read an image from a FITS file.

    Parameters
    ----------
    path : path
        FITS file, also gzip-compressed.
    hdu : int or str, optional
        Number or name of the header-data unit; the first one with an image by default.
    max_bytes : int
        Cap on the size of the image in memory.

    Returns
    -------
    FitsImage
        The image; float32 and float64 are kept, integers become float32, from 32 bits on float64.

    Raises
    ------
    FileError
        If the file is missing, is no FITS file, has no such image, is truncated, or claims too much memory.
    """
    path = Path(path)
    with open_fits(path) as units:
        number = find_image(units, path, hdu)
        unit, name = units[number], f"{path}[{number}]"
        check_size(unit, name, path, max_bytes)
        # scaling keywords describe the stored integers, not the values handed over
        kept = unit.header.copy()
        for keyword in ("BSCALE", "BZERO", "BLANK"):
            kept.remove(keyword, ignore_missing=True)
        return FitsImage(values=native(unit.data), header=kept, name=name)


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
    history_cards(unit.header, history)
    with atomic_path(path, overwrite) as temporary, temporary.open("wb") as stream:
        unit.writeto(stream, output_verify="silentfix", checksum=True)


def history_cards(header: Header, lines: Iterable[str]) -> None:
    """Add lines of provenance to a header as HISTORY; long ones take several cards.

    Parameters
    ----------
    header : astropy.io.fits.Header
        Header to add to.
    lines : iterable of str
        Lines; what is not printable ASCII is escaped.
    """
    for line in lines:
        plain = "".join(c if " " <= c <= "~" else f"\\u{ord(c):04x}" for c in line)
        for start in range(0, len(plain), _HISTORY_WIDTH):
            header.add_history(plain[start : start + _HISTORY_WIDTH])
