"""``sigden multiband`` and ``sigden demo multiband`` from end to end."""

import importlib
import json

import numpy as np
import pytest
from astropy.io import fits

from sigden.io import read_multiband

DEMO = importlib.import_module("sigden.cli.multiband_demo")


@pytest.fixture(scope="module")
def shown(tmp_path_factory):
    """What the demo wrote and said."""
    from click.testing import CliRunner

    from sigden.cli import main

    out = tmp_path_factory.mktemp("demo") / "out"
    with pytest.MonkeyPatch.context() as patch:
        # a quarter of the usual field is enough here
        patch.setattr(DEMO, "_SIZE", 104)
        result = CliRunner().invoke(main, ["demo", "multiband", "--out", str(out), "--json"])
    assert result.exit_code == 0, (result.output, result.exception)
    return out, json.loads(result.stdout)


def test_demo_writes_inputs_scene_result_and_page(shown):
    out, summary = shown
    names = {p.name for p in out.iterdir()}
    assert {"scene.toml", "vis.fits", "rubin_r.fits", "psf_vis.fits", "multiband.fits"} < names
    assert {"multiband.png", "report.html"} < names
    for band in summary["squared_error"].values():
        assert band["after"] < 0.2 * band["before"]
    page = (out / "report.html").read_text()
    assert page.count("<figure>") == 4
    assert "Truth" not in page  # it is within the picture
    assert "Observations" in page
    assert "sigden demo multiband" in page or "sigden " in page


def test_scene_of_the_demo_gives_its_result(shown, sigden, tmp_path):
    out, _ = shown
    summary = json.loads(
        sigden("multiband", out / "scene.toml", "--out", tmp_path / "again", "--json").stdout
    )
    assert sorted(p.name for p in (tmp_path / "again").iterdir()) == [
        "multiband.fits",
        "multiband.png",
        "report.html",
    ]
    first, second = (read_multiband(d / "multiband.fits") for d in (out, tmp_path / "again"))
    np.testing.assert_array_equal(first.estimate, second.estimate)
    assert summary["bands"] == ["r", "i", "z"]
    assert set(summary["observations"]) == {"VIS", "r", "i", "z"}
    assert all(0.5 < one["chi_squared"] < 1.5 for one in summary["observations"].values())
    assert summary["output"] == str(tmp_path / "again" / "multiband.fits")


def test_bands_in_units_of_their_own_and_no_report(shown, sigden, tmp_path):
    out, _ = shown
    text = sigden(
        "multiband", out / "scene.toml", "--out", tmp_path / "o", "--layout", "bands", "--no-report"
    ).stdout
    assert "chi-squared" in text
    assert [p.name for p in (tmp_path / "o").iterdir()] == ["multiband.fits"]
    with fits.open(tmp_path / "o" / "multiband.fits") as units:
        assert [u.name for u in units] == [
            "PRIMARY", "R", "R_ERROR", "I", "I_ERROR", "Z", "Z_ERROR", "COVARIANCE",
        ]  # fmt: skip


def test_tiles(shown, sigden, tmp_path):
    out, _ = shown
    scene = (out / "scene.toml").read_text().replace("JointSparse", "LocalColour")
    (out / "fast.toml").write_text(scene)
    arguments = ["multiband", out / "fast.toml", "--tile", 52, "--halo", 16, "--workers", 2]
    summary = json.loads(sigden(*arguments, "--out", tmp_path / "o", "--json").stdout)
    assert summary["provenance"]["tiling"]["tiles"] == 4
    found = read_multiband(tmp_path / "o" / "multiband.fits")
    assert np.isfinite(found.estimate).all()
    assert "The field was solved in 4 tiles" in (tmp_path / "o" / "report.html").read_text()


def test_outputs_are_not_replaced_unasked(shown, sigden, tmp_path):
    out, _ = shown
    (tmp_path / "o").mkdir()
    (tmp_path / "o" / "report.html").write_text("precious")
    error = sigden("multiband", out / "scene.toml", "--out", tmp_path / "o", code=2).stderr
    assert "report.html: exists already; use --overwrite" in error
    assert [p.name for p in (tmp_path / "o").iterdir()] == ["report.html"]
    assert (tmp_path / "o" / "report.html").read_text() == "precious"
    assert "exists already" in sigden("demo", "multiband", "--out", out, code=2).stderr


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--halo", 4], "go with --tile"),
        (["--workers", 2], "go with --tile"),
        (["--tile", 32, "--layout", "bands"], "write a cube"),
        (["--tile", 8, "--memory", 1], "give a smaller tile"),
        (["--tile", 32, "--halo", 4, "--crossfade", 8], "crossfade"),
    ],
)
def test_options_that_do_not_fit_leave_nothing(shown, sigden, tmp_path, options, message):
    out, _ = shown
    result = sigden("multiband", out / "scene.toml", "--out", tmp_path / "o", *options, code=2)
    assert message in result.stderr
    assert not (tmp_path / "o").exists()


def test_a_broken_input_leaves_nothing(shown, sigden, tmp_path):
    out, _ = shown
    for path in out.glob("*"):
        if path.suffix in (".toml", ".fits"):
            (tmp_path / path.name).write_bytes(path.read_bytes())
    (tmp_path / "rubin_i.fits").write_bytes((tmp_path / "rubin_i.fits").read_bytes()[:5000])
    error = sigden("multiband", tmp_path / "scene.toml", "--out", tmp_path / "o", code=2).stderr
    assert "rubin_i.fits" in error
    assert not (tmp_path / "o").exists()
