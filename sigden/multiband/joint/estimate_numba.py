"""Posterior mean of Fourier modes on the CPU: neighbouring coarse frequencies side by side in vector registers."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit, prange, types

from sigden.multiband.joint.posterior_numba import row_shares, system_types

__all__ = ["estimate_modes"]

_LANES = 32  # coarse frequencies of a row that are solved together; their systems stay in the first cache
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
def _pattern(where, size):  # type: ignore[no-untyped-def]
    """Entries of the Cholesky factor below the diagonal that are not zero at every frequency."""
    channels, aliases = where.shape
    filled = np.zeros((size, size), np.bool_)
    for a in range(aliases):
        for c in range(channels):
            for d in range(c):
                filled[where[c, a], where[d, a]] = True
    for j in range(size):
        for i in range(j + 1, size):
            for k in range(j):
                if filled[i, k] and filled[j, k]:
                    filled[i, j] = True
    return filled


@njit(nogil=True, error_model="numpy")
def _straight(base, columns, lanes):  # type: ignore[no-untyped-def]
    """Lanes whose column stands in the half plane itself; the others stand there as mirror images."""
    return min(max(columns // 2 - base + 1, 0), lanes)


@njit(nogil=True, error_model="numpy")
def _mirrors(straight, column, k, columns, lanes):  # type: ignore[no-untyped-def]
    """First and past-the-last mirrored lane to write: in two columns other aliases stand there as themselves."""
    first = max(straight, 1 if column == 0 else 0)
    last = lanes - 1 if 2 * (column + lanes - 1) * k == columns else lanes
    return first, last


@njit(nogil=True, error_model="numpy")
def _load(plane, scale, i, base, rows, columns, lanes, real, imaginary):  # type: ignore[no-untyped-def]
    """A row of modes times a number, from a half plane."""
    mirror = (rows - i) % rows
    straight = _straight(base, columns, lanes)
    for v in range(straight):
        real[v] = scale * plane[i, base + v].real
        imaginary[v] = scale * plane[i, base + v].imag
    for v in range(straight, lanes):
        real[v] = scale * plane[mirror, columns - base - v].real
        imaginary[v] = -scale * plane[mirror, columns - base - v].imag


@njit(nogil=True, error_model="numpy")
def _load_real(plane, i, base, rows, columns, lanes, real):  # type: ignore[no-untyped-def]
    mirror = (rows - i) % rows
    straight = _straight(base, columns, lanes)
    for v in range(straight):
        real[v] = plane[i, base + v]
    for v in range(straight, lanes):
        real[v] = plane[mirror, columns - base - v]


@njit(nogil=True, error_model="numpy")
def _store(plane, i, base, rows, columns, column, k, lanes, real, imaginary):  # type: ignore[no-untyped-def]
    """The reverse of `_load`, every mode once; coarse frequencies begin at `column`."""
    mirror = (rows - i) % rows
    straight = _straight(base, columns, lanes)
    for v in range(straight):
        plane[i, base + v] = complex(real[v], imaginary[v])
    first, last = _mirrors(straight, column, k, columns, lanes)
    for v in range(first, last):
        plane[mirror, columns - base - v] = complex(real[v], -imaginary[v])


@njit(nogil=True, error_model="numpy")
def _factorise(mr, mi, filled, lanes):  # type: ignore[no-untyped-def]
    """Cholesky factors in place below the diagonal, the inverse of their diagonals on it."""
    size = mr.shape[0]
    for j in range(size):
        for k in range(j):
            if filled[j, k]:
                for v in range(lanes):
                    mr[j, j, v] -= mr[j, k, v] * mr[j, k, v] + mi[j, k, v] * mi[j, k, v]
        for v in range(lanes):
            mr[j, j, v] = 1.0 / np.sqrt(mr[j, j, v])
        for i in range(j + 1, size):
            if not filled[i, j]:
                continue
            for k in range(j):
                if filled[j, k] and filled[i, k]:
                    for v in range(lanes):
                        mr[i, j, v] -= mr[i, k, v] * mr[j, k, v] + mi[i, k, v] * mi[j, k, v]
                    for v in range(lanes):
                        mi[i, j, v] -= mi[i, k, v] * mr[j, k, v] - mr[i, k, v] * mi[j, k, v]
            for v in range(lanes):
                mr[i, j, v] *= mr[j, j, v]
                mi[i, j, v] *= mr[j, j, v]


@njit(nogil=True, error_model="numpy")
def _solve(mr, mi, filled, lanes, xr, xi):  # type: ignore[no-untyped-def]
    """Solutions, in place, of the systems that `_factorise` has factorised."""
    size = mr.shape[0]
    for i in range(size):
        for k in range(i):
            if filled[i, k]:
                for v in range(lanes):
                    xr[i, v] -= mr[i, k, v] * xr[k, v] - mi[i, k, v] * xi[k, v]
                for v in range(lanes):
                    xi[i, v] -= mr[i, k, v] * xi[k, v] + mi[i, k, v] * xr[k, v]
        for v in range(lanes):
            xr[i, v] *= mr[i, i, v]
            xi[i, v] *= mr[i, i, v]
    for i in range(size - 1, -1, -1):
        for k in range(i + 1, size):
            if filled[k, i]:
                for v in range(lanes):
                    xr[i, v] -= mr[k, i, v] * xr[k, v] + mi[k, i, v] * xi[k, v]
                for v in range(lanes):
                    xi[i, v] -= mr[k, i, v] * xi[k, v] - mi[k, i, v] * xr[k, v]
        for v in range(lanes):
            xr[i, v] *= mr[i, i, v]
            xi[i, v] *= mr[i, i, v]


@njit(nogil=True, error_model="numpy")
def _covariance(sr, si, prior, where, couple, variance, lanes, ur, ui, mr, mi):  # type: ignore[no-untyped-def]
    """Covariance of the data, its lower triangle."""
    channels, aliases, _ = sr.shape
    mr[:] = 0.0
    mi[:] = 0.0
    for a in range(aliases):
        for c in range(channels):
            i = where[c, a]
            for v in range(lanes):
                ur[v] = prior[a, v] * sr[c, a, v]
                ui[v] = prior[a, v] * si[c, a, v]
            for d in range(c + 1):
                j, weight = where[d, a], couple[c, d]
                for v in range(lanes):
                    mr[i, j, v] += weight * (ur[v] * sr[d, a, v] + ui[v] * si[d, a, v])
                for v in range(lanes):
                    mi[i, j, v] += weight * (ui[v] * sr[d, a, v] - ur[v] * si[d, a, v])
    for i in range(variance.size):
        for v in range(lanes):
            mr[i, i, v] += variance[i]


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
    filled = _pattern(where, size)
    mr, mi = np.empty((size, size, _LANES)), np.empty((size, size, _LANES))
    dr, di = np.empty((size, _LANES)), np.empty((size, _LANES))
    xr, xi = np.empty((size, _LANES)), np.empty((size, _LANES))
    sr, si = np.empty((channels, k * k, _LANES)), np.empty((channels, k * k, _LANES))
    br, bi = np.empty((bands, k * k, _LANES)), np.empty((bands, k * k, _LANES))
    gr, gi = np.empty((bands, k * k, _LANES)), np.empty((bands, k * k, _LANES))
    prior, goal, sharp = np.empty((k * k, _LANES)), np.empty((k * k, _LANES)), np.empty((k * k, _LANES))
    ur, ui = np.empty(_LANES), np.empty(_LANES)
    coarse = columns // k // 2 + 1
    for r in range(low, high):
        for column in range(0, coarse, _LANES):
            n = min(_LANES, coarse - column)
            for a in range(k * k):
                i, base = (a // k) * (rows // k) + r, (a % k) * (columns // k) + column
                _load_real(power, i, base, rows, columns, n, prior[a])
                _load_real(target, i, base, rows, columns, n, goal[a])
                for v in range(n):
                    sharp[a, v] = 1.0 / goal[a, v] if goal[a, v] > _PASSED else 0.0
                for c in range(channels):
                    _load(transfers[c], 1.0 / factors[c], i, base, rows, columns, n, sr[c, a], si[c, a])
                if given.size > 0:
                    for b in range(bands):
                        _load(given[b], 1.0, i, base, rows, columns, n, gr[b, a], gi[b, a])
            for c in range(channels):
                q = k // factors[c]
                own_rows, own_columns = rows // factors[c], columns // factors[c]
                width = own_columns // 2 + 1
                plane = data[start[c] : start[c] + own_rows * width].reshape(own_rows, width)
                for g in range(q * q):
                    i, base = (g // q) * (own_rows // q) + r, (g % q) * (own_columns // q) + column
                    j = where[c, 0] + g
                    _load(plane, 1.0, i, base, own_rows, own_columns, n, dr[j], di[j])
            if given.size > 0:
                _take_off(sr, si, gr, gi, sharp, mix, where, n, ur, ui, dr, di)
            xr[:] = dr
            xi[:] = di
            _covariance(sr, si, prior, where, couple, variance, n, ur, ui, mr, mi)
            _factorise(mr, mi, filled, n)
            _solve(mr, mi, filled, n, xr, xi)
            _bands(sr, si, xr, xi, prior, goal, where, cross, n, ur, ui, br, bi)
            if left.size > 0:
                _take_off(sr, si, br, bi, sharp, mix, where, n, ur, ui, dr, di)
                for c in range(channels):
                    q = k // factors[c]
                    own_rows, own_columns = rows // factors[c], columns // factors[c]
                    width = own_columns // 2 + 1
                    rest = left[start[c] : start[c] + own_rows * width].reshape(own_rows, width)
                    for g in range(q * q):
                        i, base = (g // q) * (own_rows // q) + r, (g % q) * (own_columns // q) + column
                        j = where[c, 0] + g
                        _store(rest, i, base, own_rows, own_columns, column, q, n, dr[j], di[j])
            for a in range(k * k):
                i, base = (a // k) * (rows // k) + r, (a % k) * (columns // k) + column
                for b in range(bands):
                    if given.size > 0:
                        for v in range(n):
                            br[b, a, v] += gr[b, a, v]
                            bi[b, a, v] += gi[b, a, v]
                    _store(modes[b], i, base, rows, columns, column, k, n, br[b, a], bi[b, a])


@njit(_ESTIMATE, cache=True, nogil=True, error_model="numpy")
def _estimate(  # type: ignore[no-untyped-def]
    transfers, power, target, factors, where, couple, cross, variance, mix, data, start, given, modes, left,
    columns, blocks,
):  # fmt: skip
    _estimate_rows(
        transfers, power, target, factors, where, couple, cross, variance, mix, data, start, given, modes, left,
        columns, 0, transfers.shape[1] // factors[-1],
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
