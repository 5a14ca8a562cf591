"""What a multiband method hands back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from sigden.multiband.data.grid import Grid

__all__ = ["MultibandResult"]


@dataclass(frozen=True, eq=False)
class MultibandResult:
    """Images of all bands at one PSF on one grid.

    Parameters
    ----------
    estimate : numpy.ndarray, shape (bands, rows, columns)
        Flux per grid pixel at the target PSF.
    uncertainty : numpy.ndarray, shape (bands, rows, columns)
        Standard deviation of the propagated noise of each pixel.
    noise_covariance : numpy.ndarray, shape (bands, bands)
        Covariance of that noise between the bands of one pixel.
    bands : tuple of str
        Names, in order.
    grid : Grid
        Pixel grid.
    target_fwhm : float
        FWHM in arcsec of the Gaussian target PSF.
    details : mapping
        What else the method knows.
    """

    estimate: Any
    uncertainty: Any
    noise_covariance: Any
    bands: tuple[str, ...]
    grid: Grid
    target_fwhm: float
    details: Mapping[str, Any] = field(default_factory=dict)

    def __getitem__(self, band: str) -> Any:
        """Image of one band."""
        return self.estimate[self.bands.index(band)]
