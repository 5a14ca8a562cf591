"""Output files that are there whole or not at all."""

from __future__ import annotations

import os
import secrets
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from sigden.errors import FileError

__all__ = ["atomic_path", "prepare_output"]


def prepare_output(directory: str | os.PathLike[str]) -> Path:
    """Make the output directory (and its parents) where it is missing.

    Parameters
    ----------
    directory : path
        Directory that outputs go to.

    Returns
    -------
    pathlib.Path
        The directory.

    Raises
    ------
    FileError
        If it cannot be made, is not a directory or may not be written to.
    """
    path = Path(directory)
    try:
        path.mkdir(parents=True, exist_ok=True)
    except (FileExistsError, NotADirectoryError) as error:
        raise FileError(f"{path}: cannot be an output directory, a file is in the way") from error
    except OSError as error:
        raise FileError(f"{path}: the output directory cannot be made: {error.strerror or error}") from error
    if not os.access(path, os.W_OK | os.X_OK):
        raise FileError(f"{path}: no permission to write in this directory")
    return path


@contextmanager
def atomic_path(path: str | os.PathLike[str], overwrite: bool = False) -> Iterator[Path]:
    """Give a temporary path in the same folder, and put it in place of `path` when the block ends well.

    Parameters
    ----------
    path : path
        Final name of the output.
    overwrite : bool
        Whether an existing file may be replaced.

    Yields
    ------
    pathlib.Path
        An empty temporary file with the suffix of `path`, to write to.

    Raises
    ------
    FileError
        If `path` exists and `overwrite` is false (also when it comes into being during the block), is not a
        regular file, or its folder is missing or not writable.

    Notes
    -----
    The temporary file is synced to disk and moved by one system call: a reader sees the old file or the new
    one, never a part. Its mode is the one the umask gives to new files, or that of the file it replaces. When
    the block raises, the temporary file is removed and an existing output is left as it was.
    """
    target = Path(path)
    _check_target(target, overwrite)
    temporary = _create_beside(target)
    try:
        yield temporary
        _commit(temporary, target, overwrite)
    finally:
        with suppress(FileNotFoundError):
            temporary.unlink()


def _refuse_existing(target: Path) -> FileError:
    return FileError(f"{target}: exists already; use --overwrite (overwrite=True) to replace it")


def _check_target(target: Path, overwrite: bool) -> None:
    if not target.parent.is_dir():
        raise FileError(f"{target}: the folder {target.parent} does not exist; make it first")
    if not os.path.lexists(target):
        return
    if not overwrite:
        raise _refuse_existing(target)
    if target.exists() and not target.is_file():
        raise FileError(f"{target}: is not a regular file, so it is not replaced; choose another name")


def _create_beside(target: Path) -> Path:
    """A new empty file; mode 0666 less the umask, set by the system, so the umask itself is never touched."""
    while True:
        name = f".{target.stem[:100]}.{secrets.token_hex(6)}.part{target.suffix}"
        temporary = target.with_name(name)
        try:
            os.close(os.open(temporary, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666))
        except FileExistsError:
            continue
        except OSError as error:
            raise FileError(f"{target}: cannot be written: {error.strerror or error}") from error
        return temporary


def _commit(temporary: Path, target: Path, overwrite: bool) -> None:
    try:
        if overwrite and target.is_file():
            os.chmod(temporary, stat.S_IMODE(target.stat().st_mode))
        _sync(temporary, os.O_RDWR)
        if overwrite:
            os.replace(temporary, target)
        else:
            _move_to_new(temporary, target)
    except FileExistsError as error:
        raise _refuse_existing(target) from error
    except FileError:
        raise
    except OSError as error:
        raise FileError(f"{target}: cannot be put in place: {error.strerror or error}") from error
    # not every file system can sync a directory; the file itself is safe by now
    with suppress(OSError):
        _sync(target.parent, os.O_RDONLY)


def _sync(path: Path, flags: int) -> None:
    descriptor = os.open(path, flags)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _move_to_new(temporary: Path, target: Path) -> None:
    """Move, failing with FileExistsError when another process made `target` meanwhile."""
    try:
        os.link(temporary, target)
    except FileExistsError:
        raise
    except OSError:
        # no hard links on this file system: claim the name first, then replace the claim
        os.close(os.open(target, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666))
        try:
            os.replace(temporary, target)
        except OSError:
            target.unlink()
            raise
