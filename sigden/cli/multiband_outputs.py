"""What ``sigden multiband`` writes and says."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from sigden.batch.scene_file import Scene
    from sigden.batch.scene_run import SceneResult
    from sigden.io.multiband.result import ResultLayout

__all__ = ["fits_of_bands", "outputs_of", "report_of", "summarise", "write_outputs"]

RESULT, FIGURE, PAGE = "multiband.fits", "multiband.png", "report.html"


def outputs_of(report: bool) -> list[str]:
    """Names of the files that a scene gives."""
    return [RESULT, *([FIGURE, PAGE] if report else [])]


def write_outputs(
    directory: Path,
    scene: Scene,
    run: Callable[[Path], SceneResult],
    *,
    layout: ResultLayout,
    title: str,
    report: bool,
    overwrite: bool,
    in_tiles: bool,
) -> SceneResult:
    """Run a scene and write every file, or none."""
    from sigden.batch import staged
    from sigden.batch.scene_run import write_scene

    with staged(directory, overwrite) as put:
        path = put(RESULT)
        done = run(path)
        if not in_tiles:
            write_scene(path, scene, done, layout=layout, overwrite=True)
        if report:
            picture, text = report_of(scene, done, title=title, outputs=outputs_of(True))
            put(FIGURE).write_bytes(picture)
            put(PAGE).write_text(text, encoding="utf-8")
    return done


def report_of(
    scene: Scene,
    done: SceneResult,
    *,
    title: str,
    outputs: Sequence[str],
    text: str = "",
    truth: Any = None,
) -> tuple[bytes, str]:
    """Figure and page of a scene."""
    from sigden.cli.console import command_line
    from sigden.cli.strain_outputs import made_now
    from sigden.report import MultibandSection, multiband_page, to_png
    from sigden.report.multiband_panels import colour_figure

    section = MultibandSection(
        result=done.result,
        observations=done.observations,
        response=scene.response,
        title="Result",
        method=scene.method,
        text=text or _described(done, scene),
        command=command_line(),
        unit=scene.unit or "",
        truth=truth,
        provenance=done.record,
        outputs=outputs,
    )
    picture = to_png(colour_figure(done.result, done.observations, truth=truth))
    return picture, multiband_page(section, title=f"Deconvolved scene: {title}", made=made_now())


def _described(done: SceneResult, scene: Scene) -> str:
    if done.window is None:
        return ""
    first, last, left, right = done.window
    tiles = f"The field was solved in {done.result.details['tiles']} tiles."
    if (last - first, right - left) == scene.grid.shape:
        return tiles
    return (
        f"{tiles} Shown are rows {first} to {last - 1} "
        f"and columns {left} to {right - 1} of it, around its brightest pixel."
    )


def fits_of_bands(done: SceneResult, scene: Scene) -> Mapping[str, Mapping[str, float]]:
    """Goodness of fit and noise of every observation that is shown."""
    import numpy as np

    from sigden.report.photometry import compare_fluxes

    comparison = compare_fluxes(done.result, done.observations, scene.response)
    out: dict[str, dict[str, float]] = {}
    for one, residual in zip(done.observations, comparison.residuals, strict=True):
        known = residual[np.isfinite(residual)]
        name = one.band if one.band not in out else f"{one.band} ({len(out)})"
        out[name] = {
            "chi_squared": float(np.mean(known**2)) if known.size else float("nan"),
            "ignored": 1.0 - known.size / residual.size,
            "pixel_scale": one.pixel_scale,
        }
    return out


def summarise(
    directory: Path,
    scene: Scene,
    done: SceneResult,
    names: Sequence[str],
    *,
    as_json: bool,
    quiet: bool,
) -> None:
    """Say on stdout what was made and where it is."""
    from sigden.cli.console import json_out, table

    if quiet and not as_json:
        return
    bands = fits_of_bands(done, scene)
    if as_json:
        json_out(
            {
                "method": scene.method.to_dict(),
                "bands": done.result.bands,
                "observations": bands,
                "output": directory / RESULT,
                "figure": directory / FIGURE if FIGURE in names else None,
                "report": directory / PAGE if PAGE in names else None,
                "provenance": done.record,
            }
        )
        return
    rows = [
        [name, f'{one["pixel_scale"]:.3g}"', f"{one['ignored']:.1%}", f"{one['chi_squared']:.3f}"]
        for name, one in bands.items()
    ]
    table("", ["band", "pixel", "ignored", "chi-squared"], rows)
    click.echo()
    for name in names:
        click.echo(directory / name)
