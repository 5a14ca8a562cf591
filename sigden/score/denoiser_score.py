"""Any denoiser as a score: first and second moments of the posterior that it stands for."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from sigden.arrays import as_floating, device_of, namespace, require_finite
from sigden.errors import InputError, ParameterError

__all__ = ["DenoiserScore", "Divergence", "JacobianModes"]

_STEP = 0.01  # move along a probe, in units of the noise


@dataclass(frozen=True, eq=False)
class Divergence:
    """Estimated trace of a denoiser's Jacobian.

    Parameters
    ----------
    value : float
        Divergence: the effective degrees of freedom of the estimate.
    error : float
        Standard error over the probes; NaN for one probe.
    """

    value: float
    error: float


@dataclass(frozen=True, eq=False)
class JacobianModes:
    """Directions in which the posterior is widest.

    Parameters
    ----------
    modes : array, shape (count, ...)
        Orthonormal directions in the shape of the data, widest first.
    variances : numpy.ndarray, shape (count,)
        Posterior variance along each, in the unit of the data squared.
    """

    modes: Any
    variances: Any


@dataclass(frozen=True, eq=False)
class DenoiserScore:
    """Score and posterior moments that a denoiser of Gaussian noise stands for.

    Parameters
    ----------
    denoiser : Denoiser or callable
        Denoiser with a fixed strength, or a function ``D(y, sigma)`` of array and noise level. A strength
        that is chosen anew for each datum is not differentiable, and the second moments with it.
    sigma : float
        Standard deviation of the noise.

    Notes
    -----
    If D is the posterior mean of its own prior, Tweedie's formula in both orders reads [1]_ [2]_

    .. math::
        s(y) = \\frac{D(y) - y}{\\sigma^2}, \\qquad
        Cov[x | y] = \\sigma^2 \\frac{\\partial D(y)}{\\partial y} .

    The Jacobian is met only through ``(D(y + h b) - D(y)) / h`` along probes b with h = sigma / 100. For a
    denoiser that is no posterior mean (total variation for one) the same quantities say how the estimate
    answers to its data; as posterior moments they are then a guide only.

    References
    ----------
    .. [1] B. Efron, "Tweedie's formula and selection bias", J. Am. Stat. Assoc. 106 (2011) 1602, section 2.
    .. [2] H. Manor and T. Michaeli, "On the posterior distribution in denoising: application to uncertainty
       quantification", ICLR (2024), theorem 1.
    """

    denoiser: Any
    sigma: float

    def __post_init__(self) -> None:
        if not 0 < self.sigma < math.inf:
            raise ParameterError(f"sigma: must be positive and finite, got {self.sigma}")
        if not (callable(self.denoiser) or hasattr(self.denoiser, "estimate")):
            raise ParameterError(f"denoiser: expected a Denoiser or a function, got {self.denoiser!r}")

    def posterior_mean(self, y: Any) -> Any:
        """Denoised data.

        Parameters
        ----------
        y : array
            Noisy data.

        Returns
        -------
        array
            ``D(y)``.
        """
        return self._denoise(_checked(y))

    def score(self, y: Any) -> Any:
        """Gradient of the log-density of noisy data, ``(D(y) - y) / sigma^2``.

        Parameters
        ----------
        y : array
            Noisy data.

        Returns
        -------
        array
            In the shape of `y`.
        """
        y = _checked(y)
        return (self._denoise(y) - y) / self.sigma**2

    def divergence(self, y: Any, *, probes: int = 4, seed: int = 0) -> Divergence:
        """Trace of the Jacobian, which is the number of effective degrees of freedom.

        Parameters
        ----------
        y : array
            Noisy data, taken as one signal.
        probes : int, default 4
            Vectors of random signs.
        seed : int, default 0
            Of the probes.

        Returns
        -------
        Divergence
            Mean over the probes, and its standard error.

        References
        ----------
        .. [1] S. Ramani, T. Blu and M. Unser, "Monte-Carlo SURE", IEEE Trans. Image Process. 17 (2008),
           eq. 16.
        """
        y = _checked(y)
        xp = namespace(y)
        values = [
            float(xp.sum(signs * self._slope(y, base, signs), dtype=xp.float64))
            for base in (self._denoise(y),)
            for signs in _signs(y, probes, seed)
        ]
        error = float(np.std(values, ddof=1) / math.sqrt(probes)) if probes > 1 else math.nan
        return Divergence(float(np.mean(values)), error)

    def posterior_variance(self, y: Any, *, probes: int = 32, seed: int = 0) -> Any:
        """Variance of each sample: sigma^2 times the diagonal of the Jacobian.

        Parameters
        ----------
        y : array
            Noisy data.
        probes : int, default 32
            Vectors of random signs; the error falls with the square root of their number.
        seed : int, default 0
            Of the probes.

        Returns
        -------
        array
            In the shape of `y`; not negative.

        References
        ----------
        .. [1] C. Bekas, E. Kokiopoulou and Y. Saad, "An estimator for the diagonal of a matrix", Appl. Numer.
           Math. 57 (2007) 1214, section 2.
        """
        y = _checked(y)
        xp = namespace(y)
        base, total = self._denoise(y), xp.zeros_like(y)
        for signs in _signs(y, probes, seed):
            total = total + signs * self._slope(y, base, signs)
        return xp.maximum(self.sigma**2 * total / probes, xp.zeros_like(total))

    def modes(self, y: Any, count: int = 3, *, iterations: int = 20, seed: int = 0) -> JacobianModes:
        """Directions of largest posterior variance, by subspace iteration on the Jacobian.

        Parameters
        ----------
        y : array
            Noisy data, taken as one signal.
        count : int, default 3
            Number of directions.
        iterations : int, default 20
            Passes; each applies the denoiser `count` times.
        seed : int, default 0
            Of the first directions.

        Returns
        -------
        JacobianModes
            Directions and variances, widest first.

        References
        ----------
        .. [1] H. Manor and T. Michaeli, "On the posterior distribution in denoising: application to
           uncertainty quantification", ICLR (2024), algorithm 1.
        """
        y = _checked(y)
        xp = namespace(y)
        size = math.prod(y.shape)
        if not 1 <= count <= size:
            raise ParameterError(f"count: must lie between 1 and the number of samples {size}, got {count}")
        if iterations < 1:
            raise ParameterError(f"iterations: must be at least 1, got {iterations}")
        base = self._denoise(y)
        start = np.random.default_rng(seed).standard_normal((size, count))
        basis, _ = xp.linalg.qr(xp.asarray(start, dtype=y.dtype, device=device_of(y)))
        # a move of length sigma / 100 per sample, as along a vector of signs
        reach = math.sqrt(size)
        for _ in range(iterations):
            directions = [xp.reshape(basis[:, k], y.shape) for k in range(count)]
            image = xp.stack(
                [xp.reshape(self._slope(y, base, reach * d) / reach, (size,)) for d in directions], axis=1
            )
            small = xp.matmul(xp.matrix_transpose(basis), image)
            values, vectors = xp.linalg.eigh((small + xp.matrix_transpose(small)) / 2)
            turned = xp.matmul(basis, vectors)
            basis, _ = xp.linalg.qr(image)
        variances = np.asarray([max(float(v), 0.0) for v in values])[::-1] * self.sigma**2
        return JacobianModes(xp.reshape(xp.flip(turned.T, axis=0), (count, *y.shape)), variances)

    def _denoise(self, y: Any) -> Any:
        if hasattr(self.denoiser, "estimate"):
            return self.denoiser.estimate(y, sigma=self.sigma)
        function: Callable[[Any, float], Any] = self.denoiser
        return function(y, self.sigma)

    def _slope(self, y: Any, base: Any, direction: Any) -> Any:
        """Jacobian times a direction whose entries are of order one."""
        step = _STEP * self.sigma
        return (self._denoise(y + step * direction) - base) / step


def _checked(y: Any) -> Any:
    y = as_floating(y, "y")
    require_finite(y, "y")
    if math.prod(y.shape) == 0:
        raise InputError(f"y: empty, shape {tuple(y.shape)}")
    return y


def _signs(y: Any, probes: int, seed: int) -> Any:
    if probes < 1:
        raise ParameterError(f"probes: must be at least 1, got {probes}")
    xp = namespace(y)
    random = np.random.default_rng(seed)
    for _ in range(probes):
        signs = random.integers(0, 2, y.shape) * 2.0 - 1.0
        yield xp.asarray(signs, dtype=y.dtype, device=device_of(y))
