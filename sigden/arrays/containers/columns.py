"""Columns of tables: pandas and Polars Series, astropy Column."""

from __future__ import annotations

from typing import Any

import numpy as np

from sigden.arrays.containers.base import Sample, require_plain
from sigden.arrays.validate import as_floating
from sigden.errors import InputError


def unpack(data: Any, sigma: Any, label: str) -> Sample:
    """Values of a Series, and the way back to one with its name and index."""
    if type(data).__name__ != "Series":
        raise InputError(f"{label}: a {type(data).__name__} is not one column; give a Series of it")
    require_plain(sigma, f"{label}: sigma")
    label = str(data.name) if data.name else label
    array = np.asarray(data.to_numpy())
    if array.dtype.kind == "O":
        try:
            array = array.astype(np.float64)
        except (TypeError, ValueError) as error:
            raise InputError(f"{label}: holds values that are not numbers: {error}") from error
    values = as_floating(array, label)

    def rebuild(estimate: Any, uncertainty: Any = None, provenance: Any = None) -> Any:
        if hasattr(data, "index"):
            return type(data)(estimate, index=data.index, name=data.name)
        return type(data)(data.name, estimate)

    return Sample(values=values, rebuild=rebuild, sigma=sigma, label=label)


def unpack_astropy(data: Any, sigma: Any, label: str) -> Sample:
    """Values, mask and unit of a Column or MaskedColumn."""
    label = data.name or label
    masked = isinstance(data, np.ma.MaskedArray)
    values = as_floating(np.asarray(data.data.data if masked else data.data), label)
    mask = np.ma.getmaskarray(data) if masked else None
    kind = type(data)

    def rebuild(estimate: Any, uncertainty: Any = None, provenance: Any = None) -> Any:
        options = {"mask": mask} if masked else {}
        return kind(estimate, name=data.name, unit=data.unit, **options)

    return Sample(values=values, rebuild=rebuild, mask=mask, sigma=sigma, unit=data.unit, label=label)
