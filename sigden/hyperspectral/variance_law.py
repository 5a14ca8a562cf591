"""Law of the noise: whether it grows with the signal, and how in each band."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from sigden.arrays import device_of, namespace
from sigden.hyperspectral.model import LowRank
from sigden.hyperspectral.order import median, quantiles, shares
from sigden.hyperspectral.stabilise import Stabiliser
from sigden.hyperspectral.table import Table

__all__ = ["variance_law"]

_ERRORS = 6.0  # standard errors that the slope must show
_EFFECT = 0.25  # growth of the variance from the darkest to the brightest pixels, relative to its mean
_ENDS = 0.02, 0.98  # quantiles of the signal between which the pixels decide
_ROUNDS = 2
_LEAST = 0.05  # noise variance of a pixel that is assumed at least, relative to the mean
_CLASSES = 16
_LEAST_IN_CLASS = 32
_ALIKE = 0.25  # relative scatter of the gains of the bands up to which they are one
_NO_BASE = 0.1  # part of the variance below which there is none but photon noise
_TRIM = 6.0
_CLIPS = 4


def variance_law(
    pixels: Table, model: LowRank, flags: Table | None, refit: Callable[[], LowRank]
) -> Stabiliser | None:
    """Signal dependence of the noise, if the data show it.

    Parameters
    ----------
    pixels : Table
        Spectra; where the noise depends on them they are changed for a while, and are the same after but for
        rounding.
    model : LowRank
        Their model.
    flags : Table, optional
        Not zero where a sample is a prediction.
    refit : callable
        Model of the spectra as they are in the table.

    Returns
    -------
    Stabiliser or None
        One law for each band; None without evidence.

    Notes
    -----
    First the squared residual of each pixel, summed over bands in units of their noise, is regressed on its
    signal: the slope must exceed six standard errors and matter. Each spectrum is then divided by the noise
    level that the line gives it, and the model is fitted again, twice: noise of bright pixels that rises
    above the mean noise would pass for directions of the signal. Last, in every band, the pixels are put in
    classes of similar signal, and a line is fitted to the variance of the residual against the mean of the
    data. The classes are those of the prediction's mean over 3 x 3 pixels, which hardly knows the noise of a
    sample: what it fails to tell apart makes the classes more alike, but no line steeper or flatter.
    """
    relative = None
    for _ in range(_ROUNDS):
        level = _pixel_level(pixels, model, flags, relative)
        if level is None:
            break
        _scale(pixels, 1 / level if relative is None else relative / level)
        relative = level
        model = refit()
    if relative is None:
        return None
    classes = _classes(pixels, model, flags, relative)
    _scale(pixels, relative)
    return _fit_lines(classes, len(pixels))


def _scale(pixels: Table, factor: Any) -> None:
    """Multiply every spectrum by a number of its own."""

    def change(where: slice, spectra: Any) -> None:
        spectra *= namespace(spectra).astype(factor[where, None], spectra.dtype)

    pixels.update(change)


def _pixel_level(pixels: Table, model: LowRank, flags: Table | None, relative: Any) -> Any:
    """Noise level of each pixel, shape (pixels,); None where it does not depend on the signal."""
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
    variance = xp.ones_like(energy)
    if relative is not None:
        variance = relative**2
        energy, signal = energy * variance, signal * relative
    low, high = quantiles(signal, _ENDS)
    # nor must the brightest few, each of which may be a direction of its own
    inside = xp.astype((signal >= low) & (signal <= high), xp.float64)
    weights = inside / variance**2
    total = float(xp.sum(weights))
    centre, height = float(weights @ signal) / total, float(weights @ energy) / total
    deviation = signal - centre
    spread = float(weights @ deviation**2)
    if spread <= 0:
        return None
    slope = float((weights * deviation) @ energy) / spread
    line = height + slope * deviation
    average = float(xp.mean(line))
    if relative is None:
        scatter = math.sqrt(float(weights @ (energy - line) ** 2) / total)
        low, high = quantiles(signal, (0.05, 0.95))
        if slope <= _ERRORS * scatter / math.sqrt(spread) or slope * (high - low) <= _EFFECT * average:
            return None
    if slope <= 0 or average <= 0:
        return relative
    return xp.sqrt(xp.maximum(line / average, xp.full_like(line, _LEAST)))


def _classes(pixels: Table, model: LowRank, flags: Table | None, relative: Any) -> Any:
    """Mean signal and variance of the residual in classes of each band, shape (2, bands, classes)."""
    out = np.full((2, pixels.shape[2], _CLASSES), np.nan)
    leverage = np.minimum(np.sum(model.space.basis**2, axis=1), 0.9)
    for first, last in pixels.groups():
        values = pixels.bands(first, last)
        residuals = model.left_out(values, first)
        known = None if flags is None else flags.bands(first, last) == 0
        xp = namespace(values)
        for b in range(first, last):
            residual, value = (
                xp.astype(part[b - first, :], xp.float64) * relative for part in (residuals, values)
            )
            order = _surroundings(value - residual, pixels.shape[:2])
            if known is not None:
                kept = known[b - first, :]
                residual, value, order = residual[kept], value[kept], order[kept]
            if model.space.sigma[b] > 0 and residual.shape[0] >= _CLASSES * _LEAST_IN_CLASS:
                signal, variance = _by_class(residual, value, order)
                out[:, b] = signal, variance * (1 - leverage[b])
    return out


def _surroundings(image: Any, shape: tuple[int, int]) -> Any:
    """Sum of the 3 x 3 pixels around each; the border is repeated."""
    xp = namespace(image)
    image = xp.reshape(image, shape)
    for _ in range(2):
        ends = image[:1, :], image[-1:, :]
        image = image + xp.concat([ends[0], image[:-1, :]]) + xp.concat([image[1:, :], ends[1]])
        image = xp.permute_dims(image, (1, 0))
    return xp.reshape(image, (-1,))


def _by_class(residual: Any, value: Any, key: Any) -> tuple[Any, Any]:
    """Mean value and variance of the residual in classes of equal number, without outliers."""
    xp = namespace(residual)
    order = xp.argsort(key, stable=True)
    mean, variance = np.empty(_CLASSES), np.empty(_CLASSES)
    for k, (start, stop) in enumerate(shares(order.shape[0], _CLASSES)):
        part = order[start:stop]
        r, signal = xp.take(residual, part, axis=0), xp.take(value, part, axis=0)
        for _ in range(_CLIPS):
            inside = r**2 <= _TRIM**2 * float(xp.mean(r**2))
            if bool(xp.all(inside)):
                break
            r, signal = r[inside], signal[inside]
        mean[k], variance[k] = float(xp.mean(signal)), float(xp.mean(r**2))
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
        # but not in bands that show it does not hold there
        seen = np.isfinite(error) & ~((gain < 0.5 * common) & (gain < common - _ERRORS * error))
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
