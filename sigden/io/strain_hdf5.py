"""Strain in HDF5: the layouts of GWOSC, of gwpy, and a plain dataset with a sample rate."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from sigden.errors import FileError
from sigden.io.hdf5 import (
    checked_dataset,
    find_object,
    list_datasets,
    members,
    open_hdf5,
    read_dataset,
    root_of,
)
from sigden.io.hdf5_values import has_attribute, read_attribute, read_text, read_texts
from sigden.io.naming import by_key, detector_of, detector_of_file, listed
from sigden.io.sampling import agree, finite, positive, rate_from_spacing
from sigden.io.series import QualityVector
from sigden.io.stored import StoredStrain

__all__ = ["open_hdf5_strain"]

_GWOSC = "strain/Strain"
_RATES = ("sample_rate", "fs", "Fs", "sampling_rate")
_SPACINGS = ("dx", "dt", "delta_t", "Xspacing")
_STARTS = ("x0", "t0", "start_time", "epoch", "Xstart")


def open_hdf5_strain(
    path: Path, channel: str | None, detector: str | None, sample_rate: float | None
) -> dict[str, StoredStrain]:
    """Strain of an HDF5 file, still in it; arguments and result as in `open_strain`."""
    with open_hdf5(path) as file:
        if (channel or _GWOSC).strip("/") == _GWOSC and find_object(file, _GWOSC) is not None:
            found = [_gwosc(file, path, sample_rate)]
        else:
            found = [_series(file, name, sample_rate) for name in _chosen(file, path, channel, detector)]
        return by_key(found, detector, path)


def _size(file: h5py.File, name: str) -> int:
    """Number of samples of a dataset that can hold strain."""
    where = f"{file.filename}: {name}"
    node = find_object(file, name)
    if isinstance(node, h5py.Dataset) and node.shape is not None and node.ndim != 1:
        raise FileError(f"{where}: has shape {node.shape}; a strain series has one dimension")
    dataset, _ = checked_dataset(file, name)
    if dataset.dtype.kind not in "fiu":
        raise FileError(f"{where}: has dtype {dataset.dtype}; strain is real numbers")
    if not len(dataset):
        raise FileError(f"{where}: holds no samples")
    return len(dataset)


def _samples(path: str, name: str, first: int, last: int) -> NDArray[np.float64]:
    # opened anew, so that no file is held open between stretches
    with open_hdf5(path) as file:
        values = read_dataset(file, name, rows=(first, last))
    if values.shape != (last - first,):
        raise FileError(f"{path}: {name}: was changed while it was read")
    return values.astype(np.float64, copy=False)


def _gwosc(file: h5py.File, path: Path, asked: float | None) -> tuple[str | None, StoredStrain]:
    where = f"{file.filename}: {_GWOSC}"
    size = _size(file, _GWOSC)
    node: Any = find_object(file, _GWOSC)
    spacing = read_attribute(node, "Xspacing")
    start = read_attribute(node, "Xstart")
    if start is None:
        start = _scalar(file, "meta/GPSstart")
    if spacing is None:
        duration = _scalar(file, "meta/Duration")
        spacing = None if duration is None else positive(duration, where, "meta/Duration") / size
    if start is None:
        raise FileError(f"{where}: says no start time (attribute Xstart or dataset meta/GPSstart)")
    stated = None if spacing is None else rate_from_spacing(positive(spacing, where, "Xspacing"))
    t0 = finite(start, where, "Xstart")
    detector = detector_of(read_text(file, "meta/Detector")) or detector_of_file(path)
    unit = read_attribute(node, "Yunits")
    return detector, StoredStrain(
        read=partial(_samples, file.filename, _GWOSC),
        size=size,
        sample_rate=agree(stated, asked, where),
        t0=t0,
        name=detector or "Strain",
        unit=unit if isinstance(unit, str) and unit else "strain",
        quality=_quality(file, t0),
    )


def _scalar(file: h5py.File, name: str) -> Any:
    if find_object(file, name) is None:
        return None
    values = read_dataset(file, name)
    if values.size != 1:
        raise FileError(f"{file.filename}: {name}: one number is needed, this has shape {values.shape}")
    return values.reshape(-1)[0].item()


def _quality(file: h5py.File, t0: float) -> QualityVector | None:
    name = "quality/simple/DQmask"
    node = find_object(file, name)
    if node is None:
        return None
    where = f"{file.filename}: {name}"
    bits = _words(file, name)
    spacing = read_attribute(node, "Xspacing")
    start = read_attribute(node, "Xstart")
    if start is not None and finite(start, where, "Xstart") != t0:
        raise FileError(f"{where}: starts at {start}, the strain at {t0}")
    rate = 1.0 if spacing is None else rate_from_spacing(positive(spacing, where, "Xspacing"))
    return QualityVector(bits=bits, names=read_texts(file, "quality/simple/DQShortnames"), sample_rate=rate)


def _own_quality(file: h5py.File, name: str) -> QualityVector | None:
    """Quality words in the layout of `write_strain`."""
    path = f"quality/{name}"
    node = find_object(file, path)
    if not isinstance(node, h5py.Dataset):
        return None
    where = f"{file.filename}: {path}"
    rate = rate_from_spacing(positive(read_attribute(node, "dx"), where, "dx"))
    text = read_attribute(node, "names")
    try:
        names = json.loads(text) if isinstance(text, str) else []
    except (ValueError, RecursionError) as error:
        raise FileError(f"{where}: attribute 'names': is not JSON: {error}") from error
    if not isinstance(names, list) or not all(isinstance(label, str) for label in names):
        raise FileError(f"{where}: attribute 'names': is not a list of texts")
    return QualityVector(bits=_words(file, path), names=tuple(names), sample_rate=rate)


def _words(file: h5py.File, name: str) -> NDArray[np.uint32]:
    bits = read_dataset(file, name)
    if bits.ndim != 1 or bits.dtype.kind not in "iu" or not len(bits):
        where = f"{file.filename}: {name}"
        raise FileError(f"{where}: has shape {bits.shape}, dtype {bits.dtype}; 1-D integer words are needed")
    return bits.astype(np.uint32)


def _chosen(file: h5py.File, path: Path, channel: str | None, detector: str | None) -> list[str]:
    """Paths of the datasets to read."""
    if channel is not None and find_object(file, channel) is not None:
        return [channel.strip("/")]
    names = list_datasets(file)
    if channel is not None:
        named = [name for name in names if channel in _labels(file, name)]
        # the same channel may lie deeper too (a residual beside its strain): the shallowest one is meant
        if not named:
            raise FileError(f"{path}: {channel}: no such channel or dataset; it holds {listed(names)}")
        return _shallowest(named)[:1]
    series = _shallowest([name for name in names if _is_time_series(file, name)])
    if series:
        wanted = [name for name in series if detector_of(name, *_labels(file, name)) == detector]
        return wanted or series
    _explain_links(file, names)
    if len(names) == 1:
        return names
    if detector is not None:
        named = [name for name in names if detector_of(name) == detector]
        if named:
            return named
    if not names:
        raise FileError(f"{path}: /: holds no dataset that can be read")
    lines = [name for name in names if _is_line(file, name)]
    if len(lines) == 1:
        return lines
    raise FileError(f"{path}: /: holds several datasets, name one with channel=: {listed(names)}")


def _shallowest(names: list[str]) -> list[str]:
    level = min((name.count("/") for name in names), default=0)
    return [name for name in names if name.count("/") == level]


def _attribute(file: h5py.File, name: str, attribute: str) -> Any:
    """Attribute of a dataset, or None where it is no plain value."""
    node: Any = find_object(file, name)
    try:
        return read_attribute(node, attribute)
    except FileError:
        return None


def _labels(file: h5py.File, name: str) -> list[str]:
    """Channel and name that a dataset states."""
    stated = (_attribute(file, name, key) for key in ("channel", "name"))
    return [value for value in stated if isinstance(value, str)]


def _is_time_series(file: h5py.File, name: str) -> bool:
    """Whether a dataset carries gwpy's axis attributes, with seconds or no unit for the axis."""
    spacing = _attribute(file, name, "dx")
    return spacing is not None and _attribute(file, name, "xunit") in (None, "s", "")


def _is_line(file: h5py.File, name: str) -> bool:
    node = find_object(file, name)
    if not isinstance(node, h5py.Dataset) or node.shape is None:
        return False
    return node.ndim == 1 and node.dtype.kind in "fiu"


def _explain_links(file: h5py.File, names: list[str]) -> None:
    """Say why a file looks empty whose members are all links out of it."""
    if not names:
        for member in members(file, root_of(file), "/"):
            find_object(file, member)


def _series(file: h5py.File, name: str, asked: float | None) -> tuple[str | None, StoredStrain]:
    where = f"{file.filename}: {name}"
    node: Any = find_object(file, name)
    if isinstance(node, h5py.Dataset) and has_attribute(node, "xindex"):
        raise FileError(f"{where}: is not uniformly sampled (it has an xindex); resample it first")
    unit = _attribute(file, name, "xunit")
    if unit not in (None, "s", ""):
        raise FileError(f"{where}: its axis is in {unit!r}, not in s: not a time series")
    size = _size(file, name)
    stated = _stated_rate(file, node, where)
    start = next((value for value in (_nearby(file, node, key) for key in _STARTS) if value is not None), 0.0)
    channel = _attribute(file, name, "channel")
    y_unit = read_attribute(node, "unit")
    series = StoredStrain(
        read=partial(_samples, file.filename, name),
        size=size,
        sample_rate=agree(stated, asked, where),
        t0=finite(start, where, "start time"),
        name=name,
        channel=channel if isinstance(channel, str) else None,
        unit=y_unit if isinstance(y_unit, str) else "strain",
        quality=_own_quality(file, name),
    )
    return detector_of(name, *_labels(file, name)), series


def _nearby(file: h5py.File, node: Any, key: str) -> Any:
    """Attribute of the dataset, else of the root of the file."""
    value = read_attribute(node, key)
    return read_attribute(root_of(file), key) if value is None else value


def _stated_rate(file: h5py.File, node: Any, where: str) -> float | None:
    for place in (node, root_of(file)):
        for key in _SPACINGS:
            value = read_attribute(place, key)
            if value is not None:
                return rate_from_spacing(positive(value, where, key))
        for key in _RATES:
            value = read_attribute(place, key)
            if value is not None:
                return positive(value, where, key)
    return None
