"""Impulses: single voxels that the noise cannot explain, told from structure by how they scatter."""

from __future__ import annotations

import math
from typing import Any

from sigden.arrays import namespace
from sigden.hyperspectral.order import median, shares

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
    residual : array, shape (rows, columns)
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
    xp = namespace(residual)
    if not sigma > 0:
        return xp.zeros_like(residual, dtype=xp.bool)
    size, number = xp.abs(residual) / float(sigma), math.prod(residual.shape)
    far = int(xp.count_nonzero(size > _FAR))
    usual = _CHANCE * number
    part = (far - usual) / number
    if far < usual + 4 * math.sqrt(usual) + 3:
        return xp.zeros_like(residual, dtype=xp.bool)
    span = max(float(xp.max(size)) * 2, 2 * _FAR + 1)
    part = min(part / (1 - 2 * _FAR / span), 0.5)
    cut = math.sqrt(max(2 * math.log((1 - part) * span / (part * math.sqrt(2 * math.pi))), 0.0))
    return size > min(max(cut, _CLOSEST), _FARTHEST)


def relative_levels(residual: Any, predicted: Any) -> Any:
    """Noise level where the signal is so bright, relative to that of the band.

    Parameters
    ----------
    residual, predicted : array, shape (rows, columns)
        Data less prediction, and the prediction.

    Returns
    -------
    array, shape (rows, columns)
        Median size of the residual among the samples of similar prediction, in eight classes of equal number,
        over that of all; at least 1.
    """
    xp = namespace(residual)
    order = xp.argsort(xp.reshape(predicted, (-1,)), stable=True)
    size = xp.reshape(xp.abs(residual), (-1,))
    typical = max(float(median(size)), 1e-300)
    out = xp.ones_like(size)
    for start, stop in shares(size.shape[0], _CLASSES):
        if stop - start >= _LEAST_IN_CLASS:
            some = xp.take(size, order[start:stop], axis=0)
            out[start:stop] = max(float(median(some)) / typical, 1.0)
    # from the order of the prediction back to that of the pixels
    return xp.reshape(xp.take(out, xp.argsort(order), axis=0), residual.shape)


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
    xp, size = namespace(struck), math.prod(struck.shape)
    count = int(xp.count_nonzero(struck))
    if count == 0:
        return False
    part = count / size
    touching = struck[1:, :] & struck[:-1, :], struck[:, 1:] & struck[:, :-1]
    pairs = sum(int(xp.count_nonzero(both)) for both in touching)
    if not _by_chance(pairs, 2 * count * part, 0.1 * count):
        return False
    for other in (before, after):
        if other is not None:
            both = int(xp.count_nonzero(struck & other))
            if not _by_chance(both, count * int(xp.count_nonzero(other)) / size, 0.15 * count):
                return False
    return True


def _by_chance(seen: int, expected: float, slack: float) -> bool:
    return seen <= expected + 3 * math.sqrt(expected) + slack
