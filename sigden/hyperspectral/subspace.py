"""How many dimensions the signal has, and which."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from sigden.arrays import device_of, in_order, is_numpy, namespace, to_numpy
from sigden.errors import InputError, ParameterError
from sigden.hyperspectral.beside import beside, host_dtype, matmul, subtract
from sigden.hyperspectral.gram import chunks
from sigden.hyperspectral.pixels import as_pixels
from sigden.hyperspectral.regression import moments_of, spectral_regression

__all__ = [
    "Subspace",
    "hysime",
    "leverage_corrected",
    "marchenko_pastur_edge",
    "marchenko_pastur_rank",
    "noise_sigma",
    "whitened_subspace",
]

# 99 % quantile of the Tracy-Widom law of real symmetric matrices (Johnstone 2001, table 1)
_TRACY_WIDOM_99 = 2.02
_CHUNK, _PART = 1024, 8192  # spectra that are projected at once, and by one thread
_MOST_LEVERAGE = 0.9
_LEVERAGE_STEPS = 2


@dataclass(frozen=True, eq=False)
class Subspace:
    """Signal subspace of spectra in units of their noise.

    Parameters
    ----------
    mean : ndarray, shape (bands,)
        Mean spectrum.
    sigma : ndarray, shape (bands,)
        Noise level of each band; a band of level 0 is not part of the subspace.
    basis : ndarray, shape (bands, rank)
        Orthonormal directions of the whitened spectra, strongest first.
    eigenvalues : ndarray, shape (bands,)
        Of the whitened covariance, in descending order; 1 is the noise.
    level : ndarray, shape (rank,), optional
        Noise level along each direction, where it is not 1: noise that is correlated along the spectrum.
    noise : ndarray, shape (bands,), optional
        Noise level of each band where that correlation hides part of it from `sigma`.

    Notes
    -----
    The matrices are small, and NumPy's. `project` and `reconstruct` work on spectra of any array library, on
    their device.
    """

    mean: Any
    sigma: Any
    basis: Any
    eigenvalues: Any
    level: Any = None
    noise: Any = None

    @property
    def rank(self) -> int:
        """Number of directions."""
        return self.basis.shape[1]

    def forward(self) -> Any:
        """Matrix from centred spectra to coefficients of unit noise, shape (bands, rank)."""
        weight = np.where(self.sigma > 0, 1 / np.where(self.sigma > 0, self.sigma, 1), 0)
        matrix = self.basis * weight[:, None]
        return matrix if self.level is None else matrix / self.level

    def backward(self) -> Any:
        """Matrix from coefficients to centred spectra, shape (rank, bands)."""
        matrix = self.basis * self.sigma[:, None]
        return (matrix if self.level is None else matrix * self.level).T

    def band_noise(self) -> Any:
        """Noise level of each band, correlated noise included; shape (bands,)."""
        return self.sigma if self.noise is None else self.noise

    def project(self, pixels: Any, out: Any = None) -> Any:
        """Coefficients of spectra: shape (pixels, bands) to (pixels, rank), in their dtype."""
        matrix = self.forward()
        shift = self.mean @ matrix
        if out is None:
            out = namespace(pixels).empty(
                (pixels.shape[0], self.rank), dtype=pixels.dtype, device=device_of(pixels)
            )
        small, offset = beside(matrix, pixels), beside(self.mean, pixels)
        rounded = self.mean.astype(host_dtype(pixels)).astype(np.float64)
        left = beside(shift - rounded @ matrix, pixels)

        def one(pair: tuple[Any, Any]) -> None:
            room = namespace(pixels).empty_like(pair[0][: min(_CHUNK, pair[0].shape[0]), :])
            for part, piece in zip(*(chunks(array, _CHUNK) for array in pair), strict=True):
                centred = room[: part.shape[0], :]
                subtract(part, offset, centred)
                matmul(centred, small, piece)
                piece -= left

        pairs = zip(chunks(pixels, _PART), chunks(out, _PART), strict=True)
        for _ in in_order(one, pairs) if is_numpy(namespace(pixels)) else map(one, pairs):
            pass
        return out

    def reconstruct(self, coefficients: Any, out: Any = None) -> Any:
        """Spectra of coefficients: shape (pixels, rank) to (pixels, bands)."""
        back = beside(self.backward(), coefficients)
        if out is None:
            out = coefficients @ back
        else:
            matmul(coefficients, back, out)
        out += beside(self.mean, coefficients)
        return out


def marchenko_pastur_edge(bands: int, pixels: int) -> float:
    """Largest eigenvalue that pure noise of unit variance reaches once in a hundred cubes.

    Parameters
    ----------
    bands, pixels : int
        Size of the data.

    Returns
    -------
    float
        Upper edge of the Marchenko-Pastur law, :math:`(1 + \\sqrt{B/N})^2`, and the 99 % quantile of the
        Tracy-Widom law about it [1]_.

    References
    ----------
    .. [1] I. M. Johnstone, "On the distribution of the largest eigenvalue in principal components
       analysis", Ann. Stat. 29 (2001) 295, theorem 1.1.
    """
    a, b = math.sqrt(max(pixels - 1, 1)), math.sqrt(bands)
    centre = (a + b) ** 2
    spread = (a + b) * (1 / a + 1 / b) ** (1 / 3)
    return (centre + _TRACY_WIDOM_99 * spread) / pixels


def whitened_subspace(
    covariance: Any, mean: Any, sigma: Any, pixels: int, rank: int | None = None
) -> Subspace:
    """Signal subspace from second moments.

    Parameters
    ----------
    covariance : ndarray, shape (bands, bands)
        Covariance of the spectra.
    mean, sigma : ndarray, shape (bands,)
        Mean spectrum and noise level.
    pixels : int
        Number of spectra behind the covariance.
    rank : int, optional
        Number of directions; `marchenko_pastur_edge` decides when absent.

    Returns
    -------
    Subspace
        At least one direction, unless every band is without noise.

    Raises
    ------
    ParameterError
        If the rank is out of range.
    """
    sigma = np.asarray(sigma, dtype=np.float64)
    alive = sigma > 0
    weight = np.where(alive, 1 / np.where(alive, sigma, 1), 0)
    values, vectors = np.linalg.eigh(covariance * np.outer(weight, weight))
    values, vectors = values[::-1], vectors[:, ::-1]
    most = int(alive.sum())
    if rank is None:
        rank = max(1, int(np.sum(values > marchenko_pastur_edge(most, pixels))))
    elif not 1 <= rank <= len(sigma):
        raise ParameterError(f"rank: must be from 1 to the number of bands, {len(sigma)}, got {rank}")
    basis = vectors[:, : min(rank, most)]
    # the sign of an eigenvector is free: fix it, so that results repeat
    sign = np.sign(basis[np.abs(basis).argmax(axis=0), np.arange(basis.shape[1])])
    return Subspace(mean=np.asarray(mean), sigma=sigma, basis=basis * sign, eigenvalues=values)


def leverage_corrected(covariance: Any, mean: Any, sigma: Any, pixels: int) -> Any:
    """Noise level without the noise of the prediction.

    Parameters
    ----------
    covariance : ndarray, shape (bands, bands)
        Covariance of the spectra.
    mean, sigma : ndarray, shape (bands,)
        Mean spectrum, and the noise level by spectral regression.
    pixels : int
        Number of spectra behind the covariance.

    Returns
    -------
    ndarray, shape (bands,)
        Corrected noise level, never above `sigma`.

    Notes
    -----
    In a signal subspace with the orthonormal basis E of the whitened spectra and eigenvalues e there, the
    other bands predict band b with the variance :math:`\\sigma_b^2 h_b / (1 - h_b)`,
    :math:`h_b = \\sum_k E_{bk}^2 (1 - 1 / e_k)`, which the regression counts as noise of the band: the level
    is :math:`\\sqrt{1 - h_b}` times the one it gives (the inverse of :math:`I + E \\Lambda E^T`). Two
    steps are taken: further ones change little.
    """
    corrected, rank = sigma, None
    for _ in range(_LEVERAGE_STEPS):
        space = whitened_subspace(covariance, mean, corrected, pixels, rank)
        signal = 1 - 1 / np.maximum(space.eigenvalues[: space.rank], 1.0)
        leverage = np.minimum(space.basis**2 @ signal, _MOST_LEVERAGE)
        corrected, rank = sigma * np.sqrt(1 - leverage), space.rank
    return corrected


def noise_sigma(cube: Any) -> Any:
    """Noise level of each band: spectral regression, corrected for the noise of the prediction.

    Parameters
    ----------
    cube : array, shape (rows, columns, bands)
        Real, finite data.

    Returns
    -------
    float64 array, shape (bands,)
        Standard deviation of the noise in the unit of the cube; 0 for a constant band.

    Raises
    ------
    InputError
        As `regression_sigma`, or if a value is not finite.

    Notes
    -----
    `regression_sigma`, then `leverage_corrected`.

    Examples
    --------
    >>> import numpy as np
    >>> from sigden.hyperspectral import regression_sigma
    >>> from sigden.simulate import gaussian_noise, spectral_cube
    >>> level = np.linspace(0.01, 0.15, 60)
    >>> cube = gaussian_noise(spectral_cube(seed=1), level, seed=2)
    >>> error = [abs(found(cube) / level - 1).max() for found in (regression_sigma, noise_sigma)]
    >>> bool(error[1] < 0.1 < error[0])
    True
    """
    pixels, found, sigma = _second_moments(cube, None)
    level = leverage_corrected(found.covariance, found.mean, sigma, pixels.shape[0])
    return beside(level, pixels, np.float64)


def marchenko_pastur_rank(cube: Any, *, sigma: Any = None) -> int:
    """Number of directions of the whitened spectra that rise above the noise.

    Parameters
    ----------
    cube : array, shape (rows, columns, bands)
        Real, finite data.
    sigma : array, shape (bands,), optional
        Noise level; by `regression_sigma` when absent.

    Returns
    -------
    int
        Eigenvalues of the whitened covariance above `marchenko_pastur_edge`.

    Raises
    ------
    InputError
        As `regression_sigma`, or if a value is not finite.

    References
    ----------
    .. [1] S. Kritchman and B. Nadler, "Determining the number of components in a factor model from limited
       noisy data", Chemom. Intell. Lab. Syst. 94 (2008) 19, section 3.

    Examples
    --------
    >>> from sigden.simulate import gaussian_noise, spectral_cube
    >>> cube = gaussian_noise(spectral_cube(endmembers=4, seed=1), sigma=0.02, seed=2)
    >>> marchenko_pastur_rank(cube)
    3
    """
    pixels, found, sigma = _second_moments(cube, sigma)
    weight = 1 / sigma[sigma > 0]
    kept = found.covariance[np.ix_(sigma > 0, sigma > 0)]
    values = np.linalg.eigvalsh(kept * np.outer(weight, weight))
    return int(np.sum(values > marchenko_pastur_edge(len(weight), pixels.shape[0])))


def hysime(cube: Any) -> tuple[int, Any]:
    """Signal subspace by least mean squared error (HySime).

    Parameters
    ----------
    cube : array, shape (rows, columns, bands)
        Real, finite data.

    Returns
    -------
    rank : int
        Number of directions.
    basis : float64 ndarray, shape (bands, rank)
        Orthonormal directions in the unit of the data.

    Raises
    ------
    InputError
        As `regression_sigma`, or if a value is not finite.

    Notes
    -----
    With the correlation matrices :math:`R_y` of the data and :math:`R_n` of the residuals of spectral
    regression, and the eigenvectors e of that of the data less their residuals, the direction e is kept where
    it lowers the mean squared error, :math:`-e^T R_y e + 2 e^T R_n e < 0` [1]_.

    References
    ----------
    .. [1] J. M. Bioucas-Dias and J. M. P. Nascimento, "Hyperspectral subspace identification", IEEE Trans.
       Geosci. Remote Sens. 46 (2008) 2435, section IV, equation 21.
    """
    pixels, found, _ = _second_moments(cube, None)
    regression = spectral_regression(found, host_dtype(pixels))
    second = found.covariance + np.outer(found.mean, found.mean)
    to_noise = regression.residual
    noise = to_noise.T @ found.covariance @ to_noise
    to_signal = np.eye(len(noise)) - to_noise
    signal = to_signal.T @ found.covariance @ to_signal + np.outer(found.mean, found.mean)
    vectors = np.linalg.eigh(signal)[1][:, ::-1]
    cost = np.sum(vectors * ((2 * np.diag(np.diag(noise)) - second) @ vectors), axis=0)
    order = np.argsort(cost, kind="stable")
    rank = int(np.sum(cost < 0))
    return rank, beside(vectors[:, order[:rank]], pixels, np.float64)


def _second_moments(cube: Any, sigma: Any) -> tuple[Any, Any, Any]:
    pixels, _ = as_pixels(cube, finite=True)
    found = moments_of(pixels)
    if sigma is None:
        return pixels, found, spectral_regression(found, host_dtype(pixels)).sigma
    sigma = np.asarray(to_numpy(sigma) if hasattr(sigma, "shape") else sigma, dtype=np.float64)
    if sigma.shape != (pixels.shape[1],) or not np.all(np.isfinite(sigma) & (sigma >= 0)):
        raise InputError(f"sigma: needs one finite, non-negative level for each of {pixels.shape[1]} bands")
    return pixels, found, sigma
