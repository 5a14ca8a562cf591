"""Kernels that numba keeps on disk are those of the sources, with what they inline from other files."""

import ast
import hashlib
import importlib
import inspect
import re
import types
from pathlib import Path

import numpy as np
import pytest
from numba.core.dispatcher import Dispatcher

import sigden

ROOT = Path(sigden.__file__).parent
KERNELS = sorted(path for path in ROOT.rglob("*.py") if re.search(r"^@(nb\.)?njit\(", path.read_text(), re.M))


def imported(path):
    """Names that a file has from other files of sigden."""
    nodes = [n for n in ast.parse(path.read_text()).body if isinstance(n, ast.ImportFrom)]
    return {a.asname or a.name for n in nodes if (n.module or "").startswith("sigden") for a in n.names}


def names(code):
    """Global names and attributes that a function and those within it look up."""
    inner = [c for c in code.co_consts if isinstance(c, types.CodeType)]
    return set(code.co_names).union(*map(names, inner))


def inlined(function, home, foreign, seen):
    """Everything from other files that is compiled into a function, as text."""
    if function in seen:
        return
    seen.add(function)
    inside = function.__module__ == home
    if not inside:
        yield function.__qualname__, inspect.getsource(function)
    used = names(function.__code__)
    found = {name: function.__globals__[name] for name in used if name in function.__globals__}
    for module in [
        m for m in found.values() if isinstance(m, types.ModuleType) and m.__name__.startswith("sigden")
    ]:
        found |= {name: getattr(module, name) for name in used if hasattr(module, name)}
        foreign = foreign | set(vars(module))
    for name, value in sorted(found.items()):
        if isinstance(value, Dispatcher):
            yield from inlined(value.py_func, home, foreign, seen)
        elif isinstance(value, (int, float, complex, str, tuple, np.ndarray, np.generic)) and (
            not inside or name in foreign
        ):
            yield name, repr(np.asarray(value).tolist())


def fingerprint(path):
    """Short hash of what numba compiles into the kernels of a file from others; empty where it is nothing."""
    module = importlib.import_module(".".join(("sigden", *path.relative_to(ROOT).with_suffix("").parts)))
    own = [v.py_func for v in vars(module).values() if isinstance(v, Dispatcher)]
    own = [f for f in own if f.__module__ == module.__name__]
    parts, seen = set(), set()
    for function in own:
        parts.update(inlined(function, module.__name__, imported(path), seen))
    return hashlib.sha256(repr(sorted(parts)).encode()).hexdigest()[:12] if parts else ""


@pytest.mark.parametrize("path", KERNELS, ids=lambda path: path.stem)
def test_a_file_changes_with_what_is_inlined_from_others(path):
    """Numba compiles a kernel again where its own file has changed, and looks at no other."""
    expected = fingerprint(path)
    line = f"# inlined from other files: {expected}" if expected else ""
    found = "\n".join(re.findall(r"^# inlined from other files: .*$", path.read_text(), re.M))
    assert found == line, (
        f"write {line!r} in {path} in place of {found!r}, so that its kernels are compiled again"
    )


def test_every_part_counts():
    assert len(KERNELS) > 20
    named = {path.stem: path for path in KERNELS}
    module = importlib.import_module("sigden.denoisers.tracks.passes_numba")
    function = module.smooth_tracks.py_func
    parts = dict(inlined(function, module.__name__, imported(named["passes_numba"]), set()))
    assert {"AMPLITUDES", "LEAST_EXPONENT", "advance", "advance_adjoint"} <= set(parts)
    assert "_LEAVE" not in parts
