"""Many normal means at once: the posterior of each under a prior that is learnt from all."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from sigden.arrays.containers import Sample, unpack
from sigden.errors import InputError
from sigden.score import NPMLE, FiniteMixture, GroupedPrior, NormalMixture
from sigden.score.density import numpy_floating

__all__ = ["NormalMeans", "normal_means"]


@dataclass(frozen=True, eq=False)
class NormalMeans:
    """Posterior of many means.

    Parameters
    ----------
    mean : array, Series, Column or Quantity
        Posterior means, of the kind, shape and unit of the data; NaN where they are masked.
    variance : array or Series
        Posterior variances, in the square of the unit; NumPy where the data have a unit.
    prior : NormalMixture
        Prior under which these are.
    data : numpy.ndarray
        The data, without their unit.
    sigma : float or numpy.ndarray
        Standard deviation of their noise.
    kept : numpy.ndarray of bool
        False where the data are masked.
    grouped : GroupedPrior
        Prior of highest likelihood with its certificate, and the data on a lattice, from which the priors of
        intervals and signs come.
    rebuild : callable
        Makes an array what the data were.
    has_unit : bool
        Whether the data have a unit.
    """

    mean: Any
    variance: Any
    prior: NormalMixture
    data: Any
    sigma: Any
    kept: Any
    grouped: GroupedPrior
    rebuild: Callable[[Any], Any]
    has_unit: bool

    def interval(self, level: float = 0.95) -> tuple[Any, Any]:
        """Equal-tailed credible interval of each mean.

        Parameters
        ----------
        level : float, default 0.95
            Probability of each interval.

        Returns
        -------
        low, high : array, Series, Column or Quantity
            Of the kind of the data; NaN where these are masked.

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
        ends = prior.posterior_interval(self.data[self.kept], self._noise(), level=level)
        low, high = (self.rebuild(_spread(end, self.kept)) for end in ends)
        return low, high

    def false_sign_rate(self) -> Any:
        """Local false-sign rate of each mean: probability that its likelier sign is wrong.

        Returns
        -------
        array or Series
            Between 0 and 1; a value of exactly zero counts as wrong for both signs. NaN where the data are
            masked; NumPy where they have a unit.

        Notes
        -----
        As for `interval`, but a component of exact zeros is kept where the data support one.
        """
        prior = FiniteMixture(widest=True).reduce(self.grouped)
        rate = _spread(prior.false_sign_rate(self.data[self.kept], self._noise()), self.kept)
        return rate if self.has_unit else self.rebuild(rate)

    def _noise(self) -> Any:
        return self.sigma if np.ndim(self.sigma) == 0 else self.sigma[self.kept]


def normal_means(x: Any, sigma: Any, *, mask: Any = None) -> NormalMeans:
    """Estimate many means, each seen once in normal noise.

    Parameters
    ----------
    x : array_like, Quantity, masked array, pandas or Polars Series, astropy Column
        Data ``x_i = theta_i + sigma_i e_i`` with standard normal e, NumPy; any shape, from a few hundred to
        tens of millions.
    sigma : float, or as `x`
        Standard deviation of the noise, in the unit of `x`; one for all or one for each.
    mask : array of bool, optional
        True where a datum is to be ignored, besides those that `x` has masked.

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
    sample = unpack(x, mask=mask, label="x")
    data = numpy_floating(sample.values, "x")
    noise = _noise_of(sigma, sample)
    grouped = NPMLE().fit_grouped(data, noise, mask=sample.mask)
    prior = grouped.prior.mixed_with(FiniteMixture().reduce(grouped))
    kept = np.ones(data.shape, bool) if sample.mask is None else ~np.asarray(sample.mask)
    if kept.all():
        mean, variance = prior.posterior(data, noise)
    else:
        figures = prior.posterior(data[kept], noise[kept] if noise.ndim else noise)
        mean, variance = (_spread(figure, kept) for figure in figures)
    return NormalMeans(
        mean=sample.rebuild(mean),
        variance=variance if sample.unit is not None else sample.rebuild(variance),
        prior=prior,
        data=data,
        sigma=noise,
        kept=kept,
        grouped=grouped,
        rebuild=sample.rebuild,
        has_unit=sample.unit is not None,
    )


def _noise_of(sigma: Any, sample: Sample) -> Any:
    """Noise as NumPy numbers in the unit of the data."""
    if not hasattr(sigma, "dtype") or isinstance(sigma, np.generic):
        return np.asarray(sigma, dtype=np.float64)
    level = unpack(sigma, label="sigma")
    if level.unit is not None and level.unit != sample.unit:
        raise InputError(f"sigma has the unit {level.unit}, x has {sample.unit or 'none'}; bring both to one")
    noise = np.asarray(level.values, dtype=np.float64)
    if level.mask is not None and noise.shape == sample.values.shape:
        seen = True if sample.mask is None else ~np.asarray(sample.mask)
        if np.any(seen & level.mask):
            raise InputError("sigma: masked where x is not; mask x there as well")
    return noise


def _spread(values: Any, kept: Any) -> Any:
    """Values of what was kept, in place, with NaN for the rest."""
    out = np.full(kept.shape, np.nan, dtype=values.dtype)
    out[kept] = values
    return out
