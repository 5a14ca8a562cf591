"""Streamed strain against the whole record: same answer, any blocks, bounded memory, stated latency."""

import dataclasses

import numpy as np
import pytest

from sigden import InputError, ParameterError
from sigden.batch import analyse
from sigden.io import StrainSeries
from sigden.noise import RunningLevel, RunningSpectrum, welch_psd
from sigden.simulate import aligo_spectrum, coloured_noise, strain
from sigden.strain import (
    FlatStrainWarning,
    StrainDenoiser,
    StrainResult,
    StrainStream,
    analyse_long,
    denoise_blocks,
)
from sigden.strain.excerpt import Excerpt

RATE = 1024.0
NAMES = ("denoised", "residual", "uncertainty", "whitened", "whitened_denoised", "whitened_uncertainty")
METHOD = StrainDenoiser(sample_rate=RATE)
QUICK = StrainDenoiser(sample_rate=256.0, band=(35.0, 110.0), segment_seconds=2.0)


@pytest.fixture(scope="module")
def record():
    return strain(duration=64.0, sample_rate=RATE, snr=25.0, seed=4, detectors=("H1",)).data[0]


@pytest.fixture(scope="module")
def whole(record):
    return METHOD.analyse(record)


@pytest.fixture(scope="module")
def running(record):
    return list(denoise_blocks(np.array_split(record, 37), METHOD))


def joined(pieces, name):
    return np.concatenate([getattr(piece, name) for piece in pieces])


def quick_noise(seconds, seed=3):
    return coloured_noise(aligo_spectrum(256.0), round(seconds * 256), 256.0, seed)


def distance(a, b):
    return np.linalg.norm(a - b) / np.linalg.norm(b)


def test_equals_the_whole_record_away_from_its_ends_where_the_noise_is_given(record, whole):
    pieces = list(denoise_blocks(np.array_split(record, 37), METHOD, noise=whole))
    middle = slice(round(21 * RATE), round(43 * RATE))
    for name in NAMES:
        ours, theirs = joined(pieces, name), getattr(whole, name)
        assert ours.shape == theirs.shape
        assert distance(ours[middle], theirs[middle]) < 1e-4, name
    ours = joined(pieces, "whitened")
    assert np.abs(ours - whole.whitened)[middle].max() < 1e-5


def test_is_near_the_whole_record_with_the_noise_it_has_seen(running, whole):
    middle = slice(round(8 * RATE), round(56 * RATE))
    assert distance(joined(running, "whitened")[middle], whole.whitened[middle]) < 0.12
    assert distance(joined(running, "whitened_denoised")[middle], whole.whitened_denoised[middle]) < 0.15
    assert distance(joined(running, "denoised")[middle], whole.denoised[middle]) < 0.15
    assert running[-1].sigma == pytest.approx(whole.sigma, rel=0.03)


def test_does_not_depend_on_the_blocks(record, running):
    once = list(denoise_blocks([record], METHOD))
    for name in NAMES:
        np.testing.assert_array_equal(joined(once, name), joined(running, name))


def test_pieces_follow_each_other(running, record):
    starts = np.cumsum([0, *(piece.denoised.size for piece in running)])
    assert starts[-1] == record.size
    assert [piece.t0 for piece in running] == pytest.approx(list(starts[:-1] / RATE))


@pytest.mark.parametrize("step", [2.0, 16.0, 40.0])
def test_keeps_its_latency(step):
    x = quick_noise(100.0)
    stream = StrainStream(QUICK, step_seconds=step)
    given, final = 0, 0
    for block in np.array_split(x, 200):
        given += block.size
        final += sum(piece.denoised.size for piece in stream.push(block))
        assert final >= given - stream.latency_seconds * 256.0
    assert 0 < final < x.size
    assert final + sum(piece.denoised.size for piece in stream.finish()) == x.size


def test_memory_does_not_grow():
    stream, noise = StrainStream(QUICK, history_seconds=32.0), quick_noise(32.0)
    held = []
    for _ in range(10):
        for block in np.array_split(noise, 8):
            stream.push(block)
            held.append(stream.nbytes)
    assert max(held[-24:]) <= max(held[:24])


def test_gaps_are_those_of_the_whole_record():
    x = quick_noise(60.0)
    x[4000:4100] = np.nan
    x[4110:4200] = np.nan  # ten samples between gaps: too short for an estimate
    x[8400] = np.nan
    whole = QUICK.analyse(x)
    pieces = list(denoise_blocks(np.array_split(x, 61), QUICK, noise=whole))
    for name in NAMES:
        ours, theirs = joined(pieces, name), getattr(whole, name)
        np.testing.assert_array_equal(np.isnan(ours), np.isnan(theirs))
        # stretches within one window of the tracks take the same steps
        np.testing.assert_allclose(ours[:8400], theirs[:8400], rtol=0, atol=1e-9 * np.nanmax(np.abs(theirs)))
    assert not joined(pieces, "whitened_denoised")[4100:4110].any()


def test_what_comes_before_the_spectrum_is_known_is_nan():
    x = quick_noise(40.0)
    x[300:400] = np.nan  # the stretch before it is shorter than a segment
    out = joined(denoise_blocks([x], QUICK), "denoised")
    assert np.isnan(out[:400]).all()
    assert np.isfinite(out[400:]).all()


def test_whitened_strain_passes_through_in_its_own_unit():
    x = np.random.default_rng(0).standard_normal(10000)
    method = StrainDenoiser(sample_rate=256.0, whitened=True, band=(35.0, 110.0))
    whole = method.analyse(x)
    pieces = list(denoise_blocks([x], method))
    assert all(piece.psd is None for piece in pieces)
    assert distance(joined(pieces, "residual")[1500:-3000], whole.residual[1500:-3000]) < 0.02


def test_bad_input_is_named():
    with pytest.raises(ParameterError, match="needs its band"):
        StrainStream(StrainDenoiser(sample_rate=256.0, whitened=True))
    with pytest.raises(ParameterError, match="history_seconds"):
        StrainStream(QUICK, history_seconds=1.0)
    with pytest.raises(ParameterError, match="step_seconds"):
        StrainStream(QUICK, step_seconds=0.0)
    with pytest.raises(InputError, match="sample rate is unknown"):
        StrainStream()
    stream = StrainStream(QUICK, label="H1")
    stream.push(quick_noise(1.0))
    with pytest.raises(InputError, match="H1: infinite value at sample 258 "):
        stream.push(np.array([0.0, 0.0, np.inf]))
    with pytest.raises(InputError, match="expected one channel"):
        stream.push(np.zeros((2, 3)))
    with pytest.raises(InputError, match="no stretch without a gap"):
        stream.finish()
    with pytest.raises(InputError, match="finished"):
        stream.push(np.zeros(3))
    with pytest.raises(InputError, match="every sample is NaN"):
        list(denoise_blocks([np.full(999, np.nan)], QUICK))
    with (
        pytest.warns(
            FlatStrainWarning, match=r"strain: 78\.12 s of samples that all equal 0, from sample 0 on"
        ),
        pytest.raises(InputError, match="in a stretch of equal ones"),
    ):
        list(denoise_blocks([np.zeros(20000)], QUICK))


def test_long_records_of_the_command_are_streamed():
    x = quick_noise(300.0)
    x[5000:5050] = np.nan
    short = StrainSeries(values=x[:2560], sample_rate=256.0, t0=7.0, name="H1")
    assert not analyse(QUICK, "H1", short).record["running_spectrum"]
    seen = []
    found = analyse(
        QUICK, "H1", StrainSeries(values=x, sample_rate=256.0, t0=7.0, name="H1"),
        progress=lambda done, total: seen.append((done, total)),
    )  # fmt: skip
    assert found.record["running_spectrum"]
    assert seen[-1] == (x.size, x.size)
    np.testing.assert_array_equal(np.isnan(found.result.denoised), np.isnan(x))
    np.testing.assert_array_equal(found.result.denoised, analyse_long(QUICK, x).denoised)
    assert found.result.figures["residual_sigma"] == pytest.approx(1.0, abs=0.1)
    assert 7.0 <= found.result.figures["loudest_time"] < 307.0


def test_running_spectrum_is_welchs():
    x = quick_noise(20.0)
    ours = RunningSpectrum(256.0, 512, 100)
    for first in range(0, x.size - 511, 256):
        ours.add(x[first : first + 512])
    theirs = welch_psd(x, 256.0, segment_seconds=2.0, window="hann")
    np.testing.assert_allclose(ours.spectrum().density, theirs.density, rtol=1e-10)
    ours.add(np.zeros(512))
    assert len(ours) == ours.spectrum().averages == theirs.averages


def test_running_level_forgets_and_ignores_outliers():
    level = RunningLevel(100)
    for _ in range(5):
        level.add(1.0, 20)
    level.add(50.0, 10)
    assert level.level() == 1.0
    for _ in range(6):
        level.add(2.0, 20)
    assert level.level() == 2.0
    assert len(level) <= 6


@pytest.mark.parametrize("size", [3, 40, 250, 1000])
@pytest.mark.parametrize("place", [5, 500, 990])
def test_the_excerpt_does_not_depend_on_the_pieces(size, place):
    clean = np.random.default_rng(0).standard_normal(1000)
    clean[place] = 9.0
    clean[700:720] = np.nan
    series = np.arange(6000.0).reshape(6, 1000)
    series[4] = clean
    record = StrainResult(*series, psd=None, band=(1.0, 2.0), sample_rate=10.0, t0=3.0)
    excerpt = Excerpt(10.0, reach_seconds=10.0)
    for first in range(0, 1000, size):
        parts = {name: getattr(record, name)[first : first + size] for name in NAMES}
        excerpt.add(dataclasses.replace(record, **parts, t0=3.0 + first / 10.0))
    found = excerpt.result({"loudest_sigma": 9.0})
    first, last = max(0, place - 100), min(1000, place + 100)
    assert found.t0 == pytest.approx(3.0 + first / 10.0)
    for name in NAMES:
        np.testing.assert_array_equal(getattr(found, name), getattr(record, name)[first:last])


def test_an_excerpt_of_nothing_is_refused():
    with pytest.raises(InputError, match="nothing was denoised"):
        Excerpt(10.0).result({})


def test_a_detector_that_is_off_for_a_while_ends_nothing():
    noise = strain(duration=40.0, sample_rate=1024.0, detectors=("H1",), seed=3).data[0]
    record = np.concatenate([noise, np.zeros(40 * 1024), noise])
    with pytest.warns(FlatStrainWarning, match="strain: 40 s of samples that all equal 0, from sample 40960"):
        pieces = list(denoise_blocks([record], sample_rate=1024.0))
    off = np.arange(record.size) // 40960 == 1
    record[off] = np.nan
    expected = list(denoise_blocks([record], sample_rate=1024.0))
    for name in ("denoised", "uncertainty"):
        found = joined(pieces, name)
        np.testing.assert_array_equal(np.isnan(found), off)
        np.testing.assert_array_equal(found, joined(expected, name))
