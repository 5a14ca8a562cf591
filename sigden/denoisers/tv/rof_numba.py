"""Isotropic ROF of images and cubes on the CPU: accelerated primal-dual iteration, coarse to fine."""

from __future__ import annotations

from types import ModuleType
from typing import Any

import numpy as np
from numba import get_num_threads

from sigden.arrays import parallel_allowed
from sigden.denoisers.tv.rof_pyramid_numba import coarsen, dual_image, prolong
from sigden.denoisers.tv.rof_steps_numba import FIRST_STEP

__all__ = ["rof"]

_COARSE_TOLERANCE = 2.0
_COARSEST = 8  # longest axis of the coarsest image
_BLOCK_SAMPLES = 1 << 19  # least share of a thread: every iteration waits for all of them, however busy
_CHUNK_SAMPLES = 1 << 22  # images solved together: bounds the working memory
_ROUNDING = 16.0  # the gap cannot be trusted to fall below so many units of weight * eps * sum |x|
_PATIENCE = 60  # iterations without a better gap, once near the rounding level


def _kernels(axes: int) -> ModuleType:
    if axes == 3:
        from sigden.denoisers.tv import rof3d_numba

        return rof3d_numba
    from sigden.denoisers.tv import rof2d_numba

    return rof2d_numba


def _certificate(run: Any, y: Any, state: Any, p: Any, parity: Any, fixed: Any, wanted: Any) -> Any:
    """Relative gap, whether it is near its rounding level, half squared distance of dual image and mean."""
    weight, root, mean, blocks = fixed
    sums = np.zeros((y.shape[0], y.shape[1] if p.shape[1] == 3 else y.shape[2], 4))
    run(y, state, p, parity, weight, root, mean, wanted, sums, blocks)
    gap, primal, size, spread = np.sum(sums, axis=1).T
    gap = np.maximum(gap, 0.0)  # keeps NaN
    near = gap <= _ROUNDING * np.finfo(y.dtype).eps * weight * size
    return np.where(primal > 0.0, gap / np.where(primal > 0.0, primal, 1.0), gap), near, 0.5 * spread


def _relax(
    y: Any, p: Any, weight: Any, root: float, tol: float, max_iter: int, threads: int
) -> tuple[Any, Any, Any]:
    """Iterate from the dual fields `p`, in place; estimate, relative gap and iterations of each image."""
    kernels = _kernels(p.shape[1])
    slabs = y.shape[1] if p.shape[1] == 3 else y.shape[2]
    batch, samples = y.shape[0], y[0].size
    blocks = max(1, min(threads, slabs // 2, samples // _BLOCK_SAMPLES))
    parallel = threads > 1 and (blocks > 1 or (batch > 1 and batch * samples >= 2 * _BLOCK_SAMPLES))
    advance = kernels.advance_parallel if parallel else kernels.advance
    certify = kernels.certify_parallel if parallel else kernels.certify
    state = np.empty((2, *y.shape), dtype=y.dtype)
    dual_image(y, p, state[0])
    state[1] = state[0]
    parity = np.zeros(batch, dtype=np.int64)
    done = np.zeros(batch, dtype=np.int64)
    tau, theta = np.full(batch, FIRST_STEP), np.ones(batch)
    mean = np.mean(y, axis=(1, 2, 3), dtype=np.float64).astype(y.dtype)
    flat = np.asarray([0.5 * np.sum(np.square(y[b] - mean[b]), dtype=np.float64) for b in range(batch)])
    fixed = (weight, root, mean.astype(np.float64), blocks)
    gap, near, spread = _certificate(certify, y, state, p, parity, fixed, np.full(batch, True))
    best, best_at = gap.copy(), done.copy()
    active = gap > tol
    wait = np.full(batch, 5)
    while np.any(active & (done < max_iter)):
        count = np.where(active, np.minimum(wait, max_iter - done), 0)
        advance(y, state, p, parity, weight, root, tau, theta, count, blocks)
        done += count
        new, near, spread = _certificate(certify, y, state, p, parity, fixed, active)
        gap = np.where(active, new, gap)
        for b in np.flatnonzero(active & (gap > tol) & (root == 0.0) & (spread <= tol * flat)):
            state[parity[b], b] = mean[b]
            gap[b] = spread[b] / flat[b] if flat[b] > 0.0 else 0.0
        better = gap < 0.95 * best
        stalled = near & ~better & (done >= best_at + _PATIENCE)
        best, best_at = np.where(better, gap, best), np.where(better, done, best_at)
        active &= (gap > tol) & ~stalled & (done < max_iter)
        ahead = 0.25 * done * (np.sqrt(np.maximum(gap, tol) / max(tol, 1e-300)) - 1.0)
        wait = np.clip(np.nan_to_num(ahead), 5, np.clip(done, 5, 40)).astype(np.int64)
    estimate = state[parity[0]] if np.all(parity == parity[0]) else state[parity, np.arange(batch)]
    return estimate, gap, done


def _solve(y: Any, weight: Any, root: float, tol: float, max_iter: int, threads: int) -> tuple[Any, Any, Any]:
    """Images or cubes of one chunk (batch, planes, rows, columns), coarse to fine."""
    axes = 3 if y.shape[1] > 1 else 2
    pyramid = [y]
    while max(pyramid[-1].shape[1:]) > _COARSEST:
        fine = pyramid[-1]
        pyramid.append(np.empty((y.shape[0], *((n + 1) // 2 for n in fine.shape[1:])), dtype=y.dtype))
        coarsen(fine, pyramid[-1])
    p = np.zeros((y.shape[0], axes, *pyramid[-1].shape[1:]), dtype=y.dtype)
    for level in range(len(pyramid) - 1, 0, -1):
        part = weight * 0.5**level
        _relax(pyramid[level], p, part, root * 2.0**level, _COARSE_TOLERANCE * tol, max_iter, threads)
        fine_p = np.empty((y.shape[0], axes, *pyramid[level - 1].shape[1:]), dtype=y.dtype)
        prolong(p, 2.0 * part, fine_p)
        p = fine_p
        del pyramid[level]
    return _relax(y, p, weight, root, tol, max_iter, threads)


def rof(y: Any, weight: Any, beta: float, tol: float, max_iter: int) -> tuple[Any, Any, Any]:
    """Minimise ``weight * sum(sqrt(|Du|^2 + beta)) + 1/2 ||u - y||^2`` over the axes after the first.

    Parameters
    ----------
    y : ndarray, shape (batch, rows, columns) or (batch, planes, rows, columns)
        Data of order one, float32 or float64.
    weight : ndarray, shape (batch,)
        Weight on the total variation, in the unit of `y`.
    beta : float
        Square of the smoothing, in the unit of `y` squared; 0 is exact total variation.
    tol : float
        Relative duality gap to stop at.
    max_iter : int
        Largest number of iterations, at each scale.

    Returns
    -------
    u : ndarray, shape of `y`
        Estimate.
    gap : ndarray of float64, shape (batch,)
        Relative duality gap of `u`, ``(primal - dual) / primal``; the primal is counted from zero for a
        constant. It exceeds `tol` after `max_iter` iterations, or when rounding forbids less.
    iterations : ndarray of int64, shape (batch,)
        Iterations at full resolution; those at coarser scales cost about a third of them more.

    Notes
    -----
    Accelerated primal-dual iteration (Algorithm 2; with smoothing the steps stay at those of Algorithm 3)
    with tau sigma ||D||^2 just below 4/3, started from the dual solution at half the resolution. The
    constant image is tried at every check, so a huge weight gives the mean.

    References
    ----------
    Chambolle and Pock, J. Math. Imaging Vis. 40 (2011) 120, sections 5.1 and 5.2.
    """
    images = np.ascontiguousarray(y if y.ndim == 4 else y[:, None])
    weights = np.ascontiguousarray(weight, dtype=np.float64)
    estimate = np.empty_like(images)
    estimate[weights == 0.0] = images[weights == 0.0]
    gap = np.zeros(images.shape[0])
    iterations = np.zeros(images.shape[0], dtype=np.int64)
    threads = get_num_threads() if parallel_allowed() else 1
    root = float(np.sqrt(beta))
    todo = np.flatnonzero(weights != 0.0)
    size = max(1, _CHUNK_SAMPLES // max(1, images[:1].size))
    for start in range(0, todo.size, size):
        chosen = todo[start : start + size]
        run = slice(chosen[0], chosen[-1] + 1) if chosen[-1] - chosen[0] + 1 == chosen.size else chosen
        estimate[run], gap[run], iterations[run] = _solve(
            images[run], weights[run], root, float(tol), int(max_iter), threads
        )
    return estimate.reshape(y.shape), gap, iterations
