"""FITS files to observations: image, noise, mask, WCS, unit."""

from __future__ import annotations

import os
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from sigden.errors import FileError, InputError, ParameterError
from sigden.io.fits_units import check_size, find_image, native, open_fits
from sigden.io.limits import MAX_BYTES
from sigden.io.multiband.layout import Layout, find_layout
from sigden.io.multiband.mask_planes import bad_bits
from sigden.io.multiband.photometry import FluxScale, flux_scale
from sigden.multiband.data.observation import Observation
from sigden.multiband.tiles.mosaic import Mosaic

__all__ = ["FitsPart", "open_mosaic", "read_observation"]

Path_ = str | os.PathLike[str]


@dataclass(frozen=True)
class FitsPart:
    """Image in a FITS file of which parts are read on demand.

    Parameters
    ----------
    path : pathlib.Path
        The file.
    number : int
        Its unit.
    shape : tuple of int
        Rows and columns.
    factor : float
        Multiplies the values.
    bits : int, optional
        For a mask: bits that mean bad, -1 for any; the parts are then of bool.
    """

    path: Path
    number: int
    shape: tuple[int, int]
    factor: float = 1.0
    bits: int | None = None

    def __getitem__(self, box: tuple[slice, slice]) -> np.ndarray:
        """Part of the image, in native byte order."""
        whole = all(s.indices(n) == (0, n, 1) for s, n in zip(box, self.shape, strict=True))
        with open_fits(self.path, memmap=True) as units:
            unit = units[self.number]
            part = np.asarray(unit.data if whole else unit.section[box])
            if self.bits is not None:
                return _bad(part, self.bits, f"{self.path}[{self.number}]")
            values = native(part)
        return values if self.factor == 1.0 else values * values.dtype.type(self.factor)


def _bad(part: np.ndarray, bits: int, name: str) -> np.ndarray:
    if part.dtype.kind == "f":
        if bits != -1:
            raise FileError(f"{name}: a mask of floating numbers has no bits; leave out mask_planes")
        return ~(part == 0)
    if bits == -1:
        return part != 0
    return (part.astype(np.int64) & bits) != 0


def open_mosaic(
    path: Path_,
    band: str,
    psf: Any,
    *,
    hdu: int | str | None = None,
    sigma: float | None = None,
    rms: Path_ | None = None,
    variance: Path_ | None = None,
    weight: Path_ | None = None,
    mask: Path_ | None = None,
    mask_planes: Sequence[int | str] | None = None,
    zero_point: float | None = None,
    unit: str | None = None,
    native_flux: bool = False,
    scale: float | None = None,
    offset: tuple[float, float] = (0.0, 0.0),
    psf_scale: float | None = None,
    psf_includes_pixel: bool = True,
    background: float = 0.0,
    max_bytes: int = MAX_BYTES,
) -> Mosaic:
    """Open the FITS image of a band without reading its pixels.

    Parameters
    ----------
    path : path
        FITS file with the image. The units IMAGE, MASK and VARIANCE (Rubin) or SCI, RMS and FLG (Euclid) in
        it bring noise and mask along.
    band : str
        Name of the band.
    psf : array or callable
        As `Observation` takes it; `read_psf` reads one.
    hdu : int or str, optional
        Unit of the image where there are several, or the detector of a Euclid frame.
    sigma : float, optional
        Noise rms per pixel in the unit of the file.
    rms, variance, weight : path, optional
        File with a map of the noise, its square or the inverse of that, in the unit of the image.
    mask : path, optional
        File with a mask of integers.
    mask_planes : sequence of int or str, optional
        Bits that mean bad: names as the header gives them (MP_SAT: ``"SAT"``) or numbers. By default
        `LSST_BAD_PLANES`, `EUCLID_BAD_BITS` or, for any other mask, all that is not zero.
    zero_point : float, optional
        AB magnitude of one unit; from the header where absent.
    unit : str, optional
        Unit of the image, in place of BUNIT.
    native_flux : bool, optional
        Whether to leave the values as they are instead of bringing them to nJy.
    scale : float, optional
        Arcsec per pixel, for a file without WCS.
    offset : tuple of float, optional
        Place of pixel (0, 0) in arcsec, for a file without WCS.
    psf_scale : float, optional
        Distance of the samples of `psf` in arcsec.
    psf_includes_pixel : bool, optional
        Whether the PSF is the effective one.
    background : float, optional
        Level to take off, in the unit of the file.
    max_bytes : int
        Cap on the size of each image.

    Returns
    -------
    Mosaic
        Values in nJy per pixel, or as they are with `native_flux`. NaN pixels and pixels without noise are
        masked.

    Raises
    ------
    FileError
        If a file is missing, damaged or too large, holds no such image, or its flux scale is unknown.
    InputError
        If the images do not fit each other.
    ParameterError
        If a mask plane is unknown, or the noise is given twice.
    """
    path = Path(path)
    what = f"band {band!r}"
    with open_fits(path) as units:
        layout = find_layout(units, path, hdu)
        name = f"{path}[{layout.image}]"
        shape = _image_shape(units[layout.image], name, path, max_bytes)
        header = units[layout.image].header.copy()
        flux = (
            FluxScale(1.0, unit or _bunit(header))
            if native_flux
            else flux_scale(header, name, zero_point=zero_point, unit=unit)
        )
        own_noise = _own_noise(units, layout, path, shape, flux.factor, max_bytes)
        own_mask = _own_mask(units, layout, path, shape, mask_planes, max_bytes)
    given = {"rms": rms, "variance": variance, "weight": weight}
    noise = _given_noise(given, sigma, shape, flux.factor, what, max_bytes)
    if mask is not None:
        own_mask = _given_mask(Path(mask), shape, layout, mask_planes, what, max_bytes)
    elif mask_planes is not None and own_mask is None:
        raise ParameterError(f"{what}: mask_planes is given, but {path} has no mask; give mask")
    wcs = celestial_wcs(header, name)
    if wcs is not None:
        # the header decides; a scale beside it serves as a check
        offset = (0.0, 0.0)
    elif scale is None:
        raise FileError(f"{name}: has no celestial WCS; give scale (arcsec per pixel)")
    return Mosaic(
        FitsPart(path, layout.image, shape, flux.factor),
        psf,
        band,
        **(noise or own_noise),
        scale=scale,
        offset=offset,
        wcs=wcs,
        psf_scale=psf_scale,
        psf_includes_pixel=psf_includes_pixel,
        mask=own_mask,
        unit=flux.unit,
        background=background * flux.factor,
        surface_brightness=flux.surface_brightness,
        mask_invalid=True,
    )


def read_observation(path: Path_, band: str, psf: Any, **options: Any) -> Observation:
    """Read the FITS image of a band.

    Parameters
    ----------
    path : path
        FITS file with the image.
    band : str
        Name of the band.
    psf : array or callable
        As `Observation` takes it.
    **options
        As `open_mosaic`.

    Returns
    -------
    Observation
        The image in memory, in nJy per pixel unless ``native_flux``.

    Raises
    ------
    FileError
        As `open_mosaic`.
    InputError
        As `Observation`, or if the image has no pixel with data.
    ParameterError
        As `open_mosaic`.
    """
    mosaic = open_mosaic(path, band, psf, **options)
    found = mosaic.cut(mosaic.whole)
    if found is None:
        raise InputError(f"band {band!r}: every pixel of {path} is masked")
    return found


def celestial_wcs(header: Any, name: str) -> Any:
    """Celestial WCS of a header, or None.

    Raises
    ------
    FileError
        If the header has one that cannot be used: damaged, or with distortions in tables.
    """
    from astropy.wcs import WCS

    if not (header.get("CTYPE1") and header.get("CTYPE2")):
        return None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            wcs = WCS(header).celestial
            usable = wcs.naxis == 2 and np.isfinite(wcs.wcs_pix2world([[0.0, 0.0]], 0)).all()
    except Exception as error:
        # wcslib has a dozen kinds of errors for damaged headers
        raise FileError(f"{name}: its WCS cannot be used: {' '.join(str(error).split())}") from error
    if not usable:
        raise FileError(f"{name}: its WCS is no celestial one of two axes")
    return wcs


def _bunit(header: Any) -> str | None:
    return str(header["BUNIT"]).strip() or None if "BUNIT" in header else None


def _image_shape(unit: Any, name: str, path: Path, max_bytes: int) -> tuple[int, int]:
    shape = check_size(unit, name, path, max_bytes)
    if len(shape) != 2 or 0 in shape:
        raise FileError(f"{name}: an image of two axes is needed, got shape {shape}")
    return shape[0], shape[1]


def _fitting(unit: Any, name: str, path: Path, shape: tuple[int, int], max_bytes: int) -> tuple[int, int]:
    own = _image_shape(unit, name, path, max_bytes)
    if own != shape:
        raise InputError(f"{name}: its shape {own} is not that of the image, {shape}")
    return own


def _own_noise(
    units: Any, layout: Layout, path: Path, shape: tuple[int, int], factor: float, max_bytes: int
) -> dict[str, Any]:
    for kind, number, power in (("variance", layout.variance, 2), ("sigma", layout.rms, 1)):
        if number is not None:
            _fitting(units[number], f"{path}[{number}]", path, shape, max_bytes)
            return {kind: FitsPart(path, number, shape, factor**power)}
    return {}


def _own_mask(
    units: Any,
    layout: Layout,
    path: Path,
    shape: tuple[int, int],
    planes: Sequence[int | str] | None,
    max_bytes: int,
) -> FitsPart | None:
    if layout.mask is None:
        return None
    name = f"{path}[{layout.mask}]"
    _fitting(units[layout.mask], name, path, shape, max_bytes)
    bits = bad_bits(units[layout.mask].header, layout.convention, planes, name)
    return FitsPart(path, layout.mask, shape, bits=bits)


@dataclass(frozen=True)
class _Inverse:
    """Variance from a map of weights; where they are zero it is infinite."""

    weight: FitsPart

    @property
    def shape(self) -> tuple[int, int]:
        return self.weight.shape

    def __getitem__(self, box: tuple[slice, slice]) -> np.ndarray:
        weight = self.weight[box]
        with np.errstate(divide="ignore"):
            return 1.0 / weight


def _given_noise(
    files: dict[str, Path_ | None],
    sigma: float | None,
    shape: tuple[int, int],
    factor: float,
    what: str,
    max_bytes: int,
) -> dict[str, Any]:
    given = {kind: Path(path) for kind, path in files.items() if path is not None}
    if len(given) + (sigma is not None) > 1:
        raise ParameterError(f"{what}: give one of sigma, rms, variance and weight")
    if sigma is not None:
        return {"sigma": sigma * factor}
    for kind, path in given.items():
        power = {"rms": 1, "variance": 2, "weight": -2}[kind]
        with open_fits(path) as units:
            number = find_image(units, path, None)
            _fitting(units[number], f"{path}[{number}]", path, shape, max_bytes)
        part = FitsPart(path, number, shape, factor**power)
        if kind == "rms":
            return {"sigma": part}
        return {"variance": _Inverse(part) if kind == "weight" else part}
    return {}


def _given_mask(
    path: Path,
    shape: tuple[int, int],
    layout: Layout,
    planes: Sequence[int | str] | None,
    what: str,
    max_bytes: int,
) -> FitsPart:
    with open_fits(path) as units:
        number = find_image(units, path, None)
        name = f"{path}[{number}]"
        _fitting(units[number], name, path, shape, max_bytes)
        bits = bad_bits(units[number].header, layout.convention, planes, name)
    return FitsPart(path, number, shape, bits=bits)
