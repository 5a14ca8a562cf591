"""The battery for strain: band-limited, so without a mean, and with NaN as gaps."""

import threading
import time
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pytest

from sigden import CoherentStrain, InputError, ParameterError, from_toml
from sigden.denoisers import RROF, TV1D, WaveletDenoiser
from sigden.denoisers.base import Denoiser
from sigden.metrics import overlap
from sigden.simulate import strain
from sigden.strain import StrainDenoiser, Whitening, band_pass, denoise_blocks
from sigden.strain.blocks import in_blocks, nothing

RATE = 2048.0
BAND = (35.0, 350.0)


@pytest.fixture(scope="module")
def event():
    return strain(duration=16.0, sample_rate=RATE, snr=25.0, seed=4)


@pytest.fixture(scope="module")
def clean(event):
    return StrainDenoiser(sample_rate=RATE)(event.data)


def in_band(x, event):
    """Truth as the denoiser sees it: its part within the band."""
    whitening = Whitening(event.psd, RATE, x.size)
    return band_pass(whitening(x), RATE, BAND)


def around_peak(event, row):
    centre = round((event.peak_times[row] - event.t0) * RATE)
    return slice(centre - round(0.2 * RATE), centre + round(0.05 * RATE))


@pytest.mark.parametrize("row", [0, 1])
def test_beats_its_input(event, clean, row):
    window = around_peak(event, row)
    truth, noisy, found = (in_band(x[row], event)[window] for x in (event.signal, event.data, clean))
    before, after = overlap(noisy, truth), overlap(found, truth)
    assert after > 0.88
    assert after > before + 0.05
    assert np.linalg.norm(found - truth) < 0.7 * np.linalg.norm(noisy - truth)


@pytest.mark.parametrize("seed", [1, 2])
def test_pure_noise_leaves_little(seed):
    quiet = strain(duration=8.0, sample_rate=RATE, snr=0.0, seed=seed, detectors=("H1",))
    result = StrainDenoiser(sample_rate=RATE).analyse(quiet.data[0])
    assert np.std(result.whitened_denoised) < 0.35
    assert result.figures["residual_sigma"] == pytest.approx(1.0, abs=0.1)


@pytest.mark.parametrize("scale", [1e-3, 1e12])
def test_the_unit_of_strain_does_not_matter(event, clean, scale):
    out = StrainDenoiser(sample_rate=RATE)(scale * event.data[0])
    # single precision inside
    assert np.abs(out / scale - clean[0]).max() < 4e-6 * np.abs(clean[0]).max()


def test_float32_stays_float32_and_agrees(event, clean):
    # 1e-21 squared underflows float32; nothing of that may show
    single = event.data[0].astype(np.float32)
    out = StrainDenoiser(sample_rate=RATE)(single)
    assert out.dtype == np.float32
    window = around_peak(event, 0)
    assert overlap(out[window].astype(float), clean[0][window]) > 0.999


def test_input_is_untouched_and_result_repeatable(event, clean):
    data = event.data.copy()
    data.setflags(write=False)
    np.testing.assert_array_equal(StrainDenoiser(sample_rate=RATE)(data), clean)
    big_endian = StrainDenoiser(sample_rate=RATE)(event.data[1].astype(">f8"))
    np.testing.assert_array_equal(big_endian, clean[1])


def test_estimate_and_residual_add_up_to_the_band(event):
    result = StrainDenoiser(sample_rate=RATE).analyse(event.data[0])
    whitening = Whitening(result.psd, RATE, event.data.shape[1])
    expected = band_pass(whitening.inverse(band_pass(whitening(event.data[0]), RATE, BAND)), RATE, BAND)
    total = result.denoised + result.residual
    np.testing.assert_allclose(total, expected, atol=1e-6 * np.abs(expected).max())


def test_calibrated_strain_matches_the_truth_in_its_band(event, clean):
    window = around_peak(event, 0)
    truth = band_pass(event.signal[0], RATE, BAND)
    assert overlap(clean[0][window], truth[window]) > 0.9
    assert np.abs(clean[0]).max() < 1.5 * np.abs(truth).max()


@pytest.mark.parametrize("gap", [(100, 103), (3000, 3500), (16000, 26000)])
def test_gaps_stay_gaps_and_do_not_spread(event, clean, gap):
    data = event.data[0].copy()
    data[slice(*gap)] = np.nan
    out = StrainDenoiser(sample_rate=RATE)(data)
    np.testing.assert_array_equal(np.isnan(out), np.isnan(data))
    window = around_peak(event, 0)
    if gap[1] < window.start - 2000:
        assert overlap(out[window], clean[0][window]) > 0.97
    masked = StrainDenoiser(sample_rate=RATE)(event.data[0], mask=np.isnan(data))
    np.testing.assert_array_equal(masked, out)


def test_gaps_longer_than_any_segment_are_an_error_that_says_so(event):
    data = event.data[0].copy()
    data[:: round(RATE)] = np.nan
    with pytest.raises(InputError, match=r"H1: .*segment"):
        StrainDenoiser(sample_rate=RATE).analyse(data, label="H1")


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (np.zeros(20000), "every sample is zero"),
        (np.full(20000, np.nan), "every sample is NaN"),
        (np.r_[np.ones(20000), np.inf], "infinite value at index 20000"),
        (np.random.default_rng(0).standard_normal(512), "segment"),
    ],
)
def test_bad_channels_are_named(data, message):
    with pytest.raises(InputError, match=message) as caught:
        StrainDenoiser(sample_rate=RATE).analyse(data, label="L1:STRAIN")
    assert str(caught.value).startswith("L1:STRAIN")


def test_the_sample_rate_must_be_known_and_agree(event):
    with pytest.raises(InputError, match="sample rate is unknown"):
        StrainDenoiser()(event.data[0])
    with pytest.raises(InputError, match="sampled at 2048 Hz"):
        StrainDenoiser(sample_rate=4096.0).analyse(event.data[0], sample_rate=RATE)


def test_a_band_past_nyquist_is_named(event):
    with pytest.raises(ParameterError, match="band: 2000 Hz exceeds half the sample rate"):
        StrainDenoiser(sample_rate=RATE, band=(30.0, 2000.0))(event.data[0])
    with pytest.raises(ParameterError, match="band"):
        StrainDenoiser(band=(300.0, 30.0))


def test_any_denoiser_can_take_the_place_of_the_default(event):
    window = around_peak(event, 0)
    truth = in_band(event.signal[0], event)[window]
    for denoiser in (RROF(regularization=4.0), TV1D(regularization=4.0)):
        result = StrainDenoiser(sample_rate=RATE, denoiser=denoiser).analyse(event.data[0])
        assert overlap(result.whitened_denoised[window], truth) > 0.85
        assert np.isfinite(result.uncertainty).all()


def test_notches_take_lines_out(event):
    t = np.arange(event.data.shape[1]) / RATE
    line = 3.0 * np.sin(2 * np.pi * 180.0 * t)
    white = band_pass(np.random.default_rng(0).standard_normal(t.size) + line, RATE, BAND)
    plain = StrainDenoiser(sample_rate=RATE, whitened=True, band=BAND).analyse(white)
    notched = StrainDenoiser(sample_rate=RATE, whitened=True, band=BAND, notches=(180.0,)).analyse(white)
    power = [abs(np.mean(r.whitened * np.exp(2j * np.pi * 180.0 * t))) for r in (plain, notched)]
    assert power[1] < 0.02 * power[0]


def test_whitened_input_finds_its_band():
    x = np.random.default_rng(5).standard_normal(round(8 * RATE))
    result = StrainDenoiser(sample_rate=RATE, whitened=True).analyse(band_pass(x, RATE, (60.0, 400.0)))
    assert result.band == pytest.approx((60.0, 400.0), abs=12.0)
    whole = StrainDenoiser(sample_rate=RATE, whitened=True).analyse(x)
    assert whole.band == (0.0, RATE / 2)


def test_long_records_go_in_blocks_without_a_seam():
    x = band_pass(np.random.default_rng(6).standard_normal(40 * 512), 512.0, (35.0, 200.0))
    seen = []
    result = StrainDenoiser(sample_rate=512.0, whitened=True, band=(35.0, 200.0)).analyse(
        x, progress=lambda done, total: seen.append((done, total))
    )
    assert [done for done, _ in seen] == [16 * 512, 32 * 512, 40 * 512]
    part = StrainDenoiser(sample_rate=512.0, whitened=True, band=(35.0, 200.0)).analyse(
        x[10 * 512 : 24 * 512]
    )
    seam = slice(4 * 512, 8 * 512)
    one, other = part.whitened_denoised[seam], result.whitened_denoised[10 * 512 :][seam]
    assert np.sqrt(np.mean((one - other) ** 2)) < 0.1


def test_errors_are_honest(event):
    """Standardised errors around injections have about unit spread."""
    inside = []
    for seed in range(6):
        run = strain(duration=8.0, sample_rate=RATE, snr=20.0, seed=100 + seed, detectors=("H1",))
        result = StrainDenoiser(sample_rate=RATE).analyse(run.data[0])
        window = around_peak(run, 0)
        whitening = Whitening(result.psd, RATE, run.data.shape[1])
        truth = band_pass(whitening(run.signal[0]), RATE, BAND) / result.sigma
        z = (result.whitened_denoised - truth)[window] / result.whitened_uncertainty[window]
        inside.append(np.mean(np.abs(z) < 1))
    assert 0.5 < np.mean(inside) < 0.9


def test_output_whitened_is_in_units_of_sigma(event):
    out = StrainDenoiser(sample_rate=RATE, output="whitened")(event.data[0])
    result = StrainDenoiser(sample_rate=RATE).analyse(event.data[0])
    np.testing.assert_array_equal(out, result.whitened_denoised)


def test_serialisable():
    method = StrainDenoiser(sample_rate=RATE, band=BAND, notches=(60.0,), denoiser=RROF(regularization=3.0))
    assert from_toml(method.to_toml()) == method


def test_time_series_in_time_series_out(event, clean):
    timeseries = pytest.importorskip("gwpy.timeseries", reason="gwpy comes with the gw extra")
    series = timeseries.TimeSeries(
        event.data[0], t0=event.t0, sample_rate=RATE, unit="strain", name="H1:STRAIN", channel="H1:STRAIN"
    )
    out = StrainDenoiser()(series)
    np.testing.assert_array_equal(out.value, clean[0])
    assert (out.t0, out.dt, out.unit, out.name, out.channel) == (
        series.t0,
        series.dt,
        series.unit,
        series.name,
        series.channel,
    )
    both = timeseries.TimeSeriesDict({"H1": series, "L1": series})
    assert type(StrainDenoiser()(both)) is timeseries.TimeSeriesDict
    both["L1"] = timeseries.TimeSeries(event.data[1], t0=event.t0, sample_rate=2 * RATE)
    with pytest.raises(InputError, match="H1 at 2048 Hz, L1 at 4096 Hz"):
        StrainDenoiser()(both)


@pytest.mark.parametrize("shape", [(0,), (2, 0), (0, 100)])
def test_empty_strain_is_named(shape):
    with pytest.raises(InputError, match="empty"):
        StrainDenoiser(sample_rate=RATE)(np.zeros(shape))


def test_masks_are_checked_by_solve_too(event):
    with pytest.raises(InputError, match="mask has shape"):
        StrainDenoiser(sample_rate=RATE).solve(event.data, mask=np.zeros(1, dtype=bool))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"segment_seconds": 0.01}, "segment_seconds: 0.01 s resolve 100 Hz"),
        ({"segment_seconds": 16.0}, "hold 1 segments"),
        ({"band": (100.0, 100.5)}, "band: 0.5 Hz over 16 s hold too few"),
        ({"notches": (5000.0,)}, "notches: 5000 Hz"),
    ],
)
def test_parameters_that_do_not_fit_the_record(event, changes, message):
    with pytest.raises((InputError, ParameterError), match=message):
        StrainDenoiser(sample_rate=RATE, **changes)(event.data[0])


def test_narrow_bands_cost_no_more(event):
    result = StrainDenoiser(sample_rate=RATE, band=(100.0, 105.0)).analyse(event.data[0])
    assert np.isfinite(result.denoised).all()
    assert result.figures["residual_sigma"] < 1.5


def test_lines_do_not_ring_in_the_calibrated_strain(event, clean):
    t = np.arange(event.data.shape[1]) / RATE
    loud = event.data[0] + 5 * np.abs(event.signal[0]).max() * np.sin(2 * np.pi * 60.3 * t)
    result = StrainDenoiser(sample_rate=RATE).analyse(loud)
    window = around_peak(event, 0)
    truth = band_pass(event.signal[0], RATE, BAND)
    assert overlap(result.denoised[window], truth[window]) > 0.8
    away = slice(round(2 * RATE), round(6 * RATE))
    assert np.std(result.denoised[away]) < 0.4 * np.abs(truth).max()


@dataclass(frozen=True, kw_only=True)
class Counted(Denoiser):
    """Counts the rows it is given."""

    axes: ClassVar[str] = "(..., time)"
    rows: ClassVar[int] = 0

    def solve(self, values, *, sigma=None, mask=None):
        type(self).rows += len(values)
        return RROF(regularization=3.0).solve(values, sigma=sigma)


def test_another_denoiser_runs_twice_and_says_what_its_gap_is(event):
    x = event.data[0]
    result = StrainDenoiser(sample_rate=RATE, denoiser=Counted()).analyse(x)
    assert Counted.rows == 2
    assert result.certificate == "relative duality gap"
    shrunken = StrainDenoiser(sample_rate=RATE, denoiser=WaveletDenoiser(noise="coloured")).solve(x)
    assert shrunken.details["certificate"] == "closed form"
    for method in (StrainDenoiser, CoherentStrain):
        solution = method(sample_rate=RATE).solve(event.data)
        assert solution.details["certificate"] == "closed form"
        assert solution.gap == 0
    pieces = denoise_blocks([x], StrainDenoiser(sample_rate=RATE, denoiser=Counted()))
    assert next(pieces).certificate == "relative duality gap"


def test_a_record_that_is_given_up_leaves_the_rest_undone():
    seen = []

    def estimate(z):
        seen.append(z.size)
        time.sleep(0.002)
        return nothing(z.size)

    def give_up(done):
        raise RuntimeError(f"enough after {done}")

    with pytest.raises(RuntimeError, match="enough after 10"):
        in_blocks(estimate, np.zeros(2000), 0, 2000, block=10, halo=2, progress=give_up)
    assert len(seen) < 100


def test_a_single_block_keeps_the_threads_of_its_denoiser():
    where = []

    def estimate(z):
        where.append(threading.current_thread())
        return nothing(z.size)

    in_blocks(estimate, np.zeros(100), 10, 90, block=90, halo=5)
    assert where == [threading.current_thread()]
