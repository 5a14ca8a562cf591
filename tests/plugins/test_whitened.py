"""Denoising of a pipeline's whitened strain, and the wiring to pycWB on a stand-in for it."""

import builtins
import dataclasses
import logging
import sys
import types

import numpy as np
import pytest

from sigden import RROF, InputError, MissingExtraError, ParameterError, StrainDenoiser
from sigden.errors import FileError
from sigden.metrics import overlap
from sigden.noise import mad_sigma
from sigden.plugins import pycwb as plugin
from sigden.plugins.whitened import WhitenedDenoising, noise_level
from sigden.simulate import sine_gaussian

RATE, EDGE, BAND = 1024.0, 2.0, (24.0, 512.0)
N, CORE = 16384, slice(2048, -2048)


@pytest.fixture(scope="module")
def burst():
    return 6.0 * sine_gaussian(N, RATE, 90.0, 9.0)


@pytest.fixture(scope="module")
def whitened(burst):
    """White noise of sigma 1.4 with a burst, and edges up to 40 times louder."""
    x = 1.4 * (np.random.default_rng(5).standard_normal(N) + burst)
    ring = 1.0 + 40.0 * np.clip(1.0 - np.minimum(np.arange(N), np.arange(N)[::-1]) / 1500.0, 0.0, None)
    x *= ring
    x.flags.writeable = False
    return x


@dataclasses.dataclass
class Series:
    """The fields of pycWB's TimeSeries."""

    data: np.ndarray
    t0: float
    dt: float


def config(**changes):
    return types.SimpleNamespace(
        **({"ifo": ["L1", "H1"], "segEdge": EDGE, "fLow": 24.0, "fHigh": 512.0} | changes)
    )


def apply(method, x, **changes):
    return method.apply(
        x, **({"sample_rate": RATE, "edge_seconds": EDGE, "band": BAND, "label": "L1"} | changes)
    )


DENOISERS = [
    RROF(regularization=0.7),
    RROF(regularization=3.0, iteration="bregman", passes=8),
    RROF(regularization=0.3, iteration="successive", passes=3),
    StrainDenoiser(),
    None,
]


@pytest.mark.parametrize("denoiser", DENOISERS, ids=lambda d: d.name() if d else "default")
def test_denoises_the_core_in_the_unit_of_the_input(denoiser, whitened, burst):
    clean = apply(WhitenedDenoising(denoiser=denoiser), whitened)
    assert clean.shape == whitened.shape
    assert np.isfinite(clean).all()
    truth = 1.4 * burst
    around = slice(N // 2 - 512, N // 2 + 512)
    assert overlap(clean[around], truth[around]) > overlap(whitened[around], truth[around])
    quiet = slice(3000, 6000)
    assert np.std(clean[quiet]) < 0.95 * np.std(whitened[quiet])
    doubled = apply(WhitenedDenoising(denoiser=denoiser), 2.0 * whitened)
    np.testing.assert_allclose(doubled, 2.0 * clean, rtol=1e-6, atol=1e-9)


def test_level_is_measured_between_the_edges(whitened):
    level = noise_level(whitened, RATE, EDGE)
    core = float(mad_sigma(whitened[CORE]))
    np.testing.assert_array_equal(level[CORE], core)
    assert core == pytest.approx(1.4, rel=0.05)
    assert level[0] > 10.0 * core
    assert (level >= core).all()
    np.testing.assert_array_equal(noise_level(whitened, RATE, 0.0), float(mad_sigma(whitened)))


def test_edges_do_not_change_the_core(whitened):
    louder = whitened.copy()
    louder[:1024] *= 1e3
    method = WhitenedDenoising(denoiser=RROF(regularization=0.7))
    far = slice(4096, -4096)
    np.testing.assert_allclose(apply(method, louder)[far], apply(method, whitened)[far], atol=1e-6)


@pytest.mark.parametrize("bad", [np.nan, np.inf])
@pytest.mark.parametrize("fallback", ["error", "whitened"])
def test_strain_that_is_not_finite_stops_the_search(whitened, bad, fallback):
    broken = whitened.copy()
    broken[77:80] = bad
    with pytest.raises(InputError, match=r"L1: the whitened strain is not finite at sample 77 \(3 in all\)"):
        apply(WhitenedDenoising(fallback=fallback), broken)


@pytest.mark.parametrize(
    ("change", "said"),
    [({"edge_seconds": 8.0}, "leave nothing between edges of 8 s"), ({"x": np.zeros(N)}, "holds no noise")],
)
def test_fallback_goes_on_with_the_whitened_strain(whitened, change, said, caplog):
    x = change.pop("x", whitened)
    with pytest.raises(InputError, match=said):
        apply(WhitenedDenoising(), x, **change)
    with caplog.at_level(logging.WARNING, "sigden"):
        out = apply(WhitenedDenoising(fallback="whitened"), x, **change)
    np.testing.assert_array_equal(out, x)
    assert said in caplog.text


def test_estimate_that_is_not_finite_never_reaches_the_pipeline(whitened):
    @dataclasses.dataclass(frozen=True, kw_only=True)
    class Broken(RROF):
        def solve(self, values, *, sigma=None, mask=None):
            return dataclasses.replace(
                super().solve(values, sigma=sigma), estimate=np.full_like(values, np.nan)
            )

    broken = Broken(regularization=1.0)
    with pytest.raises(InputError):
        apply(WhitenedDenoising(denoiser=broken), whitened)
    np.testing.assert_array_equal(
        apply(WhitenedDenoising(denoiser=broken, fallback="whitened"), whitened), whitened
    )


def test_another_sample_rate_in_the_settings_is_an_error(whitened):
    with pytest.raises(InputError, match="sampled at 1024 Hz, but the denoiser says sample_rate=4096"):
        apply(WhitenedDenoising(denoiser=StrainDenoiser(sample_rate=4096.0)), whitened)


def test_settings_come_from_the_block_of_the_yaml_file():
    assert plugin.settings(config()) == WhitenedDenoising()
    block = {
        "denoiser": {"method": "RROF", "regularization": 3, "iteration": "bregman", "passes": 4},
        "fallback": "whitened",
    }
    expected = WhitenedDenoising(
        denoiser=RROF(regularization=3.0, iteration="bregman", passes=4), fallback="whitened"
    )
    assert plugin.settings(config(sigden=block)) == expected


@pytest.mark.parametrize(
    ("block", "said"),
    [
        (["RROF"], "sigden: expected a mapping"),
        ({"denoisr": {}}, "sigden: denoisr: unknown key of WhitenedDenoising; did you mean 'denoiser'"),
        (
            {"denoiser": {"method": "RROF", "regularisation": 1}},
            "sigden: denoiser.regularisation: unknown key",
        ),
        ({"denoiser": {"method": "RROF", "passes": "two"}}, "sigden: denoiser.passes: .*expected int"),
        ({"denoiser": {"regularization": 1.0}}, "sigden: denoiser.method: missing"),
        ({"denoiser": {"method": "ROF"}}, "sigden: denoiser: ROF works on"),
        ({"fallback": "ignore"}, "sigden: fallback"),
    ],
)
def test_bad_settings_are_named(block, said):
    with pytest.raises(ParameterError, match=said):
        plugin.settings(config(sigden=block))


def test_conditioning_keeps_time_axis_and_noise(whitened):
    def native(_, strains):
        return tuple(strains), ("rms L1", "rms H1")

    strains = [Series(whitened, 1e9, 1 / RATE), Series(whitened[::-1], 1e9, 1 / RATE)]
    block = {"denoiser": {"method": "RROF", "regularization": 0.7}}
    conditioned, rms = plugin.condition_strains(config(sigden=block), strains, condition_data=native)
    assert rms == ("rms L1", "rms H1")
    for before, after in zip(strains, conditioned, strict=True):
        assert type(after) is Series
        assert (after.t0, after.dt, after.data.shape) == (before.t0, before.dt, before.data.shape)
        assert np.std(after.data[CORE]) < np.std(before.data[CORE])


def stand_in(monkeypatch, process, version=plugin.TESTED_VERSION):
    """A pycWB of which only what the plug-in imports exists."""
    names = (
        "pycwb",
        "pycwb.modules",
        "pycwb.modules.data_conditioning",
        "pycwb.workflow",
        "pycwb.workflow.subflow",
    )
    modules = {name: types.ModuleType(name) for name in names}
    conditioning = types.ModuleType("pycwb.modules.data_conditioning.data_conditioning")
    conditioning.condition_strains = lambda _, strains: (tuple(strains), "rms")
    modules[conditioning.__name__] = conditioning
    if process is not None:
        native = types.ModuleType("pycwb.workflow.subflow.process_job_segment_native")
        native.process_job_segment = process
        modules[native.__name__] = native
    modules["pycwb"].__version__ = version
    for name, module in modules.items():
        module.__path__ = []
        monkeypatch.setitem(sys.modules, name, module)


def test_processor_hands_everything_on(monkeypatch, whitened):
    seen = {}

    def native(working_dir, config, job_seg, catalog_file=None, *, condition_data=None):
        seen.update(work=working_dir, segment=job_seg, catalog=catalog_file)
        seen["conditioned"], seen["rms"] = condition_data(config, [Series(whitened, 0.0, 1 / RATE)] * 2)

    stand_in(monkeypatch, native)
    block = {"denoiser": {"method": "RROF", "regularization": 0.7}}
    plugin.process_job_segment("folder", config(sigden=block), "segment", catalog_file="catalog")
    assert (seen["work"], seen["segment"], seen["catalog"], seen["rms"]) == (
        "folder",
        "segment",
        "catalog",
        "rms",
    )
    expected = apply(WhitenedDenoising(denoiser=RROF(regularization=0.7)), whitened)
    np.testing.assert_array_equal(seen["conditioned"][0].data, expected)


def test_bad_settings_stop_before_any_data_are_read(monkeypatch):
    def native(*_, condition_data=None):
        raise AssertionError("data were read")

    stand_in(monkeypatch, native)
    with pytest.raises(ParameterError, match="sigden: fallback"):
        plugin.process_job_segment("folder", config(sigden={"fallback": 1}), None)


def test_absent_pycwb_is_named(monkeypatch):
    real = builtins.__import__

    def without(name, *rest, **options):
        if name.split(".")[0] == "pycwb":
            raise ModuleNotFoundError("No module named 'pycwb'", name="pycwb")
        return real(name, *rest, **options)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(MissingExtraError, match="pycWB is not installed: python -m pip install pycwb=="):
        plugin.process_job_segment("folder", config(), None)


def test_pycwb_of_another_shape_is_named(monkeypatch):
    stand_in(monkeypatch, None, version="0.9")
    with pytest.raises(MissingExtraError, match=r"pycWB 0\.9 cannot run a job segment natively"):
        plugin.process_job_segment("folder", config(), None)
    stand_in(monkeypatch, lambda working_dir, config, job_seg: None, version="1.0")
    with pytest.raises(MissingExtraError, match=r"pycWB 1\.0 takes no condition_data"):
        plugin.process_job_segment("folder", config(), None)


def test_other_version_of_the_same_shape_runs_with_a_warning(monkeypatch, caplog):
    stand_in(monkeypatch, lambda *_, condition_data=None: None, version="2.0")
    with caplog.at_level(logging.WARNING, "sigden"):
        plugin.process_job_segment("folder", config(), None)
    assert "pycWB 2.0: sigden is tested with 1.1.0rc1" in caplog.text


def test_catalogue_is_made_once(monkeypatch, tmp_path):
    stand_in(monkeypatch, lambda *_, condition_data=None: None)
    calls = []

    def run(command, **_):
        calls.append(command)
        return types.SimpleNamespace(returncode=1, stderr="no room\nleft on the disk")

    monkeypatch.setattr(plugin.subprocess, "run", run)
    target = tmp_path / "new" / "wdm.xbin"
    with pytest.raises(FileError, match="could not be made: left on the disk"):
        plugin.crosstalk_catalogue(target, l_low=4, l_high=6)
    assert calls[0][1:7] == ["-m", "wdm_wavelet.catalog", "--levels", "16", "32", "64"]
    target.write_bytes(b"made before")
    assert plugin.crosstalk_catalogue(target) == target
    assert len(calls) == 1
