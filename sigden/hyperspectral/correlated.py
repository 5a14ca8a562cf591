"""Noise that is correlated along the spectrum, told from signal by how it lies in space."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np

from sigden.arrays import namespace
from sigden.hyperspectral.subspace import Subspace, marchenko_pastur_edge
from sigden.hyperspectral.table import Table
from sigden.noise import difference_sigma

__all__ = ["structured_directions"]

_SUSPICIOUS = 0.15  # part of the bands from which a rank is looked into
_WHITE = 0.1  # part of the bands that must be directions of noise above the edge
_MARGIN = 1.5  # above the edge
_STRUCTURE = 0.2  # growth of the variance over that of the finest details from which a direction is signal
_ERRORS = 5.0
_AFTER = 6  # directions of noise whose level bounds that of the signal's


def structured_directions(space: Subspace, every: Subspace, pixels: Table) -> Subspace:
    """Subspace of the directions that have structure in space, where many have none.

    Parameters
    ----------
    space : Subspace
        Directions above the noise if that is independent between bands.
    every : Subspace
        The same with all directions.
    pixels : Table
        Spectra.

    Returns
    -------
    Subspace
        `space` itself unless the noise is correlated along the spectrum; else the structured directions with
        the noise level of each.

    Notes
    -----
    Smoothing along the spectrum, common in instruments and their pipelines, leaves regression with less noise
    than there is, and noise fills many directions. For the image of each direction the variance is compared
    with that of its finest details (`difference_sigma`): the quotient is the same for all images of noise,
    white in space or not, and larger where there is a scene.
    """
    bands = int(np.count_nonzero(space.sigma > 0))
    if space.rank < max(_SUSPICIOUS * bands, 4) or min(pixels.shape[:2]) < 8:
        return space
    variance, level = _spread(every, pixels)
    quotient = variance / np.maximum(level, 1e-150) ** 2
    usual = float(np.median(quotient[min(space.rank // 2, len(quotient) // 2) :]))
    # median absolute deviation of differences: relative error of the variance about 3 / sqrt(pixels)
    allowed = usual * (1 + max(_STRUCTURE, _ERRORS * 3 / math.sqrt(len(pixels))))
    structured = quotient > allowed
    above = variance > _MARGIN * marchenko_pastur_edge(bands, len(pixels))
    if np.count_nonzero(above & ~structured) < max(_WHITE * bands, 3):
        return space
    kept = np.flatnonzero(structured & (variance > 1))
    if kept.size == 0:
        kept = np.array([0])
    noise = np.flatnonzero(~structured)
    after = noise[noise > kept[min(kept.size - 1, int(0.9 * kept.size))]][:_AFTER]
    bound = float(np.median(level[after])) if after.size else float(np.median(level[noise]))
    own = np.minimum(level[kept], bound)
    total = np.sum(every.basis[:, noise] ** 2 * variance[noise], axis=1)
    total += np.sum(every.basis[:, kept] ** 2 * own**2 * usual, axis=1)
    return replace(
        space, basis=every.basis[:, kept], level=own, noise=space.sigma * np.sqrt(np.maximum(total, 1e-12))
    )


def _spread(every: Subspace, pixels: Table) -> tuple[Any, Any]:
    """Variance of the image of each direction, and the noise level of its finest details."""
    variance, level = [], []
    for first, last in pixels.groups():
        some = replace(every, basis=every.basis[:, first:last])
        images = pixels.room(some.rank, len(pixels))
        for where, part in pixels.pieces():
            images[:, where] = some.project(part).T
        for k in range(some.rank):
            image = namespace(images).reshape(images[k, :], pixels.shape[:2])
            variance.append(_variance(image))
            level.append(float(difference_sigma(image, axes=(-2, -1))))
    return np.maximum(variance, 1e-300), np.array(level)


def _variance(image: Any) -> float:
    """Variance, summed in float64."""
    if isinstance(image, np.ndarray):
        return float(image.var(dtype=np.float64))
    xp = namespace(image)
    return float(xp.var(xp.astype(image, xp.float64)))
