"""The plug-in in the real pipeline: Gaussian noise with an injection, real GW150914, and pycWB's own command.

Slow, and pycWB brings a hundred packages: ``nox -s pycwb`` runs these tests in an environment of their own.
"""

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("pycwb", reason="pycWB comes with the pycwb extra; nox -s pycwb")

from sigden.plugins import pycwb as plugin

pytestmark = [pytest.mark.pycwb, pytest.mark.filterwarnings("ignore")]

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
WHEN = 1300000040.0
INJECTION = {
    "approximant": "SGE",
    "frequency": 235.0,
    "Q": 9.0,
    "hrss": 1e-22,
    "target_snr": 20.0,
    "inclination": 0.0,
    "gps_time": WHEN,
    "ra": 1.0,
    "dec": 0.5,
    "pol": 0.3,
    "t_start": -0.5,
    "t_end": 0.5,
}
DENOISERS = {
    "not denoised": None,
    "StrainDenoiser": {"method": "StrainDenoiser"},
    "rROF": {"method": "RROF", "regularization": 0.3},
    "rROF, Bregman": {"method": "RROF", "regularization": 2.0, "iteration": "bregman", "passes": 10},
}


@pytest.fixture(scope="module")
def example():
    """The module of the example, whose search the tests share."""
    spec = importlib.util.spec_from_file_location("pycwb_roc", EXAMPLES / "pycwb_roc.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def catalogue(tmp_path_factory):
    """The cross-talk catalogue, kept in the folder SIGDEN_CACHE between runs."""
    folder = os.environ.get("SIGDEN_CACHE") or tmp_path_factory.mktemp("catalogue")
    return plugin.crosstalk_catalogue(Path(folder).absolute() / "wdmXTalk-16-128.xbin")


@pytest.fixture(scope="module")
def loudest(example):
    def find(triggers, when):
        found = example.loudest(triggers, when)
        assert found, f"no trigger at {when}, only {triggers}"
        return found

    return find


def test_smallest_search_finds_an_injection(example, loudest, tmp_path_factory, tmp_path):
    """All of the pipeline in 16 s with two resolutions: what `nox -s pycwb_short` runs."""
    folder = Path(os.environ.get("SIGDEN_CACHE") or tmp_path_factory.mktemp("catalogue")).absolute()
    catalogue = plugin.crosstalk_catalogue(folder / "wdmXTalk-32-64.xbin", l_low=5, l_high=6)
    triggers, seconds = example.search(
        tmp_path, catalogue, DENOISERS["StrainDenoiser"], seeds=(11, 12),
        injections=[INJECTION | {"gps_time": 1300000016.0}], iwindow=2.0, l_low=5, l_high=6, segLen=16,
        segMLS=8, gps_end=1300000032, whiteWindow=16.0, whiteStride=8.0, fHigh=512.0,
    )  # fmt: skip
    found = loudest(triggers, 1300000016.0)
    assert seconds == 16
    assert found["rho"] > 5
    assert found["net_cc"] > 0.6
    assert np.mean(found["overlap"]) > 0.8


def test_contracts_are_those_of_pycwb():
    process, _ = plugin._pycwb()
    assert plugin.process_job_segment.conditioning_capabilities == process.conditioning_capabilities


@pytest.mark.parametrize("name", DENOISERS)
def test_finds_an_injection_in_gaussian_noise(name, example, loudest, catalogue, tmp_path, record_property):
    triggers, seconds = example.search(
        tmp_path, catalogue, DENOISERS[name], seeds=(11, 12), injections=[dict(INJECTION)], iwindow=2.0
    )
    found = loudest(triggers, WHEN)
    record_property("trigger", found)
    print(f"{name}: {found}")
    assert seconds == 64
    assert found["rho"] > 5
    assert found["net_cc"] > 0.6
    assert found["likelihood"] > 100
    assert np.mean(found["overlap"]) > 0.8


@pytest.mark.parametrize("name", DENOISERS)
def test_finds_gw150914(name, example, loudest, catalogue, sigden_data, tmp_path, record_property):
    triggers = example.search_gw150914(sigden_data / "strain", tmp_path, catalogue, DENOISERS[name])
    found = loudest(triggers, example.GW150914)
    record_property("trigger", found)
    print(f"{name}: {found}")
    assert found["rho"] > 8
    assert found["net_cc"] > 0.8


def test_runs_from_pycwb_command(example, loudest, catalogue, tmp_path):
    import yaml

    parameters = yaml.safe_load((EXAMPLES / "pycwb_user_parameters.yaml").read_text())
    noise = {"type": "gaussian", "psds": {"L1": None, "H1": None}, "delta_seeds": {"L1": 11, "H1": 12}}
    parameters |= {"filter_dir": str(catalogue.parent), "wdmXTalk": catalogue.name, "iwindow": 2.0}
    parameters |= {"simulation": "all_inject_in_one_segment", "injection": {
        "generator": "burst_waveform.interface.generate_waveform_pycwb.get_td_waveform",
        "noise": noise, "parameters": [dict(INJECTION)],
    }}  # fmt: skip
    (tmp_path / "user_parameters.yaml").write_text(yaml.safe_dump(parameters))

    def run(folder):
        command = [sys.executable, "-m", "pycwb", "run", "user_parameters.yaml", "--work-dir", folder]
        return subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)

    done = run("run")
    assert done.returncode == 0, done.stderr[-2000:]
    found = loudest(example.read_triggers(tmp_path / "run/catalog/catalog.parquet"), WHEN)
    assert found["rho"] > 5

    parameters["sigden"] = {"denoiser": {"method": "RROF", "regularisation": 0.3}}
    (tmp_path / "user_parameters.yaml").write_text(yaml.safe_dump(parameters))
    done = run("bad")
    assert done.returncode != 0
    assert (
        "sigden: denoiser.regularisation: unknown key of RROF; did you mean 'regularization'" in done.stderr
    )
