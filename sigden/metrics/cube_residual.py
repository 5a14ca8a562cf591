"""What the residual of a cube tells without truth."""

from __future__ import annotations

from typing import Any

import numpy as np

from sigden.errors import InputError
from sigden.metrics.image import _pair

__all__ = ["residual_autocorrelation", "residual_to_sigma", "structure_leak"]


def residual_to_sigma(data: Any, estimate: Any, sigma: Any, *, mask: Any = None) -> Any:
    """Size of the residual of each band over the noise level.

    Parameters
    ----------
    data, estimate : array, shape (rows, columns, bands)
        Noisy and denoised cube.
    sigma : float or array, shape (bands,)
        Noise level, from an estimate that did not see the denoiser, for example spectral regression.
    mask : array of bool, shape of the cube, optional
        True where a sample is ignored.

    Returns
    -------
    float64 array, shape (bands,)
        Near 1 if noise and nothing else was removed: less, and noise is left; more, and signal is gone. NaN
        where the level is zero or no sample is left.

    Raises
    ------
    InputError
        If the shapes do not fit or a value is not finite.
    """
    residual = _residual(data, estimate, mask)
    level = np.broadcast_to(np.asarray(sigma, dtype=np.float64), (residual.shape[2],))
    size = np.sqrt(np.ma.mean(residual**2, axis=(0, 1)).filled(np.nan))
    return size / np.where(level > 0, level, np.nan)


def residual_autocorrelation(data: Any, estimate: Any, *, mask: Any = None) -> Any:
    """Correlation of the residual between neighbouring pixels.

    Parameters
    ----------
    data, estimate : array, shape (rows, columns, bands)
        Noisy and denoised cube.
    mask : array of bool, shape of the cube, optional
        True where a sample is ignored.

    Returns
    -------
    float64 array, shape (2, bands)
        Along rows and along columns, at a lag of one pixel; near 0 if the noise is white and no structure
        went with it. NaN for a residual of zero.

    Raises
    ------
    InputError
        If the shapes do not fit or a value is not finite.
    """
    residual = _residual(data, estimate, mask)
    residual = residual - np.ma.mean(residual, axis=(0, 1))
    power = np.ma.mean(residual**2, axis=(0, 1)).filled(np.nan)
    down = np.ma.mean(residual[1:] * residual[:-1], axis=(0, 1)).filled(np.nan)
    across = np.ma.mean(residual[:, 1:] * residual[:, :-1], axis=(0, 1)).filled(np.nan)
    return np.stack([down, across]) / np.where(power > 0, power, np.nan)


def structure_leak(data: Any, estimate: Any, *, width: float = 1.0, mask: Any = None) -> Any:
    """Correlation of the residual with the fine structure of the estimate.

    Parameters
    ----------
    data, estimate : array, shape (rows, columns, bands)
        Noisy and denoised cube.
    width : float
        Standard deviation in pixels of the Gaussian whose result is taken off to leave fine structure.
    mask : array of bool, shape of the cube, optional
        True where a sample is ignored.

    Returns
    -------
    float64 array, shape (bands,)
        Size of the correlation coefficient; near 0 if what was removed knows nothing of edges and objects.
        NaN where residual or structure vanish.

    Raises
    ------
    InputError
        If the shapes do not fit or a value is not finite.
    """
    from scipy.ndimage import gaussian_filter

    residual = _residual(data, estimate, mask)
    u = np.asarray(estimate, dtype=np.float64)
    fine = np.ma.array(u - gaussian_filter(u, (width, width, 0)), mask=np.ma.getmaskarray(residual))
    a = residual - np.ma.mean(residual, axis=(0, 1))
    b = fine - np.ma.mean(fine, axis=(0, 1))
    size = np.sqrt((a**2).sum(axis=(0, 1)) * (b**2).sum(axis=(0, 1)))
    product = np.ma.filled((a * b).sum(axis=(0, 1)), np.nan)
    size = np.ma.filled(size, np.nan)
    return np.abs(product) / np.where(size > 0, size, np.nan)


def _residual(data: Any, estimate: Any, mask: Any) -> Any:
    """Residual as a masked array."""
    hidden = None
    if mask is not None:
        hidden = np.asarray(mask, dtype=bool)
        if hidden.shape != np.shape(data):
            raise InputError(f"metric: mask has shape {hidden.shape}, the data {np.shape(data)}")
        data, estimate = np.where(hidden, 0, data), np.where(hidden, 0, estimate)
    y, u = _pair(data, estimate, None)
    if y.ndim != 3:
        raise InputError(f"metric: needs the axes (rows, columns, bands), got shape {y.shape}")
    return np.ma.array(y - u, mask=hidden if hidden is not None else np.ma.nomask)
