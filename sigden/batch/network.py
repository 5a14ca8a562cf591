"""Strain of several detectors, found in their files."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from sigden.errors import FileError, InputError
from sigden.io.series import StrainSeries
from sigden.io.stored import StoredStrain
from sigden.io.strain import open_strain

__all__ = ["open_network", "read_network", "require_one_rate"]


def open_network(
    paths: Sequence[str | os.PathLike[str]],
    *,
    channel: str | None = None,
    detectors: Sequence[str] = (),
    sample_rate: float | None = None,
) -> dict[str, tuple[Path, StoredStrain]]:
    """Find the strain of several files, one sample rate for all, to be read a stretch at a time.

    Parameters
    ----------
    paths : sequence of path
        Files; one may hold several detectors.
    channel : str, optional
        The only channel to read of each file.
    detectors : sequence of str
        The only detectors to read; all by default.
    sample_rate : float, optional
        Sample rate in Hz, where a file does not state it; where it does, they must agree.

    Returns
    -------
    dict
        ``name -> (file, series)``, named by detector.

    Raises
    ------
    InputError
        If two files hold the same detector or the sample rates differ; both are named.
    FileError
        If a file cannot be read, or none holds a detector that is asked for.
    """
    found: dict[str, tuple[Path, StoredStrain]] = {}
    # one file and one detector: the name is for a file that does not say its own
    only = detectors[0] if len(paths) == len(detectors) == 1 else None
    for path in map(Path, paths):
        inside = open_strain(path, channel=channel, detector=only, sample_rate=sample_rate)
        for name, series in inside.items():
            if detectors and name not in detectors:
                continue
            if name in found:
                raise InputError(
                    f"{name}: is in {found[name][0]} and in {path}; give one file for each detector"
                )
            found[name] = (path, series)
    missing = [name for name in detectors if name not in found]
    if missing:
        raise FileError(f"{', '.join(map(str, paths))}: no strain of {', '.join(missing)}")
    require_one_rate({f"{name} ({path})": series for name, (path, series) in found.items()})
    return found


def read_network(
    paths: Sequence[str | os.PathLike[str]],
    *,
    channel: str | None = None,
    detectors: Sequence[str] = (),
    sample_rate: float | None = None,
) -> dict[str, tuple[Path, StrainSeries]]:
    """Read the strain of several files into memory, one sample rate for all.

    Parameters
    ----------
    paths, channel, detectors, sample_rate
        As of `open_network`.

    Returns
    -------
    dict
        ``name -> (file, series)``, named by detector.

    Raises
    ------
    InputError, FileError
        As of `open_network`.
    """
    found = open_network(paths, channel=channel, detectors=detectors, sample_rate=sample_rate)
    return {name: (path, stored.series()) for name, (path, stored) in found.items()}


def require_one_rate(series: Mapping[str, StoredStrain]) -> None:
    """Refuse detectors of different sample rates.

    Raises
    ------
    InputError
        Naming two that differ.
    """
    items = list(series.items())
    for name, other in items[1:]:
        first, reference = items[0]
        if other.sample_rate != reference.sample_rate:
            raise InputError(
                f"sample rates differ: {first} has {reference.sample_rate:g} Hz, "
                f"{name} has {other.sample_rate:g} Hz; "
                "resample one of them, or denoise them one by one"
            )
