import importlib
import json
import re

import pytest

from sigden.io import read_strain

DATA = importlib.import_module("sigden.cli.demo_data")
DEMO = importlib.import_module("sigden.cli.demo")


@pytest.fixture(scope="module")
def shown(tmp_path_factory):
    """What the demo wrote and said."""
    from click.testing import CliRunner

    from sigden.cli import main

    out = tmp_path_factory.mktemp("demo") / "out"
    denoise, found = DEMO._denoise, {}

    def noted(one, bars):
        found[one.name] = denoise(one, bars)
        return found[one.name]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(DEMO, "_denoise", noted)
        # a quarter of the usual record is enough here
        patch.setattr(DATA, "_SECONDS", 8.0)
        result = CliRunner().invoke(main, ["demo", "--out", str(out), "--json"])
    assert result.exit_code == 0, result.output
    return out, json.loads(result.stdout), found


def test_files(shown):
    out, *_ = shown
    assert sorted(p.name for p in out.iterdir()) == [
        "H1-968654552-1-denoised.hdf5",
        "L1-968654552-1-denoised.hdf5",
        "V1-968654552-1-denoised.hdf5",
        "real.png",
        "report.html",
        "simulated-H1-1126259446-8-denoised.hdf5",
        "simulated-L1-1126259446-8-denoised.hdf5",
        "simulated.png",
    ]
    clean = read_strain(out / "V1-968654552-1-denoised.hdf5")["V1"]
    assert (clean.t0, clean.sample_rate, len(clean)) == (968654552.0, 16384.0, 16384)


def test_denoising_brings_the_simulation_nearer_to_the_truth(shown):
    _, summary, _ = shown
    for detector in summary["sets"]["simulated"]["detectors"].values():
        figures = detector["figures"]
        assert figures["overlap_after"] > figures["overlap_before"] + 0.03
        assert figures["overlap_after"] > 0.8


def test_page_shows_both(shown):
    out, *_ = shown
    page = (out / "report.html").read_text()
    assert page.count("<section ") == 2
    assert page.count("<figure>") == 5
    assert len(re.findall(r"Overlap after", page)) >= 1
    assert not re.findall(r"(?:src|href)=\"https?:", page)


def test_a_second_run_is_refused_at_once(shown, sigden):
    out, *_ = shown
    before = {p.name: p.stat().st_mtime_ns for p in out.iterdir()}
    assert "exists already; use --overwrite" in sigden("demo", "--out", out, code=2).stderr
    assert {p.name: p.stat().st_mtime_ns for p in out.iterdir()} == before


def test_what_is_printed(shown, sigden, tmp_path, monkeypatch):
    # computing and writing are tested above and take most of the time
    monkeypatch.setattr(DATA, "_SECONDS", 8.0)
    monkeypatch.setattr(DEMO, "_denoise", lambda one, bars: shown[2][one.name])
    monkeypatch.setattr(DEMO, "_write", lambda *args: None)
    text = sigden("demo", "--out", tmp_path / "out").stdout
    assert "HLV-HW100916-968654552-1.hdf" in text
    assert "overlap before" in text
    assert f"{shown[1]['sets']['simulated']['detectors']['L1']['figures']['overlap_after']:.3f}" in text
    assert f"Look at {tmp_path / 'out' / 'report.html'}" in text
