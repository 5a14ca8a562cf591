"""Joint Wiener estimate of all bands."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any, ClassVar, Literal

import numpy as np

from sigden.errors import ParameterError
from sigden.method import Method
from sigden.multiband.data.grid import Grid
from sigden.multiband.data.observation import Observation, check_observations
from sigden.multiband.data.response import Response
from sigden.multiband.data.result import MultibandResult
from sigden.multiband.joint.error_map import model_variance
from sigden.multiband.joint.fourier_wiener import FourierWiener
from sigden.multiband.joint.planes import over_rows
from sigden.multiband.joint.scene_light import SceneLight
from sigden.multiband.joint.scene_prior import ScenePrior, scene_prior
from sigden.multiband.joint.units import in_unit, in_unit_of_noise, unit_exponent

_CORRELATIONS = (0.5, 0.65, 0.8, 0.9, 0.95, 0.98, 0.99)
_MODEL_ERRORS = (0.01, 0.02, 0.05, 0.1, 0.2)
_START_ERROR = 0.05

__all__ = ["JointMethod", "JointWiener"]


@dataclass(frozen=True, kw_only=True)
class JointMethod(Method):
    """Base of the joint methods: parameters of the prior and the target."""

    axes: ClassVar[str] = "list of (rows, columns) -> (bands, rows, columns)"

    target_fwhm: float = 0.2
    correlation: float | Literal["auto"] = 0.8
    model_error: float | Literal["auto"] = 0.05

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.target_fwhm > 0:
            raise ParameterError(f"target_fwhm: must be positive, got {self.target_fwhm}")
        if self.correlation != "auto" and not 0 <= self.correlation < 1:
            raise ParameterError(f"correlation: must be in [0, 1), got {self.correlation}")
        if self.model_error != "auto" and not self.model_error >= 0:
            raise ParameterError(f"model_error: must not be negative, got {self.model_error}")

    def prior(
        self,
        observations: Sequence[Observation],
        grid: Grid,
        response: Response,
        *,
        light: SceneLight | None = None,
    ) -> ScenePrior:
        """Channels and prior for these observations; its light is measured where it is not given."""
        error = _START_ERROR if self.model_error == "auto" else self.model_error
        return scene_prior(
            observations, grid, response, target_fwhm=self.target_fwhm, model_error=error, light=light
        )

    def light(self, observations: Sequence[Observation], grid: Grid, *, response: Response) -> SceneLight:
        """Power and colours of a scene, of which calls take the prior when they are given it.

        Parameters
        ----------
        observations : sequence of Observation
            Images of the scene, or of a part of it.
        grid : Grid
            Pixel grid of the estimate.
        response : mapping
            Weight of each band in every wide band.

        Returns
        -------
        SceneLight
            Of these images; `pooled_light` takes those of several parts together.
        """
        exponent = unit_exponent(check_observations(observations))
        seen = [in_unit(o, exponent) for o in observations] if exponent else observations
        return self.prior(seen, grid, response).light.scaled(4.0**exponent)

    def settled(self, prior: ScenePrior) -> tuple[ScenePrior, float]:
        """Prior with its model error, and its correlation of bands: as given, or of greatest evidence.

        Parameters
        ----------
        prior : ScenePrior
            What is to be solved.

        Returns
        -------
        prior : ScenePrior
            The same with the model error that is used.
        correlation : float
            At least zero, less than one.

        Raises
        ------
        ParameterError
            If one is to be found where the problem has no closed form.
        """
        if self.correlation != "auto" and self.model_error != "auto":
            return prior, self.correlation
        if not prior.closed:
            name = "correlation" if self.correlation == "auto" else "model_error"
            raise ParameterError(
                f"{name}: found from the data only where every image has one PSF, one noise level, no "
                "mask and pixels that are blocks of the grid's; give a number"
            )
        errors = _MODEL_ERRORS if self.model_error == "auto" else (self.model_error,)
        correlations = _CORRELATIONS if self.correlation == "auto" else (self.correlation,)
        best, found = -np.inf, (prior, correlations[0])
        for error, correlation in product(errors, correlations):
            tried = prior.with_model_error(error)
            evidence = tried.closed_solver(correlation=correlation).evidence(tried.data)
            if evidence > best:
                best, found = evidence, (tried, correlation)
        return found

    def result(
        self,
        prior: ScenePrior,
        estimate: Any,
        noise: Any,
        covariance: Any,
        *,
        residual: list[Any] | None = None,
        model: Callable[..., Any] = model_variance,
        **details: Any,
    ) -> MultibandResult:
        """Result with its error map.

        Parameters
        ----------
        prior : ScenePrior
            What was solved.
        estimate : numpy.ndarray, shape (bands, rows, columns)
            Images at the target PSF.
        noise : numpy.ndarray, shape (bands, rows, columns) or (bands, 1, 1)
            Variance of the propagated noise.
        covariance : numpy.ndarray, shape (bands, bands)
            Covariance of that noise between the bands of one pixel.
        residual : list of numpy.ndarray, optional
            Data less prediction of each channel, where it is known; is overwritten.
        model : callable
            Variance of what the model cannot know, as `model_variance` takes its arguments.
        **details : object
            What else the method knows.

        Returns
        -------
        MultibandResult
            With ``details["residual"]``, data less prediction of each observation over their noise.
        """
        # planes of a wide field are large: in place, and never in double precision for data in single
        if residual is None:
            pairs = zip(prior.channels, prior.predict(estimate), strict=True)
            residual = [np.subtract(c.data, image, out=image) for c, image in pairs]
        variance = model(estimate, residual, prior)
        noise = np.broadcast_to(np.asarray(noise).astype(variance.dtype, copy=False), variance.shape)

        def finish(read: slice, own: slice, within: slice) -> None:
            variance[:, own] += noise[:, own]
            np.sqrt(variance[:, own], out=variance[:, own])

        over_rows(finish, estimate.shape[1:])
        for r, c in zip(residual, prior.channels, strict=True):
            _divide(r, c.sigma if c.error is None else c.error)
        return MultibandResult(
            estimate=estimate,
            uncertainty=variance,
            noise_covariance=covariance,
            bands=prior.bands,
            grid=prior.grid,
            target_fwhm=self.target_fwhm,
            details={**details, "residual": residual},
        )


def _divide(image: Any, error: Any) -> None:
    """Image over its noise rms, in place."""

    def fill(read: slice, own: slice, within: slice) -> None:
        image[own] /= error if isinstance(error, float) else error[own]

    over_rows(fill, image.shape)


@dataclass(frozen=True, kw_only=True)
class JointWiener(JointMethod):
    """Joint Wiener deconvolution: the posterior mean of all bands under a Gaussian prior, in closed form.

    Parameters
    ----------
    target_fwhm : float, default 0.2
        FWHM in arcsec of the Gaussian PSF of the estimate (effective, pixel included).
    correlation : float or "auto", default 0.8
        Prior correlation between two bands at every frequency; "auto" takes that of greatest evidence, for
        closed forms. The error depends on it little: 0.8 and 0.95 differ by a tenth of the squared error.
    model_error : float or "auto", default 0.05
        Relative standard deviation of a wide band from its mixture of the other bands; "auto" takes that of
        greatest evidence, for closed forms.

    Notes
    -----
    The scene's power spectrum is measured in the sharpest observation, bands share it up to their total flux.
    Where pixels are blocks of the grid's and every image has one PSF and one noise level, each Fourier mode
    of the coarsest pixel grid, with all that aliases onto it, is a small linear system (`FourierWiener`), and
    the boundary is periodic. Masks, noise maps, varying PSFs and pixels of any kind are solved by
    preconditioned conjugate gradients (`IterativeWiener`). The estimate is linear in the data apart from the
    measured spectrum, so aperture fluxes are nearly unbiased: use it for photometry.

    `uncertainty` holds the propagated noise, exact in the closed form, and the error of the model
    (`model_variance`); `noise_covariance` is the propagated noise alone.

    References
    ----------
    .. [1] N. P. Galatsanos and R. T. Chin, "Digital restoration of multichannel images", IEEE Trans. Acoust.
       Speech Signal Process. 37 (1989), section III.
    """

    @in_unit_of_noise
    def __call__(
        self,
        observations: Sequence[Observation],
        grid: Grid,
        *,
        response: Response,
        light: SceneLight | None = None,
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
        light : SceneLight, optional
            Power and colours of the field that this is a part of; by default those of these images.

        Returns
        -------
        MultibandResult
            Images at the target PSF.

        Raises
        ------
        InputError
            If the observations do not fit the grid or each other.
        """
        prior, correlation = self.settled(self.prior(observations, grid, response, light=light))
        solver = prior.solver(correlation=correlation)
        alike = solver if prior.twin is prior else prior.twin.solver(correlation=correlation)
        residual = None
        if isinstance(solver, FourierWiener):
            estimate, residual = solver.improved(prior.data, residual=True)
        else:
            estimate = solver.apply(prior.data)
        return self.result(prior, estimate, alike.noise_variance, alike.noise_covariance, residual=residual)
