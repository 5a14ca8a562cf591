"""One method on one file, same kind of file out."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass, field
from pathlib import Path

from sigden.batch.formats import FORMATS, Job, record_name
from sigden.batch.outputs import kind_of, output_for, refuse_existing, staged
from sigden.denoisers.base import Denoiser
from sigden.errors import InputError, ParameterError
from sigden.method import Method

__all__ = ["Outcome", "run_file"]


@dataclass(frozen=True)
class Outcome:
    """What became of one input.

    Parameters
    ----------
    input : str
        Input file.
    outputs : tuple of str
        Files written; none where it failed.
    status : str
        Worst status of the solves: ``converged``, ``stopped``, ``max_iter``, ``non_finite``; ``failed`` with
        `error`.
    iterations : int
        Most steps of any solve.
    gap : float
        Worst certificate of any solve.
    seconds : float
        Wall-clock time with reading and writing.
    error : str or None
        Why it failed.
    figures : dict
        Figures of merit by detector, of methods that have them.
    """

    input: str
    outputs: tuple[str, ...] = ()
    status: str = "converged"
    iterations: int = 0
    gap: float = 0.0
    seconds: float = 0.0
    error: str | None = None
    figures: dict[str, dict[str, float]] = field(default_factory=dict)


def run_file(
    method: Method,
    source: str | os.PathLike[str],
    directory: str | os.PathLike[str],
    *,
    sigma: float | None = None,
    overwrite: bool = False,
) -> Outcome:
    """Run a method on one file and write the result into a directory.

    Parameters
    ----------
    method : Method
        A denoiser or a strain method.
    source : path
        NPY, NPZ, FITS image, or strain (HDF5, GWF, text).
    directory : path
        Where the output goes, as ``<name>-denoised.<suffix>``; made where missing.
    sigma : float, optional
        Standard deviation of the noise in the unit of the data, for denoisers; estimated where absent.
    overwrite : bool
        Whether an existing output may be replaced.

    Returns
    -------
    Outcome
        The files written and how well it was solved.

    Raises
    ------
    FileError
        If the input cannot be read or the output exists.
    InputError
        If the data cannot be denoised; the file is named.
    ParameterError
        If `sigma` is given to a method that has no use for it, or the method does not run on single files.

    Notes
    -----
    NaN are gaps in strain and blank pixels in FITS: they are ignored and stay where they are. In NPY and NPZ
    they are an error, for nothing says that they are meant. Provenance goes into HDF5 attributes and FITS
    HISTORY; NPY and NPZ have no place for it, so a JSON file is written beside them.
    """
    start = time.perf_counter()
    source = Path(source)
    if not hasattr(method, "solve"):
        raise ParameterError(f"method: {method.name()} does not run on single files")
    if sigma is not None and not isinstance(method, Denoiser):
        raise ParameterError(f"sigma: {method.name()} measures the noise itself; sigma is for denoisers")
    kind = kind_of(source)
    if hasattr(method, "analyse") and kind != "fits":
        kind = "strain"
    target = output_for(source, directory, kind)
    beside = [target.with_name(record_name(target.name))] if kind in ("npy", "npz") else []
    refuse_existing([target, *beside], overwrite)
    job = Job(method, source, target.name, sigma)
    try:
        writers = FORMATS[kind](job)
        with staged(directory, overwrite) as put:
            for name, write in writers.items():
                write(put(name))
    except (InputError, ParameterError) as error:
        if str(error).startswith(str(source)):
            raise
        raise type(error)(f"{source}: {error}") from error
    return Outcome(
        input=str(source),
        outputs=tuple(str(Path(directory) / name) for name in writers),
        status=job.status.value,
        iterations=job.iterations,
        gap=job.gap,
        seconds=time.perf_counter() - start,
        figures=job.figures,
    )
