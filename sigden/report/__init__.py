"""Floor 6: figures and the self-contained HTML page. Needs the extra ``plot``."""

from __future__ import annotations

import importlib
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sigden.report.cube import CubeSection, cube_figures, cube_page
    from sigden.report.debias import DebiasSection, debias_page
    from sigden.report.multiband import MultibandSection, multiband_figures, multiband_page
    from sigden.report.page import Section, report_page, strain_page
    from sigden.report.render import to_png, to_svg
    from sigden.report.spectrogram import constant_q
    from sigden.report.strain import strain_figure

__all__ = [
    "CubeSection",
    "DebiasSection",
    "MultibandSection",
    "Section",
    "constant_q",
    "cube_figures",
    "cube_page",
    "debias_page",
    "multiband_figures",
    "multiband_page",
    "report_page",
    "strain_figure",
    "strain_page",
    "to_png",
    "to_svg",
]

_HOMES = MappingProxyType(
    {
        "CubeSection": "cube",
        "MultibandSection": "multiband",
        "Section": "page",
        "constant_q": "spectrogram",
        "cube_figures": "cube",
        "cube_page": "cube",
        "multiband_figures": "multiband",
        "multiband_page": "multiband",
        "DebiasSection": "debias",
        "debias_page": "debias",
        "report_page": "page",
        "strain_figure": "strain",
        "strain_page": "page",
        "to_png": "render",
        "to_svg": "render",
    }
)


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return sorted(__all__)
