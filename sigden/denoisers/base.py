"""D(y, sigma): a method that takes noisy data and gives the estimate in the same container."""

from __future__ import annotations

import warnings
from abc import abstractmethod
from dataclasses import dataclass
from typing import Any

from sigden.arrays.containers import entries, is_collection, rebuild_collection, unpack
from sigden.errors import ConvergenceWarning
from sigden.method import Method, provenance
from sigden.solvers import Solution

__all__ = ["Denoiser"]


@dataclass(frozen=True, kw_only=True)
class Denoiser(Method):
    """Base of the denoisers D(y, sigma)."""

    def __call__(self, data: Any, *, sigma: Any = None, mask: Any = None) -> Any:
        """Denoise data of any container.

        Parameters
        ----------
        data : array, Quantity, NDData, masked array, TimeSeries, or a mapping of them
            Real data; leading axes are a batch. Never modified.
        sigma : float, array of the batch shape, or Quantity, optional
            Standard deviation of the noise in the unit of the data; estimated row by row when absent.
        mask : array of bool, optional
            True where a sample is to be ignored; joined with the container's own mask.

        Returns
        -------
        same container
            The estimate, with dtype (float32 or float64), unit and axes of the input.

        Raises
        ------
        InputError
            If unmasked data are not finite (the index is named) or cannot be used.

        Warns
        -----
        ConvergenceWarning
            If the solver stopped before its certificate was met.
        """
        if is_collection(data):
            sigmas, masks = entries(sigma, data, "sigma"), entries(mask, data, "mask")
            return rebuild_collection(
                data,
                {k: self(v, sigma=sigmas[k], mask=masks[k]) for k, v in data.items()},
            )
        sample = unpack(data, sigma=sigma, mask=mask)
        estimate = self.estimate(sample.values, sigma=sample.sigma, mask=sample.mask)
        record = None
        if sample.has_meta:
            record = provenance(self, sample.values, sigma=sample.sigma, mask=sample.mask)
        return sample.rebuild(estimate, uncertainty=None, provenance=record)

    def estimate(self, values: Any, *, sigma: Any = None, mask: Any = None) -> Any:
        """Estimate alone, for callers that need no certificate.

        Parameters
        ----------
        values, sigma, mask : array
            As `solve`.

        Returns
        -------
        array
            The estimate.

        Warns
        -----
        ConvergenceWarning
            If the solver stopped before its certificate was met.
        """
        solution = self.solve(values, sigma=sigma, mask=mask)
        if not solution.converged:
            warnings.warn(
                f"{self.name()}: {solution.status.value} after {solution.iterations} iterations, "
                f"{solution.details['certificate']} {solution.gap:.2g}",
                ConvergenceWarning,
                stacklevel=3,
            )
        return solution.estimate

    @abstractmethod
    def solve(self, values: Any, *, sigma: Any = None, mask: Any = None) -> Solution:
        """Denoise a plain array.

        Parameters
        ----------
        values : array of float32 or float64
            Real data; leading axes are a batch.
        sigma : float or array of the batch shape, optional
            Standard deviation of the noise; estimated row by row when absent.
        mask : array of bool, optional
            True where a sample is to be ignored.

        Returns
        -------
        Solution
            Estimate with its certificate.
        """
