"""Values of an image at other places: decimation and spline interpolation, with exact adjoints."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from sigden.arrays import device_of
from sigden.errors import InputError, ParameterError
from sigden.operators import LinearOperator

__all__ = ["Decimate", "Embed", "SplineResample", "spline_response"]

REACH = 3
"""Samples on either side that a quintic spline needs."""


class Decimate(LinearOperator):
    """Every k-th pixel along rows and columns, from the first on.

    Parameters
    ----------
    in_shape : tuple of int
        Rows and columns.
    factor : int
        Step `k`, which divides both.

    Raises
    ------
    InputError
        If `factor` does not divide the shape.
    """

    factor: int

    def __init__(self, in_shape: tuple[int, int], factor: int) -> None:
        rows, columns = in_shape
        if factor < 1 or rows % factor or columns % factor:
            raise InputError(f"Decimate: a step of {factor} does not divide {in_shape}")
        super().__init__(in_shape, (rows // factor, columns // factor))
        self._set(factor=factor)

    def _forward(self, xp: Any, x: Any) -> Any:
        return xp.asarray(x[:: self.factor, :: self.factor], copy=True)

    def _adjoint(self, xp: Any, y: Any) -> Any:
        spread = xp.zeros(self.in_shape, dtype=y.dtype, device=device_of(y))
        spread[:: self.factor, :: self.factor] = y
        return spread

    def norm_bound(self) -> float:
        """Norm, exactly one."""
        return 1.0


class Embed(LinearOperator):
    """An image among zeros; the adjoint cuts it out.

    Parameters
    ----------
    in_shape, out_shape : tuple of int
        Rows and columns of the image and of its surroundings.
    corner : tuple of int
        Place of the image's first pixel.

    Raises
    ------
    InputError
        If the image does not fit.
    """

    corner: tuple[int, int]

    def __init__(
        self, in_shape: tuple[int, int], out_shape: tuple[int, int], corner: tuple[int, int]
    ) -> None:
        if any(c < 0 or c + n > m for c, n, m in zip(corner, in_shape, out_shape, strict=True)):
            raise InputError(f"Embed: an image {in_shape} at {corner} does not fit into {out_shape}")
        super().__init__(in_shape, out_shape)
        self._set(corner=corner)

    @property
    def _window(self) -> tuple[slice, ...]:
        return tuple(slice(c, c + n) for c, n in zip(self.corner, self.in_shape, strict=True))

    def _forward(self, xp: Any, x: Any) -> Any:
        out = xp.zeros(self.out_shape, dtype=x.dtype, device=device_of(x))
        out[self._window] = x
        return out

    def _adjoint(self, xp: Any, y: Any) -> Any:
        return xp.asarray(y[self._window], copy=True)

    def norm_bound(self) -> float:
        """Norm, exactly one."""
        return 1.0


def spline_weights(fraction: np.ndarray) -> list[np.ndarray]:
    """Quintic B-spline at the six samples around a place, from two before it to three after.

    Parameters
    ----------
    fraction : numpy.ndarray of float64
        Distance of the place from the sample before it, in samples.

    Returns
    -------
    list of numpy.ndarray
        Six weights that sum to one.
    """
    return [_quintic(np.abs(fraction - j)) for j in range(1 - REACH, REACH + 1)]


def _quintic(t: np.ndarray) -> np.ndarray:
    total = np.zeros_like(t)
    for k, binomial in enumerate((1.0, -6.0, 15.0)):
        total += binomial * np.maximum(3.0 - k - t, 0.0) ** 5
    return total / 120.0


def spline_response(frequency: float) -> float:
    """Fourier series of the sampled quintic B-spline.

    Parameters
    ----------
    frequency : float
        Cycles per sample.

    Returns
    -------
    float
        Between 2/15 and one. Values divided by it are the spline's coefficients.
    """
    angle = 2.0 * math.pi * frequency
    return (66.0 + 52.0 * math.cos(angle) + 2.0 * math.cos(2.0 * angle)) / 120.0


class SplineResample(LinearOperator):
    """Quintic spline at given places, from the coefficients on a grid.

    Parameters
    ----------
    rows, columns : numpy.ndarray of float64
        Places in pixels of the grid, of the shape of the output.
    in_shape : tuple of int
        Rows and columns of the coefficients.
    gain : float or numpy.ndarray, optional
        Factor for each place.

    Raises
    ------
    ParameterError
        If the places have different shapes.

    Notes
    -----
    Coefficients beyond the grid are zero, and so are places that are not finite. A product of two small
    sparse matrices where rows of the output follow rows of the grid and columns follow columns, otherwise one
    large matrix of 36 entries for each place.

    References
    ----------
    M. Unser, Splines: a perfect fit for signal and image processing, IEEE Signal Processing Magazine 16
    (1999), 22-38, section "B-spline interpolation".
    """

    _matrix: Any
    _sides: Any
    _gain: Any

    def __init__(
        self, rows: np.ndarray, columns: np.ndarray, in_shape: tuple[int, int], gain: Any = 1.0
    ) -> None:
        if rows.shape != columns.shape or rows.ndim != 2:
            raise ParameterError(
                f"SplineResample: rows and columns must be maps of one shape, got {rows.shape} "
                f"and {columns.shape}"
            )
        gain = np.asarray(gain, dtype=np.float64)
        super().__init__(in_shape, rows.shape, like=gain)
        sides, matrix = None, None
        if _constant_along(rows, 1) and _constant_along(columns, 0):
            sides = (_side_matrix(rows[:, 0], in_shape[0]), _side_matrix(columns[0], in_shape[1]))
        else:
            matrix = _full_matrix(rows, columns, in_shape)
        self._set(_matrix=matrix, _sides=sides, _gain=gain)

    def _kept(self, name: str, dtype: Any) -> Any:
        """Sparse matrices in a dtype, converted once."""
        held, memory, key = self.__dict__[name], self.__dict__["_memory"], (name, str(dtype))
        if key not in memory:
            memory[key] = (
                tuple(m.astype(dtype) for m in held) if isinstance(held, tuple) else held.astype(dtype)
            )
        return memory[key]

    def _forward(self, xp: Any, x: Any) -> Any:
        real = x.real.dtype
        gain = self._parameter("_gain", real)
        if self._sides is None:
            return (self._kept("_matrix", real) @ x.reshape(-1)).reshape(self.out_shape) * gain
        left, right = self._kept("_sides", real)
        return (right @ (left @ x).T).T * gain

    def _adjoint(self, xp: Any, y: Any) -> Any:
        real = y.real.dtype
        y = y * self._parameter("_gain", real)
        if self._sides is None:
            return (self._kept("_matrix", real).T @ y.reshape(-1)).reshape(self.in_shape)
        left, right = self._kept("_sides", real)
        return left.T @ (right.T @ y.T).T


def _constant_along(places: np.ndarray, axis: int) -> bool:
    first = places[:, :1] if axis == 1 else places[:1]
    return bool(np.isfinite(places).all() and np.abs(places - first).max() <= 1e-6)


def _taps(places: np.ndarray, size: int) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """Samples around each place and their weights, which are zero beyond the grid."""
    flat = np.where(np.isfinite(places), places, -10.0 * REACH).reshape(-1)
    flat = np.clip(flat, -10.0 * REACH, size + 10.0 * REACH)
    below = np.floor(flat)
    indices, weights = [], []
    for offset, weight in zip(range(1 - REACH, REACH + 1), spline_weights(flat - below), strict=True):
        index = below.astype(np.int32) + offset
        inside = (index >= 0) & (index < size)
        indices.append(np.where(inside, index, 0))
        weights.append(np.where(inside, weight, 0.0))
    return indices, weights


def _side_matrix(places: np.ndarray, size: int) -> Any:
    from scipy.sparse import csr_array

    indices, weights = (np.stack(part, axis=1) for part in _taps(places, size))
    starts = np.arange(0, indices.size + 1, indices.shape[1])
    matrix = csr_array((weights.reshape(-1), indices.reshape(-1), starts), shape=(places.size, size))
    matrix.sum_duplicates()
    return matrix


def _full_matrix(rows: np.ndarray, columns: np.ndarray, in_shape: tuple[int, int]) -> Any:
    from scipy.sparse import csr_array

    row_index, row_weight = (np.stack(part, axis=1) for part in _taps(rows, in_shape[0]))
    column_index, column_weight = (np.stack(part, axis=1) for part in _taps(columns, in_shape[1]))
    size = in_shape[0] * in_shape[1]
    # Half the memory wherever the grid has fewer than two thousand million pixels.
    kind = np.dtype("int32" if max(size, rows.size * 36) < 2**31 else "int64")
    start = row_index.astype(kind) * in_shape[1]
    index = start[:, :, None] + column_index[:, None, :]
    weight = row_weight[:, :, None] * column_weight[:, None, :]
    per_place = row_index.shape[1] * column_index.shape[1]
    starts = np.arange(0, index.size + 1, per_place, dtype=kind)
    return csr_array((weight.reshape(-1), index.reshape(-1), starts), shape=(rows.size, size))
