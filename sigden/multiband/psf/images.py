"""Point-spread functions: centred, odd-sized images of unit sum."""

from __future__ import annotations

import math
import warnings
from typing import Any

from sigden.arrays import as_floating, device_of, require_array, require_finite
from sigden.errors import InputError, ParameterError

__all__ = [
    "OffCentrePSFWarning",
    "TruncatedPSFWarning",
    "centre_psf",
    "check_psf",
    "crop_psf",
    "gaussian_psf",
    "normalise_psf",
    "resample_psf",
]

SUM_TOLERANCE = 1e-3
"""Largest departure of a PSF's sum from one."""
EDGE_FRACTION = 1e-3
"""Largest value at the edge of a PSF, as a fraction of its peak, that passes without a warning."""
OFF_CENTRE = (0.75, 0.03)
"""Samples, and parts of the PSF's width, by both of which its light may be off the middle sample."""
FWHM_PER_SIGMA = 2.0 * math.sqrt(2.0 * math.log(2.0))


class TruncatedPSFWarning(UserWarning):
    """The PSF has not fallen to nothing at the edge of its image; a deconvolution will ring there."""


class OffCentrePSFWarning(UserWarning):
    """The light of the PSF is not centred on the middle sample; what is deconvolved moves by as much."""


def check_psf(psf: Any, what: str = "psf") -> Any:
    """PSF image that can be used, in floating dtype.

    Parameters
    ----------
    psf : array, shape ``(..., rows, columns)``
        Samples of the PSF, odd numbers of rows and columns, origin in the middle sample.
    what : str, optional
        Name used in errors.

    Returns
    -------
    array, shape ``(..., rows, columns)``
        float32 stays float32, all else becomes float64.

    Raises
    ------
    InputError
        If the PSF is not an image, has an even size, holds a non-finite value or does not sum to one within
        one part in a thousand.

    Warns
    -----
    TruncatedPSFWarning
        If the mean of the outermost rows and columns exceeds a thousandth of the peak.
    OffCentrePSFWarning
        If the centre of the squared PSF, which wings hardly move, is farther from the middle sample than 0.75
        samples and 0.03 of the PSF's width, the diameter of a disc of its noise-equivalent area.
    """
    xp = require_array(psf, what)
    if psf.ndim < 2 or 0 in psf.shape:
        raise InputError(f"{what}: a PSF is an image (rows, columns), got shape {tuple(psf.shape)}")
    rows, columns = psf.shape[-2:]
    if rows % 2 == 0 or columns % 2 == 0:
        raise InputError(
            f"{what}: even-sized PSF of {rows} x {columns} has no middle sample; recentre it with centre_psf "
            "(in a scene file psf.recentre = true)"
        )
    values = as_floating(psf, what)
    require_finite(values, what)
    total = xp.sum(values, axis=(-2, -1), dtype=xp.float64)
    worst = float(xp.max(xp.abs(total - 1.0)))
    if worst > SUM_TOLERANCE:
        raise InputError(
            f"{what}: the PSF is not normalised, its sum is {float(xp.sum(total)) / _count(psf):.6g}; "
            "use normalise_psf (in a scene file psf.normalise = true)"
        )
    _warn_truncated(xp, values, what)
    _warn_off_centre(xp, values, what)
    return values


def _count(psf: Any) -> int:
    return math.prod(psf.shape[:-2])


def _warn_truncated(xp: Any, psf: Any, what: str) -> None:
    rows, columns = psf.shape[-2:]
    if rows < 3 or columns < 3:
        return
    inside = xp.sum(psf[..., 1:-1, 1:-1], axis=(-2, -1), dtype=xp.float64)
    edge = (xp.sum(psf, axis=(-2, -1), dtype=xp.float64) - inside) / (2 * (rows + columns) - 4)
    peak = xp.astype(xp.max(psf, axis=(-2, -1)), xp.float64)
    fraction = float(xp.max(edge / peak))
    if fraction > EDGE_FRACTION:
        warnings.warn(
            f"{what}: the PSF is cut off while its wings still hold {fraction:.2g} of its peak; "
            "give a larger image of it",
            TruncatedPSFWarning,
            stacklevel=3,
        )


def _warn_off_centre(xp: Any, psf: Any, what: str) -> None:
    squared = xp.astype(psf, xp.float64) ** 2
    squared = xp.sum(xp.reshape(squared, (-1, *psf.shape[-2:])), axis=0)
    total = float(xp.sum(squared))
    moved = []
    for axis in (0, 1):
        line = xp.sum(squared, axis=1 - axis)
        half = line.shape[0] // 2
        place = xp.arange(-half, half + 1, dtype=xp.float64, device=device_of(psf))
        # no minus zero in the message
        moved.append(round(float(xp.sum(place * line)) / total, 4) + 0.0)
    width = 2.0 * math.sqrt(_count(psf) / (math.pi * total))
    if math.hypot(*moved) > max(OFF_CENTRE[0], OFF_CENTRE[1] * width):
        rows, columns = (n // 2 + m for n, m in zip(psf.shape[-2:], moved, strict=True))
        warnings.warn(
            f"{what}: the light of the PSF is centred {moved[0]:+.2f} rows and {moved[1]:+.2f} columns from "
            "its middle sample, and what is deconvolved will be moved by as much; if that is not meant, "
            f"recentre it with centre_psf(psf, origin=({rows:.2f}, {columns:.2f})) or the origin that its "
            "maker states",
            OffCentrePSFWarning,
            stacklevel=3,
        )


def normalise_psf(psf: Any) -> Any:
    """PSF divided by its sum.

    Parameters
    ----------
    psf : array, shape ``(..., rows, columns)``
        Samples of the PSF.

    Returns
    -------
    array, shape ``(..., rows, columns)``
        Samples of unit sum.

    Raises
    ------
    InputError
        If the sum is not positive and finite.
    """
    xp = require_array(psf, "psf")
    values = as_floating(psf, "psf")
    total = xp.sum(values, axis=(-2, -1), keepdims=True)
    if not bool(xp.all(xp.isfinite(total) & (total > 0))):
        raise InputError("psf: its sum is not positive and finite, so it cannot be normalised")
    return values / total


def centre_psf(psf: Any, origin: tuple[float, float] | None = None) -> Any:
    """PSF with its origin in the middle sample of an odd-sized image.

    Parameters
    ----------
    psf : array, shape ``(rows, columns)``
        Samples of the PSF, of any size.
    origin : tuple of float, optional
        Index (row, column) of the origin, fractions allowed. The middle of the image by default: between
        four samples for an even-sized one.

    Returns
    -------
    array
        Samples around the origin, by sinc interpolation where it falls between samples. The sum is kept.

    Raises
    ------
    InputError
        If the PSF is not an image.
    ParameterError
        If `origin` is outside the image.
    """
    xp = require_array(psf, "psf")
    if psf.ndim != 2 or 0 in psf.shape:
        raise InputError(f"psf: an image (rows, columns) is needed, got shape {tuple(psf.shape)}")
    values = as_floating(psf, "psf")
    size = tuple(int(n) for n in psf.shape)
    given = tuple((n - 1) / 2 for n in size) if origin is None else tuple(float(c) for c in origin)
    if len(given) != 2 or not all(0 <= c <= n - 1 for c, n in zip(given, size, strict=True)):
        raise ParameterError(f"origin: must be (row, column) inside the image {size}, got {origin!r}")
    weights = []
    for n, c in zip(size, given, strict=True):
        half = math.ceil(max(c, n - 1 - c))
        positions = [c + i for i in range(-half, half + 1)]
        weights.append(_sinc_weights(xp, positions, n, values))
    shifted = weights[0] @ values @ xp.matrix_transpose(weights[1])
    return shifted * (xp.sum(values) / xp.sum(shifted))


def crop_psf(psf: Any, shape: tuple[int, int]) -> Any:
    """Middle of a PSF, normalised.

    Parameters
    ----------
    psf : array, shape ``(..., rows, columns)``
        Centred PSF of odd size.
    shape : tuple of int
        Largest (rows, columns) to keep; even numbers are lowered by one.

    Returns
    -------
    array
        At most `shape` samples around the middle, of unit sum.

    Raises
    ------
    ParameterError
        If `shape` is not two positive integers.
    """
    require_array(psf, "psf")
    if len(shape) != 2 or not all(int(n) == n and n > 0 for n in shape):
        raise ParameterError(f"shape: must be two positive integers, got {shape!r}")
    cut = []
    for n, limit in zip(psf.shape[-2:], shape, strict=True):
        half = min(n // 2, (int(limit) - 1) // 2)
        cut.append(slice(n // 2 - half, n // 2 + half + 1))
    return normalise_psf(psf[(..., *cut)])


def gaussian_psf(
    fwhm: float,
    scale: float,
    shape: tuple[int, int] | None = None,
    includes_pixel: bool = True,
    *,
    like: Any = None,
) -> Any:
    """Round Gaussian PSF.

    Parameters
    ----------
    fwhm : float
        Full width at half maximum, arcsec.
    scale : float
        Distance of the samples, arcsec.
    shape : tuple of int, optional
        Odd numbers of rows and columns; wide enough for five standard deviations by default.
    includes_pixel : bool, optional
        True: `fwhm` is that of the effective PSF, pixel included, and the samples are its values. False:
        `fwhm` is that of the optics, and each sample is the mean over a pixel of side `scale`.
    like : array, optional
        Array that tells library and device; NumPy by default.

    Returns
    -------
    array of float64, shape `shape`
        Samples of unit sum.

    Raises
    ------
    ParameterError
        If a number is not positive or a size is even.
    """
    for name, value in (("fwhm", fwhm), ("scale", scale)):
        if not (math.isfinite(value) and value > 0):
            raise ParameterError(f"{name}: must be positive and finite, got {value!r}")
    sigma = fwhm / FWHM_PER_SIGMA / scale
    if shape is None:
        half = math.ceil(5 * sigma + (0 if includes_pixel else 1))
        shape = (2 * half + 1, 2 * half + 1)
    if len(shape) != 2 or not all(int(n) == n and n > 0 and n % 2 == 1 for n in shape):
        raise ParameterError(f"shape: must be two odd positive integers, got {shape!r}")
    sides = [_gaussian_side(sigma, int(n), includes_pixel) for n in shape]
    import numpy as np

    xp = np if like is None else require_array(like, "like")
    place = {} if like is None else {"device": device_of(like)}
    row, column = (xp.asarray(side, dtype=xp.float64, **place) for side in sides)
    return xp.reshape(row, (-1, 1)) * xp.reshape(column, (1, -1))


def _gaussian_side(sigma: float, size: int, samples: bool) -> list[float]:
    places = [i - size // 2 for i in range(size)]
    if samples:
        side = [math.exp(-0.5 * (i / sigma) ** 2) for i in places]
    else:
        root = sigma * math.sqrt(2.0)
        side = [math.erf((i + 0.5) / root) - math.erf((i - 0.5) / root) for i in places]
    total = math.fsum(side)
    return [value / total for value in side]


def resample_psf(psf: Any, psf_scale: float, scale: float, shape: tuple[int, int] | None = None) -> Any:
    """PSF sampled at another distance, by sinc interpolation.

    Parameters
    ----------
    psf : array, shape ``(rows, columns)``
        Centred PSF of odd size.
    psf_scale : float
        Distance of its samples, arcsec.
    scale : float
        Distance of the new samples, arcsec.
    shape : tuple of int, optional
        Odd numbers of rows and columns of the result; the same field by default.

    Returns
    -------
    array, shape `shape`
        Samples of unit sum.

    Raises
    ------
    InputError
        If the PSF has an even size or is not normalised.
    ParameterError
        If a number is not positive or a size is even.

    Notes
    -----
    Exact for a PSF that `psf_scale` samples to its band limit. The values are those of the same function at
    other places: nothing is averaged over the new pixel.
    """
    values = check_psf(psf)
    xp = require_array(values, "psf")
    if values.ndim != 2:
        raise InputError(f"psf: an image (rows, columns) is needed, got shape {tuple(values.shape)}")
    for name, value in (("psf_scale", psf_scale), ("scale", scale)):
        if not (math.isfinite(value) and value > 0):
            raise ParameterError(f"{name}: must be positive and finite, got {value!r}")
    step = scale / psf_scale
    if shape is None:
        halves = [math.floor((n // 2) / step + 1e-9) for n in values.shape]
        shape = (2 * halves[0] + 1, 2 * halves[1] + 1)
    if len(shape) != 2 or not all(int(n) == n and n > 0 and n % 2 == 1 for n in shape):
        raise ParameterError(f"shape: must be two odd positive integers, got {shape!r}")
    weights = []
    for n, m in zip(values.shape, shape, strict=True):
        positions = [n // 2 + (i - m // 2) * step for i in range(m)]
        weights.append(_sinc_weights(xp, positions, n, values))
    return normalise_psf(weights[0] @ values @ xp.matrix_transpose(weights[1]))


def _sinc_weights(xp: Any, positions: list[float], size: int, like: Any) -> Any:
    """Matrix that interpolates `size` samples, with zeros beyond them, at fractional positions."""
    rows = [[_sinc(p - j) for j in range(size)] for p in positions]
    return xp.asarray(rows, dtype=like.dtype, device=device_of(like))


def _sinc(t: float) -> float:
    nearest = round(t)
    if abs(t - nearest) < 1e-12:
        return 1.0 if nearest == 0 else 0.0
    return math.sin(math.pi * t) / (math.pi * t)
