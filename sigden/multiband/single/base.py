"""What the methods that deconvolve one image share."""

from __future__ import annotations

import math
from abc import abstractmethod
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np

from sigden.errors import ParameterError
from sigden.method import Method
from sigden.multiband.data.grid import Grid
from sigden.multiband.data.observation import Observation
from sigden.multiband.single.padded import PaddedProblem, padded_problem
from sigden.solvers import Solution

__all__ = ["SingleImage", "chi2"]


@dataclass(frozen=True, kw_only=True)
class SingleImage(Method):
    """Base of the methods that deconvolve one image."""

    axes: ClassVar[str] = "(rows, columns) -> (rows, columns)"

    target_fwhm: float = 0.2
    max_iter: int = 200

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 0 < self.target_fwhm < math.inf:
            raise ParameterError(f"target_fwhm: must be positive and finite, got {self.target_fwhm}")
        if self.max_iter < 1:
            raise ParameterError(f"max_iter: must be at least 1, got {self.max_iter}")

    def __call__(self, observation: Observation, grid: Grid) -> Any:
        """Estimate the scene at the target PSF.

        Parameters
        ----------
        observation : Observation
            Image with PSF and noise level; any pixels, masks and noise maps.
        grid : Grid
            Pixel grid of the estimate.

        Returns
        -------
        numpy.ndarray, shape `grid.shape`
            Flux per grid pixel at the target PSF.

        Raises
        ------
        InputError
            If the observation does not fit the grid.
        ParameterError
            If the observation has no noise level.
        """
        return self.solve(observation, grid).estimate

    def solve(self, observation: Observation, grid: Grid) -> Solution:
        """Estimate the scene, with the certificate of the solver.

        Parameters
        ----------
        observation : Observation
            Image with PSF and noise level.
        grid : Grid
            Pixel grid of the estimate.

        Returns
        -------
        Solution
            Estimate at the target PSF, why the solver stopped, in ``details["chi2"]`` the mean squared
            standardised residual of the pixels with data, and in ``details["scene"]`` the scene before any
            PSF.

        Raises
        ------
        InputError
            If the observation does not fit the grid.
        ParameterError
            If the observation has no noise level.
        """
        problem = padded_problem(observation, grid)
        solution, scene = self._scene(problem, observation)
        details = {**solution.details, "chi2": chi2(problem, scene), "scene": scene[problem.inside]}
        return replace(solution, estimate=problem.at_target(scene, self.target_fwhm), details=details)

    @abstractmethod
    def _scene(self, problem: PaddedProblem, observation: Observation) -> tuple[Solution, Any]:
        """Solution and the scene, before any PSF, with its margin."""


def chi2(problem: PaddedProblem, scene: Any) -> float:
    """Mean squared standardised residual of the pixels with data."""
    residual = problem.operator(scene) - problem.data
    return float(np.sum(problem.weight * residual**2) / np.sum(problem.known))
