"""Any joint method with a denoiser after it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from sigden.denoisers.base import Denoiser
from sigden.denoisers.starlet import Starlet
from sigden.errors import ParameterError
from sigden.method import Method
from sigden.multiband.after.bootstrap import called
from sigden.multiband.after.denoise import Denoise, denoised_with_errors
from sigden.multiband.data.grid import Grid
from sigden.multiband.data.observation import Observation
from sigden.multiband.data.response import Response
from sigden.multiband.data.result import MultibandResult
from sigden.multiband.joint.wiener import JointWiener

__all__ = ["Denoised"]

_DECONVOLUTION = JointWiener()
_DENOISER = Starlet()


@dataclass(frozen=True, kw_only=True)
class Denoised(Method):
    """Denoised deconvolution: any joint method, then a denoiser that is told the noise of its result.

    Parameters
    ----------
    deconvolution : Method, default JointWiener()
        Method that takes observations, grid and response: `JointWiener`, `JointSparse`, `JointGradient`,
        `LocalColour`.
    denoiser : Denoiser, default Starlet()
        What takes the noise off each band.
    draws : int, default 8
        Bootstrap repetitions that measure the noise before and after denoising.
    seed : int, default 0
        Of the draws.

    Notes
    -----
    The noise of a deconvolved image is coloured. Its level in each starlet scale is measured in repetitions
    of the method on new draws of the noise (`bootstrap`), and the denoiser is told the level of each scale
    (`denoise_result`), the same over the whole image. `uncertainty` and
    `noise_covariance` come from the repetitions, denoised in the same way; detail that the denoiser takes
    for noise is not in them, but ``details["bootstrap"]["bias"]`` tells of it.

    References
    ----------
    .. [1] U. Akhaury, P. Jablonka, F. Courbin and J.-L. Starck, "Joint multiband deconvolution for Euclid and
       Vera C. Rubin images", Astron. Astrophys. 697 (2025), A136, section 2: a denoiser after deconvolution.
    .. [2] B. Efron and R. J. Tibshirani, "An introduction to the bootstrap" (Chapman and Hall, 1993), section
       6.5.
    """

    axes: ClassVar[str] = "list of (rows, columns) -> (bands, rows, columns)"

    deconvolution: Method = _DECONVOLUTION
    denoiser: Denoiser = _DENOISER
    draws: int = 8
    seed: int = 0

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.draws < 2:
            raise ParameterError(f"draws: must be at least 2, got {self.draws}")
        if self.seed < 0:
            raise ParameterError(f"seed: must not be negative, got {self.seed}")

    def __call__(
        self,
        observations: Sequence[Observation],
        grid: Grid,
        *,
        response: Response,
        denoise: Denoise | None = None,
    ) -> MultibandResult:
        """Estimate all bands and denoise them.

        Parameters
        ----------
        observations : sequence of Observation
            Images of one scene, as the method takes them; NumPy arrays.
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
            Images at the target PSF; ``details["before_denoising"]`` holds those of the method.

        Raises
        ------
        InputError
            If the observations do not fit the grid or each other, or `denoise` returns what is no image.
        ParameterError
            If `deconvolution` gives no result of several bands.
        """
        result = called(self.deconvolution, observations, grid, response)
        return denoised_with_errors(
            self.deconvolution,
            result,
            observations,
            grid,
            response,
            self.denoiser if denoise is None else denoise,
            draws=self.draws,
            seed=self.seed,
        )
