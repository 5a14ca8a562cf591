"""Errors of any multiband method by repeating it on new draws of the noise."""

from __future__ import annotations

import inspect
import math
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from sigden.arrays import is_numpy, namespace
from sigden.errors import InputError, ParameterError
from sigden.method import Method
from sigden.multiband.data.grid import Grid
from sigden.multiband.data.observation import Observation, check_observations
from sigden.multiband.data.response import Response
from sigden.multiband.data.result import MultibandResult
from sigden.multiband.predict import predict

__all__ = ["bootstrap", "called", "repeats", "with_errors"]


def bootstrap(
    method: Method,
    observations: Sequence[Observation],
    grid: Grid,
    *,
    response: Response,
    draws: int = 20,
    seed: int = 0,
) -> MultibandResult:
    r"""Estimate of a method with error maps measured by parametric bootstrap.

    Parameters
    ----------
    method : Method
        Any method that takes observations, grid and response and returns a `MultibandResult`.
    observations : sequence of Observation
        Images of one scene, with their noise levels; NumPy arrays.
    grid : Grid
        Pixel grid of the estimate.
    response : mapping
        Weight of each band in every wide band, ``{"VIS": {"r": 0.38, "i": 0.35, "z": 0.27}}``.
    draws : int, optional
        Repetitions, at least two. The relative error of an error map is ``1 / sqrt(2 draws)``: 16 per cent
        for 20.
    seed : int, optional
        Of the noise; the same seed gives the same maps.

    Returns
    -------
    MultibandResult
        Estimate of the method. `uncertainty` is the standard deviation of every pixel over the draws,
        `noise_covariance` the covariance between bands, averaged over the pixels, and
        ``details["bootstrap"]`` holds ``draws``, ``seed`` and ``bias``, the mean of the repetitions minus
        the estimate: what the method would lose of a scene like its estimate.

    Raises
    ------
    InputError
        If the observations do not fit, or the method returns no `MultibandResult`.
    ParameterError
        If `draws` is less than two, or an observation has no noise level.

    Notes
    -----
    The estimate is sharpened from the target PSF to the scene, observed again with the forward operator of
    each observation, and Gaussian noise of the observation's own level is added; the method runs on these
    data with all that it estimates from data [1]_. For a linear method this measures the propagated noise. A
    method that measures a prior in its data finds a scene like its estimate smoother than the real one: in
    simulated scenes the maps of `JointWiener` and `LocalColour` are 10 to 13 per cent low, those of
    `JointSparse` and `JointGradient` 0 to 6. The wide band of the repetitions is exactly the mixture: the
    error of the model is not in the maps, as it is in those of `JointWiener` and `JointSparse` themselves.

    References
    ----------
    .. [1] B. Efron and R. J. Tibshirani, "An introduction to the bootstrap" (Chapman and Hall, 1993), section
       6.5.
    """
    if draws < 2:
        raise ParameterError(f"draws: must be at least 2, got {draws}")
    result = called(method, observations, grid, response)
    found = repeats(method, result, observations, grid, response, draws=draws, seed=seed)
    return with_errors(result, np.stack(list(found)), draws=draws, seed=seed)


def called(
    method: Method, observations: Sequence[Observation], grid: Grid, response: Response
) -> MultibandResult:
    """Result of a method that must be one of several bands."""
    if "response" not in inspect.signature(type(method).__call__).parameters:
        raise ParameterError(f"{method.name()} does not take observations, grid and response")
    run: Any = method
    result = run(observations, grid, response=response)
    if not isinstance(result, MultibandResult):
        raise ParameterError(f"{method.name()} gives no MultibandResult but {type(result).__name__}")
    return result


def repeats(
    method: Method,
    result: MultibandResult,
    observations: Sequence[Observation],
    grid: Grid,
    response: Response,
    *,
    draws: int,
    seed: int,
) -> Iterator[Any]:
    """Estimates from data drawn anew, one after the other."""
    observations = check_observations(observations)
    if not all(is_numpy(namespace(o.image)) for o in observations):
        raise InputError("bootstrap needs NumPy arrays; move the observations to the host")
    expected = predict(result, observations, response)
    rng = np.random.default_rng(seed)
    for _ in range(draws):
        again = [_drawn(o, image, rng) for o, image in zip(observations, expected, strict=True)]
        yield called(method, again, grid, response).estimate


def with_errors(result: MultibandResult, found: Any, **record: Any) -> MultibandResult:
    """Result with the errors that repetitions, shape (draws, bands, rows, columns), show."""
    # squares of single precision may leave its range
    mean = np.mean(found, axis=0, dtype=np.float64)
    error = found - mean
    covariance = np.einsum("nbrc,ndrc->bd", error, error)
    covariance /= (len(found) - 1) * math.prod(mean.shape[1:])
    return replace(
        result,
        uncertainty=np.std(found, axis=0, ddof=1, dtype=np.float64).astype(found.dtype),
        noise_covariance=covariance,
        details={**result.details, "bootstrap": {**record, "bias": mean - result.estimate}},
    )


def _drawn(observation: Observation, expected: Any, rng: np.random.Generator) -> Observation:
    """Observation with data as the expected image and the noise would give them."""
    weight = np.asarray(observation.weight)
    error = np.where(weight > 0, 1.0 / np.sqrt(np.where(weight > 0, weight, 1.0)), 0.0)
    values = expected + error * rng.standard_normal(observation.shape)
    image = values / observation.flux_factor + observation.background
    return replace(observation, image=image.astype(observation.image.dtype))
