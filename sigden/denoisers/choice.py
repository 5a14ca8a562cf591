"""Strength without truth: SURE, the discrepancy principle, the universal weight.

Every rule works on data of unit noise and on a whole batch at once: `denoise(z, weight)` takes (batch, ...)
data and one weight per row.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from sigden.arrays import device_of, namespace

__all__ = ["discrepancy_weight", "divergence", "sure", "sure_weight", "universal_weight", "weight_grid"]

Denoise = Callable[[Any, Any], Any]
Divergence = Callable[[Any, Any, Any], Any]

_SMALLEST_WEIGHT = 0.03
_GRID_RATIO = 2.2
_PROBE_STEP = 0.1
_BISECTIONS = 14


def universal_weight(shape: tuple[int, ...]) -> float:
    """Weight at which pure unit noise turns constant with high probability.

    Parameters
    ----------
    shape : tuple of int
        Core shape of the data, 1-D to 3-D.

    Returns
    -------
    float
        The weight on total variation for unit noise.

    Notes
    -----
    In one dimension the solution is constant exactly when ``max |cumsum(y - mean)| <= weight``; under noise
    this is a Brownian bridge, so the weight is ``sqrt(n)`` times a quantile of the Kolmogorov distribution,
    at the exceedance ``1 / sqrt(pi log n)`` of the universal wavelet threshold [1]_. In two dimensions the
    bound grows like the logarithm of the number of samples [2]_ and in three it is constant; the numbers
    there, ``1.3 + 0.06 log n`` and 1.15, are fits to simulated noise (``benchmarks/universal_weight.py``).

    References
    ----------
    .. [1] S. Sardy and H. Monajemi, "Efficient threshold selection for multivariate total variation
       denoising", J. Comput. Graph. Stat. 28 (2019), section 3.
    .. [2] J.-C. Huetter and P. Rigollet, "Optimal rates for total variation denoising", COLT 2016.
    """
    n = max(math.prod(shape), 3)
    spanned = sum(length > 1 for length in shape)
    if spanned <= 1:
        exceedance = min(1.0, 1.0 / math.sqrt(math.pi * math.log(n)))
        return math.sqrt(n * -math.log(exceedance / 2.0) / 2.0)
    return 1.3 + 0.06 * math.log(n) if spanned == 2 else 1.15


def weight_grid(shape: tuple[int, ...]) -> list[float]:
    """Geometric grid from almost no smoothing to the universal weight."""
    largest = max(universal_weight(shape), 2 * _SMALLEST_WEIGHT)
    steps = max(2, math.ceil(math.log(largest / _SMALLEST_WEIGHT) / math.log(_GRID_RATIO)))
    return [_SMALLEST_WEIGHT * (largest / _SMALLEST_WEIGHT) ** (i / steps) for i in range(steps + 1)]


def probe(z: Any) -> Any:
    """Fixed pseudo-random signs of the shape of one row, the same on every device."""
    import numpy as np

    xp = namespace(z)
    signs = np.random.default_rng(20141011).integers(0, 2, size=z.shape[1:]) * 2.0 - 1.0
    return xp.astype(xp.asarray(signs, device=device_of(z)), z.dtype)[None, ...]


def divergence(denoise: Denoise, z: Any, weight: Any, estimate: Any) -> Any:
    """Monte-Carlo divergence of a denoiser, one per row.

    Parameters
    ----------
    denoise : callable
        ``denoise(z, weight) -> estimate``.
    z : array, shape (batch, ...)
        Data of unit noise.
    weight : array, shape (batch,)
        Strength per row.
    estimate : array
        ``denoise(z, weight)``, already known.

    Returns
    -------
    array, shape (batch,)
        ``b . (D(z + e b) - D(z)) / e`` for one fixed vector b of random signs and e = 0.1.

    References
    ----------
    .. [1] S. Ramani, T. Blu and M. Unser, "Monte-Carlo SURE", IEEE Trans. Image Process. 17 (2008), eq. 16.
    """
    xp = namespace(z)
    signs = probe(z)
    moved = denoise(z + _PROBE_STEP * signs, weight)
    return xp.sum(signs * (moved - estimate), axis=tuple(range(1, z.ndim)), dtype=xp.float64) / _PROBE_STEP


def sure(z: Any, estimate: Any, divergence_value: Any) -> Any:
    """Stein's unbiased estimate of the mean squared error per sample, for unit noise.

    Parameters
    ----------
    z, estimate : array, shape (batch, ...)
        Data and its estimate.
    divergence_value : array, shape (batch,)
        Divergence of the denoiser at z.

    Returns
    -------
    array, shape (batch,)
        ``||u - z||^2 / n - 1 + 2 div / n``.

    References
    ----------
    .. [1] C. Stein, "Estimation of the mean of a multivariate normal distribution", Ann. Stat. 9 (1981),
       theorem 1.
    """
    xp = namespace(z)
    n = math.prod(z.shape[1:])
    residual = xp.astype(estimate - z, xp.float64)
    return xp.sum(residual * residual, axis=tuple(range(1, z.ndim))) / n - 1.0 + 2.0 * divergence_value / n


def sure_weight(denoise: Denoise, z: Any, *, divergence: Divergence | None = None) -> Any:
    """Weight of least SURE, one per row.

    Parameters
    ----------
    denoise : callable
        ``denoise(z, weight) -> estimate``.
    z : array, shape (batch, ...)
        Data of unit noise.
    divergence : callable, optional
        ``divergence(z, weight, estimate) -> (batch,)`` where it is known in closed form; by Monte-Carlo
        otherwise.

    Returns
    -------
    array, shape (batch,)
        The weight, refined between grid points by a parabola in log weight.
    """
    xp = namespace(z)
    grid = weight_grid(tuple(z.shape[1:]))
    risks = []
    for value in grid:
        weight = _full(z, value)
        estimate = denoise(z, weight)
        slope = (divergence or _monte_carlo(denoise))(z, weight, estimate)
        risks.append(sure(z, estimate, slope))
    return _parabola_minimum(xp.stack(risks, axis=-1), grid, z)


def discrepancy_weight(denoise: Denoise, z: Any, *, mask: Any = None) -> Any:
    """Weight at which the residual has the size of the noise, ``||u - z||^2 = n``, one per row.

    Parameters
    ----------
    denoise : callable
        ``denoise(z, weight) -> estimate``.
    z : array, shape (batch, ...)
        Data of unit noise; zero where masked.
    mask : array of bool, optional
        True where a sample does not count; `denoise` returns zero there.

    Returns
    -------
    array, shape (batch,)
        By bisection in log weight; the largest weight of the grid where even that leaves less than the noise.

    References
    ----------
    .. [1] V. A. Morozov, "On the solution of functional equations by the method of regularization", 1966.
    """
    xp = namespace(z)
    grid = weight_grid(tuple(z.shape[1:]))
    axes = tuple(range(1, z.ndim))
    count = math.prod(z.shape[1:])
    expected = count if mask is None else count - xp.sum(xp.astype(mask, xp.float64), axis=axes)
    low, high = _full(z, math.log(grid[0])), _full(z, math.log(grid[-1]))
    for _ in range(_BISECTIONS):
        middle = (low + high) / 2
        residual = xp.astype(denoise(z, xp.exp(middle)) - z, xp.float64)
        too_strong = xp.sum(residual * residual, axis=axes) > expected
        low, high = xp.where(too_strong, low, middle), xp.where(too_strong, middle, high)
    return xp.exp((low + high) / 2)


def _monte_carlo(denoise: Denoise) -> Divergence:
    def estimate_divergence(z: Any, weight: Any, estimate: Any) -> Any:
        return divergence(denoise, z, weight, estimate)

    return estimate_divergence


def _full(z: Any, value: float) -> Any:
    return namespace(z).full((z.shape[0],), value, dtype=z.dtype, device=device_of(z))


def _parabola_minimum(risks: Any, grid: list[float], z: Any) -> Any:
    """Minimum over an evenly spaced log grid, refined by the parabola through the best three."""
    xp = namespace(risks)
    last = len(grid) - 1
    best = xp.argmin(risks, axis=-1)
    centre = xp.clip(best, 1, last - 1)

    def pick(index: Any) -> Any:
        return xp.take_along_axis(risks, index[:, None], axis=-1)[:, 0]

    left, middle, right = pick(centre - 1), pick(centre), pick(centre + 1)
    curvature = left - 2 * middle + right
    safe = xp.where(curvature > 0, curvature, xp.ones_like(curvature))
    shift = xp.where((curvature > 0) & (best == centre), 0.5 * (left - right) / safe, xp.zeros_like(safe))
    position = xp.astype(best, risks.dtype) + xp.clip(shift, -0.5, 0.5)
    step = math.log(grid[1] / grid[0])
    return xp.astype(grid[0] * xp.exp(step * position), z.dtype)
