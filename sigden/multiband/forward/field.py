"""Forward operator of any pixels, rotations and PSFs: filter on a padded grid, then resample."""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.fft

from sigden.arrays import device_of, is_numpy, namespace
from sigden.errors import InputError
from sigden.multiband.data.geometry import grid_to_native, local_matrix, native_places
from sigden.multiband.data.grid import Grid
from sigden.multiband.data.observation import Observation
from sigden.multiband.forward.resample import REACH, Embed, SplineResample, spline_response
from sigden.multiband.psf.spectrum import affine_transfer
from sigden.operators import CircularConvolve, LinearOperator

__all__ = ["FieldForward", "node_weights", "resampled_forward"]


class FieldForward(LinearOperator):
    r"""Sum of filters, each for its part of the scene, then sampling.

    .. math:: A x = S \sum_m C_m E (w_m \, x)

    Parameters
    ----------
    filters : sequence of CircularConvolve
        One filter C for each PSF, all of one shape.
    weights : sequence of array or None
        Share w of each PSF in every pixel of the scene; they sum to one. None for all of it.
    embed : LinearOperator
        E, from the scene to the shape of the filters.
    sampler : LinearOperator
        S, from the shape of the filters to the image.

    Raises
    ------
    InputError
        If numbers or shapes do not fit.

    Notes
    -----
    The light of a source is spread by the PSF at the source's place, so that flux is kept whatever the PSF's
    changes over the field.

    References
    ----------
    L. Denis, E. Thiebaut, F. Soulez, J.-M. Becker, R. Mourya, Fast approximations of shift-variant blur,
    International Journal of Computer Vision 115 (2015), 253-278, section 3.
    """

    filters: tuple[CircularConvolve, ...]
    weights: tuple[Any, ...]
    embed: LinearOperator
    sampler: LinearOperator

    def __init__(self, filters: Any, weights: Any, embed: LinearOperator, sampler: LinearOperator) -> None:
        filters, weights = tuple(filters), tuple(weights)
        if not filters or len(filters) != len(weights):
            raise InputError(f"FieldForward: {len(filters)} filters and {len(weights)} weights")
        for one in filters:
            if one.in_shape != embed.out_shape or one.out_shape != sampler.in_shape:
                raise InputError(f"FieldForward: {embed!r}, {one!r} and {sampler!r} do not fit together")
        super().__init__(embed.in_shape, sampler.out_shape, like=filters[0].__dict__["_like"])
        self._set(filters=filters, weights=weights, embed=embed, sampler=sampler)

    def _share(self, xp: Any, index: int, dtype: Any) -> Any:
        memory, key = self.__dict__["_memory"], ("share", index, str(dtype))
        if key not in memory:
            memory[key] = xp.astype(self.weights[index], dtype)
        return memory[key]

    def _weighted(self, xp: Any, index: int, x: Any) -> Any:
        if self.weights[index] is None:
            return x
        return x * self._share(
            xp, index, xp.real(x).dtype if xp.isdtype(x.dtype, "complex floating") else x.dtype
        )

    def _forward(self, xp: Any, x: Any) -> Any:
        total = None
        for index, one in enumerate(self.filters):
            part = one(self.embed(self._weighted(xp, index, x)))
            total = part if total is None else total + part
        return self.sampler(total)

    def _adjoint(self, xp: Any, y: Any) -> Any:
        spread = self.sampler.adjoint(y)
        total = None
        for index, one in enumerate(self.filters):
            part = self._weighted(xp, index, self.embed.adjoint(one.adjoint(spread)))
            total = part if total is None else total + part
        return total


def node_weights(observation: Observation, grid: Grid) -> list[Any]:
    """Share of each PSF of a varying one in every pixel of the grid.

    Parameters
    ----------
    observation : Observation
        Observation with a grid of PSFs.
    grid : Grid
        Grid of the scene.

    Returns
    -------
    list of array, shape `grid.shape`
        Bilinear shares, row by row of the grid of PSFs; they sum to one.
    """
    row, column = np.indices(grid.shape, dtype=float)
    places = grid_to_native(observation, grid, row, column)
    sides = [
        _hats(place, size, nodes)
        for place, size, nodes in zip(places, observation.shape, observation.psf_grid.shape[:2], strict=True)
    ]
    xp = namespace(observation.image)
    place = device_of(observation.image)
    return [xp.asarray(r * c, device=place) for r in sides[0] for c in sides[1]]


def _hats(places: np.ndarray, size: int, nodes: int) -> list[np.ndarray]:
    if nodes == 1:
        return [np.ones_like(places)]
    step = max(size - 1, 1) / (nodes - 1)
    at = np.clip(np.nan_to_num(places), 0, size - 1) / step
    return [np.maximum(1.0 - np.abs(at - m), 0.0) for m in range(nodes)]


def resampled_forward(observation: Observation, grid: Grid) -> FieldForward:
    """Forward operator of pixels that are no blocks of the grid's.

    Parameters
    ----------
    observation : Observation
        Observation with NumPy arrays.
    grid : Grid
        Grid of the scene.

    Returns
    -------
    FieldForward
        The operator.

    Raises
    ------
    InputError
        If the arrays are not NumPy's, or only one of both has a WCS.
    """
    if not is_numpy(namespace(observation.image)):
        raise InputError(
            f"band {observation.band!r}: pixels that are no blocks of the grid's need NumPy arrays; "
            "move them to the host"
        )
    matrix = local_matrix(observation, grid)
    psfs = observation.psf_grid
    samples = matrix * (float(observation.psf_scale or observation.pixel_scale) / observation.pixel_scale)
    size = np.array(psfs.shape[-2:])
    reach = np.ceil(np.abs(samples) @ (size / 2) + np.abs(matrix).sum(axis=1)).astype(int) + REACH
    padded = tuple(
        scipy.fft.next_fast_len(int(n + 2 * r), real=i == 1)
        for i, (n, r) in enumerate(zip(grid.shape, reach, strict=True))
    )
    shape, corner = (padded[0], padded[1]), (int(reach[0]), int(reach[1]))
    extra = _pixel_response(shape, None if observation.psf_includes_pixel else matrix)
    filters = [
        CircularConvolve.from_transfer(affine_transfer(psf, shape, samples) * extra, shape)
        for psf in psfs.reshape(-1, *psfs.shape[-2:])
    ]
    weights = node_weights(observation, grid) if len(filters) > 1 else [None]
    rows, columns = native_places(observation, grid)
    sampler = SplineResample(rows + corner[0], columns + corner[1], shape, _areas(rows, columns))
    return FieldForward(filters, weights, Embed(grid.shape, shape, corner), sampler)


def _areas(rows: np.ndarray, columns: np.ndarray) -> np.ndarray:
    """Pixels of the grid in each pixel of the observation; one number where they are alike."""
    if min(rows.shape) < 2:
        raise InputError("an image of a single row or column cannot be resampled; give at least two of each")
    (a, b), (c, d) = np.gradient(rows), np.gradient(columns)
    area = np.abs(a * d - b * c)
    mean = area.mean()
    return np.asarray(mean) if np.abs(area - mean).max() <= 1e-6 * mean else area


def _pixel_response(shape: tuple[int, int], matrix: np.ndarray | None) -> np.ndarray:
    """Inverse of the spline's response and, on demand, the box of the observed pixel."""
    first = np.fft.fftfreq(shape[0])
    second = np.fft.rfftfreq(shape[1])
    spline = [np.array([spline_response(f) for f in axis]) for axis in (first, second)]
    response = 1.0 / (spline[0][:, None] * spline[1][None, :])
    if matrix is None:
        return response
    for side in matrix.T:
        response = response * np.sinc(first[:, None] * side[0] + second[None, :] * side[1])
    return response
