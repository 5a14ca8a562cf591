"""Files, table and JSON of denoised strain."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sigden.batch.outputs import distinct, refuse_existing, staged, strain_stem

if TYPE_CHECKING:
    from sigden.batch import DenoisedStrain
    from sigden.io import StoredStrain
    from sigden.method import Method

__all__ = ["Outputs", "made_now", "summarise"]

_COLUMNS = {
    "loudest_sigma": ("loudest", "{:.2f} sigma"),
    "loudest_time": ("at GPS", "{:.4f}"),
    "estimate_snr": ("SNR", "{:.1f}"),
    "residual_sigma": ("residual", "{:.3f} sigma"),
}


@dataclass(frozen=True)
class Outputs:
    """Names of the files that a network gives.

    Parameters
    ----------
    directory : pathlib.Path
        Where they go.
    series : mapping of str to StoredStrain
        Input by detector.
    report : bool
        Whether there are a figure and a page.
    """

    directory: Path
    series: Mapping[str, StoredStrain]
    report: bool = True

    @property
    def strain(self) -> dict[str, Path]:
        """HDF5 file of every detector."""
        stems = distinct({name: strain_stem(name, one) for name, one in self.series.items()})
        return {name: self.directory / f"{stem}-denoised.hdf5" for name, stem in stems.items()}

    @property
    def figure(self) -> Path:
        """PNG of all detectors."""
        return self.directory / "strain.png"

    @property
    def page(self) -> Path:
        """HTML page."""
        return self.directory / "report.html"

    @property
    def all(self) -> list[Path]:
        """Every file."""
        return [*self.strain.values(), *([self.figure, self.page] if self.report else [])]

    def refuse_existing(self, overwrite: bool) -> None:
        """Refuse outputs that exist, unless they may be replaced."""
        refuse_existing(self.all, overwrite)

    def staged(self, overwrite: bool) -> AbstractContextManager[Callable[[str], Path]]:
        """Write every file, or none: gives the temporary path of each name."""
        return staged(self.directory, overwrite)

    def write_report(
        self,
        put: Callable[[str], Path],
        denoised: Mapping[str, DenoisedStrain],
        method: Any,
        *,
        title: str,
        command: str,
    ) -> None:
        """Write figure and page."""
        picture, text = self._report(denoised, method, title, command)
        put(self.figure.name).write_bytes(picture)
        put(self.page.name).write_text(text, encoding="utf-8")

    def _report(
        self, denoised: Mapping[str, DenoisedStrain], method: Method, title: str, command: str
    ) -> tuple[bytes, str]:
        from sigden.report import Section, report_page, strain_figure, to_png

        results = {name: item.result for name, item in denoised.items()}
        unit = unit_of(self.series)
        section = Section(
            title="Results",
            results=results,
            method=method,
            command=command,
            unit=unit,
            provenance={name: item.record for name, item in denoised.items()},
            outputs=[path.name for path in (*self.strain.values(), self.figure)],
        )
        picture = to_png(strain_figure(results, unit=unit))
        return picture, report_page([section], title=f"Denoised strain: {title}", made=made_now())


def summarise(
    outputs: Outputs, denoised: Mapping[str, DenoisedStrain], method: Method, *, as_json: bool, quiet: bool
) -> None:
    """Say on stdout what was found and where it is."""
    import click

    from sigden.cli.console import json_out, table

    if as_json:
        json_out(
            {
                "method": method.to_dict(),
                "detectors": {
                    name: {
                        "output": outputs.strain[name],
                        "figures": dict(item.result.figures),
                        "provenance": item.record,
                    }
                    for name, item in denoised.items()
                },
                "figure": outputs.figure if outputs.report else None,
                "report": outputs.page if outputs.report else None,
            }
        )
        return
    if quiet:
        return
    merits = {name: item.result.figures for name, item in denoised.items()}
    table("", ["detector", *(heading for heading, _ in _COLUMNS.values())], merit_rows(merits, _COLUMNS))
    click.echo()
    for path in outputs.all:
        click.echo(path)


def merit_rows(
    merits: Mapping[str, Mapping[str, float]], columns: Mapping[str, tuple[str, str]]
) -> list[list[str]]:
    """Rows of a table of figures of merit, a dash where one is missing."""
    return [
        [name, *(form.format(values[key]) if key in values else "-" for key, (_, form) in columns.items())]
        for name, values in merits.items()
    ]


def unit_of(series: Mapping[str, StoredStrain]) -> str:
    """Unit that all share, else ``strain``."""
    units = {one.unit for one in series.values()}
    return units.pop() or "strain" if len(units) == 1 else "strain"


def made_now() -> str:
    """Date and time for the foot of a page."""
    from datetime import UTC, datetime

    return datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC")
