"""Wiener deconvolution of one image."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from sigden.errors import ParameterError
from sigden.multiband.data.observation import Observation
from sigden.multiband.data.power import observed_power
from sigden.multiband.single.base import SingleImage
from sigden.multiband.single.padded import PaddedProblem
from sigden.operators import CircularConvolve, Diagonal
from sigden.solvers import ConjugateGradient, LeastSquares, Solution, solve

__all__ = ["WienerDeconvolution"]


@dataclass(frozen=True, kw_only=True)
class WienerDeconvolution(SingleImage):
    """Wiener deconvolution of one image: the posterior mean under a Gaussian prior measured in it.

    Parameters
    ----------
    target_fwhm : float, default 0.2
        FWHM in arcsec of the Gaussian PSF of the estimate (effective, pixel included).
    max_iter : int, default 200
        Largest number of conjugate gradient steps.
    strength : float, default 1.0
        Factor on the prior power; more than one smooths less.
    tolerance : float, default 1e-3
        Relative residual of the normal equations at which the solver stops.

    Notes
    -----
    The power spectrum S of the scene is the falling curve that `scene_power` measures in the image, carried
    on as a power law beyond the frequencies of its pixels. The scene is ``x = S^(1/2) z`` with the z that
    minimises

    .. math:: \\tfrac12 \\sum_i w_i (A S^{1/2} z - y)_i^2 + \\tfrac12 \\|z\\|^2.

    That is the classical Wiener filter where the noise is uniform and borders are periodic, and what takes
    its place under masks, noise maps and borders: the scene has a margin of half a PSF about the grid, for
    the light of sources beyond the border.

    References
    ----------
    .. [1] N. Wiener, "Extrapolation, interpolation, and smoothing of stationary time series" (MIT Press,
       1949), chapter III.
    .. [2] G. B. Rybicki and W. H. Press, "Interpolation, realization, and reconstruction of noisy,
       irregularly sampled data", Astrophys. J. 398 (1992), 169, section 2.
    """

    strength: float = 1.0
    tolerance: float = 1e-3

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 0 < self.strength < math.inf:
            raise ParameterError(f"strength: must be positive and finite, got {self.strength}")
        if not 0 < self.tolerance < 1:
            raise ParameterError(f"tolerance: must be in (0, 1), got {self.tolerance}")

    def _scene(self, problem: PaddedProblem, observation: Observation) -> tuple[Solution, Any]:
        power = observed_power(observation, problem.grid.scale)
        amplitude = np.sqrt(self.strength * power.on(problem.grid.shape, problem.grid.scale))
        prior = CircularConvolve.from_transfer(amplitude.astype(complex), problem.grid.shape)
        root = np.sqrt(problem.weight)
        system = LeastSquares(Diagonal(root) @ problem.operator @ prior, root * problem.data, damping=1.0)
        solution = solve(ConjugateGradient(), system, max_iter=self.max_iter, tol=self.tolerance)
        return solution, prior(solution.estimate)
