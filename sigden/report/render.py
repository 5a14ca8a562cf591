"""Figures as bytes."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["to_png", "to_svg"]


def to_png(figure: Figure, *, dpi: float = 120) -> bytes:
    """PNG file of a figure.

    Parameters
    ----------
    figure : matplotlib.figure.Figure
        The figure.
    dpi : float
        Pixels per inch.

    Returns
    -------
    bytes
        Content of the file.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    buffer = io.BytesIO()
    FigureCanvasAgg(figure).print_figure(
        buffer, format="png", dpi=dpi, facecolor=figure.get_facecolor(), metadata={"Software": "sigden"}
    )
    return buffer.getvalue()


def to_svg(figure: Figure, *, dpi: float = 150) -> bytes:
    """SVG file of a figure, text as outlines.

    Parameters
    ----------
    figure : matplotlib.figure.Figure
        The figure.
    dpi : float
        Pixels per inch of the parts that are pictures (spectrograms).

    Returns
    -------
    bytes
        Content of the file, UTF-8.
    """
    from matplotlib.backends.backend_svg import FigureCanvasSVG

    buffer = io.BytesIO()
    FigureCanvasSVG(figure).print_figure(
        buffer,
        format="svg",
        dpi=dpi,
        facecolor=figure.get_facecolor(),
        metadata={"Date": None, "Creator": "sigden"},
    )
    return buffer.getvalue()
