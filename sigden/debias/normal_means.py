"""Many normal means at once: the posterior of each under a prior that is learnt from all."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from sigden.score import NPMLE, FiniteMixture, GroupedPrior, NormalMixture
from sigden.score.density import numpy_floating

__all__ = ["NormalMeans", "normal_means"]


@dataclass(frozen=True, eq=False)
class NormalMeans:
    """Posterior of many means.

    Parameters
    ----------
    mean : numpy.ndarray
        Posterior means, in the shape and unit of the data; NaN where they are masked.
    variance : numpy.ndarray
        Posterior variances.
    prior : NormalMixture
        Prior under which these are.
    data : numpy.ndarray
        The data.
    sigma : float or numpy.ndarray
        Standard deviation of their noise.
    grouped : GroupedPrior
        Prior of highest likelihood with its certificate, and the data on a lattice, from which the priors of
        intervals and signs come.
    """

    mean: Any
    variance: Any
    prior: NormalMixture
    data: Any
    sigma: Any
    grouped: GroupedPrior

    def interval(self, level: float = 0.95) -> tuple[Any, Any]:
        """Equal-tailed credible interval of each mean.

        Parameters
        ----------
        level : float, default 0.95
            Probability of each interval.

        Returns
        -------
        low, high : numpy.ndarray
            NaN where the data are masked.

        Raises
        ------
        ParameterError
            If the level does not lie between 0 and 1.

        Notes
        -----
        The prior here is the widest that the data allow (`sigden.score.FiniteMixture` with ``widest=True``),
        since a prior of atoms, which serves the mean well, gives intervals that are too short. Where the
        true prior is made of atoms the intervals cover more than they claim.
        """
        prior = FiniteMixture(null=False, widest=True).reduce(self.grouped)
        low, high = np.full_like(self.data, np.nan), np.full_like(self.data, np.nan)
        kept = np.isfinite(self.mean)
        low[kept], high[kept] = prior.posterior_interval(self.data[kept], self._noise(kept), level=level)
        return low, high

    def false_sign_rate(self) -> Any:
        """Local false-sign rate of each mean: probability that its likelier sign is wrong.

        Returns
        -------
        numpy.ndarray
            Between 0 and 1; a value of exactly zero counts as wrong for both signs. NaN where the data are
            masked.

        Notes
        -----
        As for `interval`, but a component of exact zeros is kept where the data support one.
        """
        prior = FiniteMixture(widest=True).reduce(self.grouped)
        rate = np.full_like(self.data, np.nan)
        kept = np.isfinite(self.mean)
        rate[kept] = prior.false_sign_rate(self.data[kept], self._noise(kept))
        return rate

    def _noise(self, kept: Any) -> Any:
        return self.sigma if np.ndim(self.sigma) == 0 else self.sigma[kept]


def normal_means(x: Any, sigma: Any, *, mask: Any = None) -> NormalMeans:
    """Estimate many means, each seen once in normal noise.

    Parameters
    ----------
    x : array_like
        Data ``x_i = theta_i + sigma_i e_i`` with standard normal e, NumPy; any shape, from a few hundred to
        tens of millions.
    sigma : float or array_like
        Standard deviation of the noise; one for all or one for each.
    mask : array of bool, optional
        True where a datum is to be ignored.

    Returns
    -------
    NormalMeans
        Posterior means and variances; intervals and false-sign rates are computed when asked for.

    Raises
    ------
    InputError
        If data or noise cannot be used; the index is named.

    Warns
    -----
    ConvergenceWarning
        If the maximum of the likelihood was not reached.

    Notes
    -----
    The means are taken as draws from an unknown prior, the same for all whatever their noise. It is
    estimated twice: as the `sigden.score.NPMLE`, which fits any prior but has more atoms than a simple one,
    and as the `sigden.score.FiniteMixture` of the Bayesian information criterion, which fits simple ones
    closely. The posterior is that under the even mixture of both: where they agree nothing changes, and
    where few data leave them apart the mean of both errs less than either. The squared error is close to
    that of an oracle who knows the prior [1]_.

    Where the noise differs and goes with the mean, as for rates of players who are given more trials
    because they are good, the assumption of one prior fails and groups should be estimated one by one.

    References
    ----------
    .. [1] W. Jiang and C.-H. Zhang, "General maximum likelihood empirical Bayes estimation of normal means",
       Ann. Stat. 37 (2009) 1647.
    """
    data = numpy_floating(x, "x")
    grouped = NPMLE().fit_grouped(data, sigma, mask=mask)
    prior = grouped.prior.mixed_with(FiniteMixture().reduce(grouped))
    noise = np.asarray(sigma, dtype=np.float64)
    if mask is None:
        mean, variance = prior.posterior(data, noise)
    else:
        kept = ~np.asarray(mask)
        mean, variance = np.full_like(data, np.nan), np.full_like(data, np.nan)
        mean[kept], variance[kept] = prior.posterior(data[kept], noise[kept] if noise.ndim else noise)
    return NormalMeans(mean, variance, prior, data, noise, grouped)
