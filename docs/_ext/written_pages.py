"""Write the pages that the code itself dictates: the table of methods and the API reference."""

import importlib
from pathlib import Path

from sigden import registry

METHODS_HEAD = """\
Methods
=======

Every algorithm is a frozen dataclass: its fields are its parameters, its name is its key in the registry.
The key serves everywhere: in a script, in a TOML file and on the command line. This page is written from the
registry at each build of the documentation.
"""

ROOM = """
{title}
{line}

{guide}

.. list-table::
   :header-rows: 1
   :widths: 18 22 60

   * - Method
     - Axes
     - What it does
{rows}

.. toctree::
   :hidden:
   :caption: {title}

{pages}
"""

# package that holds a method -> heading and page of the guide
ROOMS = {
    "strain": ("Strain", "strain"),
    "multiband": ("Images of several bands", "multiband"),
    "hyperspectral": ("Spectral cubes", "hyperspectral"),
    "debias": ("Shrunken predictions", "debias"),
    "score": ("Means and scores", "score"),
    "denoisers": ("Any signal, image or volume", "denoisers"),
}

METHOD_PAGE = """\
{name}
{line}

.. currentmodule:: sigden

.. autoclass:: {name}
   :members: {members}
   :special-members: __call__
"""

# what a user calls; hooks for authors of methods are with the base classes
CALLED = ("solve", "analyse", "fit", "replace", "to_dict", "to_toml", "from_dict")

PARAMETERS_HEAD = """
Parameters and defaults
-----------------------

The meaning of each is on the method's own page.
"""

API_HEAD = """\
API reference
=============

The methods themselves are listed in :doc:`../methods`. What is public stands on these pages; a name that
begins with an underscore may change at any time.

.. toctree::
   :maxdepth: 1

"""

# page -> title and the modules whose public names it lists
API_PAGES = {
    "values": ("Methods as values, errors", ["sigden"]),
    "strain": ("Strain and noise", ["sigden.strain", "sigden.noise"]),
    "multiband": ("Multiband", ["sigden.multiband"]),
    "hyperspectral": ("Hyperspectral and IFU cubes", ["sigden.hyperspectral"]),
    "denoisers": ("Denoisers", ["sigden.denoisers", "sigden.denoisers.base", "sigden.denoisers.choice"]),
    "score": ("Scores", ["sigden.score"]),
    "debias": ("Shrunken predictions", ["sigden.debias"]),
    "files": ("Files and reports", ["sigden.io", "sigden.report", "sigden.batch"]),
    "plugins": ("Plug-ins", ["sigden.plugins.pycwb", "sigden.plugins.whitened", "sigden.plugins.cwb"]),
    "solvers": ("Solvers", ["sigden.solvers"]),
    "operators": ("Operators", ["sigden.operators"]),
    "functionals": ("Functionals", ["sigden.functionals"]),
    "arrays": ("Arrays and containers", ["sigden.arrays", "sigden.arrays.containers"]),
    "truth": ("Truth, figures of merit, checks", ["sigden.simulate", "sigden.metrics", "sigden.testing"]),
}


def methods_page(classes) -> str:
    rooms: dict[str, dict] = {room: {} for room in ROOMS}
    for name, cls in classes.items():
        rooms.setdefault(cls.__module__.split(".")[1], {})[name] = cls
    sections = [_room(room, members) for room, members in rooms.items()]
    tables = [_parameters(name, cls) for members in rooms.values() for name, cls in members.items()]
    return METHODS_HEAD + "".join(sections) + PARAMETERS_HEAD + "".join(tables)


def _room(room: str, members: dict) -> str:
    title, page = ROOMS[room]
    rows = [
        f"   * - :class:`~sigden.{name}`\n     - ``{cls.axes}``\n     - {cls.summary()}"
        for name, cls in members.items()
    ]
    return ROOM.format(
        title=title,
        line="-" * len(title),
        guide=f"Which one, and how: :doc:`rooms/{page}`.",
        rows="\n".join(rows),
        pages="\n".join(f"   methods/{name}" for name in members),
    )


def method_page(name: str, cls) -> str:
    members = ", ".join(member for member in CALLED if hasattr(cls, member))
    return METHOD_PAGE.format(name=name, line="=" * len(name), members=members)


def api_page(title: str, modules: list[str], seen: set[str]) -> str:
    parts = [title, "=" * len(title), ""]
    for path in modules:
        module = importlib.import_module(path)
        names = [name for name in module.__all__ if name not in registry.BUILTIN and name not in seen]
        seen.update(names)
        if not names:
            continue
        if len(modules) > 1:
            parts += [path, "-" * len(path), ""]
        parts += [f".. currentmodule:: {path}", _summary(names)]
    return "\n".join(parts)


def _summary(names) -> str:
    head = "\n.. autosummary::\n   :toctree: generated\n   :nosignatures:\n\n"
    return head + "".join(f"   {name}\n" for name in names)


def _parameters(name: str, cls) -> str:
    if not cls.parameters():
        return f"\n.. rubric:: {name}\n\nNone.\n"
    lines = [f"\n.. rubric:: {name}\n", ".. list-table::", "   :header-rows: 1", "   :widths: 25 50 25\n"]
    lines += ["   * - Parameter", "     - Type", "     - Default"]
    for key, (kind, default) in cls.parameters().items():
        shown = "required" if default is ... else f"``{default!r}``"
        lines += [f"   * - ``{key}``", f"     - ``{kind}``", f"     - {shown}"]
    return "\n".join(lines) + "\n"


def _write(page: Path, text: str) -> None:
    page.parent.mkdir(exist_ok=True)
    if not page.exists() or page.read_text(encoding="utf-8") != text:
        page.write_text(text, encoding="utf-8")


def write(app, config) -> None:
    source = Path(app.srcdir)
    classes = {name: registry.load(name) for name in sorted(registry.BUILTIN)}
    _write(source / "methods.rst", methods_page(classes))
    for name, cls in classes.items():
        _write(source / "methods" / f"{name}.rst", method_page(name, cls))
    _write(source / "api" / "index.rst", API_HEAD + "".join(f"   {name}\n" for name in API_PAGES))
    seen: set[str] = set()
    for name, (title, modules) in API_PAGES.items():
        _write(source / "api" / f"{name}.rst", api_page(title, modules, seen))


def setup(app):
    app.connect("config-inited", write)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
