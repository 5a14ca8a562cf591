"""LRMR: low-rank matrix recovery of overlapping blocks."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from sigden.arrays import device_of, namespace
from sigden.errors import ParameterError
from sigden.hyperspectral.classical.frame import CentredCube, ClassicalMethod, Restored, at_least
from sigden.hyperspectral.classical.leading import leading_directions
from sigden.hyperspectral.order import largest_kept

__all__ = ["LRMR", "go_decomposition"]


@dataclass(frozen=True, kw_only=True)
class LRMR(ClassicalMethod):
    """LRMR: every block of pixels is a matrix of low rank plus a sparse one plus noise.

    Parameters
    ----------
    rank : int, default 7
        Rank of a block, at most the number of bands.
    block : int, default 20
        Side of a block in pixels; at most that of the image.
    step : int, default 8
        Distance of neighbouring blocks in pixels.
    sparsity : float, default 0.1
        Largest part of the voxels of a block that may hold outliers.
    tol : float, default 0.01
        Relative decrease of the residual in one iteration at which a block is done.
    max_iter : int, default 100
        Iterations allowed for a block.

    Notes
    -----
    With the pixels Y of a block, one a row, the decomposition [1]_ ("GoDec" [2]_) is

    .. math:: \\min_{L, S} \\|Y - L - S\\|_F^2 \\quad \\text{with } \\mathrm{rank}(L) \\le r, \\;
              \\mathrm{card}(S) \\le k.

    In turn L is the truncated singular value decomposition of Y - S and S holds the k largest entries of
    Y - L: each is the best for the other, so that the residual never grows. The estimate is the mean of L
    over all blocks that hold a pixel. The published rank is 4 to 8, the block 20 x 20 and the step 4 to 8
    pixels. Bands should be of one scale and noise level. The mean spectrum is taken off before and added
    after.

    References
    ----------
    .. [1] H. Zhang, W. He, L. Zhang, H. Shen and Q. Yuan, "Hyperspectral image restoration using low-rank
       matrix recovery", IEEE Trans. Geosci. Remote Sens. 52 (2014) 4729, section III.
    .. [2] T. Zhou and D. Tao, "GoDec: randomized low-rank and sparse matrix decomposition in noisy case",
       Proc. 28th Int. Conf. Machine Learning (2011) 33, section 2.

    Examples
    --------
    >>> import numpy as np
    >>> from sigden import LRMR
    >>> from sigden.simulate import gaussian_noise, impulse_noise, spectral_cube
    >>> truth = spectral_cube(seed=1)
    >>> noisy = impulse_noise(gaussian_noise(truth, sigma=0.05, seed=2), seed=3)
    >>> bool(np.mean((LRMR()(noisy) - truth) ** 2) < 0.4 * np.mean((noisy - truth) ** 2))
    True
    """

    rank: int = 7
    block: int = 20
    step: int = 8
    sparsity: float = 0.1
    tol: float = 0.01
    max_iter: int = 100

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in ("rank", "block", "step", "max_iter"):
            at_least(getattr(self, name), 1, name)
        at_least(self.tol, 0, "tol")
        if not 0 <= self.sparsity < 1:
            raise ParameterError(f"sparsity: must be at least 0 and below 1, got {self.sparsity}")
        if self.step > self.block:
            raise ParameterError(f"step: {self.step} leaves gaps between blocks of {self.block} pixels")

    def restore(self, cube: CentredCube) -> Restored:
        """Estimate of a complete cube of order one."""
        rows, columns, bands = cube.values.shape
        xp, values = namespace(cube.values), cube.values
        total = xp.zeros_like(values)
        count = xp.zeros((rows, columns, 1), dtype=values.dtype, device=device_of(values))
        worst, most = 0.0, 0
        height, width = min(self.block, rows), min(self.block, columns)
        for top in _starts(rows, height, self.step):
            for left in _starts(columns, width, self.step):
                place = np.s_[top : top + height, left : left + width, :]
                y = xp.reshape(values[place], (-1, bands))
                low, residuals = go_decomposition(
                    y, self.rank, math.floor(self.sparsity * math.prod(y.shape)), self.tol, self.max_iter
                )
                total[place] += xp.reshape(low, (height, width, bands))
                count[place] += 1
                worst, most = max(worst, _decrease(residuals)), max(most, len(residuals))
        return Restored(
            total / count,
            certificate="largest relative decrease of the residual of a block",
            gap=worst,
            tol=self.tol,
            iterations=most,
        )


def go_decomposition(y: Any, rank: int, count: int, tol: float, max_iter: int) -> tuple[Any, list[float]]:
    """Low-rank part of a matrix that has outliers.

    Parameters
    ----------
    y : array, shape (pixels, bands)
        Data.
    rank : int
        Largest rank of the low-rank part.
    count : int
        Largest number of entries of the sparse part.
    tol : float
        Relative decrease of the residual that ends the iteration.
    max_iter : int
        Iterations allowed.

    Returns
    -------
    low : array, shape of `y`
        The low-rank part.
    residuals : list of float
        :math:`\\|Y - L - S\\|_F^2` after each iteration.
    """
    xp = namespace(y)
    sparse = xp.zeros_like(y)
    residuals: list[float] = []
    for _ in range(max_iter):
        low = _truncated(y - sparse, rank)
        left = y - low
        sparse = largest_kept(left, count)
        residuals.append(float(xp.sum(xp.astype(left - sparse, xp.float64) ** 2)))
        if _decrease(residuals) <= tol:
            break
    return low, residuals


def _truncated(matrix: Any, rank: int) -> Any:
    """Best approximation of a rank: projection on the leading eigenvectors of the smaller Gram matrix."""
    tall = matrix.shape[0] >= matrix.shape[1]
    basis = leading_directions(matrix.T @ matrix if tall else matrix @ matrix.T, rank, matrix)
    return matrix @ basis @ basis.T if tall else basis @ (basis.T @ matrix)


def _decrease(residuals: list[float]) -> float:
    if residuals[-1] == 0.0:
        return 0.0
    return math.inf if len(residuals) < 2 else max(0.0, residuals[-2] / residuals[-1] - 1.0)


def _starts(length: int, size: int, step: int) -> Any:
    """First pixels of the blocks; the last block ends with the image."""
    return np.unique(np.append(np.arange(0, length - size + 1, step), length - size))
