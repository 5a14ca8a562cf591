"""astropy NDData and CCDData to observations, and results back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from sigden.arrays import as_floating
from sigden.errors import InputError
from sigden.multiband.data.observation import Observation
from sigden.multiband.data.result import MultibandResult

if TYPE_CHECKING:
    from astropy.nddata import NDData

__all__ = ["observation_from_nddata", "result_to_nddata"]


def observation_from_nddata(data: NDData, psf: Any, band: str, **options: Any) -> Observation:
    """Observation from an astropy image.

    Parameters
    ----------
    data : NDData or CCDData, shape (rows, columns)
        Image with its uncertainty (any astropy kind; it becomes the variance map), mask, WCS and unit.
    psf : array, shape (odd, odd)
        PSF, as `Observation` takes it.
    band : str
        Name of the band.
    **options
        Other parameters of `Observation`; they override what the container says.

    Returns
    -------
    Observation
        The same image.

    Raises
    ------
    InputError
        If the uncertainty does not convert to a variance in the unit of the image.
    """
    from astropy.nddata import VarianceUncertainty
    from astropy.units import UnitConversionError

    image = as_floating(np.asarray(data.data), f"band {band!r}")
    found: dict[str, Any] = {"unit": None if data.unit is None else str(data.unit)}
    if data.mask is not None:
        found["mask"] = np.broadcast_to(np.asarray(data.mask, dtype=bool), image.shape)
    if data.wcs is not None:
        found["wcs"] = data.wcs
    if data.uncertainty is not None and "sigma" not in options and "variance" not in options:
        variance = data.uncertainty.represent_as(VarianceUncertainty)
        scale = 1.0
        if data.unit is not None and variance.unit is not None:
            try:
                scale = (1.0 * variance.unit).to_value(data.unit**2)
            except UnitConversionError as error:
                raise InputError(
                    f"band {band!r}: variance in {variance.unit} does not fit an image in {data.unit}"
                ) from error
        found["variance"] = np.asarray(variance.array) * scale
    return Observation(image, psf, band, **{**found, **options})


def result_to_nddata(result: MultibandResult, band: str) -> NDData:
    """One band of a result as NDData.

    Parameters
    ----------
    result : MultibandResult
        Output of a joint method.
    band : str
        Which band.

    Returns
    -------
    NDData
        Image with the propagated noise as its uncertainty and the grid's WCS, if it has one.

    Raises
    ------
    InputError
        If the result holds no such band.
    """
    from astropy.nddata import NDData, StdDevUncertainty

    if band not in result.bands:
        raise InputError(f"band {band!r}: the result holds {', '.join(result.bands)}")
    index = result.bands.index(band)
    return NDData(
        result.estimate[index],
        uncertainty=StdDevUncertainty(np.array(result.uncertainty[index])),
        wcs=result.grid.wcs,
        meta={"band": band, "target_fwhm": result.target_fwhm},
    )
