"""Posterior of a smooth real amplitude in noise."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

__all__ = ["SmoothAmplitude"]

_SCALES = 4.0 ** np.arange(-6, 7)
_NOTHING = 1e-12


@dataclass(frozen=True, eq=False)
class SmoothAmplitude:
    """Gaussian process with a root of its covariance, observed in noise of variance 1/2.

    Parameters
    ----------
    root : numpy.ndarray, shape (nodes, bins)
        The covariance is ``scale * root.T @ root``; the scale is that of largest evidence.
    """

    root: Any

    @cached_property
    def _parts(self) -> tuple[Any, Any]:
        """Information of the principal weights, and their functions of shape (nodes, bins)."""
        values, vectors = np.linalg.eigh(2.0 * np.einsum("ib,jb->ij", self.root, self.root))
        return np.maximum(values, 0.0), np.einsum("ij,ib->jb", vectors, self.root)

    def posterior(self, y: Any) -> tuple[Any, Any, float, float]:
        """Mean, directions, freedom and log evidence.

        Parameters
        ----------
        y : numpy.ndarray, shape (bins,)
            Amplitude plus noise.

        Returns
        -------
        tuple
            Posterior mean, shape (bins,); root of the posterior covariance, shape (nodes, bins); number of
            weights that the data have told; logarithm of the likelihood ratio to noise.
        """
        values, functions = self._parts
        total = float(values.sum())
        if not total > _NOTHING:
            return np.zeros(y.size), np.zeros_like(functions), 0.0, 0.0
        told = 2.0 * np.einsum("ib,b->i", functions, y)
        typical = float(np.sum(told**2 / (values + 1e-9 * total))) / total
        scale = max(typical, _NOTHING) * _SCALES[:, None]
        shrink = scale / (1.0 + values * scale)
        evidence = 0.5 * np.sum(told**2 * shrink - np.log1p(values * scale), axis=1)
        best = int(np.argmax(evidence))
        mean = np.einsum("ib,i->b", functions, shrink[best] * told)
        freedom = float(np.sum(values * shrink[best]))
        directions = functions * np.sqrt(shrink[best])[:, None]
        return mean, directions, freedom, float(evidence[best]) - math.log(_SCALES.size)
