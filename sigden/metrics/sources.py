"""Figures of merit of images of the sky: structure, flux and colour of the sources, background."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

import numpy as np

from sigden.errors import InputError, ParameterError
from sigden.metrics.image import _pair

__all__ = [
    "aperture_flux",
    "background_rms",
    "colour_error",
    "flux_error",
    "nmse",
    "sources_mask",
    "ssim",
]

_SUBPIXELS = 10
_WINDOW = 1.5  # standard deviation of the SSIM window, pixels; cut to 11 x 11
_HALF_WINDOW = 5


def nmse(estimate: Any, truth: Any, *, mask: Any = None) -> float:
    """Normalised mean squared error.

    Parameters
    ----------
    estimate, truth : array
        Same shape.
    mask : array of bool, optional
        True where a pixel is ignored.

    Returns
    -------
    float
        :math:`\\|u - h\\|^2 / \\|h\\|^2`; 1 for an estimate of zero.

    Raises
    ------
    InputError
        If the shapes differ, no pixel is left, a value is not finite, or the truth is zero everywhere.
    """
    u, h = _pair(estimate, truth, mask)
    top = float(np.abs(h).max())
    if top == 0:
        raise InputError("nmse: the truth is zero everywhere")
    return float(np.sum(((u - h) / top) ** 2) / np.sum((h / top) ** 2))


def ssim(estimate: Any, truth: Any, *, data_range: float | None = None) -> float:
    """Structural similarity, averaged over the image.

    Parameters
    ----------
    estimate, truth : array, shape (rows, columns)
        Same shape, at least 11 x 11.
    data_range : float, optional
        Largest minus smallest possible value; that of the truth by default.

    Returns
    -------
    float
        At most 1, reached by the truth.

    Raises
    ------
    InputError
        As `nmse`, if an image is too small, or if the truth is constant and no range is given.
    ParameterError
        If the range is not positive.

    Notes
    -----
    .. math:: \\frac{(2 \\mu_u \\mu_h + C_1)(2 \\sigma_{uh} + C_2)}
              {(\\mu_u^2 + \\mu_h^2 + C_1)(\\sigma_u^2 + \\sigma_h^2 + C_2)}

    with local means and covariances in a Gaussian window of 11 x 11 pixels and standard deviation 1.5,
    ``C1 = (0.01 L)^2``, ``C2 = (0.03 L)^2`` for the range L, averaged where the window lies inside [1]_.

    References
    ----------
    .. [1] Z. Wang, A. C. Bovik, H. R. Sheikh and E. P. Simoncelli, "Image quality assessment: from error
       visibility to structural similarity", IEEE Trans. Image Process. 13 (2004) 600, section III.B and C.
    """
    from scipy.ndimage import gaussian_filter

    u, h = _pair(estimate, truth, None)
    if h.ndim != 2 or min(h.shape) < 2 * _HALF_WINDOW + 1:
        raise InputError(f"ssim: needs an image of at least 11 x 11 pixels, got shape {h.shape}")
    if data_range is not None and not data_range > 0:
        raise ParameterError(f"data_range: must be positive, got {data_range}")
    span = float(h.max() - h.min()) if data_range is None else float(data_range)
    if span == 0:
        raise InputError("ssim: the truth is constant; give the data_range")
    # of order one: squares of very small or large units would underflow or overflow
    u, h = u / span, h / span

    def local(x: Any) -> Any:
        mean = gaussian_filter(x, _WINDOW, radius=_HALF_WINDOW)
        return mean[_HALF_WINDOW:-_HALF_WINDOW, _HALF_WINDOW:-_HALF_WINDOW]

    mean_u, mean_h = local(u), local(h)
    variances = local(u * u) - mean_u**2 + local(h * h) - mean_h**2
    covariance = local(u * h) - mean_u * mean_h
    c1, c2 = 0.01**2, 0.03**2
    top = (2 * mean_u * mean_h + c1) * (2 * covariance + c2)
    return float(np.mean(top / ((mean_u**2 + mean_h**2 + c1) * (variances + c2))))


def aperture_flux(image: Any, row: float, column: float, radius: float) -> Any:
    """Sum inside a circle.

    Parameters
    ----------
    image : array, shape ``(..., rows, columns)``
        Flux per pixel.
    row, column : float
        Centre, in pixels; 0 is the centre of the first one.
    radius : float
        Pixels.

    Returns
    -------
    float64 array, shape of the leading axes
        Pixels on the rim count with their part inside, on 10 x 10 points.

    Raises
    ------
    InputError
        If the circle leaves the image.
    ParameterError
        If the radius is not positive.
    """
    values = np.asarray(image, dtype=np.float64)
    if not radius > 0:
        raise ParameterError(f"radius: must be positive, got {radius}")
    rows, columns = values.shape[-2:]
    if not (radius <= row + 0.5 <= rows - radius and radius <= column + 0.5 <= columns - radius):
        raise InputError(
            f"aperture of radius {radius:g} at ({row:g}, {column:g}) leaves the image, "
            f"{rows} x {columns} pixels"
        )
    low = max(0, math.floor(row - radius)), max(0, math.floor(column - radius))
    high = min(rows, math.ceil(row + radius) + 1), min(columns, math.ceil(column + radius) + 1)
    sub = (np.arange(_SUBPIXELS) + 0.5) / _SUBPIXELS - 0.5
    fine = [
        (np.arange(a, b)[:, None] + sub).ravel() - centre
        for a, b, centre in zip(low, high, (row, column), strict=True)
    ]
    inside = np.hypot(fine[0][:, None], fine[1]) <= radius
    weight = inside.reshape(high[0] - low[0], _SUBPIXELS, high[1] - low[1], _SUBPIXELS).mean(axis=(1, 3))
    return np.sum(values[..., low[0] : high[0], low[1] : high[1]] * weight, axis=(-2, -1))


def flux_error(
    estimate: Any, truth: Any, positions: Iterable[tuple[float, float]], *, radius: float = 8.0
) -> Any:
    """Relative error of aperture fluxes.

    Parameters
    ----------
    estimate, truth : array, shape ``(..., rows, columns)``
        Flux per pixel.
    positions : iterable of (row, column)
        Sources, in pixels.
    radius : float
        Of the aperture, pixels.

    Returns
    -------
    float64 array, shape ``(sources, ...)``
        ``F_estimate / F_truth - 1``, of any sign.

    Raises
    ------
    InputError
        As `aperture_flux`, or if the shapes differ.
    """
    fluxes = _apertures(estimate, truth, positions, radius)
    return fluxes[0] / fluxes[1] - 1


def colour_error(
    estimate: Any,
    truth: Any,
    positions: Iterable[tuple[float, float]],
    *,
    radius: float = 8.0,
    bands: tuple[int, int] = (0, -1),
) -> Any:
    """Error of the colour in an aperture.

    Parameters
    ----------
    estimate, truth : array, shape (bands, rows, columns)
        Flux per pixel.
    positions : iterable of (row, column)
        Sources, in pixels.
    radius : float
        Of the aperture, pixels.
    bands : tuple of int
        The two bands whose difference of magnitudes is the colour.

    Returns
    -------
    float64 array, shape (sources,)
        Colour of the estimate minus that of the truth, magnitudes; NaN where a flux is not positive.

    Raises
    ------
    InputError
        As `flux_error`.
    """
    fluxes = _apertures(estimate, truth, positions, radius)[:, :, list(bands)]
    fluxes = np.where(fluxes > 0, fluxes, np.nan)
    colours = -2.5 * np.log10(fluxes[..., 0] / fluxes[..., 1])
    return colours[0] - colours[1]


def background_rms(image: Any, *, mask: Any = None) -> Any:
    """Standard deviation of the pixels without sources.

    Parameters
    ----------
    image : array, shape ``(..., rows, columns)``
        Image, or one per band.
    mask : array of bool, shape (rows, columns), optional
        True where a pixel is not background, see `sources_mask`.

    Returns
    -------
    float64 array, shape of the leading axes
        About the mean, in the unit of the image.

    Raises
    ------
    InputError
        If fewer than two pixels are left.
    """
    values = np.asarray(image, dtype=np.float64)
    core = values.shape[-2:]
    keep = np.ones(core, dtype=bool) if mask is None else ~np.asarray(mask, dtype=bool)
    if keep.shape != core:
        raise InputError(f"background_rms: mask has shape {keep.shape}, the image {core}")
    if np.count_nonzero(keep) < 2:
        raise InputError("background_rms: fewer than two pixels are left")
    return np.std(values[..., keep], axis=-1)


def sources_mask(
    shape: tuple[int, int], positions: Iterable[tuple[float, float]], *, radius: float = 8.0, border: int = 0
) -> Any:
    """Map of the pixels near sources.

    Parameters
    ----------
    shape : tuple of int
        Rows and columns.
    positions : iterable of (row, column)
        Sources, in pixels.
    radius : float
        Pixels.
    border : int
        Pixels along the border that are marked too.

    Returns
    -------
    array of bool, shape `shape`
        True near a source and at the border.
    """
    row, column = np.ogrid[: shape[0], : shape[1]]
    out = np.zeros(shape, dtype=bool)
    for y, x in positions:
        out |= np.hypot(row - y, column - x) < radius
    if border > 0:
        out[:border], out[-border:], out[:, :border], out[:, -border:] = True, True, True, True
    return out


def _apertures(estimate: Any, truth: Any, positions: Iterable[tuple[float, float]], radius: float) -> Any:
    """Fluxes of estimate and truth, shape (2, sources, ...)."""
    u, h = np.asarray(estimate), np.asarray(truth)
    if u.shape != h.shape:
        raise InputError(f"metric: shapes {u.shape} and {h.shape} differ")
    places = list(positions)
    if not places:
        return np.zeros((2, 0, *h.shape[:-2]))
    return np.asarray([[aperture_flux(x, row, column, radius) for row, column in places] for x in (u, h)])
