"""Results on stdout, progress and notes on stderr."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import Progress

__all__ = ["command_line", "json_out", "note", "progress_bar", "require_plot", "table"]

_PIPE_WIDTH = 240


def json_out(record: Any) -> None:
    """One JSON document on stdout; numbers that are not finite become null."""
    import msgspec

    click.echo(msgspec.json.format(msgspec.json.encode(record, enc_hook=str), indent=2))


def note(text: str) -> None:
    """One line on stderr."""
    click.echo(text, err=True)


def table(title: str, headings: Sequence[str], rows: Sequence[Sequence[str]], *, left: int = 1) -> None:
    """Table on stdout; the first `left` columns are text, the others numbers."""
    from rich.table import Table
    from rich.text import Text

    grid = Table(
        title=title or None,
        title_justify="left",
        title_style="bold",
        header_style="bold",
        box=None,
        pad_edge=False,
    )
    for i, heading in enumerate(headings):
        grid.add_column(heading, justify="left" if i < left else "right", overflow="fold")
    for row in rows:
        # Text, so that brackets in file names are no markup
        grid.add_row(*(Text(cell) for cell in row))
    _console(stderr=False).print(grid)


@contextmanager
def progress_bar(quiet: bool = False) -> Iterator[Progress]:
    """Progress bars on stderr, shown on a terminal only."""
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn

    console = _console(stderr=True)
    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        TaskProgressColumn(),
        TimeElapsedColumn(),
    )
    with Progress(
        *columns, console=console, transient=True, disable=quiet or not console.is_terminal
    ) as bars:
        yield bars


def require_plot() -> None:
    """Refuse to start a report that could not be drawn.

    Raises
    ------
    MissingExtraError
        If matplotlib or jinja2 is not installed.
    """
    from importlib.util import find_spec

    from sigden.errors import MissingExtraError

    for package in ("matplotlib", "jinja2"):
        if find_spec(package) is None:
            raise MissingExtraError(
                f"the report needs {package}: python -m pip install 'sigden[plot]', "
                "or leave it out with --no-report"
            )


def command_line() -> str:
    """The command as it was typed, quoted for a shell."""
    import shlex
    import sys

    return shlex.join(["sigden", *sys.argv[1:]])


def _console(*, stderr: bool) -> Console:
    from rich.console import Console

    console = Console(stderr=stderr, highlight=False, emoji=False)
    if not console.is_terminal:
        # a log or a pipe has no width to fit into
        console.width = _PIPE_WIDTH
    return console
