"""astropy Quantity, NDData and CCDData."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
from astropy import units as u
from astropy.nddata import NDData, StdDevUncertainty
from astropy.table.column import BaseColumn

from sigden.arrays.containers.base import Sample
from sigden.arrays.containers.columns import unpack_astropy as unpack_column
from sigden.arrays.validate import as_floating
from sigden.errors import InputError


def unpack(data: Any, sigma: Any, label: str) -> Sample:
    """Values, mask, sigma and unit of an astropy container."""
    if isinstance(data, u.Quantity):
        return _quantity(data, sigma, label)
    if isinstance(data, NDData):
        return _nddata(data, sigma, label)
    if isinstance(data, BaseColumn):
        return unpack_column(data, sigma_in_unit(sigma, data.unit, label), label)
    raise InputError(
        f"{label}: astropy {type(data).__name__} is not a container sigden knows; "
        "give its array, a Quantity or NDData"
    )


def sigma_in_unit(sigma: Any, unit: Any, label: str) -> Any:
    """Plain sigma in the unit of the data; a plain number is taken to be in it already."""
    if not isinstance(sigma, u.Quantity):
        return sigma
    try:
        return sigma.to_value(unit if unit is not None else u.dimensionless_unscaled)
    except u.UnitConversionError as error:
        raise InputError(
            f"{label}: sigma in {sigma.unit} does not convert to the data's unit {unit}"
        ) from error


def _quantity(data: u.Quantity, sigma: Any, label: str) -> Sample:
    values = as_floating(np.asarray(data.value), label)

    def rebuild(estimate: Any, uncertainty: Any = None, provenance: Any = None) -> Any:
        return u.Quantity(estimate, unit=data.unit, copy=False, subok=True)

    return Sample(
        values=values,
        rebuild=rebuild,
        sigma=sigma_in_unit(sigma, data.unit, label),
        unit=data.unit,
        label=label,
    )


def _nddata(data: NDData, sigma: Any, label: str) -> Sample:
    values = as_floating(np.asarray(data.data), label)
    mask = None if data.mask is None else np.broadcast_to(np.asarray(data.mask, dtype=bool), values.shape)
    if sigma is None and data.uncertainty is not None:
        std = data.uncertainty.represent_as(StdDevUncertainty)
        unit = std.unit or data.unit
        scale = 1.0 if data.unit is None or unit is None else (1.0 * unit).to_value(data.unit)
        sigma = np.asarray(std.array, dtype=values.dtype) * scale
    sigma = sigma_in_unit(sigma, data.unit, label)

    def rebuild(estimate: Any, uncertainty: Any = None, provenance: Any = None) -> Any:
        out = copy.deepcopy(data)
        meta = copy.deepcopy(out.meta)
        if provenance is not None:
            meta["sigden"] = dict(provenance)
        return type(data)(
            estimate,
            uncertainty=None if uncertainty is None else StdDevUncertainty(uncertainty),
            mask=out.mask,
            wcs=out.wcs,
            meta=meta,
            unit=data.unit,
        )

    return Sample(
        values=values, rebuild=rebuild, mask=mask, sigma=sigma, unit=data.unit, label=label, has_meta=True
    )
