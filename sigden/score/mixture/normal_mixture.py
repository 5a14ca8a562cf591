"""Normal-mixture prior of many means, with the posterior of each."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from sigden.arrays import first_index, parallel_allowed
from sigden.errors import InputError, ParameterError
from sigden.score.density import FittedDensity, evaluation_points, numpy_floating
from sigden.score.lattice import Lattice, apart, evaluate_tables, islands, tweedie_tables

__all__ = ["NormalMixture", "check_noise"]

_PARALLEL_SAMPLES = 1 << 12  # below it, starting the threads costs more than they save
_FINENESS = 20  # nodes of a table in one standard deviation of the noise
_REACH = 8.0  # standard deviations about the components that a table covers
_ROUGH = (
    3e-4  # bend of the posterior mean within a step, in standard deviations, that a cubic does not follow
)


@dataclass(frozen=True, eq=False)
class NormalMixture(FittedDensity):
    """Prior ``theta ~ sum_k w_k N(m_k, v_k)`` under samples ``x = theta + sigma e`` with standard normal e.

    Parameters
    ----------
    means, variances, weights : numpy.ndarray, shape (components,)
        Components, sorted by mean; variance zero is an atom; the weights sum to one.
    sigma : float or None
        Noise of the samples that it was fitted to; None where each had its own.
    support : tuple of float
        Smallest and largest of these samples.
    samples : float
        Their number; with weights the effective one.
    log_likelihood : float
        Of these samples.
    gradient_bound : float, optional
        Certificate of a maximum-likelihood fit: no prior on its lattice has a log-likelihood that exceeds
        this one's by more than `samples` times this bound.
    iterations : int, optional
        Steps that the fit took.

    Notes
    -----
    Every method of samples takes them as `x`, of any shape, with `sigma`, the standard deviation of their
    noise: a number or one for each, by default that of the fit. It returns NumPy arrays in the shape of `x`,
    float32 for float32. An InputError names what is not finite or not positive. The posterior is again a
    normal mixture, so nothing is approximated; for more samples of equal noise than nodes, log-density and
    moments come from tables, to 1e-4 of `sigma` or better; samples off the tables, or where the posterior
    changes from one component to another within a step, are computed one by one.
    """

    means: Any
    variances: Any
    weights: Any
    sigma: float | None
    support: tuple[float, float]
    samples: float
    log_likelihood: float
    gradient_bound: float | None = None
    iterations: int = 0

    def __post_init__(self) -> None:
        if np.any(np.diff(self.means) < 0):
            raise ParameterError("means: components must be sorted by mean")

    def log_density(self, x: Any, sigma: Any = None) -> Any:
        """Log of the marginal density of noisy samples."""
        return self._log_derivative(x, sigma, 0)

    def score(self, x: Any, sigma: Any = None) -> Any:
        """First derivative of the marginal log-density, ``(E[theta|x] - x) / sigma^2``."""
        return self._log_derivative(x, sigma, 1)

    def curvature(self, x: Any, sigma: Any = None) -> Any:
        """Second derivative of the marginal log-density, ``(Var[theta|x] / sigma^2 - 1) / sigma^2``."""
        return self._log_derivative(x, sigma, 2)

    def posterior_mean(self, x: Any, sigma: Any = None) -> Any:
        """Mean of what lies beneath the noise; it never falls as x grows."""
        return self.posterior(x, sigma)[0]

    def posterior_variance(self, x: Any, sigma: Any = None) -> Any:
        """Variance of what lies beneath the noise, in the unit of `x` squared."""
        return self.posterior(x, sigma)[1]

    def posterior(self, x: Any, sigma: Any = None) -> tuple[Any, Any]:
        """Mean and variance of what lies beneath the noise, in one pass."""
        x, noise = self._noise(x, sigma)
        table = self._table(x, noise)
        if table is None:
            _, mean, variance = self._run("moments", x.reshape(-1), noise)
            return mean.reshape(x.shape).astype(x.dtype), variance.reshape(x.shape).astype(x.dtype)
        tables, tail = self._tabulated(table, noise)
        both = tweedie_tables(table, tables, tail, x, float(noise))
        alone = apart(table, _rough(tables, table.step, noise), x)
        if alone is not None:
            for values, exact in zip(both, self._run("moments", x[alone], noise)[1:], strict=True):
                values[alone] = exact
        return both

    def posterior_interval(self, x: Any, sigma: Any = None, *, level: float = 0.95) -> tuple[Any, Any]:
        """Equal-tailed credible interval of what lies beneath the noise.

        Parameters
        ----------
        x, sigma : array_like
            As for every method.
        level : float, default 0.95
            Probability of the interval.

        Returns
        -------
        low, high : numpy.ndarray
            Posterior quantiles ``(1 - level)/2`` and ``(1 + level)/2``. Under a prior of atoms alone they are
            atoms: use one with components that have a width.
        """
        if not 0 < level < 1:
            raise ParameterError(f"level: must lie between 0 and 1, got {level}")
        x, noise = self._noise(x, sigma)
        tails = np.array([(1 - level) / 2, (1 + level) / 2])
        low, high = self._interpolated("quantiles", x, noise, tails)
        return low.reshape(x.shape).astype(x.dtype), high.reshape(x.shape).astype(x.dtype)

    def false_sign_rate(self, x: Any, sigma: Any = None) -> Any:
        """Local false-sign rate: probability that the likelier sign of what lies beneath the noise is wrong.

        Returns
        -------
        numpy.ndarray
            ``min(P(theta <= 0 | x), P(theta >= 0 | x))``, in which zero counts as wrong for both signs [1]_.

        References
        ----------
        .. [1] M. Stephens, "False discovery rates: a new deal", Biostatistics 18 (2017) 275, section 2.2.
        """
        x, noise = self._noise(x, sigma)
        below, zero = self._interpolated("signs", x, noise)
        rate = np.minimum(below + zero, 1 - below)
        return np.clip(rate, 0, 1).reshape(x.shape).astype(x.dtype)

    def mixed_with(self, other: NormalMixture) -> NormalMixture:
        """Even mixture of two priors of the same samples.

        Parameters
        ----------
        other : NormalMixture
            The second.

        Returns
        -------
        NormalMixture
            Components of both; its `log_likelihood` is not known, so NaN.
        """
        means = np.concatenate([self.means, other.means])
        order = np.argsort(means, kind="stable")
        return replace(
            self,
            means=means[order],
            variances=np.concatenate([self.variances, other.variances])[order],
            weights=np.concatenate([self.weights, other.weights])[order] / 2,
            log_likelihood=math.nan,
            gradient_bound=None,
            iterations=0,
        )

    def with_likelihood(self, x: Any, sigma: Any, weights: Any = None) -> NormalMixture:
        """Copy whose `log_likelihood` is that of the given samples.

        Parameters
        ----------
        x : numpy.ndarray
            Samples.
        sigma : float or numpy.ndarray
            Standard deviation of their noise.
        weights : numpy.ndarray, optional
            Their weights.

        Returns
        -------
        NormalMixture
            The same prior.
        """
        each = self.log_density(x, sigma)
        total = np.sum(each, dtype=np.float64) if weights is None else np.dot(weights, each)
        return replace(self, log_likelihood=float(total))

    def _log_derivative(self, x: Any, sigma: Any, order: int) -> Any:
        x, noise = self._noise(x, sigma)
        table = self._table(x, noise)
        if table is not None:
            tables, tail = self._tabulated(table, noise)
            values = evaluate_tables(table, tables, tail, x, order)
            alone = apart(table, _rough(tables, table.step, noise), x)
            if alone is not None:
                exact = self._run("moments", x[alone], noise)
                values[alone] = _log_derivatives(x[alone], noise, *exact)[order]
            return values
        moments = (row.reshape(x.shape) for row in self._run("moments", x.reshape(-1), noise))
        return _log_derivatives(x, noise, *moments)[order].astype(x.dtype)

    def _interpolated(self, what: str, x: Any, noise: Any, *extra: Any) -> Any:
        """Two figures of each sample, shape (2, samples): lines between nodes where a table serves."""
        flat = x.reshape(-1)
        table = self._table(x, noise)
        if table is None:
            return self._run(what, flat, noise, *extra)
        out = np.stack(
            [np.interp(flat, table.nodes, row) for row in self._run(what, table.nodes, noise, *extra)]
        )
        alone = apart(table, _rough(self._tabulated(table, noise)[0], table.step, noise), flat)
        if alone is not None:
            out[:, alone] = self._run(what, flat[alone], noise, *extra)
        return out

    def _tabulated(self, table: Lattice, noise: Any) -> tuple[tuple[Any, Any, Any], float]:
        """Log-density with its derivatives at the nodes, and its curvature beyond them."""
        moments = self._run("moments", table.nodes, noise)
        tail = -1 / (float(noise) ** 2 + float(self.variances.max()))
        return _log_derivatives(table.nodes, noise, *moments), tail

    def _noise(self, x: Any, sigma: Any) -> tuple[Any, Any]:
        x = evaluation_points(x)
        sigma = self.sigma if sigma is None else sigma
        if sigma is None:
            raise InputError(
                "sigma: give that of each sample; the fit had a different one for each of its own"
            )
        return x, check_noise(sigma, x)

    def _table(self, x: Any, noise: Any) -> Lattice | None:
        """Lattice about the components, where it has fewer nodes than there are samples."""
        if noise.ndim:
            return None
        step = float(noise) / _FINENESS
        widths = _REACH * np.sqrt(float(noise) ** 2 + self.variances) / step
        # of a very wide component the middle; what lies beyond is computed sample by sample
        widths = np.minimum(widths, x.size / 4)
        centre = (self.means - self.means.min()) / step
        lattice = islands(np.floor(centre - widths), np.ceil(centre + widths), float(self.means.min()), step)
        return lattice if lattice.size < x.size else None

    def _run(self, what: str, x: Any, noise: Any, *extra: Any) -> Any:
        from sigden.score.mixture import posterior_numba as loops

        out = np.empty((3 if what == "moments" else 2, x.size))
        x = np.ascontiguousarray(x, dtype=np.float64)
        s = np.ascontiguousarray(noise, dtype=np.float64).reshape(-1)
        largest = max(x.max(initial=0.0), -x.min(initial=0.0))
        if largest > 1e150 * s.min():
            raise InputError(f"x: {largest:.3g} over a sigma of {s.min():.3g} has no square; mask it")
        many = x.size >= _PARALLEL_SAMPLES and parallel_allowed()
        run = getattr(loops, f"{what}_parallel" if many else what)
        run(x, s, *_classes(self.means, self.variances, self.weights, float(s.min())), *extra, out)
        return out


def _classes(means: Any, variances: Any, weights: Any, sigma: float) -> tuple[Any, Any, Any, Any]:
    """Components in classes of like width, by factors of two, and where each class begins."""
    kind = np.ceil(0.5 * np.log2(np.maximum(variances / sigma**2, 1.0)))
    order = np.argsort(kind, kind="stable")
    begin = np.r_[0, np.flatnonzero(np.diff(kind[order])) + 1, kind.size].astype(np.int64)
    return means[order], variances[order], weights[order], begin


def _log_derivatives(x: Any, noise: Any, log_density: Any, mean: Any, variance: Any) -> tuple[Any, Any, Any]:
    square = noise**2
    return log_density, (mean - x) / square, (variance / square - 1) / square


def _rough(tables: tuple[Any, Any, Any], step: float, noise: Any) -> Any:
    """Nodes behind which the score rises otherwise than its derivatives at both ends say."""
    _, score, curvature = tables
    bend = np.diff(score) - step / 2 * (curvature[1:] + curvature[:-1])
    return np.append(np.abs(bend) * float(noise) > _ROUGH, False)


def check_noise(sigma: Any, x: Any, mask: Any = None) -> Any:
    """Noise of all samples (0-d) or of each (shape of `x`), float64; an InputError names a bad entry.

    Where the mask is true it need not be a number.
    """
    sigma = numpy_floating(sigma, "sigma").astype(np.float64)
    if sigma.ndim and sigma.shape != x.shape:
        raise InputError(f"sigma: shape {sigma.shape} is neither one number nor that of x, {x.shape}")
    bad = ~((sigma > 0) & np.isfinite(sigma))
    if mask is not None and sigma.ndim:
        bad &= ~np.asarray(mask)
    if np.any(bad):
        index = first_index(bad) if sigma.ndim else ()
        place = f" at index {index[0] if len(index) == 1 else index}" if index else ""
        raise InputError(f"sigma: must be positive and finite, got {float(sigma[index])}{place}")
    known = sigma[~bad & (sigma > 0)]
    if known.size and not 1e-140 < known.min() <= known.max() < 1e140:
        raise InputError(
            f"sigma: squares of {known.min():.3g} to {known.max():.3g} are not held; change the unit"
        )
    return sigma
