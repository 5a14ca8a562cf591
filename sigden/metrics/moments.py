"""Shapes of sources by adaptive moments."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from sigden.errors import InputError

__all__ = ["Moments", "adaptive_moments", "ellipticity_error"]


@dataclass(frozen=True)
class Moments:
    """Adaptive moments of a source.

    Parameters
    ----------
    row, column : float
        Centroid, pixels; NaN, as all else, where the iteration found no source.
    column_column, row_column, row_row : float
        Covariance of the best elliptical Gaussian, pixels squared.
    """

    row: float
    column: float
    column_column: float
    row_column: float
    row_row: float

    @property
    def ellipticity(self) -> tuple[float, float]:
        """Distortion (e1, e2), e1 > 0 along the columns' axis."""
        total = self.column_column + self.row_row
        return (self.column_column - self.row_row) / total, 2 * self.row_column / total

    @property
    def size(self) -> float:
        """Standard deviation in pixels, fourth root of the determinant."""
        return (self.column_column * self.row_row - self.row_column**2) ** 0.25


_LOST = Moments(math.nan, math.nan, math.nan, math.nan, math.nan)


def adaptive_moments(
    image: Any, row: float, column: float, *, radius: float = 16.0, tol: float = 1e-7, max_iter: int = 200
) -> Moments:
    """Moments in an elliptical Gaussian window that has the same moments.

    Parameters
    ----------
    image : array, shape (rows, columns)
        Flux per pixel, background subtracted.
    row, column : float
        Where the source is to within its size, in pixels.
    radius : float
        Pixels further away than this do not count; the window's standard deviation must stay below half of
        it, and the centroid within.
    tol : float
        Largest relative change of the last step.
    max_iter : int
        Steps allowed.

    Returns
    -------
    Moments
        NaN throughout where the flux is not positive, the window runs away, or the steps run out.

    Raises
    ------
    InputError
        If the image has not two axes.

    Notes
    -----
    .. math:: M = \\frac{2 \\sum I w (x - x_0)(x - x_0)^T}{\\sum I w}, \\quad
              w = \\exp(-\\tfrac12 (x - x_0)^T M^{-1} (x - x_0))

    and the centroid :math:`x_0` with the same window. For a Gaussian source M is its covariance.

    References
    ----------
    .. [1] G. M. Bernstein and M. Jarvis, "Shapes and shears, stars and smears: optimal measurements for weak
       lensing", Astron. J. 123 (2002) 583, section 3.1.
    .. [2] C. Hirata and U. Seljak, "Shear calibration biases in weak-lensing surveys", Mon. Not. R. Astron.
       Soc. 343 (2003) 459, section 2.1.
    """
    values = np.asarray(image, dtype=np.float64)
    if values.ndim != 2:
        raise InputError(f"adaptive_moments: needs an image, got shape {values.shape}")
    grid = np.mgrid[: values.shape[0], : values.shape[1]]
    near = np.hypot(grid[0] - row, grid[1] - column) <= radius
    places, light = grid[:, near].astype(np.float64), values[near]
    start = np.asarray([row, column], dtype=np.float64)
    centre, spread = start, 4.0 * np.eye(2)
    for _ in range(max_iter):
        away = places - centre[:, None]
        weighted = light * np.exp(-0.5 * np.sum(away * np.linalg.solve(spread, away), axis=0))
        total = weighted.sum()
        if not total > 0:
            return _LOST
        shift = 2 * (away @ weighted) / total
        new = 2 * (away * weighted) @ away.T / total
        # about the centroid that the step moves to
        new -= np.outer(shift, shift) / 2
        centre = centre + shift
        eigenvalues = np.linalg.eigvalsh(new)
        if not (
            eigenvalues[0] > 0.01 and eigenvalues[1] < radius**2 / 4 and np.hypot(*(centre - start)) < radius
        ):
            return _LOST
        change = max(float(np.abs(new - spread).max()), float(np.abs(shift).max())) / eigenvalues[1]
        spread = new
        if change < tol:
            return Moments(*(float(v) for v in (*centre, spread[1, 1], spread[0, 1], spread[0, 0])))
    return _LOST


def ellipticity_error(
    estimate: Any, truth: Any, positions: Iterable[tuple[float, float]], *, radius: float = 16.0
) -> Any:
    """Error of the ellipticity from adaptive moments.

    Parameters
    ----------
    estimate, truth : array, shape (rows, columns)
        Flux per pixel, background subtracted.
    positions : iterable of (row, column)
        Sources, in pixels.
    radius : float
        As in `adaptive_moments`.

    Returns
    -------
    float64 array, shape (sources,)
        ``|e_estimate - e_truth|``; NaN where either has no moments.

    Raises
    ------
    InputError
        As `adaptive_moments`.
    """
    found = []
    for row, column in positions:
        first, second = (
            adaptive_moments(image, row, column, radius=radius).ellipticity for image in (estimate, truth)
        )
        found.append(math.hypot(first[0] - second[0], first[1] - second[1]))
    return np.asarray(found, dtype=np.float64)
