"""The linear system of the methods that split off the differences of a cube."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from sigden.hyperspectral.beside import beside, host_dtype
from sigden.hyperspectral.classical.tucker import times

__all__ = ["gradient_solver"]


def gradient_solver(like: Any) -> Callable[[Any], Any]:
    """Solver of ``(I + sum_i D_i' D_i) x = b`` with first differences and Neumann borders.

    Parameters
    ----------
    like : array, shape (rows, columns, bands)
        Of the shape, dtype, library and device of what is to be solved for.

    Returns
    -------
    callable
        ``solve(b) -> x``, exact to rounding: the cosine transform diagonalises the operator.
    """
    spectrum = np.ones(like.shape, dtype=np.float64)
    for axis, length in enumerate(like.shape):
        values = 2.0 - 2.0 * np.cos(np.pi * np.arange(length) / length)
        spectrum += values.reshape([-1 if a == axis else 1 for a in range(3)])
    spectrum = 1.0 / spectrum
    if isinstance(like, np.ndarray):
        return _fast_solver(spectrum.astype(host_dtype(like)))
    inverse = beside(spectrum, like)
    turns = [beside(_cosines(length), like) for length in like.shape]

    def solve(right: Any) -> Any:
        wide = times(times(right, turns[0].T, 0), turns[1].T, 1) @ turns[2].T
        return times(times(wide * inverse, turns[0], 0), turns[1], 1) @ turns[2]

    return solve


def _fast_solver(inverse: Any) -> Callable[[Any], Any]:
    from scipy.fft import dctn, idctn

    return lambda right: idctn(dctn(right, norm="ortho") * inverse, norm="ortho")


def _cosines(length: int) -> Any:
    """Orthonormal cosine transform, one frequency a row."""
    frequency, place = np.arange(length)[:, None], np.arange(length) + 0.5
    matrix = np.cos(np.pi / length * frequency * place) * np.sqrt(2.0 / length)
    matrix[0] = np.sqrt(1.0 / length)
    return matrix
