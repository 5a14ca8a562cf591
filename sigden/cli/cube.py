"""``sigden cube``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from sigden.batch import CubeFileRun
    from sigden.hyperspectral.base import CubeMethod

__all__ = ["cube"]


@click.command()
@click.argument("source", metavar="FILE", type=click.Path(path_type=Path))
@click.option("--out", metavar="DIR|FILE", required=True, type=click.Path(path_type=Path),
              help="Folder, or the file to write (its suffix names the format).")  # fmt: skip
@click.option("--method", "method_name", metavar="NAME|TOML", default="SubspaceCollaborative",
              show_default=True, help="Method for cubes, or a TOML file of one.")  # fmt: skip
@click.option("--dataset", metavar="NAME", help="Array (NPZ, MAT, HDF5) or unit (FITS) with the cube.")
@click.option("--axis", type=click.IntRange(0, 2),
              help="Spectral axis; 0 for (wavelength, y, x).  [default: the file tells]")  # fmt: skip
@click.option("--pixel", "pixels", metavar="ROW,COLUMN", multiple=True,
              help="Pixel of which the report shows the spectrum; may be given again.  "
              "[default: four bright ones]")  # fmt: skip
@click.option("--memory", metavar="SIZE",
              help="Work in parts within this memory, such as '2 GB', and write the cube alone.")  # fmt: skip
@click.option("--no-report", is_flag=True, help="Leave out the figure and the page.")
@click.option("--overwrite", is_flag=True, help="Replace outputs that exist.")
@click.option("--json", "as_json", is_flag=True, help="Machine-readable summary on stdout.")
@click.option("--quiet", is_flag=True, help="No progress bar and no table.")
def cube(
    source: Path,
    out: Path,
    method_name: str,
    dataset: str | None,
    axis: int | None,
    pixels: tuple[str, ...],
    memory: str | None,
    no_report: bool,
    overwrite: bool,
    as_json: bool,
    quiet: bool,
) -> None:
    """Denoise a hyperspectral or integral-field cube.

    FILE is ENVI (.hdr or its data file), GeoTIFF, FITS of MUSE, JWST and others, NPY, NPZ, MAT or HDF5. The
    same kind of file comes out, with the variance of the estimate where the method tells; bands that the file
    calls bad are left aside and come out as they were. `sigden demo cube` writes an example.

    \b
      sigden cube scene.hdr --out result
      sigden cube DATACUBE.fits --out clean.fits --pixel 120,140
      sigden cube cube.npy --axis 0 --method FastHyDe --out result
      sigden cube large.hdr --memory "2 GB" --out result
    """
    from sigden.batch import refuse_existing, staged
    from sigden.batch.cube_run import run_cube
    from sigden.cli.console import progress_bar, require_plot
    from sigden.cli.cube_outputs import planned, summarise, write_outputs
    from sigden.io.cube import read_cube

    method = _method(method_name)
    chosen = [_pixel(text) for text in pixels]
    if memory is not None:
        if pixels:
            raise click.UsageError("--pixel goes with the report, which --memory leaves out")
        plan = planned(source, out, report=False)
        refuse_existing(plan.files, overwrite)
        found = _in_parts(source, plan.cube, method, memory, dataset, axis, overwrite, quiet or as_json)
        summarise(plan, method, found, as_json=as_json, quiet=quiet)
        return
    if not no_report:
        require_plot()
    plan = planned(source, out, report=not no_report)
    refuse_existing(plan.files, overwrite)
    with staged(plan.cube.parent, overwrite), progress_bar(quiet or as_json) as bars:
        task = bars.add_task(f"reading {source.name}", total=None)
        data = read_cube(source, dataset=dataset, axis=axis)
        _require_inside(chosen, data.values.shape)
        bars.update(task, description=method.name())
        done = run_cube(method, data, source=source.name)
        bars.update(task, description="writing")
        write_outputs(plan, method, done, title=source.name, pixels=chosen, overwrite=overwrite)
        bars.update(task, total=1, completed=1)
    summarise(plan, method, done, as_json=as_json, quiet=quiet)


def _in_parts(
    source: Path,
    out: Path,
    method: CubeMethod,
    memory: str,
    dataset: str | None,
    axis: int | None,
    overwrite: bool,
    silent: bool,
) -> CubeFileRun:
    """Denoise a file in bounded memory."""
    from sigden.batch import denoise_cube_file, staged
    from sigden.cli.console import progress_bar

    with staged(out.parent, overwrite), progress_bar(silent) as bars:
        task = bars.add_task(f"reading {source.name}", total=None)

        def progress(stage: str, done: int, total: int) -> None:
            bars.update(task, description=stage, completed=done, total=total if done else None)

        found = denoise_cube_file(
            source,
            out,
            method=method,  # type: ignore[arg-type]
            memory=memory,
            dataset=dataset,
            axis=axis,
            overwrite=overwrite,
            progress=progress,
        )
        bars.update(task, total=1, completed=1)
    return found


def _method(text: str) -> CubeMethod:
    """Method by its name or from a TOML file."""
    from sigden import registry
    from sigden.errors import ParameterError
    from sigden.hyperspectral.base import CubeMethod
    from sigden.method import read_toml

    method = read_toml(text) if text.lower().endswith(".toml") else registry.load(text)()
    if not isinstance(method, CubeMethod):
        raise ParameterError(
            f"method: {method.name()} takes {method.axes or 'other data'}, not cubes of {CubeMethod.axes}"
        )
    return method


def _pixel(text: str) -> tuple[int, int]:
    from sigden.errors import ParameterError

    row, _, column = text.partition(",")
    try:
        return int(row), int(column)
    except ValueError as error:
        raise ParameterError(f"--pixel {text!r}: give ROW,COLUMN, for example 12,40") from error


def _require_inside(pixels: list[tuple[int, int]], shape: tuple[int, ...]) -> None:
    from sigden.errors import ParameterError

    for row, column in pixels:
        if not (0 <= row < shape[0] and 0 <= column < shape[1]):
            raise ParameterError(
                f"--pixel {row},{column}: outside the cube of {shape[0]} rows and {shape[1]} columns"
            )
