"""Anscombe's transform of counts and its exact unbiased inverse."""

from __future__ import annotations

import math
from typing import Any

from sigden.arrays import namespace

__all__ = ["anscombe", "inverse_anscombe"]


def anscombe(counts: Any) -> Any:
    """Counts of photons with their noise brought to unit variance.

    Parameters
    ----------
    counts : array
        Poisson counts; values below -3/8 count as -3/8.

    Returns
    -------
    array
        :math:`2 \\sqrt{x + 3/8}`.

    References
    ----------
    .. [1] F. J. Anscombe, "The transformation of Poisson, binomial and negative-binomial data", Biometrika 35
       (1948) 246.
    """
    xp = namespace(counts)
    return 2.0 * xp.sqrt(xp.maximum(counts + 0.375, 0.0))


def inverse_anscombe(values: Any) -> Any:
    """Mean count whose transform has a given expectation.

    Parameters
    ----------
    values : array
        Denoised transform, an estimate of its expectation.

    Returns
    -------
    array
        Not negative; the closed form of the exact unbiased inverse [1]_, which is off by less than 0.003
        counts.

    References
    ----------
    .. [1] M. Makitalo and A. Foi, "A closed-form approximation of the exact unbiased inverse of the Anscombe
       variance-stabilizing transformation", IEEE Trans. Image Process. 20 (2011) 2697, equation 3.
    """
    xp, least = namespace(values), 2.0 * math.sqrt(0.375)  # the transform of zero counts
    d = xp.maximum(values, least)
    root = math.sqrt(1.5)
    out = d * d / 4 + root / 4 / d - 11 / 8 / d**2 + 5 / 8 * root / d**3 - 1 / 8
    return xp.maximum(out, 0.0)
