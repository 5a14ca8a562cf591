"""Hyperspectral truth: spectra of a few materials, mixed by maps of their abundance."""

from __future__ import annotations

from typing import Any

import numpy as np

from sigden.errors import ParameterError

__all__ = ["abundance_maps", "endmember_spectra", "spectral_cube"]


def endmember_spectra(endmembers: int, bands: int, seed: int) -> Any:
    """Smooth reflectance spectra with a few absorption features.

    Parameters
    ----------
    endmembers : int
        Number of materials.
    bands : int
        Number of bands.
    seed : int
        Of `numpy.random.default_rng`.

    Returns
    -------
    float64 array, shape (endmembers, bands)
        Between 0 and 1.

    Raises
    ------
    ParameterError
        If a number is not positive.
    """
    if endmembers < 1 or bands < 2:
        raise ParameterError(f"endmembers, bands: need at least 1 and 2, got {endmembers} and {bands}")
    rng = np.random.default_rng(seed)
    x = np.linspace(0, 1, bands)
    out = np.empty((endmembers, bands))
    for spectrum in out:
        centre, width, slope = rng.uniform(-0.3, 1.3), rng.uniform(0.2, 0.7), rng.uniform(-1, 1)
        spectrum[:] = np.exp(-(((x - centre) / width) ** 2) / 2) + 0.3 * slope * x
        spectrum += rng.uniform(0, 0.6) / (1 + np.exp(-(x - rng.uniform(0.2, 0.8)) / 0.03))
        for _ in range(rng.integers(1, 5)):
            spot, spread = rng.uniform(0, 1), rng.uniform(0.01, 0.05)
            spectrum -= rng.uniform(0.05, 0.3) * np.exp(-(((x - spot) / spread) ** 2) / 2)
        spectrum -= spectrum.min()
        spectrum *= rng.uniform(0.5, 1) / spectrum.max()
    return out


def abundance_maps(shape: tuple[int, int], endmembers: int, seed: int) -> Any:
    """Maps of the part that each material has in a pixel.

    Parameters
    ----------
    shape : tuple of int
        Rows and columns.
    endmembers : int
        Number of materials.
    seed : int
        Of `numpy.random.default_rng`.

    Returns
    -------
    float64 array, shape (rows, columns, endmembers)
        Not negative, with sum 1: fields with straight borders, smooth mixtures within them, small objects
        and a fine texture.

    Raises
    ------
    ParameterError
        If a number is not positive.
    """
    from scipy.ndimage import gaussian_filter

    if endmembers < 1 or min(shape) < 1:
        raise ParameterError(f"shape, endmembers: must be positive, got {shape} and {endmembers}")
    rng = np.random.default_rng(seed)
    rows, columns = shape
    row, column = np.mgrid[:rows, :columns]
    fields = 4 * endmembers
    centres = rng.uniform(0, 1, (fields, 2)) * shape
    stretch = rng.uniform(0.5, 2)
    distance = np.abs(row[..., None] - centres[:, 0]) * stretch + np.abs(column[..., None] - centres[:, 1])
    material = rng.integers(0, endmembers, fields)[distance.argmin(axis=-1)]
    logits = 4.0 * np.eye(endmembers)[material]
    for k in range(endmembers):
        smooth = gaussian_filter(rng.standard_normal(shape), min(shape) / 12, mode="reflect")
        fine = gaussian_filter(rng.standard_normal(shape), 1.0, mode="reflect")
        logits[..., k] += 1.5 * smooth / max(smooth.std(), 1e-12) + 0.4 * fine / max(fine.std(), 1e-12)
    for _ in range(max(1, rows * columns // 500)):
        y, x = rng.integers(0, rows), rng.integers(0, columns)
        height, width = rng.integers(1, 6, 2)
        logits[y : y + height, x : x + width, rng.integers(0, endmembers)] += 6
    weights = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return weights / weights.sum(axis=-1, keepdims=True)


def spectral_cube(
    shape: tuple[int, int] = (64, 64), bands: int = 60, *, endmembers: int = 5, seed: int = 0
) -> Any:
    """Noiseless cube by the linear mixing model, each band scaled to [0, 1].

    Parameters
    ----------
    shape : tuple of int
        Rows and columns.
    bands : int
        Number of bands.
    endmembers : int
        Number of materials: the cube has so many dimensions, one less about its mean.
    seed : int
        Of `numpy.random.default_rng`.

    Returns
    -------
    float32 array, shape (rows, columns, bands)
        Abundance times spectra, with a slow change of illumination over the scene.

    Raises
    ------
    ParameterError
        If a number is not positive.
    """
    maps = abundance_maps(shape, endmembers, seed)
    cube = maps @ endmember_spectra(endmembers, bands, seed + 1)
    low, high = cube.min(axis=(0, 1)), cube.max(axis=(0, 1))
    return ((cube - low) / np.where(high > low, high - low, 1)).astype(np.float32)
