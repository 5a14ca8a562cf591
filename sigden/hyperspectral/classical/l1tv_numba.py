"""Exact total variation of spectra with an l1 fit, by dynamic programming."""

from __future__ import annotations

import numpy as np
from numba import njit

__all__ = ["l1tv"]

_SIGNATURES = [
    "void(float32[:,::1], float64, float32[:,::1])",
    "void(float64[:,::1], float64, float64[:,::1])",
]


def l1tv(rows, weight):  # type: ignore[no-untyped-def]
    """Minimiser for each row, see `l1_total_variation`."""
    out = np.empty_like(rows)
    l1_total_variation(rows, weight, out)
    return out


@njit(_SIGNATURES, cache=True, nogil=True, error_model="numpy")
def l1_total_variation(rows, weight, out):  # type: ignore[no-untyped-def]
    """Minimise ``sum |x - h| + weight * sum |x[i + 1] - x[i]|`` for every row h.

    The derivative of the cost of all samples up to one, minimised over the earlier ones, is a rising step
    function between -weight and weight: a list of places and jumps. A sample adds a jump of two at its value;
    what exceeds the bounds is cut off, and where that was tells the earlier sample from the later one.
    """
    n = rows.shape[1]
    place, jump = np.empty(n, rows.dtype), np.empty(n)
    low, high = np.empty(n, rows.dtype), np.empty(n, rows.dtype)
    for r in range(rows.shape[0]):
        h, x = rows[r], out[r]
        count, left, right = 0, 0.0, 0.0
        for i in range(n):
            k = count
            while k > 0 and place[k - 1] > h[i]:
                place[k], jump[k] = place[k - 1], jump[k - 1]
                k -= 1
            place[k], jump[k] = h[i], 2.0
            count += 1
            left -= 1.0
            right += 1.0
            if i == n - 1:
                break
            # from below: where the derivative passes -weight
            low[i] = -np.inf
            first = 0
            while left < -weight and first < count:
                if left + jump[first] <= -weight:
                    left += jump[first]
                    low[i] = place[first]
                    first += 1
                else:
                    jump[first] -= -weight - left
                    left = -weight
                    low[i] = place[first]
            # from above: where it passes weight
            high[i] = np.inf
            while right > weight and count > first:
                if right - jump[count - 1] >= weight:
                    right -= jump[count - 1]
                    high[i] = place[count - 1]
                    count -= 1
                else:
                    jump[count - 1] -= right - weight
                    right = weight
                    high[i] = place[count - 1]
            if first > 0:
                for k in range(first, count):
                    place[k - first], jump[k - first] = place[k], jump[k]
                count -= first
        # the last sample is where the derivative passes zero
        k = 0
        while k < count - 1 and left + jump[k] < 0.0:
            left += jump[k]
            k += 1
        x[n - 1] = place[k]
        for i in range(n - 2, -1, -1):
            x[i] = min(max(x[i + 1], low[i]), high[i])
