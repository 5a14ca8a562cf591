"""E3DTV: enhanced three-dimensional total variation, sparsity on the subspaces of the gradient maps."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from sigden.arrays import namespace, to_numpy
from sigden.hyperspectral.beside import beside
from sigden.hyperspectral.classical.frame import CentredCube, ClassicalMethod, Restored, at_least
from sigden.hyperspectral.classical.gradient_solver import gradient_solver
from sigden.hyperspectral.classical.leading import leading_directions
from sigden.hyperspectral.classical.orthogonal import procrustes
from sigden.hyperspectral.classical.sure import soft
from sigden.operators import FiniteDifference

__all__ = ["E3DTV"]

_GROWTH = 1.5
_INERTIA = 1e-6  # pull of a basis towards its last place


@dataclass(frozen=True, kw_only=True)
class E3DTV(ClassicalMethod):
    """E3DTV: gradient maps of low rank whose components are sparse, beside sparse outliers.

    Parameters
    ----------
    rank : int, default 13
        Rank of the gradient maps, at most the number of bands.
    regularization : float, default 0.004
        Weight on the gradients, over the square root of the number of pixels of an image.
    penalty : float, default 0.015
        First penalty parameter, for data that span 1; it grows by a half in each iteration.
    tol : float, default 5e-4
        Violation of the constraints, over the norm of the data, at which the iteration ends.
    max_iter : int, default 100
        Iterations allowed; the authors' program makes at most 40.

    Notes
    -----
    With the pixels Y, one a row, first differences :math:`D_i` along rows, columns and bands, and
    :math:`\\tau` = `regularization` :math:`\\sqrt{n}` for n pixels [1]_,

    .. math:: \\min \\sum_{i=1}^3 \\tau \\|U_i\\|_1 + \\|E\\|_1 \\quad \\text{with } Y = X + E, \\;
              D_i X = U_i V_i^T, \\; V_i^T V_i = I,

    by the alternating direction method of multipliers: X solves a linear system, here with Neumann borders by
    cosine transforms (in the paper with periodic ones), :math:`U_i` and E are soft thresholds, :math:`V_i`
    is a polar factor. The problem is not convex in U and V; the certificate is that the constraints hold.
    What is sparse leaves with E, Gaussian noise in part only: the fit has no square. Bands should be of one
    scale. The mean spectrum is taken off before and added after.

    `details` holds ``rank`` and ``sparse``, E in the unit of the data, for the bands with noise.

    References
    ----------
    .. [1] J. Peng, Q. Xie, Q. Zhao, Y. Wang, L. Yee and D. Meng, "Enhanced 3DTV regularization and its
       applications on HSI denoising and compressed sensing", IEEE Trans. Image Process. 29 (2020) 7889,
       sections III and IV.

    Examples
    --------
    >>> import numpy as np
    >>> from sigden import E3DTV
    >>> from sigden.simulate import gaussian_noise, impulse_noise, spectral_cube
    >>> truth = spectral_cube(seed=1)
    >>> noisy = impulse_noise(gaussian_noise(truth, sigma=0.05, seed=2), seed=3)
    >>> bool(np.mean((E3DTV()(noisy) - truth) ** 2) < 0.1 * np.mean((noisy - truth) ** 2))
    True
    """

    rank: int = 13
    regularization: float = 0.004
    penalty: float = 0.015
    tol: float = 5e-4
    max_iter: int = 100

    def __post_init__(self) -> None:
        super().__post_init__()
        at_least(self.rank, 1, "rank")
        at_least(self.regularization, 0, "regularization")
        at_least(self.penalty, 1e-12, "penalty")
        at_least(self.tol, 0, "tol")
        at_least(self.max_iter, 1, "max_iter")

    def restore(self, cube: CentredCube) -> Restored:
        """Estimate of a complete cube of order one."""
        xp = namespace(cube.values)
        span = float(xp.max(cube.values) - xp.min(cube.values))
        y = cube.values / span
        weight = self.regularization * math.sqrt(y.shape[0] * y.shape[1])
        state = _State(y, min(self.rank, y.shape[2]), self.penalty)
        norm = float(xp.linalg.vector_norm(y))
        violation, iterations = math.inf, 0
        while violation > self.tol and iterations < self.max_iter:
            violation = state.advance(weight) / norm
            iterations += 1
        return Restored(
            state.x * span,
            certificate="violation of the constraints over the norm of the data",
            gap=violation,
            tol=self.tol,
            iterations=iterations,
            details={"rank": state.rank, "sparse": state.sparse * (span * cube.scale)},
        )


class _State:
    """Iterates of the alternating direction method of multipliers; duals are scaled by the penalty."""

    def __init__(self, y: Any, rank: int, penalty: float) -> None:
        self.y, self.rank, self.penalty = y, rank, penalty
        xp = namespace(y)
        self.x, self.sparse, self.dual = y, xp.zeros_like(y), xp.zeros_like(y)
        self.differences = [FiniteDifference(y.shape, (axis,)) for axis in range(3)]
        self.solve = gradient_solver(y)
        flat = [self._gradient(axis) for axis in range(3)]
        self.bases = [leading_directions(g.T @ g, rank, g) for g in flat]
        self.parts = [g @ v for g, v in zip(flat, self.bases, strict=True)]
        self.duals = [xp.zeros_like(g) for g in flat]

    def advance(self, weight: float) -> float:
        """One iteration; the norm of the constraints' violation is returned."""
        xp, mu = namespace(self.y), self.penalty
        right = self.y - self.sparse + self.dual
        for axis, difference in enumerate(self.differences):
            wanted = self.parts[axis] @ self.bases[axis].T - self.duals[axis]
            right += difference.adjoint(xp.reshape(wanted, (1, *self.y.shape)))
        self.x = self.solve(right)
        total = 0.0
        for axis in range(3):
            gradient = self._gradient(axis)
            target = gradient + self.duals[axis]
            self.bases[axis] = self._rotated(target, axis)
            self.parts[axis] = soft(target @ self.bases[axis], weight / mu)
            self.duals[axis] = target - self.parts[axis] @ self.bases[axis].T
            total += _square(gradient - self.parts[axis] @ self.bases[axis].T)
        left = self.y - self.x
        self.sparse = soft(left + self.dual, 1.0 / mu)
        self.dual = left + self.dual - self.sparse
        total += _square(left - self.sparse)
        self.penalty = mu * _GROWTH
        for dual in (self.dual, *self.duals):
            dual /= _GROWTH
        return math.sqrt(float(total))

    def _rotated(self, target: Any, axis: int) -> Any:
        """Best basis for given components; directions without components stay where they were."""
        near = _INERTIA * float(_square(target)) / target.shape[1]
        wanted = to_numpy(target.T @ self.parts[axis]).astype(float)
        return beside(procrustes(wanted + near * to_numpy(self.bases[axis])), target)

    def _gradient(self, axis: int) -> Any:
        return namespace(self.x).reshape(self.differences[axis](self.x), (-1, self.y.shape[2]))


def _square(x: Any) -> Any:
    xp = namespace(x)
    return xp.sum(xp.astype(x, xp.float64) ** 2)
