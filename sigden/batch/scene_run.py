"""A multiband scene from files to files."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from sigden.batch.scene_file import Scene
from sigden.errors import InputError
from sigden.io.multiband.result import ResultLayout, create_multiband, write_multiband
from sigden.method import provenance
from sigden.multiband.data.observation import Observation
from sigden.multiband.data.response import check_response, usable
from sigden.multiband.data.result import MultibandResult
from sigden.multiband.tiles.mosaic import Box
from sigden.multiband.tiles.solve import deconvolve_tiles
from sigden.multiband.tiles.window import observe_all, window_grid

__all__ = ["SceneResult", "Tiling", "run_scene", "tile_scene", "write_scene"]

_SHOWN = 512


@dataclass(frozen=True)
class Tiling:
    """How a field is divided; as `deconvolve_tiles`.

    Parameters
    ----------
    tile, halo, crossfade, memory : int, optional
        In pixels of the grid, and bytes.
    workers : int
        Threads.
    """

    tile: int | None = None
    halo: int | None = None
    crossfade: int | None = None
    memory: int | None = None
    workers: int = 1


@dataclass(frozen=True, eq=False)
class SceneResult:
    """What became of a scene.

    Parameters
    ----------
    result : MultibandResult
        All of it, or of a tiled field the part that is shown.
    observations : tuple of Observation
        What was seen of that part.
    record : mapping
        Provenance.
    window : tuple of int, optional
        The part of a tiled field: first and past-the-last row and column.
    """

    result: MultibandResult
    observations: tuple[Observation, ...]
    record: dict[str, Any] = field(default_factory=dict)
    window: Box | None = None


def run_scene(scene: Scene) -> SceneResult:
    """Deconvolve a scene at once.

    Parameters
    ----------
    scene : Scene
        Its images are read whole.

    Returns
    -------
    SceneResult
        Result, what went in, and provenance.

    Raises
    ------
    FileError
        If a file cannot be read.
    InputError
        If the images do not fit the grid or each other.
    ParameterError
        If the response is not of these bands.
    """
    from sigden.multiband.apply import deconvolve

    window = (0, scene.grid.shape[0], 0, scene.grid.shape[1])
    check_response(scene.mosaics, scene.response)
    observations, response = _seen(scene, window)
    result = deconvolve(scene.method, observations, scene.grid, response=response)
    hashes = {o.band: provenance(scene.method, np.asarray(o.image))["input_sha256"] for o in observations}
    return SceneResult(result, tuple(observations), {**_record(scene), "input_sha256": hashes})


def tile_scene(
    scene: Scene, path: Path, tiling: Tiling, *, progress: Callable[[int, int], None] | None = None
) -> SceneResult:
    """Deconvolve a scene tile by tile into a FITS file; the field is never held.

    Parameters
    ----------
    scene : Scene
        Its images are read part by part.
    path : pathlib.Path
        File to fill, a cube as of `write_multiband` in float32; what stands there is replaced.
    tiling : Tiling
        How to divide.
    progress : callable, optional
        ``progress(done, total)`` in tiles.

    Returns
    -------
    SceneResult
        The part of the field with the brightest pixels, and provenance with the tiling.

    Raises
    ------
    FileError
        If a file cannot be read.
    InputError
        If the images do not fit the grid or each other.
    ParameterError
        If the tiling does not fit the memory.
    """
    bands = check_response(scene.mosaics, scene.response)
    record = {**_record(scene), "tiling": {k: v for k, v in vars(tiling).items() if v is not None}}
    with create_multiband(
        path,
        bands,
        scene.grid,
        scene.method.target_fwhm,
        unit=scene.unit,
        history=history_lines(scene, record),
    ) as (estimate, uncertainty, covariance):
        whole = deconvolve_tiles(
            scene.method,
            scene.mosaics,
            scene.grid,
            response=scene.response,
            tile=tiling.tile,
            halo=tiling.halo,
            crossfade=tiling.crossfade,
            memory=tiling.memory,
            workers=tiling.workers,
            out=(estimate, uncertainty),
            progress=progress,
        )
        covariance[...] = whole.noise_covariance
        window = _brightest(estimate, scene)
        place = slice(window[0], window[1]), slice(window[2], window[3])
        part = MultibandResult(
            estimate=np.array(estimate[(slice(None), *place)], dtype=np.float64),
            uncertainty=np.array(uncertainty[(slice(None), *place)], dtype=np.float64),
            noise_covariance=whole.noise_covariance,
            bands=bands,
            grid=window_grid(scene.grid, window),
            target_fwhm=whole.target_fwhm,
            details=whole.details,
        )
    # the numbers that were used, not only those that were given
    record["tiling"] |= {k: v for k, v in whole.details.items() if k != "missing"}
    if whole.details["missing"]:
        record["tiling"]["without_data"] = len(whole.details["missing"])
    return SceneResult(part, tuple(_seen(scene, window)[0]), record, window)


def write_scene(
    path: Path, scene: Scene, done: SceneResult, *, layout: ResultLayout = "cube", overwrite: bool = False
) -> None:
    """Write the result of `run_scene` as FITS with its provenance.

    Parameters
    ----------
    path : pathlib.Path
        Output file.
    scene : Scene
        What was run.
    done : SceneResult
        What came of it.
    layout : {"cube", "bands"}
        As `write_multiband`.
    overwrite : bool
        Whether an existing file may be replaced.

    Raises
    ------
    FileError
        If the file exists or cannot be written.
    """
    write_multiband(
        path,
        done.result,
        unit=scene.unit,
        layout=layout,
        history=history_lines(scene, done.record),
        overwrite=overwrite,
    )


def history_lines(scene: Scene, record: dict[str, Any]) -> list[str]:
    """Provenance as lines of text."""
    rest = {k: v for k, v in record.items() if k not in ("method", "parameters", "version")}
    return [
        f"{record['method']} of sigden {record['version']}",
        *scene.method.to_toml().splitlines(),
        *(f"{key} {json.dumps(value, default=str)}" for key, value in rest.items()),
    ]


def _record(scene: Scene) -> dict[str, Any]:
    return {
        **provenance(scene.method),
        "inputs": list(scene.inputs),
        "response": {wide: dict(mix) for wide, mix in scene.response.items()},
        "unit": scene.unit,
    }


def _seen(scene: Scene, window: Box) -> tuple[list[Observation], dict[str, Any]]:
    """Observations of a window that can be used, and the response of those."""
    seen: Sequence[Observation] = observe_all(scene.mosaics, scene.grid, window)
    if not seen:
        raise InputError(
            "observations: none shows any of the grid in a pixel that is not NaN or masked; "
            "check wcs, or scale and offset"
        )
    return usable(seen, scene.response)


def _brightest(estimate: Any, scene: Scene) -> Box:
    """Window of a field around its brightest pixel, whole pixels of every image."""
    from sigden.multiband.tiles.window import common_step

    rows, columns = scene.grid.shape
    best = -math.inf
    place = [0, 0]
    for first in range(0, rows, 256):
        strip = np.nan_to_num(np.sum(estimate[:, first : first + 256, :], axis=0, dtype=np.float64))
        if strip.max() > best:
            at = np.unravel_index(int(np.argmax(strip)), strip.shape)
            best, place = float(strip.max()), [first + int(at[0]), int(at[1])]
    step = common_step(scene.mosaics, scene.grid)
    side = -(-_SHOWN // step) * step
    box: list[int] = []
    for middle, size in zip(place, (rows, columns), strict=True):
        length = min(side, size)
        start = min(max(middle - length // 2, 0), size - length) // step * step
        box += [start, start + length]
    return box[0], box[1], box[2], box[3]
