"""Posterior mean of Fourier modes on the CPU: neighbouring coarse frequencies side by side."""

# inlined from other files: d13f4d9a4cfb
from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit, prange, types

from sigden.multiband.joint.lanes_numba import (
    LANES,
    covariance,
    factorise,
    load,
    load_aliases,
    pattern,
    place,
    solve,
    store,
)
from sigden.multiband.joint.posterior_numba import row_shares, system_types

__all__ = ["estimate_modes"]

_PASSED = 1e-6  # of the target, below which it holds nothing of the scene

_ESTIMATE = [
    types.void(
        *system_types(kind),
        types.Array(kind, 1, "C", readonly=True),
        types.Array(types.int64, 1, "C", readonly=True),
        types.Array(kind, 3, "C", readonly=True),
        kind[:, :, ::1],
        kind[::1],
        types.int64,
        types.int64,
    )
    for kind in (types.complex64, types.complex128)
]


@njit(nogil=True, error_model="numpy")
def _take_off(sr, si, br, bi, sharp, mix, where, lanes, ur, ui, dr, di):  # type: ignore[no-untyped-def]
    """Take what bands at the target PSF predict off the data."""
    bands, aliases, _ = br.shape
    for a in range(aliases):
        for c in range(mix.shape[0]):
            i = where[c, a]
            ur[:lanes] = 0.0
            ui[:lanes] = 0.0
            for b in range(bands):
                weight = mix[c, b]
                if weight != 0.0:
                    for v in range(lanes):
                        ur[v] += weight * br[b, a, v]
                        ui[v] += weight * bi[b, a, v]
            for v in range(lanes):
                ur[v] *= sharp[a, v]
                ui[v] *= sharp[a, v]
            for v in range(lanes):
                dr[i, v] -= sr[c, a, v] * ur[v] - si[c, a, v] * ui[v]
            for v in range(lanes):
                di[i, v] -= sr[c, a, v] * ui[v] + si[c, a, v] * ur[v]


@njit(nogil=True, error_model="numpy")
def _bands(sr, si, xr, xi, prior, goal, where, cross, lanes, ur, ui, br, bi):  # type: ignore[no-untyped-def]
    """Posterior mean of the bands at the target PSF from the solutions."""
    channels, aliases, _ = sr.shape
    br[:] = 0.0
    bi[:] = 0.0
    for a in range(aliases):
        for c in range(channels):
            j = where[c, a]
            for v in range(lanes):
                ur[v] = sr[c, a, v] * xr[j, v] + si[c, a, v] * xi[j, v]
            for v in range(lanes):
                ui[v] = sr[c, a, v] * xi[j, v] - si[c, a, v] * xr[j, v]
            for b in range(cross.shape[1]):
                weight = cross[c, b]
                for v in range(lanes):
                    br[b, a, v] += weight * ur[v]
                for v in range(lanes):
                    bi[b, a, v] += weight * ui[v]
        for b in range(cross.shape[1]):
            for v in range(lanes):
                br[b, a, v] *= prior[a, v] * goal[a, v]
                bi[b, a, v] *= prior[a, v] * goal[a, v]


@njit(nogil=True, error_model="numpy")
def _estimate_rows(  # type: ignore[no-untyped-def]
    transfers, power, target, factors, where, couple, cross, variance, mix, data, start, given, modes, left,
    columns, low, high,
):  # fmt: skip
    channels, rows, _ = transfers.shape
    k, bands, size = factors[-1], cross.shape[1], variance.size
    filled = pattern(where, size)
    mr, mi = np.empty((size, size, LANES)), np.empty((size, size, LANES))
    dr, di = np.empty((size, LANES)), np.empty((size, LANES))
    xr, xi = np.empty((size, LANES)), np.empty((size, LANES))
    sr, si = np.empty((channels, k * k, LANES)), np.empty((channels, k * k, LANES))
    br, bi = np.empty((bands, k * k, LANES)), np.empty((bands, k * k, LANES))
    gr, gi = np.empty((bands, k * k, LANES)), np.empty((bands, k * k, LANES))
    prior, goal, sharp = np.empty((k * k, LANES)), np.empty((k * k, LANES)), np.empty((k * k, LANES))
    ur, ui = np.empty(LANES), np.empty(LANES)
    coarse = columns // k // 2 + 1
    for r in range(low, high):
        for column in range(0, coarse, LANES):
            n = min(LANES, coarse - column)
            load_aliases(transfers, power, target, factors, r, column, columns, n, prior, goal, sr, si)
            for a in range(k * k):
                for v in range(n):
                    sharp[a, v] = 1.0 / goal[a, v] if goal[a, v] > _PASSED else 0.0
                if given.size > 0:
                    i, base = place(a, k, rows, columns, r, column)
                    for b in range(bands):
                        load(given[b], 1.0, i, base, rows, columns, n, gr[b, a], gi[b, a])
            for c in range(channels):
                q = k // factors[c]
                own_rows, own_columns = rows // factors[c], columns // factors[c]
                width = own_columns // 2 + 1
                plane = data[start[c] : start[c] + own_rows * width].reshape(own_rows, width)
                for g in range(q * q):
                    i, base = place(g, q, own_rows, own_columns, r, column)
                    j = where[c, 0] + g
                    load(plane, 1.0, i, base, own_rows, own_columns, n, dr[j], di[j])
            if given.size > 0:
                _take_off(sr, si, gr, gi, sharp, mix, where, n, ur, ui, dr, di)
            xr[:] = dr
            xi[:] = di
            covariance(sr, si, prior, where, couple, variance, n, ur, ui, mr, mi)
            factorise(mr, mi, filled, n)
            solve(mr, mi, filled, n, xr, xi, 0)
            _bands(sr, si, xr, xi, prior, goal, where, cross, n, ur, ui, br, bi)
            if left.size > 0:
                _take_off(sr, si, br, bi, sharp, mix, where, n, ur, ui, dr, di)
                for c in range(channels):
                    q = k // factors[c]
                    own_rows, own_columns = rows // factors[c], columns // factors[c]
                    width = own_columns // 2 + 1
                    rest = left[start[c] : start[c] + own_rows * width].reshape(own_rows, width)
                    for g in range(q * q):
                        i, base = place(g, q, own_rows, own_columns, r, column)
                        j = where[c, 0] + g
                        store(rest, i, base, own_rows, own_columns, column, q, n, dr[j], di[j])
            for a in range(k * k):
                i, base = place(a, k, rows, columns, r, column)
                for b in range(bands):
                    if given.size > 0:
                        for v in range(n):
                            br[b, a, v] += gr[b, a, v]
                            bi[b, a, v] += gi[b, a, v]
                    store(modes[b], i, base, rows, columns, column, k, n, br[b, a], bi[b, a])


@njit(_ESTIMATE, cache=True, nogil=True, error_model="numpy")
def _estimate(  # type: ignore[no-untyped-def]
    transfers, power, target, factors, where, couple, cross, variance, mix, data, start, given, modes, left,
    columns, blocks,
):  # fmt: skip
    _estimate_rows(
        transfers, power, target, factors, where, couple, cross, variance, mix, data, start, given, modes,
        left, columns, 0, transfers.shape[1] // factors[-1],
    )  # fmt: skip


@njit(_ESTIMATE, cache=True, nogil=True, error_model="numpy", parallel=True)
def _estimate_parallel(  # type: ignore[no-untyped-def]
    transfers, power, target, factors, where, couple, cross, variance, mix, data, start, given, modes, left,
    columns, blocks,
):  # fmt: skip
    rows = transfers.shape[1] // factors[-1]
    for n in prange(blocks):
        _estimate_rows(
            transfers, power, target, factors, where, couple, cross, variance, mix, data, start, given, modes,
            left, columns, n * rows // blocks, (n + 1) * rows // blocks,
        )  # fmt: skip


def estimate_modes(
    system: Any, data: Any, start: Any, given: Any, left: bool, columns: int
) -> tuple[Any, Any]:
    """Posterior mean of every mode, and what it leaves of the data; arguments as the generic twin."""
    kind = system.transfers.dtype
    modes = np.empty((system.cross.shape[1], *system.power.shape), kind)
    given = np.empty((0, 0, 0), kind) if given is None else np.ascontiguousarray(given, kind)
    rest = np.empty(data.size if left else 0, kind)
    blocks = row_shares(system.transfers.shape, int(system.factors[-1]))
    (_estimate_parallel if blocks else _estimate)(*system, data, start, given, modes, rest, columns, blocks)
    return modes, rest
