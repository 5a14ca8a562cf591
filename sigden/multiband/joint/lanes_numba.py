"""Systems of neighbouring coarse frequencies side by side, along the last axis of every array."""

from __future__ import annotations

import numpy as np
from numba import njit

__all__ = [
    "LANES",
    "covariance",
    "factorise",
    "load",
    "load_aliases",
    "pattern",
    "place",
    "solve",
    "store",
    "store_real",
]

LANES = 32
"""Coarse frequencies of a row that are solved together; their systems stay in the first cache."""


@njit(nogil=True, error_model="numpy")
def pattern(where, size):  # type: ignore[no-untyped-def]
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
def place(alias, k, rows, columns, row, column):  # type: ignore[no-untyped-def]
    """Row and first column of the modes that alias into coarse frequencies, of one alias of k squared."""
    return (alias // k) * (rows // k) + row, (alias % k) * (columns // k) + column


@njit(nogil=True, error_model="numpy")
def _straight(base, columns, lanes):  # type: ignore[no-untyped-def]
    """Lanes whose column stands in the half plane itself; the others stand there as mirror images."""
    return min(max(columns // 2 - base + 1, 0), lanes)


@njit(nogil=True, error_model="numpy")
def _mirrors(straight, column, k, columns, lanes):  # type: ignore[no-untyped-def]
    """First and past-the-last mirrored lane to write; in two columns other aliases stand there themselves."""
    first = max(straight, 1 if column == 0 else 0)
    last = lanes - 1 if 2 * (column + lanes - 1) * k == columns else lanes
    return first, last


@njit(nogil=True, error_model="numpy")
def load(plane, scale, i, base, rows, columns, lanes, real, imaginary):  # type: ignore[no-untyped-def]
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
    """A row of real values, the same at mirrored modes."""
    mirror = (rows - i) % rows
    straight = _straight(base, columns, lanes)
    for v in range(straight):
        real[v] = plane[i, base + v]
    for v in range(straight, lanes):
        real[v] = plane[mirror, columns - base - v]


@njit(nogil=True, error_model="numpy")
def load_aliases(  # type: ignore[no-untyped-def]
    transfers, power, target, factors, row, column, columns, lanes, prior, goal, sr, si
):
    """Prior, target and transfer functions of every alias of a row of coarse frequencies."""
    channels, rows, _ = transfers.shape
    k = factors[-1]
    for a in range(k * k):
        i, base = place(a, k, rows, columns, row, column)
        _load_real(power, i, base, rows, columns, lanes, prior[a])
        _load_real(target, i, base, rows, columns, lanes, goal[a])
        for c in range(channels):
            load(transfers[c], 1.0 / factors[c], i, base, rows, columns, lanes, sr[c, a], si[c, a])


@njit(nogil=True, error_model="numpy")
def store(plane, i, base, rows, columns, column, k, lanes, real, imaginary):  # type: ignore[no-untyped-def]
    """The reverse of `load`, every mode once; coarse frequencies begin at `column`."""
    mirror = (rows - i) % rows
    straight = _straight(base, columns, lanes)
    for v in range(straight):
        plane[i, base + v] = complex(real[v], imaginary[v])
    first, last = _mirrors(straight, column, k, columns, lanes)
    for v in range(first, last):
        plane[mirror, columns - base - v] = complex(real[v], -imaginary[v])


@njit(nogil=True, error_model="numpy")
def store_real(plane, i, base, rows, columns, column, k, lanes, real):  # type: ignore[no-untyped-def]
    """The reverse of `_load_real`, every mode once."""
    mirror = (rows - i) % rows
    straight = _straight(base, columns, lanes)
    for v in range(straight):
        plane[i, base + v] = real[v]
    first, last = _mirrors(straight, column, k, columns, lanes)
    for v in range(first, last):
        plane[mirror, columns - base - v] = real[v]


@njit(nogil=True, error_model="numpy")
def factorise(mr, mi, filled, lanes):  # type: ignore[no-untyped-def]
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
def solve(mr, mi, filled, lanes, xr, xi, first):  # type: ignore[no-untyped-def]
    """Solutions of what `factorise` has factorised, in place, for vectors that are zero before `first`."""
    size = mr.shape[0]
    for i in range(first, size):
        for k in range(first, i):
            if filled[i, k]:
                for v in range(lanes):
                    xr[i, v] -= mr[i, k, v] * xr[k, v] - mi[i, k, v] * xi[k, v]
                for v in range(lanes):
                    xi[i, v] -= mr[i, k, v] * xi[k, v] + mi[i, k, v] * xr[k, v]
        for v in range(lanes):
            xr[i, v] *= mr[i, i, v]
            xi[i, v] *= mr[i, i, v]
    for i in range(size - 1, first - 1, -1):
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
def covariance(sr, si, prior, where, couple, variance, lanes, ur, ui, mr, mi):  # type: ignore[no-untyped-def]
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
