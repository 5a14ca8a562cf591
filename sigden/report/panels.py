"""Panels of maps that reports share."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from sigden.report.style import Palette, dress

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["colour_bar", "frame", "panels"]

_WIDTH = 12.0


def panels(
    count: int,
    shape: tuple[int, int],
    palette: Palette,
    *,
    columns: int | None = None,
    grid: bool = False,
) -> tuple[Figure, list[Axes]]:
    """Figure with a panel for each map of a shape, in rows."""
    from matplotlib.figure import Figure

    across = columns or min(count, 3 if count != 4 else 4)
    down = math.ceil(count / across)
    side = _WIDTH / across
    height = min(max(side * shape[0] / shape[1], 0.4 * side), 2.5 * side) + (0.75 if grid else 0.35)
    figure = Figure(figsize=(_WIDTH, down * height), facecolor=palette.background, layout="constrained")
    axes = figure.subplots(down, across, squeeze=False).ravel()
    for axis in axes[count:]:
        axis.set_axis_off()
    return figure, list(axes[:count])


def frame(axis: Axes, title: str, palette: Palette) -> None:
    """Title and frame of a map."""
    dress(axis, palette, title=title, x="", y="", grid=False)
    axis.set_xticks([])
    axis.set_yticks([])


def colour_bar(figure: Figure, shown: Any, axes: list[Axes], label: str, palette: Palette) -> None:
    """Colour bar beside maps of one scale."""
    bar = figure.colorbar(shown, ax=axes, shrink=0.85, pad=0.01, aspect=30)
    bar.set_label(label, color=palette.ink, fontsize=10)
    bar.ax.tick_params(colors=palette.muted, labelsize=9)
    bar.outline.set_edgecolor(palette.muted)
