"""Directions too weak for the covariance of single pixels, found in that of smoothed ones."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np

from sigden.hyperspectral.gram import chunks
from sigden.hyperspectral.subspace import Subspace, marchenko_pastur_edge

__all__ = ["with_weak_directions"]

_WIDTH = 2.0  # pixels, standard deviation of the smoothing
_MOST = 8
_MARGIN = 1.25  # above the edge, so that a direction is more signal than noise
_GROUP = 16


def with_weak_directions(space: Subspace, pixels: Any, shape: tuple[int, int, int]) -> Subspace:
    """Subspace with the directions that only smoothing brings out.

    Parameters
    ----------
    space : Subspace
        Directions found so far.
    pixels : ndarray, shape (pixels, bands)
        Spectra.
    shape : tuple of int
        Rows, columns and bands.

    Returns
    -------
    Subspace
        With up to eight more directions.

    Notes
    -----
    Smoothing by a Gaussian of standard deviation s leaves :math:`N / (2 \\pi s^2)` independent pixels of
    noise and hardly weakens what extends over several pixels. Directions whose eigenvalue exceeds the
    Marchenko-Pastur edge for that number, in units of the noise that is left, are signal.
    """
    from scipy.ndimage import gaussian_filter

    rows, columns, bands = shape
    effective = int(rows * columns / (2 * math.pi * _WIDTH**2))
    alive = space.sigma > 0
    free = int(alive.sum()) - space.rank
    if free < 2 or effective < 1.5 * free:
        return space
    smooth = np.empty((rows * columns, bands), dtype=pixels.dtype)
    matrix = (space.forward() @ space.basis.T).astype(pixels.dtype)
    scale = np.where(alive, 1 / np.where(alive, space.sigma, 1), 0).astype(pixels.dtype)
    mean = space.mean.astype(pixels.dtype)
    start = 0
    for part in chunks(pixels, 8192):
        centred = part - mean
        np.subtract(centred * scale, centred @ matrix, out=smooth[start : start + len(part)])
        start += len(part)
    cube = smooth.reshape(shape)
    for first in range(0, bands, _GROUP):
        group = np.ascontiguousarray(np.moveaxis(cube[..., first : first + _GROUP], -1, 0))
        cube[..., first : first + _GROUP] = np.moveaxis(gaussian_filter(group, (0, _WIDTH, _WIDTH)), 0, -1)
    covariance = np.zeros((bands, bands))
    for part in chunks(smooth):
        covariance += part.T @ part
    values, vectors = np.linalg.eigh(covariance / len(smooth))
    values, vectors = values[::-1], vectors[:, ::-1]
    # the bulk of noise eigenvalues gives its level, whatever the correlation between pixels
    bulk = values[:free]
    level = float(np.median(bulk)) / (1 - free / effective / 3)
    count = int(np.sum(bulk > _MARGIN * level * marchenko_pastur_edge(free, effective)))
    if count == 0:
        return space
    basis = np.concatenate([space.basis, vectors[:, : min(count, _MOST)]], axis=1)
    return replace(space, basis=np.linalg.qr(basis)[0] * _signs(basis))


def _signs(basis: Any) -> Any:
    q = np.linalg.qr(basis)[0]
    return np.sign(np.sum(q * basis, axis=0))
