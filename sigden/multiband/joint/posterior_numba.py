"""Joint posterior of Fourier modes on the CPU: one small dense system for each coarse frequency."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import get_num_threads, njit, prange, types

from sigden.arrays import parallel_allowed

__all__ = ["evidence", "row_shares", "seen_modes", "system_types"]

_LEAST_SHARE = 1 << 14  # coarse frequencies of a thread, below which starting it costs more than it saves


def system_types(kind: Any) -> tuple[Any, ...]:
    """Types of `sigden.multiband.joint.fourier_wiener.System`, field by field."""
    real1, real2 = (types.Array(types.float64, n, "C", readonly=True) for n in (1, 2))
    int1, int2 = (types.Array(types.int64, n, "C", readonly=True) for n in (1, 2))
    return (types.Array(kind, 3, "C", readonly=True), real2, real2, int1, int2, real2, real2, real1, real2)


_EVIDENCE = [
    types.float64(
        *system_types(kind),
        types.Array(kind, 1, "C", readonly=True),
        types.Array(types.int64, 1, "C", readonly=True),
        types.int64,
    )
    for kind in (types.complex64, types.complex128)
]
_SEEN = [
    types.void(
        types.Array(kind, 2, "C", readonly=True),
        types.Array(kind, 3, "C", readonly=True),
        types.Array(types.float64, 1, "C", readonly=True),
        types.int64,
        types.int64,
        kind[:, ::1],
        types.int64,
    )
    for kind in (types.complex64, types.complex128)
]


@njit(nogil=True, error_model="numpy")
def _place(a, r, column, k, rows, columns):  # type: ignore[no-untyped-def]
    """Row and column in the half plane of an alias, and whether it stands there as its mirror image."""
    fine_row = (a // k) * (rows // k) + r
    fine_column = (a % k) * (columns // k) + column
    if 2 * fine_column <= columns:
        return fine_row, fine_column, False
    return (rows - fine_row) % rows, columns - fine_column, True


@njit(nogil=True, error_model="numpy")
def _assemble(transfers, power, factors, where, couple, variance, r, column, columns, seen, prior, matrix):  # type: ignore[no-untyped-def]
    """Covariance of the data at one coarse frequency."""
    channels, rows, _ = transfers.shape
    k = factors[-1]
    matrix[:, :] = 0.0
    for a in range(k * k):
        i, j, mirrored = _place(a, r, column, k, rows, columns)
        prior[a] = power[i, j]
        for c in range(channels):
            value = np.complex128(transfers[c, i, j]) / factors[c]
            seen[c, a] = np.conj(value) if mirrored else value
            for d in range(c + 1):
                matrix[where[c, a], where[d, a]] += couple[c, d] * prior[a] * seen[c, a] * np.conj(seen[d, a])
    for i in range(variance.size):
        matrix[i, i] += variance[i]


@njit(nogil=True, error_model="numpy")
def _factorise(matrix):  # type: ignore[no-untyped-def]
    """Cholesky factor in place below the diagonal, the inverse of its diagonal on it; zeros are skipped."""
    size = matrix.shape[0]
    for j in range(size):
        diagonal = matrix[j, j].real
        for k in range(j):
            diagonal -= matrix[j, k].real ** 2 + matrix[j, k].imag ** 2
        inverse = 1.0 / np.sqrt(diagonal)
        matrix[j, j] = inverse
        for i in range(j + 1, size):
            total = matrix[i, j]
            for k in range(j):
                if matrix[j, k] != 0:
                    total -= matrix[i, k] * np.conj(matrix[j, k])
            matrix[i, j] = total * inverse


@njit(nogil=True, error_model="numpy")
def _solve(factor, vector):  # type: ignore[no-untyped-def]
    """Solution, in place, of the system that `_factorise` has factorised."""
    size = vector.size
    for i in range(size):
        total = vector[i]
        for k in range(i):
            total -= factor[i, k] * vector[k]
        vector[i] = total * factor[i, i].real
    for i in range(size - 1, -1, -1):
        total = vector[i]
        for k in range(i + 1, size):
            total -= np.conj(factor[k, i]) * vector[k]
        vector[i] = total * factor[i, i].real


@njit(nogil=True, error_model="numpy")
def _data_modes(data, start, factors, r, column, rows, columns, vector):  # type: ignore[no-untyped-def]
    """Modes of all channels that a coarse frequency holds."""
    k, place = factors[-1], 0
    for c in range(factors.size):
        q = k // factors[c]
        own_rows, own_columns = rows // factors[c], columns // factors[c]
        width = own_columns // 2 + 1
        for g in range(q * q):
            i, j, mirrored = _place(g, r, column, q, own_rows, own_columns)
            value = np.complex128(data[start[c] + i * width + j])
            vector[place] = np.conj(value) if mirrored else value
            place += 1


@njit(nogil=True, error_model="numpy")
def _seen_rows(transfer, modes, mix, factor, columns, seen, low, high):  # type: ignore[no-untyped-def]
    bands, rows, _ = modes.shape
    for r in range(low, high):
        for column in range(seen.shape[1]):
            total = 0j
            for a in range(factor * factor):
                i, j, mirrored = _place(a, r, column, factor, rows, columns)
                value = 0j
                for b in range(bands):
                    value += mix[b] * modes[b, i, j]
                value *= transfer[i, j]
                total += np.conj(value) if mirrored else value
            seen[r, column] = total / factor


@njit(_SEEN, cache=True, nogil=True, error_model="numpy")
def _seen(transfer, modes, mix, factor, columns, seen, blocks):  # type: ignore[no-untyped-def]
    _seen_rows(transfer, modes, mix, factor, columns, seen, 0, seen.shape[0])


@njit(_SEEN, cache=True, nogil=True, error_model="numpy", parallel=True)
def _seen_parallel(transfer, modes, mix, factor, columns, seen, blocks):  # type: ignore[no-untyped-def]
    rows = seen.shape[0]
    for n in prange(blocks):
        _seen_rows(transfer, modes, mix, factor, columns, seen, n * rows // blocks, (n + 1) * rows // blocks)


@njit(_EVIDENCE, cache=True, nogil=True, error_model="numpy")
def _evidence(  # type: ignore[no-untyped-def]
    transfers, power, target, factors, where, couple, cross, variance, mix, data, start, columns
):
    channels, rows, _ = transfers.shape
    k, total = factors[-1], 0.0
    matrix = np.empty((variance.size, variance.size), np.complex128)
    vector = np.empty(variance.size, np.complex128)
    solved = np.empty(variance.size, np.complex128)
    seen = np.empty((channels, k * k), np.complex128)
    prior = np.empty(k * k)
    for r in range(rows // k):
        for column in range(columns // k // 2 + 1):
            _assemble(
                transfers, power, factors, where, couple, variance, r, column, columns, seen, prior, matrix
            )
            _factorise(matrix)
            _data_modes(data, start, factors, r, column, rows, columns, vector)
            solved[:] = vector
            _solve(matrix, solved)
            # the factor holds the inverse of its diagonal
            value = 0.0
            for i in range(variance.size):
                value -= (np.conj(vector[i]) * solved[i]).real - 2.0 * np.log(matrix[i, i].real)
            total += 0.5 * value if column == 0 or 2 * column * k == columns else value
    return total


def row_shares(shape: tuple[int, ...], factor: int) -> int:
    """Shares of the coarse rows; 0 asks for the serial loop."""
    threads = get_num_threads() if parallel_allowed() else 1
    shares = min(threads, shape[1] * shape[2] // factor**2 // _LEAST_SHARE)
    return 0 if shares < 2 else min(4 * shares, shape[1] // factor)


def evidence(system: Any, data: Any, start: Any, columns: int) -> float:
    """Log likelihood of the data but for a constant; arguments as the generic twin."""
    return float(_evidence(*system, data, start, columns))


def seen_modes(transfer: Any, modes: Any, mix: Any, factor: int, columns: int) -> Any:
    """Modes of the image that a channel takes of a scene; arguments as the generic twin."""
    seen = np.empty((modes.shape[1] // factor, columns // factor // 2 + 1), dtype=modes.dtype)
    blocks = row_shares(modes.shape, factor)
    transfer = np.ascontiguousarray(transfer, dtype=modes.dtype)
    mix = np.ascontiguousarray(mix, dtype=np.float64)
    (_seen_parallel if blocks else _seen)(transfer, modes, mix, factor, columns, seen, blocks)
    return seen
