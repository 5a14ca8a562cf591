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
    transfer : numpy.ndarray, complex, shape (rows, columns // 2 + 1)
        Its transfer function.
    sigma : float
        Noise rms per pixel.

    Returns
    -------
    numpy.ndarray, shape (rows, columns // 2 + 1)
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
    modes = np.abs(fft.rfft2(image, norm="ortho")) ** 2 - sigma**2
    radius = np.hypot(fft.fftfreq(rows)[:, None], fft.rfftfreq(columns)) * math.sqrt(image.size)
    ring = np.rint(radius).astype(np.int64)
    # columns that stand for their mirror images too
    double = np.full(modes.shape[1], 2.0)
    double[0] = 1.0
    if columns % 2 == 0:
        double[-1] = 1.0
    double = np.broadcast_to(double, modes.shape)
    response = np.abs(transfer) ** 2

    def summed(values: Any) -> Any:
        return np.bincount(ring.ravel(), (values * double).ravel())

    count = summed(np.ones_like(response))
    weight = summed(response**2)
    power = summed(modes * response) / np.maximum(weight, 1e-300)
    curve = isotonic_regression(
        np.maximum(power, 0.0), weights=np.maximum(weight, 1e-300), increasing=False
    ).x
    mean_response = summed(response) / count
    error = sigma**2 / np.sqrt(count) / np.maximum(mean_response, 1e-300)
    clear = np.flatnonzero(curve > 2.0 * error)
    last = max(int(clear[-1]) if clear.size else 0, 2 * _FIRST_FIT)
    last = min(last, curve.size - 1)
    index = np.arange(curve.size)
    fitted = slice(max(_FIRST_FIT, last // 2), last + 1)
    slope = np.polyfit(np.log(index[fitted]), np.log(np.maximum(curve[fitted], 1e-300)), 1)[0]
    tail = curve[last] * (np.maximum(index, 1) / last) ** min(slope, _STEEPEST_TAIL)
    curve = np.where(index > last, tail, curve)
    smooth = np.interp(radius.ravel(), index, curve).reshape(radius.shape)
    return np.maximum(smooth, 1e-12 * max(float(curve[0]), 1e-300))
