"""Shrinkage of starlet details on the CPU, a scale at a time: no plane of coefficients is kept."""

# inlined from other files: 23748c7a191a
from __future__ import annotations

from typing import Any

import numpy as np
from numba import get_num_threads, njit, prange, types

from sigden.arrays import parallel_allowed
from sigden.denoisers.starlet.starlet_steps_numba import smooth_row, smooth_rows
from sigden.multiband.joint.details_generic import LEAST_OF_CONTRAST, LEAST_OF_MEAN, SHOWN_OF_CONTRAST

__all__ = ["posterior_colour", "shrink_colour"]

_LEAST_SHARE = 1 << 17  # pixels of a thread, below which starting it costs more than it saves

_REAL = (types.float32, types.float64)
_VECTOR, _MATRIX = (types.Array(types.float64, n, "C", readonly=True) for n in (1, 2))
_SHRINK = [
    types.void(
        types.Array(t, 3, "C", readonly=True), _VECTOR, types.Array(t, 3, "C", readonly=True),
        types.float64, t[:, :, ::1], t[:, ::1], types.int64,
    )
    for t in _REAL
]  # fmt: skip
_POSTERIOR = [
    types.void(
        *(types.Array(t, 3, "C", readonly=True) for _ in range(3)), _VECTOR,
        types.Array(t, 2, "C", readonly=True), types.float64, types.boolean, _MATRIX,
        types.Array(t, 3, "C", readonly=True), _MATRIX, t[:, :, ::1], t[:, ::1], t[:, ::1], t[:, ::1],
        t[:, ::1], types.int64,
    )
    for t in _REAL
]  # fmt: skip


@njit(nogil=True, error_model="numpy")
def _mix_rows(images, weights, out, first, last):  # type: ignore[no-untyped-def]
    """Weighted sum of planes."""
    T = out.dtype.type
    for i in range(first, last):
        for b in range(weights.size):
            w = T(weights[b])
            if b == 0:
                for c in range(out.shape[1]):
                    out[i, c] = w * images[b, i, c]
            elif w != 0:
                for c in range(out.shape[1]):
                    out[i, c] += w * images[b, i, c]


@njit(nogil=True, error_model="numpy")
def _mix_ratio_rows(images, colour, weights, out, first, last):  # type: ignore[no-untyped-def]
    """Weighted sum of planes over their colours."""
    T = out.dtype.type
    for i in range(first, last):
        for b in range(weights.size):
            w = T(weights[b])
            if b == 0:
                for c in range(out.shape[1]):
                    out[i, c] = w * (images[b, i, c] / colour[b, i, c])
            elif w != 0:
                for c in range(out.shape[1]):
                    out[i, c] += w * (images[b, i, c] / colour[b, i, c])


@njit(nogil=True, error_model="numpy")
def _split_rows(fine, coarse, step, square, first, last):  # type: ignore[no-untyped-def]
    """Smooth plane of the next scale, and squares of the details between."""
    line = np.empty(fine.shape[1], fine.dtype)
    for i in range(first, last):
        smooth_row(fine, i, step, line, coarse[i])
        for c in range(fine.shape[1]):
            detail = fine[i, c] - coarse[i, c]
            square[i, c] = detail * detail


@njit(nogil=True, error_model="numpy")
def _shrink_rows(fine, coarse, power, noise, threshold, estimate, final, first, last):  # type: ignore[no-untyped-def]
    """Details times their factor added to the estimate; after the last scale the smooth plane too."""
    T = estimate.dtype.type
    one, zero, t = T(1), T(0), T(threshold)
    for i in range(first, last):
        for c in range(estimate.shape[1]):
            s = noise[i if noise.shape[0] > 1 else 0, c if noise.shape[1] > 1 else 0]
            local = max(power[i, c], s)
            # where there is neither light nor noise, as in an image of zeros, there is nothing to keep
            keep = max(one - t * s / (local if local > 0 else one), zero)
            estimate[i, c] += (fine[i, c] - coarse[i, c]) * keep
        if final:
            for c in range(estimate.shape[1]):
                estimate[i, c] += coarse[i, c]


@njit(nogil=True, error_model="numpy")
def _noise_row(colour, weights, share, i, line):  # type: ignore[no-untyped-def]
    """Variance of a detail in a combination of bands over their colours."""
    T = line.dtype.type
    line[:] = 0
    n = 0
    for b in range(weights.size):
        for d in range(b + 1):
            w = T(share[n])
            v, u = T(weights[b]), T(weights[d])
            for c in range(line.size):
                line[c] += w * ((v / colour[b, i, c]) * (u / colour[d, i, c]))
            n += 1


@njit(nogil=True, error_model="numpy")
def _posterior_rows(  # type: ignore[no-untyped-def]
    fine, coarse, power, own, light, relief, contrast, colour, weights, share, noise, parts, estimate, error,
    through, missed, scale, scales, first, last,
):  # fmt: skip
    """Details times their posterior factor, the variance of its error and of the noise, added up."""
    T = estimate.dtype.type
    one, lowest, part_of_least = T(1), T(relief), T(LEAST_OF_MEAN)
    times_shown, times_least = T(SHOWN_OF_CONTRAST), T(LEAST_OF_CONTRAST)
    held, light_left, noise_left = T(parts[0]), T(parts[1]), T(parts[2])
    line, lost = np.empty(fine.shape[1], fine.dtype), np.empty(fine.shape[1], fine.dtype)
    for i in range(first, last):
        if noise.size > 0:
            line[:] = noise[i]
        else:
            _noise_row(colour, weights, share, i, line)
        for c in range(line.size):
            s = line[c]
            shown, least = power[i, c], light[i, c] * lowest
            p = max(shown, least)
            both = p + s
            keep = p / (both if both > 0 else one)
            estimate[i, c] += (fine[i, c] - coarse[i, c]) * keep
            missing = one - held * keep
            lost[c] = light_left * (missing * missing)
            if contrast:
                expected = times_shown * shown + times_least * least
            else:
                p = shown + part_of_least * least
                both = p + s
                expected = p / (both if both > 0 else one) * own[i, c]
            error[i, c] += lost[c] * expected + noise_left * (keep * keep) * s
            through[i, c] += s
        if scale > 0 and not contrast:
            for c in range(line.size):
                missed[i, c] += lost[c]
        if scale == scales - 1:
            for c in range(line.size):
                estimate[i, c] += coarse[i, c]


@njit(_SHRINK, cache=True, nogil=True, error_model="numpy")
def _shrink(images, weights, noise, threshold, work, estimate, blocks):  # type: ignore[no-untyped-def]
    rows, scales = estimate.shape[0], noise.shape[0]
    estimate[:] = 0
    _mix_rows(images, weights, work[0], 0, rows)
    for s in range(scales):
        fine, coarse = work[s % 2], work[1 - s % 2]
        _split_rows(fine, coarse, 1 << s, work[2], 0, rows)
        for t in range(s + 1):
            smooth_rows(work[2 + t % 2], work[3 - t % 2], 1 << t, 0, rows)
        power = work[2 + (s + 1) % 2]
        _shrink_rows(fine, coarse, power, noise[s], threshold, estimate, s == scales - 1, 0, rows)


@njit(_SHRINK, cache=True, nogil=True, error_model="numpy", parallel=True)
def _shrink_parallel(images, weights, noise, threshold, work, estimate, blocks):  # type: ignore[no-untyped-def]
    rows, scales = estimate.shape[0], noise.shape[0]
    for n in prange(blocks):
        first, last = n * rows // blocks, (n + 1) * rows // blocks
        estimate[first:last] = 0
        _mix_rows(images, weights, work[0], first, last)
    for s in range(scales):
        fine, coarse = work[s % 2], work[1 - s % 2]
        for n in prange(blocks):
            _split_rows(fine, coarse, 1 << s, work[2], n * rows // blocks, (n + 1) * rows // blocks)
        for t in range(s + 1):
            for n in prange(blocks):
                first, last = n * rows // blocks, (n + 1) * rows // blocks
                smooth_rows(work[2 + t % 2], work[3 - t % 2], 1 << t, first, last)
        power = work[2 + (s + 1) % 2]
        for n in prange(blocks):
            first, last = n * rows // blocks, (n + 1) * rows // blocks
            _shrink_rows(fine, coarse, power, noise[s], threshold, estimate, s == scales - 1, first, last)


@njit(_POSTERIOR, cache=True, nogil=True, error_model="numpy")
def _posterior(  # type: ignore[no-untyped-def]
    images,
    pilot,
    colour,
    weights,
    light,
    relief,
    contrast,
    shares,
    noise,
    parts,
    work,
    estimate,
    error,
    through,
    missed,
    blocks,
):
    rows, scales = estimate.shape[0], parts.shape[0]
    estimate[:], error[:], through[:] = 0, 0, 0
    if not contrast:
        missed[:] = 0
    _mix_ratio_rows(images, colour, weights, work[0], 0, rows)
    _mix_ratio_rows(pilot, colour, weights, work[2], 0, rows)
    for s in range(scales):
        fine, coarse = work[s % 2], work[1 - s % 2]
        _split_rows(work[2 + s % 2], work[3 - s % 2], 1 << s, work[4], 0, rows)
        for t in range(s):
            smooth_rows(work[4 + t % 2], work[5 - t % 2], 1 << t, 0, rows)
        power = work[4 + s % 2]
        # the pilot's finer plane has served
        square, around = work[5 - s % 2], work[2 + s % 2]
        own = around if s > 0 else square
        if contrast:
            smooth_rows(fine, coarse, 1 << s, 0, rows)
        else:
            _split_rows(fine, coarse, 1 << s, square, 0, rows)
        if s > 0 and not contrast:
            smooth_rows(square, around, 1, 0, rows)
        _posterior_rows(
            fine, coarse, power, own, light, relief, contrast, colour, weights, shares[s],
            noise[s if noise.shape[0] > 1 else 0], parts[s], estimate, error, through, missed, s, scales,
            0, rows,
        )  # fmt: skip


@njit(_POSTERIOR, cache=True, nogil=True, error_model="numpy", parallel=True)
def _posterior_parallel(  # type: ignore[no-untyped-def]
    images,
    pilot,
    colour,
    weights,
    light,
    relief,
    contrast,
    shares,
    noise,
    parts,
    work,
    estimate,
    error,
    through,
    missed,
    blocks,
):
    rows, scales = estimate.shape[0], parts.shape[0]
    for n in prange(blocks):
        first, last = n * rows // blocks, (n + 1) * rows // blocks
        estimate[first:last] = 0
        error[first:last] = 0
        through[first:last] = 0
        if not contrast:
            missed[first:last] = 0
        _mix_ratio_rows(images, colour, weights, work[0], first, last)
        _mix_ratio_rows(pilot, colour, weights, work[2], first, last)
    for s in range(scales):
        fine, coarse = work[s % 2], work[1 - s % 2]
        for n in prange(blocks):
            first, last = n * rows // blocks, (n + 1) * rows // blocks
            _split_rows(work[2 + s % 2], work[3 - s % 2], 1 << s, work[4], first, last)
        for t in range(s):
            for n in prange(blocks):
                first, last = n * rows // blocks, (n + 1) * rows // blocks
                smooth_rows(work[4 + t % 2], work[5 - t % 2], 1 << t, first, last)
        power = work[4 + s % 2]
        # the pilot's finer plane has served
        square, around = work[5 - s % 2], work[2 + s % 2]
        own = around if s > 0 else square
        for n in prange(blocks):
            first, last = n * rows // blocks, (n + 1) * rows // blocks
            if contrast:
                smooth_rows(fine, coarse, 1 << s, first, last)
            else:
                _split_rows(fine, coarse, 1 << s, square, first, last)
        if s > 0 and not contrast:
            for n in prange(blocks):
                smooth_rows(square, around, 1, n * rows // blocks, (n + 1) * rows // blocks)
        for n in prange(blocks):
            _posterior_rows(
                fine, coarse, power, own, light, relief, contrast, colour, weights, shares[s],
                noise[s if noise.shape[0] > 1 else 0], parts[s], estimate, error, through, missed, s, scales,
                n * rows // blocks, (n + 1) * rows // blocks,
            )  # fmt: skip


def _blocks(shape: tuple[int, ...]) -> int:
    """Shares of the rows; 0 asks for the serial loop."""
    threads = get_num_threads() if parallel_allowed() else 1
    shares = min(threads, shape[-2] * shape[-1] // _LEAST_SHARE)
    return 0 if shares < 2 else min(4 * shares, shape[-2])


def shrink_colour(images: Any, weights: Any, noise: Any, threshold: float, work: Any, estimate: Any) -> None:
    """One colour of `shrink_colours`; arguments as the generic twin."""
    blocks = _blocks(images.shape)
    (_shrink_parallel if blocks else _shrink)(images, weights, noise, threshold, work, estimate, blocks)


def posterior_colour(
    images: Any, pilot: Any, colour: Any, weights: Any, light: Any, relief: float, contrast: bool,
    shares: Any, noise: Any, parts: Any, work: Any, estimate: Any, error: Any, through: Any, missed: Any,
) -> None:  # fmt: skip
    """One colour of `posterior_details`; arguments as the generic twin."""
    blocks = _blocks(images.shape)
    (_posterior_parallel if blocks else _posterior)(
        images, pilot, colour, weights, light, relief, contrast, shares, noise, parts, work, estimate, error,
        through, missed, blocks,
    )  # fmt: skip
