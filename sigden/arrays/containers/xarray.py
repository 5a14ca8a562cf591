"""xarray DataArray: dimensions are met by their names, coordinates and attributes are kept."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import numpy as np

from sigden.arrays.containers.base import Sample, require_plain
from sigden.arrays.namespace import namespace
from sigden.arrays.validate import as_floating
from sigden.errors import InputError

_BANDS = frozenset({"band", "bands", "channel", "channels"})
_WAVELENGTHS = frozenset(
    {"wavelength", "wavelengths", "wave", "wl", "lambda", "lam", "wavenumber"}
    | {"frequency", "freq", "energy", "spectral", "spectrum"}
)
_STANDARD_NAMES = frozenset(
    {"radiation_wavelength", "radiation_frequency", "radiation_wavenumber"}
    | {"sensor_band_central_radiation_wavelength", "sensor_band_central_radiation_wavenumber"}
)


def unpack(data: Any, sigma: Any, label: str) -> Sample:
    """Values of a DataArray in the order of its dimensions, and the way back to one with its coordinates."""
    if type(data).__name__ != "DataArray":
        raise InputError(f"{label}: an xarray {type(data).__name__} is not one array; give a DataArray of it")
    label = str(data.name) if data.name is not None else label
    require_plain(sigma, f"{label}: sigma")
    values = data.data
    if hasattr(values, "compute"):  # dask
        values = values.compute()
    try:
        namespace(values)
    except InputError as error:
        raise InputError(f"{label}: {error}") from error
    values = as_floating(values, label)

    def rebuild(estimate: Any, uncertainty: Any = None, provenance: Any = None) -> Any:
        out = data.copy(data=estimate)
        # packed as integers in the file that it came from, the estimate would be rounded when it is written
        out.encoding = {}
        if provenance is not None:
            out.attrs["sigden"] = json.dumps(provenance)  # netCDF attributes are text or numbers
        return out

    return Sample(
        values=values,
        rebuild=rebuild,
        sigma=sigma,
        unit=data.attrs.get("units"),
        label=label,
        has_meta=True,
    )


def arrange(
    data: Any, sigma: Any, mask: Any, label: str, spectral: bool
) -> tuple[Any, Any, Any, Callable[[Any], Any]]:
    """Spectral dimension last where asked for; named sigma and mask as plain arrays in the same order."""
    if type(data).__name__ != "DataArray":
        return data, sigma, mask, lambda out: out
    dims = data.dims
    if spectral and data.ndim > 1:
        last = _spectral_dimension(data, label)
        data = data.transpose(..., last)
    return (
        data,
        _in_order(sigma, data, f"{label}: sigma"),
        _in_order(mask, data, f"{label}: mask"),
        lambda out: out.transpose(*dims),
    )


def _in_order(other: Any, data: Any, what: str) -> Any:
    """Array with named dimensions as a plain one in the order of the data's; others as they are."""
    if not hasattr(other, "dims"):
        return other
    unknown = [dim for dim in other.dims if dim not in data.dims]
    if unknown:
        raise InputError(f"{what}: the dimension {unknown[0]!r} is none of the data's, {data.dims}")
    if set(other.dims) == set(data.dims):
        return np.asarray(other.transpose(*data.dims).data)
    if other.dims in ((), data.dims[-1:]):
        return np.asarray(other.data)
    whole = {dim: data.sizes[dim] for dim in data.dims if dim not in other.dims}
    return np.asarray(other.expand_dims(whole).transpose(*data.dims).data)


def _spectral_dimension(data: Any, label: str) -> Any:
    """Dimension along the spectrum, by its name or a coordinate; the last where none has a name."""
    names = {dim: str(dim).lower() for dim in data.dims}
    for found in (
        [dim for dim in data.dims if names[dim] in _WAVELENGTHS],
        _by_coordinates(data),
        [dim for dim in data.dims if names[dim] in _BANDS],
    ):
        if len(found) == 1:
            return found[0]
        if found:
            raise InputError(f"{label}: the dimensions {found} may all be spectral; name one 'wavelength'")
    if all(name == f"dim_{i}" for i, name in enumerate(names.values())):
        return data.dims[-1]
    raise InputError(
        f"{label}: no dimension of {data.dims} is spectral by its name; rename it to 'wavelength' or 'band'"
    )


def _by_coordinates(data: Any) -> list[Any]:
    """Dimensions along which a coordinate of wavelengths runs."""
    found = [
        coordinate.dims[0]
        for name, coordinate in data.coords.items()
        if coordinate.ndim == 1
        and (str(name).lower() in _WAVELENGTHS or coordinate.attrs.get("standard_name") in _STANDARD_NAMES)
    ]
    return list(dict.fromkeys(found))
