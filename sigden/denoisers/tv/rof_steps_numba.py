"""Step sizes of the accelerated primal-dual iteration, and the signatures of its kernels."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit, types

__all__ = ["FIRST_STEP", "advance_signatures", "certify_signatures", "next_step", "readonly", "step_sizes"]

FIRST_STEP = 0.6
_PRODUCT = 1.3  # tau sigma ||D||^2: the iteration converges below 4/3
_CONVEXITY = 0.35  # part of the strong convexity of the data term that the acceleration spends


def readonly(dtype: Any, ndim: int) -> Any:
    """C-contiguous array type that takes read-only input."""
    return types.Array(dtype, ndim, "C", readonly=True)


def advance_signatures() -> list[Any]:
    """y, state, p, parity, weight, root, tau, theta, count, blocks; float32 and float64."""
    row, counts = types.float64[::1], types.int64[::1]
    return [
        types.void(
            readonly(t, 4), t[:, :, :, :, ::1], t[:, :, :, :, ::1], counts, row, types.float64, row, row,
            counts, types.int64,
        )
        for t in (types.float32, types.float64)
    ]  # fmt: skip


def certify_signatures() -> list[Any]:
    """y, state, p, parity, weight, root, mean, wanted, sums, blocks; float32 and float64."""
    row = types.float64[::1]
    return [
        types.void(
            readonly(t, 4), t[:, :, :, :, ::1], t[:, :, :, :, ::1], types.int64[::1], row, types.float64, row,
            types.boolean[::1], types.float64[:, :, ::1], types.int64,
        )
        for t in (types.float32, types.float64)
    ]  # fmt: skip


@njit(nogil=True, error_model="numpy")
def step_sizes(weight, root, tau, theta, bound):  # type: ignore[no-untyped-def]
    """tau, sigma, theta, weight, two constants of the smoothed dual prox; bound >= ||D||^2, root^2 = beta."""
    sigma = _PRODUCT / (bound * tau)
    step = sigma * root / weight
    corner = (2.0 * step) ** (2.0 / 3.0) + 2.0 * step + step * step
    return tau, sigma, theta, weight, step, corner


@njit(nogil=True, error_model="numpy")
def next_step(weight, root, tau, bound):  # type: ignore[no-untyped-def]
    """Next tau and theta; tau falls until the strong convexity of the smoothed dual makes the rate linear."""
    if tau * tau * bound * weight > _PRODUCT * root:
        theta = 1.0 / np.sqrt(1.0 + 2.0 * _CONVEXITY * tau)
        return tau * theta, theta
    return tau, 1.0 / (1.0 + tau)
