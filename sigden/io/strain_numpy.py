"""Strain in NumPy files: an array, its sample rate and its start."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sigden.errors import FileError
from sigden.io.naming import by_key, detector_of, detector_of_file, listed
from sigden.io.npz import npz_names, read_npy, read_npz
from sigden.io.sampling import agree, finite, positive, rate_from_spacing
from sigden.io.series import StrainSeries

__all__ = ["read_npy_strain", "read_npz_strain"]

_VALUES = ("strain", "data", "values")
_RATES = ("sample_rate", "fs")
_SPACINGS = ("dt",)
_STARTS = ("t0", "gps_start")


def read_npy_strain(
    path: Path, channel: str | None, detector: str | None, sample_rate: float | None
) -> dict[str, StrainSeries]:
    """Strain of an NPY file, which states no sample rate; arguments and result as in `read_strain`."""
    if channel is not None:
        raise FileError(f"{path}: {channel}: an NPY file holds one array without a name; leave channel out")
    values = _line(read_npy(path), str(path))
    prefix = detector_of_file(path)
    name = prefix or path.stem
    series = StrainSeries(values=values, sample_rate=agree(None, sample_rate, str(path)), name=name)
    return by_key([(prefix, series)], detector, path)


def read_npz_strain(
    path: Path, channel: str | None, detector: str | None, sample_rate: float | None
) -> dict[str, StrainSeries]:
    """Strain of an NPZ file (keys strain, data, values or detectors); arguments as in `read_strain`."""
    names = npz_names(path)
    chosen = _chosen(path, names, channel, detector)
    scalars = [name for name in (*_RATES, *_SPACINGS, *_STARTS) if name in names]
    arrays = read_npz(path, [*chosen, *(name for name in scalars if name not in chosen)])
    stated = _stated_rate(path, arrays, scalars)
    start = next((_number(path, name, arrays[name]) for name in _STARTS if name in scalars), 0.0)
    found = []
    for name in chosen:
        where = f"{path}: {name}"
        prefix = detector_of(name) or detector_of_file(path)
        series = StrainSeries(
            values=_line(arrays[name], where),
            sample_rate=agree(stated, sample_rate, where),
            t0=start,
            name=name,
        )
        found.append((prefix, series))
    return by_key(found, detector, path)


def _chosen(path: Path, names: list[str], channel: str | None, detector: str | None) -> list[str]:
    if channel is not None:
        if channel not in names:
            raise FileError(f"{path}: {channel}: no such array; it holds {listed(names)}")
        return [channel]
    detectors = [name for name in names if detector_of(name)]
    if detector is not None:
        detectors = [name for name in detectors if detector_of(name) == detector] or detectors
    if detectors:
        return detectors
    for name in _VALUES:
        if name in names:
            return [name]
    raise FileError(
        f"{path}: has no array strain, data, values or of a detector (H1, L1, ...); "
        f"it holds {listed(names)}, name one with channel="
    )


def _stated_rate(path: Path, arrays: dict[str, NDArray[Any]], scalars: list[str]) -> float | None:
    for name in scalars:
        where = f"{path}: {name}"
        if name in _RATES:
            return positive(_number(path, name, arrays[name]), where, name)
        if name in _SPACINGS:
            return rate_from_spacing(positive(_number(path, name, arrays[name]), where, name))
    return None


def _number(path: Path, name: str, array: NDArray[Any]) -> float:
    if array.size != 1 or array.dtype.kind not in "fiu":
        raise FileError(
            f"{path}: {name}: one number is needed, this has shape {array.shape}, dtype {array.dtype}"
        )
    return finite(array.reshape(-1)[0], f"{path}: {name}", name)


def _line(values: NDArray[Any], where: str) -> NDArray[np.float64]:
    if values.ndim != 1:
        raise FileError(f"{where}: has shape {values.shape}; a strain series has one dimension")
    if values.dtype.kind not in "fiu":
        raise FileError(f"{where}: has dtype {values.dtype}; strain is real numbers")
    if not len(values):
        raise FileError(f"{where}: holds no samples")
    return values.astype(np.float64, copy=False)
