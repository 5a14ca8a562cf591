"""One observation on a grid with a margin, so that light from beyond its borders has a place."""

from __future__ import annotations

import math
from copy import deepcopy
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from sigden.arrays import is_numpy, namespace
from sigden.errors import InputError
from sigden.multiband.data.geometry import commensurate_factor, footprint
from sigden.multiband.data.grid import Grid
from sigden.multiband.data.observation import Observation, check_observations
from sigden.multiband.forward.operator import forward_operator
from sigden.multiband.psf.spectrum import gaussian_transfer
from sigden.operators import CircularConvolve, LinearOperator

__all__ = ["PaddedProblem", "padded_problem"]


@dataclass(frozen=True, eq=False)
class PaddedProblem:
    """Data, weights and operator of one observation on a grid with a margin.

    Parameters
    ----------
    operator : LinearOperator
        From the scene with its margin to the image, border pixels without weight included.
    data : numpy.ndarray
        Image, background taken off, zero where the weight is.
    weight : numpy.ndarray
        Inverse variance, zero where there are no data.
    background : numpy.ndarray
        Level that was taken off.
    grid : Grid
        Grid with its margin.
    inside : tuple of slice
        Where the user's grid lies on it.
    """

    operator: LinearOperator
    data: Any
    weight: Any
    background: Any
    grid: Grid
    inside: tuple[slice, slice]

    @property
    def known(self) -> Any:
        """Pixels with data."""
        return self.weight > 0

    def at_target(self, scene: Any, fwhm: float) -> Any:
        """Scene at a Gaussian PSF of a FWHM in arcsec, its margin cut off."""
        shape = self.grid.shape
        transfer = gaussian_transfer(shape, self.grid.scale, fwhm).astype(complex)
        return CircularConvolve.from_transfer(transfer, shape)(scene)[self.inside]


def padded_problem(observation: Observation, grid: Grid) -> PaddedProblem:
    """Problem of one observation with a margin as wide as half its PSF.

    Parameters
    ----------
    observation : Observation
        Any pixels; NumPy arrays.
    grid : Grid
        Pixel grid of the estimate.

    Returns
    -------
    PaddedProblem
        Data, weights and operator.

    Raises
    ------
    InputError
        If the arrays are not NumPy's, or no pixel with data falls on the grid.
    ParameterError
        If the observation has no noise level.

    Notes
    -----
    Sources beyond the border of the grid, whose light the border pixels hold, land in the margin instead of
    being piled up within the border or wrapped around it.
    """
    check_observations([observation])
    if not is_numpy(namespace(observation.image)):
        raise InputError(
            f"band {observation.band!r}: single-image methods need NumPy arrays; move it to the host"
        )
    factor = commensurate_factor(observation, grid)
    half = max(observation.psf_grid.shape[-2:]) / 2 * float(observation.psf_scale or 0.0)
    background = np.broadcast_to(
        np.asarray(observation.background * observation.flux_factor, dtype=np.float64), observation.shape
    )
    data = np.asarray(observation.values, dtype=np.float64)
    weight = np.asarray(observation.weight)
    if factor is None or observation.varying_psf:
        cells = math.ceil(half / grid.scale) + 1
        observation, wide = _shifted(observation, grid, cells)
        weight = np.where(footprint(observation, wide), weight, 0.0)
    else:
        native = math.ceil(half / observation.pixel_scale) + 1
        cells = native * factor
        wide = Grid(_grown(grid.shape, cells), grid.scale)
        data, weight, background = (np.pad(a, native) for a in (data, weight, background))
        place = (factor - 1) / 2 * grid.scale
        # Blocks of the same pixels, wherever in the sky: a plain offset says it all.
        observation = replace(
            observation,
            image=data,
            sigma=1.0,
            variance=None,
            mask=None,
            background=0.0,
            wcs=None,
            scale=factor * grid.scale,
            offset=(place, place),
            surface_brightness=False,
        )
    if not (weight > 0).any():
        raise InputError(f"band {observation.band!r}: no pixel with data falls on the grid")
    inside = (slice(cells, cells + grid.shape[0]), slice(cells, cells + grid.shape[1]))
    data = np.where(weight > 0, data, 0.0)
    return PaddedProblem(forward_operator(observation, wide), data, weight, background, wide, inside)


def _grown(shape: tuple[int, int], cells: int) -> tuple[int, int]:
    return shape[0] + 2 * cells, shape[1] + 2 * cells


def _shifted(observation: Observation, grid: Grid, cells: int) -> tuple[Observation, Grid]:
    """Observation and grid after `cells` pixels have been put before the grid's first ones."""
    shape = _grown(grid.shape, cells)
    if grid.wcs is None:
        move = cells * grid.scale
        offset = (observation.offset[0] + move, observation.offset[1] + move)
        return replace(observation, offset=offset), Grid(shape, grid.scale)
    wcs = deepcopy(grid.wcs)
    if wcs.sip is not None or wcs.cpdis1 is not None:
        raise InputError("grid wcs: distortions are no pixel grid for an estimate; give a plain projection")
    wcs.wcs.crpix = wcs.wcs.crpix + cells
    return observation, Grid(shape, grid.scale, wcs)
