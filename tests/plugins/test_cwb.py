"""The cWB plug-in: its kernel against Python, its macro against a stub of cWB, its installation."""

import ctypes
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from sigden import RROF, FileError, ParameterError
from sigden.cli import main
from sigden.denoisers.choice import sure_weight
from sigden.denoisers.tv.tv1d_numba import tv1d
from sigden.noise import mad_sigma
from sigden.plugins.cwb import HEADER, MACRO, install
from sigden.plugins.whitened import noise_level as python_noise_level

STUB = Path(__file__).parent / "cwb_stub"
SOURCE = Path(install.__code__.co_filename).parent
RATE = 1024.0
WHITE = "5"
MODES = ("single", "bregman", "successive")


def compile_with(arguments):
    compiler = shutil.which("g++")
    if compiler is None:
        pytest.skip("no g++ to compile the plug-in with")
    done = subprocess.run(
        [compiler, "-std=c++11", "-O2", "-Wall", "-Wextra", "-Werror", *map(str, arguments)],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr


@pytest.fixture(scope="module")
def kernel(tmp_path_factory):
    path = tmp_path_factory.mktemp("kernel") / "kernel.so"
    compile_with(["-shared", "-fPIC", f"-I{SOURCE}", STUB / "kernel.cc", "-o", path])
    library = ctypes.CDLL(str(path))
    library.divergence.restype = ctypes.c_double
    return library


@pytest.fixture(scope="module")
def macro(tmp_path_factory):
    """The installed macro, compiled from a copy in another folder as cWB does."""
    folder = tmp_path_factory.mktemp("macro")
    installed, _ = install(folder / "plugin")
    (folder / "copy.C").write_text(installed.read_text())
    compile_with(
        [f"-I{STUB}", "-x", "c++", folder / "copy.C", STUB / "drive_macro.cc", "-o", folder / "drive"]
    )

    def call(x, *, edge=1.0, stage=WHITE, parameters="", analysis="2G"):
        data = folder / "data"
        np.asarray(x, dtype=np.float64).tofile(data)
        done = subprocess.run(
            [folder / "drive", data, str(RATE), str(edge), stage, parameters, analysis],
            capture_output=True,
            text=True,
        )
        return np.fromfile(data), done

    return call


def pointer(array):
    return array.ctypes.data_as(ctypes.POINTER(ctypes.c_double))


def cpp(library, y, regularization, beta, iteration="single", passes=1):
    y, estimate, found = np.ascontiguousarray(y, dtype=np.float64), np.empty(len(y)), np.zeros(3)
    code = library.rrof(
        pointer(y), ctypes.c_long(y.size), ctypes.c_double(regularization), ctypes.c_double(beta),
        MODES.index(iteration), passes, pointer(estimate), pointer(found),
    )  # fmt: skip
    return code, estimate, found


def signal(kind, n=4001):
    rng = np.random.default_rng(3)
    noise, t = rng.standard_normal(n), np.arange(n) / RATE
    return {
        "white": noise,
        "burst": noise + 4 * np.exp(-(((t - 2) / 0.1) ** 2)) * np.sin(2 * np.pi * 80 * t),
        "brown": 0.3 * np.cumsum(noise),
        "ramp": np.arange(n) * 0.1,
        "steps": noise + 5 * (np.arange(n) % 500 < 250) + 1e3,
    }[kind]


@pytest.mark.parametrize("kind", ["white", "burst", "brown", "ramp", "steps"])
@pytest.mark.parametrize("beta", [1.0, 1e-2, 1e-4, 1e-7, 1e-10])
def test_kernel_is_the_python_method(kernel, kind, beta):
    y = signal(kind)
    for weight in (0.03, 0.3, 1.0, 5.0, 60.0):
        code, estimate, found = cpp(kernel, y, weight, beta)
        python = RROF(regularization=weight, beta=beta).solve(y, sigma=1.0)
        assert code == 0
        np.testing.assert_allclose(estimate, python.estimate, rtol=0, atol=1e-9)
        assert found[0] <= 1e-8
        assert found[1] == python.iterations


@pytest.mark.parametrize(("iteration", "passes"), [("bregman", 8), ("successive", 3)])
@pytest.mark.parametrize("weight", [0.3, 2.0, 10.0])
def test_iterated_kernel_is_the_python_method(kernel, iteration, passes, weight):
    y = signal("burst")
    _, estimate, found = cpp(kernel, y, weight, 1e-4, iteration, passes)
    python = RROF(regularization=weight, iteration=iteration, passes=passes).solve(y, sigma=1.0)
    np.testing.assert_allclose(estimate, python.estimate, rtol=0, atol=1e-9)
    assert found[1] == python.iterations


@pytest.mark.parametrize("kind", ["white", "brown", "ramp", "steps"])
@pytest.mark.parametrize("weight", [0.0, 0.5, 20.0, 1e6])
def test_warm_start_is_exact_total_variation(kernel, kind, weight):
    y, estimate = signal(kind), np.empty(4001)
    kernel.exact_tv(pointer(y), ctypes.c_long(y.size), ctypes.c_double(weight), pointer(estimate))
    expected = tv1d(y[None], np.array([weight]))[0]
    np.testing.assert_allclose(estimate, expected, rtol=0, atol=1e-8 * max(1.0, np.ptp(y)))


@pytest.mark.parametrize("y", [[1.0], [2.0, 2.0, 2.0], [0.0, 3.0], [1.0, -1.0, 4.0]])
def test_shortest_data(kernel, y):
    code, estimate, _ = cpp(kernel, np.array(y), 0.7, 1e-3)
    assert code == 0
    np.testing.assert_allclose(
        estimate, RROF(regularization=0.7, beta=1e-3).solve(np.array(y), sigma=1.0).estimate, atol=1e-12
    )


def exact_divergence(u, weight, beta=1e-4):
    difference = np.diff(np.eye(u.size), axis=0)
    curvature = weight * beta / (np.diff(u) ** 2 + beta) ** 1.5
    return np.trace(np.linalg.inv(np.eye(u.size) + difference.T @ (curvature[:, None] * difference)))


def test_automatic_weight_is_of_least_unbiased_risk(kernel):
    y = signal("burst")[1800:2300]

    def denoise(z, weight):
        return RROF(regularization=float(weight[0])).solve(z, sigma=1.0).estimate

    def divergence(z, weight, estimate):
        return np.array([exact_divergence(estimate[0], float(weight[0]))])

    _, estimate, found = cpp(kernel, y, -1.0, 1e-4)
    assert found[2] == pytest.approx(float(sure_weight(denoise, y[None], divergence=divergence)[0]), rel=1e-8)
    assert kernel.divergence(
        pointer(estimate), ctypes.c_long(y.size), ctypes.c_double(found[2]), ctypes.c_double(1e-4)
    ) == pytest.approx(exact_divergence(estimate, found[2]), rel=1e-9)


def test_automatic_weight_of_bregman_iterations(kernel):
    y = signal("burst")
    _, _, found = cpp(kernel, y, -1.0, 1e-4, "bregman", 5)
    python = RROF(iteration="bregman", passes=5).solve(y, sigma=1.0).details["regularization"][0]
    # the two draw other signs for the divergence
    assert found[2] == pytest.approx(python, rel=0.3)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_kernel_refuses_what_is_not_finite(kernel, bad):
    y = signal("white").copy()
    y[7] = bad
    assert cpp(kernel, y, 1.0, 1e-4)[0] == 1


def test_noise_level_is_that_of_the_core(kernel):
    rng = np.random.default_rng(0)
    x, edge, block = 1.3 * rng.standard_normal(8192), 1024, 512
    x[:edge] *= 30.0
    x[-edge:] *= 10.0
    level = np.empty_like(x)
    assert kernel.noise_level(pointer(x), 8192, edge, block, pointer(level)) == 0
    core = float(mad_sigma(x[edge:-edge]))
    np.testing.assert_allclose(level[edge:-edge], core, rtol=1e-12)
    np.testing.assert_allclose(level, python_noise_level(x, RATE, edge / RATE), rtol=1e-12)
    assert level[0] == pytest.approx(float(mad_sigma(x[:block])), rel=1e-12)
    assert level[-1] == pytest.approx(float(mad_sigma(x[-block:])), rel=1e-12)
    assert kernel.noise_level(pointer(x), 8192, 4096, block, pointer(level)) == 1
    assert kernel.noise_level(pointer(np.zeros(8192)), 8192, edge, block, pointer(level)) == 1


@pytest.mark.parametrize(
    ("parameters", "method"),
    [
        ("rrof_regularization=0.8", RROF(regularization=0.8)),
        (
            "other_option=3 rrof_regularization=2 rrof_beta=1e-2 rrof_iteration=bregman rrof_passes=4 ",
            RROF(regularization=2.0, beta=1e-2, iteration="bregman", passes=4),
        ),
    ],
)
def test_macro_edits_the_whitened_strain(macro, parameters, method):
    x = 1.4 * signal("burst", 8192)
    edited, done = macro(x, parameters=parameters)
    assert done.returncode == 0, done.stdout
    sigma = float(mad_sigma(x[1024:-1024]))
    core = slice(2048, -2048)
    expected = sigma * method.solve(x / sigma, sigma=1.0).estimate
    # the edges have levels of their own, whose influence dies away within the core
    np.testing.assert_allclose(edited[core], expected[core], atol=1e-6)
    assert "CWB_Plugin_rROF: L1 regularization" in done.stdout


def test_macro_chooses_the_strength_itself(macro):
    x = signal("burst", 8192)
    edited, done = macro(x)
    assert done.returncode == 0
    truth = x - signal("white", 8192)
    core = slice(1024, -1024)
    assert np.sum((edited - truth)[core] ** 2) < 0.5 * np.sum((x - truth)[core] ** 2)


@pytest.mark.parametrize("stage", ["0", "1", "2", "9"])
def test_macro_leaves_other_stages_alone(macro, stage):
    x = signal("burst", 4096)
    edited, done = macro(x, stage=stage)
    assert done.returncode == 0
    np.testing.assert_array_equal(edited, x)


@pytest.mark.parametrize(
    ("parameters", "said"),
    [
        ("rrof_regularisation=1", "rrof_regularisation: unknown; known: rrof_regularization"),
        ("rrof_regularization=strong", "expected a number, got 'strong'"),
        ("rrof_regularization=-1", "must not be negative"),
        ("rrof_beta=0", "rrof_beta: must be positive"),
        ("rrof_iteration=twice", "expected single, bregman or successive, got 'twice'"),
        ("rrof_passes=2.5", "expected a whole number"),
        ("rrof_passes=3", "must be 1 with rrof_iteration=single"),
    ],
)
def test_macro_names_a_bad_option_at_the_start_of_the_job(macro, parameters, said):
    x = signal("white", 4096)
    edited, done = macro(x, stage="0", parameters=parameters)
    assert done.returncode == 1
    assert said in done.stdout
    np.testing.assert_array_equal(edited, x)


def test_macro_stops_where_it_cannot_work(macro):
    x = signal("white", 4096)
    assert "no samples are left" in macro(x, edge=2.0)[1].stdout
    assert "2G only" in macro(x, analysis="1G")[1].stdout
    x = x.copy()
    x[5] = np.nan
    edited, done = macro(x)
    assert done.returncode == 1
    assert "not finite" in done.stdout
    np.testing.assert_array_equal(edited, x)


def test_install_writes_both_files_or_none(tmp_path):
    macro, header = install(tmp_path / "new" / "plugin")
    assert (macro.name, header.name) == (MACRO, HEADER)
    assert f'#include "{header}"' in macro.read_text()
    assert header.read_text() == (SOURCE / HEADER).read_text()
    macro.unlink()
    with pytest.raises(FileError, match="exists already"):
        install(macro.parent)
    assert not macro.exists()
    assert install(macro.parent, overwrite=True) == (macro, header)
    with pytest.raises(ParameterError, match="quote, backslash or line break"):
        install(tmp_path / 'a"b')


def test_command_installs(tmp_path):
    run = CliRunner().invoke(main, ["cwb", "install", str(tmp_path)], prog_name="sigden")
    assert run.exit_code == 0
    assert f'plugin = TMacro("{tmp_path / MACRO}");' in run.output
    again = CliRunner().invoke(main, ["cwb", "install", str(tmp_path)], prog_name="sigden")
    assert again.exit_code == 2
    assert "--overwrite" in again.output
