"""Floor 6: files in and out. Nothing heavy is imported before a name is used."""

from __future__ import annotations

import importlib
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sigden.io.atomic import atomic_path, prepare_output
    from sigden.io.corrected import correct_table, fit_table
    from sigden.io.cube import read_cube, write_cube
    from sigden.io.cube_create import create_cube
    from sigden.io.cube_open import open_cube
    from sigden.io.cube_value import Cube
    from sigden.io.examples import shipped_example
    from sigden.io.gwosc import fetch_event
    from sigden.io.hdf5 import open_hdf5, read_dataset
    from sigden.io.multiband.mosaic import open_mosaic, read_observation
    from sigden.io.multiband.psf import read_psf
    from sigden.io.multiband.result import read_multiband, write_multiband
    from sigden.io.npz import read_npy, read_npz
    from sigden.io.series import QualityVector, StrainSeries
    from sigden.io.stored import StoredStrain
    from sigden.io.strain import open_strain, read_strain
    from sigden.io.strain_writer import write_stretches
    from sigden.io.tables import column, column_names, read_table, with_columns, write_table
    from sigden.io.write import read_provenance, write_strain

__all__ = [
    "Cube",
    "QualityVector",
    "StoredStrain",
    "StrainSeries",
    "atomic_path",
    "column",
    "column_names",
    "correct_table",
    "create_cube",
    "fetch_event",
    "fit_table",
    "open_cube",
    "open_hdf5",
    "open_mosaic",
    "open_strain",
    "prepare_output",
    "read_cube",
    "read_dataset",
    "read_multiband",
    "read_npy",
    "read_npz",
    "read_observation",
    "read_provenance",
    "read_psf",
    "read_strain",
    "read_table",
    "shipped_example",
    "with_columns",
    "write_cube",
    "write_multiband",
    "write_strain",
    "write_stretches",
    "write_table",
]

_HOMES = MappingProxyType(
    {
        "Cube": "cube_value",
        "QualityVector": "series",
        "StoredStrain": "stored",
        "StrainSeries": "series",
        "atomic_path": "atomic",
        "column": "tables",
        "column_names": "tables",
        "correct_table": "corrected",
        "create_cube": "cube_create",
        "fetch_event": "gwosc",
        "fit_table": "corrected",
        "open_cube": "cube_open",
        "open_hdf5": "hdf5",
        "open_mosaic": "multiband.mosaic",
        "open_strain": "strain",
        "prepare_output": "atomic",
        "read_cube": "cube",
        "read_dataset": "hdf5",
        "read_multiband": "multiband.result",
        "read_npy": "npz",
        "read_npz": "npz",
        "read_observation": "multiband.mosaic",
        "read_provenance": "write",
        "read_psf": "multiband.psf",
        "read_strain": "strain",
        "read_table": "tables",
        "shipped_example": "examples",
        "write_cube": "cube",
        "write_multiband": "multiband.result",
        "with_columns": "tables",
        "write_strain": "write",
        "write_stretches": "strain_writer",
        "write_table": "tables",
    }
)


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return sorted(__all__)
