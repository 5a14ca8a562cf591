import json

import numpy as np
import pytest

from sigden import TV1D
from sigden.io import read_npy


@pytest.fixture
def method(tmp_path):
    path = tmp_path / "tv.toml"
    path.write_text(TV1D(regularization=3.0).to_toml())
    return path


@pytest.fixture
def inputs(tmp_path, step):
    for i in range(2):
        np.save(tmp_path / f"s{i}.npy", step + i)
    return [tmp_path / "s0.npy", tmp_path / "s1.npy"]


def test_outputs_are_written_and_told(sigden, tmp_path, method, inputs):
    result = sigden("run", method, *inputs, "--out", tmp_path / "out", "--sigma", 0.2)
    for i, source in enumerate(inputs):
        clean = read_npy(tmp_path / "out" / f"s{i}-denoised.npy")
        np.testing.assert_array_equal(
            clean, TV1D(regularization=3.0).solve(np.load(source), sigma=0.2).estimate
        )
        assert f"s{i}-denoised.npy" in result.stdout
    assert result.stderr == ""


def test_json_summary_is_all_of_stdout(sigden, tmp_path, method, inputs):
    summary = json.loads(sigden("run", method, *inputs, "--out", tmp_path / "out", "--json").stdout)
    assert summary["method"] == {"method": "TV1D", "regularization": 3.0}
    assert summary["failed"] == 0
    assert [o["status"] for o in summary["outcomes"]] == ["converged", "converged"]


@pytest.mark.parametrize("workers", [1, 2])
def test_one_failure_is_named_and_the_others_go_on(sigden, tmp_path, method, inputs, workers):
    inputs[0].write_bytes(b"broken")
    out = tmp_path / "out"
    result = sigden("run", method, *inputs, "--out", out, "--json", "--workers", workers, code=2)
    assert json.loads(result.stdout)["failed"] == 1
    assert len(result.stderr.splitlines()) == 1
    assert "s0.npy" in result.stderr
    assert sorted(p.name for p in out.iterdir()) == ["s1-denoised.json", "s1-denoised.npy"]


def test_a_solve_that_stops_short_is_told(sigden, tmp_path, inputs):
    path = tmp_path / "m.toml"
    path.write_text('method = "RROF"\nregularization = 5.0\nmax_iter = 1\n')
    result = sigden("run", path, inputs[0], "--out", tmp_path / "out")
    assert "max_iter" in result.stdout
    assert result.stderr.startswith("Warning: ")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            'method = "TV1D"\nregularisation = 1.0\n',
            "regularisation: unknown key of TV1D; did you mean 'regularization'?",
        ),
        ('method = "TV1D"\nregularization = "strong"\n', "regularization: "),
        ('method = "TV2D"\n', "no method is called 'TV2D'"),
        ("regularization = 1.0\n", "method: missing"),
        ("method = [\n", "not valid TOML"),
    ],
)
def test_wrong_method_file(sigden, tmp_path, inputs, text, message):
    path = tmp_path / "m.toml"
    path.write_text(text)
    error = sigden("run", path, *inputs, "--out", tmp_path / "out", code=2).stderr
    assert str(path) in error
    assert message in error
    assert len(error.splitlines()) == 1
    assert not (tmp_path / "out").exists()


def test_missing_method_file(sigden, tmp_path, inputs):
    error = sigden("run", tmp_path / "no.toml", *inputs, "--out", tmp_path / "out", code=2).stderr
    assert "no.toml: cannot read the method" in error


def test_output_exists(sigden, tmp_path, method, inputs):
    out = tmp_path / "out"
    sigden("run", method, *inputs, "--out", out)
    before = (out / "s0-denoised.npy").read_bytes()
    error = sigden("run", method, *inputs, "--out", out, "--sigma", 5.0, code=2).stderr
    assert "s0-denoised.npy: exists already; use --overwrite" in error
    assert (out / "s0-denoised.npy").read_bytes() == before
    sigden("run", method, *inputs, "--out", out, "--sigma", 5.0, "--overwrite")
    assert (out / "s0-denoised.npy").read_bytes() != before


@pytest.mark.parametrize("sigma", ["nan", "inf", "-1"])
def test_sigma_out_of_range(sigden, tmp_path, method, inputs, sigma):
    assert (
        "sigma" in sigden("run", method, *inputs, "--out", tmp_path / "out", "--sigma", sigma, code=2).stderr
    )


def test_output_directory_is_a_file(sigden, tmp_path, method, inputs):
    (tmp_path / "out").write_text("in the way")
    assert "a file is in the way" in sigden("run", method, *inputs, "--out", tmp_path / "out", code=2).stderr
