"""Tikhonov deconvolution of one image."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from sigden.errors import ParameterError
from sigden.multiband.data.observation import Observation
from sigden.multiband.single.base import SingleImage, chi2
from sigden.multiband.single.padded import PaddedProblem
from sigden.operators import Diagonal
from sigden.solvers import ConjugateGradient, LeastSquares, Solution, solve

__all__ = ["Tikhonov"]


@dataclass(frozen=True, kw_only=True)
class Tikhonov(SingleImage):
    """Tikhonov deconvolution of one image, regularised until the residual is as large as the noise.

    Parameters
    ----------
    target_fwhm : float, default 0.2
        FWHM in arcsec of the Gaussian PSF of the estimate (effective, pixel included).
    max_iter : int, default 200
        Largest number of conjugate gradient steps of each solve.
    regularization : float or None, default None
        Weight of the squared norm of the scene over the largest gain of the data term, in (0, 1); by default
        the discrepancy principle chooses it.
    tolerance : float, default 1e-3
        Relative residual of the normal equations at which a solve stops.

    Notes
    -----
    The scene x minimises

    .. math:: \\tfrac12 \\sum_i w_i (A x - y)_i^2 + \\tfrac{\\lambda}{2} \\|x\\|^2

    with the inverse variances w, zero at masked pixels and beyond the image. The scene has a margin of half
    a PSF about the grid, for the light of sources beyond the border. The discrepancy principle takes the
    largest of a ladder of weights at which the mean squared standardised residual is at most one, or its
    smallest one, 1e-6, if none does.

    References
    ----------
    .. [1] A. N. Tikhonov and V. Y. Arsenin, "Solutions of ill-posed problems" (Winston, 1977), chapter II.
    .. [2] V. A. Morozov, "On the solution of functional equations by the method of regularization", Soviet
       Math. Dokl. 7 (1966), 414.
    """

    regularization: float | None = None
    tolerance: float = 1e-3

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.regularization is not None and not 0 < self.regularization < 1:
            raise ParameterError(f"regularization: must be in (0, 1), got {self.regularization}")
        if not 0 < self.tolerance < 1:
            raise ParameterError(f"tolerance: must be in (0, 1), got {self.tolerance}")

    def _scene(self, problem: PaddedProblem, observation: Observation) -> tuple[Solution, Any]:
        root = np.sqrt(problem.weight)
        operator = Diagonal(root) @ problem.operator
        gain = operator.norm_bound() ** 2
        ladder = (
            [float(v) for v in np.logspace(-0.5, -6.0, 23)]
            if self.regularization is None
            else [self.regularization]
        )
        scene = None
        for value in ladder:
            system = LeastSquares(operator, root * problem.data, damping=value * gain)
            solution = solve(ConjugateGradient(), system, scene, max_iter=self.max_iter, tol=self.tolerance)
            scene = solution.estimate
            if chi2(problem, scene) <= 1.0:
                break
        return replace(solution, details={**solution.details, "regularization": value}), scene
