"""Soft thresholds of least unbiased risk, for unit noise."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from sigden.arrays import device_of, is_numpy, namespace, to_numpy

__all__ = ["soft", "soft_threshold_sure"]


def soft(x: Any, threshold: Any) -> Any:
    """Soft threshold ``sign(x) max(|x| - threshold, 0)``, the proximal point of ``threshold * |.|``."""
    xp = namespace(x)
    if is_numpy(xp):
        return x - np.clip(x, -threshold, threshold)
    return x - xp.minimum(xp.maximum(x, -threshold), threshold)


def soft_threshold_sure(coefficients: Any) -> tuple[Any, Any]:
    """Thresholds of least unbiased risk, one for each column.

    Parameters
    ----------
    coefficients : array, shape (n, count)
        Signal plus white Gaussian noise of unit variance.

    Returns
    -------
    threshold : float64 ndarray, shape (count,)
        At most :math:`\\sqrt{2 \\log n}`, beyond which noise alone hardly reaches, or the largest
        magnitude of the column, where setting all to zero has the least risk.
    risk : float64 ndarray, shape (count,)
        Unbiased estimate of the squared error at the threshold.

    Notes
    -----
    .. math:: R(t) = n - 2 \\#\\{|w_i| \\le t\\} + \\sum_i \\min(w_i^2, t^2)

    rises between neighbouring magnitudes, so its minimum is at one of them or at zero: it is found exactly by
    sorting.

    References
    ----------
    .. [1] D. L. Donoho and I. M. Johnstone, "Adapting to unknown smoothness via wavelet shrinkage", J. Am.
       Stat. Assoc. 90 (1995) 1200, section 2.3.
    """
    xp, n = namespace(coefficients), coefficients.shape[0]
    ordered = xp.sort(xp.abs(coefficients), axis=0, stable=False)
    squares = xp.astype(ordered, xp.float64) ** 2
    above = xp.arange(n - 1, -1, -1, dtype=xp.float64, device=device_of(squares))[:, None]
    risk = 2 * above - n + xp.cumulative_sum(squares, axis=0) + above * squares
    # only the last magnitude may exceed the universal threshold
    beyond = squares[:-1, :] > 2 * math.log(max(n, 2))
    risk[:-1, :] = xp.where(beyond, math.inf, risk[:-1, :])
    best = xp.argmin(risk, axis=0)[None, :]
    least, place = (to_numpy(xp.take_along_axis(x, best, axis=0))[0] for x in (risk, ordered))
    keep = least >= n
    return np.where(keep, 0.0, place.astype(np.float64)), np.where(keep, float(n), least)
