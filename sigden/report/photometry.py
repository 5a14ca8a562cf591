"""Sources in the sharpest data, and their fluxes in data and estimate."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from sigden.metrics import aperture_flux
from sigden.multiband.data.geometry import footprint, grid_to_native, native_to_grid
from sigden.multiband.data.observation import Observation
from sigden.multiband.data.result import MultibandResult
from sigden.multiband.predict import predict

__all__ = ["Comparison", "Flux", "Source", "compare_fluxes", "detect"]

_SNR = 5.0
_SMALLEST = 5
_WIDTH = 1.5
_RADIUS = 1.0
_MOST = 200


@dataclass(frozen=True)
class Flux:
    """Flux of a source in one aperture, in data and model, and the noise of the data."""

    data: float
    model: float
    error: float


@dataclass(frozen=True, eq=False)
class Source:
    """A detected source.

    Parameters
    ----------
    row, column : float
        Centre in pixels of the grid.
    fluxes : mapping of str to Flux
        By band; without bands whose aperture is masked or leaves the image.
    """

    row: float
    column: float
    fluxes: Mapping[str, Flux]


@dataclass(frozen=True, eq=False)
class Comparison:
    """Data against what an estimate predicts for them.

    Parameters
    ----------
    predicted : list of array
        Predicted image of each observation.
    residuals : list of array
        Data less prediction in units of the noise, NaN where ignored.
    bands : tuple of str
        Bands of the observations, each once.
    sources : list of Source
        Brightest first.
    radius : float
        Of the apertures, arcsec.
    """

    predicted: list[Any]
    residuals: list[Any]
    bands: tuple[str, ...]
    sources: list[Source]
    radius: float = _RADIUS


def detect(observation: Observation) -> list[tuple[float, float]]:
    """Peaks above five times the noise of a smoothed image, none within an aperture of a brighter one.

    Parameters
    ----------
    observation : Observation
        Image with noise level.

    Returns
    -------
    list of tuple of float
        Row and column in pixels of the image, most significant first, at most 200.
    """
    from scipy import ndimage

    weight = np.asarray(observation.weight)
    values = np.asarray(observation.values, dtype=np.float64)
    smooth = ndimage.gaussian_filter(weight * values, _WIDTH, mode="constant")
    # the noise of a sum with the kernel's weights g is sqrt(sum g^2 w)
    kernel = np.zeros((17, 17))
    kernel[8, 8] = 1.0
    squares = ndimage.gaussian_filter(kernel, _WIDTH, mode="constant") ** 2
    noise = np.sqrt(ndimage.convolve(weight, squares, mode="constant"))
    signal = np.where(noise > 0, smooth / np.where(noise > 0, noise, 1.0), 0.0)
    labels, _ = ndimage.label(signal > _SNR)
    sizes = np.bincount(labels.ravel())
    reach = 2 * max(round(_RADIUS / observation.pixel_scale), 1) + 1
    peak = (signal > _SNR) & (signal == ndimage.maximum_filter(signal, reach)) & (sizes[labels] >= _SMALLEST)
    rows, columns = np.nonzero(peak)
    order = np.argsort(-signal[peak], kind="stable")[:_MOST]
    return [(float(rows[i]), float(columns[i])) for i in order]


def compare_fluxes(
    result: MultibandResult,
    observations: Sequence[Observation],
    response: Mapping[str, Mapping[str, float]],
) -> Comparison:
    """Compare data with what an estimate predicts for them.

    Parameters
    ----------
    result : MultibandResult
        The estimate.
    observations : sequence of Observation
        What it was made of.
    response : mapping
        Weight of each band in every wide band.

    Returns
    -------
    Comparison
        Predictions, residuals, and the fluxes of sources detected in the image with the smallest pixels, a
        wide band before others.
    """
    predicted = predict(result, observations, response)
    residuals = []
    for one, model in zip(observations, predicted, strict=True):
        weight = np.where(footprint(one, result.grid), np.asarray(one.weight), 0.0)
        residual = np.sqrt(weight) * (np.asarray(one.values) - model)
        residuals.append(np.where(weight > 0, residual, math.nan))
    sharpest = min(observations, key=lambda o: (o.pixel_scale, o.band not in response))
    found = detect(sharpest)
    sources = []
    for row, column in found:
        place = native_to_grid(sharpest, result.grid, row, column)
        at = float(place[0]), float(place[1])
        fluxes: dict[str, Flux] = {}
        for one, model in zip(observations, predicted, strict=True):
            if one.band not in fluxes and (flux := _flux(one, model, result, at)) is not None:
                fluxes[one.band] = flux
        if fluxes:
            sources.append(Source(*at, fluxes))
    bands = tuple(dict.fromkeys(o.band for o in observations))
    return Comparison(predicted, residuals, bands, sources)


def _flux(one: Observation, model: Any, result: MultibandResult, at: tuple[float, float]) -> Flux | None:
    place = grid_to_native(one, result.grid, *at)
    row, column = float(place[0]), float(place[1])
    radius = _RADIUS / one.pixel_scale
    rows, columns = one.shape
    reach = math.ceil(radius) + 1
    if not (reach <= row < rows - reach and reach <= column < columns - reach):
        return None
    box = (
        slice(round(row) - reach, round(row) + reach + 1),
        slice(round(column) - reach, round(column) + reach + 1),
    )
    inner = row - box[0].start, column - box[1].start
    weight = np.asarray(one.weight)[box]
    part = np.asarray(model)[box]
    if not (weight > 0).all() or not np.isfinite(part).all():
        return None
    data, modelled, variance = (
        float(aperture_flux(a, *inner, radius))
        for a in (np.asarray(one.values, dtype=np.float64)[box], part, 1.0 / weight)
    )
    return Flux(data, modelled, math.sqrt(variance))
