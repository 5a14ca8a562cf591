"""Starlet kernels on the CPU: serial or parallel loops, with bit-identical results."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import get_num_threads

from sigden.arrays import parallel_allowed
from sigden.denoisers.starlet import starlet_steps_numba as loops

__all__ = ["starlet", "starlet_adjoint", "starlet_restore", "starlet_shrink", "starlet_smooth"]

_BLOCK_SAMPLES = 1 << 17  # least share of a thread: below it, starting the threads costs more than they save


def _blocks(batch: int, rows: int, columns: int) -> int:
    """Row blocks of each image; 0 asks for the serial loop."""
    threads = get_num_threads() if parallel_allowed() else 1
    shares = min(threads, batch * rows * columns // _BLOCK_SAMPLES)
    return 0 if shares < 2 else max(1, min(-(-threads // batch), rows))


def starlet(images: Any, scales: int) -> Any:
    """Details of each scale, finest first, and the smooth image.

    Parameters
    ----------
    images : ndarray, shape (batch, rows, columns)
        Float32 or float64.
    scales : int
        Number of detail scales.

    Returns
    -------
    ndarray, shape (batch, scales + 1, rows, columns)
        Coefficients.
    """
    batch, rows, columns = images.shape
    out = np.empty((batch, scales + 1, rows, columns), dtype=images.dtype)
    out[:, 0] = images
    blocks = _blocks(*images.shape)
    (loops.analyse_parallel if blocks else loops.analyse)(out, blocks)
    return out


def starlet_adjoint(coefficients: Any) -> Any:
    """Adjoint of `starlet`.

    Parameters
    ----------
    coefficients : ndarray, shape (batch, scales + 1, rows, columns)
        Float32 or float64.

    Returns
    -------
    ndarray, shape (batch, rows, columns)
        ``g`` of ``g <- w_j + H_j (g - w_j)`` from the coarsest scale to the finest.
    """
    coefficients = np.ascontiguousarray(coefficients)
    out = coefficients[:, -1].copy()
    blocks = _blocks(*out.shape)
    (loops.adjoint_parallel if blocks else loops.adjoint)(coefficients, out, np.empty_like(out), blocks)
    return out


def starlet_shrink(images: Any, limits: Any, hard: bool) -> Any:
    """Sum of the thresholded details and of the smooth image.

    Parameters
    ----------
    images : ndarray, shape (batch, rows, columns)
        Float32 or float64.
    limits : sequence of float
        Threshold of each detail scale, finest first.
    hard : bool
        Keep details above the threshold as they are; otherwise shrink them by it.

    Returns
    -------
    ndarray, shape (batch, rows, columns)
        Estimate.
    """
    total = np.zeros(images.shape, dtype=images.dtype)
    work = np.empty((images.shape[0], 2, *images.shape[1:]), dtype=images.dtype)
    work[:, 0] = images
    cuts = np.asarray(limits, dtype=np.float64)
    blocks = _blocks(*images.shape)
    (loops.shrink_parallel if blocks else loops.shrink)(total, work, cuts, bool(hard), blocks)
    return total


def starlet_restore(images: Any, reference: Any, limits: Any) -> Any:
    """Sum of the details of one image where those of another are significant, and of the smooth image.

    Parameters
    ----------
    images : ndarray, shape (batch, rows, columns)
        Float32 or float64.
    reference : ndarray, shape of `images`
        Whose details tell where.
    limits : sequence of float
        Threshold on the details of `reference` of each scale, finest first.

    Returns
    -------
    ndarray, shape (batch, rows, columns)
        Part of `images` in the multiresolution support of `reference`.
    """
    total = np.zeros(images.shape, dtype=images.dtype)
    work = np.empty((images.shape[0], 4, *images.shape[1:]), dtype=images.dtype)
    work[:, 0], work[:, 2] = images, reference
    cuts = np.asarray(limits, dtype=np.float64)
    blocks = _blocks(*images.shape)
    (loops.restore_parallel if blocks else loops.restore)(total, work, cuts, blocks)
    return total


def starlet_smooth(images: Any, scales: int) -> Any:
    """Smooth image alone.

    Parameters
    ----------
    images : ndarray, shape (batch, rows, columns)
        Float32 or float64.
    scales : int
        Number of scales.

    Returns
    -------
    ndarray, shape (batch, rows, columns)
        ``c_J``.
    """
    work = np.empty((images.shape[0], 2, *images.shape[1:]), dtype=images.dtype)
    work[:, 0] = images
    blocks = _blocks(*images.shape)
    (loops.smooth_parallel if blocks else loops.smooth)(work, scales, blocks)
    return work[:, scales % 2]
