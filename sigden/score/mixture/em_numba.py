"""Expectation and maximisation for a normal-mixture prior under grouped noisy samples."""

from __future__ import annotations

import math

import numpy as np
from numba import njit, types

__all__ = ["maximise"]

_F = types.Array(types.float64, 1, "C", readonly=True)
_I = types.Array(types.int64, 1, "C", readonly=True)
_W = types.float64[::1]
_B = types.Array(types.boolean, 1, "C", readonly=True)
_SIGNATURE = [
    types.float64(_F, _I, _F, _F, _W, _W, _W, _B, types.float64, types.int64, types.float64)
]  # fmt: skip
_LEAST = 1e-12  # weight below which a component stays as it is


@njit(_SIGNATURE, cache=True, nogil=True, error_model="numpy")
def maximise(x, level, count, noise, mean, variance, weight, pinned, floor, max_iter, tol):  # type: ignore[no-untyped-def]
    """Change mean, variance and weight in place; returns the log-likelihood of what they then are.

    count sums to the number of samples; noise is the variance of each level. Atoms (variance zero) stay
    atoms, pinned means stay where they are, other variances stay at floor or above it. Ends after max_iter
    steps or where one gains less than tol.
    """
    size = mean.size
    total = count.sum()
    share, mass, place = np.empty(size), np.empty(size), np.empty(size)
    first, second = np.empty(size), np.empty(size)
    before = -np.inf
    value = -np.inf
    for iteration in range(max_iter + 1):
        mass[:] = 0.0
        place[:] = 0.0
        first[:] = 0.0
        second[:] = 0.0
        value = 0.0
        for i in range(x.size):
            s2 = noise[level[i]]
            nearest = np.inf
            for k in range(size):
                share[k] = (x[i] - mean[k]) ** 2 / (s2 + variance[k])
                nearest = min(nearest, share[k])
            density = 0.0
            for k in range(size):
                share[k] = weight[k] / math.sqrt(s2 + variance[k]) * math.exp(0.5 * (nearest - share[k]))
                density += share[k]
            value += count[i] * (math.log(density) - 0.5 * nearest)
            scale = count[i] / density
            for k in range(size):
                r = scale * share[k]
                mass[k] += r
                if variance[k] > 0.0:
                    gain = variance[k] / (s2 + variance[k])
                    move = gain * (x[i] - mean[k])
                    first[k] += r * move
                    second[k] += r * (move * move + gain * s2)
                else:
                    place[k] += r / s2
                    first[k] += r * (x[i] - mean[k]) / s2
        if iteration == max_iter or value - before < tol:
            break
        before = value
        for k in range(size):
            weight[k] = mass[k] / total
            if mass[k] > _LEAST:
                if variance[k] > 0.0:
                    move = 0.0 if pinned[k] else first[k] / mass[k]
                    mean[k] += move
                    variance[k] = max(second[k] / mass[k] - move * move, floor)
                elif not pinned[k]:
                    mean[k] += first[k] / place[k]
    return value - 0.9189385332046727 * total
