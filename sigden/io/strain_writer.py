"""Write strain as HDF5 a stretch at a time."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sigden.errors import FileError, InputError
from sigden.io.atomic import atomic_path
from sigden.io.stored import StoredStrain
from sigden.io.write import PROVENANCE, as_json, describe_dataset, write_quality

__all__ = ["StrainWriter", "write_stretches"]


class StrainWriter:
    """Open file of `write_stretches`.

    Parameters
    ----------
    file : h5py.File
        The file.
    target : pathlib.Path
        Its final name, for messages.
    heads : mapping of str to StoredStrain
        Series to be written, by dataset.
    """

    def __init__(self, file: Any, target: Path, heads: Mapping[str, StoredStrain]) -> None:
        self._file, self._target = file, target
        self._done = dict.fromkeys(heads, 0)
        with _writing(target):
            for path, head in heads.items():
                describe_dataset(file.create_dataset(path, shape=(head.size,), dtype="f8"), head)
                if "/" not in path:
                    write_quality(file, path, head)

    def append(self, path: str, values: Any) -> None:
        """Write the next samples of a series.

        Parameters
        ----------
        path : str
            Its dataset.
        values : array, shape (m,)
            The samples.

        Raises
        ------
        InputError
            If they are more than the series holds.
        """
        first, dataset = self._done[path], self._file[path]
        last = first + len(values)
        if last > len(dataset):
            raise InputError(f"{path}: {last} samples for a series of {len(dataset)}")
        with _writing(self._target):
            dataset[first:last] = values
        self._done[path] = last

    def finish(self, provenance: Mapping[str, Any]) -> None:
        """Write the provenance, once all samples are there."""
        short = [path for path, done in self._done.items() if done < len(self._file[path])]
        if short:
            raise InputError(f"{short[0]}: only {self._done[short[0]]} samples were written")
        record = as_json(provenance)
        with _writing(self._target):
            self._file.attrs[PROVENANCE] = record


@contextmanager
def write_stretches(
    path: str | os.PathLike[str], heads: Mapping[str, StoredStrain], *, overwrite: bool = False
) -> Iterator[StrainWriter]:
    """Write strain series whose samples are not all there yet, in the layout of `write_strain`.

    Parameters
    ----------
    path : path
        Output file; its folder must exist.
    heads : mapping of str to StoredStrain
        Size, rate, start, name and unit of every series by its dataset (``H1``, ``extras/H1/residual``);
        their samples are not read.
    overwrite : bool
        Whether an existing file may be replaced.

    Yields
    ------
    StrainWriter
        To be given the samples in order, and the provenance at the end.

    Raises
    ------
    FileError
        If the file exists and `overwrite` is false, or it cannot be written.
    InputError
        If samples are too many or missing at the end.

    Notes
    -----
    The file is there whole or not at all.
    """
    import h5py

    target = Path(path)
    with atomic_path(target, overwrite=overwrite) as temporary:
        with _writing(target):
            file = h5py.File(temporary, "w")
        try:
            yield StrainWriter(file, target, heads)
            if PROVENANCE not in file.attrs:
                raise InputError(f"{target}: was not finished with its provenance")
        finally:
            with _writing(target):
                file.close()


@contextmanager
def _writing(target: Path) -> Iterator[None]:
    try:
        yield
    except (OSError, RuntimeError, ValueError) as error:
        raise FileError(f"{target}: cannot be written: {error}") from error
