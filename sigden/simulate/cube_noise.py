"""Noise and defects of hyperspectral cubes."""

from __future__ import annotations

from typing import Any

import numpy as np

from sigden.errors import InputError, ParameterError

__all__ = [
    "dead_lines",
    "dead_pixels",
    "gaussian_noise",
    "impulse_noise",
    "mixed_noise",
    "poisson_noise",
    "stripe_noise",
]


def gaussian_noise(cube: Any, sigma: Any = 0.05, *, seed: int, correlation: float = 0.0) -> Any:
    """Cube with Gaussian noise, the same or another in each band.

    Parameters
    ----------
    cube : array, shape (rows, columns, bands)
        Truth.
    sigma : float, pair of floats, or array of shape (bands,)
        Standard deviation in the unit of the cube; a pair draws one for each band uniformly between the two.
    seed : int
        Of `numpy.random.default_rng`.
    correlation : float
        Standard deviation in pixels of a Gaussian that smooths the noise of each band, which keeps its level.

    Returns
    -------
    array, shape and dtype of `cube`
        Noisy cube; the input is not changed.

    Raises
    ------
    InputError
        If it is no cube.
    ParameterError
        If sigma or correlation is negative or sigma does not fit.
    """
    x, rng = _start(cube, seed)
    bands = x.shape[2]
    if isinstance(sigma, tuple):
        low, high = sigma
        level = rng.uniform(low, high, bands)
    else:
        level = np.asarray(sigma, dtype=np.float64)
    if level.shape not in ((), (bands,)) or not np.all(level >= 0):
        raise ParameterError(
            f"sigma: expected a level, a pair (low, high) or one level per band, got {sigma!r}"
        )
    noise = rng.standard_normal(x.shape)
    if correlation > 0:
        noise = _smoothed(noise, correlation)
    elif correlation < 0:
        raise ParameterError(f"correlation: must not be negative, got {correlation}")
    return _like(x + level * noise, cube)


def poisson_noise(cube: Any, peak: float = 60.0, *, seed: int) -> Any:
    """Cube with photon noise.

    Parameters
    ----------
    cube : array, shape (rows, columns, bands)
        Truth; negative values count as zero.
    peak : float
        Counts where the cube is 1.
    seed : int
        Of `numpy.random.default_rng`.

    Returns
    -------
    array, shape and dtype of `cube`
        Counts over `peak`.

    Raises
    ------
    InputError
        If it is no cube.
    ParameterError
        If the peak is not positive.
    """
    x, rng = _start(cube, seed)
    if not peak > 0:
        raise ParameterError(f"peak: must be positive, got {peak}")
    return _like(rng.poisson(np.clip(x, 0, None) * peak) / peak, cube)


def impulse_noise(
    cube: Any,
    fraction: tuple[float, float] = (0.02, 0.2),
    *,
    seed: int,
    bands: float = 0.3,
    kind: str = "salt-and-pepper",
) -> Any:
    """Cube with impulses in a part of its bands.

    Parameters
    ----------
    cube : array, shape (rows, columns, bands)
        Truth.
    fraction : pair of float
        Least and largest part of the pixels of a struck band.
    seed : int
        Of `numpy.random.default_rng`.
    bands : float
        Part of the bands that is struck.
    kind : {"salt-and-pepper", "random"}
        Impulses take the smallest or the largest value of the cube, or any value between.

    Returns
    -------
    array, shape and dtype of `cube`
        Struck cube.

    Raises
    ------
    InputError
        If it is no cube.
    ParameterError
        If the kind is unknown.
    """
    x, rng = _start(cube, seed)
    if kind not in ("salt-and-pepper", "random"):
        raise ParameterError(f"kind: expected 'salt-and-pepper' or 'random', got {kind!r}")
    low, high = float(x.min()), float(x.max())
    for b in _some(rng, x.shape[2], bands):
        struck = rng.random(x.shape[:2]) < rng.uniform(*fraction)
        draw = rng.random(int(struck.sum()))
        x[..., b][struck] = low + (high - low) * (draw < 0.5 if kind == "salt-and-pepper" else draw)
    return _like(x, cube)


def stripe_noise(
    cube: Any,
    height: float = 0.25,
    fraction: tuple[float, float] = (0.05, 0.15),
    *,
    seed: int,
    bands: float = 0.3,
    axis: int = 1,
) -> Any:
    """Cube with stripes: columns or rows of a band shifted by a constant.

    Parameters
    ----------
    cube : array, shape (rows, columns, bands)
        Truth.
    height : float
        Shifts are uniform between minus and plus this.
    fraction : pair of float
        Least and largest part of the columns of a struck band.
    seed : int
        Of `numpy.random.default_rng`.
    bands : float
        Part of the bands that is struck.
    axis : {0, 1}
        0 stripes rows, 1 columns.

    Returns
    -------
    array, shape and dtype of `cube`
        Striped cube.

    Raises
    ------
    InputError
        If it is no cube.
    ParameterError
        If the axis is out of range.
    """
    x, rng = _start(cube, seed)
    view = _lines(x, axis)
    width = view.shape[1]
    for b in _some(rng, view.shape[2], bands):
        count = rng.integers(max(1, int(fraction[0] * width)), max(1, int(fraction[1] * width)) + 1)
        view[:, rng.permutation(width)[:count], b] += rng.uniform(-height, height, count)
    return _like(x, cube)


def dead_lines(
    cube: Any,
    count: tuple[int, int] = (3, 7),
    *,
    seed: int,
    bands: float = 0.2,
    axis: int = 1,
    value: float = 0.0,
) -> Any:
    """Cube with dead columns or rows in a part of its bands.

    Parameters
    ----------
    cube : array, shape (rows, columns, bands)
        Truth.
    count : pair of int
        Least and largest number of dead lines of a struck band.
    seed : int
        Of `numpy.random.default_rng`.
    bands : float
        Part of the bands that is struck.
    axis : {0, 1}
        0 kills rows, 1 columns.
    value : float
        What a dead line reads.

    Returns
    -------
    array, shape and dtype of `cube`
        Struck cube.

    Raises
    ------
    InputError
        If it is no cube.
    ParameterError
        If the axis is out of range.
    """
    x, rng = _start(cube, seed)
    view = _lines(x, axis)
    for b in _some(rng, view.shape[2], bands):
        view[:, rng.permutation(view.shape[1])[: rng.integers(count[0], count[1] + 1)], b] = value
    return _like(x, cube)


def dead_pixels(cube: Any, fraction: float = 0.002, *, seed: int, value: float = 0.0) -> Any:
    """Cube with single dead voxels.

    Parameters
    ----------
    cube : array, shape (rows, columns, bands)
        Truth.
    fraction : float
        Part of all voxels that is dead.
    seed : int
        Of `numpy.random.default_rng`.
    value : float
        What a dead voxel reads.

    Returns
    -------
    array, shape and dtype of `cube`
        Struck cube.

    Raises
    ------
    InputError
        If it is no cube.
    ParameterError
        If the fraction is not within 0 and 1.
    """
    x, rng = _start(cube, seed)
    if not 0 <= fraction <= 1:
        raise ParameterError(f"fraction: must be from 0 to 1, got {fraction}")
    x[rng.random(x.shape) < fraction] = value
    return _like(x, cube)


def mixed_noise(cube: Any, sigma: Any = (0.01, 0.15), *, seed: int) -> Any:
    """Cube with Gaussian noise of another level in each band, stripes, impulses and dead columns.

    Parameters
    ----------
    cube : array, shape (rows, columns, bands)
        Truth, of order one.
    sigma : float, pair of floats, or array of shape (bands,)
        As `gaussian_noise`.
    seed : int
        Of `numpy.random.default_rng`.

    Returns
    -------
    array, shape and dtype of `cube`
        `gaussian_noise`, `stripe_noise`, `impulse_noise` and `dead_lines` one after the other.

    Raises
    ------
    InputError
        If it is no cube.
    ParameterError
        If sigma does not fit.
    """
    seeds = np.random.default_rng(seed).integers(0, 2**31, 4)
    out = gaussian_noise(cube, sigma, seed=int(seeds[0]))
    low, high = float(np.min(cube)), float(np.max(cube))
    out = stripe_noise(out, 0.25 * (high - low), seed=int(seeds[1]))
    struck = impulse_noise(cube, seed=int(seeds[2]))
    hit = struck != cube
    out[hit] = struck[hit]
    return dead_lines(out, seed=int(seeds[3]), value=low)


def _start(cube: Any, seed: int) -> tuple[Any, Any]:
    x = np.array(cube, dtype=np.float64)
    if x.ndim != 3 or 0 in x.shape:
        raise InputError(f"cube: needs the axes (rows, columns, bands), got shape {x.shape}")
    return x, np.random.default_rng(seed)


def _like(x: Any, cube: Any) -> Any:
    dtype = np.asarray(cube).dtype
    return x.astype(dtype) if dtype.kind == "f" else x


def _some(rng: Any, count: int, part: float) -> Any:
    if not 0 <= part <= 1:
        raise ParameterError(f"bands: must be from 0 to 1, got {part}")
    return rng.permutation(count)[: int(part * count)]


def _lines(x: Any, axis: int) -> Any:
    if axis not in (0, 1):
        raise ParameterError(f"axis: must be 0 (rows) or 1 (columns), got {axis!r}")
    return x if axis == 1 else x.swapaxes(0, 1)


def _smoothed(noise: Any, width: float) -> Any:
    from scipy.ndimage import gaussian_filter1d

    out = gaussian_filter1d(gaussian_filter1d(noise, width, axis=0, mode="wrap"), width, axis=1, mode="wrap")
    return out / out.std(axis=(0, 1), keepdims=True)
