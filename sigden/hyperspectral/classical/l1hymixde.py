"""L1HyMixDe: a low-rank cube with an l1 fit, for Gaussian noise mixed with outliers."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from sigden.arrays import device_of, is_numpy, namespace, to_numpy
from sigden.denoisers import Denoiser
from sigden.hyperspectral.beside import beside, columns_of, contiguous, mirrored
from sigden.hyperspectral.classical.frame import CentredCube, ClassicalMethod, Restored, at_least
from sigden.hyperspectral.classical.missing import noise_level
from sigden.hyperspectral.classical.orthogonal import signal_directions
from sigden.hyperspectral.classical.sure import soft
from sigden.hyperspectral.gram import chunks
from sigden.hyperspectral.order import median
from sigden.hyperspectral.pixels import mean_spectrum
from sigden.hyperspectral.subspace_collaborative import collaborative_step

__all__ = ["L1HyMixDe", "without_outliers"]

_WINDOW = 5
_OUTLIER = 4.0
_SUBSPACES = 2
_REWEIGHTS = 4
_CHUNK = 4096
_MEDIAN_TO_SIGMA = 1.482602218505602


@dataclass(frozen=True, kw_only=True)
class L1HyMixDe(ClassicalMethod):
    """L1HyMixDe: eigen-images whose cube fits the data in the l1 norm, for impulses, stripes and dead lines.

    Parameters
    ----------
    rank : int or None, default 10
        Dimension of the subspace, at most the number of bands; None counts the directions above the noise.
    denoiser : Denoiser or None, default None
        Image denoiser, gets the eigen-images with unit noise; None is a collaborative Wiener filter of
        similar blocks (the authors take BM3D, whose program may not be used freely).
    tol : float, default 0.01
        Relative change of the eigen-images in one iteration at which they count as settled.
    max_iter : int, default 30
        Iterations allowed; the authors' program makes at most 10.

    Notes
    -----
    With the whitened spectra Y and the orthonormal basis E of their subspace [1]_,

    .. math:: \\min_{Z, V} \\lambda \\phi(Z) + \\|V\\|_1 \\quad \\text{with } Y = E Z + V

    by the alternating direction method of multipliers with the penalty parameter 1,

    .. math:: Z \\leftarrow \\Psi(E^T (Y - V + D)), \\quad V \\leftarrow S_1(Y - E Z + D), \\quad
              D \\leftarrow D + Y - E Z - V,

    where the denoiser :math:`\\Psi` stands for the proximal map of :math:`\\lambda \\phi` and S is the soft
    threshold. The noise level is learnt from a cube whose outliers, more than four standard deviations from
    the median of the 5 x 5 pixels around them, are replaced by it; the authors' threshold is 0.05 of the
    range of the data. The subspace starts with that cube, is found again with outliers replaced by the
    Huber fit of each spectrum, so that small objects count, leaves out directions of which one band holds
    more than half, and V starts with the residual of that fit; in the authors' program it starts with the
    median. The mean spectrum of the cube without outliers is taken off before and added after. A denoiser
    need not be a proximal map, so that no objective falls for sure:
    the certificate is that the eigen-images rest.

    `details` holds ``rank`` and ``sparse``, V in the unit of the data, for the bands with noise.

    References
    ----------
    .. [1] L. Zhuang and M. K. Ng, "Hyperspectral mixed noise removal by l1-norm-based subspace
       representation", IEEE J. Sel. Top. Appl. Earth Obs. Remote Sens. 13 (2020) 1143, section III.

    Examples
    --------
    >>> import numpy as np
    >>> from sigden import L1HyMixDe
    >>> from sigden.simulate import mixed_noise, spectral_cube
    >>> truth = spectral_cube(seed=1)
    >>> noisy = mixed_noise(truth, seed=2)
    >>> bool(np.mean((L1HyMixDe()(noisy) - truth) ** 2) < 0.1 * np.mean((noisy - truth) ** 2))
    True
    """

    rank: int | None = 10
    denoiser: Denoiser | None = None
    tol: float = 0.01
    max_iter: int = 30

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.rank is not None:
            at_least(self.rank, 1, "rank")
        at_least(self.tol, 0, "tol")
        at_least(self.max_iter, 1, "max_iter")

    def noise(self, values: Any, missing: Any) -> Any:
        """Noise level of each band once outliers are replaced."""
        return noise_level(without_outliers(values), missing)

    def restore(self, cube: CentredCube) -> Restored:
        """Estimate of a complete cube of order one."""
        xp = namespace(cube.values)
        clean = without_outliers(cube.values)
        mean, sigma = mean_spectrum(clean), beside(cube.sigma, clean)
        y = (cube.values - mean) / sigma
        basis, fit = robust_subspace(y, (clean - mean) / sigma, self.rank)
        sparse = soft(y - fit, 1.0)
        dual = xp.zeros_like(y)
        before, change, iterations = None, np.inf, 0
        while change > self.tol and iterations < self.max_iter:
            iterations += 1
            images = self._denoised((y - sparse + dual) @ basis)
            residual = y - images @ basis.T
            residual += dual
            sparse = soft(residual, 1.0)
            dual = residual - sparse
            if before is not None:
                change = _norm(images - before) / max(_norm(images), 1e-300)
            before = images
        return Restored(
            (before @ basis.T) * sigma + mean,
            certificate="relative change of the eigen-images",
            gap=change,
            tol=self.tol,
            iterations=iterations,
            details={"rank": basis.shape[1], "sparse": sparse * sigma * cube.scale},
        )

    def _denoised(self, components: Any) -> Any:
        xp = namespace(components)
        images = contiguous(xp.moveaxis(components, -1, 0))
        if self.denoiser is None:
            out = collaborative_step(images, None)[0]
        else:
            level = xp.ones(images.shape[0], dtype=images.dtype, device=device_of(images))
            out = self.denoiser.estimate(images, sigma=level)
        return xp.moveaxis(out, 0, -1)


def _norm(images: Any) -> float:
    return math.sqrt(float(namespace(images).sum(images**2)))


def robust_subspace(y: Any, clean: Any, rank: int | None) -> tuple[Any, Any]:
    """Subspace of spectra with outliers, and their Huber fit in it.

    Parameters
    ----------
    y : array, shape (rows, columns, bands)
        Spectra in units of their noise.
    clean : array, shape of `y`
        The same with outliers replaced by a guess.
    rank : int or None
        As `signal_directions`.

    Returns
    -------
    basis : array, shape (bands, rank)
        Directions of the spectra with outliers replaced by the fit.
    fit : array, shape of `y`
        Of each spectrum by least squares with the weights :math:`\\min(1, 1/|r|)` of its residuals r, four
        times in turn.

    References
    ----------
    .. [1] P. W. Holland and R. E. Welsch, "Robust regression using iteratively reweighted least-squares",
       Commun. Stat. Theory Methods 6 (1977) 813.
    """
    xp, bands = namespace(y), y.shape[-1]
    flat = xp.reshape(y, (-1, bands))
    basis = _spread_directions(clean, rank)
    for _ in range(_SUBSPACES):
        pairs = xp.reshape(basis[:, :, None] * basis[:, None, :], (bands, -1))
        fit = xp.reshape(clean, flat.shape) @ basis @ basis.T
        for part, fitted in zip(chunks(flat, _CHUNK), chunks(fit, _CHUNK), strict=True):
            inner = fitted
            for _ in range(_REWEIGHTS):
                weight = 1.0 / xp.maximum(xp.abs(part - inner), 1.0)
                normal = xp.reshape(weight @ pairs, (-1, basis.shape[1], basis.shape[1]))
                z = xp.linalg.solve(normal, ((weight * part) @ basis)[:, :, None])[:, :, 0]
                inner = z @ basis.T
            fitted[...] = inner
        clean = xp.where(xp.abs(flat - fit) > _OUTLIER, fit, flat)
        basis = _spread_directions(clean, rank)
    return basis, xp.reshape(fit, y.shape)


def _spread_directions(y: Any, rank: int | None) -> Any:
    """Directions of which no single band holds more than half: outliers of a band would fit themselves."""
    basis = signal_directions(y, rank if rank is None else y.shape[-1])
    spread = np.max(to_numpy(basis) ** 2, axis=0) <= 0.5
    return columns_of(basis, spread)[:, :rank] if spread.any() else basis[:, :1]


def without_outliers(cube: Any) -> Any:
    """Cube with outliers replaced by the median of the 5 x 5 pixels around them.

    Parameters
    ----------
    cube : array, shape (rows, columns, bands)
        Finite data.

    Returns
    -------
    array, shape of `cube`
        Voxels within four standard deviations of their median as they are; the deviation is that of the
        band, from the median of the distances.
    """
    xp = namespace(cube)
    images = contiguous(xp.moveaxis(cube, -1, 0))
    middle = _median_around(images)
    distance = xp.abs(images - middle)
    typical = median(xp.reshape(distance, (distance.shape[0], -1)), axis=1)
    limit = _OUTLIER * _MEDIAN_TO_SIGMA * typical[:, None, None]
    # beyond a fine, quantised band every distance would be an outlier
    out = xp.where((distance > limit) & (limit > 0), middle, images)
    return contiguous(xp.moveaxis(out, 0, -1))


def _median_around(images: Any) -> Any:
    """Median of the 5 x 5 pixels around each one, mirrored at the border."""
    xp = namespace(images)
    if is_numpy(xp):
        from scipy.ndimage import median_filter

        return median_filter(images, size=(1, _WINDOW, _WINDOW), mode="mirror")
    rows, columns = images.shape[1:]
    half, out = _WINDOW // 2, []
    for k in range(images.shape[0]):
        wide = mirrored(images[k, ...], 0, half, half, twice=False)
        wide = mirrored(wide, 1, half, half, twice=False)
        shifts = [wide[i : i + rows, j : j + columns] for i in range(_WINDOW) for j in range(_WINDOW)]
        out.append(xp.sort(xp.stack(shifts), axis=0)[len(shifts) // 2, ...])
    return xp.stack(out)
