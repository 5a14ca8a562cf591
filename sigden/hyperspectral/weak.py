"""What is too weak for the covariance of single pixels, found after smoothing."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np

from sigden.hyperspectral.gram import chunks
from sigden.hyperspectral.robust_fit import left_over, robust_weights
from sigden.hyperspectral.subspace import Subspace, marchenko_pastur_edge
from sigden.noise import difference_sigma

__all__ = ["with_weak_directions"]

_WIDTH = 2.0  # pixels, standard deviation of the smoothing
_FITTED = 4
_MOST = 8
_MARGIN = 1.25  # above the edge, so that a direction is more signal than noise
_BAND_ERRORS = 5.5  # noise levels that the smoothed residual of a band must reach
_MOST_BANDS = 0.1
_MOST_MISSING = 0.01
_GROUP = 16
_CHUNK = 8192


def with_weak_directions(
    space: Subspace, pixels: Any, coefficients: Any, shape: tuple[int, int, int], missing: Any = None
) -> Subspace:
    """Subspace with the directions and bands that only smoothing brings out.

    Parameters
    ----------
    space : Subspace
        Directions found so far.
    pixels : ndarray, shape (pixels, bands)
        Spectra.
    coefficients : ndarray, shape (pixels, rank)
        Of the directions found so far.
    shape : tuple of int
        Rows, columns and bands.
    missing : array of bool, shape (pixels, bands), optional
        True where a sample is a prediction. A band that is a direction of its own predicts nothing, so a band
        of which more than a hundredth is missing does not become one.

    Returns
    -------
    Subspace
        With up to eight more directions and a tenth of the bands.

    Notes
    -----
    Smoothing by a Gaussian of standard deviation s leaves :math:`N / (2 \\pi s^2)` independent pixels of
    noise and hardly weakens what extends over several pixels. Directions of the residual whose eigenvalue
    exceeds the Marchenko-Pastur edge for that number, in units of the noise that is left, are signal. So is
    what the smoothed residual of a single band holds beyond 5.5 noise levels: a faint line, which is too
    little of the variance of all bands to make a direction. Such a band becomes a direction of its own. The
    residual is that of a robust fit of the strongest directions, which a line on a bright source would tilt.
    """
    residual = _smoothed_residual(space, pixels, shape)
    if space.level is None:
        more = _directions(residual, space, shape)
        if more.shape[1]:
            space = replace(space, basis=_orthonormal(np.concatenate([space.basis, more], axis=1)))
            small = more.astype(residual.dtype)
            for part in chunks(residual, _CHUNK):
                part -= (part @ small) @ small.T
    eligible = space.sigma > 0
    if missing is not None:
        eligible &= missing.mean(axis=0) < _MOST_MISSING
    bands = _bands(residual.reshape(shape), eligible, _strongest(coefficients, shape))
    if bands.size == 0:
        return space
    basis = _orthonormal(np.concatenate([space.basis, np.eye(len(space.sigma))[:, bands]], axis=1))
    if space.level is None:
        return replace(space, basis=basis)
    wide = replace(space, basis=basis[:, space.rank :], level=None)
    images = np.ascontiguousarray(wide.project(pixels).T).reshape(-1, *shape[:2])
    own = difference_sigma(images, axes=(-2, -1)).astype(np.float64)
    return replace(space, basis=basis, level=np.concatenate([space.level, np.maximum(own, 1e-12)]))


def _smoothed_residual(space: Subspace, pixels: Any, shape: tuple[int, int, int]) -> Any:
    """What the subspace leaves of the whitened spectra, smoothed in space; shape (pixels, bands)."""
    from scipy.ndimage import gaussian_filter

    bands = shape[2]
    out = np.empty((len(pixels), bands), dtype=pixels.dtype)
    scale = np.where(space.sigma > 0, 1 / np.where(space.sigma > 0, space.sigma, 1), 0).astype(pixels.dtype)
    basis, mean = space.basis.astype(pixels.dtype), space.mean.astype(pixels.dtype)
    start = 0
    for part in chunks(pixels, _CHUNK):
        unit = (part - mean) * scale
        np.subtract(unit, (unit @ basis) @ basis.T, out=out[start : start + len(part)])
        start += len(part)
    cube = out.reshape(shape)
    for first in range(0, bands, _GROUP):
        group = np.ascontiguousarray(np.moveaxis(cube[..., first : first + _GROUP], -1, 0))
        cube[..., first : first + _GROUP] = np.moveaxis(gaussian_filter(group, (0, _WIDTH, _WIDTH)), 0, -1)
    return out


def _directions(residual: Any, space: Subspace, shape: tuple[int, int, int]) -> Any:
    """Directions of the smoothed residual above its noise, shape (bands, number)."""
    effective = int(shape[0] * shape[1] / (2 * math.pi * _WIDTH**2))
    free = int(np.count_nonzero(space.sigma > 0)) - space.rank
    if free < 2 or effective < 1.5 * free:
        return np.zeros((shape[2], 0))
    covariance = np.zeros((shape[2], shape[2]))
    for part in chunks(residual):
        covariance += part.T @ part
    values, vectors = np.linalg.eigh(covariance / len(residual))
    # the bulk of noise eigenvalues gives its level, whatever the correlation between pixels
    bulk = values[::-1][:free]
    level = float(np.median(bulk)) / (1 - free / effective / 3)
    count = int(np.sum(bulk > _MARGIN * level * marchenko_pastur_edge(free, effective)))
    return vectors[:, ::-1][:, : min(count, _MOST)]


def _strongest(coefficients: Any, shape: tuple[int, int, int]) -> Any:
    """Strongest eigen-images, smoothed as the residual is, orthonormal; shape (coarse pixels, number)."""
    from scipy.ndimage import gaussian_filter

    images = np.ascontiguousarray(coefficients[:, :_FITTED].T).reshape(-1, *shape[:2])
    smooth = gaussian_filter(images, (0, _WIDTH, _WIDTH))[:, ::2, ::2].reshape(len(images), -1)
    return np.linalg.qr(smooth.T.astype(np.float64))[0]


def _bands(residual: Any, alive: Any, strongest: Any) -> Any:
    """Bands whose smoothed residual holds more than noise, the strongest first, then in order."""
    # every other pixel holds all that the smoothing left
    coarse = np.ascontiguousarray(np.moveaxis(residual[::2, ::2], -1, 0))
    flat = coarse.reshape(len(coarse), -1)
    height = np.zeros(alive.size)
    for first in range(0, alive.size, _GROUP):
        part = flat[first : first + _GROUP].astype(np.float64)
        height[first : first + _GROUP] = _height(
            left_over(part, strongest, robust_weights(part, strongest, 1e-6))
        )
    height[~alive] = 0
    found = np.argsort(-height, kind="stable")[: max(1, int(_MOST_BANDS * alive.size))]
    return np.sort(found[height[found] > _BAND_ERRORS])


def _height(images: Any) -> Any:
    """Largest size of each image in units of its robust spread."""
    size = np.abs(images.reshape(len(images), -1))
    step = max(1, size.shape[1] // 8192)
    spread = np.median(size[:, ::step], axis=1) / 0.6745
    return np.where(spread > 0, size.max(axis=1) / np.where(spread > 0, spread, 1), 0).astype(np.float64)


def _orthonormal(basis: Any) -> Any:
    """Gram-Schmidt of the columns, each with its own sign."""
    q, r = np.linalg.qr(basis)
    return q * np.sign(np.diag(r))
