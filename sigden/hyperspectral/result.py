"""What a method for cubes hands back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sigden.arrays import namespace
from sigden.hyperspectral.beside import beside
from sigden.hyperspectral.stabilise import Stabiliser
from sigden.hyperspectral.subspace import Subspace

__all__ = ["Components", "CubeResult", "propagated_variance"]


@dataclass(frozen=True, eq=False)
class Components:
    """What was taken off a cube beside Gaussian noise.

    Parameters
    ----------
    dead : array of bool, shape (rows, columns, bands), or None
        Samples that read one value whatever the signal is: dead lines and pixels, saturated impulses.
    impulses : array of bool, shape (rows, columns, bands), or None
        Single samples that the noise cannot explain.
    column_stripes : ndarray, shape (columns, bands)
        Offset of each column, in the unit of the data; 0 where there is none.
    row_stripes : ndarray, shape (rows, bands)
        Offset of each row.
    """

    dead: Any
    impulses: Any
    column_stripes: Any
    row_stripes: Any

    @property
    def outliers(self) -> Any:
        """Samples that did not count, dead or impulses, shape (rows, columns, bands)."""
        xp = namespace(self.row_stripes)
        out = xp.zeros_like(self.stripes, dtype=xp.bool)
        for part in (self.dead, self.impulses):
            if part is not None:
                out |= part
        return out

    @property
    def stripes(self) -> Any:
        """Offset of every sample, shape (rows, columns, bands), in the unit of the data."""
        return self.column_stripes[None, ...] + self.row_stripes[:, None, :]

    def counts(self) -> dict[str, int]:
        """Number of dead samples, impulses, striped columns and striped rows."""
        count = namespace(self.row_stripes).count_nonzero
        return {
            "dead": 0 if self.dead is None else int(count(self.dead)),
            "impulses": 0 if self.impulses is None else int(count(self.impulses)),
            "column_stripes": int(count(self.column_stripes)),
            "row_stripes": int(count(self.row_stripes)),
        }


@dataclass(frozen=True, eq=False)
class CubeResult:
    """Denoised cube and what was learnt on the way.

    Parameters
    ----------
    estimate : array, shape (rows, columns, bands)
        Denoised cube, in the unit and dtype of the data.
    sigma : array, shape (bands,)
        Noise level of each band.
    pixel_scale : array, shape (rows, columns), or None
        Noise level of each pixel relative to that of its band, given or by the law of the noise; None if all
        pixels are alike.
    stabiliser : Stabiliser or None
        Law of the noise, where it was found to grow with the signal, and the transform that makes it uniform.
    space : Subspace
        Signal subspace: of spectra divided by given levels of pixels; where there is a `stabiliser` and no
        `pixel_scale`, of transformed ones.
    eigen_images : array, shape (rank, rows, columns)
        Denoised coefficients, in units of their noise.
    gain : array, shape (rank, rows, columns), or None
        Part of the noise variance of the pixel left in the eigen-images; None where the denoiser does not
        tell.
    components : Components
        What was taken off beside noise.
    noise_power : ndarray, shape (8, 8)
        Noise variance of the cosine coefficients of blocks; ones for white noise.

    Notes
    -----
    Arrays are of the library and on the device of the cube; `space`, `stabiliser` and `noise_power` hold
    small matrices of NumPy.
    """

    estimate: Any
    sigma: Any
    pixel_scale: Any
    stabiliser: Stabiliser | None
    space: Subspace
    eigen_images: Any
    gain: Any
    components: Components
    noise_power: Any

    @property
    def rank(self) -> int:
        """Dimension of the signal subspace."""
        return self.space.rank

    def variance(self) -> Any:
        """Variance of the noise left in the estimate.

        Returns
        -------
        ndarray, shape (rows, columns, bands), or None
            Propagated noise, at most, of a fixed subspace and without the error of what was smoothed away; in
            the unit of the data, squared. None where the denoiser does not tell.
        """
        if self.gain is None:
            return None
        xp = namespace(self.estimate)
        scale = None if self.pixel_scale is None else xp.reshape(self.pixel_scale, (-1,))
        pixels = xp.reshape(self.estimate, (-1, self.estimate.shape[2]))
        out = propagated_variance(self.space, self.gain, scale, self.stabiliser, pixels)
        return xp.reshape(out, self.estimate.shape)


def propagated_variance(
    space: Subspace, gain: Any, pixel_scale: Any, stabiliser: Stabiliser | None, estimate: Any
) -> Any:
    """Variance of the noise left in spectra.

    Parameters
    ----------
    space : Subspace
        Signal subspace, in the unit of the data.
    gain : ndarray, shape (rank, rows, columns)
        Part of the noise variance left in the eigen-images.
    pixel_scale : ndarray, shape (pixels,), or None
        Noise level of each pixel relative to that of its band.
    stabiliser : Stabiliser or None
        Transform to uniform noise; not used where levels of pixels are given.
    estimate : ndarray, shape (pixels, bands)
        Denoised spectra.

    Returns
    -------
    ndarray, shape (pixels, bands)
        In the unit of the data, squared.
    """
    xp = namespace(gain)
    out = xp.reshape(gain, (space.rank, estimate.shape[0])).T @ beside(space.backward() ** 2, gain)
    if pixel_scale is not None:
        out *= xp.astype(pixel_scale[:, None] ** 2, out.dtype)
    elif stabiliser is not None:
        out *= stabiliser.slope(estimate) ** 2
    return out
