"""Figures of merit of an image or any other array."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from sigden.errors import InputError, ParameterError

__all__ = ["mse", "psnr", "snr_db"]


def mse(estimate: Any, truth: Any, *, mask: Any = None) -> float:
    """Mean squared error.

    Parameters
    ----------
    estimate, truth : array
        Same shape.
    mask : array of bool, optional
        True where a pixel is ignored.

    Returns
    -------
    float
        In the unit of the truth, squared.

    Raises
    ------
    InputError
        If the shapes differ, no pixel is left, or a value is not finite.
    """
    u, h = _pair(estimate, truth, mask)
    return float(np.mean((u - h) ** 2))


def psnr(estimate: Any, truth: Any, *, peak: float | None = None, mask: Any = None) -> float:
    """Peak signal-to-noise ratio in dB.

    Parameters
    ----------
    estimate, truth : array
        Same shape.
    peak : float, optional
        Peak value; the range of the truth (maximum minus minimum) by default.
    mask : array of bool, optional
        True where a pixel is ignored.

    Returns
    -------
    float
        :math:`10 \\log_{10}(peak^2 / MSE)`; infinity for an exact estimate.

    Raises
    ------
    InputError
        As `mse`, or if the truth is constant and no peak is given.
    ParameterError
        If the peak is not positive.
    """
    u, h = _pair(estimate, truth, mask)
    if peak is not None and not peak > 0:
        raise ParameterError(f"peak: must be positive, got {peak}")
    top = float(h.max() - h.min()) if peak is None else float(peak)
    if top == 0:
        raise InputError("psnr: the truth is constant; give the peak")
    error = float(np.mean(((u - h) / top) ** 2))
    return -10 * math.log10(error) if error > 0 else math.inf


def snr_db(estimate: Any, truth: Any, *, mask: Any = None) -> float:
    """Signal-to-noise ratio in dB.

    Parameters
    ----------
    estimate, truth : array
        Same shape.
    mask : array of bool, optional
        True where a pixel is ignored.

    Returns
    -------
    float
        :math:`10 \\log_{10}(\\|h\\|^2 / \\|u - h\\|^2)`; infinity for an exact estimate.

    Raises
    ------
    InputError
        As `mse`, or if the truth is zero everywhere.
    """
    u, h = _pair(estimate, truth, mask)
    top = float(np.abs(h).max())
    if top == 0:
        raise InputError("snr_db: the truth is zero everywhere")
    error = float(np.sum(((u - h) / top) ** 2))
    return 10 * math.log10(float(np.sum((h / top) ** 2)) / error) if error > 0 else math.inf


def _pair(estimate: Any, truth: Any, mask: Any) -> tuple[Any, Any]:
    u, h = np.asarray(estimate, dtype=np.float64), np.asarray(truth, dtype=np.float64)
    if u.shape != h.shape:
        raise InputError(f"metric: shapes {u.shape} and {h.shape} differ")
    if mask is not None:
        keep = ~np.broadcast_to(np.asarray(mask, dtype=bool), u.shape)
        u, h = u[keep], h[keep]
    if u.size == 0:
        raise InputError("metric: no value is left")
    if not (np.isfinite(u).all() and np.isfinite(h).all()):
        raise InputError("metric: a value is not finite; mask it")
    return u, h
