"""``sigden methods``."""

from __future__ import annotations

import inspect
from typing import Any

import click

__all__ = ["methods"]


@click.command()
@click.argument("name", required=False)
@click.option("--json", "as_json", is_flag=True, help="Machine-readable, on stdout.")
@click.option("--toml", "as_toml", is_flag=True, help="With NAME: the TOML file alone, on stdout.")
def methods(name: str | None, as_json: bool, as_toml: bool) -> None:
    """List the methods with their parameters, or show one in full.

    With NAME: its documentation, and its parameters as a TOML file for `sigden run`.
    """
    from sigden import registry

    if as_toml and name is None:
        raise click.UsageError("--toml needs the NAME of a method")
    if name is not None:
        _show(name, as_json, as_toml)
        return
    described = [_described(key) for key in registry.names()]
    if as_json:
        from sigden.cli.console import json_out

        json_out(described)
        return
    for i, entry in enumerate(described):
        _list(entry, first=i == 0)
    click.echo("\nOne in full, with a TOML file to start from: sigden methods NAME")


def _described(key: str) -> dict[str, Any]:
    from sigden import registry

    cls = registry.load(key)
    return {
        "name": key,
        "summary": cls.summary(),
        "axes": cls.axes,
        "parameters": [
            {
                "name": parameter,
                "type": kind,
                "required": default is ...,
                "default": None if default is ... else _plain(default),
            }
            for parameter, (kind, default) in cls.parameters().items()
        ],
    }


def _list(entry: dict[str, Any], *, first: bool) -> None:
    from sigden.cli.console import table

    if not first:
        click.echo()
    axes = f"  {entry['axes']}" if entry["axes"] else ""
    click.echo(click.style(entry["name"], bold=True) + axes)
    click.echo(f"  {entry['summary']}")
    rows = [
        [f"    {p['name']}", "required" if p["required"] else _shown(p["default"]), p["type"]]
        for p in entry["parameters"]
    ]
    table("", ["    parameter", "default", "type"], rows, left=3)


def _show(name: str, as_json: bool, as_toml: bool) -> None:
    from sigden import registry

    cls = registry.load(name)
    entry = _described(name)
    text = inspect.getdoc(cls) or ""
    toml = _toml(entry)
    if as_json:
        from sigden.cli.console import json_out

        json_out({**entry, "documentation": text, "toml": toml})
        return
    if as_toml:
        click.echo(toml, nl=False)
        return
    click.echo(click.style(name, bold=True))
    click.echo()
    click.echo(text)
    click.echo()
    click.echo(click.style("As a TOML file", bold=True) + f" (alone: sigden methods {name} --toml):")
    click.echo()
    click.echo(toml, nl=False)


def _toml(entry: dict[str, Any]) -> str:
    """TOML with every default written out; what has none is a comment."""
    import tomli_w

    given = {p["name"]: p["default"] for p in entry["parameters"] if p["default"] is not None}
    values = {key: value for key, value in given.items() if not isinstance(value, dict)}
    tables = {key: value for key, value in given.items() if isinstance(value, dict)}
    text = tomli_w.dumps({"method": entry["name"], **values})
    for p in entry["parameters"]:
        if p["default"] is None:
            text += f"# {p['name']} = ...  # {p['type']}{', required' if p['required'] else ''}\n"
    return text + ("\n" + tomli_w.dumps(tables) if tables else "")


def _plain(value: Any) -> Any:
    if hasattr(value, "to_dict"):
        return value.to_dict()
    return list(value) if isinstance(value, tuple) else value


def _shown(value: Any) -> str:
    if value is None:
        return "-"
    return value["method"] if isinstance(value, dict) else str(value)
