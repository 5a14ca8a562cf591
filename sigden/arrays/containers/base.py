"""Unpack a container into plain arrays once, rebuild it once."""

from __future__ import annotations

import copy
import importlib
from collections.abc import Callable, Mapping, MutableMapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any

from sigden.arrays.namespace import namespace
from sigden.arrays.validate import as_floating, require_mask
from sigden.errors import InputError

__all__ = ["Sample", "is_collection", "rebuild_collection", "require_plain", "unpack"]

# package that defines the type -> adapter module; looked up along the type's bases, so nothing is imported
# early
_ADAPTERS = MappingProxyType(
    {
        "gwpy": "sigden.arrays.containers.gwpy",
        "pycwb": "sigden.arrays.containers.pycwb",
        "astropy": "sigden.arrays.containers.astropy",
        "numpy.ma": "sigden.arrays.containers.masked",
        "pandas": "sigden.arrays.containers.columns",
        "polars": "sigden.arrays.containers.columns",
        "xarray": "sigden.arrays.containers.xarray",
        "hyperspy": "sigden.arrays.containers.hyperspy",
    }
)


@dataclass(frozen=True)
class Sample:
    """What a container holds, as plain arrays.

    Parameters
    ----------
    values : array of float32 or float64
        Data in native byte order.
    mask : array of bool or None
        True where a sample is to be ignored.
    sigma : array or float or None
        Standard deviation of the noise, in the unit of the data.
    unit : object or None
        Physical unit, as the container states it.
    rebuild : callable
        ``rebuild(estimate, uncertainty=None, provenance=None)`` gives the same kind of container back.
    sample_rate : float or None
        Samples per second, where the container knows it.
    t0 : float
        Time of the first sample in seconds.
    label : str
        Name for error messages.
    has_meta : bool
        Whether the container has a place for a provenance record.
    """

    values: Any
    rebuild: Callable[..., Any]
    mask: Any = None
    sigma: Any = None
    unit: Any = None
    sample_rate: float | None = None
    t0: float = 0.0
    label: str = "input"
    has_meta: bool = False


def is_collection(data: Any) -> bool:
    """Whether `data` is a mapping of containers, one per channel or detector."""
    return isinstance(data, Mapping)


def entries(value: Any, data: Mapping[Any, Any], name: str) -> dict[Any, Any]:
    """What belongs to each member of a collection: its own entry of a mapping, anything else to all.

    Parameters
    ----------
    value : any
        Noise level or mask.
    data : mapping
        The collection.
    name : str
        Of the value, for messages.

    Returns
    -------
    dict
        With the keys of `data`; None where a mapping has no entry.

    Raises
    ------
    InputError
        If a mapping has an entry that `data` has not: misspelt, it would be lost.
    """
    if not isinstance(value, Mapping):
        return dict.fromkeys(data, value)
    unknown = [str(key) for key in value if key not in data]
    if unknown:
        raise InputError(
            f"{name}: has an entry for {', '.join(unknown)}, the data have {', '.join(map(str, data))}; "
            "name them alike"
        )
    return {key: value.get(key) for key in data}


def unpack(
    data: Any, *, sigma: Any = None, mask: Any = None, label: str = "input", spectral: bool = False
) -> Sample:
    """Plain arrays of a container, and the way back.

    Parameters
    ----------
    data : array or container
        The input; never modified. Containers are Quantity, NDData, CCDData, masked array, Series, Column,
        TimeSeries of gwpy and pycWB, DataArray of xarray and signals of HyperSpy.
    sigma : array, float or Quantity, optional
        Overrides the container's own uncertainty.
    mask : array of bool, optional
        Joined (logical or) with the container's own mask.
    label : str
        Name for error messages.
    spectral : bool
        Whether the spectral axis is to come last, for containers that name their axes; others are taken as
        they are.

    Returns
    -------
    Sample
        Plain values, mask, sigma and `rebuild`.

    Raises
    ------
    InputError
        If the type is not known or the mask has another shape.
    """
    adapter = _adapter(data)
    back: Callable[[Any], Any] | None = None
    if hasattr(adapter, "arrange"):
        data, sigma, mask, back = adapter.arrange(data, sigma, mask, label, spectral)
    sample = adapter.unpack(data, sigma, label) if adapter else _plain(data, sigma, label)
    if back is not None:
        sample = replace(sample, rebuild=_then(sample.rebuild, back))
    joined = _join_masks(sample, mask)
    return sample if joined is sample.mask else replace(sample, mask=joined)


def _then(rebuild: Callable[..., Any], back: Callable[[Any], Any]) -> Callable[..., Any]:
    """Way back that also restores the order of the axes."""
    return lambda *parts, **named: back(rebuild(*parts, **named))


def _adapter(data: Any) -> Any:
    """Module that knows the container: ``unpack``, and ``arrange`` where its axes have names."""
    for base in type(data).__mro__:
        module = base.__module__
        for package, target in _ADAPTERS.items():
            if module == package or module.startswith(package + "."):
                return importlib.import_module(target)
    return None


def _plain(data: Any, sigma: Any, label: str) -> Sample:
    if isinstance(data, (list, tuple)):
        import numpy as np

        try:
            data = np.asarray(data)
        except ValueError as error:
            raise InputError(f"{label}: a nested list whose rows differ in length is no array") from error
    require_plain(sigma, f"{label}: sigma")
    try:
        namespace(data)
    except InputError as error:
        raise InputError(f"{label}: {error}") from error
    values = as_floating(data, label)

    def rebuild(estimate: Any, uncertainty: Any = None, provenance: Mapping[str, Any] | None = None) -> Any:
        return estimate

    return Sample(values=values, rebuild=rebuild, sigma=sigma, label=label)


def require_plain(sigma: Any, what: str) -> None:
    """Refuse a sigma with a unit where the data have none."""
    if hasattr(sigma, "unit"):
        raise InputError(
            f"{what} has the unit {sigma.unit}, the data have none; give sigma as a plain number"
        )


def _join_masks(sample: Sample, mask: Any) -> Any:
    if mask is None:
        return sample.mask
    require_mask(mask, sample.values, sample.label)
    return mask if sample.mask is None else sample.mask | mask


def rebuild_collection(data: Mapping[Any, Any], values: Mapping[Any, Any]) -> Any:
    """Mapping of the same kind with other values; a plain dict where that kind cannot be written to."""
    if not isinstance(data, MutableMapping):
        return dict(values)
    out = copy.copy(data)
    for key, value in values.items():
        out[key] = value
    return out
