"""Starlet deconvolution of one image: sparse coefficients by FISTA."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from sigden.denoisers.starlet import StarletTransform, starlet
from sigden.denoisers.starlet.transform import checked_scales
from sigden.errors import ParameterError
from sigden.functionals import L1
from sigden.multiband.data.observation import Observation
from sigden.multiband.single.base import SingleImage
from sigden.multiband.single.padded import PaddedProblem
from sigden.operators import Diagonal, LinearOperator, norm_estimate, power_method
from sigden.solvers import FISTA, Composite, Smooth, Solution, solve
from sigden.solvers.fista import FISTAState

__all__ = ["StarletDeconvolution"]

_DRAWS = 4
_SCALING_STEPS = 10
_SLACK = 0.2
_PENALTY = 0.01
_LEAST_SEEN = 1e-3
_CHECK_EVERY = 5


@dataclass(frozen=True, kw_only=True)
class StarletDeconvolution(SingleImage):
    """Starlet deconvolution of one image: weighted least squares with sparse starlet coefficients, by FISTA.

    Parameters
    ----------
    target_fwhm : float, default 0.2
        FWHM in arcsec of the Gaussian PSF of the estimate (effective, pixel included).
    max_iter : int, default 400
        Largest number of steps.
    threshold : float, default 3.0
        Threshold of every scale in standard deviations of the noise propagated to it.
    scales : int, default 4
        Number of detail scales; what is wider than about ``2**scales`` grid pixels is not penalised.
    positivity : bool, default False
        Whether ringing below zero is penalised too; fluxes of faint sources are then biased upwards.
    tolerance : float, default 0.5
        Standard deviations of the noise by which the back-projected residual may exceed the threshold, in the
        scale and place where it is largest, when the solver stops.

    Notes
    -----
    The scene is ``x = W^T a``, with the adjoint of the starlet transform W and the coefficients that minimise

    .. math:: \\tfrac12 \\sum_i w_i (A W^T a - y)_i^2 + \\sum_{j \\le J} \\sum_p k \\sigma_{jp} |a_{jp}|,

    with the inverse variances w, zero at masked pixels and beyond the image, the threshold k and
    :math:`\\sigma_{jp}` [2]_, the standard deviation of the back-projected noise
    :math:`W A^T w^{1/2} \\xi` in scale j: where the data are noise alone, coefficients stay zero as long as
    the noise stays below k standard deviations. It is measured by a few draws of a fixed seed, and follows
    the noise map and masks. The smooth plane is free, so the total flux is that of the data.

    The steps are those of FISTA with restarts [1]_ on ``d_j a_j``, where d_j is the norm of ``A W_j^T``:
    fine scales, of which the PSF leaves little, take steps as large as coarse ones. They stop by the
    discrepancy principle in its form for many scales [3]_: as soon as no coefficient of the back-projected
    residual says more than noise does, :math:`|W A^T w (A x - y)|_{jp} \\le (k + t) \\sigma_{jp}` with the
    tolerance t. What is left to the minimum is not in the data: beyond that point light piles up in ever
    fewer and sharper peaks, where the image is far coarser than the target. The scene has a margin of half a
    PSF about the grid, for the light of sources beyond the border.

    Positivity adds a quadratic penalty on negative light with a hundredth of the largest curvature of the
    data term: it damps ringing, which the data hardly constrain, and leaves what they hold below zero. The
    proximal map of sparsity and a constraint at once has no closed form.

    References
    ----------
    .. [1] A. Beck and M. Teboulle, "A fast iterative shrinkage-thresholding algorithm for linear inverse
       problems", SIAM J. Imaging Sci. 2 (2009), 183, section 4.
    .. [2] S. Farrens, F. M. Ngole Mboula and J.-L. Starck, "Space variant deconvolution of galaxy survey
       images", Astron. Astrophys. 601 (2017), A66, section 3: thresholds from propagated noise.
    .. [3] K. Frick, P. Marnitz and A. Munk, "Statistical multiresolution Dantzig estimation in imaging:
       fundamental concepts and algorithmic framework", Electron. J. Stat. 6 (2012), 231, section 1.
    """

    max_iter: int = 400
    threshold: float = 3.0
    scales: int = 4
    positivity: bool = False
    tolerance: float = 0.5

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 0 <= self.threshold < math.inf:
            raise ParameterError(f"threshold: must be finite and not negative, got {self.threshold}")
        checked_scales(self.scales)
        if not 0 < self.tolerance < math.inf:
            raise ParameterError(f"tolerance: must be positive and finite, got {self.tolerance}")

    def _scene(self, problem: PaddedProblem, observation: Observation) -> tuple[Solution, Any]:
        root = np.sqrt(problem.weight)
        unit = float(root.max())
        seen, data = Diagonal(root / unit) @ problem.operator, root * problem.data
        transform = StarletTransform(problem.grid.shape, self.scales)
        gain = _plane_norms(seen, transform)
        synthesis = transform.H @ Diagonal(np.broadcast_to(1.0 / gain, transform.out_shape).copy())
        noise = _noise(problem, unit, self.scales) / gain
        weight = self.threshold * noise
        weight[-1] = 0.0
        penalty = _PENALTY * seen.norm_bound() ** 2 if self.positivity else 0.0

        def value(a: Any) -> float:
            x = synthesis(a)
            below = np.minimum(x, 0.0) if penalty else 0.0
            return 0.5 * float(np.sum((seen(x) - data) ** 2) + penalty * np.sum(below**2))

        def gradient(a: Any) -> Any:
            x = synthesis(a)
            slope = seen.adjoint(seen(x) - data)
            return synthesis.adjoint(slope + penalty * np.minimum(x, 0.0) if penalty else slope)

        curvature = norm_estimate(seen @ synthesis, relative_error=_SLACK) ** 2
        if penalty:
            curvature += penalty * norm_estimate(synthesis, relative_error=_SLACK) ** 2
        task = Composite(Smooth(value, gradient, curvature), L1(weight))
        start = np.zeros(transform.out_shape)
        solver = _Discrepancy(noise=noise, threshold=self.threshold)
        solution = solve(
            solver, task, start, max_iter=self.max_iter, tol=self.tolerance, check_every=_CHECK_EVERY
        )
        return solution, synthesis(solution.estimate) / unit


@dataclass(frozen=True, kw_only=True, eq=False)
class _Discrepancy(FISTA):
    """FISTA with the excess of the gradient over its threshold as certificate, in deviations of its noise."""

    noise: Any
    threshold: float

    def gap(self, problem: Composite, state: FISTAState) -> float:
        """Largest excess; zero at the minimum and before it, once the residual is like noise."""
        slope = problem.smooth.gradient(state.x)
        return max(float(np.max(np.abs(slope) / self.noise)) - self.threshold, 0.0)

    def details(self, problem: Composite, state: FISTAState) -> dict[str, Any]:
        """Say which certificate, and how often the momentum restarted."""
        certificate = "back-projected residual over its threshold, in standard deviations of its noise"
        return {"certificate": certificate, "restarts": state.restarts}


def _plane_norms(seen: LinearOperator, transform: StarletTransform) -> Any:
    """Norm of the forward operator after each plane of the adjoint transform, shape (scales + 1, 1, 1)."""
    planes = [_plane(transform, j) for j in range(transform.scales + 1)]
    norms = [power_method(seen @ plane, max_iter=_SCALING_STEPS) for plane in planes]
    return np.asarray(norms).reshape(-1, 1, 1)


def _plane(transform: StarletTransform, index: int) -> LinearOperator:
    chosen = np.zeros((transform.scales + 1, 1, 1))
    chosen[index] = 1.0
    return transform.H @ Diagonal(np.broadcast_to(chosen, transform.out_shape).copy())


def _noise(problem: PaddedProblem, unit: float, scales: int) -> Any:
    """Standard deviation of the starlet coefficients of the back-projected whitened noise."""
    rng = np.random.default_rng(0)
    operator, inside = problem.operator, problem.inside
    square = np.zeros(scales + 1)
    for _ in range(_DRAWS):
        white = operator.adjoint(rng.standard_normal(operator.out_shape))
        square += np.mean(starlet(white, scales)[:, inside[0], inside[1]] ** 2, axis=(-2, -1)) / _DRAWS
    # a pixel's noise comes back with the weights that its light meets
    everywhere = operator.adjoint(np.ones(operator.out_shape))
    met = everywhere > _LEAST_SEEN * float(everywhere.max())
    local = np.where(met, operator.adjoint(problem.weight / unit**2) / np.where(met, everywhere, 1.0), 0.0)
    planes = starlet(local, scales)
    local = np.maximum(np.concatenate([np.cumsum(planes[:0:-1], axis=0)[::-1], planes[-1:]]), _LEAST_SEEN)
    return np.sqrt(square.reshape(-1, 1, 1) * local)
