"""From a checked array to unit noise: batch rows, noise level per row, scaling."""

from __future__ import annotations

import math
from typing import Any

from sigden.arrays import (
    Scaling,
    as_floating,
    device_of,
    first_index,
    namespace,
    require_finite,
    require_mask,
    require_ndim,
)
from sigden.errors import InputError

__all__ = ["as_rows", "midrange", "noise_per_row", "unit_noise"]


def as_rows(values: Any, core_ndim: int, mask: Any) -> Any:
    """Checked floating array of shape (batch, *core)."""
    values = as_floating(values, "input")
    require_ndim(values, core_ndim, "input")
    if mask is not None:
        require_mask(mask, values, "input")
    require_finite(values, "input", mask=mask)
    xp = namespace(values)
    return xp.reshape(values, (-1, *values.shape[values.ndim - core_ndim :]))


def noise_per_row(sigma: Any, values: Any, core_ndim: int) -> Any:
    """Given noise level, one per batch row.

    Parameters
    ----------
    sigma : float or array
        A number, an array of the batch shape, or one of the data's shape: then its median over each row
        counts, since total variation takes one level a row.
    values : array
        The data, shape ``(*batch, *core)``.
    core_ndim : int
        Number of core axes.

    Returns
    -------
    array, shape (batch,)
        Levels in the dtype and on the device of the data.

    Raises
    ------
    InputError
        If sigma is negative, not finite, or its shape fits neither.
    """
    xp = namespace(values)
    split = values.ndim - core_ndim
    batch = tuple(values.shape[:split])
    count = math.prod(batch)
    sigma = as_floating(xp.asarray(sigma, device=device_of(values)), "sigma")
    bad = ~(xp.isfinite(sigma) & (sigma >= 0))
    if bool(xp.any(bad)):
        index = first_index(bad)
        place = f" at index {index}" if index else ""
        raise InputError(f"sigma: must be finite and not negative, got {float(sigma[index])}{place}")
    if sigma.ndim and tuple(sigma.shape) == tuple(values.shape):
        ordered = xp.sort(xp.reshape(sigma, (count, -1)), axis=-1)
        return xp.astype(ordered[:, ordered.shape[1] // 2], values.dtype)
    if tuple(sigma.shape) not in ((), batch):
        raise InputError(
            f"sigma: shape {tuple(sigma.shape)} fits neither one number, nor one per row {batch}, "
            f"nor one per sample {tuple(values.shape)}"
        )
    return xp.astype(xp.reshape(xp.broadcast_to(sigma, batch), (count,)), values.dtype, copy=True)


def midrange(rows: Any, mask: Any = None) -> Any:
    """Half-way between the smallest and the largest sample of each row, exact for a constant row."""
    xp = namespace(rows)
    axes = tuple(range(1, rows.ndim))
    low, high = rows, rows
    if mask is not None:
        infinity = xp.asarray(math.inf, dtype=rows.dtype, device=device_of(rows))
        low, high = xp.where(mask, infinity, rows), xp.where(mask, -infinity, rows)
    return xp.min(low, axis=axes, keepdims=True) / 2 + xp.max(high, axis=axes, keepdims=True) / 2


def unit_noise(rows: Any, sigma: Any, mask: Any = None) -> Scaling:
    """Scaling of each row to unit noise about zero; a row without noise keeps its scale."""
    xp = namespace(rows)
    scale = xp.reshape(sigma, (-1,) + (1,) * (rows.ndim - 1))
    scale = xp.where(scale > 0, scale, xp.ones_like(scale))
    return Scaling(offset=midrange(rows, mask), scale=scale)
