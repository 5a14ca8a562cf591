"""The meeting with gwpy: TimeSeries to and fro, and frames (GWF) through LALFrame."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from sigden.errors import FileError
from sigden.io.gwf_frames import open_frames
from sigden.io.gwf_structure import require_whole_frames
from sigden.io.naming import by_key, detector_of, listed
from sigden.io.sampling import agree, rate_from_spacing
from sigden.io.series import StrainSeries
from sigden.io.stored import StoredStrain

if TYPE_CHECKING:
    from gwpy.timeseries import TimeSeries

__all__ = ["from_gwpy", "open_gwf_strain", "to_gwpy"]

_NOT_STRAIN = ("DQMASK", "INJMASK", "STATE_VECTOR", "STATE-VECTOR", "DQ_VECTOR")
_BACKENDS = ("lalframe", "framel", "LDAStools")


def open_gwf_strain(
    path: Path, channel: str | None, detector: str | None, sample_rate: float | None
) -> dict[str, StoredStrain]:
    """Strain of a GWF file, read frame by frame where it has several; arguments as in `open_strain`.

    Raises
    ------
    FileError
        If gwpy or a frame library is missing (the message has the line that installs them), the frame cannot
        be read, or it does not hold what was asked for.
    """
    require_whole_frames(path)
    _require_packages(path)
    names = _chosen(path, _channels(path), channel, detector)
    found = [
        (
            detector_of(name),
            open_frames(path, name, sample_rate) or StoredStrain.of(_series(path, name, sample_rate)),
        )
        for name in names
    ]
    return by_key(found, detector, path)


def _require_packages(path: Path) -> None:
    if importlib.util.find_spec("gwpy") is None or not any(map(importlib.util.find_spec, _BACKENDS)):
        raise FileError(f"{path}: GWF needs gwpy and LALFrame: pip install 'sigden[gw]'")


def _channels(path: Path) -> list[str]:
    from gwpy.io.gwf import get_channel_names

    try:
        return sorted(get_channel_names(str(path)))
    except Exception as error:  # the frame libraries raise bare RuntimeErrors and their own types
        raise FileError(f"{path}: cannot be read as GWF (damaged?): {error}") from error


def _chosen(path: Path, names: list[str], channel: str | None, detector: str | None) -> list[str]:
    if channel is not None:
        if channel not in names:
            raise FileError(f"{path}: {channel}: no such channel; it holds {listed(names)}")
        return [channel]
    chosen: list[str] = []
    for prefix in sorted({detector_of(name) or "" for name in names}):
        if detector is not None and prefix != detector:
            continue
        own = [
            name for name in names if (detector_of(name) or "") == prefix and not name.endswith(_NOT_STRAIN)
        ]
        if len(own) > 1:
            own = [name for name in own if "STRAIN" in name.upper()] or own
        if len(own) > 1:
            raise FileError(f"{path}: several channels of {prefix or 'no detector'}, name one: {listed(own)}")
        chosen += own
    if not chosen:
        raise FileError(
            f"{path}: no strain channel of {detector or 'any detector'}; it holds {listed(names)}"
        )
    return chosen


def _series(path: Path, name: str, asked: float | None) -> StrainSeries:
    from gwpy.timeseries import TimeSeries

    where = f"{path}: {name}"
    try:
        series: Any = TimeSeries.read(str(path), name, format="gwf")
    except Exception as error:  # the frame libraries raise bare RuntimeErrors and their own types
        raise FileError(f"{where}: cannot be read (damaged?): {error}") from error
    values = np.asarray(series.value)
    if values.ndim != 1 or values.dtype.kind not in "fiu":
        raise FileError(
            f"{where}: has shape {values.shape}, dtype {values.dtype}; 1-D real numbers are needed"
        )
    stated = rate_from_spacing(float(series.dt.to_value("s")))
    return StrainSeries(
        values=values,
        sample_rate=agree(stated, asked, where),
        t0=float(series.t0.to_value("s")),
        name=name,
        channel=name,
        unit=str(series.unit) or "strain",
    )


def to_gwpy(series: StrainSeries) -> TimeSeries:
    """A gwpy TimeSeries with a copy of the values.

    Parameters
    ----------
    series : StrainSeries
        Strain from a file.

    Returns
    -------
    gwpy.timeseries.TimeSeries
        With the same unit, start, sample rate, name and channel; the quality vector stays behind.
    """
    from gwpy.timeseries import TimeSeries

    return TimeSeries(
        np.array(series.values),
        t0=series.t0,
        sample_rate=series.sample_rate,
        unit=series.unit,
        name=series.name,
        channel=series.channel,
    )


def from_gwpy(series: TimeSeries) -> StrainSeries:
    """A StrainSeries with a copy of the values of a gwpy TimeSeries.

    Parameters
    ----------
    series : gwpy.timeseries.TimeSeries
        Uniformly sampled.

    Returns
    -------
    StrainSeries
        With the same unit, start, sample rate, name and channel.

    Raises
    ------
    InputError
        If the values are not one-dimensional real numbers.
    """
    return StrainSeries(
        values=np.array(series.value),
        sample_rate=rate_from_spacing(float(series.dt.to_value("s"))),
        t0=float(series.t0.to_value("s")),
        name=str(series.name or series.channel or "strain"),
        channel=None if series.channel is None else str(series.channel),
        unit=str(series.unit),
    )
