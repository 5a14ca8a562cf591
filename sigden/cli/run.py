"""``sigden run``."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from sigden.cli.folder import Folder

if TYPE_CHECKING:
    from sigden.batch import Outcome

__all__ = ["run"]


@click.command()
@click.argument("method_file", metavar="METHOD.toml", type=click.Path(path_type=Path))
@click.argument("inputs", metavar="INPUT...", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option(
    "--out",
    "directory",
    metavar="DIR",
    required=True,
    type=Folder(),
    help="Where outputs go.",
)
@click.option(
    "--workers", metavar="N", default=1, show_default=True, type=click.IntRange(min=1), help="Processes."
)
@click.option(
    "--sigma", metavar="S", type=float, help="Noise sigma in the unit of the data; measured if not given."
)
@click.option("--overwrite", is_flag=True, help="Replace outputs that exist.")
@click.option("--json", "as_json", is_flag=True, help="Machine-readable summary on stdout.")
@click.option("--quiet", is_flag=True, help="No progress bar.")
def run(
    method_file: Path,
    inputs: tuple[Path, ...],
    directory: Path,
    workers: int,
    sigma: float | None,
    overwrite: bool,
    as_json: bool,
    quiet: bool,
) -> None:
    """Run the method in METHOD.toml on every INPUT.

    NPY, NPZ and FITS come out as what they were; strain (HDF5, GWF, text) comes out as HDF5. Write a
    METHOD.toml with `sigden methods NAME --toml`. An input that fails is reported and does not stop the
    others; the exit code is then 2.
    """
    from sigden.batch import run_files
    from sigden.cli.console import json_out, note, progress_bar
    from sigden.errors import ParameterError
    from sigden.method import read_toml

    method = read_toml(method_file)
    if sigma is not None and not (math.isfinite(sigma) and sigma >= 0):
        raise ParameterError(f"sigma: must be a finite number from 0, got {sigma:g}")
    with progress_bar(quiet or as_json) as bars:
        task = bars.add_task(method.name(), total=len(inputs))
        outcomes = run_files(
            method,
            inputs,
            directory,
            workers=workers,
            sigma=sigma,
            overwrite=overwrite,
            on_done=lambda outcome: bars.advance(task),
        )
    failed = [outcome for outcome in outcomes if outcome.error is not None]
    if as_json:
        json_out({"method": method.to_dict(), "failed": len(failed), "outcomes": outcomes})
    else:
        _print(outcomes)
    for outcome in outcomes:
        if outcome.error is None and outcome.status != "converged":
            note(f"Warning: {outcome.input}: status {outcome.status} at a certificate of {outcome.gap:.1e}")
    for outcome in failed:
        note(f"Error: {_named(outcome)}")
    if failed:
        raise click.exceptions.Exit(2)


def _print(outcomes: list[Outcome]) -> None:
    from sigden.cli.console import table

    rows: list[list[Any]] = [
        [o.outputs[0], o.status, str(o.iterations), f"{o.gap:.1e}", f"{o.seconds:.2f}"]
        for o in outcomes
        if o.error is None
    ]
    if rows:
        table("", ["output", "status", "iterations", "gap", "seconds"], rows, left=2)


def _named(outcome: Outcome) -> str:
    text = " ".join((outcome.error or "").split())
    return text if outcome.input in text else f"{outcome.input}: {text}"
