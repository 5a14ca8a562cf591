"""Prior power of a scene from its sharpest image."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

__all__ = ["scene_power"]

_STEEPEST_TAIL = -2.0
_FIRST_FIT = 3


def scene_power(image: Any, transfer: Any, sigma: float) -> Any:
    """Isotropic, monotone power spectrum of the scene behind an image.

    Parameters
    ----------
    image : numpy.ndarray, shape (rows, columns)
        The image that holds the finest detail, noise rms `sigma`.
    transfer : numpy.ndarray, complex, shape (rows, columns)
        Its transfer function.
    sigma : float
        Noise rms per pixel.

    Returns
    -------
    numpy.ndarray, shape (rows, columns)
        Power of each mode before the PSF, for DFTs divided by the square root of the number of pixels.

    Notes
    -----
    In rings of frequency the noise power is taken off, the ring's power is divided by its squared transfer
    with the weights of least variance, and a falling curve is fitted (isotonic regression). Beyond the last
    ring that stands above twice its error the curve goes on as the power law of the rings before it, no
    flatter than the inverse square.
    """
    from scipy import fft
    from scipy.optimize import isotonic_regression

    rows, columns = image.shape
    modes = np.abs(fft.fft2(image)) ** 2 / image.size - sigma**2
    radius = np.hypot(*np.meshgrid(fft.fftfreq(rows), fft.fftfreq(columns), indexing="ij")) * math.sqrt(
        image.size
    )
    ring = np.rint(radius).astype(int).ravel()
    response = np.abs(transfer) ** 2
    count = np.bincount(ring)
    weight = np.bincount(ring, (response**2).ravel())
    power = np.bincount(ring, (modes * response).ravel()) / np.maximum(weight, 1e-300)
    curve = isotonic_regression(
        np.maximum(power, 0.0), weights=np.maximum(weight, 1e-300), increasing=False
    ).x
    mean_response = np.bincount(ring, response.ravel()) / count
    error = sigma**2 / np.sqrt(count) / np.maximum(mean_response, 1e-300)
    clear = np.flatnonzero(curve > 2.0 * error)
    last = max(int(clear[-1]) if clear.size else 0, 2 * _FIRST_FIT)
    last = min(last, curve.size - 1)
    index = np.arange(curve.size)
    fitted = slice(max(_FIRST_FIT, last // 2), last + 1)
    slope = np.polyfit(np.log(index[fitted]), np.log(np.maximum(curve[fitted], 1e-300)), 1)[0]
    tail = curve[last] * (np.maximum(index, 1) / last) ** min(slope, _STEEPEST_TAIL)
    curve = np.where(index > last, tail, curve)
    smooth = np.interp(radius.ravel(), index, curve).reshape(image.shape)
    return np.maximum(smooth, 1e-12 * max(float(curve[0]), 1e-300))
