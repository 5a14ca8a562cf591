"""One self-contained HTML page: everything inline, nothing fetched, no script."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol

from sigden.errors import MissingExtraError
from sigden.method import Method, sigden_version
from sigden.report.render import to_png

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["PageSection", "flat", "inline", "page_section", "picture", "pictures_of", "render_page", "table"]


class PageSection(Protocol):
    """What every section of a page tells of its data set."""

    @property
    def title(self) -> str:
        """Heading."""

    @property
    def text(self) -> str:
        """What the data are, in a sentence or two."""

    @property
    def method(self) -> Method | None:
        """What was run; written as TOML to reproduce it."""

    @property
    def command(self) -> str:
        """Command line that made the results."""

    @property
    def provenance(self) -> Mapping[str, Any]:
        """Names and values, nested as need be."""

    @property
    def outputs(self) -> Sequence[str]:
        """Names of the files written."""


def render_page(sections: Sequence[Mapping[str, Any]], *, title: str, made: str = "") -> str:
    """Page of sections that are ready to be shown.

    Parameters
    ----------
    sections : sequence of mapping
        One for each data set, made by `page_section`.
    title : str
        Heading of the page.
    made : str
        When and where the page was made, for the foot of the page.

    Returns
    -------
    str
        HTML; images are inline, nothing outside is fetched.

    Raises
    ------
    MissingExtraError
        If jinja2 is not installed.
    """
    try:
        from jinja2 import Environment, PackageLoader, StrictUndefined
    except ImportError as error:
        raise MissingExtraError("the page needs jinja2: python -m pip install 'sigden[plot]'") from error
    environment = Environment(
        loader=PackageLoader("sigden.report", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    template = environment.get_template("page.html.jinja")
    return template.render(title=title, sections=sections, version=sigden_version(), made=made)


def page_section(
    section: PageSection,
    *,
    again: str,
    tables: Sequence[Mapping[str, Any]],
    pictures: Sequence[Mapping[str, str]],
) -> dict[str, Any]:
    """Section as the template shows it.

    Parameters
    ----------
    section : PageSection
        Title, text, method, command, provenance and outputs.
    again : str
        What the method's file is good for.
    tables : sequence of mapping
        Made by `table`.
    pictures : sequence of mapping
        Made by `picture`.

    Returns
    -------
    dict
        For `render_page`.
    """
    return {
        "title": section.title,
        "text": section.text,
        "command": section.command,
        "toml": section.method.to_toml() if section.method is not None else "",
        "again": again,
        "tables": list(tables),
        "pictures": list(pictures),
        "provenance": list(flat(section.provenance)),
        "outputs": list(section.outputs),
    }


def table(
    title: str,
    row_heading: str,
    headings: Sequence[tuple[str, str]],
    rows: Iterable[tuple[str, Sequence[str]]],
) -> dict[str, Any]:
    """Table of headings (name, help) and rows (name, cells)."""
    return {
        "title": title,
        "row_heading": row_heading,
        "headings": [{"name": name, "help": text} for name, text in headings],
        "rows": [{"name": name, "cells": list(cells)} for name, cells in rows],
    }


def picture(
    light: bytes, dark: bytes, caption: str, alt: str = "", *, kind: str = "svg+xml"
) -> dict[str, str]:
    """Picture in the colours of day and of night; without `dark` by day only."""
    return {
        "light": inline(light, kind),
        "dark": inline(dark, kind) if dark else "",
        "caption": caption,
        "alt": alt or caption,
    }


def pictures_of(
    day: Mapping[str, tuple[Figure, str]],
    night: Mapping[str, tuple[Figure, str]],
    alternatives: Mapping[str, str],
) -> list[dict[str, str]]:
    """Pictures of figures with captions, drawn once for the day and once for the night."""
    return [
        picture(
            to_png(figure, dpi=110), to_png(night[name][0], dpi=110), caption, alternatives[name], kind="png"
        )
        for name, (figure, caption) in day.items()
    ]


def inline(image: bytes, kind: str = "svg+xml") -> str:
    """Picture as the address of an image."""
    return f"data:image/{kind};base64," + base64.b64encode(image).decode("ascii")


def flat(record: Mapping[Any, Any], prefix: str = "") -> Iterator[tuple[str, str]]:
    """Nested names joined by dots, values as text."""
    for key, value in record.items():
        name = f"{prefix}{key}"
        if isinstance(value, Mapping):
            yield from flat(value, f"{name}.")
        elif isinstance(value, (list, tuple)):
            yield name, ", ".join(map(str, value))
        else:
            yield name, str(value)
