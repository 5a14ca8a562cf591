"""Pixel grid of the scene, and where the pixels of an observation fall on it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from sigden.errors import InputError, ParameterError

__all__ = ["Grid", "checked_offset", "checked_scale", "checked_wcs", "resolved_scale"]


def checked_scale(scale: Any, what: str) -> float:
    """Pixel side in arcsec, positive and finite."""
    try:
        value = float(scale)
    except (TypeError, ValueError) as error:
        raise ParameterError(f"{what}: expected arcsec per pixel, got {scale!r}") from error
    if not (math.isfinite(value) and value > 0):
        raise ParameterError(f"{what}: must be positive and finite, got {scale!r}")
    return value


def checked_offset(offset: Any, what: str) -> tuple[float, float]:
    """Offset (row, column) in arcsec, finite."""
    try:
        row, column = (float(value) for value in offset)
    except (TypeError, ValueError) as error:
        raise ParameterError(f"{what}: expected (row, column) in arcsec, got {offset!r}") from error
    if not (math.isfinite(row) and math.isfinite(column)):
        raise ParameterError(f"{what}: must be finite, got {offset!r}")
    return row, column


def checked_wcs(wcs: Any, what: str) -> Any:
    """Celestial WCS of two axes."""
    celestial = getattr(wcs, "celestial", None)
    if celestial is None or celestial.naxis != 2:
        raise InputError(f"{what}: no celestial WCS of two axes, got {type(wcs).__name__}")
    return celestial


def wcs_scale(wcs: Any) -> float:
    """Side in arcsec of a square of a pixel's area at the reference point."""
    from astropy.wcs.utils import proj_plane_pixel_area

    return math.sqrt(float(proj_plane_pixel_area(wcs))) * 3600.0


@dataclass(frozen=True, eq=False)
class Grid:
    """Common high-resolution pixel grid.

    Parameters
    ----------
    shape : tuple of int
        Rows and columns.
    scale : float
        Arcsec per pixel, square pixels.
    wcs : astropy.wcs.WCS, optional
        Where the pixels are in the sky. Without it the centre of pixel (0, 0) is at offset (0, 0) arcsec and
        offsets grow along rows and columns.

    Raises
    ------
    InputError
        If `wcs` is no celestial WCS.
    ParameterError
        If `shape` or `scale` is not positive, or `scale` differs by more than one per cent from `wcs`.
    """

    shape: tuple[int, int]
    scale: float
    wcs: Any = None

    def __post_init__(self) -> None:
        shape = tuple(self.shape) if isinstance(self.shape, (tuple, list)) else ()
        if len(shape) != 2 or not all(int(n) == n and n > 0 for n in shape):
            raise ParameterError(f"Grid shape: must be two positive integers, got {self.shape!r}")
        wcs = None if self.wcs is None else checked_wcs(self.wcs, "Grid wcs")
        object.__setattr__(self, "shape", (int(shape[0]), int(shape[1])))
        object.__setattr__(self, "wcs", wcs)
        object.__setattr__(self, "scale", resolved_scale(self.scale, wcs, "Grid"))

    @classmethod
    def from_wcs(cls, shape: tuple[int, int], wcs: Any) -> Grid:
        """Grid whose pixel scale is that of a WCS.

        Parameters
        ----------
        shape : tuple of int
            Rows and columns.
        wcs : astropy.wcs.WCS
            Where the pixels are in the sky.

        Returns
        -------
        Grid
            The grid.

        Raises
        ------
        InputError
            If `wcs` is no celestial WCS.
        ParameterError
            If `shape` is not positive.
        """
        return cls(shape, resolved_scale(None, checked_wcs(wcs, "Grid wcs"), "Grid"), wcs)


def resolved_scale(scale: Any, wcs: Any, what: str) -> float:
    """Given scale, or that of the WCS; both must agree to one per cent."""
    if scale is None and wcs is None:
        raise ParameterError(f"{what}: neither scale nor wcs is given; one of them must tell the pixel size")
    if wcs is None:
        return checked_scale(scale, f"{what} scale")
    own = wcs_scale(wcs)
    if scale is None:
        return own
    given = checked_scale(scale, f"{what} scale")
    if abs(given / own - 1.0) > 0.01:
        raise ParameterError(f'{what}: scale {given:g}" does not agree with {own:g}" of its wcs')
    return given
