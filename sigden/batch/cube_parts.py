"""A method for cubes from file to file, in bounded memory."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from sigden.batch.outputs import refuse_existing
from sigden.errors import InputError, ParameterError
from sigden.hyperspectral import LargeCubeResult, SubspaceCollaborative, SubspaceMethod, denoise_large
from sigden.hyperspectral.workspace import parse_memory
from sigden.io.cube_create import create_cube, holds_variance, require_parts
from sigden.io.cube_open import open_cube
from sigden.io.cube_part import CubePart
from sigden.io.cube_value import Cube, placeholder
from sigden.method import InputHash, provenance

__all__ = ["CubeFileRun", "denoise_cube_file"]

_BLOCK = 32 * 2**20  # bytes that are hashed at once


@dataclass(frozen=True, eq=False)
class CubeFileRun:
    """What a method made of a cube in a file.

    Parameters
    ----------
    before : Cube
        What the file tells of the input; its values are a placeholder of their shape.
    result : LargeCubeResult
        What the method handed back for the bands that count.
    record : dict
        Provenance.
    """

    before: Cube
    result: LargeCubeResult
    record: dict[str, Any]

    @property
    def sigma(self) -> Any:
        """Noise level of each band that counts, in the unit of the data."""
        return self.result.sigma


def denoise_cube_file(
    source: str | os.PathLike[str],
    out: str | os.PathLike[str],
    *,
    method: SubspaceMethod | None = None,
    memory: int | str = "2 GB",
    dataset: str | int | None = None,
    axis: int | None = None,
    scratch: str | os.PathLike[str] | None = None,
    overwrite: bool = False,
    progress: Callable[[str, int, int], None] | None = None,
) -> CubeFileRun:
    """Denoise a cube of any size from one file to another.

    Parameters
    ----------
    source : path
        ENVI, FITS, NPY or HDF5.
    out : path
        Output of one of these kinds. FITS and HDF5 also take the variance of the noise that is left, where
        the method tells.
    method : SubspaceMethod, optional
        `SubspaceCollaborative` by default.
    memory : int or str
        Bound on the memory, as in `denoise_large`.
    dataset, axis : optional
        As in `read_cube`.
    scratch : path, optional
        Folder for scratch files; that of `out` by default.
    overwrite : bool
        Whether existing files may be replaced.
    progress : callable, optional
        ``progress(stage, done, total)``.

    Returns
    -------
    CubeFileRun
        Result and record.

    Raises
    ------
    FileError
        If a file cannot be read or written; nothing is left of the output then.
    InputError
        If fewer than two bands count, or the data cannot be used.
    ParameterError
        If the memory is too small; the least that works is named.

    Notes
    -----
    As with cubes in memory, bad bands do not take part and come out as they are, and samples that the mask or
    the variance leaves out are predicted.
    """
    chosen = SubspaceCollaborative() if method is None else method
    if not isinstance(chosen, SubspaceMethod):
        raise ParameterError(
            f"method: {type(chosen).__name__} does not work in parts; SubspaceCollaborative, "
            "RobustSubspace and SubspaceDenoise do"
        )
    memory = parse_memory(memory)
    require_parts(out)
    # the input is hashed first, which takes a while
    refuse_existing([Path(out)], overwrite)
    with open_cube(source, dataset=dataset, axis=axis) as cube:
        good = cube.good_bands
        if np.count_nonzero(good) < 2:
            raise InputError(f"{cube.name}: {np.count_nonzero(good)} bands are not bad; two are needed")
        described = replace(
            cube, values=placeholder(cube.values.shape, cube.values.dtype), mask=None, variance=None
        )
        sigma = None if cube.variance is None else _Bands(_level_of(cube.variance), good)
        record = provenance(chosen)
        for name, part in {"input": cube.values, "sigma": sigma, "mask": cube.mask}.items():
            if part is not None:
                record[f"{name}_sha256"] = _hash(part)
        record |= {"input": Path(source).name, "memory": memory}
        if not good.all():
            record["bad_bands"] = int(np.count_nonzero(~good))
        told = chosen.recipe().step.halo is not None and holds_variance(out)
        with create_cube(out, described, variance=told, provenance=record, overwrite=overwrite) as (
            estimate,
            variance,
        ):
            result = denoise_large(
                _Bands(cube.values, good),
                _Bands(estimate, good, cube.values),
                method=chosen,
                sigma=sigma,
                mask=None if cube.mask is None else _Bands(cube.mask, good),
                variance=None if variance is None else _Bands(variance, good, cube.variance),
                memory=memory,
                scratch=Path(out).parent if scratch is None else Path(scratch),
                progress=progress,
            )
    return CubeFileRun(described, result, record)


def _level_of(variance: CubePart) -> CubePart:
    """Noise level; the method takes one that is not finite as missing."""

    def level(part: Any) -> Any:
        with np.errstate(invalid="ignore"):
            return np.sqrt(np.where(part > 0, part, np.nan))

    return variance.map(level, variance.dtype)


def _hash(values: CubePart | _Bands) -> str:
    digest = InputHash(values.dtype, values.shape)
    rows = max(1, _BLOCK // (values.shape[1] * values.shape[2] * values.dtype.itemsize))
    for first in range(0, values.shape[0], rows):
        digest.add(values[first : first + rows, :, :])
    return digest.hexdigest()


class _Bands:
    """The good bands of a cube; the others are taken from elsewhere when it is written."""

    def __init__(self, part: Any, good: Any, others: CubePart | None = None) -> None:
        self._part, self._good, self._others = part, good, others
        self.dtype = part.dtype
        self.shape = (*part.shape[:2], int(np.count_nonzero(good)))

    def __getitem__(self, key: tuple[slice, slice, slice]) -> Any:
        part = self._part[key]
        return part if self._good.all() else np.compress(self._good, part, axis=2)

    def __setitem__(self, key: tuple[slice, slice, slice], values: Any) -> None:
        if not self._good.all():
            if self._others is None:
                whole = np.full((*values.shape[:2], self._good.size), np.nan, self.dtype)
            else:
                whole = self._others[key].astype(self.dtype)
            whole[..., self._good] = values
            values = whole
        self._part[key] = values
