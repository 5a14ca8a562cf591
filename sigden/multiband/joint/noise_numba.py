"""Propagated noise of Fourier modes on the CPU: neighbouring coarse frequencies side by side."""

# inlined from other files: ae3139dd23b2
from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit, prange, types

from sigden.multiband.joint.lanes_numba import (
    LANES,
    covariance,
    factorise,
    load_aliases,
    pattern,
    place,
    solve,
    store_real,
)
from sigden.multiband.joint.posterior_numba import row_shares, system_types

__all__ = ["propagated_noise"]

_NOISE = [
    types.void(
        *system_types(kind),
        types.Array(types.float64, 2, "C", readonly=True),
        types.int64,
        types.float64[:, :, ::1],
        types.float64[:, :, :, ::1],
        types.int64,
    )
    for kind in (types.complex64, types.complex128)
]


@njit(nogil=True, error_model="numpy")
def _inverse(mr, mi, filled, lanes, xr, xi, ir, ii):  # type: ignore[no-untyped-def]
    """Inverses of the matrices that `factorise` has factorised."""
    size = mr.shape[0]
    for j in range(size):
        xr[:] = 0.0
        xi[:] = 0.0
        xr[j] = 1.0
        solve(mr, mi, filled, lanes, xr, xi, j)
        for i in range(j, size):
            for v in range(lanes):
                ir[i, j, v] = xr[i, v]
                ii[i, j, v] = xi[i, v]
            for v in range(lanes):
                ir[j, i, v] = xr[i, v]
                ii[j, i, v] = -xi[i, v]


@njit(nogil=True, error_model="numpy")
def _squared(ir, ii, variance, i, j, lanes, qr, qi):  # type: ignore[no-untyped-def]
    """One entry of the inverse times the noise times the inverse."""
    qr[:lanes] = 0.0
    qi[:lanes] = 0.0
    for m in range(variance.size):
        level = variance[m]
        for v in range(lanes):
            qr[v] += level * (ir[i, m, v] * ir[j, m, v] + ii[i, m, v] * ii[j, m, v])
        for v in range(lanes):
            qi[v] += level * (ii[i, m, v] * ir[j, m, v] - ir[i, m, v] * ii[j, m, v])


@njit(nogil=True, error_model="numpy")
def _noise_rows(  # type: ignore[no-untyped-def]
    transfers, power, target, factors, where, couple, cross, variance, mix, combinations, columns, noise,
    sums, low, high,
):  # fmt: skip
    channels, rows, _ = transfers.shape
    k, size = factors[-1], variance.size
    filled = pattern(where, size)
    mr, mi = np.empty((size, size, LANES)), np.empty((size, size, LANES))
    ir, ii = np.empty((size, size, LANES)), np.empty((size, size, LANES))
    xr, xi = np.empty((size, LANES)), np.empty((size, LANES))
    sr, si = np.empty((channels, k * k, LANES)), np.empty((channels, k * k, LANES))
    prior, goal = np.empty((k * k, LANES)), np.empty((k * k, LANES))
    ur, ui, both = np.empty(LANES), np.empty(LANES), np.empty(LANES)
    total, times = np.empty((combinations.shape[0], LANES)), np.empty(LANES)
    coarse = columns // k // 2 + 1
    for r in range(low, high):
        for column in range(0, coarse, LANES):
            n = min(LANES, coarse - column)
            load_aliases(transfers, power, target, factors, r, column, columns, n, prior, goal, sr, si)
            covariance(sr, si, prior, where, couple, variance, n, ur, ui, mr, mi)
            factorise(mr, mi, filled, n)
            _inverse(mr, mi, filled, n, xr, xi, ir, ii)
            times[:n] = 2.0  # modes that are their own mirror image count once
            if column == 0:
                times[0] = 1.0
            if 2 * (column + n - 1) * k == columns:
                times[n - 1] = 1.0
            for a in range(k * k):
                i, base = place(a, k, rows, columns, r, column)
                total[:] = 0.0
                for c in range(channels):
                    for d in range(c + 1):
                        p, q = where[c, a], where[d, a]
                        _squared(ir, ii, variance, p, q, n, ur, ui)
                        for kind in range(2):
                            if kind == 1:
                                ur[:n] = ir[p, q, :n]
                                ui[:n] = ii[p, q, :n]
                            for v in range(n):
                                real = sr[c, a, v] * sr[d, a, v] + si[c, a, v] * si[d, a, v]
                                imaginary = sr[c, a, v] * si[d, a, v] - si[c, a, v] * sr[d, a, v]
                                level = (goal[a, v] * prior[a, v]) ** 2
                                both[v] = level * (real * ur[v] - imaginary * ui[v])
                            if kind == 0:
                                for u in range(combinations.shape[0]):
                                    weight = (
                                        combinations[u, c] * combinations[u, d] * (1.0 if c == d else 2.0)
                                    )
                                    for v in range(n):
                                        total[u, v] += weight * both[v]
                            value = 0.0
                            for v in range(n):
                                value += times[v] * both[v]
                            sums[kind, r, c, d] += value
                for u in range(combinations.shape[0]):
                    store_real(noise[u], i, base, rows, columns, column, k, n, total[u])


@njit(_NOISE, cache=True, nogil=True, error_model="numpy")
def _noise(  # type: ignore[no-untyped-def]
    transfers, power, target, factors, where, couple, cross, variance, mix, combinations, columns, noise,
    sums, blocks,
):  # fmt: skip
    _noise_rows(
        transfers, power, target, factors, where, couple, cross, variance, mix, combinations, columns, noise,
        sums, 0, transfers.shape[1] // factors[-1],
    )  # fmt: skip


@njit(_NOISE, cache=True, nogil=True, error_model="numpy", parallel=True)
def _noise_parallel(  # type: ignore[no-untyped-def]
    transfers, power, target, factors, where, couple, cross, variance, mix, combinations, columns, noise,
    sums, blocks,
):  # fmt: skip
    rows = transfers.shape[1] // factors[-1]
    for n in prange(blocks):
        _noise_rows(
            transfers, power, target, factors, where, couple, cross, variance, mix, combinations, columns,
            noise, sums, n * rows // blocks, (n + 1) * rows // blocks,
        )  # fmt: skip


def propagated_noise(system: Any, combinations: Any, columns: int) -> tuple[Any, Any, Any]:
    """Noise power of combinations, and covariances summed over modes; arguments as the generic twin."""
    channels, rows = len(system.factors), system.power.shape[0] // int(system.factors[-1])
    noise = np.empty((combinations.shape[0], *system.power.shape))
    sums = np.zeros((2, rows, channels, channels))
    blocks = row_shares(system.transfers.shape, int(system.factors[-1]))
    weights = np.ascontiguousarray(combinations @ system.cross.T)
    (_noise_parallel if blocks else _noise)(*system, weights, columns, noise, sums, blocks)
    pairs = np.sum(sums, axis=1)
    whole = pairs + np.swapaxes(np.tril(pairs, -1), 1, 2)
    propagated, explained = system.cross.T @ whole @ system.cross
    return noise, propagated, explained
