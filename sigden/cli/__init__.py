"""Floor 8: the command line."""

from __future__ import annotations

import click

from sigden.cli.cube import cube
from sigden.cli.cwb import cwb
from sigden.cli.debias import debias
from sigden.cli.demo import demo
from sigden.cli.errors import Commands
from sigden.cli.methods import methods
from sigden.cli.multiband import multiband
from sigden.cli.run import run
from sigden.cli.strain import strain
from sigden.method import sigden_version

__all__ = ["main"]


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(sigden_version(), prog_name="sigden")
def main() -> None:
    """Denoise scientific signals.

    Start with `sigden demo`. Every command writes its outputs whole or not at all, and never over
    an existing file unless told with --overwrite.
    """


for _command in (demo, strain, multiband, cube, debias, run, methods, cwb):
    main.add_command(_command)
