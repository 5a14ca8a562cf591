import os
import subprocess
import sys

import pytest

from sigden.cli import main


def python(code):
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    return subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env=env, timeout=60, check=False
    )


def test_help_loads_nothing_heavy():
    heavy = [
        "numpy",
        "numba",
        "scipy",
        "astropy",
        "gwpy",
        "h5py",
        "matplotlib",
        "jinja2",
        "joblib",
        "rich",
        "msgspec",
    ]
    done = python(
        "import sys\nfrom sigden.cli import main\n"
        "try:\n    main(['--help'], prog_name='sigden')\nexcept SystemExit:\n    pass\n"
        f"print([m for m in {heavy} if m in sys.modules])"
    )
    assert done.stdout.splitlines()[-1] == "[]"
    assert "Commands:" in done.stdout


def test_module_is_the_command():
    done = python(
        "import runpy, sys\nsys.argv = ['sigden', '--version']\n"
        "runpy.run_module('sigden', run_name='__main__')"
    )
    assert done.returncode == 0
    assert done.stdout.startswith("sigden, version")


def test_an_error_is_one_line_on_stderr_without_traceback(tmp_path):
    done = python(
        "import runpy, sys\n"
        f"sys.argv = ['sigden', 'strain', 'no.hdf5', '--out', {str(tmp_path / 'out')!r}]\n"
        "runpy.run_module('sigden', run_name='__main__')"
    )
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr == "Error: no.hdf5: no such file\n"


@pytest.mark.parametrize("command", list(main.commands))
def test_every_command_has_help(sigden, command):
    text = sigden(command, "--help").stdout
    for option in main.commands[command].params:
        if option.param_type_name == "option" and option.opts:
            assert option.opts[-1] in text
            assert option.help or option.name == "help"


@pytest.mark.parametrize("room", ["strain", "multiband", "run", "demo"])
@pytest.mark.parametrize("name", ["x.jpg", "clean.HDF5", "report.html"])
def test_a_folder_is_not_given_the_name_of_a_file(sigden, tmp_path, room, name):
    inputs = {"strain": ["a.hdf5"], "multiband": ["a.toml"], "run": ["a.toml", "a.npy"], "demo": []}[room]
    out = tmp_path / name
    stderr = sigden(room, *inputs, "--out", out, code=2).stderr
    assert f"{name}: {out.suffix} ends the name of a file, and outputs go to a folder" in " ".join(
        stderr.split()
    )
    assert not out.exists()


def test_a_folder_may_have_a_dot(sigden, tmp_path):
    (tmp_path / "old.fits").mkdir()
    for name in ("run.2", "NGC.v1.5", "old.fits"):
        stderr = sigden("strain", tmp_path / "a.hdf5", "--out", tmp_path / name, code=2).stderr
        assert "a.hdf5" in stderr
