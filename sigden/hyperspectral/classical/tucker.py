"""Tucker decomposition of a cube: a small core and an orthonormal basis along each axis."""

from __future__ import annotations

from typing import Any

from sigden.arrays import namespace
from sigden.hyperspectral.classical.leading import leading_directions

__all__ = ["Tucker", "times"]


class Tucker:
    """Bases of a Tucker decomposition that follow a sequence of cubes.

    Parameters
    ----------
    ranks : tuple of int
        Directions along rows, columns and bands.

    Notes
    -----
    The first cube's bases are the leading singular vectors of its unfoldings. Each `project` then renews them
    once by higher-order orthogonal iteration [1]_: along each axis the basis becomes the best for the other
    two, so that the distance of the cube to its projection never grows over that of the bases before.

    References
    ----------
    .. [1] L. De Lathauwer, B. De Moor and J. Vandewalle, "On the best rank-1 and rank-(R1, R2, ..., RN)
       approximation of higher-order tensors", SIAM J. Matrix Anal. Appl. 21 (2000) 1324.
    """

    def __init__(self, ranks: tuple[int, int, int]) -> None:
        self.ranks = ranks
        self.bases: list[Any] = []

    def project(self, cube: Any) -> Any:
        """Cube of multilinear rank near `cube`, shape (rows, columns, bands), and renew the bases."""
        if not self.bases:
            self.bases = [_leading(cube, axis, rank) for axis, rank in enumerate(self.ranks)]
        along_rows, along_columns, along_bands = self.ranks
        thin = cube @ self.bases[2]
        self.bases[0] = _leading(times(thin, self.bases[1], 1), 0, along_rows)
        self.bases[1] = _leading(times(thin, self.bases[0], 0), 1, along_columns)
        core = times(times(cube, self.bases[0], 0), self.bases[1], 1)
        self.bases[2] = _leading(core, 2, along_bands)
        core = core @ self.bases[2]
        return times(times(core, self.bases[0].T, 0), self.bases[1].T, 1) @ self.bases[2].T


def times(cube: Any, basis: Any, axis: int) -> Any:
    """Cube with its rows (axis 0) or columns (axis 1) multiplied by the transposed basis."""
    xp = namespace(cube)
    if axis == 0:
        return xp.reshape(basis.T @ xp.reshape(cube, (cube.shape[0], -1)), (-1, *cube.shape[1:]))
    return xp.matmul(basis.T, cube)


def _leading(cube: Any, axis: int, rank: int) -> Any:
    """Leading left singular vectors of an unfolding, shape (length, rank)."""
    xp, length = namespace(cube), cube.shape[axis]
    # weak directions next to strong ones need the accuracy
    wide = xp.astype(cube, xp.float64, copy=False)
    if axis == 1:
        gram = xp.sum(wide @ xp.matrix_transpose(wide), axis=0)
    else:
        flat = xp.reshape(wide, (length, -1)) if axis == 0 else xp.reshape(wide, (-1, length)).T
        gram = flat @ flat.T
    return leading_directions(gram, rank, cube)
