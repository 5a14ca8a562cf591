"""Page of denoised strain."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from sigden.errors import InputError
from sigden.method import Method
from sigden.report.html import page_section, picture, render_page, table
from sigden.report.render import to_svg
from sigden.report.strain import strain_figure
from sigden.report.style import DARK, LIGHT, recoloured

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from sigden.strain.result import StrainResult

__all__ = ["Section", "report_page", "strain_page"]

# figure of merit -> heading, how to write the number, what it says
_COLUMNS: dict[str, tuple[str, str, str]] = {
    "loudest_sigma": (
        "Loudest",
        "{:.2f} σ",
        "largest sample of the whitened estimate, in units of the noise sigma",
    ),
    "loudest_time": ("At GPS", "{:.4f} s", "GPS time of that sample"),
    "estimate_snr": ("SNR", "{:.1f}", "signal-to-noise ratio of the whole estimate"),
    "residual_sigma": ("Residual", "{:.3f} σ", "robust sigma of the whitened residual; 1 for pure noise"),
    "overlap_before": (
        "Overlap before",
        "{:.3f}",
        "overlap of the input with the simulated signal; 1 is perfect",
    ),
    "overlap_after": (
        "Overlap after",
        "{:.3f}",
        "overlap of the estimate with the simulated signal; 1 is perfect",
    ),
    "gap_fraction": ("Gaps", "{:.1%}", "share of the record without data"),
    "solver_gap": ("Solver gap", "{:.0e}", "largest relative duality gap of the minimisations"),
}
_CAPTION = (
    "around the loudest sample of the estimate, whitened and in the calibration of the input; constant-Q "
    "spectrograms of the whitened strain on one scale; amplitude spectra of the record, or of 16 s around "
    "it where the record is longer than 256 s."
)
_HIDDEN = frozenset({"solver_iterations"})


@dataclass(frozen=True)
class Section:
    """One data set of the page.

    Parameters
    ----------
    title : str
        Heading.
    results : mapping of str to StrainResult
        Results by detector.
    method : Method, optional
        What was run; written as TOML to reproduce it.
    text : str
        What the data are, in a sentence or two.
    command : str
        Command line that made the results.
    unit : str
        Unit of the calibrated series.
    truth : mapping of str to array, optional
        Simulated signal by detector.
    figures_of_merit : mapping of str to mapping, optional
        Further figures of merit by detector, shown with those of the result.
    provenance : mapping
        Names and values, nested as need be.
    outputs : sequence of str
        Names of the files written.
    pictures : mapping of str to Figure, optional
        Figures by caption in place of the standard one.
    """

    title: str
    results: Mapping[str, StrainResult]
    method: Method | None = None
    text: str = ""
    command: str = ""
    unit: str = "strain"
    truth: Mapping[str, Any] | None = None
    figures_of_merit: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    provenance: Mapping[str, Any] = field(default_factory=dict)
    outputs: Sequence[str] = ()
    pictures: Mapping[str, Figure] | None = None


def strain_page(
    results: Mapping[str, StrainResult],
    *,
    title: str = "Denoised strain",
    method: Method | None = None,
    provenance: Mapping[str, Any] | None = None,
    command: str = "",
    figures: Mapping[str, Figure] | None = None,
) -> str:
    """Page of one data set.

    Parameters
    ----------
    results : mapping of str to StrainResult
        Results by detector.
    title : str
        Heading of the page.
    method : Method, optional
        What was run.
    provenance : mapping, optional
        Names and values, nested as need be.
    command : str
        Command line that made the results.
    figures : mapping of str to Figure, optional
        Figures by caption; `strain_figure` of every detector by default.

    Returns
    -------
    str
        HTML; images are inline, nothing outside is fetched.

    Raises
    ------
    InputError
        If there are no results.
    MissingExtraError
        If matplotlib or jinja2 is not installed.
    """
    section = Section(
        title="Results",
        results=results,
        method=method,
        provenance=provenance or {},
        command=command,
        pictures=figures,
    )
    return report_page([section], title=title)


def report_page(sections: Sequence[Section], *, title: str, made: str = "") -> str:
    """Page of several data sets.

    Parameters
    ----------
    sections : sequence of Section
        One for each data set.
    title : str
        Heading of the page.
    made : str
        When and where the page was made, for the foot of the page.

    Returns
    -------
    str
        HTML; images are inline, nothing outside is fetched.

    Raises
    ------
    InputError
        If there are no sections, or one without results.
    MissingExtraError
        If matplotlib or jinja2 is not installed.
    """
    if not sections or not all(section.results for section in sections):
        raise InputError("report: no results to show")
    return render_page([_content(section) for section in sections], title=title, made=made)


def _content(section: Section) -> dict[str, Any]:
    merit = {
        name: {**_told(result), **section.figures_of_merit.get(name, {})}
        for name, result in section.results.items()
    }
    keys = _ordered(merit)
    merits = table(
        "Figures of merit",
        "Detector",
        [(_heading(key)[0], _heading(key)[2]) for key in keys],
        [(name, [_number(key, values.get(key)) for key in keys]) for name, values in merit.items()],
    )
    return page_section(
        section,
        again="The method as a file, for sigden run method.toml INPUT... --out DIR:",
        tables=[merits],
        pictures=_pictures(section),
    )


def _told(result: StrainResult) -> dict[str, float]:
    """Figures that say something: a closed form leaves no gap."""
    closed = result.certificate == "closed form"
    return {key: value for key, value in result.figures.items() if not (closed and key == "solver_gap")}


def _pictures(section: Section) -> list[dict[str, str]]:
    if section.pictures is not None:
        return [picture(to_svg(figure), b"", caption) for caption, figure in section.pictures.items()]
    out = []
    for name, result in section.results.items():
        light = to_svg(strain_figure({name: result}, truth=section.truth, unit=section.unit, palette=LIGHT))
        dark = recoloured(light, LIGHT, DARK)
        out.append(picture(light, dark, f"{name}: {_CAPTION}", _alternative(name, result)))
    return out


def _alternative(name: str, result: StrainResult) -> str:
    low, high = result.band
    text = (
        f"{name}, {low:g} to {high:g} Hz: time series, spectrogram and amplitude spectral density "
        "of the input and of the denoised strain."
    )
    figures = result.figures
    if {"loudest_sigma", "loudest_time"} <= set(figures):
        text += (
            f" The estimate is loudest at GPS {figures['loudest_time']:.4f} s "
            f"with {figures['loudest_sigma']:.1f} times the noise sigma."
        )
    return text


def _ordered(merit: Mapping[str, Mapping[str, float]]) -> list[str]:
    present = {key for values in merit.values() for key in values} - _HIDDEN
    return [key for key in _COLUMNS if key in present] + sorted(present - set(_COLUMNS))


def _heading(key: str) -> tuple[str, str, str]:
    words = key.replace("_", " ")
    return _COLUMNS.get(key, (words[:1].upper() + words[1:], "{:.4g}", words))


def _number(key: str, value: float | None) -> str:
    if value is None or not math.isfinite(value):
        return "\N{EN DASH}"
    return _heading(key)[1].format(value)
