"""rROF inside coherent WaveBurst (C++ and ROOT): a plug-in macro and its header."""

from __future__ import annotations

import os
from contextlib import ExitStack
from importlib.resources import files
from pathlib import Path

from sigden.errors import ParameterError
from sigden.io.atomic import atomic_path, prepare_output

__all__ = ["HEADER", "MACRO", "install"]

MACRO = "CWB_Plugin_rROF.C"
HEADER = "sigden_rrof.hh"


def install(directory: str | os.PathLike[str], *, overwrite: bool = False) -> tuple[Path, Path]:
    """Write the plug-in into a folder, ready for ``plugin = TMacro(...)``.

    Parameters
    ----------
    directory : path
        Folder; made where it is missing.
    overwrite : bool
        Whether files of an earlier installation may be replaced.

    Returns
    -------
    macro, header : pathlib.Path
        The two files, with absolute paths.

    Raises
    ------
    FileError
        If a file exists and `overwrite` is false, or the folder cannot be written to; then nothing is.
    ParameterError
        If the path holds a character that a C++ include cannot.

    Notes
    -----
    cWB compiles a copy of the macro in another folder, so the installed macro includes the header by its
    absolute path: after moving the folder, install again.
    """
    folder = Path(directory).absolute()
    if any(character in str(folder) for character in '"\\\n\r'):
        raise ParameterError(f"directory: {folder} holds a quote, backslash or line break; choose another")
    folder = prepare_output(folder)
    source = files(__name__)
    header = source.joinpath(HEADER).read_text(encoding="utf-8")
    macro = source.joinpath(MACRO).read_text(encoding="utf-8")
    macro = macro.replace(f'#include "{HEADER}"', f'#include "{folder / HEADER}"')
    macro = macro.replace('TMacro("DIR/', f'TMacro("{folder}/')
    targets = (folder / MACRO, folder / HEADER)
    with ExitStack() as stack:
        for target, text in zip(targets, (macro, header), strict=True):
            stack.enter_context(atomic_path(target, overwrite)).write_text(text, encoding="utf-8")
    return targets
