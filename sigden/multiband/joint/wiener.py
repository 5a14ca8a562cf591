"""Joint Wiener estimate of all bands."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from sigden.errors import ParameterError
from sigden.method import Method
from sigden.multiband.data.grid import Grid
from sigden.multiband.data.observation import Observation
from sigden.multiband.data.result import MultibandResult
from sigden.multiband.joint.masked import estimate_unmasked
from sigden.multiband.joint.scene_prior import Response, ScenePrior, scene_prior
from sigden.multiband.psf.spectrum import gaussian_transfer

__all__ = ["JointMethod", "JointWiener"]


@dataclass(frozen=True, kw_only=True)
class JointMethod(Method):
    """Base of the joint methods: parameters of the prior and the target."""

    axes: ClassVar[str] = "list of (rows, columns) -> (bands, rows, columns)"

    target_fwhm: float = 0.2
    correlation: float = 0.8
    model_error: float = 0.05

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.target_fwhm > 0:
            raise ParameterError(f"target_fwhm: must be positive, got {self.target_fwhm}")
        if not 0 <= self.correlation < 1:
            raise ParameterError(f"correlation: must be in [0, 1), got {self.correlation}")
        if not self.model_error >= 0:
            raise ParameterError(f"model_error: must not be negative, got {self.model_error}")

    def prior(self, observations: Sequence[Observation], grid: Grid, response: Response) -> ScenePrior:
        """Channels and prior for these observations."""
        return scene_prior(
            observations, grid, response, target=self.target(grid), model_error=self.model_error
        )

    def target(self, grid: Grid) -> Any:
        """Transfer function of the Gaussian target PSF on the grid."""
        return gaussian_transfer(grid.shape, grid.scale, self.target_fwhm)


@dataclass(frozen=True, kw_only=True)
class JointWiener(JointMethod):
    """Joint Wiener deconvolution: the posterior mean of all bands under a Gaussian prior, in closed form.

    Parameters
    ----------
    target_fwhm : float, default 0.2
        FWHM in arcsec of the Gaussian PSF of the estimate (effective, pixel included).
    correlation : float, default 0.8
        Prior correlation between two bands at every frequency.
    model_error : float, default 0.05
        Relative standard deviation of a wide band from its mixture of the other bands.

    Notes
    -----
    The scene's power spectrum is measured in the sharpest observation, bands share it up to their total flux.
    Each Fourier mode of the coarsest pixel grid, with all that aliases onto it, is a small linear system
    (`FourierWiener`). The estimate is linear in the data apart from the measured spectrum, so aperture fluxes
    are nearly unbiased: use it for photometry. The boundary is periodic.

    `uncertainty` is the propagated noise, the same for every pixel; `details` holds ``posterior_covariance``,
    which adds the signal that the estimate smooths away on average over the scene.

    References
    ----------
    .. [1] N. P. Galatsanos and R. T. Chin, "Digital restoration of multichannel images", IEEE Trans. Acoust.
       Speech Signal Process. 37 (1989), section III.
    """

    def __call__(
        self, observations: Sequence[Observation], grid: Grid, *, response: Response
    ) -> MultibandResult:
        """Estimate all bands.

        Parameters
        ----------
        observations : sequence of Observation
            Images of one scene, commensurate with the grid.
        grid : Grid
            Pixel grid of the estimate.
        response : mapping
            Weight of each band in every wide band, ``{"VIS": {"r": 0.38, "i": 0.35, "z": 0.27}}``.

        Returns
        -------
        MultibandResult
            Images at the target PSF.

        Raises
        ------
        InputError
            If the observations do not fit the grid or each other.
        """
        prior = self.prior(observations, grid, response)
        solver = prior.solver(correlation=self.correlation)
        estimate, _ = estimate_unmasked(prior, solver)
        error = np.sqrt(np.diag(solver.noise_covariance))
        return MultibandResult(
            estimate=estimate,
            uncertainty=np.broadcast_to(error[:, None, None], estimate.shape),
            noise_covariance=solver.noise_covariance,
            bands=prior.bands,
            grid=grid,
            target_fwhm=self.target_fwhm,
            details={"posterior_covariance": solver.covariance_of_error},
        )
