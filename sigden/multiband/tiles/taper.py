"""Light fades towards the edge of a window, so that a source cut there does not meet the other side."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from sigden.multiband.data.geometry import native_places
from sigden.multiband.data.grid import Grid
from sigden.multiband.data.observation import Observation

__all__ = ["power_kept", "tapered"]


def tapered(observation: Observation, grid: Grid, width: int, seed: int) -> Observation:
    """Observation whose light fades towards the edges of a window while its noise stays as it is.

    Parameters
    ----------
    observation : Observation
        Part of a mosaic that shows the window.
    grid : Grid
        The window.
    width : int
        Width of the fade in pixels of the grid.
    seed : int
        Of the noise.

    Returns
    -------
    Observation
        ``w y + sqrt(1 - w^2) s n``, where w rises from 0 at an edge to 1 as a raised cosine, s is the noise
        level and n white noise: by the variance of the noise nothing has changed.

    Notes
    -----
    The closed forms have periodic borders. A source that is cut at an edge continues on the other side, in
    every image in another way, and falsifies the power and the colours that a method measures in the window.
    A fade that is wide against the PSFs keeps the images of one scene consistent.
    """
    rows, columns = native_places(observation, grid)
    weight = _rise(rows, grid.shape[0], width) * _rise(columns, grid.shape[1], width)
    variance = np.asarray(observation.noise_variance) / observation.flux_factor**2
    level = np.sqrt(np.where(np.isfinite(variance) & (variance > 0), variance, 0.0))
    noise = np.random.default_rng(seed).standard_normal(observation.shape) * level
    light = observation.image - observation.background
    image = np.where(weight < 1.0, weight * light + np.sqrt(1.0 - weight**2) * noise, light)
    return replace(
        observation, image=(observation.background + image).astype(observation.image.dtype, copy=False)
    )


def power_kept(shape: tuple[int, int], width: int) -> float:
    """Part of the power of light that `tapered` leaves in a window.

    Parameters
    ----------
    shape : tuple of int
        Rows and columns of the window.
    width : int
        Width of the fade in its pixels; 0 for none.

    Returns
    -------
    float
        Mean square of the weight w.
    """
    if not width:
        return 1.0
    rows, columns = (np.mean(_rise(np.arange(n), n, width) ** 2) for n in shape)
    return float(rows * columns)


def _rise(places: np.ndarray, size: int, width: int) -> np.ndarray:
    distance = np.minimum(places + 0.5, size - 0.5 - places)
    return 0.5 - 0.5 * np.cos(np.pi * np.clip(distance / width, 0.0, 1.0))
