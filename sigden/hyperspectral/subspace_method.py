"""Base of the methods that denoise the eigen-images of a signal subspace."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from typing import Any

from sigden.hyperspectral.base import CubeMethod
from sigden.hyperspectral.pipeline import denoise_cube
from sigden.hyperspectral.result import CubeResult
from sigden.hyperspectral.steps import Recipe

__all__ = ["SubspaceMethod"]


@dataclass(frozen=True, kw_only=True)
class SubspaceMethod(CubeMethod):
    """Base of the methods that denoise the eigen-images of a signal subspace."""

    @abstractmethod
    def recipe(self) -> Recipe:
        """What is looked for in a cube and done with its eigen-images."""

    def solve(self, cube: Any, *, sigma: Any = None, mask: Any = None) -> CubeResult:
        """Denoise a plain cube.

        Parameters
        ----------
        cube : array of float32 or float64, shape (rows, columns, bands)
            Real data; NaN is missing.
        sigma : float or array of shape (bands,) or of the cube, optional
            Standard deviation of the noise; estimated when absent.
        mask : array of bool, shape of the cube, optional
            True where a sample is to be ignored.

        Returns
        -------
        CubeResult
            Estimate, noise, subspace and the components that were taken off.

        Raises
        ------
        InputError
            If the cube, sigma or mask cannot be used.
        ParameterError
            If a given rank exceeds the number of bands.
        """
        return denoise_cube(cube, sigma, mask, self.recipe())
