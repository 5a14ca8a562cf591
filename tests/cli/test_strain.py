import json
import tomllib

import h5py
import numpy as np
import pytest

from sigden import RROF, StrainDenoiser
from sigden.io import read_provenance, read_strain
from sigden.metrics import overlap

SHORT = ("--segment-seconds", 1)


@pytest.fixture
def event(tmp_path):
    """File of simulated strain of two detectors, and the truth."""
    from sigden.io import StrainSeries, write_strain
    from sigden.simulate import strain

    truth = strain(duration=8.0, seed=3)
    series = {
        name: StrainSeries(values=x, sample_rate=truth.sample_rate, t0=truth.t0, name=name)
        for name, x in zip(truth.detectors, truth.data, strict=True)
    }
    return write_strain(tmp_path / "event.hdf5", series, provenance={}), truth


def test_outputs_of_two_detectors(sigden, tmp_path, event):
    path, truth = event
    out = tmp_path / "out"
    result = sigden("strain", path, "--band", 35, 350, "--out", out)
    names = ["H1-1126259446-8-denoised.hdf5", "L1-1126259446-8-denoised.hdf5", "report.html", "strain.png"]
    assert sorted(p.name for p in out.iterdir()) == names
    assert all(name in result.stdout for name in names)
    # the table gives one row per detector
    assert "H1 " in result.stdout
    page = (out / "report.html").read_text()
    assert page.count("<figure>") == 2
    assert names[0] in page
    assert (out / "strain.png").read_bytes().startswith(b"\x89PNG")
    for i, name in enumerate(("H1", "L1")):
        clean = read_strain(out / names[i])[name]
        assert (clean.t0, clean.sample_rate) == (truth.t0, truth.sample_rate)
        near = slice(round(3.8 * clean.sample_rate), round(4.05 * clean.sample_rate))
        raw = overlap(truth.data[i][near], truth.signal[i][near])
        assert overlap(clean.values[near], truth.signal[i][near]) > max(0.6, raw + 0.2)
        assert read_provenance(out / names[i])["parameters"]["band"] == [35.0, 350.0]


def test_json_is_all_of_stdout(sigden, tmp_path, write):
    result = sigden("strain", write("a.hdf5"), "--out", tmp_path / "out", "--no-report", "--json", *SHORT)
    summary = json.loads(result.stdout)
    assert summary["detectors"]["H1"]["figures"]["residual_sigma"] == pytest.approx(1, abs=0.2)
    assert summary["detectors"]["H1"]["output"] == str(tmp_path / "out" / "H1-1000000000-4-denoised.hdf5")
    assert summary["report"] is None
    assert summary["method"]["segment_seconds"] == 1.0


def test_quiet_says_nothing(sigden, tmp_path, write):
    assert (
        sigden("strain", write("a.hdf5"), "--out", tmp_path / "out", "--no-report", "--quiet", *SHORT).output
        == ""
    )


def test_options_make_the_method(sigden, tmp_path, write):
    path = tmp_path / "m.toml"
    path.write_text(StrainDenoiser(band=(50.0, 200.0), segment_seconds=2.0).to_toml())
    arguments = ["strain", write("a.hdf5"), "--out", tmp_path / "out", "--no-report", "--json"]
    summary = json.loads(
        sigden(
            *arguments,
            "--method",
            path,
            "--segment-seconds",
            0.5,
            "--notch",
            60,
            "--notch",
            120,
            "--output",
            "whitened",
        ).stdout
    )
    assert summary["method"] == {
        "method": "StrainDenoiser",
        "band": [50.0, 200.0],
        "notches": [60.0, 120.0],
        "whitened": False,
        "output": "whitened",
        "segment_seconds": 0.5,
    }
    assert read_strain(summary["detectors"]["H1"]["output"])["H1"].unit == ""


def test_a_denoiser_file_works_on_the_whitened_strain(sigden, tmp_path, write):
    path = tmp_path / "m.toml"
    path.write_text(RROF(regularization=0.5).to_toml())
    arguments = ["strain", write("a.hdf5"), "--out", tmp_path / "out", "--no-report", "--json"]
    summary = json.loads(sigden(*arguments, "--method", path, *SHORT).stdout)
    assert summary["method"]["denoiser"]["regularization"] == 0.5


def test_report_tells_how_to_do_it_again(sigden, tmp_path, write):
    import html

    sigden("strain", write("a.hdf5"), "--out", tmp_path / "out", *SHORT)
    page = html.unescape((tmp_path / "out" / "report.html").read_text())
    start = page.index('method = "StrainDenoiser"')
    method = tomllib.loads(page[start : page.index("</code>", start)])
    assert method["segment_seconds"] == 1.0


def test_only_the_chosen_detector(sigden, tmp_path, write):
    source = write("a.hdf5", ("H1", "L1"))
    sigden("strain", source, "--detector", "L1", "--out", tmp_path / "out", "--no-report", *SHORT)
    assert [p.name for p in (tmp_path / "out").iterdir()] == ["L1-1000000000-4-denoised.hdf5"]


def test_gaps_stay_gaps(sigden, tmp_path, write):
    def gap(x):
        x[1000:1300] = np.nan

    sigden("strain", write("a.hdf5", change=gap), "--out", tmp_path / "out", "--no-report", *SHORT)
    clean = read_strain(tmp_path / "out" / "H1-1000000000-4-denoised.hdf5")["H1"]
    assert clean.gaps.sum() == 300
    assert clean.gaps[1000:1300].all()


# what the user can get wrong: one line, exit code 2, nothing written


def refused(sigden, tmp_path, *arguments):
    error = sigden("strain", *arguments, "--out", tmp_path / "out", code=2).stderr
    assert len(error.splitlines()) == 1
    assert not (tmp_path / "out").exists()
    return error


def test_a_detector_that_is_off_for_a_while_is_told(sigden, tmp_path, write):
    def off(x):
        x[1000:2024] = 0.0

    path, out = write("a.hdf5", change=off), tmp_path / "out"
    result = sigden("strain", path, "--out", out, "--no-report", *SHORT)
    expected = "Warning: H1: 1 s of samples that all equal 0, from sample 1000 on; taken for a gap"
    assert expected in " ".join(result.stderr.split())
    clean = read_strain(out / "H1-1000000000-4-denoised.hdf5")["H1"].values
    np.testing.assert_array_equal(np.flatnonzero(np.isnan(clean)), np.arange(1000, 2024))


def test_missing_file(sigden, tmp_path):
    assert "no.hdf5: no such file" in refused(sigden, tmp_path, tmp_path / "no.hdf5")


def test_wrong_sample_rate(sigden, tmp_path, write):
    error = refused(sigden, tmp_path, write("a.hdf5"), "--sample-rate", 2048)
    assert "a.hdf5" in error
    assert "1024" in error
    assert "2048" in error


def test_wrong_sample_rate_in_the_method(sigden, tmp_path, write):
    path = tmp_path / "m.toml"
    path.write_text(StrainDenoiser(sample_rate=512.0).to_toml())
    error = refused(sigden, tmp_path, write("a.hdf5"), "--method", path)
    assert "1024" in error
    assert "512" in error


def test_unequal_rates(sigden, tmp_path, write):
    error = refused(sigden, tmp_path, write("a.hdf5"), write("b.hdf5", ("L1",), rate=512.0))
    assert "H1" in error
    assert "1024 Hz, L1" in error
    assert "512 Hz" in error


def test_gaps_that_leave_no_segment(sigden, tmp_path, write):
    def gaps(x):
        x[::900] = np.nan

    error = refused(sigden, tmp_path, write("a.hdf5", change=gaps), *SHORT)
    assert "H1" in error
    assert "shorter than the PSD segment" in error


def test_all_zero_channel_among_good_ones(sigden, tmp_path, write):
    error = refused(
        sigden, tmp_path, write("a.hdf5"), write("b.hdf5", ("L1",), change=lambda x: x.fill(0)), *SHORT
    )
    assert "L1" in error
    assert "zero" in error


def test_truncated_file(sigden, tmp_path, write):
    path = write("a.hdf5")
    path.write_bytes(path.read_bytes()[:3000])
    assert "a.hdf5" in refused(sigden, tmp_path, path)


@pytest.mark.parametrize("kind", ["external link", "external storage", "virtual", "8 TB"])
def test_hostile_file(sigden, tmp_path, write, kind):
    secret = write("secret.hdf5")
    path = tmp_path / "evil.hdf5"
    with h5py.File(path, "w") as file:
        if kind == "external link":
            file["H1"] = h5py.ExternalLink(str(secret), "/H1")
        elif kind == "external storage":
            file.create_dataset("H1", (1024,), "f8", external=[(str(secret), 0, 8192)])
        elif kind == "virtual":
            layout = h5py.VirtualLayout((4096,), "f8")
            layout[:] = h5py.VirtualSource(str(secret), "H1", (4096,))
            file.create_virtual_dataset("H1", layout)
        else:
            file.create_dataset("H1", (10**12,), "f8", chunks=(2**20,))
        if kind != "external link":
            file["H1"].attrs.update({"x0": 1e9, "dx": 1 / 1024})
    assert "evil.hdf5" in refused(sigden, tmp_path, path)


def test_unknown_key_in_the_method(sigden, tmp_path, write):
    path = tmp_path / "m.toml"
    path.write_text('method = "StrainDenoiser"\nbands = [1.0, 2.0]\n')
    assert "bands: unknown key of StrainDenoiser; did you mean 'band'?" in refused(
        sigden, tmp_path, write("a.hdf5"), "--method", path
    )


@pytest.mark.parametrize("band", [(350, 35), (10, 600), (-5, 100), ("nan", 100)])
def test_band_out_of_range(sigden, tmp_path, write, band):
    assert "band" in refused(sigden, tmp_path, write("a.hdf5"), "--band", *band, *SHORT)


@pytest.mark.parametrize("name", ["H1-1000000000-4-denoised.hdf5", "strain.png", "report.html"])
def test_an_output_exists(sigden, tmp_path, write, name):
    out = tmp_path / "out"
    out.mkdir()
    (out / name).write_text("old")
    error = sigden("strain", write("a.hdf5"), "--out", out, *SHORT, code=2).stderr
    assert f"{name}: exists already; use --overwrite" in error
    assert [(p.name, p.read_text()) for p in out.iterdir()] == [(name, "old")]


def test_overwrite(sigden, tmp_path, write):
    arguments = ["strain", write("a.hdf5"), "--out", tmp_path / "out", "--no-report", *SHORT]
    sigden(*arguments)
    sigden(*arguments, code=2)
    sigden(*arguments, "--overwrite", "--band", 50, 200)
    record = read_provenance(tmp_path / "out" / "H1-1000000000-4-denoised.hdf5")
    assert record["parameters"]["band"] == [50.0, 200.0]


def test_a_failure_in_the_report_leaves_nothing(sigden, tmp_path, write, monkeypatch):
    from sigden.errors import InputError
    from sigden.report import page

    def broken(*args, **kwargs):
        raise InputError("page: broken")

    monkeypatch.setattr(page, "report_page", broken)
    assert "page: broken" in refused(sigden, tmp_path, write("a.hdf5"), *SHORT)


@pytest.mark.parametrize("arguments", [[], ["a.hdf5", "--event", "GW150914"]])
def test_files_or_event(sigden, tmp_path, arguments):
    assert "either files or --event" in sigden("strain", *arguments, "--out", tmp_path / "out", code=2).stderr


def test_event_without_network(sigden, tmp_path, monkeypatch):
    from sigden.errors import FileError
    from sigden.io import gwosc

    asked = []

    def no_network(name, detectors=None, sample_rate=4096, **options):
        asked.append((name, detectors, sample_rate))
        raise FileError("no network: GWOSC gave no answer within 10 s")

    monkeypatch.setattr(gwosc, "fetch_event", no_network)
    assert (
        "no network"
        in sigden(
            "strain", "--event", "GW150914", "--detector", "H1", "--out", tmp_path / "out", "--json", code=2
        ).stderr
    )
    assert asked == [("GW150914", ["H1"], 4096)]


def test_event_denoises_what_was_fetched(sigden, tmp_path, write, monkeypatch):
    from sigden.io import gwosc

    files = [write("a.hdf5"), write("b.hdf5", ("L1",))]
    monkeypatch.setattr(gwosc, "fetch_event", lambda *args, **options: files)
    out = tmp_path / "out"
    result = sigden("strain", "--event", "GW150914", "--out", out, "--no-report", *SHORT)
    assert len(list(out.iterdir())) == 2
    assert "Fetching GW150914" in result.stderr


def test_report_without_its_packages(sigden, tmp_path, write, monkeypatch):
    import importlib.util

    find = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name, *a: None if name == "jinja2" else find(name, *a)
    )
    error = refused(sigden, tmp_path, write("a.hdf5"), *SHORT)
    assert "sigden[plot]" in error
    assert "--no-report" in error


def test_a_coherent_method_is_not_run_detector_by_detector(tmp_path):
    from sigden import CoherentStrain, ParameterError
    from sigden.cli.strain_options import strain_method

    file = tmp_path / "coherent.toml"
    file.write_text(CoherentStrain().to_toml())
    with pytest.raises(ParameterError, match="one by one"):
        strain_method(file, {})
