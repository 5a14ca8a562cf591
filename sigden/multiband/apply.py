"""One call for the joint methods and for those that deconvolve one image."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from sigden.errors import InputError, ParameterError
from sigden.multiband.data.grid import Grid
from sigden.multiband.data.observation import Observation, check_observations
from sigden.multiband.data.response import Response, check_response
from sigden.multiband.data.result import MultibandResult
from sigden.multiband.joint.scene_light import SceneLight
from sigden.multiband.single.base import SingleImage

__all__ = ["deconvolve", "require_multiband"]


def require_multiband(method: Any) -> None:
    """Refuse a method that does not take observations.

    Raises
    ------
    ParameterError
        Naming the method.
    """
    if not (isinstance(method, SingleImage) or hasattr(method, "target_fwhm")):
        name = method.name() if hasattr(method, "name") else type(method).__name__
        raise ParameterError(f"method: {name} takes no observations; JointSparse, JointWiener and others do")


def deconvolve(
    method: Any,
    observations: Sequence[Observation],
    grid: Grid,
    *,
    response: Response,
    light: SceneLight | None = None,
) -> MultibandResult:
    """Run a multiband method.

    Parameters
    ----------
    method : Method
        A joint method, or one that deconvolves a single image, which is then run on each narrow band alone.
    observations : sequence of Observation
        Images of one scene.
    grid : Grid
        Pixel grid of the estimate.
    response : mapping
        Weight of each band in every wide band.
    light : SceneLight, optional
        Power and colours of the field that this is a part of, for `JointWiener` and `JointSparse`.

    Returns
    -------
    MultibandResult
        Images at the target PSF. That of a single-image method has NaN for uncertainty and covariance, and
        its solutions in ``details["solutions"]``.

    Raises
    ------
    InputError
        If the observations do not fit the grid or each other, or a single-image method meets a band with
        several images.
    ParameterError
        If the method takes no observations, or the response is not of these observations.
    """
    require_multiband(method)
    if not isinstance(method, SingleImage):
        given_light = {} if light is None else {"light": light}
        return method(observations, grid, response=response, **given_light)
    given = check_observations(observations)
    bands = check_response(given, response)
    solutions = {}
    for band in bands:
        own = [o for o in given if o.band == band]
        if len(own) > 1:
            raise InputError(
                f"band {band!r}: {len(own)} images; {method.name()} takes one, the joint methods any number"
            )
        solutions[band] = method.solve(own[0], grid)
    estimate = np.stack([np.asarray(s.estimate) for s in solutions.values()])
    return MultibandResult(
        estimate=estimate,
        uncertainty=np.broadcast_to(math.nan, estimate.shape),
        noise_covariance=np.full((len(bands), len(bands)), math.nan),
        bands=bands,
        grid=grid,
        target_fwhm=method.target_fwhm,
        details={"solutions": solutions},
    )
