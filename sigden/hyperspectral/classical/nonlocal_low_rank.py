"""Images of a stack denoised in groups of similar patches, each of which is a matrix of low rank."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from sigden.arrays import Kernel
from sigden.hyperspectral.beside import contiguous

__all__ = ["EPSILON", "low_rank_groups", "similar_patches", "weighted_low_rank"]

EPSILON = 1e-12
"""Square of a singular value below which it is none."""

_HERE = "sigden.hyperspectral.classical"
_SIMILAR = Kernel(
    "similar_patches",
    generic=f"{_HERE}.nonlocal_generic:similar_patches",
    numba=f"{_HERE}.nonlocal_numba:similar_patches",
)
_LOW_RANK = Kernel(
    "low_rank_groups",
    generic=f"{_HERE}.nonlocal_generic:low_rank_groups",
    numba=f"{_HERE}.nonlocal_numba:low_rank_groups",
)


def similar_patches(cube: Any, *, patch: int, group: int, window: int, step: int) -> tuple[Any, Any]:
    """Reference patches and the most similar ones around each.

    Parameters
    ----------
    cube : array, shape (rows, columns, depth)
        Where to look; the distance is the sum of squares over all pixels and images of a patch.
    patch : int
        Side of a patch in pixels, at most that of the image.
    group : int
        Patches of a group, fewer where no reference finds as many.
    window : int
        Largest distance of rows and columns at which to look.
    step : int
        Distance of neighbouring references.

    Returns
    -------
    references : int64 ndarray, shape (references, 2)
        First row and column.
    found : array of int, shape (references, patches, 2)
        First rows and columns of the patches of a group, the reference among them.
    """
    last = cube.shape[0] - patch, cube.shape[1] - patch
    first = [np.unique(np.append(np.arange(0, end + 1, step), end)) for end in last]
    references = np.stack(np.meshgrid(*first, indexing="ij"), axis=-1).reshape(-1, 2).astype(np.int64)
    count = min(group, math.prod(min(end, window) + 1 for end in last))
    return references, _SIMILAR(contiguous(cube), *first, patch, min(window, max(last)), count)


def low_rank_groups(cube: Any, found: Any, strength: Any, patch: int) -> Any:
    """Cube whose groups of similar patches are of low rank.

    Parameters
    ----------
    cube : array, shape (rows, columns, depth)
        Data.
    found : array of int, shape (groups, patches, 2)
        Groups, as of `similar_patches`; together they hold every pixel.
    strength : ndarray, shape (groups,)
        Of `weighted_low_rank`, which is applied to the patches about the mean patch of their group.
    patch : int
        Side of a patch.

    Returns
    -------
    array, shape of `cube`
        Mean over all the patches that hold a pixel.
    """
    return _LOW_RANK(contiguous(cube), found, strength, patch)


def weighted_low_rank(matrix: Any, strength: float) -> Any:
    """Weighted nuclear norm of a matrix shrunk, its weights those of the result.

    Parameters
    ----------
    matrix : ndarray, shape (n, m)
        Data Y.
    strength : float
        C, in the square of the unit of the data.

    Returns
    -------
    ndarray, shape of `matrix`
        The matrix X with the singular vectors of Y and, of each singular value s, in the limit of small
        :math:`\\epsilon`

        .. math:: x = \\tfrac12 (s + \\sqrt{s^2 - 4 C}), \\quad 0 \\text{ where } s^2 < 4 C.

    Notes
    -----
    It is where the thresholds with weights that follow their own result come to rest [1]_,
    :math:`x \\leftarrow \\max(s - C / (x + \\epsilon), 0)`: the largest stationary point of
    :math:`\\tfrac12 \\|Y - X\\|_F^2 + C \\sum_i \\log(\\sigma_i(X) + \\epsilon)`.

    References
    ----------
    .. [1] S. Gu, Q. Xie, D. Meng, W. Zuo, X. Feng and L. Zhang, "Weighted nuclear norm minimization and its
       applications to low level vision", Int. J. Comput. Vis. 121 (2017) 183.
    """
    from scipy.linalg import eigh

    wide = matrix.shape[0] <= matrix.shape[1]
    gram = (matrix @ matrix.T if wide else matrix.T @ matrix).astype(np.float64)
    squares, vectors = eigh(gram, subset_by_value=(max(4 * strength, EPSILON), np.inf), check_finite=False)
    if not squares.size:
        return np.zeros_like(matrix)
    # x / s of each singular value s
    factor = 0.5 + 0.5 * np.sqrt(np.maximum(1 - 4 * strength / squares, 0))
    left, right = vectors.astype(matrix.dtype), (vectors * factor).astype(matrix.dtype)
    return right @ (left.T @ matrix) if wide else (matrix @ left) @ right.T
