"""Starlet thresholding of images."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

from sigden.arrays import Kernel, namespace
from sigden.denoisers.base import Denoiser
from sigden.denoisers.prepare import as_rows, noise_per_row, unit_noise
from sigden.denoisers.starlet.fill import fill_masked, require_known
from sigden.denoisers.starlet.transform import checked_scales, scale_noise, starlet
from sigden.errors import InputError, ParameterError
from sigden.noise import mad_sigma
from sigden.solvers import Solution, Status

__all__ = ["Starlet"]

_HERE = "sigden.denoisers.starlet"
_SHRINK = Kernel(
    "starlet_shrink",
    generic=f"{_HERE}.starlet_generic:starlet_shrink",
    numba=f"{_HERE}.starlet_numba:starlet_shrink",
)
_RESTORE = Kernel(
    "starlet_restore",
    generic=f"{_HERE}.starlet_generic:starlet_restore",
    numba=f"{_HERE}.starlet_numba:starlet_restore",
)


@dataclass(frozen=True, kw_only=True)
class Starlet(Denoiser):
    """Starlet (isotropic undecimated wavelet) thresholding of images.

    Parameters
    ----------
    threshold : float, default 3.0
        Details below so many standard deviations of their noise are set to zero; 0 returns the input.
    shrinkage : {"hard", "soft"}, default "hard"
        ``"hard"`` keeps the other details as they are; ``"soft"`` draws them towards zero by the threshold,
        which is smoother and loses flux.
    scales : int, default 4
        Number of detail scales; what is wider than about ``2**scales`` pixels is left as it is.
    passes : int, default 2
        Times the significant details are restored, for hard thresholds; 1 is plain thresholding. Soft
        thresholds take one.
    positivity : bool, default False
        Set negative values of the estimate to zero, in the unit of the data: for images without background.

    Notes
    -----
    With the details :math:`w_j` of the transform [1]_ and :math:`\\sigma_j` their noise (`scale_noise`),

    .. math:: u = c_J + \\sum_j T_{k\\sigma\\sigma_j}(w_j)

    where T is the hard or the soft threshold and k is `threshold`. Details that are set to zero held part of
    the light of those that stay, as the transform is redundant: plain hard thresholding loses flux. Each
    further pass adds what the residual has in the support of the significant details [2]_,

    .. math:: u \\leftarrow u + c_J(f - u) + \\sum_j 1_{|w_j(f)| > k\\sigma\\sigma_j} w_j(f - u).

    On simulated galaxies the second pass cuts the error of aperture fluxes to a fifth, and more passes
    bring more noise. Without `sigma`, the noise level is the median absolute deviation of the finest details.
    Masked samples are filled from their neighbours by normalised convolution before, and do not count for
    the noise level.

    References
    ----------
    .. [1] J.-L. Starck, J. Fadili and F. Murtagh, "The undecimated wavelet decomposition and its
       reconstruction", IEEE Trans. Image Process. 16 (2007) 297, section III.
    .. [2] F. Murtagh, J.-L. Starck and A. Bijaoui, "Image restoration with noise suppression using a
       multiresolution support", Astron. Astrophys. Suppl. 112 (1995) 179, section 3.

    Examples
    --------
    >>> import numpy as np
    >>> from sigden import Starlet
    >>> row, column = np.mgrid[-16:16, -16:16]
    >>> image = 10 * np.exp(-(row**2 + column**2) / 18)
    >>> noisy = image + np.random.default_rng(0).standard_normal(image.shape)
    >>> bool(np.mean((Starlet()(noisy) - image) ** 2) < 0.2 * np.mean((noisy - image) ** 2))
    True
    """

    axes: ClassVar[str] = "(..., rows, columns)"

    threshold: float = 3.0
    shrinkage: Literal["hard", "soft"] = "hard"
    scales: int = 4
    passes: int = 2
    positivity: bool = False

    def __post_init__(self) -> None:
        if not self.threshold >= 0:
            raise ParameterError(f"threshold: must not be negative, got {self.threshold}")
        if self.shrinkage not in ("hard", "soft"):
            raise ParameterError(f"shrinkage: must be 'hard' or 'soft', got {self.shrinkage!r}")
        checked_scales(self.scales)
        if self.passes < 1:
            raise ParameterError(f"passes: must be at least 1, got {self.passes}")

    def solve(self, values: Any, *, sigma: Any = None, mask: Any = None) -> Solution:
        """Denoise a plain array.

        Parameters
        ----------
        values : array of float32 or float64, shape ``(*batch, rows, columns)``
            Real data.
        sigma : float or array of the batch shape, optional
            Standard deviation of the noise; of an array of the data's shape the median of each image counts.
            Estimated image by image from the finest details when absent.
        mask : array of bool, optional
            True where a sample is to be ignored; the estimate there joins its neighbours.

        Returns
        -------
        Solution
            Thresholding is direct, the gap is zero; `details` holds ``threshold`` and ``sigma``, the latter
            one per image.

        Raises
        ------
        InputError
            If unmasked data are not finite (the index is named), sigma or mask do not fit, or an image has
            no unmasked sample.
        """
        start = time.perf_counter()
        xp = namespace(values)
        rows = as_rows(values, 2, mask)
        row_mask = None if mask is None or not bool(xp.any(mask)) else xp.reshape(mask, rows.shape)
        if row_mask is not None:
            require_known(row_mask)
        given = None if sigma is None else noise_per_row(sigma, values, 2)
        # of order one from here on: strain-like units underflow float32
        scaling = unit_noise(rows, xp.max(xp.abs(_known(rows, row_mask)), axis=(1, 2)), row_mask)
        z = scaling.apply(rows)
        if row_mask is not None:
            z = fill_masked(z, row_mask)
        level = _noise_level(z, row_mask, scaling) if given is None else given
        size = xp.reshape(level, (-1, 1, 1)) / scaling.scale
        quiet = (size == 0) | (self.threshold == 0)
        unit = xp.where(size > 0, size, xp.ones_like(size))
        estimate = scaling.undo(self._restore(z / unit) * unit)
        # an image without noise or threshold comes back to the last bit
        untouched = xp.broadcast_to(quiet, rows.shape)
        if row_mask is None:
            estimate = xp.where(untouched, rows, estimate)
        else:
            estimate = xp.where(untouched, xp.where(row_mask, scaling.undo(z), rows), estimate)
        if self.positivity:
            estimate = xp.where(estimate > 0, estimate, xp.zeros_like(estimate))
        finite = bool(xp.all(xp.isfinite(estimate)))
        return Solution(
            estimate=xp.reshape(estimate, values.shape),
            status=Status.CONVERGED if finite else Status.NON_FINITE,
            iterations=self.passes if self.shrinkage == "hard" else 1,
            gap=0.0,
            history=(),
            seconds=time.perf_counter() - start,
            details={"threshold": self.threshold, "sigma": level, "certificate": "closed form"},
        )

    def _restore(self, z: Any) -> Any:
        """Estimate from images of unit noise."""
        limits = [self.threshold * level for level in scale_noise(self.scales)[: self.scales]]
        hard = self.shrinkage == "hard"
        estimate = _SHRINK(z, limits, hard)
        for _ in range(self.passes - 1 if hard else 0):
            estimate = estimate + _RESTORE(z - estimate, z, limits)
        return estimate


def _known(rows: Any, mask: Any) -> Any:
    xp = namespace(rows)
    return rows if mask is None else xp.where(mask, xp.zeros_like(rows), rows)


def _noise_level(z: Any, mask: Any, scaling: Any) -> Any:
    """Level of each image from the finest details that no masked sample touches."""
    xp = namespace(z)
    details = starlet(z, 1)[:, 0, :, :]
    touched = None
    if mask is not None:
        touched = starlet(xp.astype(mask, z.dtype), 1)[:, 1, :, :] > 0
        alone = xp.all(xp.reshape(touched, (z.shape[0], -1)), axis=-1)
        if bool(xp.any(alone)):
            index = int(xp.argmax(xp.astype(alone, xp.int8)))
            raise InputError(
                f"input: in image {index} every 5 x 5 pixels hold a masked sample, too many to tell the "
                "noise level; give sigma"
            )
    found = mad_sigma(details, axis=(-2, -1), mask=touched) / scale_noise(1)[0]
    return xp.astype(found, z.dtype) * xp.reshape(scaling.scale, (-1,))
