"""Page of a multiband scene: colours before and after, errors, residuals, fluxes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from sigden.errors import InputError
from sigden.method import Method
from sigden.multiband.data.observation import Observation
from sigden.multiband.data.result import MultibandResult
from sigden.report.html import page_section, pictures_of, render_page, table
from sigden.report.multiband_panels import colour_figure, error_figure, flux_figure, residual_figure
from sigden.report.photometry import Comparison, compare_fluxes
from sigden.report.style import DARK, LIGHT, Palette, require_matplotlib

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["MultibandSection", "multiband_figures", "multiband_page"]

_LISTED = 12


@dataclass(frozen=True, eq=False)
class MultibandSection:
    """What a page shows of one scene.

    Parameters
    ----------
    result : MultibandResult
        The estimate.
    observations : sequence of Observation
        What it was made of, on the grid of the result.
    response : mapping
        Weight of each band in every wide band.
    title : str
        Heading.
    method : Method, optional
        What was run.
    text : str
        What the data are, in a sentence or two.
    command : str
        Command line that made the result.
    unit : str
        Unit of the fluxes.
    truth : array, optional
        Simulated scene at the target PSF, shape of the estimate.
    provenance : mapping
        Names and values, nested as need be.
    outputs : sequence of str
        Names of the files written.
    """

    result: MultibandResult
    observations: Sequence[Observation]
    response: Mapping[str, Mapping[str, float]]
    title: str = "Result"
    method: Method | None = None
    text: str = ""
    command: str = ""
    unit: str = ""
    truth: Any = None
    provenance: Mapping[str, Any] = field(default_factory=dict)
    outputs: Sequence[str] = ()

    def comparison(self) -> Comparison:
        """Predicted images and fluxes of detected sources, in data and estimate."""
        return compare_fluxes(self.result, self.observations, self.response)


def multiband_figures(
    section: MultibandSection, comparison: Comparison, *, palette: Palette = LIGHT
) -> dict[str, tuple[Figure, str]]:
    """Figures of the page.

    Parameters
    ----------
    section : MultibandSection
        What to show.
    comparison : Comparison
        Its predicted images and sources.
    palette : Palette
        Colours.

    Returns
    -------
    dict
        ``name -> (figure, caption)``: ``colours``, ``residuals``, ``errors`` and, where there are sources,
        ``fluxes``.

    Raises
    ------
    InputError
        If the truth has another shape than the estimate.
    MissingExtraError
        If matplotlib is not installed.
    """
    require_matplotlib()
    truth = section.truth
    if truth is not None and np.shape(truth) != np.shape(section.result.estimate):
        raise InputError(
            f"report: truth of shape {np.shape(truth)}, estimate {np.shape(section.result.estimate)}"
        )
    out = {
        "colours": (
            colour_figure(section.result, section.observations, truth=truth, palette=palette),
            "Colours before and after on one asinh scale (Lupton et al. 2004), reddest band as red; before: "
            "each band as observed, background taken off.",
        ),
        "residuals": (
            residual_figure(section.observations, comparison, palette=palette),
            "Data less what the estimate predicts for them, in units of the noise. Noise alone looks alike "
            "everywhere; structure in the place of sources is what the model does not explain.",
        ),
        "errors": (
            error_figure(section.result, section.unit, palette=palette),
            "Standard error of every pixel: propagated noise and, of JointWiener and JointSparse, the error "
            "of the model.",
        ),
    }
    if comparison.sources:
        out["fluxes"] = (
            flux_figure(comparison, palette=palette),
            "Flux of every detected source in an aperture on the data, and on what the estimate predicts for "
            "them, so that both have one PSF. Bars: noise of the data.",
        )
    return out


def multiband_page(section: MultibandSection, *, title: str = "Deconvolved scene", made: str = "") -> str:
    """Page of one scene.

    Parameters
    ----------
    section : MultibandSection
        What to show.
    title : str
        Heading of the page.
    made : str
        When the page was made, for its foot.

    Returns
    -------
    str
        HTML; images are inline, nothing outside is fetched.

    Raises
    ------
    InputError
        If the truth has another shape than the estimate.
    MissingExtraError
        If matplotlib or jinja2 is not installed.
    """
    comparison = section.comparison()
    night = multiband_figures(section, comparison, palette=DARK)
    content = page_section(
        section,
        again="The method, for the table [method] of a scene file:",
        tables=[_fit_table(section, comparison), *_source_table(comparison, section.unit)],
        pictures=pictures_of(multiband_figures(section, comparison), night, _ALTERNATIVES),
    )
    return render_page([content], title=title, made=made)


_ALTERNATIVES = {
    "colours": "Colour composites of the data and of the deconvolved estimate.",
    "residuals": "Maps of data less prediction in units of the noise, one for each observation.",
    "errors": "Maps of the standard deviation of the estimate, one for each band.",
    "fluxes": "Fluxes of sources in the estimate against those in the data.",
}


def _fit_table(section: MultibandSection, comparison: Comparison) -> dict[str, Any]:
    rows = []
    for one, residual in zip(section.observations, comparison.residuals, strict=True):
        known = residual[np.isfinite(residual)]
        role = "wide" if one.band in section.response else "narrow"
        cells = [
            role,
            f"{one.shape[0]} x {one.shape[1]}",
            f'{one.pixel_scale:.3g}"',
            _number(float(np.median(np.sqrt(np.asarray(one.noise_variance)))), "{:.3g}"),
            f"{1.0 - known.size / residual.size:.1%}",
            _number(float(np.mean(known**2)) if known.size else float("nan"), "{:.3f}"),
        ]
        rows.append((one.band, cells))
    unit = f", {section.unit}" if section.unit else ""
    headings = [
        ("Role", "whether the band is estimated (narrow) or a mixture of those (wide)"),
        ("Pixels", "rows and columns of the image"),
        ("Pixel", "side of a pixel in arcsec"),
        ("Noise", f"median noise per pixel{unit}"),
        ("Ignored", "share of the pixels that are masked or beyond the grid"),
        (
            "Chi-squared",
            "mean squared residual in units of the noise; 1 where the model explains all",
        ),
    ]
    return table("Observations", "Band", headings, rows)


def _source_table(comparison: Comparison, unit: str) -> list[dict[str, Any]]:
    if not comparison.sources:
        return []
    bands = comparison.bands
    headings = [("Row", "centre on the grid, pixels"), ("Column", "centre on the grid, pixels")]
    for band in bands:
        headings += [
            (f"{band} flux", f"aperture flux in the data{f', {unit}' if unit else ''}"),
            (
                "difference",
                "the same on what the estimate predicts for these data, less that, in units of the noise",
            ),
        ]
    rows = []
    for number, source in enumerate(comparison.sources[:_LISTED], 1):
        cells = [f"{source.row:.1f}", f"{source.column:.1f}"]
        for band in bands:
            flux = source.fluxes.get(band)
            if flux is None:
                cells += ["\N{EN DASH}"] * 2
                continue
            cells += [
                _number(flux.data, "{:,.0f}" if abs(flux.data) >= 1000 else "{:.4g}"),
                _number((flux.model - flux.data) / flux.error, "{:+.1f} σ"),
            ]
        rows.append((str(number), cells))
    more = len(comparison.sources) - len(rows)
    tail = f", the {len(rows)} brightest of {len(comparison.sources)}" if more > 0 else ""
    title = f'Fluxes within {comparison.radius:.2g}" of each source{tail}'
    return [table(title, "Source", headings, rows)]


def _number(value: float, form: str) -> str:
    return form.format(value) if np.isfinite(value) else "\N{EN DASH}"
