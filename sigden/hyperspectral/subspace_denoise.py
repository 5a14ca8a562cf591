"""Whitened subspace with any image denoiser."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from sigden.denoisers import Denoiser
from sigden.errors import ParameterError
from sigden.hyperspectral.base import CubeMethod
from sigden.hyperspectral.pipeline import ImageStep, denoise_cube
from sigden.hyperspectral.result import CubeResult
from sigden.hyperspectral.screen import Search

__all__ = ["SubspaceDenoise", "checked_rank", "denoiser_step"]


@dataclass(frozen=True, kw_only=True)
class SubspaceDenoise(CubeMethod):
    """Low-rank denoising of cubes with any image denoiser on the eigen-images.

    Parameters
    ----------
    denoiser : Denoiser, optional
        Image denoiser, for example ``ROF()`` or ``Starlet()``: it gets each eigen-image with unit noise. When
        absent, the cube is projected on its subspace and nothing more, which is very fast.
    rank : int, optional
        Dimension of the signal subspace; `marchenko_pastur_edge` decides when absent.

    Notes
    -----
    Spectra are divided by the noise level of each band, the eigenvectors of their covariance that rise above
    the noise span the signal, the coefficients are images of unit noise and are denoised one by one. Defects
    are not looked for: see `RobustSubspace`.

    References
    ----------
    .. [1] L. Zhuang and J. M. Bioucas-Dias, "Fast hyperspectral image denoising and inpainting based on
       low-rank and sparse representations", IEEE J. Sel. Top. Appl. Earth Obs. Remote Sens. 11 (2018) 730,
       section II.

    Examples
    --------
    >>> import numpy as np
    >>> from sigden import ROF, SubspaceDenoise
    >>> from sigden.simulate import gaussian_noise, spectral_cube
    >>> truth = spectral_cube(seed=1)
    >>> noisy = gaussian_noise(truth, 0.1, seed=2)
    >>> plain = SubspaceDenoise()(noisy)
    >>> smooth = SubspaceDenoise(denoiser=ROF())(noisy)
    >>> error = [np.mean((x - truth) ** 2) for x in (noisy, plain, smooth)]
    >>> bool(error[0] > 5 * error[1] > 10 * error[2])
    True
    """

    denoiser: Denoiser | None = None
    rank: int | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        checked_rank(self.rank)

    def solve(self, cube: Any, *, sigma: Any = None, mask: Any = None) -> CubeResult:
        """Denoise a plain cube.

        Parameters
        ----------
        cube : array of float32 or float64, shape (rows, columns, bands)
            Real data; NaN is missing.
        sigma : float or array of shape (bands,) or of the cube, optional
            Standard deviation of the noise; estimated when absent.
        mask : array of bool, shape of the cube, optional
            True where a sample is to be ignored.

        Returns
        -------
        CubeResult
            Estimate, noise and subspace.

        Raises
        ------
        InputError
            If the cube, sigma or mask cannot be used.
        ParameterError
            If the rank exceeds the number of bands.
        """
        step = _keep if self.denoiser is None else denoiser_step(self.denoiser)
        search = Search(dead=False, impulses=False, stripes=False)
        return denoise_cube(cube, sigma, mask, step, search=search, rank=self.rank, adapt=False)


def checked_rank(rank: int | None) -> None:
    """Refuse a rank below one."""
    if rank is not None and rank < 1:
        raise ParameterError(f"rank: must be at least 1, got {rank}")


def denoiser_step(denoiser: Denoiser) -> ImageStep:
    """Step of the pipeline that runs an image denoiser."""

    def step(images: Any, power: Any) -> tuple[Any, Any]:
        return denoiser(images, sigma=np.ones(len(images), dtype=images.dtype)), None

    return step


def _keep(images: Any, power: Any) -> tuple[Any, Any]:
    return images, np.ones_like(images)
