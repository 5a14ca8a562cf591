"""What ``sigden cube`` writes and says."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from sigden.batch import CubeFileRun
    from sigden.batch.cube_run import CubeRun
    from sigden.hyperspectral.base import CubeMethod

__all__ = ["Plan", "planned", "report_of", "summarise", "write_outputs"]

_SHOWN = 4


@dataclass(frozen=True)
class Plan:
    """Files that a cube gives.

    Parameters
    ----------
    cube : pathlib.Path
        The denoised cube.
    figure, page : pathlib.Path or None
        Figure and page, in the same folder.
    """

    cube: Path
    figure: Path | None
    page: Path | None

    @property
    def files(self) -> list[Path]:
        """Every file, those beside the cube included."""
        from sigden.io.cube import cube_files

        return [*cube_files(self.cube), *(path for path in (self.figure, self.page) if path is not None)]


def planned(source: Path, out: Path, *, report: bool) -> Plan:
    """Names of the outputs; `out` is a file if its suffix names a kind of cube, else a folder."""
    from sigden.cli.folder import means_a_file
    from sigden.errors import FileError
    from sigden.io.cube import cube_suffix

    suffix = cube_suffix(source)
    try:
        cube_suffix(out)
        is_file = not out.is_dir()
    except FileError as error:
        if means_a_file(out):
            raise FileError(
                f"{error}; or give a folder, made first if it is to be called {out.name}"
            ) from error
        is_file = False
    if is_file:
        figure, page = out.with_suffix(".png"), out.with_suffix(".html")
        return Plan(out, figure if report else None, page if report else None)
    stem = Path(source.stem).stem if source.suffix.lower() == ".gz" else source.stem
    envi = suffix in (".hdr", ".img", ".dat", ".raw", ".bin", ".bil", ".bip", ".bsq")
    cube = out / f"{stem}-denoised{'.hdr' if envi else suffix}"
    return Plan(cube, out / "cube.png" if report else None, out / "report.html" if report else None)


def write_outputs(
    plan: Plan,
    method: CubeMethod,
    done: CubeRun,
    *,
    title: str,
    pixels: Sequence[tuple[int, int]] = (),
    text: str = "",
    truth: Any = None,
    beside: Sequence[Path] = (),
    overwrite: bool = False,
) -> None:
    """Write cube, figure and page, or none of them; `beside` are other files that the page names."""
    from sigden.batch import staged
    from sigden.io.cube import write_cube

    with staged(plan.cube.parent, overwrite) as put:
        if plan.figure is not None and plan.page is not None:
            picture, page = report_of(
                plan, method, done, title=title, pixels=pixels, text=text, truth=truth, beside=beside
            )
            put(plan.figure.name).write_bytes(picture)
            put(plan.page.name).write_text(page, encoding="utf-8")
        write_cube(plan.cube, done.after, provenance=done.record, overwrite=overwrite)


def report_of(
    plan: Plan,
    method: CubeMethod,
    done: CubeRun,
    *,
    title: str,
    pixels: Sequence[tuple[int, int]],
    text: str,
    truth: Any,
    beside: Sequence[Path],
) -> tuple[bytes, str]:
    """Figure and page of a cube."""
    from sigden.cli.console import command_line
    from sigden.cli.strain_outputs import made_now
    from sigden.io.cube_fits import FitsLayout
    from sigden.report import CubeSection, cube_page, to_png
    from sigden.report.cube_panels import bright_pixels, rgb_figure

    good = done.before.good_bands
    section = CubeSection(
        before=done.before.values,
        after=done.after.values,
        result=done.result,
        sigma=done.sigma,
        variance=done.after.variance,
        wavelength=done.before.wavelength,
        wavelength_unit=done.before.wavelength_unit,
        bad_bands=done.before.bad_bands,
        unit=done.before.unit,
        rows_upwards=isinstance(done.before.header, FitsLayout),
        pixels=pixels or bright_pixels(done.after.values[..., good], _SHOWN),
        method=method,
        text=text,
        command=command_line(),
        truth=truth,
        provenance=done.record,
        outputs=[path.name for path in (*beside, *plan.files)],
    )
    return to_png(rgb_figure(section)), cube_page(section, title=f"Denoised cube: {title}", made=made_now())


def summarise(
    plan: Plan, method: CubeMethod, done: CubeRun | CubeFileRun, *, as_json: bool, quiet: bool
) -> None:
    """Say on stdout what was made and where it is."""
    import numpy as np

    from sigden.cli.console import json_out, note, table

    result: Any = done.result
    counted = getattr(result, "components", result)
    figures: dict[str, Any] = {
        "shape": list(done.before.values.shape),
        "bad_bands": int(np.count_nonzero(~done.before.good_bands)),
        "rank": getattr(result, "rank", None),
        "noise": float(np.median(done.sigma)),
        "components": counted.counts() if hasattr(counted, "counts") else None,
    }
    if not getattr(result, "converged", True):
        note(f"Warning: {method.name()}: {result.status.value} after {result.iterations} iterations")
    if as_json:
        record = {"method": method.to_dict(), **figures, "output": plan.cube, "files": plan.files}
        json_out({**record, "figure": plan.figure, "report": plan.page, "provenance": done.record})
        return
    if quiet:
        return
    rows, columns, bands = figures["shape"]
    shown = [f"{rows} x {columns}", str(bands), str(figures["bad_bands"]), f"{figures['noise']:.3g}"]
    headings = ["method", "pixels", "bands", "left aside", "noise"]
    if figures["rank"] is not None:
        headings, shown = [*headings, "rank"], [*shown, str(figures["rank"])]
    for key, count in (figures["components"] or {}).items():
        headings, shown = [*headings, key.replace("_", " ")], [*shown, f"{count:,}"]
    table("", headings, [[method.name(), *shown]])
    click.echo()
    for path in plan.files:
        click.echo(path)
