"""Exact total variation of spectra with an l1 fit, in array-API terms."""

from __future__ import annotations

import math
from typing import Any

from sigden.arrays import device_of, namespace

__all__ = ["l1tv"]

_BLOCK = 2**22  # numbers of the derivatives that are kept at once


def l1tv(rows: Any, weight: float) -> Any:
    """Minimise ``sum |x - h| + weight * sum |x[i + 1] - x[i]|`` for every row h.

    Parameters
    ----------
    rows : array, shape (count, bands)
        Spectra.
    weight : float
        Weight on total variation.

    Returns
    -------
    array, shape of `rows`
        The minimum; of several, the one that the loops of the CPU take where the sums of weights are exact.

    Notes
    -----
    The minimum takes values of the row only. The derivative of the cost of all samples up to one, minimised
    over the earlier ones, is constant between neighbouring values: it is kept for each gap between the sorted
    values, all rows together, which takes bands times bands steps for each row.
    """
    xp = namespace(rows)
    out = xp.empty_like(rows)
    size = max(_BLOCK // (rows.shape[1] + 1), 1)
    for start in range(0, rows.shape[0], size):
        stop = min(start + size, rows.shape[0])
        out[start:stop, :] = _minimum(xp, rows[start:stop, :], weight)
    return out


def _minimum(xp: Any, h: Any, weight: float) -> Any:
    bands = h.shape[1]
    order = xp.argsort(h, axis=1)
    values, rank = xp.take_along_axis(h, order, axis=1), xp.argsort(order, axis=1)
    gap = xp.arange(bands + 1, device=device_of(h))[None, :]
    slope = xp.zeros((h.shape[0], bands + 1), dtype=xp.float64, device=device_of(h))

    def first_with(steep: Any) -> Any:
        """Value after which the slope is no longer below a bound."""
        place = xp.minimum(xp.count_nonzero(steep, axis=1, keepdims=True), bands - 1)
        return xp.take_along_axis(values, place, axis=1)[:, 0]

    def last_with(flat: Any) -> Any:
        """Value before which the slope is not yet above a bound."""
        place = xp.maximum(xp.count_nonzero(flat, axis=1, keepdims=True) - 1, 0)
        return xp.take_along_axis(values, place, axis=1)[:, 0]

    bounds = []
    for band in range(bands - 1):
        slope = slope + (2.0 * xp.astype(gap > rank[:, band : band + 1], xp.float64) - 1.0)
        low = xp.where(slope[:, 0] < -weight, first_with(slope[:, 1:] < -weight), -math.inf)
        high = xp.where(slope[:, bands] > weight, last_with(slope[:, :bands] <= weight), math.inf)
        bounds.append((low, high))
        slope = xp.minimum(xp.maximum(slope, -weight), weight)
    slope = slope + (2.0 * xp.astype(gap > rank[:, bands - 1 :], xp.float64) - 1.0)
    columns = [first_with(slope[:, 1:] < 0)]
    for low, high in reversed(bounds):
        columns.append(xp.minimum(xp.maximum(columns[-1], low), high))
    return xp.stack(columns[::-1], axis=1)
