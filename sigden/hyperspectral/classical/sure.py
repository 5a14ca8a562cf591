"""Soft thresholds of least unbiased risk, for unit noise."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from sigden.arrays import is_numpy, namespace

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
    threshold : array of float64, shape (count,)
        At most :math:`\\sqrt{2 \\log n}`, beyond which noise alone hardly reaches, or the largest
        magnitude of the column, where setting all to zero has the least risk.
    risk : array of float64, shape (count,)
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
    n, count = coefficients.shape
    ordered = np.sort(np.abs(coefficients), axis=0)
    squares = ordered.astype(np.float64) ** 2
    above = np.arange(n - 1, -1, -1, dtype=np.float64)[:, None]
    risk = 2 * above - n + np.cumsum(squares, axis=0) + above * squares
    # only the last magnitude may exceed the universal threshold
    risk[:-1][squares[:-1] > 2 * math.log(max(n, 2))] = math.inf
    best, columns = risk.argmin(axis=0), np.arange(count)
    least = risk[best, columns]
    keep = least >= n
    threshold = np.where(keep, 0.0, ordered[best, columns])
    return threshold, np.where(keep, float(n), least)
