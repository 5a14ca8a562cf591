"""``sigden demo``."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from sigden.cli.folder import Folder

if TYPE_CHECKING:
    from sigden.batch import DenoisedStrain
    from sigden.cli.demo_data import DataSet

__all__ = ["demo"]

Done = Mapping[str, "DenoisedStrain"]

_PAGE = "report.html"
_COLUMNS = {
    "loudest_sigma": ("loudest", "{:.2f} sigma"),
    "loudest_time": ("at GPS", "{:.4f}"),
    "residual_sigma": ("residual", "{:.3f} sigma"),
    "overlap_before": ("overlap before", "{:.3f}"),
    "overlap_after": ("after", "{:.3f}"),
}


@click.command()
@click.argument(
    "room",
    metavar="[strain|multiband|cube]",
    default="strain",
    type=click.Choice(["strain", "multiband", "cube"]),
)
@click.option("--out", "given", metavar="DIR", type=Folder(),
              help="Where outputs go.  "
              "[default: sigden-demo, sigden-demo-multiband or sigden-demo-cube]")  # fmt: skip
@click.option("--overwrite", is_flag=True, help="Replace outputs that exist.")
@click.option("--json", "as_json", is_flag=True, help="Machine-readable summary on stdout.")
@click.option("--quiet", is_flag=True, help="No progress bar and no table.")
def demo(room: str, given: Path | None, overwrite: bool, as_json: bool, quiet: bool) -> None:
    """Denoise real and simulated strain, or a simulated field or spectral cube, with nothing else needed.

    The real strain is the second of H1, L1 and V1 data that gwpy ships; the simulated one is 32 s of detector
    noise with a binary black hole in it. `sigden demo multiband` writes images of one field as Euclid and
    Rubin files, with a scene.toml for `sigden multiband`, and sharpens them together. `sigden demo cube`
    writes a hyperspectral scene as ENVI and denoises it.
    """
    directory = given or Path("sigden-demo" if room == "strain" else f"sigden-demo-{room}")
    if room == "multiband":
        from sigden.cli.multiband_demo import multiband_demo

        multiband_demo(directory, overwrite=overwrite, as_json=as_json, quiet=quiet)
        return
    if room == "cube":
        from sigden.cli.cube_demo import cube_demo

        cube_demo(directory, overwrite=overwrite, as_json=as_json, quiet=quiet)
        return
    from sigden.batch import refuse_existing, staged
    from sigden.cli.console import command_line, progress_bar, require_plot
    from sigden.cli.demo_data import real_data, simulated_data

    require_plot()
    with staged(directory, overwrite) as put, progress_bar(quiet or as_json) as bars:
        task = bars.add_task("preparing data", total=None)
        sets = (real_data(), simulated_data())
        bars.update(task, total=1, completed=1)
        refuse_existing(
            [directory / name for one in sets for name in _files(one)] + [directory / _PAGE], overwrite
        )
        done = [_denoise(one, bars) for one in sets]
        merits = [_merits(one, found) for one, found in zip(sets, done, strict=True)]
        task = bars.add_task("writing", total=None)
        _write(put, sets, done, merits, command_line())
        bars.update(task, total=1, completed=1)
    _summarise(directory, sets, done, merits, as_json=as_json, quiet=quiet)


def _strain_file(one: DataSet, name: str) -> str:
    from sigden.batch import strain_stem

    # a simulation must not be taken for data
    prefix = "" if one.truth is None else "simulated-"
    return f"{prefix}{strain_stem(name, one.series[name])}-denoised.hdf5"


def _files(one: DataSet) -> list[str]:
    return [*(_strain_file(one, name) for name in one.series), f"{one.name}.png"]


def _denoise(one: DataSet, bars: Any) -> dict[str, DenoisedStrain]:
    from sigden.batch import analyse

    task = bars.add_task(f"denoising {one.name} strain", total=len(one.series))
    out = {}
    for name, series in one.series.items():
        out[name] = analyse(one.method, name, series, source=one.source)
        bars.advance(task)
    return out


def _merits(one: DataSet, done: Done) -> dict[str, dict[str, float]]:
    from sigden.cli.demo_data import overlaps

    return {
        name: {
            **item.result.figures,
            **(overlaps(one.truth, name, item.result) if one.truth is not None else {}),
        }
        for name, item in done.items()
    }


def _write(
    put: Callable[[str], Path],
    sets: Sequence[DataSet],
    done: Sequence[Done],
    merits: Sequence[Mapping[str, Mapping[str, float]]],
    command: str,
) -> None:
    from sigden.batch import write_denoised
    from sigden.cli.strain_outputs import made_now
    from sigden.report import Section, report_page, strain_figure, to_png

    sections, pictures = [], {}
    for one, found, merit in zip(sets, done, merits, strict=True):
        results = {name: item.result for name, item in found.items()}
        pictures[f"{one.name}.png"] = to_png(strain_figure(results, truth=one.signals))
        sections.append(
            Section(
                title=one.title,
                results=results,
                method=one.method,
                text=one.text,
                command=command,
                truth=one.signals,
                figures_of_merit=merit,
                provenance={name: item.record for name, item in found.items()},
                outputs=_files(one),
            )
        )
    text = report_page(sections, title="Denoised strain: demonstration", made=made_now())
    for one, found in zip(sets, done, strict=True):
        for name, item in found.items():
            write_denoised(put(_strain_file(one, name)), {name: item}, overwrite=True)
    for name, picture in pictures.items():
        put(name).write_bytes(picture)
    put(_PAGE).write_text(text, encoding="utf-8")


def _summarise(
    directory: Path,
    sets: Sequence[DataSet],
    done: Sequence[Done],
    merits: Sequence[Mapping[str, Mapping[str, float]]],
    *,
    as_json: bool,
    quiet: bool,
) -> None:
    from sigden.cli.console import json_out, table
    from sigden.cli.strain_outputs import merit_rows

    if as_json:
        json_out(
            {
                "sets": {
                    one.name: {
                        "method": one.method.to_dict(),
                        "figure": directory / f"{one.name}.png",
                        "detectors": {
                            name: {
                                "output": directory / _strain_file(one, name),
                                "figures": merit[name],
                                "provenance": item.record,
                            }
                            for name, item in found.items()
                        },
                    }
                    for one, found, merit in zip(sets, done, merits, strict=True)
                },
                "report": directory / _PAGE,
            }
        )
        return
    if quiet:
        return
    for one, merit in zip(sets, merits, strict=True):
        low, high = one.method.band or (0.0, 0.0)
        present = {
            key: column for key, column in _COLUMNS.items() if any(key in values for values in merit.values())
        }
        click.echo(f"{one.title}: {one.source}, {low:g}-{high:g} Hz")
        table("", ["detector", *(heading for heading, _ in present.values())], merit_rows(merit, present))
        click.echo()
    count = sum(len(found) for found in done)
    click.echo(f"{count} denoised HDF5 files and {len(sets)} figures are in {directory}")
    click.echo(f"Look at {directory / _PAGE}")
