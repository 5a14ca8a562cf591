"""From the scene on the grid to the image that an instrument takes."""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Any

from sigden.arrays import device_of, namespace
from sigden.errors import InputError
from sigden.multiband.data.geometry import commensurate_factor, require_overlap
from sigden.multiband.data.grid import Grid
from sigden.multiband.data.observation import Observation
from sigden.multiband.forward.field import FieldForward, node_weights, resampled_forward
from sigden.multiband.forward.resample import Decimate
from sigden.multiband.psf.spectrum import psf_transfer
from sigden.operators import CircularConvolve, Identity, LinearOperator

__all__ = [
    "CommensurateForward",
    "block_transfer",
    "commensurate_factor",
    "forward_operator",
    "remembered",
    "transfer",
]

RATIO_TOLERANCE = 1e-6
"""Departure from one of the ratio of scales of PSF and grid that counts as rounding."""

_REMEMBERED = 1 << 18  # pixels of a grid whose transfer function an observation keeps


def transfer(observation: Observation, grid: Grid) -> Any:
    r"""Transfer function of an observation whose pixels are blocks of k x k pixels of the grid.

    .. math:: T(f) = k^2 \, \hat h(f) \, e^{2\pi i f \cdot s} \, b(f), \qquad s = (k - 1) / 2

    with the PSF h, the shift s to the centre of a block and, unless the PSF includes the pixel, its box
    :math:`b(f) = \mathrm{sinc}(k f_1) \, \mathrm{sinc}(k f_2)`; frequencies in cycles per pixel of the grid.

    Parameters
    ----------
    observation : Observation
        Observation with one PSF.
    grid : Grid
        Grid of the scene, commensurate with the observation.

    Returns
    -------
    array of complex128, shape ``(rows, columns // 2 + 1)``
        ``irfft2(rfft2(x) * transfer)[::k, ::k]`` is the image of the scene `x` with periodic borders.

    Raises
    ------
    InputError
        If the observation is not commensurate with the grid, or its PSF varies over the field.
    """
    factor = commensurate_factor(observation, grid)
    if factor is None:
        raise InputError(
            f"band {observation.band!r}: its pixels are no blocks of the grid's pixels, so it has no "
            "transfer function on the grid; use forward_operator"
        )
    if observation.varying_psf:
        raise InputError(
            f"band {observation.band!r}: the PSF varies over the field, so there is no one transfer "
            "function; use forward_operator"
        )
    return block_transfer(observation, observation.psf, grid, factor)


def block_transfer(
    observation: Observation, psf: Any, grid: Grid, factor: int, *, single: bool = False, out: Any = None
) -> Any:
    """Transfer function of `transfer` for one PSF of a commensurate observation.

    Parameters
    ----------
    observation : Observation
        Tells the scale of the PSF and whether it includes the pixel.
    psf : array, shape ``(size, size)``
        The PSF.
    grid : Grid
        Grid of the scene.
    factor : int
        Pixels of the grid along a pixel of the observation.
    single : bool, optional
        Whether single precision is enough.
    out : array of complex128 or complex64, optional
        Where to write it, on a grid whose transfer functions are not `remembered`.

    Returns
    -------
    array of complex128 or complex64, shape ``(rows, columns // 2 + 1)``
        Values on the grid of ``rfft2``.
    """
    key = (grid.shape, factor, single)
    if psf is observation.psf and key in observation.transfers:
        return observation.transfers[key]
    xp = namespace(psf)
    ratio = float(observation.psf_scale or observation.pixel_scale) * factor / observation.pixel_scale
    ratio = 1.0 if abs(ratio - 1.0) < RATIO_TOLERANCE else ratio
    box = not observation.psf_includes_pixel
    row, column = (
        xp.asarray(_block_line(n, length, factor, box), dtype=xp.complex128, device=device_of(psf))
        for n, length in zip(grid.shape, (grid.shape[0], grid.shape[1] // 2 + 1), strict=True)
    )
    out = psf_transfer(psf, grid.shape, psf_scale=ratio, lines=(row, column), single=single, out=out)
    # a shift by half a pixel is that of a real kernel only with the Hermitian part of these columns
    for k in {0, grid.shape[1] // 2} if grid.shape[1] % 2 == 0 else {0}:
        alone = out[:, k : k + 1]
        out[:, k : k + 1] = xp.astype(
            CircularConvolve.from_transfer(alone, (grid.shape[0], 1)).transfer, out.dtype
        )
    if psf is observation.psf and remembered(grid):
        observation.transfers[key] = out
    return out


def remembered(grid: Grid) -> bool:
    """Whether an observation keeps its transfer function on a grid."""
    return math.prod(grid.shape) <= _REMEMBERED


@lru_cache(maxsize=64)
def _block_line(size: int, length: int, factor: int, box: bool) -> tuple[complex, ...]:
    """Shift to the centre of a block, its side and, on demand, its box, along one axis."""
    line = []
    for k in range(length):
        frequency = (k if 2 * k <= size else k - size) / size
        angle, x = math.pi * frequency * (factor - 1), math.pi * frequency * factor
        gain = factor * (math.sin(x) / x if box and x != 0 else 1.0)
        line.append(complex(gain * math.cos(angle), gain * math.sin(angle)))
    return tuple(line)


class CommensurateForward(LinearOperator):
    """Filtering with periodic borders, then every k-th pixel along rows and columns.

    Parameters
    ----------
    transfer : array of complex, shape ``(rows, columns // 2 + 1)``
        Transfer function of a real kernel, on the grid of ``rfft2``.
    in_shape : tuple of int
        Rows and columns of the scene.
    factor : int
        Step `k`, which divides both.

    Raises
    ------
    InputError
        If the shapes do not fit.
    """

    factor: int
    _filter: CircularConvolve
    _decimate: Decimate

    def __init__(self, transfer: Any, in_shape: tuple[int, int], factor: int) -> None:
        convolve = CircularConvolve.from_transfer(transfer, in_shape)
        decimate = Decimate(in_shape, factor)
        super().__init__(in_shape, decimate.out_shape, like=convolve.__dict__["_like"])
        self._set(factor=factor, _filter=convolve, _decimate=decimate)

    @property
    def transfer(self) -> Any:
        """Transfer function in double precision, on the grid of ``rfft2``."""
        return self._filter.transfer

    def _forward(self, xp: Any, x: Any) -> Any:
        return self._decimate(self._filter(x))

    def _adjoint(self, xp: Any, y: Any) -> Any:
        return self._filter.adjoint(self._decimate.adjoint(y))

    def norm_bound(self) -> float:
        """Norm: ``A A^H`` is a circular convolution, with the decimated kernel of the filter's gram."""
        gram = self._filter.gram_operator
        power = self._filter.transfer
        xp = namespace(power)
        point = xp.zeros(self.in_shape, dtype=xp.float64, device=device_of(power))
        point[0, 0] = 1.0
        kernel = self._decimate(gram(point))
        return math.sqrt(CircularConvolve(kernel, self.out_shape, center=(0, 0)).norm_bound())


def forward_operator(observation: Observation, grid: Grid) -> LinearOperator:
    """Forward operator from the scene on the grid to the flux in the pixels of an observation.

    Parameters
    ----------
    observation : Observation
        The observation.
    grid : Grid
        Grid of the scene, whose values are flux per pixel of the grid.

    Returns
    -------
    LinearOperator
        From `grid.shape` to the shape of the observation, to be compared with its `values`.

    Raises
    ------
    InputError
        If the observation does not overlap with the grid, or only one of both has a WCS.

    Notes
    -----
    Commensurate pixels (`commensurate_factor`) give a `CommensurateForward`, with periodic borders, or a
    `FieldForward` if the PSF varies over the field. All others give a `FieldForward` with darkness beyond the
    grid: pixels of the observation that fall off it, where `footprint` is False, see only the wings of what
    is on it and should be given no weight.
    """
    factor = commensurate_factor(observation, grid)
    if factor is not None and not observation.varying_psf:
        return CommensurateForward(transfer(observation, grid), grid.shape, factor)
    require_overlap(observation, grid)
    if factor is None:
        return resampled_forward(observation, grid)
    psfs = observation.psf_grid
    filters = [
        CircularConvolve.from_transfer(block_transfer(observation, psfs[i, j, ...], grid, factor), grid.shape)
        for i in range(psfs.shape[0])
        for j in range(psfs.shape[1])
    ]
    weights = node_weights(observation, grid)
    return FieldForward(filters, weights, Identity(grid.shape), Decimate(grid.shape, factor))
