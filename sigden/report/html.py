"""One self-contained HTML page: everything inline, nothing fetched, no script."""

from __future__ import annotations

import base64
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from sigden.errors import MissingExtraError
from sigden.method import sigden_version

__all__ = ["flat", "inline", "render_page"]


def render_page(sections: Sequence[Mapping[str, Any]], *, title: str, made: str = "") -> str:
    """Page of sections that are ready to be shown.

    Parameters
    ----------
    sections : sequence of mapping
        For each data set ``title``, ``text``, ``tables`` (of ``title``, ``row_heading``, ``headings`` with
        ``name`` and ``help``, ``rows`` with ``name`` and ``cells``), ``pictures`` (of ``light``, ``dark``,
        ``caption``, ``alt``), ``command``, ``toml``, ``again``, ``outputs`` and ``provenance``.
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


def inline(picture: bytes, kind: str = "svg+xml") -> str:
    """Picture as the address of an image."""
    return f"data:image/{kind};base64," + base64.b64encode(picture).decode("ascii")


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
