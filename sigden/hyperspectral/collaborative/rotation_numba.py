"""Eigen-images of a stack in its own coordinates: directions in which the guide has its energy."""

# inlined from other files: 2c65160fb16d
from __future__ import annotations

import numpy as np
from numba import njit

from sigden.hyperspectral.collaborative.wiener_generic import SIGNS

__all__ = ["energy", "principal", "rotate"]

_TILE = 256


@njit(nogil=True, error_model="numpy", fastmath={"contract", "reassoc", "nsz"})
def energy(a, out):  # type: ignore[no-untyped-def]
    """Products of all pairs of rows, zero where random signs would do for them.

    With random signs the sum of the products of two rows has the variance of the sum of their squares. Rows
    whose product is smaller have nothing to do with each other, and a faint row keeps to itself.
    """
    T = a.dtype.type
    rows, samples = a.shape
    for k in range(rows):
        for m in range(k + 1):
            total, square = T(0), T(0)
            first, second = a[k], a[m]
            for p in range(samples):
                product = first[p] * second[p]
                total += product
                square += product * product
            if k != m and total * total < T(SIGNS) * square:
                total = T(0)
            out[k, m] = total
            out[m, k] = total


@njit(nogil=True, error_model="numpy")
def principal(square):  # type: ignore[no-untyped-def]
    """Orthonormal directions of products of rows, as rows."""
    return np.ascontiguousarray(np.linalg.eigh(square)[1].T)


@njit(nogil=True, error_model="numpy", fastmath={"contract"})
def rotate(matrix, a, out):  # type: ignore[no-untyped-def]
    """``matrix @ a`` for few rows and many columns."""
    rows, inner, samples = matrix.shape[0], matrix.shape[1], a.shape[1]
    for start in range(0, samples, _TILE):
        stop = min(start + _TILE, samples)
        for q in range(rows):
            line = out[q, start:stop]
            line[:] = 0
            whole = inner - inner % 4
            for k in range(0, whole, 4):
                u0, u1, u2, u3 = matrix[q, k], matrix[q, k + 1], matrix[q, k + 2], matrix[q, k + 3]
                a0, a1 = a[k, start:stop], a[k + 1, start:stop]
                a2, a3 = a[k + 2, start:stop], a[k + 3, start:stop]
                for p in range(stop - start):
                    line[p] += u0 * a0[p] + u1 * a1[p] + u2 * a2[p] + u3 * a3[p]
            for k in range(whole, inner):
                u0, a0 = matrix[q, k], a[k, start:stop]
                for p in range(stop - start):
                    line[p] += u0 * a0[p]
