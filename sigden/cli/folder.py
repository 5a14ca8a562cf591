"""Folders for outputs, and names that mean a file."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import click

__all__ = ["Folder", "means_a_file"]

_DATA = (".fit", ".fits", ".fts", ".gwf", ".gz", ".h5", ".hdf", ".hdf5", ".hdr", ".img", ".mat", ".nc")
_ARRAYS = (".npy", ".npz")
_TEXT = (
    ".csv",
    ".ecsv",
    ".html",
    ".json",
    ".parquet",
    ".pdf",
    ".toml",
    ".tsv",
    ".txt",
    ".xml",
    ".yaml",
    ".zip",
)
_PICTURES = (".gif", ".jpeg", ".jpg", ".png", ".svg", ".tif", ".tiff")
_SUFFIXES = {*_DATA, *_ARRAYS, *_TEXT, *_PICTURES}


def means_a_file(path: Path) -> bool:
    """Whether a name ends as those of files do, and no folder has it."""
    return path.suffix.lower() in _SUFFIXES and not path.is_dir()


class Folder(click.Path):
    """Folder that outputs go to; the name of a file is refused before a folder is made of it."""

    def __init__(self) -> None:
        super().__init__(path_type=Path)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Path:
        """Path of the folder."""
        path = Path(os.fsdecode(super().convert(value, param, ctx)))
        if means_a_file(path):
            self.fail(
                f"{path}: {path.suffix} ends the name of a file, and outputs go to a folder, with names made "
                "of those of the inputs; make the folder first if it is to be called so",
                param,
                ctx,
            )
        return path
