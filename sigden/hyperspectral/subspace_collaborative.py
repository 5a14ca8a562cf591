"""The default for cubes: nothing to set, everything found in the data."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sigden.hyperspectral.beside import mirrored
from sigden.hyperspectral.collaborative.filter import (
    ALIGN,
    BLOCK,
    HALO,
    UnevenNoise,
    collaborative_filter,
    guided_filter,
)
from sigden.hyperspectral.screen import Search
from sigden.hyperspectral.steps import ImageStep, Recipe
from sigden.hyperspectral.subspace_method import SubspaceMethod

__all__ = ["COLLABORATIVE", "SubspaceCollaborative", "collaborative_step"]


@dataclass(frozen=True, kw_only=True)
class SubspaceCollaborative(SubspaceMethod):
    """Low-rank denoising of cubes with collaborative filtering of the eigen-images; no parameters.

    Notes
    -----
    1. Defects are searched for and taken out only on evidence: values that repeat whatever the signal is,
       single voxels that no noise explains and that lie at random, columns or rows that are shifted from end
       to end. Missing samples are predicted by the other bands.
    2. The noise level of every band follows from spectral regression (`noise_sigma`). Where the noise grows
       with the signal, its variance is stabilised by a transform of each band; where neighbouring pixels
       are correlated, their noise power is measured in directions that hold no signal.
    3. In units of the noise, the directions of the spectra that rise above it span the signal
       (`marchenko_pastur_edge`), those that only smoothing brings out included.
    4. The coefficients along them, images of unit noise, are denoised together: sliding cosine transform,
       block matching that all images share, collaborative Wiener filter in the principal directions that the
       images have at each place, coarsely first and once more with that estimate as its guide.
    5. Where the noise grows with the signal, 2 to 4 are done on stabilised noise, and once more in the unit
       of the data, where the scene is of low rank whatever the light: every spectrum counts for the subspace
       by the noise level that the first estimate gives its pixel, the estimate's principal directions lead
       it, and it guides the filter, in which every stack of blocks has the noise covariance of its place.

    The whitened subspace with denoised eigen-images is that of FastHyDe [1]_; the filter is described in [2]_
    and is implemented here without the code of its authors, whose licence does not allow every use.
    Arrays of other libraries stay in their library and on their device, see the page of this room.

    References
    ----------
    .. [1] L. Zhuang and J. M. Bioucas-Dias, "Fast hyperspectral image denoising and inpainting based on
       low-rank and sparse representations", IEEE J. Sel. Top. Appl. Earth Obs. Remote Sens. 11 (2018) 730,
       section II.
    .. [2] K. Dabov, A. Foi, V. Katkovnik and K. Egiazarian, "Image denoising by sparse 3-D transform-domain
       collaborative filtering", IEEE Trans. Image Process. 16 (2007) 2080.

    Examples
    --------
    >>> import numpy as np
    >>> from sigden import SubspaceCollaborative
    >>> from sigden.simulate import mixed_noise, spectral_cube
    >>> truth = spectral_cube(seed=1)
    >>> noisy = mixed_noise(truth, seed=2)
    >>> result = SubspaceCollaborative().solve(noisy)
    >>> bool(np.mean((result.estimate - truth) ** 2) < 0.01 * np.mean((noisy - truth) ** 2))
    True
    """

    def recipe(self) -> Recipe:
        """Every search and the collaborative filter."""
        return Recipe(COLLABORATIVE, Search())


def collaborative_step(images: Any, power: Any) -> tuple[Any, Any]:
    """Collaborative filter of eigen-images; images smaller than a block are mirrored up to its size."""
    return _cropped(collaborative_filter(_mirrored(images), power), images.shape)


def led_step(images: Any, guide: Any, power: Any, noise: UnevenNoise) -> tuple[Any, Any]:
    """The same, led by an estimate, in noise that differs from place to place."""
    noise = UnevenNoise(_mirrored(noise.weights), noise.parts)
    return _cropped(guided_filter(_mirrored(images), _mirrored(guide), power, noise), images.shape)


def _mirrored(images: Any) -> Any:
    rows, columns = images.shape[1:]
    if min(rows, columns) >= BLOCK:
        return images
    for axis, length in ((1, rows), (2, columns)):
        images = mirrored(images, axis, 0, max(0, BLOCK - length), twice=True)
    return images


def _cropped(results: tuple[Any, Any], shape: tuple[int, ...]) -> tuple[Any, Any]:
    estimate, gain = results
    return estimate[:, : shape[1], : shape[2]], gain[:, : shape[1], : shape[2]]


COLLABORATIVE = ImageStep(
    collaborative_step, HALO, align=ALIGN, pixel_bytes=28, shared_bytes=64, led=led_step
)
"""Collaborative filter as a step of the methods."""
