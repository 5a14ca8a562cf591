"""Floor 7: methods run over files."""

from __future__ import annotations

import importlib
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sigden.batch.cube_parts import CubeFileRun, denoise_cube_file
    from sigden.batch.denoised import DenoisedStrain, analyse, denoise_to_file, write_denoised
    from sigden.batch.files import Outcome, run_file
    from sigden.batch.many import run_files
    from sigden.batch.network import open_network, read_network
    from sigden.batch.outputs import output_for, refuse_existing, staged, strain_stem

__all__ = [
    "CubeFileRun",
    "DenoisedStrain",
    "Outcome",
    "analyse",
    "denoise_cube_file",
    "denoise_to_file",
    "open_network",
    "output_for",
    "read_network",
    "refuse_existing",
    "run_file",
    "run_files",
    "staged",
    "strain_stem",
    "write_denoised",
]

_HOMES = MappingProxyType(
    {
        "CubeFileRun": "cube_parts",
        "DenoisedStrain": "denoised",
        "Outcome": "files",
        "analyse": "denoised",
        "denoise_cube_file": "cube_parts",
        "denoise_to_file": "denoised",
        "open_network": "network",
        "output_for": "outputs",
        "read_network": "network",
        "refuse_existing": "outputs",
        "run_file": "files",
        "run_files": "many",
        "staged": "outputs",
        "strain_stem": "outputs",
        "write_denoised": "denoised",
    }
)


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return sorted(__all__)
