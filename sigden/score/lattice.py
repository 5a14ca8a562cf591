"""Samples on a lattice of equal steps that holds the occupied stretches alone."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from sigden.arrays import parallel_allowed

__all__ = ["Lattice", "apart", "bin_samples", "evaluate_tables", "islands", "tweedie_tables"]

_PARALLEL_SAMPLES = 1 << 17  # below it, starting the threads costs more than they save
_DENSE_NODES = 1 << 22  # longest lattice that is laid out whole before its empty stretches go
_INNER_NODES = 1 << 18  # longest stretch about the median that is laid out where all does not fit
_MEDIAN = 1001  # as many samples tell where the median is
_BLOCKS = 16  # partial counts, added in order, so that the sum does not depend on the number of threads


@dataclass(frozen=True, eq=False)
class Lattice:
    """Nodes of equal step on islands: stretches of the axis that hold samples, and a margin about them.

    Parameters
    ----------
    origin : float
        Coordinate of node zero.
    step : float
        Distance of neighbours.
    first : numpy.ndarray of int64, shape (islands,)
        Number of each island's first node, ascending.
    offset : numpy.ndarray of int64, shape (islands + 1,)
        Where each island begins in flat tables; the last entry is their length.
    """

    origin: float
    step: float
    first: Any
    offset: Any

    @property
    def size(self) -> int:
        """Number of nodes on all islands."""
        return int(self.offset[-1])

    @property
    def nodes(self) -> Any:
        """Coordinates of the nodes, shape (size,)."""
        return self.origin + self.step * self.numbers

    @property
    def numbers(self) -> Any:
        """Numbers of the nodes counted from the origin, shape (size,)."""
        return np.arange(self.size) + np.repeat(self.first - self.offset[:-1], np.diff(self.offset))

    def flat(self, number: Any) -> Any:
        """Place in flat tables of nodes that lie on islands, by their numbers."""
        island = np.searchsorted(self.first, number, side="right") - 1
        return number - self.first[island] + self.offset[island]


def bin_samples(x: Any, step: float, margin: int, weights: Any = None) -> tuple[Lattice, Any]:
    """Counts of samples on a lattice by linear binning.

    Parameters
    ----------
    x : numpy.ndarray, shape (n,)
        Finite samples, float32 or float64.
    step : float
        Distance of neighbours.
    margin : int
        Empty nodes kept on both sides of each occupied stretch; longer gaps are cut out.
    weights : numpy.ndarray, shape (n,), optional
        Weight of each sample; 1 by default.

    Returns
    -------
    lattice : Lattice
        Its node zero lies at the smallest sample.
    counts : numpy.ndarray, shape (lattice.size,)
        Sum of ``w (1 - t)`` and ``w t`` of the samples at the fraction t between two nodes.

    References
    ----------
    .. [1] M. P. Wand, "Fast computation of multivariate kernel estimators", J. Comput. Graph. Stat. 3 (1994)
       433, section 3.
    """
    low, high = float(x.min()), float(x.max())
    span = int((high - low) / step) + 2
    if span > max(_DENSE_NODES, 2 * x.size):
        occupied, shares = _bin_far(x, low, step, weights)
    else:
        dense = _bin_dense(x, low, step, span, weights)
        occupied = np.flatnonzero(dense)
        shares = dense[occupied]
    lattice = _about(occupied, low, step, margin)
    counts = np.zeros(lattice.size)
    counts[lattice.flat(occupied)] = shares
    return lattice, counts


def _bin_dense(x: Any, low: float, step: float, span: int, weights: Any) -> Any:
    if weights is not None:
        place = (x.astype(np.float64) - low) / step
        k = np.minimum(place.astype(np.int64), span - 2)
        return _share(k, place - k, span, weights)
    from sigden.score import lattice_numba as loops

    blocks = max(1, min(_BLOCKS, x.size // _PARALLEL_SAMPLES, x.size // span))
    counts = np.zeros((blocks, span))
    run = loops.bin_linear_parallel if blocks > 1 and parallel_allowed() else loops.bin_linear
    run(x, low, 1.0 / step, counts)
    return counts[0] if blocks == 1 else counts.sum(axis=0)


def _share(k: Any, part: Any, size: int, weights: Any) -> Any:
    weights = np.ones(k.size) if weights is None else weights
    left = np.bincount(k, weights * (1.0 - part), size)
    return left + np.bincount(k + 1, weights * part, size)


def _bin_far(x: Any, low: float, step: float, weights: Any) -> tuple[Any, Any]:
    """Occupied nodes and their counts with outliers too far for one table, which are sorted."""
    some = np.sort(x[:: 1 + x.size // _MEDIAN])
    span = min(_INNER_NODES, 2 * x.size)
    inner = math.floor((float(some[some.size // 2]) - low) / step) - span // 2
    begin, end = low + inner * step, low + (inner + span - 1) * step
    near = (x >= begin) & (x < end)
    dense = _bin_dense(x[near], begin, step, span, None if weights is None else weights[near])
    place = (x[~near].astype(np.float64) - low) / step
    k = np.floor(place).astype(np.int64)
    inside = np.flatnonzero(dense)
    number, index = np.unique(np.concatenate([k, k + 1, inner + inside]), return_inverse=True)
    weights = np.ones(k.size) if weights is None else weights[~near]
    shares = np.concatenate([weights * (k + 1 - place), weights * (place - k), dense[inside]])
    counts = np.bincount(index, shares)
    return number[counts > 0], counts[counts > 0]


def islands(low: Any, high: Any, origin: float, step: float) -> Lattice:
    """Lattice of the union of stretches.

    Parameters
    ----------
    low, high : numpy.ndarray
        First and last node number of each stretch.
    origin, step : float
        As of `Lattice`.

    Returns
    -------
    Lattice
        One island for each run of stretches that touch.
    """
    order = np.argsort(low, kind="stable")
    low, high = low[order], np.maximum.accumulate(high[order])
    breaks = np.flatnonzero(low[1:] > high[:-1] + 1)
    first, last = low[np.r_[0, breaks + 1]], high[np.r_[breaks, high.size - 1]]
    offset = np.concatenate([[0], np.cumsum(last - first + 1)])
    return Lattice(origin, step, first.astype(np.int64), offset.astype(np.int64))


def evaluate_tables(lattice: Lattice, tables: tuple[Any, Any, Any], tail: float, x: Any, order: int) -> Any:
    """Interpolated tables at samples.

    Parameters
    ----------
    lattice : Lattice
        Nodes of the tables, at least two on each island.
    tables : tuple of numpy.ndarray, shape (lattice.size,)
        A function and its first two derivatives at the nodes.
    tail : float
        Second derivative beyond the islands; between two of them the exponentials of both tails add up.
    x : numpy.ndarray
        Where to evaluate; float32 or float64, any shape.
    order : {0, 1, 2}
        Function, first or second derivative.

    Returns
    -------
    numpy.ndarray, shape of `x`
        In its dtype. The second derivative is that of the interpolated first one.
    """
    from sigden.score import lattice_numba as loops

    flat = np.ascontiguousarray(x).reshape(-1)
    out = np.empty_like(flat)
    many = flat.size >= _PARALLEL_SAMPLES and parallel_allowed()
    run = loops.evaluate_parallel if many else loops.evaluate
    run(flat, order, lattice.origin, lattice.step, lattice.first, lattice.offset, *tables, tail, out)
    return out.reshape(x.shape)


def tweedie_tables(
    lattice: Lattice, tables: tuple[Any, Any, Any], tail: float, x: Any, sigma: float
) -> tuple[Any, Any]:
    """Posterior mean and variance of samples in one pass.

    Parameters
    ----------
    lattice, tables, tail, x
        As for `evaluate_tables`, of the log-density of the samples.
    sigma : float
        Standard deviation of their noise.

    Returns
    -------
    mean, variance : numpy.ndarray, shape of `x`
        In its dtype; the variance is not negative.
    """
    from sigden.score import lattice_numba as loops

    flat = np.ascontiguousarray(x).reshape(-1)
    mean, variance = np.empty_like(flat), np.empty_like(flat)
    many = flat.size >= _PARALLEL_SAMPLES and parallel_allowed()
    run = loops.tweedie_parallel if many else loops.tweedie
    places = lattice.origin, lattice.step, lattice.first, lattice.offset
    run(flat, sigma**2, *places, *tables, tail, mean, variance)
    return mean.reshape(x.shape), variance.reshape(x.shape)


def apart(lattice: Lattice, rough: Any, x: Any) -> Any:
    """Samples that tables on a lattice do not serve.

    Parameters
    ----------
    lattice : Lattice
        Nodes of the tables.
    rough : numpy.ndarray of bool, shape (lattice.size,)
        Nodes behind which, up to the next one, the tables are too coarse.
    x : numpy.ndarray
        Samples, any shape.

    Returns
    -------
    numpy.ndarray of bool, shape of `x`, or None
        Which lie there or off the islands; None if none does.
    """
    from sigden.score import lattice_numba as loops

    if lattice.first.size == 1 and not rough.any():
        low, high = lattice.nodes[[0, -1]]
        if low <= x.min() and x.max() <= high:
            return None
    flat = np.ascontiguousarray(x).reshape(-1)
    out = np.empty(flat.size, dtype=bool)
    many = flat.size >= _PARALLEL_SAMPLES and parallel_allowed()
    run = loops.find_apart_parallel if many else loops.find_apart
    run(flat, lattice.origin, lattice.step, lattice.first, lattice.offset, rough, out)
    return out.reshape(x.shape) if out.any() else None


def _about(occupied: Any, origin: float, step: float, margin: int) -> Lattice:
    breaks = np.flatnonzero(np.diff(occupied) > 2 * margin + 1)
    first, last = occupied[np.r_[0, breaks + 1]], occupied[np.r_[breaks, occupied.size - 1]]
    return islands(first - margin, last + margin, origin, step)
