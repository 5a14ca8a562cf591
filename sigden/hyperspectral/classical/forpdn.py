"""FORPDN: first-order roughness of spectra, penalised in the wavelet domain."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from sigden.arrays import namespace, to_numpy
from sigden.hyperspectral.beside import beside
from sigden.hyperspectral.classical.frame import CentredCube, ClassicalMethod, Restored, at_least
from sigden.hyperspectral.classical.wavelet import ImageWavelet, daubechies

__all__ = ["FORPDN", "least_risk_weight"]

_GRID = 241


@dataclass(frozen=True, kw_only=True)
class FORPDN(ClassicalMethod):
    """FORPDN: wavelet details whose spectra are smoothed by a first-order roughness penalty, weights by SURE.

    Parameters
    ----------
    levels : int, default 3
        Wavelet levels; fewer are used for small images.
    moments : int, default 6
        Vanishing moments of the Daubechies wavelet.

    Notes
    -----
    With the orthonormal wavelet coefficients Y of the images, one place a row, the noise covariance
    :math:`\\Omega` of the bands and first differences D along them, each level of the transform solves [1]_

    .. math:: \\arg\\min_X \\tfrac12 \\|(Y - X) \\Omega^{-1/2}\\|_F^2 + \\tfrac{\\lambda}{2} \\|X D^T\\|_F^2
              = Y (I + \\lambda D^T D \\Omega)^{-1}.

    With the eigenvectors Q and eigenvalues s of :math:`\\Omega^{1/2} D^T D \\Omega^{1/2}` this shrinks each
    column of :math:`Z = Y \\Omega^{-1/2} Q` by :math:`1 / (1 + \\lambda s_k)`, and Stein's unbiased risk,
    in units of the noise, is a sum over bands,

    .. math:: R(\\lambda) = \\sum_k \\left( \\frac{\\lambda s_k}{1 + \\lambda s_k} \\right)^2 \\|z_k\\|^2
              + 2 n \\sum_k \\frac{1}{1 + \\lambda s_k} - n B,

    whose minimum is found over all :math:`\\lambda \\ge 0`; the authors' program searches given intervals.
    Bands should be in one unit: the penalty compares neighbours. The mean spectrum is taken off before and
    added after. `details` holds ``degrees_of_freedom``: the sum of the factors for each level, the smooth
    image first.

    References
    ----------
    .. [1] B. Rasti, J. R. Sveinsson, M. O. Ulfarsson and J. A. Benediktsson, "Hyperspectral image denoising
       using first order spectral roughness penalty in wavelet domain", IEEE J. Sel. Top. Appl. Earth Obs.
       Remote Sens. 7 (2014) 2458, sections II and III.

    Examples
    --------
    >>> import numpy as np
    >>> from sigden import FORPDN
    >>> from sigden.simulate import gaussian_noise, spectral_cube
    >>> truth = spectral_cube(seed=1)
    >>> noisy = gaussian_noise(truth, sigma=0.05, seed=2)
    >>> bool(np.mean((FORPDN()(noisy) - truth) ** 2) < 0.3 * np.mean((noisy - truth) ** 2))
    True
    """

    levels: int = 3
    moments: int = 6

    def __post_init__(self) -> None:
        super().__post_init__()
        at_least(self.levels, 0, "levels")
        daubechies(self.moments)

    def restore(self, cube: CentredCube) -> Restored:
        """Estimate of a complete cube of order one."""
        xp = namespace(cube.values)
        difference = np.diff(np.diag(cube.sigma), axis=0)
        roughness, directions = np.linalg.eigh(difference.T @ difference)
        roughness = np.maximum(roughness, 0.0)
        rotation = beside(directions, cube.values)
        transform = ImageWavelet(cube.values.shape[:2], self.levels, self.moments)
        coefficients = transform.forward(cube.whitened @ rotation)
        freedom = []
        for level in coefficients:
            energy = to_numpy(xp.sum(xp.astype(level, xp.float64) ** 2, axis=0))
            keep = 1.0 / (1.0 + least_risk_weight(energy, level.shape[0], roughness) * roughness)
            level *= beside(keep, level)
            freedom.append(float(keep.sum()))
        estimate = cube.coloured(transform.inverse(coefficients) @ rotation.T)
        return Restored(estimate, details={"degrees_of_freedom": tuple(freedom)})


def least_risk_weight(energy: Any, count: int, roughness: Any) -> float:
    """Weight of least unbiased risk for columns shrunk by ``1 / (1 + weight * roughness)``.

    Parameters
    ----------
    energy : ndarray, shape (bands,)
        Squared norm of each column, in units of the noise.
    count : int
        Length of the columns.
    roughness : ndarray, shape (bands,)
        Penalty of each column, not negative.

    Returns
    -------
    float
        The minimum of the risk, to a relative accuracy of 1e-6 in the weight; 0 where no penalty helps.
    """
    from scipy.optimize import minimize_scalar

    positive = roughness[roughness > 1e-12 * roughness.max(initial=0.0)]
    if not positive.size:
        return 0.0

    def risk(logarithm: float) -> float:
        lost = 1.0 - 1.0 / (1.0 + np.exp(logarithm) * roughness)
        return float(lost**2 @ energy - 2 * count * lost.sum())

    grid = np.linspace(np.log(1e-6 / positive.max()), np.log(1e6 / positive.min()), _GRID)
    best = int(np.argmin([risk(point) for point in grid]))
    ends = grid[max(best - 1, 0)], grid[min(best + 1, _GRID - 1)]
    found = minimize_scalar(risk, bounds=ends, method="bounded", options={"xatol": 1e-6})
    return float(np.exp(found.x)) if found.fun < 0 else 0.0
