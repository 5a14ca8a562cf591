"""Sessions that check the project; `.ci/run` calls them all."""

import nox

nox.needs_version = ">=2024.10"
nox.options.error_on_missing_interpreters = True
nox.options.sessions = ["lint", "types", "imports", "docs", "demo", "tests", "pycwb_short"]

PROJECT = nox.project.load_toml("pyproject.toml")


def group(name: str) -> list[str]:
    return nox.project.dependency_groups(PROJECT, name)


@nox.session
def lint(session: nox.Session) -> None:
    """ruff: rules and format; numpydoc: docstrings."""
    session.install(*group("lint"))
    session.run("ruff", "check", ".")
    session.run("ruff", "format", "--check", ".")
    session.run("bash", "-c", "find sigden -name '*.py' -print0 | xargs -0 numpydoc lint", external=True)


@nox.session
def types(session: nox.Session) -> None:
    """Check the types of the package with mypy."""
    session.install(".[plot,batch]", *group("types"))
    session.run("mypy")


@nox.session
def imports(session: nox.Session) -> None:
    """The floor plan in setup.cfg."""
    session.install(*group("imports"))
    session.run("lint-imports", "--no-cache")


@nox.session
def docs(session: nox.Session) -> None:
    """Pages and gallery, warnings as errors."""
    session.install(".[docs]")
    session.run("sphinx-build", "-q", "-W", "--keep-going", "-b", "html", "docs", "docs/_build/html")


@nox.session
def demo(session: nox.Session) -> None:
    """First command of the README."""
    session.run("python", "-m", "pip", "install", ".[all]")
    session.chdir(session.create_tmp())
    session.run("sigden", "demo")


@nox.session
def tests(session: nox.Session) -> None:
    """Second command of the README, and the examples in docstrings."""
    session.run("python", "-m", "pip", "install", ".[test]")
    examples = ["--doctest-modules", "--doctest-glob=*.md", "sigden", "docs/conventions.md"]
    session.run("python", "-m", "pytest", *examples)
    session.run("python", "-m", "pytest", *session.posargs)


@nox.session
def pycwb_short(session: nox.Session) -> None:
    """One small search of the pycWB pipeline with the plug-in; most of its time is pycWB being compiled."""
    install = ["python", "-m", "pip", "install", "--no-compile"]
    session.run(*install, ".[pycwb]", "pytest>=8", "hypothesis>=6.100")
    tests = ["-m", "pycwb", "-k", "smallest or contracts", "tests/plugins/test_pycwb.py"]
    session.run("python", "-m", "pytest", *tests, *session.posargs, env={"NUMBA_OPT": "0"})


@nox.session
def pycwb(session: nox.Session) -> None:
    """The plug-in inside the pycWB pipeline; SIGDEN_CACHE keeps the cross-talk catalogue between runs."""
    session.run("python", "-m", "pip", "install", ".[pycwb]", "pytest>=8", "hypothesis>=6.100")
    session.run("python", "-m", "pytest", "-m", "pycwb", "tests/plugins", *session.posargs)
