"""Single precision far from one: images in a unit of about their noise, and back."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import wraps
from typing import Any

import numpy as np

from sigden.arrays import is_numpy, namespace
from sigden.multiband.data.observation import Observation, check_observations
from sigden.multiband.data.result import MultibandResult
from sigden.multiband.joint.scene_light import SceneLight

__all__ = ["in_unit", "in_unit_of_data", "in_unit_of_noise", "unit_exponent"]

_SAFE = 20
"""Powers of two about one within which the fourth powers of noise and of bright sources fit float32."""
_FLUXES = ("wiener", "wide")
"""Entries of a result's details that are images in the unit of the data."""


def in_unit_of_noise(call: Callable[..., MultibandResult]) -> Callable[..., MultibandResult]:
    """Call of a joint method that is served images in a unit of about their noise, where that matters.

    Parameters
    ----------
    call : callable
        ``call(self, observations, grid, *, response)`` of a method that is equivariant under a change of
        the unit; a keyword of a `SceneLight` may follow.

    Returns
    -------
    callable
        The same, for images in any unit.
    """

    @wraps(call)
    def served(
        self: Any,
        observations: Sequence[Observation],
        grid: Any,
        *,
        response: Any,
        **light: SceneLight | None,
    ) -> MultibandResult:
        exponent = unit_exponent(check_observations(observations))
        if not exponent:
            return call(self, observations, grid, response=response, **light)
        scaled = [in_unit(o, exponent) for o in observations]
        seen = {name: value and value.scaled(4.0**-exponent) for name, value in light.items()}
        return in_unit_of_data(call(self, scaled, grid, response=response, **seen), exponent)

    return served


def unit_exponent(observations: Sequence[Observation]) -> int:
    """Power of two that takes the noise to about one, or 0 where that changes nothing.

    Parameters
    ----------
    observations : sequence of Observation
        Images of one scene.

    Returns
    -------
    int
        Exponent of the unit; 0 for double precision, or noise not far from one.
    """
    first = observations[0]
    if not is_numpy(namespace(first.image)) or all(o.image.dtype != np.float32 for o in observations):
        return 0
    if first.sigma is None and first.variance is None:
        return 0
    level = first.uniform_sigma
    if level is None:
        variance = np.asarray(first.noise_variance)
        known = variance[np.isfinite(variance) & (variance > 0)]
        level = math.sqrt(float(np.median(known))) if known.size else 1.0
    exponent = math.frexp(level)[1]
    return exponent if abs(exponent) > _SAFE else 0


def in_unit(observation: Observation, exponent: int) -> Observation:
    """The same observation, its fluxes divided by a power of two, which rounds nothing."""

    def scaled(value: Any, power: int) -> Any:
        if value is None:
            return None
        return math.ldexp(value, -power) if isinstance(value, float) else np.ldexp(value, -power)

    return replace(
        observation,
        image=scaled(observation.image, exponent),
        sigma=scaled(observation.sigma, exponent),
        variance=scaled(observation.variance, 2 * exponent),
        background=scaled(observation.background, exponent),
    )


def in_unit_of_data(result: MultibandResult, exponent: int) -> MultibandResult:
    """Result of observations that `in_unit` has divided, in their own unit."""
    fluxes = {name: np.ldexp(image, exponent) for name, image in result.details.items() if name in _FLUXES}
    return replace(
        result,
        estimate=np.ldexp(result.estimate, exponent),
        uncertainty=np.ldexp(result.uncertainty, exponent),
        noise_covariance=np.ldexp(result.noise_covariance, 2 * exponent),
        details={**result.details, **fluxes},
    )
