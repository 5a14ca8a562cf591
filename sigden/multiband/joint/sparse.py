"""Joint sparse estimate of all bands: Wiener, starlet shrinkage in a colour basis, debiasing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from sigden.errors import ParameterError
from sigden.multiband.data.grid import Grid
from sigden.multiband.data.observation import Observation
from sigden.multiband.data.result import MultibandResult
from sigden.multiband.joint.masked import estimate_unmasked
from sigden.multiband.joint.scene_prior import Response
from sigden.multiband.joint.shrink import shrink_colours
from sigden.multiband.joint.wiener import JointMethod

__all__ = ["JointSparse"]

# the prior of the first estimate passes more, that of the residual little
_FIRST_STRENGTH = 10.0
_RESIDUAL_STRENGTH = 0.01
_RESIDUAL_CORRELATION = 0.3


@dataclass(frozen=True, kw_only=True)
class JointSparse(JointMethod):
    """Joint sparse deconvolution: a Wiener start, starlet shrinkage in a colour basis, fluxes restored.

    Parameters
    ----------
    target_fwhm : float, default 0.2
        FWHM in arcsec of the Gaussian PSF of the estimate (effective, pixel included).
    correlation : float, default 0.8
        Prior correlation between two bands of the Wiener start.
    model_error : float, default 0.05
        Relative standard deviation of a wide band from its mixture of the other bands.
    threshold : float, default 2.0
        Noise powers taken off the local power of the starlet coefficients.
    scales : int, default 4
        Number of starlet detail scales.

    Notes
    -----
    First, a Wiener estimate whose prior has ten times the power of the scene: it smooths little and carries
    noise.

    Second, shrinkage in an orthogonal colour basis of the flux-normalised bands, their mean and contrasts
    between them: every starlet coefficient is multiplied by ``max(0, 1 - t s^2 / p)``, where s is its
    propagated noise, exact for each scale and colour, p the power of its neighbourhood and t the threshold.

    Third, a Wiener estimate of what the data still hold beyond that, with a prior of a hundredth of the power
    and little correlation between bands, is added: it moves fluxes and colours back to what the data say and
    adds hardly any noise.

    `uncertainty` is the propagated noise of the first step, more than is left after the second; it holds no
    error of the model.

    References
    ----------
    .. [1] J.-L. Starck, F. Murtagh and M. Bertero, "Starlet transform in astronomical data processing",
       Handbook of Mathematical Methods in Imaging (2011), section 2.
    .. [2] T. T. Cai, "Adaptive wavelet estimation: a block thresholding and oracle inequality approach",
       Ann. Stat. 27 (1999), section 2.
    """

    threshold: float = 2.0
    scales: int = 4

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.threshold >= 0:
            raise ParameterError(f"threshold: must not be negative, got {self.threshold}")
        if self.scales < 1:
            raise ParameterError(f"scales: must be at least 1, got {self.scales}")

    def __call__(
        self, observations: Sequence[Observation], grid: Grid, *, response: Response
    ) -> MultibandResult:
        """Estimate all bands; parameters and errors as `JointWiener`.

        Parameters
        ----------
        observations : sequence of Observation
            Images of one scene, commensurate with the grid.
        grid : Grid
            Pixel grid of the estimate.
        response : mapping
            Weight of each band in every wide band.

        Returns
        -------
        MultibandResult
            Images at the target PSF.
        """
        prior = self.prior(observations, grid, response)
        first = prior.solver(correlation=self.correlation, strength=_FIRST_STRENGTH)
        start, data = estimate_unmasked(prior, first)
        sparse = shrink_colours(start, first, prior.relative_flux, self.threshold, self.scales)
        residual = prior.solver(correlation=_RESIDUAL_CORRELATION, strength=_RESIDUAL_STRENGTH)
        left = [d - p for d, p in zip(data, prior.predict(sparse), strict=True)]
        for channel, image in zip(prior.channels, left, strict=True):
            if channel.mask is not None:
                image[channel.mask] = 0.0
        estimate = sparse + residual.apply(left)
        error = np.sqrt(np.diag(first.noise_covariance))
        return MultibandResult(
            estimate=estimate,
            uncertainty=np.broadcast_to(error[:, None, None], estimate.shape),
            noise_covariance=first.noise_covariance,
            bands=prior.bands,
            grid=grid,
            target_fwhm=self.target_fwhm,
            details={"wiener": start},
        )
