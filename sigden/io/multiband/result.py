"""Results of multiband methods as FITS, in and out."""

from __future__ import annotations

import os
from collections.abc import Iterable
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np

from sigden.errors import FileError, ParameterError
from sigden.io.atomic import atomic_path
from sigden.io.fits import history_cards
from sigden.io.fits_units import check_size, native, open_fits
from sigden.io.limits import MAX_BYTES
from sigden.io.multiband.mosaic import celestial_wcs
from sigden.multiband.data.grid import Grid
from sigden.multiband.data.result import MultibandResult

__all__ = ["ResultLayout", "create_multiband", "read_multiband", "write_multiband"]

ResultLayout = Literal["cube", "bands"]

_BLOCK = 2880


def write_multiband(
    path: str | os.PathLike[str],
    result: MultibandResult,
    *,
    unit: str | None = None,
    layout: ResultLayout = "cube",
    history: Iterable[str] = (),
    overwrite: bool = False,
) -> None:
    """Write a result.

    Parameters
    ----------
    path : path
        Output file.
    result : MultibandResult
        What to write.
    unit : str, optional
        Unit of the fluxes, for BUNIT.
    layout : {"cube", "bands"}
        ``cube``: estimates of all bands in the primary unit, their errors in the unit ERROR. ``bands``: a
        unit for each band, named after it, and one for its error, as ``r`` and ``r_ERROR``.
    history : iterable of str
        Lines of provenance, added as HISTORY.
    overwrite : bool
        Whether an existing file may be replaced.

    Raises
    ------
    FileError
        If the file exists or cannot be written.
    ParameterError
        If the layout is unknown.

    Notes
    -----
    Both layouts end with the unit COVARIANCE, the covariance of the noise between the bands of a pixel. The
    primary header names the bands (BAND1, ...) and the FWHM of the target PSF in arcsec (FWHM).
    """
    from astropy.io import fits

    if layout not in get_args(ResultLayout):
        raise ParameterError(f"layout: {' or '.join(get_args(ResultLayout))}, got {layout!r}")
    primary = _primary_header(result.bands, result.grid, result.target_fwhm, history)
    covariance = fits.ImageHDU(np.asarray(result.noise_covariance, dtype=np.float64), name="COVARIANCE")
    estimate, error = (np.ascontiguousarray(a) for a in (result.estimate, result.uncertainty))
    units: list[Any]
    if layout == "cube":
        primary.update(_place(result.grid, unit, cube=True))
        units = [
            fits.PrimaryHDU(estimate, primary),
            fits.ImageHDU(error, _place(result.grid, unit, cube=True), name="ERROR"),
        ]
    else:
        place = _place(result.grid, unit, cube=False)
        units = [fits.PrimaryHDU(header=primary)]
        for band, value, spread in zip(result.bands, estimate, error, strict=True):
            units += [
                fits.ImageHDU(value, place.copy(), name=band),
                fits.ImageHDU(spread, place.copy(), name=f"{band}_ERROR"),
            ]
    with atomic_path(path, overwrite) as temporary, temporary.open("wb") as stream:
        fits.HDUList([*units, covariance]).writeto(stream, output_verify="silentfix", checksum=True)


@contextmanager
def create_multiband(
    path: str | os.PathLike[str],
    bands: tuple[str, ...],
    grid: Grid,
    target_fwhm: float,
    *,
    unit: str | None = None,
    history: Iterable[str] = (),
) -> Any:
    """Lay out a cube on disk and map it, for results too large to be held.

    Parameters
    ----------
    path : path
        File to fill; what stands there is replaced.
    bands : tuple of str
        Names of the bands.
    grid : Grid
        Pixel grid.
    target_fwhm : float
        FWHM of the target PSF, arcsec.
    unit : str, optional
        Unit of the fluxes.
    history : iterable of str
        Lines of provenance.

    Yields
    ------
    estimate, uncertainty, covariance : numpy.memmap
        To be written to: float32 of shape (bands, rows, columns), twice, and float64 of shape (bands, bands).
    """
    from astropy.io import fits

    count = len(bands)
    full = (count, *grid.shape)
    kinds: list[tuple[tuple[int, ...], Any]] = [
        (full, np.dtype(">f4")),
        (full, np.dtype(">f4")),
        ((count, count), np.dtype(">f8")),
    ]
    primary = _primary_header(bands, grid, target_fwhm, history)
    primary.update(_place(grid, unit, cube=True))
    headers = [primary, _place(grid, unit, cube=True), fits.Header()]
    maps, start = [], 0
    with Path(path).open("wb+") as stream:
        for number, ((shape, kind), extra) in enumerate(zip(kinds, headers, strict=True)):
            header = _image_header(shape, kind, number, ("", "ERROR", "COVARIANCE")[number])
            header.update(extra)
            if number == 0:
                header["EXTEND"] = True
            text = header.tostring().encode("ascii")
            stream.seek(start)
            stream.write(text)
            size = int(np.prod(shape)) * kind.itemsize
            stream.truncate(start + len(text) + -(-size // _BLOCK) * _BLOCK)
            maps.append((start + len(text), shape, kind))
            start += len(text) + -(-size // _BLOCK) * _BLOCK
    arrays = [np.memmap(path, kind, "r+", offset, shape) for offset, shape, kind in maps]
    yield tuple(arrays)
    for array in arrays:
        array.flush()


def _image_header(shape: tuple[int, ...], kind: Any, number: int, name: str) -> Any:
    from astropy.io import fits

    header = fits.Header()
    if number == 0:
        header["SIMPLE"] = True
    else:
        header["XTENSION"] = "IMAGE"
    header["BITPIX"] = -8 * kind.itemsize
    header["NAXIS"] = len(shape)
    for i, n in enumerate(reversed(shape), 1):
        header[f"NAXIS{i}"] = n
    if number:
        header["PCOUNT"], header["GCOUNT"], header["EXTNAME"] = 0, 1, name
    return header


def _primary_header(bands: tuple[str, ...], grid: Grid, target_fwhm: float, history: Iterable[str]) -> Any:
    from astropy.io import fits

    header = fits.Header()
    for i, band in enumerate(bands, 1):
        header[f"BAND{i}"] = (band, "name of the band")
    header["FWHM"] = (target_fwhm, "[arcsec] FWHM of the target PSF")
    header["PIXELSCL"] = (grid.scale, "[arcsec] side of a pixel")
    history_cards(header, history)
    return header


def _place(grid: Grid, unit: str | None, *, cube: bool) -> Any:
    """WCS and unit of an image or cube."""
    from astropy.io import fits

    header = fits.Header() if grid.wcs is None else grid.wcs.to_header(relax=True)
    if cube and grid.wcs is not None:
        # the third axis counts the bands
        header["WCSAXES"] = 3
        header["CTYPE3"], header["CRPIX3"], header["CRVAL3"], header["CDELT3"] = "BAND", 1.0, 1.0, 1.0
    if unit:
        header["BUNIT"] = unit
    return header


def read_multiband(path: str | os.PathLike[str], *, max_bytes: int = MAX_BYTES) -> MultibandResult:
    """Read a result that `write_multiband` wrote, in either layout.

    Parameters
    ----------
    path : path
        FITS file.
    max_bytes : int
        Cap on the size of each array.

    Returns
    -------
    MultibandResult
        Estimate, uncertainty, covariance and grid.

    Raises
    ------
    FileError
        If the file cannot be read or is no such result.
    """
    path = Path(path)
    with open_fits(path) as units:
        header = units[0].header.copy()
        bands: list[str] = []
        while isinstance(name := header.get(f"BAND{len(bands) + 1}"), str):
            bands.append(name)
        if not bands or not isinstance(header.get("FWHM"), (int, float)) or "PIXELSCL" not in header:
            raise FileError(f"{path}: is no multiband result (BAND1, FWHM, PIXELSCL)")
        cube = bool(header.get("NAXIS"))

        def array(key: int | str) -> np.ndarray:
            if isinstance(key, str) and key.upper() not in [u.name.upper() for u in units]:
                raise FileError(f"{path}: is no multiband result, it has no unit {key!r}")
            check_size(units[key], f"{path}[{key}]", path, max_bytes)
            return native(units[key].data)

        if cube:
            estimate, error = array(0), array("ERROR")
        else:
            estimate = np.stack([array(b) for b in bands])
            error = np.stack([array(f"{b}_ERROR") for b in bands])
            header = units[bands[0]].header.copy()
        covariance = array("COVARIANCE")
        primary = units[0].header
        scale, fwhm = float(primary["PIXELSCL"]), float(primary["FWHM"])
    if estimate.ndim != 3 or estimate.shape != error.shape or len(estimate) != len(bands):
        raise FileError(f"{path}: estimate {estimate.shape}, error {error.shape} and bands do not fit")
    wcs = celestial_wcs(header, str(path))
    grid = Grid(estimate.shape[1:], scale, wcs)
    return MultibandResult(estimate, error, covariance, tuple(bands), grid, fwhm)
