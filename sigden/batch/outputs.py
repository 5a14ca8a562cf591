"""Names of output files, and writing them all or none."""

from __future__ import annotations

import math
import os
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from sigden.errors import FileError
from sigden.io.atomic import atomic_path, prepare_output

if TYPE_CHECKING:
    from sigden.io.series import StrainSeries
    from sigden.io.stored import StoredStrain

__all__ = [
    "Kind",
    "distinct",
    "kind_of",
    "output_folder",
    "output_for",
    "refuse_existing",
    "staged",
    "strain_stem",
]

Kind = Literal["npy", "npz", "fits", "strain"]

_SUFFIXES: dict[str, Kind] = {".npy": "npy", ".npz": "npz", ".fits": "fits", ".fit": "fits", ".fts": "fits"}
_WRITTEN_AS: dict[Kind, str] = {"npy": ".npy", "npz": ".npz", "fits": ".fits", "strain": ".hdf5"}


def kind_of(path: str | os.PathLike[str]) -> Kind:
    """Kind of a file by its suffix; all that is neither an array file nor FITS is read as strain."""
    return _SUFFIXES.get(_split(Path(path))[1], "strain")


def output_for(
    path: str | os.PathLike[str], directory: str | os.PathLike[str], kind: Kind | None = None
) -> Path:
    """Output file of an input: ``<name>-denoised.<suffix>`` in the directory.

    Parameters
    ----------
    path : path
        Input file.
    directory : path
        Where outputs go.
    kind : {"npy", "npz", "fits", "strain"}, optional
        Format of the output; that of the input by default. Strain is written as HDF5.

    Returns
    -------
    pathlib.Path
        The output file.
    """
    return Path(directory) / f"{_split(Path(path))[0]}-denoised{_WRITTEN_AS[kind or kind_of(path)]}"


def strain_stem(detector: str, series: StrainSeries | StoredStrain) -> str:
    """Name of a stretch of strain: detector, GPS start and whole seconds, as ``H1-1126259446-32``."""
    label = re.sub(r"[^A-Za-z0-9_.+]+", "_", detector).strip("_.") or "strain"
    return f"{label}-{math.floor(series.t0)}-{math.ceil(series.duration)}"


def distinct(labels: Mapping[str, str]) -> dict[str, str]:
    """Labels made different where two agree: the later one gets ``-2``, ``-3`` and so on.

    Parameters
    ----------
    labels : mapping of str to str
        Label of each name.

    Returns
    -------
    dict of str to str
        The same names with labels that differ.
    """
    out: dict[str, str] = {}
    wanted = set(labels.values())
    for name, label in labels.items():
        free, number = label, 1
        while free in out.values() or (number > 1 and free in wanted):
            number += 1
            free = f"{label}-{number}"
        out[name] = free
    return out


def refuse_existing(paths: Iterable[Path], overwrite: bool) -> None:
    """Refuse outputs that exist, before time is spent on computing them.

    Parameters
    ----------
    paths : iterable of path
        Outputs to be written.
    overwrite : bool
        Whether existing ones may be replaced.

    Raises
    ------
    FileError
        Naming the first output that exists.
    """
    if overwrite:
        return
    for path in paths:
        if os.path.lexists(path):
            raise FileError(f"{path}: exists already; use --overwrite (overwrite=True) to replace it")


@contextmanager
def staged(directory: str | os.PathLike[str], overwrite: bool = False) -> Iterator[Callable[[str], Path]]:
    """Write several files of a directory all or none.

    Parameters
    ----------
    directory : path
        Where outputs go; made where missing.
    overwrite : bool
        Whether existing files may be replaced.

    Yields
    ------
    callable
        Gives the temporary path to write to for a file name. The files get their names when the block ends
        well; when it raises, all of them are dropped, and the directory too if this call made it.

    Raises
    ------
    FileError
        If an output exists or the directory cannot be written to.
    """
    with output_folder(directory) as target, ExitStack() as stack:
        yield lambda name: stack.enter_context(atomic_path(target / name, overwrite))


@contextmanager
def output_folder(directory: str | os.PathLike[str]) -> Iterator[Path]:
    """Folder that outputs go to, looked at before any work, and left only if something is in it.

    Parameters
    ----------
    directory : path
        Made where missing.

    Yields
    ------
    pathlib.Path
        The folder. When the block ends, it is dropped if this call made it and it is empty.

    Raises
    ------
    FileError
        If it cannot be made or written to.
    """
    target = Path(directory)
    made = not target.exists()
    prepare_output(target)
    try:
        yield target
    finally:
        if made and not any(target.iterdir()):
            target.rmdir()


def _split(path: Path) -> tuple[str, str]:
    """Stem and last suffix in lower case, a ``.gz`` at the end left aside."""
    name = path.name[:-3] if path.name.lower().endswith(".gz") else path.name
    plain = Path(name)
    return plain.stem, plain.suffix.lower()
