"""Isotropic total variation of one cube on the CPU: fused primal-dual pass and duality gap."""

# inlined from other files: f17a7f177cca
from __future__ import annotations

import numpy as np
from numba import njit, prange

from sigden.denoisers.tv.rof2d_numba import REDUCTION, TINY, extrapolate, smooth_scale
from sigden.denoisers.tv.rof_steps_numba import advance_signatures, certify_signatures, next_step, step_sizes

__all__ = ["advance", "advance_parallel", "certify", "certify_parallel"]

_ADVANCE, _CERTIFY = advance_signatures(), certify_signatures()


@njit(nogil=True, error_model="numpy")
def _extrapolate_plane(x, old, theta, out):  # type: ignore[no-untyped-def]
    """X + theta (x - old) with the last row and column repeated."""
    rows = x.shape[0]
    for i in range(rows):
        extrapolate(x[i], old[i], theta, out[i])
    out[rows] = out[rows - 1]


@njit(nogil=True, error_model="numpy")
def _ascend(here, across, beyond, o, p, q, sigma, weight, limit, step, corner):  # type: ignore[no-untyped-def]
    """Dual step of one row in place: o across planes, p across rows, q along the row; step 0 is exact TV."""
    if step == 0:
        for j in range(q.size):
            a = o[j] + sigma * (beyond[j] - here[j])
            b = p[j] + sigma * (across[j] - here[j])
            c = q[j] + sigma * (here[j + 1] - here[j])
            scale = weight / np.sqrt(max((a * a + b * b) + c * c, limit))
            o[j] = a * scale
            p[j] = b * scale
            q[j] = c * scale
    else:
        for j in range(q.size):
            a = o[j] + sigma * (beyond[j] - here[j])
            b = p[j] + sigma * (across[j] - here[j])
            c = q[j] + sigma * (here[j + 1] - here[j])
            scale = smooth_scale(np.sqrt((a * a + b * b) + c * c) / weight, step, corner)
            o[j] = a * scale
            p[j] = b * scale
            q[j] = c * scale


@njit(nogil=True, error_model="numpy")
def _descend(x, y, before, o, above, p, q, tau, shrink, out):  # type: ignore[no-untyped-def]
    """Primal step of one row: (x + tau (y - D^T p)) / (1 + tau) into `out`."""
    flux = ((o[0] - before[0]) + (p[0] - above[0])) + q[0]
    out[0] = (x[0] + tau * (y[0] + flux)) * shrink
    for j in range(1, x.size):
        flux = ((o[j] - before[j]) + (p[j] - above[j])) + (q[j] - q[j - 1])
        out[j] = (x[j] + tau * (y[j] + flux)) * shrink


@njit(nogil=True, error_model="numpy")
def _iterate_planes(y, x, old, dual, first, last, before, after, windows, steps):  # type: ignore[no-untyped-def]
    """One iteration of planes first..last-1, in place; see the rows of an image in `rof2d_numba`."""
    T = y.dtype.type
    planes, rows, columns = y.shape
    tau, sigma, theta, weight = T(steps[0]), T(steps[1]), T(steps[2]), T(steps[3])
    step, corner = T(steps[4]), T(steps[5])
    limit = max(weight * weight, T(TINY))
    shrink = T(1) / (T(1) + tau)
    zeros = np.zeros(columns, y.dtype)
    here, beyond = windows[0], windows[1]
    o, p, q = dual[0], dual[1], dual[2]
    _extrapolate_plane(x[first], old[first], theta, here)
    for k in range(first, last):
        if k + 1 < last:
            _extrapolate_plane(x[k + 1], old[k + 1], theta, beyond)
        elif last < planes:
            beyond[:] = after
        else:
            beyond[:] = here
        previous = before if k == first else o[k - 1]
        for i in range(rows):
            _ascend(
                here[i], here[i + 1], beyond[i], o[k, i], p[k, i], q[k, i], sigma, weight, limit, step, corner
            )
            above = p[k, i - 1] if i > 0 else zeros
            _descend(x[k, i], y[k, i], previous[i], o[k, i], above, p[k, i], q[k, i], tau, shrink, old[k, i])
        here, beyond = beyond, here


@njit(nogil=True, error_model="numpy")
def _block_halo(x, old, dual, plane, before, after, here, steps):  # type: ignore[no-untyped-def]
    """What two blocks need of each other at the border before `plane`, from the state before."""
    T = x.dtype.type
    sigma, theta, weight, step, corner = T(steps[1]), T(steps[2]), T(steps[3]), T(steps[4]), T(steps[5])
    limit = max(weight * weight, T(TINY))
    _extrapolate_plane(x[plane - 1], old[plane - 1], theta, here)
    _extrapolate_plane(x[plane], old[plane], theta, after)
    before[:] = dual[0, plane - 1]
    for i in range(x.shape[1]):
        p, q = dual[1, plane - 1, i].copy(), dual[2, plane - 1, i].copy()
        _ascend(here[i], here[i + 1], after[i], before[i], p, q, sigma, weight, limit, step, corner)


@njit(_ADVANCE, cache=True, nogil=True, error_model="numpy")
def advance(y, state, p, parity, weight, root, tau, theta, count, blocks):  # type: ignore[no-untyped-def]
    """Runs count[b] iterations on cube b; state[parity[b], b] is its primal, p[b] its dual."""
    planes, rows, columns = y.shape[1:]
    window = np.empty((2, rows + 1, columns + 1), y.dtype)
    zeros = np.zeros((rows, columns), y.dtype)
    for b in range(y.shape[0]):
        for _ in range(count[b]):
            x, old = state[parity[b], b], state[1 - parity[b], b]
            steps = step_sizes(weight[b], root, tau[b], theta[b], 12.0)
            _iterate_planes(y[b], x, old, p[b], 0, planes, zeros, window[0], window, steps)
            parity[b] = 1 - parity[b]
            tau[b], theta[b] = next_step(weight[b], root, tau[b], 12.0)


@njit(_ADVANCE, cache=True, nogil=True, error_model="numpy", parallel=True)
def advance_parallel(y, state, p, parity, weight, root, tau, theta, count, blocks):  # type: ignore[no-untyped-def]
    """`advance` with the cubes, or with blocks > 1 the planes of each, shared out among the threads."""
    batch, planes, rows, columns = y.shape
    pieces = max(blocks, batch)
    before = np.zeros((pieces, rows, columns), y.dtype)
    after = np.zeros((pieces, rows + 1, columns + 1), y.dtype)
    window = np.empty((pieces, 2, rows + 1, columns + 1), y.dtype)
    if blocks == 1:
        for b in prange(batch):
            for _ in range(count[b]):
                x, old = state[parity[b], b], state[1 - parity[b], b]
                steps = step_sizes(weight[b], root, tau[b], theta[b], 12.0)
                _iterate_planes(y[b], x, old, p[b], 0, planes, before[b], after[b], window[b], steps)
                parity[b] = 1 - parity[b]
                tau[b], theta[b] = next_step(weight[b], root, tau[b], 12.0)
        return
    for b in range(batch):
        for _ in range(count[b]):
            x, old = state[parity[b], b], state[1 - parity[b], b]
            steps = step_sizes(weight[b], root, tau[b], theta[b], 12.0)
            for c in prange(1, blocks):
                _block_halo(x, old, p[b], c * planes // blocks, before[c], after[c], window[c, 0], steps)
            for c in prange(blocks):
                first, last = c * planes // blocks, (c + 1) * planes // blocks
                border = after[(c + 1) % blocks]
                _iterate_planes(y[b], x, old, p[b], first, last, before[c], border, window[c], steps)
            parity[b] = 1 - parity[b]
            tau[b], theta[b] = next_step(weight[b], root, tau[b], 12.0)


@njit(nogil=True, error_model="numpy", fastmath=REDUCTION)
def _gap_row(x, across, beyond, y, before, o, above, p, q, weight, root, mean, sums):  # type: ignore[no-untyped-def]
    """Adds the sums over one row, in float64. `x` has its last sample twice, `q` a zero before its first."""
    zero = x.dtype.type(0)
    half = x.dtype.type(0.5)
    limit = weight * weight
    gap, primal, size, spread = 0.0, 0.0, 0.0, 0.0
    for j in range(y.size):
        a = beyond[j] - x[j]
        b = across[j] - x[j]
        c = x[j + 1] - x[j]
        e = ((o[j] - before[j]) + (p[j] - above[j])) + (q[j + 1] - q[j])
        residual = x[j] - y[j]
        distance = residual - e
        offset = (y[j] + e) - mean
        slope = (a * a + b * b) + c * c
        if root > 0:
            # both norms are equal: |w D - |D| P|^2 / (2 w |D|) has no cancellation, D = (Du, root), |P| = w
            norm = np.sqrt(slope + root * root)
            rest = np.sqrt(max(limit - ((o[j] * o[j] + p[j] * p[j]) + q[j + 1] * q[j + 1]), zero))
            a, b = weight * a - norm * o[j], weight * b - norm * p[j]
            c, d = weight * c - norm * q[j + 1], weight * root - norm * rest
            excess = ((a * a + b * b) + (c * c + d * d)) / ((weight + weight) * norm)
            variation = slope / (norm + root)
        else:
            variation = np.sqrt(slope)
            excess = weight * variation - ((a * o[j] + b * p[j]) + c * q[j + 1])
        gap += np.float64(excess + half * (distance * distance))
        primal += np.float64(weight * variation + half * (residual * residual))
        size += np.float64(abs(x[j]))
        spread += np.float64(offset * offset)
    sums[0] += gap
    sums[1] += primal
    sums[2] += size
    sums[3] += spread


@njit(nogil=True, error_model="numpy")
def _gap_planes(y, x, dual, weight, root, mean, first, last, sums):  # type: ignore[no-untyped-def]
    """Per plane: Fenchel-Young gap, primal, sum of |x|, squared distance of the dual image to `mean`."""
    T = y.dtype.type
    planes, rows, columns = y.shape
    o, p, q = dual[0], dual[1], dual[2]
    line = np.empty(columns + 1, y.dtype)
    flux = np.zeros(columns + 1, y.dtype)
    zeros = np.zeros(columns, y.dtype)
    for k in range(first, last):
        sums[k] = 0.0
        for i in range(rows):
            line[:columns] = x[k, i]
            line[columns] = x[k, i, columns - 1]
            flux[1:] = q[k, i]
            across = x[k, i + 1] if i + 1 < rows else x[k, i]
            beyond = x[k + 1, i] if k + 1 < planes else x[k, i]
            above = p[k, i - 1] if i > 0 else zeros
            before = o[k - 1, i] if k > 0 else zeros
            _gap_row(
                line, across, beyond, y[k, i], before, o[k, i], above, p[k, i], flux,
                T(weight), T(root), T(mean), sums[k],
            )  # fmt: skip


@njit(_CERTIFY, cache=True, nogil=True, error_model="numpy")
def certify(y, state, p, parity, weight, root, mean, wanted, sums, blocks):  # type: ignore[no-untyped-def]
    """`_gap_planes` of the wanted cubes; sums has a row of four per cube and plane."""
    planes = y.shape[1]
    for b in range(y.shape[0]):
        if wanted[b]:
            _gap_planes(y[b], state[parity[b], b], p[b], weight[b], root, mean[b], 0, planes, sums[b])


@njit(_CERTIFY, cache=True, nogil=True, error_model="numpy", parallel=True)
def certify_parallel(y, state, p, parity, weight, root, mean, wanted, sums, blocks):  # type: ignore[no-untyped-def]
    """`certify` with the blocks of planes of all cubes shared out among the threads."""
    planes = y.shape[1]
    for piece in prange(y.shape[0] * blocks):
        b, c = piece // blocks, piece % blocks
        if wanted[b]:
            first, last = c * planes // blocks, (c + 1) * planes // blocks
            _gap_planes(y[b], state[parity[b], b], p[b], weight[b], root, mean[b], first, last, sums[b])
