"""Local colour through forward operators: any pixels, masks and noise maps."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from sigden.errors import InputError
from sigden.multiband.data.geometry import commensurate_factor, footprint, grid_to_native
from sigden.multiband.data.grid import Grid
from sigden.multiband.data.observation import Observation
from sigden.multiband.data.response import Response, check_response
from sigden.multiband.forward.operator import forward_operator
from sigden.multiband.joint.scene_prior import sharpness
from sigden.multiband.single.wiener import WienerDeconvolution

if TYPE_CHECKING:
    from sigden.multiband.joint.local_colour import LocalColour

__all__ = ["ColourField", "any_pixels", "closed_form"]

_FWHM_TO_SIGMA = 1.0 / math.sqrt(8.0 * math.log(2.0))


@dataclass(frozen=True, eq=False)
class ColourField:
    """Bands, their images and colours, shape (bands, rows, columns), and the deconvolved wide band."""

    bands: tuple[str, ...]
    estimate: Any
    colour: Any
    wide: Any


def closed_form(observations: Sequence[Observation], grid: Grid, response: Response) -> bool:
    """Whether all pixels are blocks of the grid's, with one PSF and one noise level for each image."""
    factors = [commensurate_factor(one, grid) or 0 for one in observations]
    wide = [f for one, f in zip(observations, factors, strict=True) if one.band in response]
    if not all(factors) or (wide and min(wide) > 1):
        return False
    for one in observations:
        if one.varying_psf:
            return False
        weight = np.asarray(one.weight)
        known = weight if one.mask is None else weight[~np.asarray(one.mask)]
        if known.min() != known.max():
            return False
    return True


def any_pixels(
    window: LocalColour, observations: Sequence[Observation], grid: Grid, response: Response
) -> ColourField:
    """Images of all bands from the sharpest wide one and local colours.

    Parameters
    ----------
    window : LocalColour
        Target PSF, window and scatter of colours.
    observations : sequence of Observation
        Any pixels.
    grid : Grid
        Pixel grid of the estimate.
    response : mapping
        Weight of each band in every wide band.

    Returns
    -------
    ColourField
        Images at the target PSF.

    Raises
    ------
    InputError
        If no observation is of a wide band or all are, or a band's total flux is not positive.
    ParameterError
        If a wide band mixes one that none shows.
    """
    bands = check_response(observations, response)
    wide = [o for o in observations if o.band in response]
    if not wide:
        raise InputError("observations: local colour needs a narrow band and a wide one of `response`")
    sharpest = max(wide, key=sharpness)
    solution = WienerDeconvolution(target_fwhm=window.target_fwhm).solve(sharpest, grid)
    image, scene = solution.estimate, solution.details["scene"]
    colour = np.stack([_colour(window, [o for o in observations if o.band == b], scene, grid) for b in bands])
    return ColourField(bands, colour * image, colour, image)


def _colour(window: LocalColour, observations: Sequence[Observation], scene: Any, grid: Grid) -> Any:
    """Ratio of a band to the wide one in every pixel of the grid."""
    from scipy.ndimage import gaussian_filter, map_coordinates

    seen = [forward_operator(o, grid)(scene) for o in observations]
    weight = [np.where(footprint(o, grid), np.asarray(o.weight), 0.0) for o in observations]
    known = [w > 0 for w in weight]
    data = [np.where(k, np.asarray(o.values, float), 0.0) for o, k in zip(observations, known, strict=True)]
    light = [sum(float(x[k].sum()) for x, k in zip(images, known, strict=True)) for images in (data, seen)]
    if not min(light) > 0:
        raise InputError(
            f"band {observations[0].band!r}: its total flux and the wide band's must be positive"
        )
    mean = light[0] / light[1]
    precision = (window.colour_scatter * mean) ** -2
    top, bottom = np.full(grid.shape, precision * mean), np.full(grid.shape, precision)
    for one, v, w, y in zip(observations, seen, weight, data, strict=True):
        width = window.window_fwhm * _FWHM_TO_SIGMA / one.pixel_scale
        area = max(2.0 * math.pi * width**2, 1.0)
        places = grid_to_native(one, grid, *np.indices(grid.shape, dtype=float))
        for total, part in ((top, w * v * y), (bottom, w * v**2)):
            summed = area * gaussian_filter(part, width, mode="constant")
            total += map_coordinates(summed, places, order=1, mode="constant")
    return top / bottom
