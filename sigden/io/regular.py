"""Files that can be read at all: there, regular, and not empty."""

from __future__ import annotations

from pathlib import Path

from sigden.errors import FileError

__all__ = ["require_regular"]


def require_regular(path: Path) -> None:
    """Refuse what no reader can make anything of.

    Parameters
    ----------
    path : pathlib.Path
        File that is to be read.

    Raises
    ------
    FileError
        If it is missing, a folder or a device, may not be read, or is empty.
    """
    try:
        there, regular, empty = path.exists(), path.is_file(), False
        if regular:
            with path.open("rb") as stream:
                empty = not stream.read(1)
    except OSError as error:  # a name that is too long or a folder that may not be entered, too
        raise FileError(f"{path}: cannot be opened: {error.strerror or error}") from error
    if not there:
        raise FileError(f"{path}: no such file")
    if not regular:
        raise FileError(f"{path}: is not a regular file")
    if empty:
        raise FileError(f"{path}: the file is empty")
