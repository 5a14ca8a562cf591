"""Low rank, sparse outliers, stripes and dead lines told apart."""

from __future__ import annotations

from dataclasses import dataclass

from sigden.denoisers import Denoiser
from sigden.hyperspectral.screen import Search
from sigden.hyperspectral.steps import Recipe
from sigden.hyperspectral.subspace_collaborative import COLLABORATIVE
from sigden.hyperspectral.subspace_denoise import checked_rank, denoiser_step
from sigden.hyperspectral.subspace_method import SubspaceMethod

__all__ = ["RobustSubspace"]


@dataclass(frozen=True, kw_only=True)
class RobustSubspace(SubspaceMethod):
    """Low-rank denoising that tells dead samples, impulses and stripes from the signal and returns them.

    Parameters
    ----------
    stripes : bool, default True
        Look for columns and rows of a band that are shifted by a constant.
    impulses : bool, default True
        Look for single voxels that the noise cannot explain.
    dead : bool, default True
        Look for values that repeat whatever the signal is: dead lines and pixels, saturated impulses.
    rank : int, optional
        Dimension of the signal subspace; found in the data when absent.
    denoiser : Denoiser, optional
        Denoiser of the eigen-images; the collaborative filter when absent.

    Notes
    -----
    The cube is modelled, as in low-rank matrix recovery [1]_ within a subspace [2]_, by

    .. math:: Y = E Z + S + 1 c^T + r 1^T + N

    with few directions E, sparse outliers S, stripes of columns c and rows r of a band and Gaussian noise N.
    E and Z are fitted to the samples that are good, and those are found by turns; `CubeResult.components`
    holds what was taken off.

    Every step needs evidence, so that a clean cube comes out as from `SubspaceCollaborative`: a value is dead
    if it occurs far more often than its neighbours in size; impulses must be far more frequent than the tail
    of the noise and touch each other no more than at random, in space and along the spectrum; a stripe must
    rise five standard errors above the columns around it and fill its column evenly.

    References
    ----------
    .. [1] H. Zhang, W. He, L. Zhang, H. Shen and Q. Yuan, "Hyperspectral image restoration using low-rank
       matrix recovery", IEEE Trans. Geosci. Remote Sens. 52 (2014) 4729, section II.
    .. [2] L. Zhuang and M. K. Ng, "Hyperspectral mixed noise removal by l1-norm-based subspace
       representation", IEEE J. Sel. Top. Appl. Earth Obs. Remote Sens. 13 (2020) 1143, section II.

    Examples
    --------
    >>> from sigden import RobustSubspace
    >>> from sigden.simulate import gaussian_noise, spectral_cube, stripe_noise
    >>> cube = gaussian_noise(spectral_cube(seed=1), 0.02, seed=2)
    >>> RobustSubspace().solve(cube).components.counts()["column_stripes"]
    0
    >>> striped = stripe_noise(cube, seed=3)
    >>> RobustSubspace().solve(striped).components.counts()["column_stripes"] > 50
    True
    """

    stripes: bool = True
    impulses: bool = True
    dead: bool = True
    rank: int | None = None
    denoiser: Denoiser | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        checked_rank(self.rank)

    def recipe(self) -> Recipe:
        """The chosen searches and denoiser."""
        step = COLLABORATIVE if self.denoiser is None else denoiser_step(self.denoiser)
        search = Search(dead=self.dead, impulses=self.impulses, stripes=self.stripes)
        return Recipe(step, search, rank=self.rank)
