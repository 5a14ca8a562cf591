"""Richardson-Lucy deconvolution of one image."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from sigden.errors import ParameterError
from sigden.multiband.data.observation import Observation
from sigden.multiband.single.base import SingleImage, chi2
from sigden.multiband.single.padded import PaddedProblem
from sigden.solvers import Solution, solve

__all__ = ["RichardsonLucy"]


@dataclass(frozen=True, kw_only=True)
class RichardsonLucy(SingleImage):
    """Richardson-Lucy deconvolution of one image, with background, borders and a stop at the noise.

    Parameters
    ----------
    target_fwhm : float, default 0.2
        FWHM in arcsec of the Gaussian PSF of the estimate (effective, pixel included).
    max_iter : int, default 200
        Largest number of steps.
    discrepancy : float, default 1.0
        Mean squared standardised residual at which the iteration stops.
    level : float, default 5.0
        Least level under the data, in standard deviations of each pixel's noise.

    Notes
    -----
    One step is

    .. math:: x \\leftarrow \\frac{x}{A^T m} \\, A^T \\! \\left[ m \\, \\frac{y + b}{A x + b} \\right]

    with m one at pixels with data and zero elsewhere. The scene has a margin of half a PSF about the grid;
    dividing by ``A^T m`` keeps borders and masked pixels from dimming or brightening what is next to them
    [3]_. The level b is the background that was taken off, or that of `level` where it is higher, so that
    data with noise about zero stay positive; what still falls below counts as zero.

    The certificate is ``max(0, chi2 / discrepancy - 1)`` with the mean squared standardised residual chi2;
    it is checked after every step, and zero ends the iteration.

    References
    ----------
    .. [1] W. H. Richardson, "Bayesian-based iterative method of image restoration", J. Opt. Soc. Am. 62
       (1972), 55.
    .. [2] L. B. Lucy, "An iterative technique for the rectification of observed distributions", Astron. J. 79
       (1974), 745.
    .. [3] M. Bertero and P. Boccacci, "A simple method for the reduction of boundary effects in the
       Richardson-Lucy approach to image deconvolution", Astron. Astrophys. 437 (2005), 369, section 3.
    """

    discrepancy: float = 1.0
    level: float = 5.0

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in ("discrepancy", "level"):
            value = getattr(self, name)
            if not 0 < value < math.inf:
                raise ParameterError(f"{name}: must be positive and finite, got {value}")

    def _scene(self, problem: PaddedProblem, observation: Observation) -> tuple[Solution, Any]:
        task = _Counts.of(problem, self.level, self.discrepancy)
        solution = solve(_Multiplicative(), task, max_iter=self.max_iter, tol=0.0, check_every=1)
        return solution, solution.estimate


_LEAST_SEEN = 1e-2
"""Part of the largest exposure below which a pixel of the margin stays dark."""


@dataclass(frozen=True, eq=False)
class _Counts:
    """Problem of Richardson-Lucy: data over a positive level."""

    problem: PaddedProblem
    known: Any
    counts: Any
    level: Any
    exposure: Any
    discrepancy: float

    @classmethod
    def of(cls, problem: PaddedProblem, level: float, discrepancy: float) -> _Counts:
        known = problem.known
        error = np.where(known, 1.0 / np.sqrt(np.where(known, problem.weight, 1.0)), 0.0)
        base = np.where(known, np.maximum(problem.background, level * error), 1.0)
        counts = np.maximum(problem.data + base, 0.0)
        exposure = problem.operator.adjoint(known.astype(np.float64))
        return cls(problem, known, counts, base, exposure, discrepancy)


class _Multiplicative:
    """The iteration, as `solve` runs it; its state is the scene."""

    def init(self, problem: _Counts, x0: Any = None) -> Any:
        """Start at the data spread by the PSF: a flat start leaves light in the sky when it stops early."""
        seen = problem.exposure > _LEAST_SEEN * problem.exposure.max()
        data = problem.problem.data
        floor = 1e-3 * float(np.mean(problem.level[problem.known]))
        spread = problem.problem.operator.adjoint(data) / np.where(seen, problem.exposure, 1.0)
        start = np.where(seen, np.maximum(spread, floor), 0.0)
        total = max(float(data.sum()), floor * data.size)
        return start * (total / float(np.sum(problem.exposure * start)))

    def step(self, problem: _Counts, state: Any) -> Any:
        expected = np.maximum(problem.problem.operator(state), 0.0) + problem.level
        ratio = np.where(problem.known, problem.counts / expected, 0.0)
        exposure = np.where(state > 0, problem.exposure, 1.0)
        return state * np.maximum(problem.problem.operator.adjoint(ratio), 0.0) / exposure

    def gap(self, problem: _Counts, state: Any) -> float:
        return max(chi2(problem.problem, state) / problem.discrepancy - 1.0, 0.0)

    def estimate(self, problem: _Counts, state: Any) -> Any:
        return state

    def details(self, problem: _Counts, state: Any) -> Mapping[str, Any]:
        return {"certificate": "excess of chi2 over the discrepancy"}
