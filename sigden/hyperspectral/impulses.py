"""Impulses: single voxels that the noise cannot explain, told from structure by how they scatter."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

__all__ = ["candidates", "relative_levels", "scattered"]

_FAR = 4.0  # levels beyond which outliers are counted
_CLASSES = 8
_LEAST_IN_CLASS = 50
_CHANCE = 6.334e-5  # two-sided Gaussian probability beyond that
_CLOSEST, _FARTHEST = 3.0, 5.5  # limits of the cut, in noise levels


def candidates(residual: Any, sigma: float) -> Any:
    """Voxels that rather belong to a wide distribution of outliers than to the noise.

    Parameters
    ----------
    residual : ndarray, shape (rows, columns)
        Data less what the other bands predict.
    sigma : float
        Noise level of the residual.

    Returns
    -------
    array of bool, shape (rows, columns)
        True beyond the cut.

    Notes
    -----
    The residual is a mixture of :math:`(1 - p) N(0, \\sigma^2)` and p times a uniform law over the range R of
    the residuals. p follows from the number beyond :math:`4\\sigma`, and the two parts are equally likely at
    :math:`t\\sigma` with :math:`t^2 = 2 \\ln[(1 - p) R / (p \\sigma \\sqrt{2 \\pi})]`.
    """
    if not sigma > 0:
        return np.zeros(residual.shape, dtype=bool)
    size = np.abs(residual) / residual.dtype.type(sigma)
    far = int(np.count_nonzero(size > _FAR))
    usual = _CHANCE * size.size
    part = (far - usual) / size.size
    if far < usual + 4 * math.sqrt(usual) + 3:
        return np.zeros(residual.shape, dtype=bool)
    span = max(float(size.max()) * 2, 2 * _FAR + 1)
    part = min(part / (1 - 2 * _FAR / span), 0.5)
    cut = math.sqrt(max(2 * math.log((1 - part) * span / (part * math.sqrt(2 * math.pi))), 0.0))
    return size > min(max(cut, _CLOSEST), _FARTHEST)


def relative_levels(residual: Any, predicted: Any) -> Any:
    """Noise level where the signal is so bright, relative to that of the band.

    Parameters
    ----------
    residual, predicted : ndarray, shape (rows, columns)
        Data less prediction, and the prediction.

    Returns
    -------
    ndarray, shape (rows, columns)
        Median size of the residual among the samples of similar prediction, in eight classes of equal number,
        over that of all; at least 1.
    """
    order = np.argsort(predicted, axis=None, kind="stable")
    size = np.abs(residual).reshape(-1)
    typical = max(float(np.median(size)), 1e-300)
    out = np.ones(size.size, dtype=residual.dtype)
    for part in np.array_split(order, _CLASSES):
        if part.size >= _LEAST_IN_CLASS:
            out[part] = max(float(np.median(size[part])) / typical, 1.0)
    return out.reshape(residual.shape)


def scattered(struck: Any, before: Any = None, after: Any = None) -> bool:
    """Whether voxels lie at random, in space and along the spectrum.

    Parameters
    ----------
    struck : array of bool, shape (rows, columns)
        Candidates of one band.
    before, after : array of bool, optional
        Candidates of the bands next to it.

    Returns
    -------
    bool
        True if no more of them touch than independent ones would. What the model misses of the scene
        touches: objects have an extent, and spectral features cover several bands.
    """
    count = int(np.count_nonzero(struck))
    if count == 0:
        return False
    part = count / struck.size
    pairs = np.count_nonzero(struck[1:] & struck[:-1]) + np.count_nonzero(struck[:, 1:] & struck[:, :-1])
    if not _by_chance(pairs, 2 * count * part, 0.1 * count):
        return False
    for other in (before, after):
        if other is not None:
            both = np.count_nonzero(struck & other)
            if not _by_chance(both, count * np.count_nonzero(other) / other.size, 0.15 * count):
                return False
    return True


def _by_chance(seen: Any, expected: float, slack: float) -> bool:
    return int(seen) <= expected + 3 * math.sqrt(expected) + slack
