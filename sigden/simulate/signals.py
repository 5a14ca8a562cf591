"""Test signals and images with edges."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np

from sigden.errors import ParameterError

__all__ = ["cartoon_image", "donoho_johnstone", "piecewise_constant"]

_POSITIONS = np.array([0.1, 0.13, 0.15, 0.23, 0.25, 0.40, 0.44, 0.65, 0.76, 0.78, 0.81])
_BLOCK_HEIGHTS = np.array([4, -5, 3, -4, 5, -4.2, 2.1, 4.3, -3.1, 2.1, -4.2])
_BUMP_HEIGHTS = np.array([4, 5, 3, 4, 5, 4.2, 2.1, 4.3, 3.1, 5.1, 4.2])
_BUMP_WIDTHS = np.array([0.005, 0.005, 0.006, 0.01, 0.01, 0.03, 0.01, 0.01, 0.005, 0.008, 0.005])


def donoho_johnstone(name: Literal["blocks", "bumps", "heavisine", "doppler"], n: int = 2048) -> Any:
    """One of the four signals of Donoho and Johnstone.

    Parameters
    ----------
    name : {"blocks", "bumps", "heavisine", "doppler"}
        Which one.
    n : int
        Number of samples.

    Returns
    -------
    array, shape (n,)
        The signal on ``t = 1/n, 2/n, ..., 1``, in the paper's scale.

    Raises
    ------
    ParameterError
        If the name is unknown or `n` is not positive.

    References
    ----------
    .. [1] D. L. Donoho and I. M. Johnstone, "Ideal spatial adaptation by wavelet shrinkage", Biometrika 81
       (1994) 425, table 1.
    """
    if n < 1:
        raise ParameterError(f"n: must be positive, got {n}")
    t = np.arange(1, n + 1) / n
    if name == "blocks":
        return (t[:, None] >= _POSITIONS).astype(np.float64) @ _BLOCK_HEIGHTS
    if name == "bumps":
        return (1 + np.abs((t[:, None] - _POSITIONS) / _BUMP_WIDTHS)) ** -4.0 @ _BUMP_HEIGHTS
    if name == "heavisine":
        return 4 * np.sin(4 * np.pi * t) - np.sign(t - 0.3) - np.sign(0.72 - t)
    if name == "doppler":
        return np.sqrt(t * (1 - t)) * np.sin(2 * np.pi * 1.05 / (t + 0.05))
    raise ParameterError(f"name: expected blocks, bumps, heavisine or doppler, got {name!r}")


def piecewise_constant(n: int, jumps: int, seed: int, *, height: float = 1.0) -> Any:
    """Steps at random places with Gaussian heights.

    Parameters
    ----------
    n : int
        Number of samples.
    jumps : int
        Number of steps, below `n`.
    seed : int
        Of `numpy.random.default_rng`.
    height : float
        Standard deviation of a level.

    Returns
    -------
    array, shape (n,)
        Float64 samples.

    Raises
    ------
    ParameterError
        If there is no room for the steps.
    """
    if not 0 <= jumps < n:
        raise ParameterError(f"jumps: expected 0 to {n - 1}, got {jumps}")
    generator = np.random.default_rng(seed)
    places = np.sort(generator.choice(np.arange(1, n), size=jumps, replace=False))
    levels = generator.normal(scale=height, size=jumps + 1)
    return levels[np.searchsorted(places, np.arange(n), side="right")]


def cartoon_image(rows: int = 64, columns: int = 64) -> Any:
    """Flat shapes, a ramp and a thin line.

    Parameters
    ----------
    rows, columns : int
        Shape, each at least 8.

    Returns
    -------
    array, shape (rows, columns)
        Float64 values from 0 to 1.

    Raises
    ------
    ParameterError
        If the image is too small.
    """
    if min(rows, columns) < 8:
        raise ParameterError(f"rows, columns: must be at least 8, got {rows} and {columns}")
    y, x = np.meshgrid((np.arange(rows) + 0.5) / rows, (np.arange(columns) + 0.5) / columns, indexing="ij")
    image = np.full((rows, columns), 0.1)
    image[(x - 0.35) ** 2 / 0.06 + (y - 0.4) ** 2 / 0.09 < 1] = 0.6
    image[(x - 0.3) ** 2 + (y - 0.35) ** 2 < 0.01] = 1.0
    image[(np.abs(x - 0.72) < 0.15) & (np.abs(y - 0.7) < 0.18)] = 0.85
    ramp = (np.abs(x - 0.75) < 0.18) & (y > 0.12) & (y < 0.32)
    image[ramp] = (0.2 + 0.7 * (x - 0.57) / 0.36)[ramp]
    image[np.abs(y - 0.93) < 0.6 / rows] = 0.4
    return image
