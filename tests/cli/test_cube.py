import importlib
import json

import numpy as np
import pytest
from astropy.io import fits

from sigden.io import Cube, read_cube, write_cube
from sigden.simulate import gaussian_noise, spectral_cube

DEMO = importlib.import_module("sigden.cli.cube_demo")


@pytest.fixture(scope="module")
def shown(tmp_path_factory):
    """What the demo wrote and said, of a small scene."""
    from click.testing import CliRunner

    from sigden.cli import main

    pytest.importorskip("spectral")
    out = tmp_path_factory.mktemp("demo") / "out"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(DEMO, "_SHAPE", (40, 40))
        result = CliRunner().invoke(main, ["demo", "cube", "--out", str(out), "--json"])
    assert result.exit_code == 0, (result.output, result.exception)
    return out, json.loads(result.stdout)


@pytest.fixture
def scene():
    """Noisy scene, 32 x 30 pixels and 24 bands, sigma 0.05."""
    return gaussian_noise(spectral_cube((32, 30), 24, seed=1), 0.05, seed=2)


def never(*args, **kwargs):
    raise AssertionError("work is done before the place for its result is looked at")


@pytest.mark.parametrize("options", [(), ("--memory", "1 GB")])
def test_a_suffix_that_is_no_cube_makes_no_folder(sigden, tmp_path, options):
    np.save(tmp_path / "cube.npy", np.ones((4, 4, 4)))
    stderr = sigden("cube", tmp_path / "cube.npy", "--out", tmp_path / "x.jpg", *options, code=2).stderr
    assert "x.jpg: .jpg names no kind of cube; known: .hdr" in stderr
    assert ".h5" in stderr
    assert not (tmp_path / "x.jpg").exists()


def test_a_place_that_cannot_be_written_to_is_refused_before_any_work(sigden, tmp_path, monkeypatch):
    (tmp_path / "file").touch()
    np.save(tmp_path / "cube.npy", np.ones((4, 4, 4)))
    monkeypatch.setattr(DEMO, "_scene", never)
    monkeypatch.setattr("sigden.io.cube.read_cube", never)
    monkeypatch.setattr(importlib.import_module("sigden.simulate.scene"), "scene", never)
    monkeypatch.setattr("sigden.cli.demo_data.real_data", never)
    for command in ("demo", "cube"), ("demo", "multiband"), ("demo",), ("cube", tmp_path / "cube.npy"):
        stderr = sigden(*command, "--out", tmp_path / "file" / "x", code=2).stderr
        assert "cannot be an output directory, a file is in the way" in stderr


@pytest.mark.parametrize(("room", "folder"), [((), ""), (("multiband",), "-multiband"), (("cube",), "-cube")])
def test_demonstrations_do_not_stand_in_each_others_way(sigden, tmp_path, monkeypatch, room, folder):
    monkeypatch.chdir(tmp_path)
    (tmp_path / f"sigden-demo{folder}").touch()
    stderr = sigden("demo", *room, code=2).stderr
    assert f"sigden-demo{folder}: cannot be an output directory" in stderr


def test_demo(shown):
    out, summary = shown
    assert sorted(p.name for p in out.iterdir()) == [
        "cube.png",
        "report.html",
        "scene-denoised.hdr",
        "scene-denoised.img",
        "scene.hdr",
        "scene.img",
    ]
    assert summary["figures"]["after"]["mpsnr"] > summary["figures"]["before"]["mpsnr"] + 10
    page = (out / "report.html").read_text()
    assert page.count("<figure>") == 5
    assert "Striped columns" in page
    assert "http" not in page.replace("http-equiv", "")


def test_bad_bands_come_out_as_they_were(shown):
    out, _ = shown
    before, after = read_cube(out / "scene.hdr"), read_cube(out / "scene-denoised.hdr")
    assert before.bad_bands.sum() == 6
    np.testing.assert_array_equal(after.values[..., before.bad_bands], before.values[..., before.bad_bands])
    np.testing.assert_array_equal(after.bad_bands, before.bad_bands)
    assert (after.values != before.values)[..., ~before.bad_bands].mean() > 0.99


def test_bad_bands_have_no_say(shown, sigden, tmp_path):
    out, _ = shown
    scene = read_cube(out / "scene.hdr")
    values = scene.values.copy()
    values[..., scene.bad_bands] = np.nan
    write_cube(tmp_path / "other.hdr", scene.with_values(values))
    sigden("cube", tmp_path / "other.hdr", "--out", tmp_path / "o.hdr", "--no-report", "--quiet")
    good = ~scene.bad_bands
    found, first = read_cube(tmp_path / "o.hdr").values, read_cube(out / "scene-denoised.hdr").values
    np.testing.assert_array_equal(found[..., good], first[..., good])
    assert np.isnan(found[..., ~good]).all()


def test_variance_in_and_out_of_fits(sigden, scene, tmp_path):
    from sigden import SubspaceDenoise

    variance = np.full(scene.shape, 0.05**2, np.float32)
    variance[3, 4, 5] = np.nan
    cube = Cube(values=scene, variance=variance, axis=0, unit="Jy")
    write_cube(tmp_path / "a.fits", cube)
    text = sigden(
        "cube", tmp_path / "a.fits", "--out", tmp_path / "b.fits", "--method", "SubspaceDenoise"
    ).stdout
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a.fits", "b.fits", "b.html", "b.png"]
    assert "b.fits" in text
    result = SubspaceDenoise().solve(scene, sigma=np.sqrt(variance))
    with fits.open(tmp_path / "b.fits") as units:
        assert [u.name for u in units] == ["PRIMARY", "DATA", "STAT"]
        data, left = (np.moveaxis(units[k].data, 0, 2) for k in ("DATA", "STAT"))
        history = str(units["DATA"].header["HISTORY"])
    np.testing.assert_allclose(data, result.estimate, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(left, result.variance(), rtol=1e-5)
    assert np.isfinite(left).all()
    assert np.median(left) < 0.5 * 0.05**2
    assert "sigden method = SubspaceDenoise" in history


def test_classical_method_from_toml_and_given_pixels(sigden, scene, tmp_path):
    np.save(tmp_path / "a.npy", np.moveaxis(scene, 2, 0))
    (tmp_path / "m.toml").write_text('method = "FORPDN"\n')
    arguments = ["cube", tmp_path / "a.npy", "--axis", 0, "--method", tmp_path / "m.toml"]
    arguments += ["--pixel", "7,9", "--pixel", "1,29", "--out", tmp_path / "o", "--json"]
    summary = json.loads(sigden(*arguments).stdout)
    assert (summary["rank"], summary["components"], summary["shape"]) == (None, None, [32, 30, 24])
    assert np.load(tmp_path / "o" / "a-denoised.npy").shape == (24, 32, 30)
    assert json.loads((tmp_path / "o" / "a-denoised.json").read_text())["method"] == "FORPDN"
    assert (tmp_path / "o" / "report.html").read_text().count("<figure>") == 3


def test_constant_and_missing_bands(sigden, scene, tmp_path):
    scene[..., 3], scene[..., 5] = 0.5, np.nan
    np.save(tmp_path / "a.npy", scene)
    sigden("cube", tmp_path / "a.npy", "--out", tmp_path / "o")
    found = np.load(tmp_path / "o" / "a-denoised.npy")
    assert (found[..., 3] == 0.5).all()
    assert np.isnan(found[..., 5]).all()
    assert np.isfinite(np.delete(found, 5, axis=2)).all()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--method", "ROF"], "not cubes of"),
        (["--method", "FastHyd"], "did you mean 'FastHyDe'"),
        (["--pixel", "7"], "give ROW,COLUMN"),
        (["--pixel", "32,0"], "outside the cube of 32 rows"),
        (["--dataset", "x"], "no array 'x'"),
        (["--axis", "3"], "--axis"),
    ],
)
def test_what_cannot_be_done_leaves_nothing(sigden, scene, tmp_path, options, message):
    np.save(tmp_path / "a.npy", scene)
    assert message in sigden("cube", tmp_path / "a.npy", "--out", tmp_path / "o", *options, code=2).stderr
    assert [p.name for p in tmp_path.iterdir()] == ["a.npy"]


def test_outputs_are_not_replaced_unasked(sigden, scene, tmp_path):
    np.save(tmp_path / "a.npy", scene)
    (tmp_path / "o").mkdir()
    (tmp_path / "o" / "a-denoised.json").write_text("precious")
    error = sigden("cube", tmp_path / "a.npy", "--out", tmp_path / "o", code=2).stderr
    assert "a-denoised.json: exists already; use --overwrite" in error
    assert [p.name for p in (tmp_path / "o").iterdir()] == ["a-denoised.json"]
    arguments = ["cube", tmp_path / "a.npy", "--out", tmp_path / "o", "--no-report"]
    sigden(*arguments, "--overwrite", "--method", "SubspaceDenoise")
    assert "precious" not in (tmp_path / "o" / "a-denoised.json").read_text()


def test_bounded_memory(sigden, scene, tmp_path):
    np.save(tmp_path / "a.npy", scene)
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    sigden("cube", tmp_path / "a.npy", "--out", whole, "--no-report")
    summary = json.loads(
        sigden("cube", tmp_path / "a.npy", "--out", parts, "--memory", "100 MB", "--json").stdout
    )
    assert sorted(p.name for p in parts.iterdir()) == ["a-denoised.json", "a-denoised.npy"]
    np.testing.assert_allclose(
        np.load(parts / "a-denoised.npy"), np.load(whole / "a-denoised.npy"), atol=1e-6
    )
    assert summary["shape"] == [32, 30, 24]
    assert summary["components"]["impulses"] == 0
    text = sigden("cube", tmp_path / "a.npy", "--out", tmp_path / "o.npy", "--memory", "100MB").stdout
    assert "SubspaceCollaborative" in text


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--memory", "much"], "is no size"),
        (["--memory", "1 kB"], "the least that works"),
        (["--memory", "1 GB", "--pixel", "1,2"], "--pixel goes with the report"),
        (["--memory", "1 GB", "--method", "FORPDN"], "FORPDN does not work in parts"),
    ],
)
def test_bounded_memory_errors_leave_nothing(sigden, scene, tmp_path, options, message):
    np.save(tmp_path / "a.npy", scene)
    assert message in sigden("cube", tmp_path / "a.npy", "--out", tmp_path / "o", *options, code=2).stderr
    assert [p.name for p in tmp_path.iterdir()] == ["a.npy"]
