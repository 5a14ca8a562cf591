"""Image of a field too large to be held: it is cut, never read whole."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from functools import cached_property
from typing import Any

import numpy as np

from sigden.errors import InputError, ParameterError
from sigden.multiband.data.observation import Observation
from sigden.multiband.data.scene_image import SceneImage
from sigden.multiband.psf.images import crop_psf

__all__ = ["Mosaic", "cut_wcs"]

Box = tuple[int, int, int, int]
"""First and past-the-last row, first and past-the-last column."""

_WIDEST_PSF = 1.0 - 1e-9


@dataclass(frozen=True, eq=False)
class Mosaic(SceneImage):
    """Image of a field in one band, of which parts become observations.

    Parameters
    ----------
    image : array, shape (rows, columns)
        Anything with a `shape` of which ``image[rows, columns]`` gives a part that NumPy understands: an
        array, a memory map, a dask or HDF5 array, a section of a FITS file.
    psf, band, sigma, variance, scale, offset, wcs, psf_scale, psf_includes_pixel, mask, unit, background, \
surface_brightness, psf_nodes
        As in `Observation`; maps may be of the same kinds as `image`. In a part a varying PSF is that at its
        middle.
    mask_invalid : bool, optional
        Whether pixels that are NaN, or whose noise is NaN, infinite or zero, are masked instead of refused.

    Raises
    ------
    InputError
        If the image is no image or a map does not fit it.
    ParameterError
        If the scale is missing or a number is out of range.

    Notes
    -----
    Values are looked at when a part is cut, not before.
    """

    mask_invalid: bool = field(default=False, kw_only=True)

    def __post_init__(self) -> None:
        what = self._what
        shape = getattr(self.image, "shape", ())
        if len(shape) != 2 or 0 in shape:
            raise InputError(f"{what}: image must be (rows, columns), got shape {tuple(shape)}")
        for name in ("sigma", "variance", "mask", "background"):
            given = getattr(self, name)
            if getattr(given, "shape", ()) and tuple(given.shape) != tuple(shape):
                raise InputError(
                    f"{what}: {name} of shape {tuple(given.shape)} does not fit the image {tuple(shape)}"
                )
        if self.sigma is not None and self.variance is not None:
            raise ParameterError(f"{what}: both sigma and variance are given; give one")
        self._settle_place()

    @classmethod
    def of(cls, observation: Observation | Mosaic) -> Mosaic:
        """Mosaic of an observation in memory.

        Parameters
        ----------
        observation : Observation or Mosaic
            A mosaic is returned as it is.

        Returns
        -------
        Mosaic
            The same image.
        """
        if isinstance(observation, Mosaic):
            return observation
        return cls(**{f.name: getattr(observation, f.name) for f in fields(SceneImage)})

    @cached_property
    def whole(self) -> Box:
        """Box of all pixels."""
        return 0, self.shape[0], 0, self.shape[1]

    def cut(
        self,
        box: Box,
        *,
        shift: tuple[float, float] = (0.0, 0.0),
        mirror: tuple[bool, bool, bool, bool] = (False, False, False, False),
    ) -> Observation | None:
        """Part of the image as an observation.

        Parameters
        ----------
        box : tuple of int
            First and past-the-last row, first and past-the-last column. What is beyond the image is filled
            with masked pixels.
        shift : tuple of float, optional
            Added to the offset (row, column) of the part, in arcsec: where the part's grid begins, negative.
        mirror : tuple of bool, optional
            Whether the image goes on mirrored, instead of masked, before its first and behind its last row,
            before its first and behind its last column.

        Returns
        -------
        Observation or None
            The part; None if it holds no pixel with data.

        Raises
        ------
        InputError
            As `Observation` does.
        """
        first, last, left, right = box
        rows, columns = self.shape
        inner = slice(max(first, 0), min(last, rows)), slice(max(left, 0), min(right, columns))
        if inner[0].start >= inner[0].stop or inner[1].start >= inner[1].stop:
            return None
        around = (
            (inner[0].start - first, last - inner[0].stop),
            (inner[1].start - left, right - inner[1].stop),
        )
        image = _native(self.image[inner])
        maps = {name: _part(getattr(self, name), inner) for name in ("sigma", "variance", "background")}
        mask = _part(self.mask, inner)
        mask = None if mask is None else np.asarray(mask, dtype=bool)
        if self.mask_invalid:
            mask = _invalid(image, maps, mask)
        if any(max(side) for side in around):
            if mask is None:
                mask = np.zeros(image.shape, dtype=bool)
            image = _extended(image, around, mirror, {"mode": "constant"})
            mask = _extended(mask, around, mirror, {"mode": "constant", "constant_values": True})
            maps = {
                # what stands under the mask must only be a valid noise
                name: _extended(value, around, mirror, {"mode": "edge"}) if np.ndim(value) else value
                for name, value in maps.items()
            }
        if mask is not None:
            if mask.all():
                return None
            if not mask.any():
                mask = None
        part = Observation(
            image,
            self._local_psf(box),
            self.band,
            **maps,
            scale=self.scale,
            offset=(
                self.offset[0] + first * self.pixel_scale + shift[0],
                self.offset[1] + left * self.pixel_scale + shift[1],
            ),
            wcs=None if self.wcs is None else cut_wcs(self.wcs, first, left),
            psf_scale=self.psf_scale,
            psf_includes_pixel=self.psf_includes_pixel,
            mask=mask,
            unit=self.unit,
            surface_brightness=self.surface_brightness,
        )
        if not callable(self.psf) and self.psf.ndim == 2:
            vars(part)["transfers"] = self._transfers
        return part

    @cached_property
    def _transfers(self) -> dict[Any, Any]:
        """Transfer functions of the one PSF, which parts of one size have in common."""
        return {}

    def _local_psf(self, box: Box) -> Any:
        """PSF in the middle of a box, no larger than the box."""
        middle = (box[0] + box[1] - 1) / 2, (box[2] + box[3] - 1) / 2
        row, column = (min(max(m, 0.0), n - 1.0) for m, n in zip(middle, self.shape, strict=True))
        if callable(self.psf):
            psf = self.psf(row, column)
        elif self.psf.ndim == 4:
            psf = _between(self.psf, row / max(self.shape[0] - 1, 1), column / max(self.shape[1] - 1, 1))
        else:
            psf = self.psf
        fits = [
            int((b - a) * self.pixel_scale / float(self.psf_scale or 1.0) / _WIDEST_PSF)
            for a, b in (box[:2], box[2:])
        ]
        if all(n <= limit for n, limit in zip(psf.shape, fits, strict=True)):
            return psf
        return crop_psf(psf, (max(fits[0], 1), max(fits[1], 1)))


def cut_wcs(wcs: Any, row: int, column: int) -> Any:
    """WCS of the part of an image that begins at a pixel, which may lie before the image."""
    if (row, column) == (0, 0):
        return wcs
    from astropy.wcs import Sip

    out = wcs.deepcopy()
    out.wcs.crpix = out.wcs.crpix - (column, row)
    if out.sip is not None:
        sip = out.sip
        out.sip = Sip(sip.a, sip.b, sip.ap, sip.bp, sip.crpix - (column, row))
    out.pixel_shape = None
    return out


def _part(value: Any, inner: tuple[slice, slice]) -> Any:
    if not getattr(value, "shape", ()):
        return value
    part = np.asarray(value[inner])
    return part if part.dtype.kind == "b" else _native(part)


def _native(part: Any) -> np.ndarray:
    values = np.asarray(part)
    return values.astype(values.dtype.newbyteorder("="), copy=False)


def _invalid(image: np.ndarray, maps: dict[str, Any], mask: Any) -> np.ndarray:
    bad = ~np.isfinite(image)
    for name in ("sigma", "variance"):
        if getattr(maps[name], "shape", ()):
            bad |= ~np.isfinite(maps[name]) | (maps[name] == 0)
    return bad if mask is None else bad | mask


def _extended(
    values: np.ndarray,
    around: tuple[tuple[int, int], tuple[int, int]],
    mirror: tuple[bool, bool, bool, bool],
    else_: dict[str, Any],
) -> np.ndarray:
    """Array with more rows and columns on each side, mirrored or as `else_` says."""
    for axis in (0, 1):
        for end in (0, 1):
            width = [(0, 0), (0, 0)]
            width[axis] = (around[axis][0], 0) if end == 0 else (0, around[axis][1])
            options: dict[str, Any] = {"mode": "symmetric"} if mirror[2 * axis + end] else else_
            values = np.pad(values, width, **options)
    return values


def _between(grid: Any, down: float, right: float) -> Any:
    """Bilinear mean of a grid of PSFs at a place given as parts of the image's height and width."""
    out = 0.0
    for i, row_share in _neighbours(down, grid.shape[0]):
        for j, column_share in _neighbours(right, grid.shape[1]):
            out = out + row_share * column_share * grid[i, j]
    return out


def _neighbours(part: float, nodes: int) -> list[tuple[int, float]]:
    if nodes == 1:
        return [(0, 1.0)]
    at = part * (nodes - 1)
    first = min(int(at), nodes - 2)
    return [(first, 1.0 - (at - first)), (first + 1, at - first)]
