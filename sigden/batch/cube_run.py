"""A method for cubes on a cube from a file: bad bands aside, variance in and out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from sigden.errors import InputError
from sigden.hyperspectral.base import CubeMethod
from sigden.io.cube_value import Cube
from sigden.method import provenance

__all__ = ["CubeRun", "run_cube"]


@dataclass(frozen=True, eq=False)
class CubeRun:
    """What a method made of a cube.

    Parameters
    ----------
    before, after : Cube
        Input, and the estimate with the variance of its noise where the method tells.
    result : CubeResult or CubeSolution
        What the method handed back for the bands that count.
    record : dict
        Provenance.
    """

    before: Cube
    after: Cube
    result: Any
    record: dict[str, Any]

    @property
    def sigma(self) -> Any:
        """Noise level of each band that counts, in the unit of the data."""
        found = getattr(self.result, "sigma", None)
        return np.asarray(self.result.details["sigma"] if found is None else found)


def run_cube(method: CubeMethod, cube: Cube, *, source: str = "") -> CubeRun:
    """Denoise a cube as its file describes it.

    Parameters
    ----------
    method : CubeMethod
        What to run.
    cube : Cube
        The data. Bad bands do not take part and come out as they are; samples that the mask or the variance
        leaves out are predicted by the method.
    source : str
        Name of the input, for the record.

    Returns
    -------
    CubeRun
        Estimate, result and record.

    Raises
    ------
    InputError
        If fewer than two bands count, or the method cannot use the data.
    """
    good = cube.good_bands
    if np.count_nonzero(good) < 2:
        raise InputError(f"{cube.name}: {np.count_nonzero(good)} bands are not bad; two are needed")

    def part(values: Any) -> Any:
        return values if values is None or good.all() else np.ascontiguousarray(values[..., good])

    values, mask, sigma = part(cube.values), part(cube.mask), None
    if cube.variance is not None:
        variance = part(cube.variance)
        # the method takes a level that is not finite as missing
        with np.errstate(invalid="ignore"):
            sigma = np.sqrt(np.where(variance > 0, variance, np.nan))
    result: Any = method.solve(values, sigma=sigma, mask=mask)
    left = result.variance()
    if good.all():
        estimate = result.estimate
    else:
        estimate = cube.values.copy()
        estimate[..., good] = result.estimate
        if left is not None:
            whole = np.full(cube.values.shape, np.nan, left.dtype)
            if cube.variance is not None:
                whole[...] = cube.variance
            whole[..., good] = left
            left = whole
    record = provenance(method, cube.values, sigma=sigma, mask=cube.mask)
    if source:
        record["input"] = source
    if not good.all():
        record["bad_bands"] = int(np.count_nonzero(~good))
    return CubeRun(cube, cube.with_values(estimate, left), result, record)
