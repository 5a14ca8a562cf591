"""``sigden multiband``."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from sigden.cli.folder import Folder

if TYPE_CHECKING:
    from sigden.batch.scene_file import Scene
    from sigden.batch.scene_run import SceneResult, Tiling

__all__ = ["multiband"]

_MEBIBYTE = 2**20


@click.command()
@click.argument("scene_file", metavar="SCENE.toml", type=click.Path(path_type=Path))
@click.option("--out", "directory", metavar="DIR", required=True, type=Folder(),
              help="Where outputs go.")  # fmt: skip
@click.option("--root", metavar="DIR", type=click.Path(path_type=Path),
              help="Folder that paths in the file may not leave.  [default: that of the file]")  # fmt: skip
@click.option("--layout", type=click.Choice(["cube", "bands"]), default="cube", show_default=True,
              help="One cube, or a unit for each band.")  # fmt: skip
@click.option("--tile", metavar="N", type=click.IntRange(min=1),
              help="Work in tiles of N pixels of the grid; the field is never held.")  # fmt: skip
@click.option("--halo", metavar="N", type=click.IntRange(min=0),
              help='Pixels around a tile that are solved with it.  [default: 4.8"]')  # fmt: skip
@click.option("--crossfade", metavar="N", type=click.IntRange(min=0),
              help="Pixels over which tiles are mixed; 0 cuts.  [default: half the halo]")  # fmt: skip
@click.option("--memory", metavar="MIB", type=click.IntRange(min=1),
              help="Bound on the memory of the tiles, in MiB; chooses tiles that fit.")  # fmt: skip
@click.option("--workers", metavar="N", type=click.IntRange(min=1), default=1, show_default=True,
              help="Threads that solve tiles.")  # fmt: skip
@click.option("--no-report", is_flag=True, help="Leave out the figure and the page.")
@click.option("--overwrite", is_flag=True, help="Replace outputs that exist.")
@click.option("--json", "as_json", is_flag=True, help="Machine-readable summary on stdout.")
@click.option("--quiet", is_flag=True, help="No progress bar and no table.")
def multiband(
    scene_file: Path,
    directory: Path,
    root: Path | None,
    layout: Any,
    tile: int | None,
    halo: int | None,
    crossfade: int | None,
    memory: int | None,
    workers: int,
    no_report: bool,
    overwrite: bool,
    as_json: bool,
    quiet: bool,
) -> None:
    """Deconvolve the images of a field in several bands together.

    SCENE.toml names the method, the FITS files with their PSFs, the pixel grid of the result and what a wide
    band is mixed of. The result is multiband.fits with an image and an error map for each band, multiband.png
    and report.html. `sigden demo multiband` writes an example of all of it.

    \b
      sigden multiband scene.toml --out result
      sigden multiband field.toml --tile 512 --workers 2 --out result
    """
    from sigden.batch import refuse_existing
    from sigden.batch.scene_file import read_scene
    from sigden.batch.scene_run import Tiling
    from sigden.cli.console import progress_bar, require_plot
    from sigden.cli.multiband_outputs import outputs_of, summarise, write_outputs

    in_tiles = tile is not None or memory is not None
    if not in_tiles and (halo is not None or crossfade is not None or workers > 1):
        raise click.UsageError("--halo, --crossfade and --workers go with --tile or --memory")
    if in_tiles and layout != "cube":
        raise click.UsageError("--tile and --memory write a cube")
    if not no_report:
        require_plot()
    names = outputs_of(not no_report)
    refuse_existing([directory / name for name in names], overwrite)
    scene = read_scene(scene_file, root=root).open()
    tiling = Tiling(tile, halo, crossfade, None if memory is None else memory * _MEBIBYTE, workers)
    with progress_bar(quiet or as_json) as bars:
        done = write_outputs(
            directory,
            scene,
            partial(_run, scene, tiling if in_tiles else None, bars),
            layout=layout,
            title=scene_file.name,
            report=not no_report,
            overwrite=overwrite,
            in_tiles=in_tiles,
        )
    summarise(directory, scene, done, names, as_json=as_json, quiet=quiet)


def _run(scene: Scene, tiling: Tiling | None, bars: Any, path: Path) -> SceneResult:
    from sigden.batch.scene_run import run_scene, tile_scene

    task = bars.add_task(scene.method.name(), total=None)
    if tiling is None:
        done = run_scene(scene)
    else:
        done = tile_scene(
            scene, path, tiling, progress=lambda now, total: bars.update(task, completed=now, total=total)
        )
    bars.update(task, total=1, completed=1)
    return done
