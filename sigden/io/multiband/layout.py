"""Which units of a FITS file hold the image, its noise and its mask."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from sigden.errors import FileError
from sigden.io.fits_units import find_image, image_names
from sigden.io.naming import listed

__all__ = ["Convention", "Layout", "find_layout"]

Convention = Literal["lsst", "euclid", "plain"]


@dataclass(frozen=True)
class Layout:
    """Numbers of the units of one image.

    Parameters
    ----------
    convention : {"lsst", "euclid", "plain"}
        ``lsst``: IMAGE, MASK, VARIANCE; ``euclid``: SCI, RMS, FLG (or DQ), also with the name of a detector
        in front; ``plain``: an image alone.
    image : int
        Unit of the image.
    variance, rms, mask : int, optional
        Units of its noise and mask, where the file has them.
    """

    convention: Convention
    image: int
    variance: int | None = None
    rms: int | None = None
    mask: int | None = None


def find_layout(units: Any, path: Path, hdu: int | str | None = None) -> Layout:
    """Layout of a FITS file, told by the names of its units.

    Parameters
    ----------
    units : astropy.io.fits.HDUList
        Units of the file.
    path : pathlib.Path
        The file, for messages.
    hdu : int or str, optional
        Unit of the image where there are several; for a Euclid frame of many detectors the name of one, as
        ``"CCDID 1-1"`` or ``"CCDID 1-1.SCI"``.

    Returns
    -------
    Layout
        Where things are.

    Raises
    ------
    FileError
        If there is no such image, or several and none is chosen.
    """
    names = [name.upper() for name in image_names(units)]
    if hdu is None and "IMAGE" in names and {"VARIANCE", "MASK"} & set(names):
        return _lsst(names, names.index("IMAGE"))
    detectors = [name[: -len("SCI")] for name in names if name == "SCI" or name.endswith(".SCI")]
    if hdu is None and len(detectors) > 1:
        raise FileError(
            f"{path}: holds {len(detectors)} detectors; choose one with hdu: "
            f"{listed(d.rstrip('.') for d in detectors)}"
        )
    if hdu is None and detectors:
        return _euclid(names, detectors[0])
    if isinstance(hdu, str) and f"{hdu.upper()}." in detectors:
        return _euclid(names, f"{hdu.upper()}.")
    number = find_image(units, path, hdu)
    name = names[number]
    if name == "IMAGE":
        return _lsst(names, number)
    if name == "SCI" or name.endswith(".SCI"):
        return _euclid(names, name[: -len("SCI")])
    return Layout("plain", number)


def _lsst(names: list[str], image: int) -> Layout:
    return Layout("lsst", image, variance=_place(names, "VARIANCE"), mask=_place(names, "MASK"))


def _euclid(names: list[str], detector: str) -> Layout:
    flags = _place(names, f"{detector}FLG")
    return Layout(
        "euclid",
        names.index(f"{detector}SCI"),
        rms=_place(names, f"{detector}RMS"),
        mask=_place(names, f"{detector}DQ") if flags is None else flags,
    )


def _place(names: list[str], name: str) -> int | None:
    return names.index(name) if name in names else None
