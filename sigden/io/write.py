"""Write strain as HDF5 that gwpy reads back."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from sigden.errors import FileError, InputError
from sigden.io.atomic import atomic_path
from sigden.io.series import StrainSeries
from sigden.io.stored import StoredStrain

__all__ = ["PROVENANCE", "as_json", "describe_dataset", "read_provenance", "write_quality", "write_strain"]

PROVENANCE = "provenance"
_GROUPS = ("extras", "quality")


def write_strain(
    path: str | os.PathLike[str],
    series_by_name: Mapping[str, StrainSeries],
    *,
    provenance: Mapping[str, Any],
    extras: Mapping[str, Mapping[str, Any]] | None = None,
    overwrite: bool = False,
) -> Path:
    """Write strain series and what made them.

    Parameters
    ----------
    path : path
        Output file; its folder must exist.
    series_by_name : mapping of str to StrainSeries
        Series by the name of their dataset (``H1``).
    provenance : mapping
        Method, parameters, versions, inputs: anything JSON can hold (NumPy values and paths are translated).
    extras : mapping of str to mapping of str to array or StrainSeries, optional
        More series for each name, on the same time axis: ``{"H1": {"residual": ..., "uncertainty": ...}}``.
    overwrite : bool
        Whether an existing file may be replaced.

    Returns
    -------
    pathlib.Path
        The file.

    Raises
    ------
    FileError
        If the file exists and `overwrite` is false, or it cannot be written.
    InputError
        If there is no series, a name cannot be a dataset, an extra has another length, or the provenance
        cannot be JSON.

    Notes
    -----
    Layout: ``/NAME`` float64, with gwpy's attributes (x0, dx, xunit, unit, name, channel);
    ``/extras/NAME/KIND`` in the same form; ``/quality/NAME`` the data-quality words, with their rate and
    names; the root attribute ``provenance``, a JSON text. ``TimeSeriesDict.read(path)`` gives the series
    alone, and ``TimeSeries.read(path, path="extras/H1/residual")`` an extra. Data are stored uncompressed,
    so that no reader's guard against decompression bombs trips over a smooth estimate. The file is written
    atomically.
    """
    if not series_by_name:
        raise InputError("there is no series to write")
    record = as_json(provenance)
    more = {name: dict(kinds) for name, kinds in (extras or {}).items()}
    datasets = _plan(series_by_name, more)

    import h5py

    target = Path(path)
    with atomic_path(target, overwrite=overwrite) as temporary:
        try:
            with h5py.File(temporary, "w") as file:
                file.attrs[PROVENANCE] = record
                for name, series in datasets.items():
                    _write_series(file, name, series)
                for name, series in series_by_name.items():
                    write_quality(file, name, series)
        except (OSError, RuntimeError, ValueError) as error:
            raise FileError(f"{target}: cannot be written: {error}") from error
    return target


def read_provenance(path: str | os.PathLike[str]) -> dict[str, Any]:
    """The provenance record of a file that `write_strain` wrote.

    Parameters
    ----------
    path : path
        File on disk.

    Returns
    -------
    dict
        The record.

    Raises
    ------
    FileError
        If the file cannot be read or has no such record.
    """
    from sigden.io.hdf5 import open_hdf5, root_of
    from sigden.io.hdf5_values import read_attribute

    with open_hdf5(path) as file:
        text = read_attribute(root_of(file), PROVENANCE)
    try:
        record = json.loads(text) if isinstance(text, str) else None
    except (ValueError, RecursionError) as error:
        raise FileError(f"{path}: attribute {PROVENANCE!r}: is not JSON: {error}") from error
    if not isinstance(record, dict):
        raise FileError(f"{path}: has no attribute {PROVENANCE!r} with a JSON record")
    return record


def as_json(provenance: Mapping[str, Any]) -> str:
    """Record as JSON text."""
    try:
        return json.dumps(dict(provenance), default=_plain, allow_nan=False, sort_keys=True)
    except (TypeError, ValueError) as error:
        raise InputError(f"provenance cannot be written as JSON: {error}") from error


def _plain(value: Any) -> Any:
    if isinstance(value, (np.generic, np.ndarray)):
        return value.tolist()
    if isinstance(value, os.PathLike):
        return os.fspath(value)
    if isinstance(value, Mapping):
        return dict(value)
    raise TypeError(f"{type(value).__name__} {value!r} has no JSON form")


def _plan(
    series_by_name: Mapping[str, StrainSeries], extras: Mapping[str, Mapping[str, Any]]
) -> dict[str, StrainSeries]:
    """Every dataset to be, by its path."""
    for name in series_by_name:
        _require_name(name)
        if name in _GROUPS:
            raise InputError(f"series name {name!r} is taken by a group of that name")
    datasets = dict(series_by_name)
    for name, kinds in extras.items():
        if name not in series_by_name:
            raise InputError(f"extras of {name!r}: there is no such series")
        for kind, values in kinds.items():
            _require_name(kind)
            datasets[f"extras/{name}/{kind}"] = _extra(series_by_name[name], name, kind, values)
    return datasets


def _require_name(name: Any) -> None:
    if not isinstance(name, str) or not name or name in (".", "..") or "/" in name or "\0" in name:
        raise InputError(f"{name!r} cannot be the name of a dataset (no slash, not empty)")


def _extra(series: StrainSeries, name: str, kind: str, values: Any) -> StrainSeries:
    if isinstance(values, StrainSeries):
        same = (len(values), values.sample_rate, values.t0) == (len(series), series.sample_rate, series.t0)
        if not same:
            raise InputError(f"extra {kind!r} of {name!r} is not on the time axis of its series")
        return values
    array = np.asarray(values)
    if array.shape != series.values.shape:
        raise InputError(
            f"extra {kind!r} of {name!r} has shape {array.shape}, the series {series.values.shape}"
        )
    return StrainSeries(
        values=array,
        sample_rate=series.sample_rate,
        t0=series.t0,
        name=kind,
        channel=series.channel,
        unit=series.unit,
    )


def _write_series(file: Any, path: str, series: StrainSeries) -> None:
    describe_dataset(file.create_dataset(path, data=series.values), series)


def describe_dataset(dataset: Any, series: StrainSeries | StoredStrain) -> None:
    """Give a dataset the attributes by which gwpy knows a series."""
    # gwpy gives every attribute to the constructor of TimeSeries: none but these may stand here
    dataset.attrs["x0"] = np.float64(series.t0)
    dataset.attrs["dx"] = np.float64(1.0 / series.sample_rate)
    dataset.attrs["xunit"] = "s"
    dataset.attrs["unit"] = series.unit
    dataset.attrs["name"] = series.name
    if series.channel is not None:
        dataset.attrs["channel"] = series.channel


def write_quality(file: Any, name: str, series: StrainSeries | StoredStrain) -> None:
    """Write the data-quality words of a series, where it has them."""
    if series.quality is None:
        return
    dataset = file.create_dataset(f"quality/{name}", data=series.quality.bits)
    dataset.attrs["x0"] = np.float64(series.t0)
    dataset.attrs["dx"] = np.float64(1.0 / series.quality.sample_rate)
    dataset.attrs["xunit"] = "s"
    dataset.attrs["names"] = json.dumps(series.quality.names)
