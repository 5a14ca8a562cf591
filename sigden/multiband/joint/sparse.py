"""Joint sparse estimate of all bands: a pilot, the posterior mean of its details, fluxes restored."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from sigden.errors import ParameterError
from sigden.multiband.data.grid import Grid
from sigden.multiband.data.observation import Observation
from sigden.multiband.data.response import Response
from sigden.multiband.data.result import MultibandResult
from sigden.multiband.joint.details import colour_scales, coloured, local_colour, posterior_details
from sigden.multiband.joint.error_map import misfit_variance
from sigden.multiband.joint.fourier_wiener import FourierWiener
from sigden.multiband.joint.iterative_wiener import IterativeWiener
from sigden.multiband.joint.scene_light import SceneLight
from sigden.multiband.joint.scene_prior import ScenePrior
from sigden.multiband.joint.shrink import colour_basis, noise_pairs, shrink_colours
from sigden.multiband.joint.transfer import measure_passage
from sigden.multiband.joint.units import in_unit_of_noise
from sigden.multiband.joint.wiener import JointMethod

__all__ = ["JointSparse"]

# the prior of the first estimate passes more, that of the residual little
_FIRST_STRENGTH = 10.0
_RESIDUAL_STRENGTH = 0.01
_RESIDUAL_CORRELATION = 0.3

Solver = FourierWiener | IterativeWiener


@dataclass(frozen=True, kw_only=True)
class JointSparse(JointMethod):
    """Joint sparse deconvolution: a shrunk pilot, starlet details given its light, fluxes restored.

    Parameters
    ----------
    target_fwhm : float, default 0.2
        FWHM in arcsec of the Gaussian PSF of the estimate (effective, pixel included).
    correlation : float or "auto", default 0.8
        Prior correlation between two bands of the Wiener start; "auto" takes that of greatest evidence, for
        closed forms.
    model_error : float or "auto", default 0.05
        Relative standard deviation of a wide band from its mixture of the other bands; "auto" takes that of
        greatest evidence, for closed forms.
    threshold : float, default 3.0
        Noise powers taken off the local power of the starlet coefficients in the pilot estimate.
    scales : int, default 4
        Number of starlet detail scales.
    positivity : bool, default False
        Set negative values of the estimate to zero: for pictures, as it raises the flux of faint sources.

    Notes
    -----
    First, a Wiener estimate whose prior has ten times the power of the scene: it smooths little and carries
    noise. Shrinkage in an orthogonal colour basis of the flux-normalised bands, their mean and contrasts
    between them, makes a pilot of it: every starlet coefficient is multiplied by ``max(0, 1 - t s^2 / p)``,
    where s is its propagated noise, exact for each scale and colour, p the power of its neighbourhood and t
    the threshold.

    Second, the pilot's mean band times the colours of its neighbourhood is what the bands are taken to be
    where nothing resolves them, and the same Wiener estimate of what the data hold beyond that is added.
    This is done twice. With colours of a neighbourhood as wide as the widest PSF, shrinkage as before gives a
    better pilot. With colours of half that width every starlet coefficient, of the bands over their local
    colours, is then multiplied by its posterior factor ``tau^2 / (tau^2 + s^2)`` (`posterior_details`): the
    prior variance tau^2 is the pilot's power, and never less than a part of the squared light around.

    Third, a Wiener estimate of what the data still hold beyond that, with a prior of a hundredth of the power
    and little correlation between bands, is added: it moves fluxes and colours back to what the data say and
    adds hardly any noise.

    `uncertainty` is the noise that comes through where nothing is kept; for every detail the expected square
    of the light that is not let through and of the noise that is, as the third step leaves them; and the
    misfit of the mixture (`misfit_variance`). `noise_covariance` is that of the first step.

    References
    ----------
    .. [1] J.-L. Starck, F. Murtagh and M. Bertero, "Starlet transform in astronomical data processing",
       Handbook of Mathematical Methods in Imaging (2011), section 2.
    .. [2] T. T. Cai, "Adaptive wavelet estimation: a block thresholding and oracle inequality approach",
       Ann. Stat. 27 (1999), section 2.
    .. [3] S. P. Ghael, A. M. Sayeed and R. G. Baraniuk, "Improved wavelet denoising via empirical Wiener
       filtering", Proc. SPIE 3169 (1997), section 3: a pilot for the variance of the coefficients.
    """

    threshold: float = 3.0
    scales: int = 4
    positivity: bool = False

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.threshold >= 0:
            raise ParameterError(f"threshold: must not be negative, got {self.threshold}")
        if self.scales < 1:
            raise ParameterError(f"scales: must be at least 1, got {self.scales}")

    @in_unit_of_noise
    def __call__(
        self,
        observations: Sequence[Observation],
        grid: Grid,
        *,
        response: Response,
        light: SceneLight | None = None,
    ) -> MultibandResult:
        """Estimate all bands; parameters and errors as `JointWiener`.

        Parameters
        ----------
        observations : sequence of Observation
            Images of one scene; any pixels, masks and noise maps.
        grid : Grid
            Pixel grid of the estimate.
        response : mapping
            Weight of each band in every wide band.
        light : SceneLight, optional
            Power and colours of the field that this is a part of; by default those of these images.

        Returns
        -------
        MultibandResult
            Images at the target PSF.
        """
        prior, correlation = self.settled(self.prior(observations, grid, response, light=light))
        first, last = self._solvers(prior, correlation)
        twins = (first, last) if prior.twin is prior else self._solvers(prior.twin, correlation)
        basis, flux = colour_basis(len(prior.bands)), prior.relative_flux
        passage = measure_passage(prior.twin, *twins, basis / flux, self.scales)
        pairs = noise_pairs(twins[0], len(prior.bands), self.scales)
        start = first.apply(prior.data)
        pilot = shrink_colours(start, basis, flux, pairs, self.threshold)
        noise = np.diag(twins[0].noise_covariance)
        widest = colour_scales(prior.observations, grid.scale)
        colour = local_colour(pilot, flux, noise, widest)
        second, _ = _improved(prior, first, coloured(pilot, colour))
        pilot = shrink_colours(second, basis, flux, pairs, self.threshold)
        # the better pilot tells colours of a smaller neighbourhood
        colour = local_colour(pilot, flux, noise, max(widest - 1, 1))
        second, _ = _improved(prior, first, coloured(pilot, colour))
        sparse, variance = posterior_details(second, pilot, basis, colour, pairs, passage)
        estimate, residual = _improved(prior, last, sparse, last=True)
        if self.positivity:
            estimate, residual = np.maximum(estimate, 0), None
        return self.result(
            prior,
            estimate,
            passage.ground + variance,
            twins[0].noise_covariance,
            residual=residual,
            model=misfit_variance,
            wiener=start,
        )

    def _solvers(self, prior: ScenePrior, correlation: float) -> tuple[Solver, Solver]:
        return (
            prior.solver(correlation=correlation, strength=_FIRST_STRENGTH),
            prior.solver(correlation=_RESIDUAL_CORRELATION, strength=_RESIDUAL_STRENGTH),
        )


def _improved(prior: ScenePrior, solver: Solver, image: Any, *, last: bool = False) -> tuple[Any, Any]:
    """An image and the solution of what the data hold beyond it; of the last one, what remains if known."""
    if isinstance(solver, FourierWiener):
        return solver.improved(prior.data, image, residual=last)
    left = [d - p for d, p in zip(prior.data, prior.predict(image), strict=True)]
    return image + solver.apply(left, noise=last), None
