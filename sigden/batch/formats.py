"""What each kind of file holds, and how its denoised twin is written."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np

from sigden.arrays import as_floating
from sigden.batch.denoised import denoise_to_file
from sigden.batch.outputs import Kind
from sigden.denoisers.base import Denoiser
from sigden.errors import InputError
from sigden.method import provenance
from sigden.solvers import Solution, Status

if TYPE_CHECKING:
    from sigden.io.series import StrainSeries
    from sigden.io.stored import StoredStrain

__all__ = ["FORMATS", "Job", "record_name"]

Writers = dict[str, Callable[[Path], object]]

_STATUS_ORDER = (Status.CONVERGED, Status.STOPPED, Status.MAX_ITER, Status.NON_FINITE)


@dataclass
class Job:
    """One method on one file, and what is noted on the way.

    Parameters
    ----------
    method : Method
        What to run.
    source : pathlib.Path
        Input file.
    output_name : str
        Name of the output file.
    sigma : float or None
        Standard deviation of the noise.
    """

    method: Any
    source: Path
    output_name: str
    sigma: float | None = None
    status: Status = Status.CONVERGED
    iterations: int = 0
    gap: float = 0.0
    figures: dict[str, dict[str, float]] = field(default_factory=dict)

    def solve(self, values: Any, mask: Any = None) -> Any:
        """Estimate of one array; masked samples come back as NaN."""
        extra = {"sigma": self.sigma} if isinstance(self.method, Denoiser) else {}
        masked = mask is not None and bool(mask.any())
        solution: Solution = self.method.solve(values, mask=mask if masked else None, **extra)
        self.status = max(self.status, solution.status, key=_STATUS_ORDER.index)
        self.iterations = max(self.iterations, solution.iterations)
        self.gap = max(self.gap, solution.gap)
        return (
            np.where(mask, np.asarray(np.nan, values.dtype), solution.estimate)
            if masked
            else solution.estimate
        )

    def record(self, values: Any) -> dict[str, Any]:
        """Provenance with the name of the input."""
        sigma = {} if self.sigma is None else {"sigma": self.sigma}
        return {**provenance(self.method, values), "input": self.source.name, **sigma}


def record_name(output_name: str) -> str:
    """Name of the JSON file beside an output that has no place for provenance."""
    return f"{Path(output_name).stem}.json"


def _npy(job: Job) -> Writers:
    from sigden.io.arrays import write_npy
    from sigden.io.npz import read_npy

    values = as_floating(read_npy(job.source), "array")
    estimate = job.solve(values)
    return {
        job.output_name: lambda path: write_npy(path, estimate, overwrite=True),
        **_record_beside(job, job.record(values)),
    }


def _npz(job: Job) -> Writers:
    from sigden.io.arrays import write_npz
    from sigden.io.npz import read_npz

    estimates: dict[str, Any] = {}
    records: dict[str, Any] = {}
    for name, array in read_npz(job.source).items():
        # what is no data (a rate, a label, flags) goes along as it is
        if array.ndim == 0 or array.dtype.kind != "f":
            estimates[name] = array
            continue
        values = as_floating(array, name)
        try:
            estimates[name], records[name] = job.solve(values), job.record(values)
        except InputError as error:
            raise InputError(f"{job.source}[{name}]: {error}") from error
    if not records:
        raise InputError(f"{job.source}: holds no floating-point array to denoise")
    return {
        job.output_name: lambda path: write_npz(path, estimates, overwrite=True),
        **_record_beside(job, records),
    }


def _record_beside(job: Job, record: Mapping[str, Any]) -> Writers:
    text = json.dumps(record, indent=2, default=str) + "\n"
    return {record_name(job.output_name): lambda path: path.write_text(text, encoding="utf-8")}


def _fits(job: Job) -> Writers:
    from sigden.io.fits import read_image, write_image

    image = read_image(job.source)
    clean = replace(image, values=job.solve(image.values, np.isnan(image.values)))
    record = job.record(image.values)
    history = [f"{record['method']} of sigden {record['version']}", *job.method.to_toml().splitlines()]
    history += [f"input {record['input']} sha256 {record['input_sha256']}"]
    return {job.output_name: lambda path: write_image(path, clean, history=history, overwrite=True)}


def _strain(job: Job) -> Writers:
    from sigden.io.strain import open_strain

    found = open_strain(job.source, sample_rate=getattr(job.method, "sample_rate", None))
    if hasattr(job.method, "analyse"):
        return {job.output_name: partial(_strain_results, job, found)}
    return _strain_estimates(job, {name: stored.series() for name, stored in found.items()})


def _strain_results(job: Job, found: Mapping[str, StoredStrain], path: Path) -> None:
    """All versions that a strain method gives."""
    network = {name: (job.source, stored) for name, stored in found.items()}
    for name, item in denoise_to_file(job.method, network, path, overwrite=True).items():
        figures = item.result.figures
        job.figures[name] = dict(figures)
        job.gap = max(job.gap, figures.get("solver_gap", 0.0))
        job.iterations = max(job.iterations, int(figures.get("solver_iterations", 0)))


def _strain_estimates(job: Job, found: Mapping[str, StrainSeries]) -> Writers:
    """The estimate of a denoiser, sample by sample as the input."""
    from sigden.io.write import write_strain

    estimates, records = {}, {}
    for name, series in found.items():
        key = name.replace("/", "_")
        estimates[key] = series.with_values(job.solve(series.values, series.gaps))
        records[key] = job.record(series.values)
    record = next(iter(records.values())) if len(records) == 1 else records
    return {
        job.output_name: partial(write_strain, series_by_name=estimates, provenance=record, overwrite=True)
    }


FORMATS: Mapping[Kind, Callable[[Job], Writers]] = MappingProxyType(
    {"npy": _npy, "npz": _npz, "fits": _fits, "strain": _strain}
)
