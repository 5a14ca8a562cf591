"""Likelihood ratio and posterior mean of a coefficient, given the amplitude of its chirp."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np

__all__ = ["LOUDEST", "PER_UNIT", "Tables", "tables"]

PER_UNIT = 32
LOUDEST = 127.0  # |c| at which the tables end
_SMALLEST_AMPLITUDE = 1.2
_AMPLITUDES = 9  # a factor sqrt 2 apart, the step from one length of window to the next
_SLAB = 1e4


class Tables:
    """Functions of ``|c| = i / PER_UNIT`` for every amplitude, float32, shape (amplitudes, entries).

    Attributes
    ----------
    logarithm : numpy.ndarray
        Tempered logarithm of the likelihood ratio to noise.
    ratio : numpy.ndarray
        Its exponential, infinite values clipped; for quiet slices.
    mean : numpy.ndarray
        Posterior mean of the signal over the coefficient.
    square : numpy.ndarray
        Posterior mean square of the signal.
    """

    def __init__(self, temper: float) -> None:
        from scipy.special import ive

        r = np.maximum(np.arange(round(LOUDEST * PER_UNIT) + 1) / PER_UNIT, 1e-4)[None]
        a = _SMALLEST_AMPLITUDE * np.sqrt(2.0) ** np.arange(_AMPLITUDES)[:, None]
        x = 2.0 * a * r
        rice = -a * a + x + np.log(ive(0, x))
        phase = a * ive(1, x) / (ive(0, x) * r)
        g = _SLAB / (1.0 + _SLAB)
        log = temper * np.concatenate([rice, g * r * r - np.log(1.0 + _SLAB)])
        self.logarithm = log.astype(np.float32)
        self.ratio = np.exp(np.minimum(log, 80.0)).astype(np.float32)
        self.mean = np.concatenate([phase, np.full_like(r, g)]).astype(np.float32)
        self.square = np.concatenate([a * a + 0.0 * r, g + (g * r) ** 2]).astype(np.float32)

    @property
    def prior(self) -> Any:
        """Prior of the amplitudes, uniform."""
        count = len(self.ratio)
        return np.full(count, 1.0 / count)


@lru_cache(maxsize=8)
def tables(temper: float) -> Tables:
    """Tables, made once for each temper."""
    return Tables(temper)
