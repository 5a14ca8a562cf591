"""Base of the methods for cubes: containers in, the same containers out."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from sigden.arrays.containers import entries, is_collection, rebuild_collection, unpack
from sigden.hyperspectral.result import CubeResult
from sigden.method import Method, provenance

__all__ = ["CubeMethod"]


@dataclass(frozen=True, kw_only=True)
class CubeMethod(Method):
    """Base of the denoisers of hyperspectral cubes."""

    axes: ClassVar[str] = "(rows, columns, bands)"

    def __call__(self, data: Any, *, sigma: Any = None, mask: Any = None) -> Any:
        """Denoise a cube of any container.

        Parameters
        ----------
        data : array, Quantity, NDData, masked array, DataArray, HyperSpy signal, or a mapping of them
            Real data, shape (rows, columns, bands); NaN is missing. Never modified. Of a DataArray the
            spectral dimension is known by its name or by a coordinate of wavelengths, wherever it stands.
        sigma : float, array of shape (bands,) or of the cube, or Quantity, optional
            Standard deviation of the noise in the unit of the data; the container's uncertainty, and failing
            that an estimate, when absent. Of a cube, the medians over pixels and over bands count; samples
            whose level is not finite are missing.
        mask : array of bool, shape of the cube, optional
            True where a sample is to be ignored; joined with the container's own mask.

        Returns
        -------
        same container
            The estimate, with dtype (float32 or float64), unit and axes of the input; NDData also with the
            standard deviation of the noise that is left. Missing samples are predicted from the others; a
            spectrum or a band without a single sample stays as it is.

        Raises
        ------
        InputError
            If the cube, sigma or mask cannot be used; the message names what and where.
        """
        if is_collection(data):
            sigmas, masks = entries(sigma, data, "sigma"), entries(mask, data, "mask")
            return rebuild_collection(
                data, {k: self(v, sigma=sigmas[k], mask=masks[k]) for k, v in data.items()}
            )
        sample = unpack(data, sigma=sigma, mask=mask, spectral=True)
        result = self.solve(sample.values, sigma=sample.sigma, mask=sample.mask)
        self._report(result)
        if not sample.has_meta:
            return sample.rebuild(result.estimate)
        variance = result.variance()
        record = provenance(self, sample.values, sigma=sample.sigma, mask=sample.mask)
        error = None if variance is None else np.sqrt(variance)
        return sample.rebuild(result.estimate, uncertainty=error, provenance=record)

    def _report(self, result: Any) -> None:
        """Warn of what the caller should know of a result."""

    @abstractmethod
    def solve(self, cube: Any, *, sigma: Any = None, mask: Any = None) -> CubeResult:
        """Denoise a plain cube.

        Parameters
        ----------
        cube : array of float32 or float64, shape (rows, columns, bands)
            Real data; NaN is missing.
        sigma, mask : array, optional
            As the call.

        Returns
        -------
        CubeResult
            Estimate, noise, subspace and the components that were taken off.
        """
