"""Real data that an installed package ships, for a first try without network."""

from __future__ import annotations

import importlib.util
from pathlib import Path

from sigden.errors import FileError

__all__ = ["shipped_example"]

_NAME = "testing/data/HLV-HW100916-968654552-1.hdf"


def shipped_example() -> Path:
    """Path of the strain file that gwpy ships.

    Returns
    -------
    pathlib.Path
        HDF5 with 1 s of H1, L1 and V1 strain at 16384 Hz around the hardware injection of 16 September 2010.

    Raises
    ------
    FileError
        If gwpy is not installed or ships without the file.

    Notes
    -----
    gwpy is looked for, not imported.
    """
    spec = importlib.util.find_spec("gwpy")
    if spec is None or spec.origin is None:
        raise FileError("the shipped example comes with gwpy: pip install 'sigden[gw]'")
    path = Path(spec.origin).parent / _NAME
    if not path.is_file():
        raise FileError(f"{path}: this gwpy ships without the example; pip install --force-reinstall gwpy")
    return path
