"""Whitened subspace with any image denoiser."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sigden.arrays import device_of, namespace
from sigden.denoisers import Denoiser
from sigden.errors import ParameterError
from sigden.hyperspectral.screen import Search
from sigden.hyperspectral.steps import ImageStep, Recipe
from sigden.hyperspectral.subspace_method import SubspaceMethod

__all__ = ["SubspaceDenoise", "checked_rank", "denoiser_step"]

_DENOISER = 100  # bytes that image denoisers take for each pixel


@dataclass(frozen=True, kw_only=True)
class SubspaceDenoise(SubspaceMethod):
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

    def recipe(self) -> Recipe:
        """No search, and the given denoiser."""
        step = ImageStep(_keep, 0) if self.denoiser is None else denoiser_step(self.denoiser)
        search = Search(dead=False, impulses=False, stripes=False)
        return Recipe(step, search, rank=self.rank, adapt=False)


def checked_rank(rank: int | None) -> None:
    """Refuse a rank below one."""
    if rank is not None and rank < 1:
        raise ParameterError(f"rank: must be at least 1, got {rank}")


def denoiser_step(denoiser: Denoiser) -> ImageStep:
    """Step of the pipeline that runs an image denoiser."""

    def run(images: Any, power: Any) -> tuple[Any, Any]:
        xp = namespace(images)
        level = xp.ones(images.shape[0], dtype=images.dtype, device=device_of(images))
        return denoiser(images, sigma=level), None

    return ImageStep(run, None, pixel_bytes=_DENOISER)


def _keep(images: Any, power: Any) -> tuple[Any, Any]:
    return images, namespace(images).ones_like(images)
