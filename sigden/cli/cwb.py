"""``sigden cwb``."""

from __future__ import annotations

from pathlib import Path

import click

__all__ = ["cwb"]


@click.group()
def cwb() -> None:
    """Plug-in for coherent WaveBurst (C++ and ROOT)."""


@cwb.command()
@click.argument("directory", metavar="DIR", type=click.Path(path_type=Path))
@click.option("--overwrite", is_flag=True, help="Replace files of an earlier installation.")
@click.option("--json", "as_json", is_flag=True, help="Machine-readable summary on stdout.")
@click.option("--quiet", is_flag=True, help="Print nothing.")
def install(directory: Path, overwrite: bool, as_json: bool, quiet: bool) -> None:
    """Write the rROF plug-in, a macro and its header, into DIR."""
    from sigden.plugins.cwb import install as install_files

    macro, header = install_files(directory, overwrite=overwrite)
    if as_json:
        from sigden.cli.console import json_out

        json_out({"macro": macro, "header": header})
    elif not quiet:
        click.echo(f'{macro}\n{header}\nIn user_parameters.C: plugin = TMacro("{macro}");')
