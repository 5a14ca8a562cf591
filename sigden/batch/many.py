"""One method on many files, in this process or in workers of their own."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from sigden.batch.files import Outcome, run_file
from sigden.batch.outputs import output_folder, output_for
from sigden.errors import InputError, MissingExtraError, ParameterError, SigdenError
from sigden.method import Method

__all__ = ["run_files"]

_LOG = logging.getLogger(__name__)


def run_files(
    method: Method,
    sources: Sequence[str | os.PathLike[str]],
    directory: str | os.PathLike[str],
    *,
    workers: int = 1,
    sigma: float | None = None,
    overwrite: bool = False,
    on_done: Callable[[Outcome], None] | None = None,
) -> list[Outcome]:
    """Run a method on many files; one that fails does not stop the others.

    Parameters
    ----------
    method : Method
        What to run.
    sources : sequence of path
        Input files.
    directory : path
        Where the outputs go.
    workers : int
        Processes; above 1 they are spawned, and each computes on one thread.
    sigma : float, optional
        Standard deviation of the noise, for denoisers.
    overwrite : bool
        Whether existing outputs may be replaced.
    on_done : callable, optional
        Told of every outcome as it comes in.

    Returns
    -------
    list of Outcome
        In the order of the inputs; those that failed have an `error`.

    Raises
    ------
    InputError
        If two inputs would be written to one output; both are named.
    MissingExtraError
        If `workers` is above 1 and joblib is not installed.
    ParameterError
        If `workers` is below 1.
    FileError
        If the directory cannot be made or written to.
    SigdenError
        If a worker is killed.
    """
    if workers < 1:
        raise ParameterError(f"workers: must be at least 1, got {workers}")
    paths = [Path(source) for source in sources]
    _refuse_collisions(paths, directory)
    work = partial(_guarded, method, directory=directory, sigma=sigma, overwrite=overwrite)
    found: dict[str, Outcome] = {}
    with output_folder(directory):
        stream = map(work, paths) if workers == 1 or len(paths) == 1 else _spawned(work, paths, workers)
        for outcome in stream:
            found[outcome.input] = outcome
            if on_done is not None:
                on_done(outcome)
    return [found[str(path)] for path in paths]


def _guarded(method: Method, source: Path, **options: Any) -> Outcome:
    """Outcome of one file, whatever happens to it."""
    try:
        return run_file(method, source, **options)
    except SigdenError as error:
        reason = str(error)
    except Exception as error:
        # a bug or a full disk on one file must not cost the others; the log keeps the trace
        _LOG.exception("%s: unexpected error", source)
        reason = f"{source}: {type(error).__name__}: {error}"
    return Outcome(input=str(source), status="failed", error=reason)


def _spawned(work: Callable[[Path], Outcome], paths: Sequence[Path], workers: int) -> Iterator[Outcome]:
    try:
        from joblib import Parallel, delayed, parallel_config
        from joblib.externals.loky.process_executor import TerminatedWorkerError
    except ImportError as error:
        raise MissingExtraError(
            "several workers need joblib: python -m pip install 'sigden[batch]'"
        ) from error
    # processes share the cores, so each keeps to one thread
    with parallel_config(backend="loky", inner_max_num_threads=1):
        parallel = Parallel(n_jobs=min(workers, len(paths)), return_as="generator_unordered", batch_size=1)
        try:
            yield from parallel(delayed(work)(path) for path in paths)
        except TerminatedWorkerError as error:
            raise SigdenError(
                "a worker was killed, most often because memory ran out; use fewer workers and run again"
            ) from error


def _refuse_collisions(paths: Sequence[Path], directory: str | os.PathLike[str]) -> None:
    seen: dict[str, Path] = {}
    for path in paths:
        # formats differ by suffix only, and NPY and NPZ have a record of one name
        stem = output_for(path, directory).stem
        if stem in seen:
            raise InputError(
                f"{seen[stem]} and {path} would both be written as {stem}; rename one, or run them apart"
            )
        seen[stem] = path
