"""Strain of detectors denoised, in memory or from file to file."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from sigden.batch.outputs import distinct
from sigden.errors import InputError
from sigden.io.series import StrainSeries
from sigden.io.stored import StoredStrain
from sigden.io.strain_writer import write_stretches
from sigden.method import InputHash, provenance

if TYPE_CHECKING:
    from sigden.strain.denoiser import StrainDenoiser
    from sigden.strain.result import StrainResult

__all__ = ["DenoisedStrain", "analyse", "denoise_to_file", "write_denoised"]

Progress = Callable[[int, int], None]

_FLOAT64 = np.dtype(np.float64)
# versions in units of the noise sigma that go along
_WHITE = {
    "calibrated": ("whitened", "whitened_denoised", "whitened_uncertainty"),
    "whitened": ("whitened",),
}


@dataclass(frozen=True, eq=False)
class DenoisedStrain:
    """Strain of one detector with what was made of it.

    Parameters
    ----------
    series : StrainSeries or StoredStrain
        The input.
    result : StrainResult
        Estimate, residual, uncertainty; of a record that went from file to file, the part around the loudest
        sample, with the figures of merit of all.
    record : mapping
        Provenance: method, parameters, version, hash of the input, and where it came from.
    """

    series: StrainSeries | StoredStrain
    result: StrainResult
    record: Mapping[str, Any]


def analyse(
    method: StrainDenoiser,
    name: str,
    series: StrainSeries,
    *,
    source: str = "",
    progress: Progress | None = None,
) -> DenoisedStrain:
    """Denoise one detector in memory.

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
    from sigden.strain.long import analyse_long

    streamed = _streamed(method, series)
    run = partial(analyse_long, method) if streamed else method.analyse
    result = run(series.values, sample_rate=series.sample_rate, t0=series.t0, label=name, progress=progress)
    made = _record(method, name, series, result, source, streamed)
    return DenoisedStrain(series, result, {**provenance(method, series.values), **made})


def denoise_to_file(
    method: StrainDenoiser,
    network: Mapping[str, tuple[Path, StoredStrain]],
    path: Path,
    *,
    overwrite: bool = False,
    progress: Progress | None = None,
) -> dict[str, DenoisedStrain]:
    """Denoise detectors one by one into one file, long records without ever holding them in memory.

    Parameters
    ----------
    method : StrainDenoiser
        What to run; its `output` says in which unit estimate, residual and uncertainty are written.
    network : mapping of str to (path, StoredStrain)
        Detectors, as `open_network` finds them.
    path : path
        Output file, in the layout of `write_denoised`.
    overwrite : bool
        Whether an existing file may be replaced.
    progress : callable, optional
        ``progress(done, total)`` in samples of all detectors.

    Returns
    -------
    dict of str to DenoisedStrain
        By detector.

    Raises
    ------
    InputError
        If the strain of a detector cannot be denoised; it is named.
    FileError
        If a stretch cannot be read, or the file exists or cannot be written.
    """
    total = sum(len(stored) for _, stored in network.values())
    done, out = 0, {}
    heads = {name: stored for name, (_, stored) in network.items()}
    keys = _keys(network)
    with write_stretches(path, _heads(heads, method.output), overwrite=overwrite) as writer:
        for name, (source, stored) in network.items():
            run = _Run(method, name, stored)
            for piece in run.pieces():
                for dataset, values in _versions(keys[name], piece, method.output).items():
                    writer.append(dataset, values)
                done += piece.denoised.size
                if progress is not None:
                    progress(done, total)
            out[name] = run.finished(source.name)
        writer.finish(_joint_record(out))
    return out


class _Run:
    """One detector on its way from file to file."""

    def __init__(self, method: StrainDenoiser, name: str, stored: StoredStrain) -> None:
        from sigden.strain.long import LongRecord

        self._method, self._name, self._stored = method, name, stored
        self._hash = InputHash(_FLOAT64, (stored.size,))
        self._long: LongRecord | None = None
        self._result: StrainResult | None = None
        if _streamed(method, stored):
            self._long = LongRecord(method, sample_rate=stored.sample_rate, t0=stored.t0, label=name)

    def pieces(self) -> Iterator[StrainResult]:
        if self._long is not None:
            yield from self._long.pieces(self._blocks(self._long.step))
            self._result = self._long.excerpt
            return
        (values,) = self._blocks(self._stored.size)
        self._result = self._method.analyse(
            values, sample_rate=self._stored.sample_rate, t0=self._stored.t0, label=self._name
        )
        yield self._result

    def _blocks(self, samples: int) -> Iterator[Any]:
        for block in self._stored.stretches(samples):
            self._hash.add(block)
            yield block

    def finished(self, source: str) -> DenoisedStrain:
        if self._result is None:
            raise InputError(f"{source}: {self._name}: nothing was denoised")
        streamed = self._long is not None
        made = _record(self._method, self._name, self._stored, self._result, source, streamed)
        record = {**provenance(self._method), "input_sha256": self._hash.hexdigest(), **made}
        return DenoisedStrain(self._stored, self._result, record)


def _streamed(method: StrainDenoiser, series: StrainSeries | StoredStrain) -> bool:
    from sigden.strain.long import LONG_SECONDS

    # whitened strain without a band is measured as a whole
    return series.duration > LONG_SECONDS and not (method.whitened and method.band is None)


def _record(
    method: StrainDenoiser,
    name: str,
    series: StrainSeries | StoredStrain,
    result: StrainResult,
    source: str,
    streamed: bool,
) -> dict[str, Any]:
    return {
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
        Unit of estimate, residual and uncertainty; the calibrated ones come with the whitened versions.
    overwrite : bool
        Whether an existing file may be replaced.

    Raises
    ------
    FileError
        If the file exists or cannot be written.
    """
    heads, keys = _heads({name: item.series for name, item in denoised.items()}, output), _keys(denoised)
    with write_stretches(path, heads, overwrite=overwrite) as writer:
        for name, item in denoised.items():
            for dataset, values in _versions(keys[name], item.result, output).items():
                writer.append(dataset, values)
        writer.finish(_joint_record(denoised))


def _joint_record(denoised: Mapping[str, DenoisedStrain]) -> Mapping[str, Any]:
    keys = _keys(denoised)
    records = {keys[name]: item.record for name, item in denoised.items()}
    return next(iter(records.values())) if len(records) == 1 else records


def _keys(names: Iterable[str]) -> dict[str, str]:
    """Name of the dataset of each detector."""
    return distinct({name: name.replace("/", "_") for name in names})


def _heads(network: Mapping[str, StrainSeries | StoredStrain], output: str) -> dict[str, StoredStrain]:
    """What every dataset of the output says of itself."""
    out, keys = {}, _keys(network)
    for name, series in network.items():
        key = keys[name]
        stored = StoredStrain.of(series) if isinstance(series, StrainSeries) else series
        out[key] = stored if output == "calibrated" else replace(stored, unit="")
        for kind in ("residual", "uncertainty", *_WHITE[output]):
            unit = "" if output == "whitened" or kind in _WHITE[output] else stored.unit
            out[f"extras/{key}/{kind}"] = replace(stored, name=kind, unit=unit, quality=None)
    return out


def _versions(key: str, result: StrainResult, output: str) -> dict[str, Any]:
    """Values of every dataset of the output."""
    if output == "whitened":
        main, residual = result.whitened_denoised, result.whitened - result.whitened_denoised
        error = result.whitened_uncertainty
    else:
        main, residual, error = result.denoised, result.residual, result.uncertainty
    others = {"residual": residual, "uncertainty": error}
    others.update({kind: getattr(result, kind) for kind in _WHITE[output]})
    return {
        key: main,
        **{f"extras/{key}/{kind}": values for kind, values in others.items()},
    }
