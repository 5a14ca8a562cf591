"""A few bands picked by rank-revealing QR, denoised, and all bands from them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from sigden.arrays import namespace, to_numpy
from sigden.denoisers import ROF, Denoiser
from sigden.hyperspectral.beside import beside, contiguous
from sigden.hyperspectral.classical.frame import CentredCube, ClassicalMethod, Restored, at_least
from sigden.hyperspectral.classical.orthogonal import signal_directions

__all__ = ["RRQRSubspace", "picked_bands"]


@dataclass(frozen=True, kw_only=True)
class RRQRSubspace(ClassicalMethod):
    """Reduced image of a few picked bands, denoised by any image denoiser, and all bands as mixtures of it.

    Parameters
    ----------
    denoiser : Denoiser or None, default None
        Image denoiser; it gets the reduced image, shape (rank, rows, columns), in the unit of the data, and
        the noise level of each of its bands. None is ``ROF()``: total variation, its weight by SURE.
    rank : int or None, default None
        Number of bands of the reduced image, at most that of the cube; None counts the directions above the
        noise.

    Notes
    -----
    With the whitened spectra Y, one pixel a row, and the orthonormal basis V of their subspace, the cube is
    written as reduced image times coefficients [1]_,

    .. math:: Y \\approx A E^T, \\quad E = V V_p^{-1}, \\quad A = Y V V_p^T,

    where p are the bands that QR with column pivoting of :math:`V^T` picks [2]_, so that the rows :math:`V_p`
    are far from singular. A holds these bands themselves, each as the whole subspace predicts it, and
    :math:`E_p = I`. In the paper a diffusion model under total variation restores A; here any
    denoiser does, one that a user brings included. The mean spectrum is kept apart from E and added to A.

    `details` holds ``rank``, ``bands``, the picked ones counted among those with noise, ``coefficients``, the
    whitened E, and ``reduced``, the denoised A, shape (rows, columns, rank), in the unit of the data.

    References
    ----------
    .. [1] L. Pang, X. Rui, L. Cui, H. Wang, D. Meng and X. Cao, "HIR-Diff: unsupervised hyperspectral image
       restoration via improved diffusion models", Proc. IEEE Conf. Computer Vision and Pattern Recognition
       (2024) 3005, section 3.
    .. [2] T. F. Chan, "Rank revealing QR factorizations", Linear Algebra Appl. 88-89 (1987) 67.

    Examples
    --------
    >>> import numpy as np
    >>> from sigden import RRQRSubspace
    >>> from sigden.simulate import gaussian_noise, spectral_cube
    >>> truth = spectral_cube(seed=1)
    >>> noisy = gaussian_noise(truth, sigma=0.05, seed=2)
    >>> bool(np.mean((RRQRSubspace()(noisy) - truth) ** 2) < 0.05 * np.mean((noisy - truth) ** 2))
    True
    """

    denoiser: Denoiser | None = None
    rank: int | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.rank is not None:
            at_least(self.rank, 1, "rank")

    def restore(self, cube: CentredCube) -> Restored:
        """Estimate of a complete cube of order one."""
        y = cube.whitened
        xp, basis = namespace(y), to_numpy(signal_directions(y, self.rank)).astype(np.float64)
        picked = picked_bands(basis)
        rows_of_basis = basis[picked]
        coefficients = np.linalg.solve(rows_of_basis.T, basis.T).T
        level = cube.sigma[picked] * cube.scale
        unit, mean = beside(level, y), beside(to_numpy(cube.mean)[picked] * cube.scale, y)
        reduced = y @ beside(basis @ rows_of_basis.T, y) * unit + mean
        noise = level * np.linalg.norm(rows_of_basis, axis=1)
        images = contiguous(xp.permute_dims(reduced, (2, 0, 1)))
        denoiser = ROF() if self.denoiser is None else self.denoiser
        reduced = xp.permute_dims(denoiser.estimate(images, sigma=beside(noise, y)), (1, 2, 0))
        estimate = cube.coloured(((reduced - mean) / unit) @ beside(coefficients.T, y))
        return Restored(
            estimate,
            details={
                "rank": len(picked),
                "bands": tuple(int(band) for band in picked),
                "coefficients": coefficients,
                "reduced": reduced,
            },
        )


def picked_bands(basis: Any) -> Any:
    """Bands whose rows of a basis are far from singular, by QR with column pivoting.

    Parameters
    ----------
    basis : ndarray, shape (bands, rank)
        Orthonormal columns.

    Returns
    -------
    ndarray of int, shape (rank,)
        The most independent band first.
    """
    from scipy.linalg import qr

    return qr(basis.T, mode="r", pivoting=True)[1][: basis.shape[1]]
