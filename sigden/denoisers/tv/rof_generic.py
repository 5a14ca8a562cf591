"""Isotropic ROF in array-API operations: accelerated primal-dual iteration, coarse to fine."""

from __future__ import annotations

import math
from types import ModuleType
from typing import Any

from sigden.arrays import namespace

__all__ = ["divergence", "gradient", "project", "rof", "smooth_scale", "total"]

_STEP_PRODUCT = 1.3  # tau sigma ||D||^2: the iteration converges below 4/3
_FIRST_STEP = 0.6
_CONVEXITY = 0.35  # part of the strong convexity of the data term that the acceleration spends
_COARSE_TOLERANCE = 2.0
_COARSEST = 8  # longest axis of the coarsest image
_CHECK = 10
_ROUNDING = 16.0  # the gap cannot be trusted to fall below so many units of weight * eps * sum |x|
_PATIENCE = 60  # iterations without a better gap, once near the rounding level
_TINY = 1e-30


def _cut(axis: int, ndim: int, part: slice) -> tuple[slice, ...]:
    return tuple(part if i == axis else slice(None) for i in range(ndim))


def gradient(xp: ModuleType, u: Any) -> Any:
    """Forward differences along every axis after the first, zero at the far border; stacked in front."""
    fields = []
    for axis in range(1, u.ndim):
        head, tail = u[_cut(axis, u.ndim, slice(0, -1))], u[_cut(axis, u.ndim, slice(1, None))]
        border = xp.zeros_like(u[_cut(axis, u.ndim, slice(0, 1))])
        fields.append(xp.concat([tail - head, border], axis=axis))
    return xp.stack(fields)


def divergence(xp: ModuleType, p: Any) -> Any:
    """Minus the adjoint of `gradient`; p vanishes at the far border of its own axis."""
    out = xp.zeros_like(p[0, ...])
    for axis in range(1, out.ndim):
        field = p[axis - 1, ...]
        border = xp.zeros_like(field[_cut(axis, field.ndim, slice(0, 1))])
        shifted = xp.concat([border, field[_cut(axis, field.ndim, slice(0, -1))]], axis=axis)
        out = out + (field - shifted)
    return out


def smooth_scale(xp: ModuleType, size: Any, step: Any) -> Any:
    """Factor that takes v to its dual prox for the smoothed norm.

    size = |v|/weight, step = sigma sqrt(beta)/weight. With t = |d|/sqrt(beta) and k = 1/sqrt(1 + t^2):
    t (step + k) = size, solved by three Halley steps from a close guess.
    """
    corner = (2.0 * step) ** (2.0 / 3.0) + 2.0 * step + step * step
    guess = size / xp.sqrt(xp.maximum(1.0 - size * size, xp.zeros_like(size)) + corner)
    t = xp.maximum(xp.maximum(size / (1.0 + step), (size - 1.0) / step), guess)
    for _ in range(3):
        square = 1.0 / (1.0 + t * t)
        k = xp.sqrt(square)
        value = t * (step + k) - size
        slope = step + k * square
        bend = 3.0 * t * k * square * square
        t = xp.maximum(t - 2.0 * value * slope / (2.0 * slope * slope + value * bend), xp.zeros_like(t))
    k = 1.0 / xp.sqrt(1.0 + t * t)
    return k / (step + k)


def project(xp: ModuleType, p: Any, weight: Any) -> Any:
    """Project on balls of radius `weight`."""
    limit = xp.maximum(weight * weight, xp.full_like(weight, _TINY))
    return p * (weight / xp.sqrt(xp.maximum(xp.sum(p * p, axis=0), limit)))


def total(xp: ModuleType, values: Any) -> Any:
    """Sum of each image in float64."""
    return xp.sum(values, axis=tuple(range(1, values.ndim)), dtype=xp.float64)


def _certificate(xp: ModuleType, y: Any, x: Any, p: Any, weight: Any, root: float) -> tuple[Any, Any, Any]:
    """Relative Fenchel-Young gap, whether it is near its rounding level, and the dual image y + div p."""
    d = gradient(xp, x)
    dual = y + divergence(xp, p)
    slope = xp.sum(d * d, axis=0)
    if root > 0.0:
        # both norms are equal: |w D - |D| P|^2 / (2 w |D|) has no cancellation, D = (Du, root), |P| = w
        norm = xp.sqrt(slope + root * root)
        inside = weight * weight - xp.sum(p * p, axis=0)
        rest = xp.sqrt(xp.maximum(inside, xp.zeros_like(inside)))
        distance = xp.sum((weight * d - norm * p) ** 2, axis=0) + (weight * root - norm * rest) ** 2
        excess = distance / (2.0 * weight * norm)
        variation = slope / (norm + root)
    else:
        variation = xp.sqrt(slope)
        excess = weight * variation - xp.sum(d * p, axis=0)
    gap = total(xp, excess + 0.5 * (x - dual) ** 2)
    gap = xp.maximum(gap, xp.zeros_like(gap))
    primal = total(xp, weight * variation + 0.5 * (x - y) ** 2)
    near = gap <= _ROUNDING * xp.finfo(y.dtype).eps * total(xp, weight * xp.abs(x))
    return xp.where(primal > 0.0, gap / xp.where(primal > 0.0, primal, xp.ones_like(primal)), gap), near, dual


def _relax(xp: ModuleType, y: Any, p: Any, weight: Any, root: float, tol: float, max_iter: int) -> Any:
    """Iterate from the dual field `p`; estimate, dual field, relative gap and iterations of each image."""
    bound = 4.0 * (y.ndim - 1)
    axes = tuple(range(1, y.ndim))
    mean = xp.mean(y, axis=axes, keepdims=True)
    flat = total(xp, 0.5 * (y - mean) ** 2)
    floor = xp.sqrt(_STEP_PRODUCT * root / (bound * weight))
    x = y + divergence(xp, p)
    old = x
    tau, theta = xp.full_like(weight, _FIRST_STEP), xp.ones_like(weight)
    gap, near, _ = _certificate(xp, y, x, p, weight, root)
    iterations = xp.zeros(gap.shape, dtype=xp.int64, device=gap.device)
    best, best_at, active = gap, iterations, gap > tol
    done = 0
    while done < max_iter and bool(xp.any(active)):
        count = min(_CHECK, max_iter - done)
        px, pp, pold = x, p, old
        for _ in range(count):
            sigma = _STEP_PRODUCT / (bound * tau)
            v = p + sigma * gradient(xp, x + theta * (x - old))
            if root > 0.0:
                p = v * smooth_scale(xp, xp.sqrt(xp.sum(v * v, axis=0)) / weight, sigma * root / weight)
            else:
                p = project(xp, v, weight)
            x, old = (x + tau * (y + divergence(xp, p))) / (1.0 + tau), x
            theta = xp.where(tau > floor, 1.0 / xp.sqrt(1.0 + 2.0 * _CONVEXITY * tau), 1.0 / (1.0 + tau))
            tau = xp.where(tau > floor, tau * theta, tau)
        done += count
        # an image that is done keeps its state
        running = xp.reshape(active, weight.shape)
        x, p, old = xp.where(running, x, px), xp.where(running, p, pp), xp.where(running, old, pold)
        new, near, dual = _certificate(xp, y, x, p, weight, root)
        gap = xp.where(active, new, gap)
        iterations = xp.where(active, xp.full_like(iterations, done), iterations)
        if root == 0.0:
            spread = total(xp, 0.5 * (dual - mean) ** 2)
            constant = active & (gap > tol) & (spread <= tol * flat)
            x = xp.where(xp.reshape(constant, weight.shape), mean, x)
            gap = xp.where(constant, spread / xp.where(flat > 0.0, flat, xp.ones_like(flat)), gap)
        better = gap < 0.95 * best
        stalled = near & ~better & (done >= best_at + _PATIENCE)
        best, best_at = xp.where(better, gap, best), xp.where(better, iterations, best_at)
        active = active & (gap > tol) & ~stalled
    return x, p, gap, iterations


def _pairs(xp: ModuleType, y: Any, axis: int) -> Any:
    """Means of neighbouring pairs along an axis; an odd last sample stays."""
    if y.shape[axis] % 2:
        y = xp.concat([y, y[_cut(axis, y.ndim, slice(-1, None))]], axis=axis)
    return 0.5 * (y[_cut(axis, y.ndim, slice(0, None, 2))] + y[_cut(axis, y.ndim, slice(1, None, 2))])


def _interleave(xp: ModuleType, even: Any, odd: Any, axis: int, size: int) -> Any:
    shape = tuple(2 * n if i == axis else n for i, n in enumerate(even.shape))
    both = xp.reshape(xp.stack([even, odd], axis=axis + 1), shape)
    return both[_cut(axis, both.ndim, slice(0, size))]


def _prolong(xp: ModuleType, p: Any, shape: tuple[int, ...], weight: Any) -> Any:
    """Fine dual field from a coarse one: doubled, linear between faces and between centres, projected."""
    fields = []
    for along in range(1, len(shape)):
        f = 2.0 * p[along - 1, ...]
        for axis in range(1, len(shape)):
            first, last = _cut(axis, f.ndim, slice(0, 1)), _cut(axis, f.ndim, slice(-1, None))
            left = xp.concat([f[first], f[_cut(axis, f.ndim, slice(0, -1))]], axis=axis)
            if axis == along:
                # fine face 2c + 1 is coarse face c, the border has no flux
                left = xp.concat([xp.zeros_like(f[first]), f[_cut(axis, f.ndim, slice(0, -1))]], axis=axis)
                f = _interleave(xp, 0.5 * (left + f), f, axis, shape[axis])
                inner = f[_cut(axis, f.ndim, slice(0, -1))]
                f = xp.concat([inner, xp.zeros_like(f[_cut(axis, f.ndim, slice(-1, None))])], axis=axis)
            else:
                right = xp.concat([f[_cut(axis, f.ndim, slice(1, None))], f[last]], axis=axis)
                f = _interleave(xp, 0.75 * f + 0.25 * left, 0.75 * f + 0.25 * right, axis, shape[axis])
        fields.append(f)
    return project(xp, xp.stack(fields), weight)


def rof(y: Any, weight: Any, beta: float, tol: float, max_iter: int) -> tuple[Any, Any, Any]:
    """Minimise ``weight * sum(sqrt(|Du|^2 + beta)) + 1/2 ||u - y||^2`` over the axes after the first.

    Parameters
    ----------
    y : array, shape (batch, rows, columns) or (batch, planes, rows, columns)
        Data of order one, float32 or float64.
    weight : array, shape (batch,)
        Weight on the total variation, in the unit of `y`.
    beta : float
        Square of the smoothing, in the unit of `y` squared; 0 is exact total variation.
    tol : float
        Relative duality gap to stop at.
    max_iter : int
        Largest number of iterations, at each scale.

    Returns
    -------
    u : array, shape of `y`
        Estimate.
    gap : array of float64, shape (batch,)
        Relative duality gap of `u`, ``(primal - dual) / primal``; the primal is counted from zero for a
        constant. It exceeds `tol` after `max_iter` iterations, or when rounding forbids less.
    iterations : array of int64, shape (batch,)
        Iterations at full resolution.

    References
    ----------
    Chambolle and Pock, J. Math. Imaging Vis. 40 (2011) 120, sections 5.1 and 5.2.
    """
    xp = namespace(y)
    root = math.sqrt(beta)
    weights = xp.reshape(xp.astype(weight, y.dtype), (y.shape[0], *([1] * (y.ndim - 1))))
    zero = weights == 0
    safe = xp.where(zero, xp.ones_like(weights), weights)
    pyramid = [y]
    while max(pyramid[-1].shape[1:]) > _COARSEST:
        coarse = pyramid[-1]
        for axis in range(1, y.ndim):
            coarse = _pairs(xp, coarse, axis)
        pyramid.append(coarse)
    p = xp.zeros((y.ndim - 1, *pyramid[-1].shape), dtype=y.dtype, device=y.device)
    for level in range(len(pyramid) - 1, 0, -1):
        scale = 2.0**level
        _, p, _, _ = _relax(
            xp, pyramid[level], p, safe / scale, root * scale, _COARSE_TOLERANCE * tol, max_iter
        )
        p = _prolong(xp, p, pyramid[level - 1].shape, 2.0 * safe / scale)
    u, _, gap, iterations = _relax(xp, y, p, safe, root, tol, max_iter)
    off = xp.reshape(zero, (y.shape[0],))
    gap = xp.where(off, xp.zeros_like(gap), gap)
    return xp.where(zero, y, u), gap, xp.where(off, xp.zeros_like(iterations), iterations)
