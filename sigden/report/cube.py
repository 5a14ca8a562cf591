"""Page of a denoised spectral cube: colours, spectra, noise, eigen-images, what was taken off."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from sigden.errors import InputError
from sigden.method import Method
from sigden.report.cube_panels import (
    components_figure,
    eigen_figure,
    noise_figure,
    rgb_figure,
    spectra_figure,
)
from sigden.report.html import page_section, pictures_of, render_page, table
from sigden.report.style import DARK, LIGHT, Palette, require_matplotlib

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["CubeSection", "cube_figures", "cube_page"]


@dataclass(frozen=True, eq=False)
class CubeSection:
    """What a page shows of one cube.

    Parameters
    ----------
    before, after : array, shape (rows, columns, bands)
        Input and estimate.
    result : CubeResult or CubeSolution
        What the method handed back, for the bands that count.
    sigma : array
        Noise level of each band that counts.
    variance : array, shape of `after`, optional
        Variance of the noise left in the estimate.
    wavelength : array, shape (bands,), optional
        Centre of each band.
    wavelength_unit : str
        Its unit.
    bad_bands : array of bool, shape (bands,), optional
        Bands that were left aside.
    unit : str
        Unit of the data.
    rows_upwards : bool
        Whether the first row is drawn at the bottom, as of FITS.
    pixels : sequence of (row, column)
        Pixels of which spectra are shown.
    title : str
        Heading.
    method : Method, optional
        What was run.
    text : str
        What the data are, in a sentence or two.
    command : str
        Command line that made the result.
    truth : array, optional
        Simulated truth, shape of the estimate.
    provenance : mapping
        Names and values, nested as need be.
    outputs : sequence of str
        Names of the files written.

    Raises
    ------
    InputError
        If shapes do not fit, or a pixel is outside or none is given.
    """

    before: Any
    after: Any
    result: Any
    sigma: Any
    variance: Any = None
    wavelength: Any = None
    wavelength_unit: str = ""
    bad_bands: Any = None
    unit: str = ""
    rows_upwards: bool = False
    pixels: Sequence[tuple[int, int]] = ()
    title: str = "Result"
    method: Method | None = None
    text: str = ""
    command: str = ""
    truth: Any = None
    provenance: Mapping[str, Any] = field(default_factory=dict)
    outputs: Sequence[str] = ()

    def __post_init__(self) -> None:
        shape = np.shape(self.before)
        for name in ("after", "variance", "truth"):
            part = getattr(self, name)
            if part is not None and np.shape(part) != shape:
                raise InputError(f"report: {name} of shape {np.shape(part)}, data {shape}")
        if not self.pixels:
            raise InputError("report: no pixel to show")
        for row, column in self.pixels:
            if not (0 <= row < shape[0] and 0 <= column < shape[1]):
                raise InputError(
                    f"pixel {row},{column}: outside the cube of {shape[0]} rows and {shape[1]} columns"
                )

    @property
    def good(self) -> Any:
        """Bands that count, array of bool of shape (bands,)."""
        return np.ones(np.shape(self.before)[2], bool) if self.bad_bands is None else ~self.bad_bands

    @property
    def origin(self) -> Literal["lower", "upper"]:
        """Where the first row of a map is drawn."""
        return "lower" if self.rows_upwards else "upper"

    def abscissa(self) -> Any:
        """Wavelength of each band, or its number."""
        return np.arange(np.shape(self.before)[2]) if self.wavelength is None else self.wavelength

    def x_label(self) -> str:
        """What the abscissa is."""
        if self.wavelength is None:
            return "band"
        return f"wavelength ({self.wavelength_unit})" if self.wavelength_unit else "wavelength"

    def band_name(self, band: int) -> str:
        """Wavelength of a band, or its number."""
        if self.wavelength is None:
            return f"band {band}"
        return f"{self.wavelength[band]:.5g} {self.wavelength_unit}".strip()


def cube_figures(section: CubeSection, *, palette: Palette = LIGHT) -> dict[str, tuple[Figure, str]]:
    """Figures of the page.

    Parameters
    ----------
    section : CubeSection
        What to show.
    palette : Palette
        Colours.

    Returns
    -------
    dict
        ``name -> (figure, caption)``: ``colours``, ``spectra``, ``noise`` and, where the method has them,
        ``eigen_images`` and ``components``.

    Raises
    ------
    MissingExtraError
        If matplotlib is not installed.
    """
    require_matplotlib()
    out = {
        "colours": (
            rgb_figure(section, palette=palette),
            "Three bands as red, green and blue, on the stretch of the estimate. Numbers mark the pixels "
            "whose spectra follow.",
        ),
        "spectra": (
            spectra_figure(section, palette=palette),
            "Spectra of the marked pixels. Shaded: propagated noise of the estimate, one standard deviation, "
            "where the method tells; it does not know what was smoothed away.",
        ),
        "noise": (
            noise_figure(section, palette=palette),
            "Noise of every band as the method found it or the file gave it, and the noise left.",
        ),
    }
    if len(getattr(section.result, "eigen_images", ())):
        count, rank = min(8, section.result.rank), section.result.rank
        out["eigen_images"] = (
            eigen_figure(section, palette=palette),
            f"The first {count} of {rank} eigen-images after denoising, in units of their noise: the scene "
            "along each direction of the signal subspace.",
        )
    if any(_counts(section).values()):
        out["components"] = (
            components_figure(section, palette=palette),
            "What was taken off beside noise: dead samples and impulses, which were predicted anew, and "
            "stripes of columns and rows.",
        )
    return out


def cube_page(section: CubeSection, *, title: str = "Denoised cube", made: str = "") -> str:
    """Page of one cube.

    Parameters
    ----------
    section : CubeSection
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
    MissingExtraError
        If matplotlib or jinja2 is not installed.
    """
    night = cube_figures(section, palette=DARK)
    content = page_section(
        section,
        again="The method as a file, for sigden cube FILE --method method.toml --out DIR:",
        tables=_tables(section),
        pictures=pictures_of(cube_figures(section), night, _ALTERNATIVES),
    )
    return render_page([content], title=title, made=made)


_ALTERNATIVES = {
    "colours": "Three bands of the cube as colours, before and after.",
    "spectra": "Spectra of chosen pixels before and after.",
    "noise": "Noise level of each band before and after.",
    "eigen_images": "Maps of the first eigen-images.",
    "components": "Maps of outliers and stripes that were taken off.",
}


def _counts(section: CubeSection) -> dict[str, int]:
    components = getattr(section.result, "components", None)
    return {} if components is None else components.counts()


def _tables(section: CubeSection) -> list[dict[str, Any]]:
    rows, columns, bands = np.shape(section.before)
    good = section.good
    cells = [
        ("Pixels", "rows and columns", f"{rows} x {columns}"),
        ("Bands", "bands of the file", f"{bands}"),
        ("Left aside", "bands that the file calls bad; written back as they were", f"{int((~good).sum())}"),
    ]
    rank = getattr(section.result, "rank", None)
    if rank is not None:
        cells.append(("Rank", "dimension of the signal subspace", f"{rank}"))
    level = float(np.median(section.sigma))
    unit = f", {section.unit}" if section.unit else ""
    cells.append(("Noise", f"median over bands of the noise of the input{unit}", f"{level:.3g}"))
    if section.variance is not None:
        left = float(np.sqrt(np.nanmedian(section.variance[..., good])))
        cells.append(("Noise left", f"median of the noise of the estimate{unit}", f"{left:.3g}"))
    counts = _counts(section)
    removed = [(*_COMPONENTS[key], f"{count:,}") for key, count in counts.items()]
    name = "" if section.method is None else section.method.name()
    tables = [("Cube", cells)] + ([("Taken off beside noise", removed)] if removed else [])
    return [
        table(
            title,
            "Method",
            [(heading, text) for heading, text, _ in part],
            [(name, [value for *_, value in part])],
        )
        for title, part in tables
    ]


_COMPONENTS = {
    "dead": ("Dead", "samples that read one value whatever the signal is"),
    "impulses": ("Impulses", "single samples that the noise cannot explain"),
    "column_stripes": ("Striped columns", "columns of a band with an offset of their own"),
    "row_stripes": ("Striped rows", "rows of a band with an offset of their own"),
}
