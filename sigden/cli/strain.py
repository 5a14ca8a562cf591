"""``sigden strain``."""

from __future__ import annotations

import warnings
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from sigden.cli.folder import Folder

if TYPE_CHECKING:
    from sigden.batch import DenoisedStrain
    from sigden.io import StoredStrain
    from sigden.strain.denoiser import StrainDenoiser

__all__ = ["strain"]


@click.command()
@click.argument("files", metavar="[FILE]...", nargs=-1, type=click.Path(path_type=Path))
@click.option(
    "--out",
    "directory",
    metavar="DIR",
    required=True,
    type=Folder(),
    help="Where outputs go.",
)
@click.option("--band", metavar="LOW HIGH", nargs=2, type=float, help="Band in Hz.  [default: 35 350]")
@click.option("--sample-rate", metavar="HZ", type=float, help="Sample rate, where a file does not state it.")
@click.option("--channel", metavar="NAME", help="The only channel to read.")
@click.option(
    "--detector", "detectors", metavar="H1", multiple=True, help="Only this detector; may be repeated."
)
@click.option("--event", metavar="NAME", help="Fetch the strain of this event from GWOSC in place of files.")
@click.option("--whitened", is_flag=True, default=None, help="The input is whitened already.")
@click.option(
    "--output",
    type=click.Choice(["calibrated", "whitened"]),
    help="Unit of the result.  [default: calibrated]",
)
@click.option(
    "--notch", "notches", metavar="HZ", multiple=True, type=float, help="Line to take out; may be repeated."
)
@click.option("--segment-seconds", metavar="S", type=float, help="Length of the PSD segments.  [default: 4]")
@click.option("--method", "method_file", metavar="FILE.toml", type=click.Path(path_type=Path),
              help="StrainDenoiser to start from, or a denoiser for the whitened strain.")  # fmt: skip
@click.option("--no-report", is_flag=True, help="Leave out the figure and the page.")
@click.option("--overwrite", is_flag=True, help="Replace outputs that exist.")
@click.option("--json", "as_json", is_flag=True, help="Machine-readable summary on stdout.")
@click.option("--quiet", is_flag=True, help="No progress bar and no table.")
def strain(
    files: tuple[Path, ...],
    directory: Path,
    band: tuple[float, float] | None,
    sample_rate: float | None,
    channel: str | None,
    detectors: tuple[str, ...],
    event: str | None,
    method_file: Path | None,
    notches: tuple[float, ...],
    no_report: bool,
    overwrite: bool,
    as_json: bool,
    quiet: bool,
    **options: Any,
) -> None:
    """Denoise gravitational-wave strain.

    Each FILE (HDF5 of GWOSC or gwpy, GWF, NPZ, NPY, CSV) holds one detector or several, of one sample rate.
    Every detector gives DETECTOR-GPS-SECONDS-denoised.hdf5 with the estimate, residual, uncertainty and
    whitened versions; all together give strain.png and report.html. Records longer than 256 s are denoised
    with the noise spectrum of the last 256 s at every time.

    \b
      sigden strain H1.hdf5 L1.hdf5 --band 35 350 --out clean
      sigden strain --event GW150914 --out GW150914
    """
    from sigden.batch import open_network
    from sigden.cli.console import command_line, note, progress_bar, require_plot
    from sigden.cli.strain_options import strain_method
    from sigden.cli.strain_outputs import Outputs, summarise
    from sigden.strain import FlatStrainWarning

    if bool(files) == bool(event):
        raise click.UsageError("give either files or --event NAME")
    method = strain_method(method_file, {"band": band, "notches": notches or None, **options})
    if not no_report:
        require_plot()
    if event:
        files = _fetched(event, detectors, sample_rate, quiet or as_json)
    rate = sample_rate or method.sample_rate
    network = open_network(files, channel=channel, detectors=detectors, sample_rate=rate)
    outputs = Outputs(directory, {name: series for name, (_, series) in network.items()}, not no_report)
    outputs.refuse_existing(overwrite)
    with (
        warnings.catch_warnings(record=True) as caught,
        progress_bar(quiet or as_json) as bars,
        outputs.staged(overwrite) as put,
    ):
        warnings.simplefilter("always", FlatStrainWarning)
        denoised = _denoise(method, network, {n: put(p.name) for n, p in outputs.strain.items()}, bars)
        if not no_report:
            task = bars.add_task("report", total=None)
            outputs.write_report(
                put, denoised, method, title=event or ", ".join(network), command=command_line()
            )
            bars.update(task, total=1, completed=1)
    summarise(outputs, denoised, method, as_json=as_json, quiet=quiet)
    for warning in caught:
        note(f"Warning: {warning.message}")
    short = [name for name, item in denoised.items() if item.result.figures.get("solver_gap", 0.0) > 1e-4]
    if short:
        note(f"Warning: {', '.join(short)}: some minimisations stopped short of a relative gap of 1e-4")


def _fetched(
    event: str, detectors: tuple[str, ...], sample_rate: float | None, quiet: bool
) -> tuple[Path, ...]:
    from sigden.cli.console import note
    from sigden.io import fetch_event

    if not quiet:
        note(f"Fetching {event} from GWOSC")
    rate = 4096 if sample_rate is None else int(sample_rate)
    return tuple(fetch_event(event, list(detectors) or None, rate))


def _denoise(
    method: StrainDenoiser, network: dict[str, tuple[Path, StoredStrain]], paths: dict[str, Path], bars: Any
) -> dict[str, DenoisedStrain]:
    from concurrent.futures import ThreadPoolExecutor

    from sigden.batch import denoise_to_file

    tasks = {
        name: bars.add_task(f"denoising {name}", total=len(stored)) for name, (_, stored) in network.items()
    }

    def one(name: str) -> DenoisedStrain:
        progress = partial(_advance, bars, tasks[name])
        alone = {name: network[name]}
        return denoise_to_file(method, alone, paths[name], overwrite=True, progress=progress)[name]

    # a pair of detectors keeps two cores busy where one of them would wait for its file or its filters
    with ThreadPoolExecutor(max_workers=2) as pool:
        return dict(zip(network, pool.map(one, network), strict=True))


def _advance(bars: Any, task: Any, done: int, total: int) -> None:
    bars.update(task, completed=done, total=total)
