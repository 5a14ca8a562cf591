"""``sigden debias``."""

from __future__ import annotations

import os
import re
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from sigden.debias import Calibration, Effect, FittedCalibration

__all__ = ["debias"]


@click.command()
@click.argument("calibration_file", metavar="CALIBRATION", type=click.Path(path_type=Path))
@click.argument("new_file", metavar="NEW", type=click.Path(path_type=Path))
@click.option("--prediction", metavar="COLUMN", required=True, help="Predictions, in both tables.")
@click.option("--truth", metavar="COLUMN", required=True, help="Truth, in the calibration table.")
@click.option("--out", metavar="FILE", required=True, type=click.Path(path_type=Path),
              help="NEW with the corrected column.")  # fmt: skip
@click.option("--report", metavar="FILE.html", type=click.Path(path_type=Path), help="Page with plots.")
@click.option("--method", "method_name", metavar="NAME|FILE.toml", default="SieveCalibration",
              show_default=True, help="Correction: its name, or a file.")  # fmt: skip
@click.option("--treated", metavar="COLUMN", help="0 or 1 in NEW: estimate the difference in means.")
@click.option("--propensity", metavar="COLUMN", help="Probability of treatment in NEW.")
@click.option("--by", metavar="COLUMN", help="Estimate the mean in each of these groups of NEW.")
@click.option("--slope", "covariate", metavar="COLUMN", help="Estimate the slope on this column of NEW.")
@click.option("--group", metavar="COLUMN", help="Clusters (villages, fields), in both tables.")
@click.option("--level", default=0.95, show_default=True, type=click.FloatRange(0, 1, True, True),
              help="Coverage of intervals.")  # fmt: skip
@click.option("--overwrite", is_flag=True, help="Replace outputs that exist.")
@click.option("--json", "as_json", is_flag=True, help="Machine-readable summary on stdout.")
@click.option("--quiet", is_flag=True, help="No table.")
def debias(
    calibration_file: Path,
    new_file: Path,
    prediction: str,
    truth: str,
    out: Path,
    report: Path | None,
    method_name: str,
    group: str | None,
    overwrite: bool,
    as_json: bool,
    quiet: bool,
    **estimands: Any,
) -> None:
    """Correct shrunken predictions by items of known truth.

    CALIBRATION and NEW are tables (CSV, TSV, ECSV, FITS, Parquet). The correction is learnt from the
    prediction and truth columns of CALIBRATION, items that the predictor was not trained on. NEW comes out
    with three columns more: the corrected prediction, whether it was extrapolated, and how well the
    correction is known there. Rows without prediction or truth are left out.

    \b
      sigden debias cal.csv new.csv --prediction yhat --truth y --out corrected.csv --report page.html
      sigden debias cal.csv trial.csv --prediction yhat --truth y --treated arm --out corrected.csv
    """
    from sigden.cli.console import json_out, note, require_plot
    from sigden.debias import FittedHierarchy, HierarchicalCalibration, diagnose
    from sigden.io import atomic_path, correct_table, fit_table, read_table, write_table
    from sigden.io.tables import complete_column, table_kind

    for path in (out, report):
        _refuse_existing(path, overwrite)
    table_kind(out)
    if report is not None and report.resolve() == out.resolve():
        raise click.UsageError("--out and --report name the same file")
    if estimands["propensity"] is not None and estimands["treated"] is None:
        raise click.UsageError("--propensity goes with --treated")
    if report is not None:
        require_plot()
    method = _method(method_name)
    if isinstance(method, HierarchicalCalibration) and group is None:
        raise click.UsageError("HierarchicalCalibration needs --group, the column of clusters in both tables")
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", UserWarning)
        known, new = read_table(calibration_file), read_table(new_file)
        fitted = fit_table(method, known, prediction=prediction, truth=truth, group=group)
        diagnosis = diagnose(fitted.calibration)
        corrected = correct_table(fitted, new, prediction=prediction, group=group)
        bound = fitted
        if isinstance(fitted, FittedHierarchy):
            bound = fitted.at(complete_column(new, str(group), "new table"))
        effects, values = _effects(bound, new, prediction, group, **estimands)
    notes = list(dict.fromkeys(_told(warning, prediction) for warning in caught))
    if values.size < len(new):
        notes.append(
            f"{len(new) - values.size} of {len(new)} new rows lack a prediction: they stay without one, and "
            "no estimate counts them"
        )
    outputs = [str(out)]
    if report is None:
        write_table(out, corrected, overwrite=overwrite)
    else:
        outputs.append(str(report))
        page = _page(fitted, diagnosis, values, effects, notes, outputs, (calibration_file, new_file))
        # in place together: the page when the table is
        with atomic_path(report, overwrite=overwrite) as temporary:
            temporary.write_text(page, encoding="utf-8")
            write_table(out, corrected, overwrite=overwrite)
    if as_json:
        record = {"method": fitted.method.to_dict(), "diagnosis": diagnosis, "effects": effects}
        json_out({**record, "notes": notes, "outputs": outputs})
    elif not quiet:
        _print(effects, outputs)
    for text in notes:
        note(f"Warning: {text}")


def _method(name: str) -> Calibration:
    from sigden import registry
    from sigden.debias import Calibration
    from sigden.errors import ParameterError
    from sigden.method import read_toml

    if not name.endswith(".toml") and name not in registry.names():
        known = tuple(key for key, home in registry.BUILTIN.items() if home.startswith("sigden.debias."))
        raise ParameterError(f"method: no correction is called {name!r}; {registry.suggest(name, known)}")
    method = read_toml(name) if name.endswith(".toml") else registry.load(name)()
    if not isinstance(method, Calibration):
        raise ParameterError(f"method: {method.name()} is no correction of predictions")
    return method


def _told(warning: warnings.WarningMessage, prediction: str) -> str:
    from sigden.debias import ExtrapolationWarning

    text = str(warning.message)
    if issubclass(warning.category, ExtrapolationWarning):
        text += f"; the column {prediction}_corrected_extrapolated flags them"
    return text


def _effects(
    bound: FittedCalibration,
    new: Any,
    prediction: str,
    group: str | None,
    *,
    treated: str | None,
    propensity: str | None,
    by: str | None,
    covariate: str | None,
    level: float,
) -> tuple[list[Effect], Any]:
    """Every estimate that was asked for, the mean always, and the predictions it is from."""
    import numpy as np

    from sigden.debias import difference_in_means, group_means, slope
    from sigden.errors import InputError
    from sigden.io.tables import complete_column, masked_column

    raw = masked_column(new, prediction, "new table")
    keep = ~np.ma.getmaskarray(raw)
    if not keep.all() and not hasattr(bound, "hierarchy"):
        u = np.asarray(raw)[keep]
    elif keep.all():
        u = np.asarray(raw)
    else:
        raise InputError(f"new table: {prediction} is missing in {(~keep).sum()} rows; leave these rows out")

    def of(name: str) -> Any:
        return complete_column(new, name, "new table", keep)

    options: dict[str, Any] = {"level": level, "clusters": None if group is None else of(group)}
    every = group_means(bound, u, np.zeros(u.size, int), **options)
    out = [_named(every[0], f"mean of {prediction}")]
    if treated is not None:
        chance = None if propensity is None else of(propensity)
        out.append(difference_in_means(bound, u, of(treated), propensity=chance, **options))
    if covariate is not None:
        try:
            found = slope(bound, u, of(covariate), **options)
        except InputError as error:
            # the function's name of what is a column here
            raise InputError(re.sub("^covariate", f"--slope {covariate}", str(error))) from error
        out.append(_named(found, f"slope on {covariate}"))
    if by is not None:
        means = group_means(bound, u, of(by), **options)
        out.extend(_named(effect, f"mean where {by} is {kind}") for kind, effect in means.items())
    return out, u


def _named(effect: Effect, name: str) -> Effect:
    from dataclasses import replace

    return replace(effect, name=name)


def _refuse_existing(path: Path | None, overwrite: bool) -> None:
    from sigden.errors import FileError

    if path is not None and os.path.lexists(path) and not overwrite:
        raise FileError(f"{path}: exists already; use --overwrite to replace it")


def _page(
    fitted: Any,
    diagnosis: Any,
    values: Any,
    effects: list[Effect],
    notes: list[str],
    outputs: list[str],
    inputs: tuple[Path, Path],
) -> str:
    from datetime import UTC, datetime

    from sigden.cli.console import command_line
    from sigden.method import provenance
    from sigden.report import DebiasSection, debias_page

    pairs = fitted.calibration
    record = provenance(fitted.method, pairs.predictions, truth=pairs.truth, new=values)
    section = DebiasSection(
        calibration=fitted,
        diagnosis=diagnosis,
        predictions=values,
        effects=effects,
        # what the diagnosis found is told with it
        notes=[text for text in notes if not any(found in text for found in diagnosis.notes)],
        title=f"{inputs[1].name}, calibrated on {inputs[0].name}",
        command=command_line(),
        provenance={**record, "calibration": inputs[0].name, "new items": inputs[1].name},
        outputs=outputs,
    )
    return debias_page(section, made=datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"))


def _print(effects: list[Effect], outputs: list[str]) -> None:
    from sigden.cli.console import table

    rows = [
        [
            effect.name,
            f"{effect.estimate:.5g}",
            f"{effect.standard_error:.3g}",
            f"{effect.low:.5g} to {effect.high:.5g}",
            f"{effect.uncorrected:.5g}",
            str(effect.n),
        ]
        for effect in effects
    ]
    interval = f"{effects[0].level:.0%} interval"
    table(", ".join(outputs), ["estimate of", "estimate", "error", interval, "uncorrected", "items"], rows)
