"""Prior of few normal components, as many as the data can tell apart."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np

from sigden.errors import ParameterError
from sigden.method import Method
from sigden.score.lattice import bin_samples
from sigden.score.mixture.groups import Groups
from sigden.score.mixture.normal_mixture import NormalMixture
from sigden.score.mixture.npmle import NPMLE, GroupedPrior
from sigden.score.mixture.polish import join_neighbours

__all__ = ["FiniteMixture"]

_COARSER = 4  # steps of the lattice that are one step of the one used here
_TRIALS = 3  # pairs whose merger is tried at each reduction
_NARROW = 0.02  # variance, in that of the noise, below which a component is an atom
_CONFIDENCE = 1.92  # half the 95 % quantile of chi-squared with one degree of freedom
_WIDE = 1.0  # above which no atom is tried in its place


@dataclass(frozen=True, kw_only=True)
class FiniteMixture(Method):
    """Prior of few normal components, atoms among them, by the Bayesian information criterion.

    Parameters
    ----------
    max_components : int, default 8
        Most components.
    null : bool, default True
        Try to centre components on zero; a value of exactly zero can then be told from a small one.
    widest : bool, default False
        Of all priors of these components that the data allow, take the one with the widest components, an
        atom at zero excepted: for intervals and signs, which a prior of atoms makes too sure.

    Notes
    -----
    The likelihood of the prior is nearly flat: many priors fit as well as the `NPMLE`, whose atoms are too
    many for a prior of few atoms and too few for a smooth one. Here its atoms are merged pair by pair into
    normal components, each pair the one that loses least by Runnalls' bound [1]_ and a few steps of
    expectation and maximisation, and after each merger components become atoms, or are centred on zero,
    where the likelihood loses less than the parameter costs. Of this sequence the prior of least
    ``-2 log L + p log n`` with p parameters is kept.

    With `widest` the variances of all components get a common floor, the largest one at which the
    log-likelihood loses less than 1.92, the limit of a 95 % confidence interval.

    References
    ----------
    .. [1] A. R. Runnalls, "Kullback-Leibler approach to Gaussian mixture reduction", IEEE Trans. Aerosp.
       Electron. Syst. 43 (2007) 989, equation 23.
    .. [2] G. Schwarz, "Estimating the dimension of a model", Ann. Stat. 6 (1978) 461.
    """

    axes: ClassVar[str] = "(n,) -> prior of the means"

    max_components: int = 8
    null: bool = True
    widest: bool = False

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 1 <= self.max_components <= 64:
            raise ParameterError(f"max_components: must lie between 1 and 64, got {self.max_components}")

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
            Components, with the posterior of any sample.

        Raises
        ------
        InputError
            If samples, noise or weights cannot be used; the index is named.
        """
        return self.reduce(NPMLE().fit_grouped(x, sigma, weights=weights, mask=mask))

    def reduce(self, fitted: GroupedPrior) -> NormalMixture:
        """Estimate the prior from an `NPMLE` that is at hand.

        Parameters
        ----------
        fitted : GroupedPrior
            Result of `NPMLE.fit_grouped`.

        Returns
        -------
        NormalMixture
            Components; `log_likelihood` is that of the samples on the lattice.
        """
        return _reduce(self, fitted.prior, fitted.groups)


@dataclass(frozen=True, eq=False)
class _State:
    """Components of a candidate and its log-likelihood."""

    mean: Any
    variance: Any
    weight: Any
    pinned: Any
    value: float

    @property
    def parameters(self) -> int:
        """Free means, widths and weights."""
        return int(np.sum(~self.pinned) + np.sum(self.variance > 0) + self.mean.size - 1)


@dataclass(frozen=True, eq=False)
class _Data:
    """Grouped samples in units of the typical noise, and expectation and maximisation on them."""

    x: Any
    level: Any
    count: Any
    noise: Any

    def maximise(self, state: _State, max_iter: int, tol: float = 1e-2, floor: float = 0.0) -> _State:
        from sigden.score.mixture.em_numba import maximise

        mean, variance, weight = state.mean.copy(), state.variance.copy(), state.weight.copy()
        if floor > 0:
            variance = np.where(state.pinned & (variance == 0), 0.0, np.maximum(variance, floor))
        value = maximise(
            self.x, self.level, self.count, self.noise, mean, variance, weight, state.pinned, floor,
            max_iter, tol,
        )  # fmt: skip
        return _State(mean, variance, weight, state.pinned, value)


def _reduce(method: FiniteMixture, prior: NormalMixture, groups: Groups) -> NormalMixture:
    data, unit = _coarse(groups)
    penalty = 0.5 * math.log(max(prior.samples, 2.0))
    state = _clusters(prior, unit, groups.lattice.step / unit)
    while state.mean.size > method.max_components:
        state = _merge(state, *_cheapest(state, 1)[0])
    state = best = _simplify(data, data.maximise(state, 30), penalty, method.null)
    while state.mean.size > 1:
        trials = [data.maximise(_merge(state, *pair), 4) for pair in _cheapest(state, _TRIALS)]
        state = data.maximise(max(trials, key=lambda t: t.value), 50)
        state = _simplify(data, state, penalty, method.null)
        if state.value - penalty * state.parameters > best.value - penalty * best.parameters:
            best = state
        elif state.value + 30.0 < best.value:
            break
    best = _simplify(data, data.maximise(best, 300, 1e-4), penalty, method.null)
    if method.widest:
        best = _widen(data, best)
    order = np.argsort(best.mean, kind="stable")
    return replace(
        prior,
        means=np.ascontiguousarray(best.mean[order] * unit),
        variances=np.ascontiguousarray(best.variance[order] * unit**2),
        weights=np.ascontiguousarray(best.weight[order] / best.weight.sum()),
        log_likelihood=best.value - float(groups.count.sum()) * math.log(unit),
        gradient_bound=None,
        iterations=0,
    )


def _coarse(groups: Groups) -> tuple[_Data, float]:
    """Groups in units of the typical noise, of one noise level on a coarser lattice."""
    step = groups.lattice.step
    nodes = groups.lattice.nodes[groups.node]
    if groups.levels.size == 1:
        unit = float(groups.levels[0])
        lattice, count = bin_samples(nodes, _COARSER * step, 1, groups.count)
        kept = np.flatnonzero(count)
        # bin_samples gives its weights the mean one
        count = count[kept] * (groups.count.sum() / count.sum())
        noise = (unit**2 + step**2 / 6 + (_COARSER * step) ** 2 / 6) / unit**2
        return _Data(
            lattice.nodes[kept] / unit, np.zeros(kept.size, np.int64), count, np.array([noise])
        ), unit
    weight = np.bincount(groups.level, groups.count, groups.levels.size)
    unit = float(math.exp(np.average(np.log(groups.levels), weights=weight)))
    noise = (groups.levels**2 + step**2 / 6) / unit**2
    return _Data(nodes / unit, groups.level, groups.count, noise), unit


def _clusters(prior: NormalMixture, unit: float, step: float) -> _State:
    """Atoms, neighbours on the lattice as one."""
    mean, weight = join_neighbours(prior.means / unit, prior.weights, 2.5 * step)
    return _State(mean, np.zeros(mean.size), weight, np.zeros(mean.size, dtype=bool), -math.inf)


def _cheapest(state: _State, count: int) -> list[tuple[int, int]]:
    """Pairs of components whose merger loses least, by Runnalls' bound."""
    spread = 1 + state.variance
    if state.mean.size > 64:  # neighbours alone
        i, j = np.arange(state.mean.size - 1), np.arange(1, state.mean.size)
    else:
        i, j = np.triu_indices(state.mean.size, 1)
    w = state.weight[i] + state.weight[j]
    p, q = state.weight[i] / w, state.weight[j] / w
    merged = p * spread[i] + q * spread[j] + p * q * (state.mean[i] - state.mean[j]) ** 2
    cost = w * (np.log(merged) - p * np.log(spread[i]) - q * np.log(spread[j]))
    order = np.argsort(cost, kind="stable")[:count]
    return [(int(i[k]), int(j[k])) for k in order]


def _merge(state: _State, i: int, j: int) -> _State:
    """Two components replaced by one of their mean and variance."""
    w = state.weight[i] + state.weight[j]
    p, q = state.weight[i] / w, state.weight[j] / w
    mean = p * state.mean[i] + q * state.mean[j]
    between = p * q * (state.mean[i] - state.mean[j]) ** 2
    variance = p * state.variance[i] + q * state.variance[j] + between
    if variance < _NARROW:
        variance = 0.0
    keep = np.arange(state.mean.size) != j

    def replaced(values: Any, new: Any) -> Any:
        values = values.copy()
        values[i] = new
        return values[keep]

    return _State(
        replaced(state.mean, mean),
        replaced(state.variance, variance),
        replaced(state.weight, w),
        replaced(state.pinned, False),
        -math.inf,
    )


def _simplify(data: _Data, state: _State, penalty: float, null: bool) -> _State:
    """Components made atoms, and centred on zero, wherever that costs less than a parameter."""
    for k in range(state.mean.size):
        if 0 < state.variance[k] < _WIDE:
            variance = state.variance.copy()
            variance[k] = 0.0
            trial = data.maximise(replace(state, variance=variance), 20)
            if trial.value > state.value - penalty or state.variance[k] < _NARROW:
                state = trial
        error = math.sqrt((1 + state.variance[k]) / max(data.count.sum() * state.weight[k], 1.0))
        if null and not state.pinned[k] and abs(state.mean[k]) < 6 * math.sqrt(penalty) * error:
            mean, pinned = state.mean.copy(), state.pinned.copy()
            mean[k], pinned[k] = 0.0, True
            trial = data.maximise(replace(state, mean=mean, pinned=pinned), 20)
            if trial.value > state.value - penalty:
                state = trial
    return state


def _widen(data: _Data, state: _State) -> _State:
    """Components as wide as the likelihood allows, a null atom excepted."""
    least = state.value - _CONFIDENCE
    low, high, wide = -8.0, 3.0, state
    for _ in range(12):
        middle = 0.5 * (low + high)
        trial = data.maximise(state, 60, 1e-2, math.exp(middle))
        if trial.value >= least:
            low, wide = middle, trial
        else:
            high = middle
    return wide
