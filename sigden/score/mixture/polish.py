"""Atoms of a lattice moved to where the likelihood wants them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from sigden.score.mixture.groups import Groups
from sigden.score.mixture.normal_mixture import NormalMixture

__all__ = ["join_neighbours", "polish"]

_EXACT = 2048  # as many samples are taken one by one, more in their groups
_WORK = 400_000  # densities evaluated at most, a few milliseconds
_STEPS = 200  # steps at most


def join_neighbours(means: Any, weights: Any, distance: float) -> tuple[Any, Any]:
    """Means and weights with atoms nearer than a distance joined: one atom between nodes is two on them.

    Parameters
    ----------
    means, weights : numpy.ndarray, shape (atoms,)
        Sorted by mean.
    distance : float
        Greatest distance of two that are joined.

    Returns
    -------
    means, weights : numpy.ndarray
        Of the joint atoms.
    """
    cluster = np.concatenate([[0], np.cumsum(np.diff(means) > distance)])
    mass = np.bincount(cluster, weights)
    return np.bincount(cluster, weights * means) / mass, mass


def polish(prior: NormalMixture, x: Any, sigma: Any, weights: Any, groups: Groups) -> NormalMixture:
    """Join neighbouring atoms and move them by expectation and maximisation, while it pays.

    Parameters
    ----------
    prior : NormalMixture
        Atoms on the lattice, with their log-likelihood.
    x, sigma, weights : numpy.ndarray
        Checked samples.
    groups : Groups
        The same on the lattice.

    Returns
    -------
    NormalMixture
        Of higher likelihood, or `prior` itself.
    """
    from sigden.score.mixture.em_numba import maximise

    step = groups.lattice.step
    means, mass = join_neighbours(prior.means, prior.weights, 2.5 * step)
    if x.size <= _EXACT:
        places = x.astype(np.float64)
        count = np.ones(x.size) if weights is None else weights
        noise = np.broadcast_to(np.asarray(sigma, dtype=np.float64), x.shape) ** 2
        level = np.arange(x.size)
    else:
        places, count, level = groups.lattice.nodes[groups.node], groups.count, groups.level
        noise = groups.levels**2 + step**2 / 6
    steps = min(_STEPS, _WORK // (places.size * means.size))
    if steps < 5:
        return prior
    unit = float(np.sqrt(noise.min()))
    centre = float(means[0])
    moved, shares = (means - centre) / unit, mass.copy()
    maximise(
        (places - centre) / unit, level, count, noise / unit**2, moved, np.zeros(means.size), shares,
        np.zeros(means.size, dtype=bool), 0.0, steps, 1e-7,
    )  # fmt: skip
    order = np.argsort(moved, kind="stable")
    candidate = replace(
        prior,
        means=centre + unit * moved[order],
        variances=np.zeros(means.size),
        weights=shares[order] / shares.sum(),
    ).with_likelihood(x, sigma, weights)
    return candidate if candidate.log_likelihood > prior.log_likelihood else prior
