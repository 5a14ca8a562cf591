"""How far noise alone reaches: it depends on how many places are looked at."""

from __future__ import annotations

import numpy as np

__all__ = ["chance_level", "sample_step"]

_ONCE_IN = 100
_STEP = 10  # every so manieth sample of a large image tells its spread
_ENOUGH = 8192


def chance_level(number: int, least: float) -> float:
    """Size that the largest of so many samples of unit Gaussian noise exceeds once in a hundred cubes.

    Parameters
    ----------
    number : int
        Independent samples.
    least : float
        Level below which it does not go: noise is not as Gaussian as that.

    Returns
    -------
    float
        In noise levels.
    """
    from scipy.special import ndtri

    return max(least, -float(ndtri(0.5 / (_ONCE_IN * max(number, 1)))))


def sample_step(number: int) -> int:
    """Step through so many samples whose median size tells their spread.

    Notes
    -----
    The median size of n samples tells the level to :math:`1.2 / \\sqrt n`, and an error there changes the
    number of samples beyond four levels by seventeen times as much: of large images a tenth is looked at, so
    that this stays below the fluctuation of that number.
    """
    return int(np.clip(number // _ENOUGH, 1, _STEP))
