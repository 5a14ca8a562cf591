"""HyMiNoR: HyRes for Gaussian noise, then total variation of the spectra for what is sparse."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from sigden.arrays import Kernel, namespace
from sigden.hyperspectral.beside import contiguous
from sigden.hyperspectral.classical.frame import CentredCube, Restored, at_least
from sigden.hyperspectral.classical.hyres import HyRes

__all__ = ["HyMiNoR", "sparse_part_removed"]

_HERE = "sigden.hyperspectral.classical"
_SOLVE = Kernel("l1tv", generic=f"{_HERE}.l1tv_generic:l1tv", numba=f"{_HERE}.l1tv_numba:l1tv")


@dataclass(frozen=True, kw_only=True)
class HyMiNoR(HyRes):
    """HyMiNoR: HyRes, then spectra of small total variation that leave a sparse residual.

    Parameters
    ----------
    regularization : float, default 0.75
        Weight on the total variation of the spectra; it has no unit. Deviations of fewer bands than twice
        this number go, so that the default removes those of one band; wider features stay. Spectra of a
        hundred bands or more, whose features are wide, bear 1.
    levels, moments
        As `HyRes`.

    Notes
    -----
    With the estimate H of `HyRes` and first differences D along the bands, every spectrum solves [1]_

    .. math:: \\arg\\min_X \\|H - X\\|_1 + \\lambda \\|X D^T\\|_1,

    here to the minimum itself, by dynamic programming [2]_. The authors' program makes 50 steps of the
    alternating direction method of multipliers for :math:`\\lambda = 10`, which at the minimum would flatten
    features of up to 20 bands. Bands should be in one unit. `details` are those of `HyRes`.

    References
    ----------
    .. [1] B. Rasti, P. Ghamisi and J. A. Benediktsson, "Hyperspectral mixed Gaussian and sparse noise
       reduction", IEEE Geosci. Remote Sens. Lett. 17 (2020) 474, section II.
    .. [2] V. Kolmogorov, T. Pock and M. Rolinek, "Total variation on a tree", SIAM J. Imaging Sci. 9 (2016)
       605, section 3.

    Examples
    --------
    >>> import numpy as np
    >>> from sigden import HyMiNoR, HyRes
    >>> from sigden.simulate import mixed_noise, spectral_cube
    >>> truth = spectral_cube(seed=1)
    >>> noisy = mixed_noise(truth, seed=2)
    >>> bool(np.mean((HyMiNoR()(noisy) - truth) ** 2) < np.mean((HyRes()(noisy) - truth) ** 2))
    True
    """

    regularization: float = 0.75

    def __post_init__(self) -> None:
        super().__post_init__()
        at_least(self.regularization, 0, "regularization")

    def restore(self, cube: CentredCube) -> Restored:
        """Estimate of a complete cube of order one."""
        first = super().restore(cube)
        spectra = sparse_part_removed(first.estimate + cube.mean, self.regularization)
        return replace(first, estimate=spectra - cube.mean)


def sparse_part_removed(cube: Any, regularization: float) -> Any:
    """Spectra of least l1 distance and weighted total variation, exact.

    Parameters
    ----------
    cube : array, shape (..., bands)
        Spectra, float32 or float64.
    regularization : float
        Weight on total variation.

    Returns
    -------
    array, shape of `cube`
        The minimum; one of them where it is not unique.
    """
    xp = namespace(cube)
    rows = xp.reshape(contiguous(cube), (-1, cube.shape[-1]))
    return xp.reshape(_SOLVE(rows, float(regularization)), cube.shape)
