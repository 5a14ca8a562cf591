"""Stabilised variance: noise that grows with the signal made uniform, and the way back."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from sigden.arrays import device_of, namespace
from sigden.hyperspectral.beside import beside, columns_of, put_columns
from sigden.hyperspectral.gram import chunks
from sigden.hyperspectral.model import LowRank
from sigden.hyperspectral.order import median, quantiles, shares
from sigden.hyperspectral.table import Table

__all__ = ["Stabiliser", "variance_law"]

_ERRORS = 6.0  # standard errors that the slope must show
_EFFECT = 0.25  # growth of the variance from the darkest to the brightest pixels, relative to its mean
_CLASSES = 16
_LEAST_IN_CLASS = 32
_ALIKE = 0.25  # relative scatter of the gains of the bands up to which they are one
_NO_BASE = 0.1  # part of the variance below which there is none but photon noise
_TRIM = 4.0
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


def variance_law(pixels: Table, model: LowRank, flags: Table | None = None) -> Stabiliser | None:
    """Signal dependence of the noise, if the data show it.

    Parameters
    ----------
    pixels : Table
        Spectra.
    model : LowRank
        Their model.
    flags : Table, optional
        Not zero where a sample is a prediction.

    Returns
    -------
    Stabiliser or None
        One law for each band; None without evidence.

    Notes
    -----
    First the squared residual of each pixel, summed over bands in units of their noise, is regressed on its
    signal: the slope must exceed six standard errors and matter. Then, in every band, the trimmed variance of
    the residual in classes of similar signal is fitted by a line.
    """
    if not _depends(pixels, model, flags):
        return None
    classes = np.full((2, pixels.shape[2], _CLASSES), np.nan)
    leverage = np.minimum(np.sum(model.space.basis**2, axis=1), 0.9)
    for first, last in pixels.groups():
        values = pixels.bands(first, last)
        residuals = model.left_out(values, first)
        known = None if flags is None else flags.bands(first, last) == 0
        xp = namespace(values)
        for b in range(first, last):
            residual, value = residuals[b - first, :], values[b - first, :]
            if known is not None:
                kept = known[b - first, :]
                residual, value = residual[kept], value[kept]
            residual = xp.astype(residual, xp.float64)
            if model.space.sigma[b] > 0 and residual.shape[0] >= _CLASSES * _LEAST_IN_CLASS:
                signal, variance = _by_class(residual, xp.astype(value, xp.float64) - residual)
                classes[:, b] = signal, variance * (1 - leverage[b])
    return _fit_lines(classes, len(pixels))


def _depends(pixels: Table, model: LowRank, flags: Table | None) -> bool:
    space = model.space
    alive = space.sigma > 0
    weight = np.where(alive, 1 / np.where(alive, space.sigma, 1), 0)
    light, scale = pixels.beside(weight**2 / np.sum(weight**2)), pixels.beside(weight)
    back, mean = pixels.beside(space.backward()), pixels.beside(space.mean)
    xp = namespace(mean)
    energy, signal = (xp.empty(len(pixels), dtype=xp.float64, device=device_of(mean)) for _ in range(2))
    seen = float(max(alive.sum() - space.rank, 1))
    for (where, part), (_, inner) in zip(pixels.pieces(), model.coefficients.pieces(), strict=True):
        predicted = inner @ back + mean
        residual = (part - predicted) * scale
        energy[where] = xp.astype(xp.vecdot(residual, residual) / seen, xp.float64)
        signal[where] = xp.astype(predicted @ light, xp.float64)
    if flags is not None:
        for where, marks in flags.pieces():
            left = seen - xp.astype(xp.count_nonzero(marks, axis=1), xp.float64)
            energy[where] *= seen / xp.maximum(left, 1.0)
    # a few pixels that the model misses must not make the slope
    energy = xp.minimum(energy, 4 * float(median(energy)))
    deviation = signal - xp.mean(signal)
    spread = float(deviation @ deviation)
    if spread <= 0:
        return False
    slope = float(deviation @ energy) / spread
    error = float(xp.std(energy - slope * deviation)) / math.sqrt(spread)
    low, high = quantiles(signal, (0.05, 0.95))
    return slope > _ERRORS * error and slope * (high - low) > _EFFECT * float(xp.mean(energy))


def _by_class(residual: Any, signal: Any) -> tuple[Any, Any]:
    """Mean signal and trimmed variance of the residual in classes of equal number."""
    xp = namespace(residual)
    order = xp.argsort(signal, stable=True)
    mean, variance = np.empty(_CLASSES), np.empty(_CLASSES)
    for k, (start, stop) in enumerate(shares(order.shape[0], _CLASSES)):
        part = order[start:stop]
        r = xp.take(residual, part, axis=0)
        level = float(median(xp.abs(r))) / 0.6745
        mean[k] = float(xp.mean(xp.take(signal, part, axis=0)))
        variance[k] = float(xp.mean(r[xp.abs(r) <= _TRIM * level] ** 2))
    return mean, variance


def _fit_lines(classes: Any, count: int) -> Stabiliser | None:
    """Lines through the variances of each band: one gain for all where they agree, else one for each."""
    bands = classes.shape[1]
    gain, error, base = np.zeros(bands), np.full(bands, np.inf), np.zeros(bands)
    for b in range(bands):
        x, v = classes[:, b]
        if np.isfinite(v).all() and v.max() > 0:
            gain[b], error[b], base[b] = _line(x, v, count / _CLASSES)
    found = gain > 3 * error
    if not found.any():
        return None
    common = _weighted_median(gain[found], 1 / error[found] ** 2)
    scatter = float(np.median(np.abs(gain[found] - common))) / 0.6745
    if scatter < _ALIKE * common:
        variance, signal = classes[1].mean(axis=1), classes[0].mean(axis=1)
        base = np.nan_to_num(variance - common * signal)
        seen = np.isfinite(error)
        if abs(float(np.median(base[seen] / variance[seen]))) < _NO_BASE:
            # photon noise alone: the line through zero, which dark bands depend on
            common, base = float(np.median(variance[seen] / signal[seen])), np.zeros(bands)
        return Stabiliser(np.where(seen, common, 0.0), base)
    return Stabiliser(np.where(found, gain, 0.0), base)


def _line(x: Any, v: Any, size: float) -> tuple[float, float, float]:
    """Gain, its standard error and base of variances `v` at signals `x`."""
    fitted = np.full(v.size, v.mean())
    for _ in range(4):  # weights of the fitted variance: those of the measured one favour low values
        weight = size / (2 * fitted**2)
        centre = float(np.average(x, weights=weight))
        spread = float(np.sum(weight * (x - centre) ** 2))
        if spread <= 0:
            return 0.0, math.inf, 0.0
        gain = float(np.sum(weight * (x - centre) * v)) / spread
        base = float(np.average(v, weights=weight)) - gain * centre
        fitted = np.maximum(gain * x + base, 0.02 * v.mean())
    return gain, 1 / math.sqrt(spread), base


def _weighted_median(values: Any, weight: Any) -> float:
    order = np.argsort(values)
    share = np.cumsum(weight[order])
    return float(values[order][np.searchsorted(share, share[-1] / 2)])
