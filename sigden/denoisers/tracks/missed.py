"""Energy that an estimate has missed, from what is left of the series."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

__all__ = ["missed_energy"]

_MOST_ODDS = 50.0  # logarithm
_LOWEST = -1e3  # deviations below zero: logarithms cancel there


def missed_energy(excess: Any, spread: Any, chance: float, size: float) -> Any:
    """Posterior mean of an energy that is rarely there, from a noisy measurement of it.

    Parameters
    ----------
    excess : numpy.ndarray
        Measurements: the energy, if any, plus normal noise.
    spread : numpy.ndarray
        Standard deviation of their noise.
    chance : float
        Probability before the data that there is any.
    size : float
        Mean of the energy where there is: it is exponentially distributed.

    Returns
    -------
    numpy.ndarray
        Posterior mean, never negative.

    Notes
    -----
    With the prior density :math:`\\pi e^{-u/\\mu} / \\mu` beside a weight of :math:`1 - \\pi` at zero, the
    posterior where there is an energy is a normal law of mean :math:`m = y - s^2 / \\mu` and deviation s, cut
    off below zero, and the odds that there is one are

    .. math:: \\frac{\\pi}{1 - \\pi} \\frac{\\sqrt{2 \\pi}\\, s}{\\mu} e^{m^2 / 2 s^2} \\Phi(m / s).

    A sparse prior and its posterior mean as in [1]_.

    References
    ----------
    .. [1] I. M. Johnstone and B. W. Silverman, "Needles and straw in haystacks: empirical Bayes estimates of
       possibly sparse sequences", Ann. Stat. 32 (2004) 1594, section 2.
    """
    from scipy.special import log_ndtr

    height = np.maximum(excess / spread - spread / size, _LOWEST)
    below = log_ndtr(height)
    odds = 0.5 * height**2 + below + np.log(spread * (math.sqrt(2.0 * math.pi) / size))
    odds = np.clip(odds + math.log(chance / (1.0 - chance)), -_MOST_ODDS, _MOST_ODDS)
    # the ratio of density and distribution, free of underflow far below zero
    there = spread * (height + np.exp(-0.5 * height**2 - below) / math.sqrt(2.0 * math.pi))
    return np.maximum(there, 0.0) / (1.0 + np.exp(-odds))
