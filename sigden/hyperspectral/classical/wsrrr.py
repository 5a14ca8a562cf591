"""WSRRR: wavelet-based sparse reduced-rank regression."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from sigden.arrays import namespace
from sigden.hyperspectral.beside import beside
from sigden.hyperspectral.classical.frame import CentredCube, ClassicalMethod, Restored, at_least
from sigden.hyperspectral.classical.orthogonal import alternate, signal_directions
from sigden.hyperspectral.classical.sure import soft, soft_threshold_sure
from sigden.hyperspectral.classical.wavelet import ImageWavelet, daubechies, split_levels

__all__ = ["WSRRR"]


@dataclass(frozen=True, kw_only=True)
class WSRRR(ClassicalMethod):
    """WSRRR: sparse wavelet coefficients of components with orthonormal spectra, both estimated in turn.

    Parameters
    ----------
    rank : int or None, default None
        Number of components; None counts the directions above the noise.
    levels : int, default 3
        Wavelet levels; fewer are used for small images.
    moments : int, default 5
        Vanishing moments of the Daubechies wavelet.
    tol : float, default 1e-4
        Relative decrease of the objective in one iteration at which the alternation ends.
    max_iter : int, default 200
        Iterations allowed; the authors run this many.

    Notes
    -----
    With the orthonormal wavelet coefficients Y of the whitened images, one place a row [1]_,

    .. math:: \\arg\\min_{W, V} \\tfrac12 \\|Y - W V^T\\|_F^2 + \\sum_{i,l} \\lambda_{il} \\|w_{il}\\|_1
              \\quad \\text{with } V^T V = I,

    where :math:`w_{il}` holds the coefficients of component i on level l. For a given V the minimum over W
    is the soft threshold of YV, for a given W that over V is the polar factor of :math:`Y^T W`. V starts
    with the principal directions, and each :math:`\\lambda_{il}` is there the minimum of Stein's unbiased
    risk, found exactly, and stays. The noise level is that of spectral regression; the paper takes the
    median absolute deviation of the finest details. The mean spectrum is taken off before and added after.

    `details` holds ``rank``, ``thresholds``, shape (levels + 1, rank), ``basis``, the whitened spectra V of
    the bands with noise, and ``components``, their images, shape (rows, columns, rank).

    References
    ----------
    .. [1] B. Rasti, J. R. Sveinsson and M. O. Ulfarsson, "Wavelet-based sparse reduced-rank regression for
       hyperspectral image restoration", IEEE Trans. Geosci. Remote Sens. 52 (2014) 6688, sections II and III.

    Examples
    --------
    >>> import numpy as np
    >>> from sigden import WSRRR
    >>> from sigden.simulate import gaussian_noise, spectral_cube
    >>> truth = spectral_cube(seed=1)
    >>> noisy = gaussian_noise(truth, sigma=0.05, seed=2)
    >>> bool(np.mean((WSRRR()(noisy) - truth) ** 2) < 0.15 * np.mean((noisy - truth) ** 2))
    True
    """

    rank: int | None = None
    levels: int = 3
    moments: int = 5
    tol: float = 1e-4
    max_iter: int = 200

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.rank is not None:
            at_least(self.rank, 1, "rank")
        at_least(self.levels, 0, "levels")
        at_least(self.tol, 0, "tol")
        at_least(self.max_iter, 1, "max_iter")
        daubechies(self.moments)

    def restore(self, cube: CentredCube) -> Restored:
        """Estimate of a complete cube of order one."""
        basis = signal_directions(cube.whitened, self.rank)
        transform = ImageWavelet(cube.values.shape[:2], self.levels, self.moments)
        levels = transform.forward(cube.whitened)
        sizes = [level.shape[0] for level in levels]
        xp, y = namespace(basis), namespace(basis).concat(levels)
        del levels
        thresholds = np.stack([soft_threshold_sure(level)[0] for level in split_levels(y @ basis, sizes)])
        rows = [beside(row[None, :], y) for row in thresholds]
        limits = xp.concat([xp.repeat(row, size, axis=0) for row, size in zip(rows, sizes, strict=True)])

        def step(projected: Any) -> tuple[Any, float]:
            shrunk = soft(projected, limits)
            return shrunk, float(xp.sum(limits * xp.abs(shrunk), dtype=xp.float64))

        found = alternate(y, basis, step, tol=self.tol, max_iter=self.max_iter)
        components = transform.inverse(split_levels(found.components, sizes))
        return Restored(
            cube.coloured(components @ found.basis.T),
            certificate="relative decrease of the objective",
            gap=found.decrease,
            tol=self.tol,
            iterations=len(found.history),
            history=found.history,
            details={
                "rank": basis.shape[1],
                "thresholds": beside(thresholds, y, np.float64),
                "basis": found.basis,
                "components": components,
            },
        )
