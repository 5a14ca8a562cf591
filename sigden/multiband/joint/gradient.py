"""Joint estimate by accelerated projected gradients on the chi-squared of bands and mixture."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from sigden.arrays import is_numpy, namespace
from sigden.denoisers.base import Denoiser
from sigden.errors import InputError, ParameterError
from sigden.functionals import NonNegativity, Zero
from sigden.method import Method
from sigden.multiband.after.bootstrap import repeats, with_errors
from sigden.multiband.after.denoise import Denoise, denoised_with_errors
from sigden.multiband.data.geometry import footprint
from sigden.multiband.data.grid import Grid
from sigden.multiband.data.observation import Observation, check_observations
from sigden.multiband.data.response import Response, check_response
from sigden.multiband.data.result import MultibandResult
from sigden.multiband.forward.operator import forward_operator
from sigden.multiband.psf.spectrum import gaussian_transfer
from sigden.operators import CircularConvolve, LinearOperator
from sigden.solvers import FISTA, Composite, Smooth, Solution, solve

__all__ = ["JointGradient"]

_DRAWS = 4


@dataclass(frozen=True, kw_only=True)
class JointGradient(Method):
    """Joint gradient: chi-squared of every band and of their mixture in the wide band, by FISTA.

    Parameters
    ----------
    target_fwhm : float, default 0.2
        FWHM in arcsec of the Gaussian PSF of the estimate (effective, pixel included).
    mixture_weight : float, default 1.0
        Weight of the wide bands' term; one is that of the likelihood.
    model_error : float, default 0.05
        Relative standard deviation of a wide band from its mixture of the other bands.
    positivity : bool, default True
        Whether the scene is at least zero everywhere; this biases the flux of faint sources upwards.
    max_iter : int, default 200
        Largest number of steps; few steps smooth.
    tolerance : float, default 1e-5
        Relative residual of a proximal gradient step at which the solver stops.
    denoiser : Denoiser or None, default None
        What takes the noise off each band afterwards.
    draws : int, default 0
        Bootstrap repetitions for the uncertainty, which is NaN without them; with a denoiser zero stands for
        four, as the denoiser must be told the noise.

    Notes
    -----
    The scene x of all bands minimises

    .. math:: \\sum_b \\tfrac12 \\| \\frac{H_b x_b - y_b}{s_b} \\|^2
        + \\frac{\\lambda}{2} \\| \\frac{H_v \\sum_c a_c x_c - y_v}{s_v} \\|^2, \\qquad x \\ge 0,

    the method of [1]_: this objective by projected gradients, then a denoiser. What is mended against its
    public code: the operators go back by their exact adjoints, where the code enlarges the residuals; the
    acceleration is that of [2]_ with restarts, where its momentum never grows, and the step follows from the
    operators' norms; noise maps and masks weigh every pixel, where its noise map cancels; and the weight of
    the wide band is one number for all bands, where the code resets it from the residuals at every step
    and so has no fixed objective.

    The weight follows from the noise: with `mixture_weight` one the wide band counts as its likelihood says,
    where its variance is that of its noise plus that of the mixture,
    ``s_v^2 = sigma^2 + (model_error y_v)^2``. In faint pixels the wide band weighs what its noise allows, in
    bright ones what the mixture allows.

    The denoiser comes after the gradient solution, as in [1]_, which takes a DRUNet there: a network is given
    as a function at call time, ``denoise=``, as it cannot be written down. It is told the noise that
    repetitions of the solution on new draws of the noise show, scale by scale (`denoise_result`).

    Where an observation's pixels are blocks of the grid's its borders are periodic.

    Nothing couples the bands where their mixture vanishes: the contrast of two bands is as sharp as their own
    images, and no prior fills it in. `JointWiener` and `JointSparse` do.

    References
    ----------
    .. [1] U. Akhaury, P. Jablonka, F. Courbin and J.-L. Starck, "Joint multiband deconvolution for Euclid and
       Vera C. Rubin images", Astron. Astrophys. 697 (2025), A136, section 2.
    .. [2] A. Beck and M. Teboulle, "A fast iterative shrinkage-thresholding algorithm for linear inverse
       problems", SIAM J. Imaging Sci. 2 (2009), 183, section 4.
    """

    axes: ClassVar[str] = "list of (rows, columns) -> (bands, rows, columns)"

    target_fwhm: float = 0.2
    mixture_weight: float = 1.0
    model_error: float = 0.05
    positivity: bool = True
    max_iter: int = 200
    tolerance: float = 1e-5
    denoiser: Denoiser | None = None
    draws: int = 0

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 0 < self.target_fwhm < math.inf:
            raise ParameterError(f"target_fwhm: must be positive and finite, got {self.target_fwhm}")
        for name in ("mixture_weight", "model_error", "tolerance"):
            value = getattr(self, name)
            if not 0 <= value < math.inf:
                raise ParameterError(f"{name}: must be finite and not negative, got {value}")
        if self.max_iter < 1:
            raise ParameterError(f"max_iter: must be at least 1, got {self.max_iter}")
        if self.draws < 0 or self.draws == 1:
            raise ParameterError(f"draws: must be 0 or at least 2, got {self.draws}")

    def __call__(
        self,
        observations: Sequence[Observation],
        grid: Grid,
        *,
        response: Response,
        denoise: Denoise | None = None,
    ) -> MultibandResult:
        """Estimate all bands.

        Parameters
        ----------
        observations : sequence of Observation
            Images of one scene; any pixels, masks and noise maps.
        grid : Grid
            Pixel grid of the estimate.
        response : mapping
            Weight of each band in every wide band, ``{"VIS": {"r": 0.38, "i": 0.35, "z": 0.27}}``.
        denoise : callable, optional
            A function ``denoise(image, sigma)`` in place of `denoiser`, such as a network, see
            `denoise_result`.

        Returns
        -------
        MultibandResult
            Images at the target PSF; ``details["solution"]`` says why the solver stopped.

        Raises
        ------
        InputError
            If the observations do not fit the grid or each other, or `denoise` returns what is no image.
        ParameterError
            If an observation has no noise level, or a wide band mixes a band that none shows.
        """
        result = self._result(observations, grid, response)
        chosen = self.denoiser if denoise is None else denoise
        if chosen is None and not self.draws:
            return result
        draws = self.draws or _DRAWS
        plain = self.replace(denoiser=None, draws=0)
        if chosen is None:
            found = repeats(plain, result, observations, grid, response, draws=draws, seed=0)
            return with_errors(result, np.stack(list(found)), draws=draws, seed=0)
        return denoised_with_errors(plain, result, observations, grid, response, chosen, draws=draws, seed=0)

    def _result(self, observations: Sequence[Observation], grid: Grid, response: Response) -> MultibandResult:
        observations = check_observations(observations)
        bands = check_response(observations, response)
        terms = [self._term(o, grid, bands, response) for o in observations]
        solution = self._solve(terms, grid, len(bands))
        estimate = self._at_target(solution.estimate, grid)
        return MultibandResult(
            estimate=estimate,
            uncertainty=np.full(estimate.shape, math.nan),
            noise_covariance=np.full((len(bands), len(bands)), math.nan),
            bands=bands,
            grid=grid,
            target_fwhm=self.target_fwhm,
            details={"solution": solution},
        )

    def _term(
        self, observation: Observation, grid: Grid, bands: tuple[str, ...], response: Response
    ) -> _Term:
        band = observation.band
        if not is_numpy(namespace(observation.image)):
            raise InputError(f"band {band!r}: needs NumPy arrays; move them to the host")
        operator = forward_operator(observation, grid)
        data = np.asarray(observation.values, dtype=np.float64)
        weight = np.where(footprint(observation, grid), observation.weight, 0.0)
        if band not in response:
            return _Term(operator, data, weight, weight, np.array([float(b == band) for b in bands]))
        mix = np.array([float(response[band].get(b, 0.0)) for b in bands])
        softened = self.mixture_weight * weight / (1.0 + weight * (self.model_error * data) ** 2)
        return _Term(operator, data, softened, weight, mix)

    def _solve(self, terms: Sequence[_Term], grid: Grid, bands: int) -> Solution:
        def value(x: Any) -> float:
            return sum(0.5 * float(np.sum(t.weight * t.residual(x) ** 2)) for t in terms)

        def gradient(x: Any) -> Any:
            out = np.zeros_like(x)
            for t in terms:
                out += t.mix[:, None, None] * t.operator.adjoint(t.weight * t.residual(x))
            return out

        single = [t for t in terms if np.count_nonzero(t.mix) == 1 and t.mix.max() == 1.0]
        mixed = [t for t in terms if t not in single]
        bound = max((sum(t.bound for t in single if t.mix[b]) for b in range(bands)), default=0.0)
        smooth = Smooth(value, gradient, bound + sum(t.bound for t in mixed))
        simple = NonNegativity() if self.positivity else Zero()
        start = np.zeros((bands, *grid.shape))
        for b in range(bands):
            start[b] = np.mean([t.spread() for t in single if t.mix[b]], axis=0)
        if self.positivity:
            start = np.maximum(start, 0.0)
        return solve(FISTA(), Composite(smooth, simple), start, max_iter=self.max_iter, tol=self.tolerance)

    def _at_target(self, scene: Any, grid: Grid) -> Any:
        transfer = gaussian_transfer(grid.shape, grid.scale, self.target_fwhm).astype(complex)
        convolve = CircularConvolve.from_transfer(transfer, grid.shape)
        return np.stack([convolve(image) for image in scene])


@dataclass(frozen=True, eq=False)
class _Term:
    """One observation's part of the objective."""

    operator: LinearOperator
    data: Any
    weight: Any
    precision: Any
    mix: Any

    def residual(self, x: Any) -> Any:
        return self.operator(np.tensordot(self.mix, x, 1)) - self.data

    @property
    def bound(self) -> float:
        """Bound on the curvature."""
        return float(self.weight.max() * np.sum(self.mix**2)) * self.operator.norm_bound() ** 2

    def spread(self) -> Any:
        """Data on the grid, with their flux."""
        known = (self.precision > 0).astype(np.float64)
        exposure = self.operator.adjoint(known)
        spread = self.operator.adjoint(known * self.data)
        gain = float(np.sum(self.operator(spread) * known))
        return spread * (float(np.sum(known * self.data)) / gain) if gain and exposure.any() else spread * 0.0
