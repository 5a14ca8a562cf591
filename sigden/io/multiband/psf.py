"""PSF images in FITS."""

from __future__ import annotations

import os
from typing import Any

import numpy as np

from sigden.errors import FileError, InputError, ParameterError
from sigden.io.fits import read_image
from sigden.multiband.psf.images import centre_psf, normalise_psf

__all__ = ["read_psf"]


def read_psf(
    path: str | os.PathLike[str],
    *,
    hdu: int | str | None = None,
    scale: float | None = None,
    oversampling: float | None = None,
    pixel_scale: float | None = None,
    recentre: bool = False,
    normalise: bool = False,
) -> tuple[Any, float | None]:
    """Read a PSF, or a grid of PSFs over the field.

    Parameters
    ----------
    path : path
        FITS file with an image ``(size, size)``, or ``(nodes, nodes, size, size)`` as `Observation` takes it.
    hdu : int or str, optional
        Number or name of the unit; the first with an image by default.
    scale : float, optional
        Distance of the samples in arcsec.
    oversampling : float, optional
        Samples along a pixel of the image that the PSF belongs to.
    pixel_scale : float, optional
        Arcsec per pixel of that image; needed for `oversampling`.
    recentre : bool, optional
        Whether an even-sized PSF, with its origin between the four middle samples, is moved half a sample to
        an odd-sized image (`centre_psf`). Without it an even size is an error.
    normalise : bool, optional
        Whether to divide by the sum.

    Returns
    -------
    psf : numpy.ndarray
        Samples in native byte order.
    scale : float or None
        Distance of the samples in arcsec; None for that of the image.

    Raises
    ------
    FileError
        If the file cannot be read or holds no PSF.
    InputError
        If the PSF is even-sized and `recentre` is false, or cannot be normalised.
    ParameterError
        If both `scale` and `oversampling` are given, or a number is not positive.

    Notes
    -----
    Where neither is given the header decides: ``PIXELSCL`` is the distance in arcsec, ``OVERSAMP`` the
    oversampling.
    """
    image = read_image(path, hdu=hdu)
    name, values = image.name, image.values
    if values.ndim not in (2, 4) or 0 in values.shape:
        raise FileError(
            f"{name}: a PSF is an image (size, size) or a grid (nodes, nodes, size, size), got shape "
            f"{values.shape}"
        )
    if scale is not None and oversampling is not None:
        raise ParameterError(f"{name}: both scale and oversampling are given; give one")
    if scale is None and oversampling is None:
        scale = _number(image.header.get("PIXELSCL"))
        oversampling = _number(image.header.get("OVERSAMP")) if scale is None else None
    if oversampling is not None:
        _positive(oversampling, f"{name}: oversampling")
        if pixel_scale is None:
            raise ParameterError(f"{name}: oversampling needs the pixel scale of the image; give scale")
        scale = pixel_scale / oversampling
    elif scale is not None:
        _positive(scale, f"{name}: scale")
    if not np.isfinite(values).all():
        raise InputError(f"{name}: holds a value that is not finite")
    if values.shape[-1] % 2 == 0 or values.shape[-2] % 2 == 0:
        if not recentre:
            raise InputError(
                f"{name}: even-sized PSF of {values.shape[-2]} x {values.shape[-1]} has no middle sample; "
                "recentre = true moves it by half a sample"
            )
        values = _recentred(values)
    return (normalise_psf(values) if normalise else values), scale


def _recentred(values: np.ndarray) -> np.ndarray:
    if values.ndim == 2:
        return np.asarray(centre_psf(values))
    return np.stack([np.stack([np.asarray(centre_psf(one)) for one in line]) for line in values])


def _number(value: Any) -> float | None:
    return float(value) if isinstance(value, (int, float)) and not isinstance(value, bool) else None


def _positive(value: float, what: str) -> None:
    if not (np.isfinite(value) and value > 0):
        raise ParameterError(f"{what}: must be positive and finite, got {value!r}")
