"""Cubes larger than the memory: read in parts, denoised, written in parts."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from sigden.errors import InputError, ParameterError
from sigden.hyperspectral.pipeline import Analysis, analyse, nothing_to_do
from sigden.hyperspectral.prepare import Prepared, prepare_source
from sigden.hyperspectral.result import propagated_variance
from sigden.hyperspectral.screen import DEAD, IMPULSE
from sigden.hyperspectral.second_pass import LastPass, last_pass
from sigden.hyperspectral.source import Source, release
from sigden.hyperspectral.stabilise import Stabiliser
from sigden.hyperspectral.steps import strips
from sigden.hyperspectral.subspace import Subspace
from sigden.hyperspectral.subspace_collaborative import SubspaceCollaborative
from sigden.hyperspectral.subspace_method import SubspaceMethod
from sigden.hyperspectral.table import spans
from sigden.hyperspectral.weak import REACH
from sigden.hyperspectral.workspace import Workspace

__all__ = ["LargeCubeResult", "denoise_large"]

_THUMBNAIL = 256  # pixels along a side of what is kept of the eigen-images


@dataclass(frozen=True, eq=False)
class LargeCubeResult:
    """What was learnt of a cube that was denoised in parts.

    Parameters
    ----------
    shape : tuple of int
        Rows, columns and bands.
    sigma : ndarray, shape (bands,)
        Noise level of each band.
    stabiliser : Stabiliser or None
        Transform to uniform noise, where the noise was found to grow with the signal.
    space : Subspace
        Signal subspace, as in `CubeResult`.
    column_stripes : ndarray, shape (columns, bands)
        Offset of each column that was taken off, in the unit of the data; 0 where there is none.
    row_stripes : ndarray, shape (rows, bands)
        Offset of each row.
    dead, impulses : ndarray, shape (bands,)
        Number of samples of each band that read one value whatever the signal is, and that stand out.
    eigen_images : ndarray, shape (rank, rows, columns)
        Denoised coefficients, in units of their noise; of large cubes every n-th row and column.
    noise_power : ndarray, shape (8, 8)
        Noise variance of the cosine coefficients of blocks; ones for white noise.
    """

    shape: tuple[int, int, int]
    sigma: Any
    stabiliser: Stabiliser | None
    space: Subspace
    column_stripes: Any
    row_stripes: Any
    dead: Any
    impulses: Any
    eigen_images: Any
    noise_power: Any

    @property
    def rank(self) -> int:
        """Dimension of the signal subspace."""
        return self.space.rank

    def counts(self) -> dict[str, int]:
        """Number of dead samples, impulses, striped columns and striped rows."""
        return {
            "dead": int(np.sum(self.dead)),
            "impulses": int(np.sum(self.impulses)),
            "column_stripes": int(np.count_nonzero(self.column_stripes)),
            "row_stripes": int(np.count_nonzero(self.row_stripes)),
        }


def denoise_large(
    source: Any,
    out: Any,
    *,
    method: SubspaceMethod | None = None,
    sigma: Any = None,
    mask: Any = None,
    variance: Any = None,
    axis: int = -1,
    dtype: Any = None,
    memory: int | str = "2 GB",
    scratch: str | Path | None = None,
    progress: Callable[[str, int, int], None] | None = None,
) -> LargeCubeResult:
    """Denoise a cube that is too large for the memory.

    Parameters
    ----------
    source : array-like with three axes
        Anything with `shape` and `dtype` of which slices give parts that NumPy understands: a memory map of
        an NPY file, an HDF5 dataset, the section of a FITS unit, an ENVI image of the package spectral, a
        dask array. NaN is missing. Read two or three times, by rows.
    out : array-like, shape of `source`
        Takes the estimate by assignment to slices: a memory map, an HDF5 dataset, an array; of floating
        numbers. Written once, by rows, from the first to the last.
    method : SubspaceMethod, optional
        `SubspaceCollaborative` (by default), `RobustSubspace` or `SubspaceDenoise`.
    sigma : float, array of shape (bands,), or array-like of the shape of `source`, optional
        Standard deviation of the noise; estimated when absent.
    mask : array-like of bool, shape of `source`, optional
        True where a sample is to be ignored.
    variance : array-like, shape of `source`, optional
        Takes the variance of the noise that is left.
    axis : int
        Spectral axis of all of these: -1 for (rows, columns, bands), 0 for (wavelength, y, x).
    dtype : dtype, optional
        In which to compute, float32 or float64; by default float32 for floating numbers of up to 32 bits and
        float64 for all others.
    memory : int or str
        Bound on the memory that this takes beside what the process has taken already: bytes, or a text such
        as ``"2 GB"``.
    scratch : path, optional
        Folder for scratch files, by default that of the system. They take the size of the cube, a quarter
        more where samples are missing or defects are found, and that of the eigen-images; no one sees them,
        and they are gone when the run ends, in whatever way.
    progress : callable, optional
        ``progress(stage, done, total)``.

    Returns
    -------
    LargeCubeResult
        Noise, subspace and what was taken off.

    Raises
    ------
    InputError
        If source, sigma or mask cannot be used; nothing has been written then.
    ParameterError
        If the memory does not hold what must be held at once; the least that works is named. Or if the method
        is none of these, or does not tell the variance that is asked for.
    FileError
        If there is no room for the scratch files.

    Notes
    -----
    The steps are those of ``method.solve``, and so is the estimate up to rounding: the statistics are taken
    over all spectra, and strips of the eigen-images are denoised with all the rows around them on which the
    estimate depends. Other image denoisers than the collaborative filter get whole eigen-images.

    Examples
    --------
    >>> import numpy as np
    >>> from sigden import SubspaceCollaborative
    >>> from sigden.hyperspectral import denoise_large
    >>> from sigden.simulate import gaussian_noise, spectral_cube
    >>> cube = gaussian_noise(spectral_cube(seed=1), 0.02, seed=2)
    >>> out = np.empty_like(cube)
    >>> found = denoise_large(cube, out, memory="100 MB")
    >>> bool(np.abs(out - SubspaceCollaborative()(cube)).max() < 1e-5)
    True
    """
    for name, data in (("source", source), ("out", out)):
        if isinstance(data, (str, Path)):
            raise InputError(
                f"{name}: {data} is a path; give an open array, or use sigden.batch.denoise_cube_file"
            )
    chosen = SubspaceCollaborative() if method is None else method
    if not isinstance(chosen, SubspaceMethod):
        raise ParameterError(
            f"method: {type(chosen).__name__} does not work in parts; SubspaceCollaborative, "
            "RobustSubspace and SubspaceDenoise do"
        )
    recipe = chosen.recipe()
    if variance is not None and recipe.step.halo is None:
        raise ParameterError("variance: an image denoiser does not tell it; leave variance out")
    data = Source(source, axis, "source", _checked_dtype(dtype))
    if data.dtype.kind == "b":
        raise InputError("source: holds booleans; real numbers are needed")
    if 0 in data.shape or data.shape[2] < 2:
        raise InputError(
            f"source: needs pixels and at least two bands, got {data.shape} (rows, columns, bands)"
        )
    sinks = [_Sink(out, data.shape, axis, "out")]
    if variance is not None:
        sinks.append(_Sink(variance, data.shape, axis, "variance"))
    workspace = Workspace(memory, scratch, progress)
    workspace.require(data.shape, data.dtype.itemsize, REACH)
    levels = Source(sigma, axis, "sigma") if len(getattr(sigma, "shape", ())) == 3 else sigma
    workspace.tell("reading")
    work = prepare_source(data, levels, _mask_of(mask, axis, data.shape), workspace)
    if nothing_to_do(work):
        return _copied(work, sinks, workspace)
    last = last_pass(analyse(work, recipe, workspace), recipe, workspace)
    return _learnt(last.found, _written(last, sinks, workspace))


def _checked_dtype(dtype: Any) -> Any:
    if dtype is not None and np.dtype(dtype) not in (np.dtype(np.float32), np.dtype(np.float64)):
        raise ParameterError(f"dtype: float32 or float64, got {dtype}")
    return dtype


def _mask_of(mask: Any, axis: int, shape: tuple[int, int, int]) -> Source | None:
    if mask is None:
        return None
    found = Source(mask, axis, "mask")
    if found.shape != shape or found.dtype != np.dtype(bool):
        raise InputError(
            f"mask: needs booleans of the shape of the source, got {found.dtype} of {tuple(mask.shape)}"
        )
    return found


class _Sink:
    """Array-like that takes the estimate row by row."""

    def __init__(self, data: Any, shape: tuple[int, int, int], axis: int, what: str) -> None:
        self._data, self._axis = data, axis % 3
        wanted = list(shape[:2])
        wanted.insert(self._axis, shape[2])
        if tuple(getattr(data, "shape", ())) != tuple(wanted) or not hasattr(data, "__setitem__"):
            raise InputError(
                f"{what}: needs an array of the shape {tuple(wanted)} that can be assigned to, got "
                f"{type(data).__name__} {tuple(getattr(data, 'shape', ()))}"
            )
        if np.dtype(getattr(data, "dtype", float)).kind != "f":
            raise InputError(f"{what}: needs floating numbers, got {data.dtype}")

    def write(self, first: int, part: Any) -> None:
        """Put rows in place, shape (rows, columns, bands)."""
        rows = slice(first, first + len(part))
        index = (slice(None), rows) if self._axis == 0 else (rows,)
        self._data[(*index, *(slice(None),) * (3 - len(index)))] = np.moveaxis(part, 2, self._axis)
        release(self._data)


def _written(last: LastPass, sinks: list[_Sink], workspace: Workspace) -> Any:
    """Denoise and reconstruct strip by strip; what is kept of the eigen-images is returned."""
    found, work = last.found, last.found.work
    rows, columns, rank = found.coefficients.shape
    every = max(1, -(-max(rows, columns) // _THUMBNAIL))
    kept = []
    for strip in strips(found.coefficients.shape, last.step, work.table.dtype.itemsize, workspace):
        images, gain = last.run(strip.begin, strip.end)
        images, gain = strip.core(images), strip.core(gain)
        kept.append(images[:, -strip.first % every :: every, ::every].copy())
        for begin, end in spans(0, strip.last - strip.first, work.table.block):
            first = strip.first + begin
            part = slice(begin, end)
            _write_rows(found, first, images[:, part], None if gain is None else gain[:, part], sinks)
        workspace.tell("writing", strip.last, rows)
    return np.concatenate(kept, axis=1) if kept else np.zeros((rank, 0, 0))


def _write_rows(found: Analysis, first: int, images: Any, gain: Any, sinks: list[_Sink]) -> None:
    """Reconstruct some rows and write them."""
    work = found.work
    last = first + images.shape[1]
    where = work.table.pixels(first, last)
    shape = last - first, work.shape[1], work.used.size
    out = found.reconstruct(images, where, np.empty((shape[0] * shape[1], work.shape[2]), work.table.dtype))
    outside = work.outside[where]
    if not work.used.all() or outside.any():
        values = work.source.read(first, last).reshape(-1, shape[2])
        work.source.done()
        full = values.copy()
        full[:, work.used] = out
        full[outside] = values[outside]
        out = full
    sinks[0].write(first, out.reshape(shape))
    if len(sinks) > 1:
        level = None if found.pixel_level is None else found.pixel_level[where]
        left = propagated_variance(found.whole_space(), gain, level, found.stabiliser(), out)
        sinks[1].write(first, left.reshape(shape))


def _learnt(found: Analysis, images: Any) -> LargeCubeResult:
    work = found.work
    numbers = np.zeros((2, work.used.size), dtype=np.int64)
    if found.defects.flags is not None:
        for _, part in found.defects.flags.pieces():
            for i, flag in enumerate((DEAD, IMPULSE)):
                numbers[i, work.used] += np.count_nonzero(part & flag, axis=0)
    columns, rows = found.stripes()
    return LargeCubeResult(
        shape=work.source.shape,
        sigma=found.sigma,
        stabiliser=found.stabiliser(),
        space=found.whole_space(),
        column_stripes=columns,
        row_stripes=rows,
        dead=numbers[0],
        impulses=numbers[1],
        eigen_images=images,
        noise_power=found.power,
    )


def _copied(work: Prepared, sinks: list[_Sink], workspace: Workspace) -> LargeCubeResult:
    """A cube without noise or without contrast comes out as it is."""
    rows, columns, bands = work.source.shape
    for first, last in workspace.spans(work.source.shape, work.source.dtype.itemsize):
        part = work.source.read(first, last)
        sinks[0].write(first, part)
        for sink in sinks[1:]:
            sink.write(first, np.zeros_like(part))
        work.source.done()
    nothing = np.zeros(bands)
    return LargeCubeResult(
        shape=work.source.shape,
        sigma=nothing,
        stabiliser=None,
        space=Subspace(nothing, nothing, np.zeros((bands, 0)), nothing),
        column_stripes=np.zeros((columns, bands)),
        row_stripes=np.zeros((rows, bands)),
        dead=np.zeros(bands, np.int64),
        impulses=np.zeros(bands, np.int64),
        eigen_images=np.zeros((0, rows, columns)),
        noise_power=np.ones((8, 8)),
    )
