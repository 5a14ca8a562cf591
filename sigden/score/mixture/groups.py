"""Samples of known noise gathered into groups: one lattice node, one noise level."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from sigden.errors import InputError
from sigden.score.lattice import Lattice, bin_samples

__all__ = ["Groups", "group_samples"]

_REACH = 8.0  # standard deviations at which the noise's density is cut off
_LEVELS = 256  # as many different noise levels are kept as they are
_RATIO = 0.04  # beyond that: step of the logarithm of the noise level
_CELLS = 1 << 22  # as many pairs of node and level are laid out whole
_TAPS = 1 << 27  # most numbers in the densities of all noise levels
_FLOOR = 0.25  # least noise level, in units of the one that sets the lattice
_QUANTILE = 0.05  # which that is


@dataclass(frozen=True, eq=False)
class Groups:
    """Counts of samples on a lattice, and the density of the noise about its nodes.

    Parameters
    ----------
    lattice : Lattice
        Islands further apart than the noise reaches.
    node, level : numpy.ndarray of int64, shape (groups,)
        Flat node and noise level of each group, sorted by node.
    levels : numpy.ndarray, shape (levels,)
        Standard deviation of each noise level.
    count : numpy.ndarray, shape (groups,)
        Sum of weights.
    begin : numpy.ndarray of int64, shape (islands + 1,)
        Where the groups of each island start.
    taps : numpy.ndarray, shape (levels, 2 * widest + 1)
        Normal density of each noise level at whole steps from its centre.
    reach : numpy.ndarray of int64, shape (levels,)
        Steps beyond which they are zero.
    """

    lattice: Lattice
    node: Any
    level: Any
    levels: Any
    count: Any
    begin: Any
    taps: Any
    reach: Any


def group_samples(x: Any, sigma: Any, weights: Any, fineness: float) -> Groups:
    """Group samples by linear binning in x and, of many noise levels, in their logarithm.

    Parameters
    ----------
    x : numpy.ndarray, shape (n,)
        Samples.
    sigma : float or numpy.ndarray, shape (n,)
        Standard deviation of the noise of all samples, or of each.
    weights : numpy.ndarray, shape (n,), optional
        Weights.
    fineness : float
        Steps of the lattice in one standard deviation.

    Returns
    -------
    Groups
        Binning adds step^2/6 to the variance of the samples; the density of the noise allows for it.

    Raises
    ------
    InputError
        If noise levels are too far apart for one lattice.
    """
    if np.ndim(sigma) == 0:
        step = sigma / fineness
        lattice, counts = bin_samples(x, step, math.ceil(_REACH * fineness), weights)
        node = np.flatnonzero(counts)
        level, count = np.zeros(node.size, np.int64), counts[node]
        levels = np.array([float(sigma)])
    else:
        narrow = float(np.quantile(sigma, _QUANTILE))
        sigma = np.maximum(sigma, _FLOOR * narrow)
        step = narrow / fineness
        levels, place, part = _levels(sigma)
        if levels.size * 2 * _REACH * levels[-1] / step > _TAPS:
            raise InputError(
                f"sigma: {sigma.max():.3g} is too far above {narrow:.3g}, which a twentieth do not exceed; "
                "samples of such noise say nothing beside the others: mask them"
            )
        lattice, node, level, count = _pairs(x, step, levels, place, part, weights)
    taps, reach = _taps(levels, step)
    begin = np.searchsorted(node, lattice.offset).astype(np.int64)
    return Groups(lattice, node.astype(np.int64), level, levels, count, begin, taps, reach)


def _levels(sigma: Any) -> tuple[Any, Any, Any]:
    """Noise levels, and of each sample the lower one and the share of the next."""
    unique, place = np.unique(sigma, return_inverse=True)
    if unique.size <= _LEVELS:
        return unique, place, np.zeros(sigma.size)
    low, high = math.log(unique[0]), math.log(unique[-1])
    count = math.ceil((high - low) / _RATIO) + 1
    step = (high - low) / (count - 1)
    scaled = (np.log(sigma) - low) / step
    place = np.minimum(scaled.astype(np.int64), count - 2)
    return np.exp(low + step * np.arange(count)), place, scaled - place


def _pairs(
    x: Any, step: float, levels: Any, place: Any, part: Any, weights: Any
) -> tuple[Lattice, Any, Any, Any]:
    lattice, _ = bin_samples(x, step, math.ceil(_REACH * levels[-1] / step))
    scaled = (x.astype(np.float64) - lattice.origin) / step
    number = np.floor(scaled).astype(np.int64)
    right = scaled - number
    node = lattice.flat(number)
    weights = np.ones(x.size) if weights is None else weights
    cells = lattice.size * levels.size
    dense = np.zeros(cells) if cells <= max(_CELLS, x.size) else None
    keys, shares = [], []
    for dx, share_x in ((0, 1 - right), (1, right)):
        for dl, share_l in ((0, 1 - part), (1, part)):
            key = (node + dx) * levels.size + np.minimum(place + dl, levels.size - 1)
            share = weights * share_x * share_l
            if dense is not None:
                dense += np.bincount(key, share, cells)
            else:
                keys.append(key)
                shares.append(share)
    if dense is not None:
        unique = np.flatnonzero(dense)
        count = dense[unique]
    else:
        unique, inverse = np.unique(np.concatenate(keys), return_inverse=True)
        count = np.bincount(inverse, np.concatenate(shares))
        unique, count = unique[count > 0], count[count > 0]
    return lattice, unique // levels.size, unique % levels.size, count


def _taps(levels: Any, step: float) -> tuple[Any, Any]:
    reach = np.ceil(_REACH * levels / step).astype(np.int64)
    lag = step * np.arange(-reach.max(), reach.max() + 1)
    variance = levels[:, None] ** 2 + step**2 / 6
    taps = np.exp(-0.5 * lag**2 / variance) / np.sqrt(2 * math.pi * variance)
    taps[np.abs(lag) > (reach[:, None] + 0.5) * step] = 0.0
    return taps, reach
