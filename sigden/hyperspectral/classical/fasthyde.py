"""FastHyDe and FastHyIn: eigen-images of the whitened cube denoised one by one, missing voxels filled in."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from sigden.arrays import device_of, namespace, require_mask
from sigden.denoisers import Denoiser
from sigden.errors import ParameterError
from sigden.hyperspectral.beside import contiguous
from sigden.hyperspectral.classical.anscombe import anscombe, inverse_anscombe
from sigden.hyperspectral.classical.frame import (
    CentredCube,
    ClassicalMethod,
    CubeSolution,
    Restored,
    at_least,
)
from sigden.hyperspectral.classical.orthogonal import signal_directions
from sigden.hyperspectral.pixels import checked_cube, mean_spectrum
from sigden.hyperspectral.signal_dependence import poisson_gaussian
from sigden.hyperspectral.subspace_collaborative import collaborative_step

__all__ = ["FastHyDe", "FastHyIn", "denoised_images"]


@dataclass(frozen=True, kw_only=True)
class FastHyDe(ClassicalMethod):
    """FastHyDe: eigen-images of the whitened cube denoised one by one.

    Parameters
    ----------
    rank : int or None, default 10
        Dimension of the subspace, at most the number of bands; None counts the directions above the noise,
        which is better for scenes of many materials and worse where there are outliers.
    noise_model : {"gaussian", "poisson"}, default "gaussian"
        ``"gaussian"``: additive, of its own level in each band. ``"poisson"``: photon noise, brought to unit
        variance by Anscombe's transform and back by its exact unbiased inverse; `sigma` does not count.
    gain : float or None, default None
        Unit of the data per photon, for ``"poisson"``; None fits it (`poisson_gaussian`).
    denoiser : Denoiser or None, default None
        Image denoiser, gets each eigen-image with unit noise; None is a collaborative Wiener filter of
        similar blocks (the authors take BM3D, whose program may not be used freely).

    Notes
    -----
    With the spectra y of the whitened cube and the orthonormal basis E of their signal subspace [1]_,

    .. math:: \\hat x = E \\hat z, \\quad \\hat z = \\arg\\min_z \\tfrac12 \\|E z - y\\|^2 + \\lambda \\phi(z)
              = \\Psi_{\\lambda\\phi}(E^T y),

    where the penalty :math:`\\phi` is a sum over the rows of z, which are images and nearly uncorrelated,
    so that the denoiser :math:`\\Psi` works on one at a time. The subspace holds the strongest directions
    of the whitened spectra; the paper finds them by HySime (`hysime`). The mean spectrum is taken off
    before and added after. `details` holds ``rank``, and ``gain`` for photon noise.

    References
    ----------
    .. [1] L. Zhuang and J. M. Bioucas-Dias, "Fast hyperspectral image denoising and inpainting based on
       low-rank and sparse representations", IEEE J. Sel. Top. Appl. Earth Obs. Remote Sens. 11 (2018) 730,
       section II.

    Examples
    --------
    >>> import numpy as np
    >>> from sigden import FastHyDe
    >>> from sigden.simulate import gaussian_noise, spectral_cube
    >>> truth = spectral_cube(seed=1)
    >>> noisy = gaussian_noise(truth, sigma=0.05, seed=2)
    >>> bool(np.mean((FastHyDe()(noisy) - truth) ** 2) < 0.05 * np.mean((noisy - truth) ** 2))
    True
    """

    rank: int | None = 10
    noise_model: Literal["gaussian", "poisson"] = "gaussian"
    gain: float | None = None
    denoiser: Denoiser | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.rank is not None:
            at_least(self.rank, 1, "rank")
        if self.gain is not None and not 0 < self.gain < np.inf:
            raise ParameterError(f"gain: must be positive and finite, got {self.gain}")

    def restore(self, cube: CentredCube) -> Restored:
        """Estimate of a complete cube of order one."""
        if self.noise_model == "gaussian":
            y, rank = self._low_rank(cube.whitened)
            return Restored(cube.coloured(y), details={"rank": rank})
        light = cube.values + cube.mean
        gain = float(poisson_gaussian(light).gain if self.gain is None else self.gain / cube.scale)
        if not gain > 0:
            raise ParameterError(
                "noise_model: the noise does not grow with the signal, as photon noise would; give gain, or "
                "use noise_model='gaussian'"
            )
        y = anscombe(light / gain)
        mean = mean_spectrum(y)
        y, rank = self._low_rank(y - mean)
        estimate = inverse_anscombe(y + mean) * gain - cube.mean
        return Restored(estimate, details={"rank": rank, "gain": gain * cube.scale})

    def _low_rank(self, y: Any) -> tuple[Any, int]:
        xp, basis = namespace(y), signal_directions(y, self.rank)
        images = contiguous(xp.permute_dims(y @ basis, (2, 0, 1)))
        images = denoised_images(images, self.denoiser)
        return xp.permute_dims(images, (1, 2, 0)) @ basis.T, basis.shape[1]


@dataclass(frozen=True, kw_only=True)
class FastHyIn(FastHyDe):
    """FastHyIn: FastHyDe for cubes with missing voxels, which their pixel's known bands predict.

    Parameters
    ----------
    missing_value : float or None, default None
        Voxels of exactly this value are missing too, for data that mark them so, for example 0; None takes
        the mask and NaN alone.
    rank, noise_model, gain, denoiser
        As `FastHyDe`.

    Notes
    -----
    With the mask M of the known bands of a pixel, its coefficients are [1]_

    .. math:: z = (E^T M E + \\Lambda^{-1})^{-1} E^T M y,

    where the variances :math:`\\Lambda` of the signal, which the paper leaves out, keep pixels with fewer
    known bands than directions determined. E is found in the complete pixels where they are at least twice
    as many as the bands, and with the filled ones otherwise. The missing bands become those of Ez, and
    `FastHyDe` follows.

    References
    ----------
    .. [1] L. Zhuang and J. M. Bioucas-Dias, "Fast hyperspectral image denoising and inpainting based on
       low-rank and sparse representations", IEEE J. Sel. Top. Appl. Earth Obs. Remote Sens. 11 (2018) 730,
       section III.

    Examples
    --------
    >>> import numpy as np
    >>> from sigden import FastHyIn
    >>> from sigden.simulate import gaussian_noise, spectral_cube
    >>> truth = spectral_cube(seed=1)
    >>> noisy = gaussian_noise(truth, sigma=0.05, seed=2)
    >>> noisy[:, 20, ::3] = 0.0
    >>> estimate = FastHyIn(missing_value=0.0)(noisy)
    >>> bool(np.abs(estimate[:, 20] - truth[:, 20]).mean() < 0.02)
    True
    """

    missing_value: float | None = None

    def solve(  # type: ignore[override]
        self, cube: Any, *, sigma: Any = None, mask: Any = None
    ) -> CubeSolution:
        """Denoise a plain cube and fill in what is missing; as `FastHyDe`."""
        if self.missing_value is not None:
            values = checked_cube(cube)
            marked = values == self.missing_value
            if mask is not None:
                require_mask(mask, values, "cube")
                marked = marked | mask
            mask = marked
        return super().solve(cube, sigma=sigma, mask=mask)


def denoised_images(images: Any, denoiser: Denoiser | None) -> Any:
    """Images of unit noise, shape (count, rows, columns), each denoised by itself."""
    xp, count = namespace(images), images.shape[0]
    if denoiser is not None:
        unit = xp.ones(count, dtype=images.dtype, device=device_of(images))
        return denoiser.estimate(images, sigma=unit)
    return xp.concat([collaborative_step(images[k : k + 1, ...], None)[0] for k in range(count)])
