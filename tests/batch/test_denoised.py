"""From file to file: the same answer as in memory, in constant memory."""

import numpy as np
import pytest

from sigden import InputError, StrainDenoiser
from sigden.batch import analyse, denoise_to_file, open_network, write_denoised
from sigden.io import StoredStrain, StrainSeries, read_provenance, read_strain, write_strain
from sigden.simulate import aligo_spectrum, coloured_noise

RATE = 256.0
METHOD = StrainDenoiser(band=(35.0, 110.0), segment_seconds=2.0)


@pytest.fixture(scope="module")
def long_file(tmp_path_factory):
    """Five minutes of noise with a burst and a gap, and as much without."""
    series = {}
    for seed, name in enumerate(("H1", "L1")):
        x = coloured_noise(aligo_spectrum(RATE), round(300 * RATE), RATE, seed)
        if name == "H1":
            t = (np.arange(x.size) - 200 * RATE) / RATE
            x += 60 * x.std() * np.exp(-((t / 0.05) ** 2)) * np.sin(2 * np.pi * 70 * t)
            x[5000:5100] = np.nan
        series[name] = StrainSeries(values=x, sample_rate=RATE, t0=1e9, name=name, channel=f"{name}:X")
    return write_strain(tmp_path_factory.mktemp("long") / "a.hdf5", series, provenance={})


@pytest.mark.parametrize("output", ["calibrated", "whitened"])
def test_equals_what_is_done_in_memory(tmp_path, long_file, output):
    method = METHOD.replace(output=output)
    network = open_network([long_file])
    seen = []
    done = denoise_to_file(method, network, tmp_path / "a.hdf5", progress=lambda *n: seen.append(n))
    whole = {name: analyse(method, name, s, source="a.hdf5") for name, s in read_strain(long_file).items()}
    write_denoised(tmp_path / "b.hdf5", whole, output=output)
    assert seen[-1] == (2 * 300 * 256, 2 * 300 * 256)
    for dataset in ("H1", "L1", "extras/H1/residual", "extras/L1/uncertainty", "extras/H1/whitened"):
        (one,), (other,) = (read_strain(tmp_path / n, channel=dataset).values() for n in ("a.hdf5", "b.hdf5"))
        np.testing.assert_array_equal(one.values, other.values)
        assert (one.unit, one.name, one.channel, one.t0) == (other.unit, other.name, other.channel, other.t0)
    records = [read_provenance(tmp_path / n) for n in ("a.hdf5", "b.hdf5")]
    for name in ("H1", "L1"):
        assert records[0][name]["running_spectrum"]
        assert records[0][name]["input_sha256"] == records[1][name]["input_sha256"]
        assert done[name].result.figures == whole[name].result.figures


def test_what_is_kept_for_the_report_is_around_the_loudest_sample(tmp_path, long_file):
    network = open_network([long_file], detectors=["H1"])
    result = denoise_to_file(METHOD, network, tmp_path / "a.hdf5")["H1"].result
    assert result.figures["loudest_time"] == pytest.approx(1e9 + 200, abs=0.1)
    assert result.figures["gap_fraction"] == pytest.approx(100 / (300 * RATE))
    assert result.figures["residual_sigma"] == pytest.approx(1.0, abs=0.05)
    assert result.denoised.size == round(16 * RATE)
    first = round((result.t0 - 1e9) * RATE)
    (written,) = read_strain(tmp_path / "a.hdf5", channel="H1").values()
    np.testing.assert_array_equal(written.values[first : first + result.denoised.size], result.denoised)


def test_a_short_record_is_denoised_whole(tmp_path, write):
    network = open_network([write("a.hdf5")])
    method = StrainDenoiser(segment_seconds=1.0)
    item = denoise_to_file(method, network, tmp_path / "o.hdf5")["H1"]
    assert not item.record["running_spectrum"]
    np.testing.assert_array_equal(read_strain(tmp_path / "o.hdf5")["H1"].values, item.result.denoised)


def test_a_detector_that_fails_leaves_no_file(tmp_path, write):
    network = open_network([write("a.hdf5", ("H1", "V1"), change=lambda x: x.fill(0))])
    with pytest.raises(InputError, match="H1"):
        denoise_to_file(METHOD, network, tmp_path / "o.hdf5")
    assert not (tmp_path / "o.hdf5").exists()


def test_names_that_differ_by_a_slash_stay_apart(tmp_path):
    rng = np.random.default_rng(5)
    network = {}
    for name in ("H1/a", "H1_a"):
        series = StrainSeries(values=rng.normal(size=4096), sample_rate=RATE, name=name)
        network[name] = (tmp_path / "x.hdf5", StoredStrain.of(series))
    done = denoise_to_file(METHOD, network, tmp_path / "o.hdf5")
    record = read_provenance(tmp_path / "o.hdf5")
    for name, dataset in {"H1/a": "H1_a", "H1_a": "H1_a-2"}.items():
        (written,) = read_strain(tmp_path / "o.hdf5", channel=f"extras/{dataset}/whitened").values()
        np.testing.assert_array_equal(written.values, done[name].result.whitened)
        assert record[dataset]["detector"] == name
