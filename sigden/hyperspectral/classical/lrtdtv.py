"""LRTDTV: low Tucker rank and small total variation in space and along the spectrum, beside outliers."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from sigden.arrays import Kernel, device_of, namespace
from sigden.errors import ParameterError
from sigden.hyperspectral.beside import contiguous
from sigden.hyperspectral.classical.frame import CentredCube, ClassicalMethod, Restored, at_least
from sigden.hyperspectral.classical.gradient_solver import gradient_solver
from sigden.hyperspectral.classical.sure import soft
from sigden.hyperspectral.classical.tucker import Tucker
from sigden.operators import FiniteDifference

__all__ = ["LRTDTV"]

_HERE = "sigden.hyperspectral.classical"
_SHRINK = Kernel(
    "slope_shrinkage",
    generic=f"{_HERE}.slopes_generic:shrink_slopes",
    numba=f"{_HERE}.slopes_numba:shrink_slopes",
)


@dataclass(frozen=True, kw_only=True)
class LRTDTV(ClassicalMethod):
    """LRTDTV: low Tucker rank and small total variation in space and spectrum, beside sparse outliers.

    Parameters
    ----------
    rank : int, default 10
        Directions along the spectrum, at most the number of bands.
    spatial_rank : float, default 0.8
        Directions along rows and columns, over their number.
    regularization : float, default 0.1
        Weight on the differences.
    penalty : float, default 0.001
        First penalty parameter, for data that span 1.
    growth : float, default 1.5
        Factor of the penalty in each iteration; nearer to 1 takes more iterations to a lower objective.
    tol : float, default 5e-4
        Violation of the constraints, over the norm of the data, at which the iteration ends.
    max_iter : int, default 100
        Iterations allowed; the authors' program makes at most 50.

    Notes
    -----
    With the cube Y, first differences D along rows, columns and bands, and :math:`\\tau` =
    `regularization` [1]_,

    .. math:: \\min \\tau \\|D Z\\|_1 + \\|E\\|_1 \\quad \\text{with } Y = X + E, \\; X = Z, \\;
              X = C \\times_1 U_1 \\times_2 U_2 \\times_3 U_3, \\; U_i^T U_i = I,

    by the alternating direction method of multipliers: X is the Tucker decomposition of low rank nearest to
    the mean of what both constraints ask for (`Tucker`: one round of higher-order orthogonal iteration from
    the bases before), Z solves a linear system, here with Neumann borders by cosine transforms (in the
    program with periodic ones), DZ and E are soft thresholds. The program's weights are 1 on the differences
    and 10 on E, its penalty 0.01 to them, its ranks 0.8, 0.8 and 10; its problem has no Gaussian part, which
    the paper's adds. The problem is not convex in the bases; the certificate is that the constraints hold.
    The published growth stops short of the minimum, by one or two per cent of the objective on simulated
    cubes, which does not make the estimate worse. Bands should be of one scale. The mean spectrum is taken
    off before and added after.

    `details` holds ``rank`` and ``sparse``, E in the unit of the data, for the bands with noise.

    References
    ----------
    .. [1] Y. Wang, J. Peng, Q. Zhao, Y. Leung, X.-L. Zhao and D. Meng, "Hyperspectral image restoration via
       total variation regularized low-rank tensor decomposition", IEEE J. Sel. Top. Appl. Earth Obs. Remote
       Sens. 11 (2018) 1227, section III.

    Examples
    --------
    >>> import numpy as np
    >>> from sigden import LRTDTV
    >>> from sigden.simulate import gaussian_noise, impulse_noise, spectral_cube
    >>> truth = spectral_cube(seed=1)
    >>> noisy = impulse_noise(gaussian_noise(truth, sigma=0.05, seed=2), seed=3)
    >>> bool(np.mean((LRTDTV()(noisy) - truth) ** 2) < 0.1 * np.mean((noisy - truth) ** 2))
    True
    """

    rank: int = 10
    spatial_rank: float = 0.8
    regularization: float = 0.1
    penalty: float = 0.001
    growth: float = 1.5
    tol: float = 5e-4
    max_iter: int = 100

    def __post_init__(self) -> None:
        super().__post_init__()
        at_least(self.rank, 1, "rank")
        at_least(self.regularization, 0, "regularization")
        at_least(self.penalty, 1e-12, "penalty")
        at_least(self.growth, 1, "growth")
        at_least(self.tol, 0, "tol")
        at_least(self.max_iter, 1, "max_iter")
        if not 0 < self.spatial_rank <= 1:
            raise ParameterError(f"spatial_rank: must be above 0 and at most 1, got {self.spatial_rank}")

    def restore(self, cube: CentredCube) -> Restored:
        """Estimate of a complete cube of order one."""
        xp = namespace(cube.values)
        span = float(xp.max(cube.values) - xp.min(cube.values))
        y = cube.values / span
        rows, columns = (math.ceil(self.spatial_rank * length) for length in y.shape[:2])
        rank = min(self.rank, y.shape[2])
        state = _State(y, (rows, columns, rank), self.penalty, self.growth)
        norm = float(xp.linalg.vector_norm(y))
        violation, iterations = math.inf, 0
        while violation > self.tol and iterations < self.max_iter:
            violation = state.advance(self.regularization) / norm
            iterations += 1
        return Restored(
            state.x * span,
            certificate="violation of the constraints over the norm of the data",
            gap=violation,
            tol=self.tol,
            iterations=iterations,
            details={"rank": rank, "sparse": state.sparse * (span * cube.scale)},
        )


class _State:
    """Iterates of the alternating direction method of multipliers; duals are scaled by the penalty."""

    def __init__(self, y: Any, ranks: tuple[int, int, int], penalty: float, growth: float) -> None:
        self.y, self.penalty, self.growth = y, penalty, growth
        self.tucker = Tucker(ranks)
        self.solve = gradient_solver(y)
        xp = namespace(y)
        self.x, self.z, self.sparse = y, y, xp.zeros_like(y)
        self.fit_dual, self.copy_dual = xp.zeros_like(y), xp.zeros_like(y)
        self.slope_dual = xp.zeros((3, *y.shape), dtype=y.dtype, device=device_of(y))
        # what the slopes ask of z: the adjoint of the wanted differences
        self.right = FiniteDifference(y.shape).adjoint(FiniteDifference(y.shape)(y))

    def advance(self, weight: float) -> float:
        """One iteration; the norm of the constraints' violation is returned."""
        mu = self.penalty
        wanted = self.y - self.sparse
        wanted += self.fit_dual
        wanted += self.z
        wanted -= self.copy_dual
        wanted *= 0.5
        self.x = self.tucker.project(wanted)
        del wanted
        self.right += self.x
        self.right += self.copy_dual
        self.z = contiguous(self.solve(self.right))
        self.right[...] = 0.0
        total = _SHRINK(self.z, self.slope_dual, weight / mu, self.growth, self.right)
        left = self.y - self.x
        self.fit_dual += left
        self.sparse = soft(self.fit_dual, 1.0 / mu)
        self.fit_dual -= self.sparse
        left -= self.sparse
        apart = self.x - self.z
        self.copy_dual += apart
        total += _square(left) + _square(apart)
        self.penalty = mu * self.growth
        self.fit_dual /= self.growth
        self.copy_dual /= self.growth
        return math.sqrt(total)


def _square(x: Any) -> float:
    flat = namespace(x).reshape(x, (-1,))
    return float(flat @ flat)
