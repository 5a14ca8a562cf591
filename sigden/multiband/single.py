"""Deconvolution of a single image: Tikhonov, Wiener and Richardson-Lucy."""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np

from sigden.errors import ParameterError
from sigden.method import Method
from sigden.multiband.grid import Grid
from sigden.multiband.observation import Observation
from sigden.multiband.padded import PaddedProblem, padded_problem
from sigden.multiband.psf_spectrum import psf_transfer
from sigden.multiband.spectrum import scene_power
from sigden.operators import CircularConvolve, Diagonal
from sigden.solvers import ConjugateGradient, LeastSquares, Solution, solve

__all__ = ["RichardsonLucy", "SingleImage", "Tikhonov", "WienerDeconvolution"]


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
            Estimate at the target PSF, why the solver stopped, and in ``details["chi2"]`` the mean squared
            standardised residual of the pixels with data.

        Raises
        ------
        InputError
            If the observation does not fit the grid.
        ParameterError
            If the observation has no noise level.
        """
        problem = padded_problem(observation, grid)
        solution, scene = self._scene(problem, observation)
        details = {**solution.details, "chi2": _chi2(problem, scene)}
        return replace(solution, estimate=problem.at_target(scene, self.target_fwhm), details=details)

    @abstractmethod
    def _scene(self, problem: PaddedProblem, observation: Observation) -> tuple[Solution, Any]:
        """Solution and the scene, before any PSF, with its margin."""


def _chi2(problem: PaddedProblem, scene: Any) -> float:
    residual = problem.operator(scene) - problem.data
    return float(np.sum(problem.weight * residual**2) / np.sum(problem.known))


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
            if _chi2(problem, scene) <= 1.0:
                break
        return replace(solution, details={**solution.details, "regularization": value}), scene


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
        amplitude = np.sqrt(self.strength * _prior_power(observation, problem.grid))
        prior = CircularConvolve.from_transfer(amplitude.astype(complex), problem.grid.shape)
        root = np.sqrt(problem.weight)
        system = LeastSquares(Diagonal(root) @ problem.operator @ prior, root * problem.data, damping=1.0)
        solution = solve(ConjugateGradient(), system, max_iter=self.max_iter, tol=self.tolerance)
        return solution, prior(solution.estimate)


def _prior_power(observation: Observation, grid: Grid) -> Any:
    """Power of the scene per mode of ``rfft2`` on a grid, from the image's own spectrum."""
    values = np.asarray(observation.values, dtype=np.float64)
    known = np.asarray(observation.weight) > 0
    sigma = math.sqrt(float(np.mean(observation.noise_variance[known])))
    step = observation.pixel_scale
    psf = np.mean(np.asarray(observation.psf_grid, dtype=np.float64), axis=(0, 1))
    half = psf_transfer(psf, values.shape, psf_scale=float(observation.psf_scale or step), scale=step)
    if not observation.psf_includes_pixel:
        half = half * np.sinc(np.fft.fftfreq(values.shape[0]))[:, None]
        half = half * np.sinc(np.fft.rfftfreq(values.shape[1]))[None, :]
    columns = np.abs(np.fft.fftfreq(values.shape[1]) * values.shape[1]).round().astype(int)
    power = scene_power(values, np.abs(half)[:, columns], sigma)
    line = power[: values.shape[0] // 2 + 1, 0] * (grid.scale / step) ** 2
    frequency = np.arange(line.size) / (values.shape[0] * step)
    wanted = np.hypot(
        np.fft.fftfreq(grid.shape[0], grid.scale)[:, None], np.fft.rfftfreq(grid.shape[1], grid.scale)
    )
    last = line.size - 1
    start = max(last // 2, 1)
    slope = math.log(line[last] / line[start]) / math.log(last / start) if last > start else -2.0
    tail = line[last] * (np.maximum(wanted, frequency[last]) / frequency[last]) ** min(slope, -2.0)
    return np.where(wanted > frequency[last], tail, np.interp(wanted, frequency, line))


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
        return max(_chi2(problem.problem, state) / problem.discrepancy - 1.0, 0.0)

    def estimate(self, problem: _Counts, state: Any) -> Any:
        return state

    def details(self, problem: _Counts, state: Any) -> Mapping[str, Any]:
        return {"certificate": "excess of chi2 over the discrepancy"}
