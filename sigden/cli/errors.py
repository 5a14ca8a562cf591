"""One line for what went wrong, exit code 2, no traceback."""

from __future__ import annotations

import errno
from typing import Any

import click

from sigden.errors import SigdenError

__all__ = ["Commands", "Failure"]

EXIT_CODE = 2


class Failure(click.ClickException):
    """An error that the user can act on."""

    exit_code = EXIT_CODE


class Commands(click.Group):
    """Commands in the order they were added, with errors as `Failure`."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Names in the order they were added."""
        return list(self.commands)

    def invoke(self, ctx: click.Context) -> Any:
        """Run a command; turn what sigden and the file system complain about into one line."""
        try:
            return super().invoke(ctx)
        except SigdenError as error:
            raise Failure(_one_line(str(error))) from error
        except OSError as error:
            # a closed pipe is click's to handle
            if error.errno in (None, errno.EPIPE):
                raise
            raise Failure(_one_line(f"{error.filename or 'output'}: {error.strerror}")) from error


def _one_line(text: str) -> str:
    return " ".join(text.split())
