"""Colours and axes that all figures share."""

from __future__ import annotations

import re
from dataclasses import astuple, dataclass
from typing import TYPE_CHECKING

from sigden.errors import MissingExtraError

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["DARK", "LIGHT", "Palette", "dress", "recoloured", "require_matplotlib"]


@dataclass(frozen=True)
class Palette:
    """Colours of a figure.

    Parameters
    ----------
    background, ink, muted, grid : str
        Page, text, secondary text and grid lines.
    before, after, residual, truth : str
        Input, estimate, residual and simulated truth.
    colormap : str
        Of the spectrograms.
    """

    background: str
    ink: str
    muted: str
    grid: str
    before: str
    after: str
    residual: str
    truth: str
    colormap: str


LIGHT = Palette(
    background="#ffffff",
    ink="#1c2430",
    muted="#5b6675",
    grid="#e3e7ec",
    before="#a3adba",
    after="#0b62b8",
    residual="#c8641b",
    truth="#0e1116",
    colormap="viridis",
)
DARK = Palette(
    background="#171c24",
    ink="#e6eaf0",
    muted="#9aa6b6",
    grid="#2b333f",
    before="#6b7686",
    after="#5db2ff",
    residual="#f0a35e",
    truth="#fdfeff",
    colormap="viridis",
)


def require_matplotlib() -> None:
    """Refuse to begin a figure that could not be drawn.

    Raises
    ------
    MissingExtraError
        If matplotlib is not installed.
    """
    try:
        import matplotlib  # noqa: F401
    except ImportError as error:
        raise MissingExtraError("figures need matplotlib: python -m pip install 'sigden[plot]'") from error


def recoloured(svg: bytes, before: Palette, after: Palette) -> bytes:
    """SVG drawn in one palette, in the colours of another: far faster than to draw it again.

    Parameters
    ----------
    svg : bytes
        Figure drawn with `before`, whose colours must all differ.
    before, after : Palette
        With the same colormap.

    Returns
    -------
    bytes
        The figure as if drawn with `after`.
    """
    pairs = zip(astuple(before), astuple(after), strict=True)
    colours = {old.encode(): new.encode() for old, new in pairs if old.startswith("#")}
    return re.sub(rb"#[0-9a-f]{6}\b", lambda found: colours.get(found[0], found[0]), svg)


def dress(axes: Axes, palette: Palette, *, title: str, x: str, y: str, grid: bool = True) -> None:
    """Title, labels and frame in the colours of the palette."""
    axes.set_facecolor(palette.background)
    axes.set_title(title, loc="left", fontsize=11, color=palette.ink, fontweight="bold", pad=7)
    axes.set_xlabel(x, fontsize=10, color=palette.ink)
    axes.set_ylabel(y, fontsize=10, color=palette.ink)
    axes.tick_params(which="both", colors=palette.muted, labelsize=9)
    axes.yaxis.get_offset_text().set_color(palette.muted)
    for side, spine in axes.spines.items():
        spine.set_color(palette.muted)
        spine.set_linewidth(0.8)
        spine.set_visible(not grid or side in ("left", "bottom"))
    axes.set_axisbelow(True)
    if grid:
        axes.grid(True, color=palette.grid, linewidth=0.8)
