"""Nonparametric maximum likelihood of the prior of many normal means."""

from __future__ import annotations

import math
import warnings
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from sigden.errors import ConvergenceWarning, InputError, ParameterError
from sigden.method import Method
from sigden.score.density import check_samples
from sigden.score.mixture.groups import Groups, group_samples
from sigden.score.mixture.normal_mixture import NormalMixture, check_noise
from sigden.score.mixture.polish import polish

__all__ = ["NPMLE", "GroupedPrior"]

_START = 1.0  # spacing of the first atoms, in standard deviations of the noise


@dataclass(frozen=True, eq=False)
class GroupedPrior:
    """Maximum-likelihood prior and the samples that it was fitted to, gathered on a lattice.

    Parameters
    ----------
    prior : NormalMixture
        Atoms.
    groups : Groups
        Counts of samples at the nodes of the lattice.
    """

    prior: NormalMixture
    groups: Groups


@dataclass(frozen=True, kw_only=True)
class NPMLE(Method):
    """Prior of many normal means of highest likelihood among all distributions.

    Parameters
    ----------
    fineness : int, default 20
        Steps of the lattice in one standard deviation of the noise.
    tol : float, default 1e-3
        The log-likelihood of all samples is within this of its maximum when the fit ends, or as near as
        rounding lets it come.
    max_iter : int, default 200
        Most Newton steps.

    Notes
    -----
    For samples ``x_i = theta_i + sigma_i e_i`` with standard normal e and theta from an unknown prior G, the
    log-likelihood :math:`\\sum_i \\log \\int \\phi_{\\sigma_i}(x_i - t) \\, dG(t)` is concave in G and its
    maximum has few atoms [1]_. Samples are binned linearly on a lattice of step sigma / `fineness`, on which
    the atoms lie too; it covers the occupied stretches alone, so that its resolution does not depend on how
    far the outermost sample is. Stretches farther apart than 16 sigma do not see each other and are solved
    one by one.

    Each step adds the local maxima of the gradient

    .. math:: D(t) = \\frac1n \\sum_i \\frac{\\phi_{\\sigma_i}(x_i - t)}{f_i} - 1

    to the atoms, minimises the quadratic model of the likelihood over non-negative weights and searches along
    the line to it [2]_. On stretches of more than 160 sigma that model is minimised in windows, since atoms
    far apart hardly see each other. Since the likelihood is concave, no prior on the lattice exceeds the
    present one by more than ``n max D``: that is the certificate, `gradient_bound`, and what ends the fit. At
    last neighbouring atoms are joined and moved off the lattice as long as the likelihood rises.

    References
    ----------
    .. [1] J. Kiefer and J. Wolfowitz, "Consistency of the maximum likelihood estimator in the presence of
       infinitely many incidental parameters", Ann. Math. Stat. 27 (1956) 887.
    .. [2] Y. Wang, "On fast computation of the non-parametric maximum likelihood estimate of a mixing
       distribution", J. R. Stat. Soc. B 69 (2007) 185, section 3.
    .. [3] R. Koenker and I. Mizera, "Convex optimization, shape constraints, compound decisions, and
       empirical Bayes rules", J. Am. Stat. Assoc. 109 (2014) 674, section 3.
    """

    axes: ClassVar[str] = "(n,) -> prior of the means"

    fineness: int = 20
    tol: float = 1e-3
    max_iter: int = 200

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 4 <= self.fineness <= 1000:
            raise ParameterError(f"fineness: must lie between 4 and 1000, got {self.fineness}")
        if not 0 < self.tol < math.inf:
            raise ParameterError(f"tol: must be positive and finite, got {self.tol}")
        if self.max_iter < 1:
            raise ParameterError(f"max_iter: must be at least 1, got {self.max_iter}")

    def fit(self, x: Any, sigma: Any, *, weights: Any = None, mask: Any = None) -> NormalMixture:
        """Estimate the prior.

        Parameters
        ----------
        x : array_like, shape (n,)
            Noisy samples, NumPy; other shapes are flattened.
        sigma : float or array_like, shape (n,)
            Standard deviation of their noise; one for all or one for each.
        weights : array_like, shape (n,), optional
            Weights, not negative, of any scale.
        mask : array of bool, shape (n,), optional
            True where a sample is to be ignored.

        Returns
        -------
        NormalMixture
            Atoms, with the posterior of any sample.

        Raises
        ------
        InputError
            If samples, noise or weights cannot be used; the index is named.

        Warns
        -----
        ConvergenceWarning
            If the certificate was not met.
        """
        return self.fit_grouped(x, sigma, weights=weights, mask=mask).prior

    def fit_grouped(self, x: Any, sigma: Any, *, weights: Any = None, mask: Any = None) -> GroupedPrior:
        """Estimate the prior, and keep what other priors can be fitted to.

        Parameters
        ----------
        x, sigma, weights, mask : array_like
            As for `fit`.

        Returns
        -------
        GroupedPrior
            The prior, and the samples gathered on a lattice.

        Raises
        ------
        InputError
            If samples, noise or weights cannot be used; the index is named.

        Warns
        -----
        ConvergenceWarning
            If the certificate was not met.
        """
        x, sigma, weights, samples = _checked_samples(x, sigma, weights, mask)
        return _fit(self, x, sigma, weights, samples)


def _checked_samples(x: Any, sigma: Any, weights: Any, mask: Any) -> tuple[Any, Any, Any, float]:
    """Samples, noise (a float or one each), weights or None, effective number; raises InputError."""
    values = x if hasattr(x, "dtype") else np.asarray(x)
    kept, kept_weights, samples = check_samples(values, weights, mask, least=1)
    noise = check_noise(sigma, values, mask)
    if noise.ndim == 0:
        return kept, float(noise), kept_weights, samples
    keep = np.ones(values.shape, dtype=bool) if mask is None else ~np.asarray(mask)
    if weights is not None:
        keep &= np.asarray(weights) > 0
    noise = noise[keep]
    if np.ptp(noise) == 0:
        return kept, float(noise[0]), kept_weights, samples
    return kept, noise, kept_weights, samples


def _fit(method: NPMLE, x: Any, sigma: Any, weights: Any, samples: float) -> GroupedPrior:
    from sigden.score.mixture import newton_numba

    smallest = np.min(sigma)
    span = float(np.max(np.abs(x)))
    if span > 1e12 * smallest:
        raise InputError(
            f"sigma: {smallest:.3g} is lost in the rounding of samples as large as {span:.3g}; "
            "mask outliers or subtract an offset"
        )
    groups = group_samples(x, sigma, weights, method.fineness)
    lattice = groups.lattice
    weight, report = np.zeros(lattice.size), np.zeros((lattice.first.size, 3))
    newton_numba.fit_islands(
        groups.node, groups.level, groups.begin, groups.count, groups.taps, groups.reach, lattice.offset,
        max(1, round(_START * method.fineness)), method.tol / x.size, method.max_iter, weight, report,
    )  # fmt: skip
    atoms = np.flatnonzero(weight)
    share = np.add.reduceat(groups.count, groups.begin[:-1]) / groups.count.sum()
    bound = float(max(np.dot(share, report[:, 1]), 0.0))
    iterations = int(report[:, 0].max())
    if bound * x.size > max(method.tol, 1.0):
        warnings.warn(
            f"NPMLE: after {iterations} iterations the log-likelihood may still rise by {bound * x.size:.2g}",
            ConvergenceWarning,
            stacklevel=4,
        )
    prior = NormalMixture(
        means=lattice.nodes[atoms],
        variances=np.zeros(atoms.size),
        weights=weight[atoms] / weight[atoms].sum(),
        sigma=sigma if np.ndim(sigma) == 0 else None,
        support=(float(x.min()), float(x.max())),
        samples=samples,
        log_likelihood=math.nan,
        gradient_bound=bound,
        iterations=iterations,
    )
    prior = prior.with_likelihood(x, sigma, weights)
    return GroupedPrior(polish(prior, x, sigma, weights, groups), groups)
