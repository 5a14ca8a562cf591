"""Stabilised variance: noise that grows with the signal made uniform, and the way back."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from sigden.arrays import namespace
from sigden.hyperspectral.beside import beside, columns_of, put_columns
from sigden.hyperspectral.gram import chunks

__all__ = ["Stabiliser"]

_CHUNK = 8192
_ROOT = math.sqrt(1.5)


@dataclass(frozen=True, eq=False)
class Stabiliser:
    """Generalised Anscombe transform of every band.

    Parameters
    ----------
    gain : ndarray, shape (bands,)
        Variance of the noise per unit of signal; 0 leaves a band as it is.
    base : ndarray, shape (bands,)
        Variance of the noise where the signal is zero.

    Notes
    -----
    With the variance :math:`a x + b` the transform :math:`f(y) = 2 \\sqrt{y / a + b / a^2 + 3/8}` has
    nearly unit variance. The way back is the closed form of the exact unbiased inverse [1]_,

    .. math:: \\frac{x}{a} = \\frac{D^2}{4} + \\frac14 \\sqrt{\\frac32} D^{-1} - \\frac{11}{8} D^{-2}
              + \\frac58 \\sqrt{\\frac32} D^{-3} - \\frac18 - \\frac{b}{a^2} .

    References
    ----------
    .. [1] M. Makitalo and A. Foi, "Optimal inversion of the generalized Anscombe transformation for
       Poisson-Gaussian noise", IEEE Trans. Image Process. 22 (2013) 91, section IV.
    """

    gain: Any
    base: Any

    def forward(self, pixels: Any) -> None:
        """Transform spectra, shape (pixels, bands), in place."""
        used = self.gain > 0
        xp, gain = namespace(pixels), self.gain[used]
        a, b = beside(gain, pixels), beside(self.base[used] / gain**2, pixels) + 0.375
        for part in chunks(pixels, _CHUNK):
            put_columns(part, used, 2 * xp.sqrt(xp.maximum(columns_of(part, used) / a + b, 0.0)))

    def inverse(self, pixels: Any) -> None:
        """Transform back in place."""
        used = self.gain > 0
        xp, gain = namespace(pixels), self.gain[used]
        a, b = beside(gain, pixels), beside(self.base[used] / gain**2, pixels)
        least = 2 * math.sqrt(0.375)  # of no light: the inverse is zero there
        for part in chunks(pixels, _CHUNK):
            d = xp.maximum(columns_of(part, used), least)
            r = 1 / d
            x = d * d / 4 + r * (_ROOT / 4 + r * (-11 / 8 + r * (5 / 8 * _ROOT))) - 0.125
            put_columns(part, used, a * (x - b))

    def undo(self, pixels: Any) -> None:
        """Take `forward` back in place: the data again, not an estimate of their mean."""
        used = self.gain > 0
        gain = self.gain[used]
        a, b = beside(gain, pixels), beside(self.base[used] / gain**2, pixels) + 0.375
        for part in chunks(pixels, _CHUNK):
            put_columns(part, used, a * (columns_of(part, used) ** 2 / 4 - b))

    def bound(self, pixels: Any) -> None:
        """Raise estimates in place to where the noise would vanish: there is no less light."""
        used = self.gain > 0
        least = beside(-self.base[used] / self.gain[used], pixels)
        for part in chunks(pixels, _CHUNK):
            put_columns(part, used, namespace(part).maximum(columns_of(part, used), least))

    def variance(self, pixels: Any) -> Any:
        """Variance of the noise of samples with these means, shape (pixels, bands)."""
        return beside(self.gain, pixels) * pixels + beside(self.base, pixels)

    def slope(self, pixels: Any) -> Any:
        """Derivative of the way back at data in the original unit, shape (pixels, bands)."""
        used = self.gain > 0
        xp = namespace(pixels)
        out = xp.ones_like(pixels)
        a, b, least = (
            beside(part, pixels, np.float64)
            for part in (self.gain[used], self.base[used], 0.375 * self.gain[used] ** 2)
        )
        variance = xp.maximum(a * xp.astype(columns_of(pixels, used), xp.float64) + b, least)
        put_columns(out, used, xp.astype(xp.sqrt(variance), pixels.dtype))
        return out
