"""Isotropic total variation of one image on the CPU: fused primal-dual pass and duality gap."""

# inlined from other files: 82a2fe2a16a1
from __future__ import annotations

import numpy as np
from numba import njit, prange

from sigden.denoisers.tv.rof_steps_numba import advance_signatures, certify_signatures, next_step, step_sizes

__all__ = ["advance", "advance_parallel", "certify", "certify_parallel", "extrapolate", "smooth_scale"]

REDUCTION = {"reassoc", "nsz"}
_ADVANCE, _CERTIFY = advance_signatures(), certify_signatures()
TINY = 1e-30  # keeps the projection finite where the squared weight underflows


@njit(nogil=True, error_model="numpy", inline="always")
def _halley(t, size, step):  # type: ignore[no-untyped-def]
    T = type(size)
    square = T(1) / (T(1) + t * t)
    k = np.sqrt(square)
    value = t * (step + k) - size
    slope = step + k * square
    bend = T(3) * t * k * square * square
    return max(t - T(2) * value * slope / (T(2) * slope * slope + value * bend), T(0))


@njit(nogil=True, error_model="numpy", inline="always")
def smooth_scale(size, step, corner):  # type: ignore[no-untyped-def]
    """Factor that takes v to its dual prox for the smoothed norm.

    size = |v|/weight, step = sigma sqrt(beta)/weight. With t = |d|/sqrt(beta) and k = 1/sqrt(1 + t^2):
    t (step + k) = size, solved by three Halley steps from a close guess.
    """
    one = type(size)(1)
    guess = size / np.sqrt(max(one - size * size, type(size)(0)) + corner)
    t = max(max(size / (one + step), (size - one) / step), guess)
    t = _halley(_halley(_halley(t, size, step), size, step), size, step)
    k = one / np.sqrt(one + t * t)
    return k / (step + k)


@njit(nogil=True, error_model="numpy")
def extrapolate(x, old, theta, out):  # type: ignore[no-untyped-def]
    """X + theta (x - old); the last sample is repeated, so the difference across the border is zero."""
    n = x.size
    for j in range(n):
        out[j] = x[j] + theta * (x[j] - old[j])
    out[n] = out[n - 1]


@njit(nogil=True, error_model="numpy")
def _ascend(here, below, p, q, sigma, weight, limit, step, corner):  # type: ignore[no-untyped-def]
    """Dual step of one row in place: p across rows, q along the row; step == 0 is exact TV."""
    if step == 0:
        for j in range(p.size):
            a = p[j] + sigma * (below[j] - here[j])
            b = q[j] + sigma * (here[j + 1] - here[j])
            scale = weight / np.sqrt(max(a * a + b * b, limit))
            p[j] = a * scale
            q[j] = b * scale
    else:
        for j in range(p.size):
            a = p[j] + sigma * (below[j] - here[j])
            b = q[j] + sigma * (here[j + 1] - here[j])
            scale = smooth_scale(np.sqrt(a * a + b * b) / weight, step, corner)
            p[j] = a * scale
            q[j] = b * scale


@njit(nogil=True, error_model="numpy")
def _descend(x, y, above, p, q, tau, shrink, out):  # type: ignore[no-untyped-def]
    """Primal step of one row: (x + tau (y - D^T p)) / (1 + tau) into `out`."""
    out[0] = (x[0] + tau * (y[0] + ((p[0] - above[0]) + q[0]))) * shrink
    for j in range(1, x.size):
        out[j] = (x[j] + tau * (y[j] + ((p[j] - above[j]) + (q[j] - q[j - 1])))) * shrink


@njit(nogil=True, error_model="numpy")
def _iterate_rows(y, x, old, p, q, first, last, above, after, here, below, steps):  # type: ignore[no-untyped-def]
    """One iteration of rows first..last-1, in place: p and q are renewed and `old` receives the new primal.

    `above` is the renewed p of the row before, `after` the extrapolated row after the block, `here` and
    `below` are scratch rows; steps from `step_sizes`.
    """
    T = y.dtype.type
    rows = y.shape[0]
    tau, sigma, theta, weight = T(steps[0]), T(steps[1]), T(steps[2]), T(steps[3])
    step, corner = T(steps[4]), T(steps[5])
    limit = max(weight * weight, T(TINY))
    shrink = T(1) / (T(1) + tau)
    extrapolate(x[first], old[first], theta, here)
    for i in range(first, last):
        if i + 1 < last:
            extrapolate(x[i + 1], old[i + 1], theta, below)
        elif last < rows:
            below[:] = after
        else:
            below[:] = here
        _ascend(here, below, p[i], q[i], sigma, weight, limit, step, corner)
        _descend(x[i], y[i], above if i == first else p[i - 1], p[i], q[i], tau, shrink, old[i])
        here, below = below, here


@njit(nogil=True, error_model="numpy")
def _block_halo(x, old, p, q, row, above, after, here, scratch, steps):  # type: ignore[no-untyped-def]
    """What two blocks need of each other at the border before `row`, from the state before the iteration."""
    T = x.dtype.type
    sigma, theta, weight, step, corner = T(steps[1]), T(steps[2]), T(steps[3]), T(steps[4]), T(steps[5])
    limit = max(weight * weight, T(TINY))
    extrapolate(x[row - 1], old[row - 1], theta, here)
    extrapolate(x[row], old[row], theta, after)
    above[:] = p[row - 1]
    scratch[:] = q[row - 1]
    _ascend(here, after, above, scratch, sigma, weight, limit, step, corner)


@njit(_ADVANCE, cache=True, nogil=True, error_model="numpy")
def advance(y, state, p, parity, weight, root, tau, theta, count, blocks):  # type: ignore[no-untyped-def]
    """Runs count[b] iterations on image b; state[parity[b], b] is its primal, p[b] its dual."""
    rows, columns = y.shape[2:]
    window = np.empty((2, columns + 1), y.dtype)
    zeros = np.zeros(columns + 1, y.dtype)
    for b in range(y.shape[0]):
        for _ in range(count[b]):
            x, old = state[parity[b], b, 0], state[1 - parity[b], b, 0]
            steps = step_sizes(weight[b], root, tau[b], theta[b], 8.0)
            _iterate_rows(
                y[b, 0], x, old, p[b, 0, 0], p[b, 1, 0], 0, rows, zeros[1:], zeros,
                window[0], window[1], steps,
            )  # fmt: skip
            parity[b] = 1 - parity[b]
            tau[b], theta[b] = next_step(weight[b], root, tau[b], 8.0)


@njit(_ADVANCE, cache=True, nogil=True, error_model="numpy", parallel=True)
def advance_parallel(y, state, p, parity, weight, root, tau, theta, count, blocks):  # type: ignore[no-untyped-def]
    """`advance` with the images, or with blocks > 1 the row blocks of each, shared out among the threads."""
    batch, _, rows, columns = y.shape
    pieces = max(blocks, batch)
    above = np.zeros((pieces, columns), y.dtype)
    after = np.zeros((pieces, columns + 1), y.dtype)
    window = np.empty((pieces, 2, columns + 1), y.dtype)
    if blocks == 1:
        for b in prange(batch):
            for _ in range(count[b]):
                x, old = state[parity[b], b, 0], state[1 - parity[b], b, 0]
                steps = step_sizes(weight[b], root, tau[b], theta[b], 8.0)
                _iterate_rows(
                    y[b, 0], x, old, p[b, 0, 0], p[b, 1, 0], 0, rows, above[b], after[b],
                    window[b, 0], window[b, 1], steps,
                )  # fmt: skip
                parity[b] = 1 - parity[b]
                tau[b], theta[b] = next_step(weight[b], root, tau[b], 8.0)
        return
    for b in range(batch):
        for _ in range(count[b]):
            x, old = state[parity[b], b, 0], state[1 - parity[b], b, 0]
            steps = step_sizes(weight[b], root, tau[b], theta[b], 8.0)
            for c in range(1, blocks):
                _block_halo(
                    x, old, p[b, 0, 0], p[b, 1, 0], c * rows // blocks, above[c], after[c],
                    window[c, 0], window[c, 1, 1:], steps,
                )  # fmt: skip
            for c in prange(blocks):
                _iterate_rows(
                    y[b, 0], x, old, p[b, 0, 0], p[b, 1, 0], c * rows // blocks, (c + 1) * rows // blocks,
                    above[c], after[(c + 1) % blocks], window[c, 0], window[c, 1], steps,
                )  # fmt: skip
            parity[b] = 1 - parity[b]
            tau[b], theta[b] = next_step(weight[b], root, tau[b], 8.0)


@njit(nogil=True, error_model="numpy", fastmath=REDUCTION)
def _gap_row(x, below, y, above, p, q, weight, root, mean, sums):  # type: ignore[no-untyped-def]
    """Sums over one row, see `_gap_rows`; `x` has its last sample twice, `q` a zero before its first."""
    zero = x.dtype.type(0)
    half = x.dtype.type(0.5)
    limit = weight * weight
    gap, primal, size, spread = 0.0, 0.0, 0.0, 0.0
    for j in range(y.size):
        a = below[j] - x[j]
        b = x[j + 1] - x[j]
        e = (p[j] - above[j]) + (q[j + 1] - q[j])
        residual = x[j] - y[j]
        distance = residual - e
        offset = (y[j] + e) - mean
        slope = a * a + b * b
        if root > 0:
            # both norms are equal: |w D - |D| P|^2 / (2 w |D|) has no cancellation, D = (Du, root), |P| = w
            norm = np.sqrt(slope + root * root)
            rest = np.sqrt(max(limit - (p[j] * p[j] + q[j + 1] * q[j + 1]), zero))
            c, d, h = weight * a - norm * p[j], weight * b - norm * q[j + 1], weight * root - norm * rest
            excess = ((c * c + d * d) + h * h) / ((weight + weight) * norm)
            variation = slope / (norm + root)
        else:
            variation = np.sqrt(slope)
            excess = weight * variation - (a * p[j] + b * q[j + 1])
        gap += np.float64(excess + half * (distance * distance))
        primal += np.float64(weight * variation + half * (residual * residual))
        size += np.float64(abs(x[j]))
        spread += np.float64(offset * offset)
    sums[0], sums[1], sums[2], sums[3] = gap, primal, size, spread


@njit(nogil=True, error_model="numpy")
def _gap_rows(y, x, p, q, weight, root, mean, first, last, sums):  # type: ignore[no-untyped-def]
    """Per row: Fenchel-Young gap, primal, sum of |x|, squared distance of the dual image to `mean`."""
    T = y.dtype.type
    rows, columns = y.shape
    line = np.empty(columns + 1, y.dtype)
    flux = np.zeros(columns + 1, y.dtype)
    zeros = np.zeros(columns, y.dtype)
    for i in range(first, last):
        line[:columns] = x[i]
        line[columns] = x[i, columns - 1]
        flux[1:] = q[i]
        below = x[i + 1] if i + 1 < rows else x[i]
        above = p[i - 1] if i > 0 else zeros
        _gap_row(line, below, y[i], above, p[i], flux, T(weight), T(root), T(mean), sums[i])


@njit(_CERTIFY, cache=True, nogil=True, error_model="numpy")
def certify(y, state, p, parity, weight, root, mean, wanted, sums, blocks):  # type: ignore[no-untyped-def]
    """`_gap_rows` of the wanted images; sums has a row of four per image and image row."""
    rows = y.shape[2]
    for b in range(y.shape[0]):
        if wanted[b]:
            x = state[parity[b], b, 0]
            _gap_rows(y[b, 0], x, p[b, 0, 0], p[b, 1, 0], weight[b], root, mean[b], 0, rows, sums[b])


@njit(_CERTIFY, cache=True, nogil=True, error_model="numpy", parallel=True)
def certify_parallel(y, state, p, parity, weight, root, mean, wanted, sums, blocks):  # type: ignore[no-untyped-def]
    """`certify` with the row blocks of all images shared out among the threads."""
    rows = y.shape[2]
    for piece in prange(y.shape[0] * blocks):
        b, c = piece // blocks, piece % blocks
        if wanted[b]:
            first, last = c * rows // blocks, (c + 1) * rows // blocks
            x = state[parity[b], b, 0]
            _gap_rows(y[b, 0], x, p[b, 0, 0], p[b, 1, 0], weight[b], root, mean[b], first, last, sums[b])
