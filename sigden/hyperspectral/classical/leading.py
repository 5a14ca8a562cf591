"""Leading eigenvectors of a small symmetric matrix."""

from __future__ import annotations

from typing import Any

import numpy as np

from sigden.arrays import to_numpy
from sigden.hyperspectral.beside import beside

__all__ = ["leading_directions"]


def leading_directions(matrix: Any, count: int, like: Any) -> Any:
    """Eigenvectors of the largest eigenvalues, found on the host in float64.

    Parameters
    ----------
    matrix : array, shape (length, length)
        Symmetric.
    count : int
        Wanted number; all that there are where it is larger.
    like : array
        In whose library, on whose device and in whose dtype they are wanted.

    Returns
    -------
    array, shape (length, count)
        Orthonormal columns, that of the largest eigenvalue first.
    """
    from scipy.linalg import eigh

    square = to_numpy(matrix).astype(np.float64)
    length = len(square)
    chosen = length - min(count, length), length - 1
    vectors = eigh(square, subset_by_index=chosen, overwrite_a=True, check_finite=False)[1]
    return beside(np.ascontiguousarray(vectors[:, ::-1]), like)
