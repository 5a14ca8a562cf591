"""Strain of several detectors: read, denoised, written."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sigden.errors import FileError, InputError
from sigden.io.series import StrainSeries
from sigden.io.strain import read_strain
from sigden.io.write import write_strain
from sigden.method import provenance

if TYPE_CHECKING:
    from sigden.strain.denoiser import StrainDenoiser
    from sigden.strain.result import StrainResult

__all__ = ["DenoisedStrain", "analyse", "read_network", "require_one_rate", "write_denoised"]

Progress = Callable[[int, int], None]


@dataclass(frozen=True, eq=False)
class DenoisedStrain:
    """Strain of one detector with what was made of it.

    Parameters
    ----------
    series : StrainSeries
        The input.
    result : StrainResult
        Estimate, residual, uncertainty.
    record : mapping
        Provenance: method, parameters, version, hash of the input, and where it came from.
    """

    series: StrainSeries
    result: StrainResult
    record: Mapping[str, Any]

    def versions(self, output: str = "calibrated") -> tuple[StrainSeries, dict[str, StrainSeries]]:
        """Series to write.

        Parameters
        ----------
        output : {"calibrated", "whitened"}
            Unit of the estimate, residual and uncertainty; the calibrated ones come with the whitened
            versions.

        Returns
        -------
        denoised : StrainSeries
            The estimate, with time axis, channel and quality of the input.
        others : dict of str to StrainSeries
            ``residual``, ``uncertainty``, ``whitened`` and so on.
        """
        result = self.result
        if output == "whitened":
            white = {
                "residual": result.whitened - result.whitened_denoised,
                "uncertainty": result.whitened_uncertainty,
                "whitened": result.whitened,
            }
            main = replace(self.series.with_values(result.whitened_denoised), unit="")
            return main, {name: self._other(name, values, "") for name, values in white.items()}
        unit = self.series.unit
        others = {
            "residual": self._other("residual", result.residual, unit),
            "uncertainty": self._other("uncertainty", result.uncertainty, unit),
            "whitened": self._other("whitened", result.whitened, ""),
            "whitened_denoised": self._other("whitened_denoised", result.whitened_denoised, ""),
            "whitened_uncertainty": self._other("whitened_uncertainty", result.whitened_uncertainty, ""),
        }
        return self.series.with_values(result.denoised), others

    def _other(self, name: str, values: Any, unit: str) -> StrainSeries:
        return replace(self.series.with_values(values), name=name, unit=unit, quality=None)


def read_network(
    paths: Sequence[str | os.PathLike[str]],
    *,
    channel: str | None = None,
    detectors: Sequence[str] = (),
    sample_rate: float | None = None,
) -> dict[str, tuple[Path, StrainSeries]]:
    """Read the strain of several files, one sample rate for all.

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
    found: dict[str, tuple[Path, StrainSeries]] = {}
    # one file and one detector: the name is for a file that does not say its own
    only = detectors[0] if len(paths) == len(detectors) == 1 else None
    for path in map(Path, paths):
        for name, series in read_strain(
            path, channel=channel, detector=only, sample_rate=sample_rate
        ).items():
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


def require_one_rate(series: Mapping[str, StrainSeries]) -> None:
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


def analyse(
    method: StrainDenoiser,
    name: str,
    series: StrainSeries,
    *,
    source: str = "",
    progress: Progress | None = None,
) -> DenoisedStrain:
    """Denoise one detector.

    Parameters
    ----------
    method : StrainDenoiser
        What to run.
    name : str
        Detector, for messages.
    series : StrainSeries
        Its strain.
    source : str
        Where the strain came from, for the provenance.
    progress : callable, optional
        ``progress(done, total)`` in samples.

    Returns
    -------
    DenoisedStrain
        Result with its provenance; records longer than 256 s take the spectrum of the last 256 s throughout.

    Raises
    ------
    InputError
        If the strain cannot be denoised; the detector is named.
    """
    from sigden.strain.long import LONG_SECONDS, analyse_long

    # whitened strain without a band is measured as a whole
    streamed = series.duration > LONG_SECONDS and not (method.whitened and method.band is None)
    run = partial(analyse_long, method) if streamed else method.analyse
    result = run(series.values, sample_rate=series.sample_rate, t0=series.t0, label=name, progress=progress)
    record = {
        **provenance(method, series.values),
        "band": list(result.band),
        "sigma": result.sigma,
        "running_spectrum": streamed,
        "input": source,
        "detector": name,
        "channel": series.channel or series.name,
        "gps_start": series.t0,
        "duration": series.duration,
        "sample_rate": series.sample_rate,
    }
    return DenoisedStrain(series=series, result=result, record=record)


def write_denoised(
    path: Path, denoised: Mapping[str, DenoisedStrain], *, output: str = "calibrated", overwrite: bool = False
) -> None:
    """Write all versions of some detectors as HDF5 that gwpy reads.

    Parameters
    ----------
    path : path
        Output file.
    denoised : mapping of str to DenoisedStrain
        What to write, by detector: the estimate as ``/H1``, the others as ``/extras/H1/residual`` and so on.
    output : {"calibrated", "whitened"}
        Unit of estimate, residual and uncertainty.
    overwrite : bool
        Whether an existing file may be replaced.

    Raises
    ------
    FileError
        If the file exists or cannot be written.
    """
    estimates, extras, records = {}, {}, {}
    for name, item in denoised.items():
        key = name.replace("/", "_")
        estimates[key], extras[key] = item.versions(output)
        records[key] = item.record
    record = next(iter(records.values())) if len(records) == 1 else records
    write_strain(path, estimates, extras=extras, provenance=record, overwrite=overwrite)
