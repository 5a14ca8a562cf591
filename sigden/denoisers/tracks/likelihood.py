"""Likelihood ratio and posterior mean of a coefficient, given the amplitude of its chirp."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np

__all__ = ["AMPLITUDES", "LEAST_EXPONENT", "LOUDEST", "PER_UNIT", "Tables", "tables"]

PER_UNIT = 32
LOUDEST = 127.0  # |c| at which the tables end
_SMALLEST_AMPLITUDE = 1.2
_KNOWN = 9  # amplitudes a factor sqrt 2 apart, the step from one length of window to the next
AMPLITUDES = _KNOWN + 1  # the last stands for all larger ones
_SLAB = 1e4
LEAST_EXPONENT = -50.0  # smaller ones count as zero: products that float32 cannot hold are slow


class Tables:
    """Functions of ``|c| = i / PER_UNIT`` for every amplitude, float32, shape (entries, amplitudes).

    Attributes
    ----------
    logarithm : numpy.ndarray
        Tempered logarithm of the likelihood ratio to noise.
    ratio : numpy.ndarray
        Its exponential, infinite values clipped and the smallest set to zero; for quiet slices.
    mean : numpy.ndarray
        Posterior mean of the signal over the coefficient.
    square : numpy.ndarray
        Posterior mean square of the signal.
    """

    def __init__(self, temper: float) -> None:
        from scipy.special import ive

        r = np.maximum(np.arange(round(LOUDEST * PER_UNIT) + 1) / PER_UNIT, 1e-4)[:, None]
        a = _SMALLEST_AMPLITUDE * np.sqrt(2.0) ** np.arange(_KNOWN)
        x = 2.0 * a * r
        rice = -a * a + x + np.log(ive(0, x))
        phase = a * ive(1, x) / (ive(0, x) * r)
        g = _SLAB / (1.0 + _SLAB)
        log = temper * np.concatenate([rice, g * r * r - np.log(1.0 + _SLAB)], axis=1)
        self.logarithm = log.astype(np.float32)
        self.ratio = np.where(log > LEAST_EXPONENT, np.exp(np.minimum(log, 80.0)), 0.0).astype(np.float32)
        self.mean = np.concatenate([phase, np.full_like(r, g)], axis=1).astype(np.float32)
        self.square = np.concatenate([a * a + 0.0 * r, g + (g * r) ** 2], axis=1).astype(np.float32)

    @property
    def prior(self) -> Any:
        """Prior of the amplitudes, uniform."""
        return np.full(AMPLITUDES, 1.0 / AMPLITUDES, dtype=np.float32)


@lru_cache(maxsize=8)
def tables(temper: float) -> Tables:
    """Tables, made once for each temper."""
    return Tables(temper)
