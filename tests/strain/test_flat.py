"""Exactly equal samples are a detector that is off; what a detector that is on gives is not touched."""

import warnings

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from sigden import CoherentStrain, InputError, StrainDenoiser
from sigden.plugins.whitened import WhitenedDenoising
from sigden.simulate import strain
from sigden.strain import FlatStrainWarning, StrainStream
from sigden.strain.flat import FlatStretches, flat_stretches, without_flat

RATE = 1024.0
METHOD = StrainDenoiser(sample_rate=RATE)


@pytest.fixture(scope="module")
def event():
    return strain(duration=32.0, sample_rate=RATE, snr=25.0, seed=4).data


def cut(x, value=0.0):
    """Eight seconds in the middle that all equal a value, and the same ones as a gap."""
    off = np.zeros(x.shape[-1], dtype=bool)
    off[4 * 1024 : 12 * 1024] = True
    return np.where(off, value, x), np.where(off, np.nan, x)


@pytest.mark.parametrize("value", [0.0, -3e-21])
def test_a_detector_that_is_off_is_a_gap(event, value):
    flat, gap = cut(event[0], value)
    with pytest.warns(
        FlatStrainWarning, match=f"H1: 8 s of samples that all equal {value:g}, from sample 4096"
    ):
        found = METHOD.analyse(flat, label="H1")
    np.testing.assert_array_equal(found.denoised, METHOD.analyse(gap).denoised)


def test_one_of_two_detectors_is_off_for_a_while(event):
    flat, gap = cut(event)
    method = CoherentStrain(sample_rate=RATE)
    with pytest.warns(FlatStrainWarning, match=r"strain\[1\]: 8 s"):
        found = method(np.stack([event[0], flat[1]]))
    np.testing.assert_array_equal(found, method(np.stack([event[0], gap[1]])))


def test_the_stream_agrees_for_any_blocks(event):
    flat, gap = cut(event[0])
    expected = METHOD.replace(band=(35.0, 200.0))
    results = []
    for record, size in ((gap, 32768), (flat, 32768), (flat, 1000), (flat, 63), (flat, 4097)):
        stream, pieces = StrainStream(expected), []
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            for first in range(0, record.size, size):
                pieces += stream.push(record[first : first + size])
            pieces += stream.finish()
        assert len(caught) == (record is flat)
        results.append(np.concatenate([piece.denoised for piece in pieces]))
    for other in results[1:]:
        np.testing.assert_array_equal(other, results[0])


@settings(max_examples=200, deadline=None)
@given(st.lists(st.tuples(st.integers(1, 80), st.sampled_from([0.0, 1.0, np.nan])), max_size=8), st.data())
def test_blocks_decide_what_the_whole_record_does(parts, data):
    x = np.concatenate([np.empty(0), *(np.full(count, value) for count, value in parts)])
    cuts = sorted(data.draw(st.lists(st.integers(0, x.size), max_size=6)))
    filter_, out, pending = FlatStretches(256.0, "H1"), [], 0
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        expected = without_flat(x, 256.0, "H1")
        whole = len(caught)
        for block in np.split(x, cuts):
            out.append(filter_.take(block))
            pending += block.size - out[-1].size
            assert 0 <= pending == filter_.held <= filter_.most
        out.append(filter_.rest())
    np.testing.assert_array_equal(np.concatenate(out), expected)
    assert (len(caught) > whole) == bool(whole)


def test_noise_that_repeats_itself_for_short_is_not_touched():
    noise = np.cumsum(np.random.default_rng(0).standard_normal(200_000)) / 20.0
    white = np.random.default_rng(1).standard_normal(200_000)
    t = np.arange(200_000) / RATE
    quantised = np.round(white)
    clipped = np.clip(noise + 100.0 * np.sin(2 * np.pi * 4.0 * t), -60.0, 60.0)
    held = np.repeat(white, 4)  # a rate that was raised without a filter
    glitch = white.copy()
    glitch[5000:5060] = 0.0
    for x, rate in ((quantised, RATE), (clipped, 8 * RATE), (held, 4 * RATE), (glitch, RATE)):
        assert not len(flat_stretches(x, rate))
    glitch[5000:5064] = 0.0
    np.testing.assert_array_equal(flat_stretches(glitch, RATE), [[5000, 5064]])
    # at low rates 1/16 s are too few samples to tell
    assert not len(flat_stretches(glitch[5034:5100], 100.0))


def test_a_channel_that_is_off_throughout_is_an_error():
    with pytest.raises(InputError, match="every sample is zero"):
        METHOD(np.zeros(20000))
    steps = np.repeat([0.0, 1.0], 10000)
    with (
        pytest.warns(FlatStrainWarning, match=r"2 stretches, 19\.53 s in all"),
        pytest.raises(InputError, match="every sample is NaN or in a stretch of equal ones"),
    ):
        METHOD(steps)


def test_a_signal_without_noise_has_no_spectrum():
    t = np.arange(32768) / RATE - 16.0
    burst = np.where(np.abs(t) < 1.0, np.exp(-((4 * t) ** 2)) * np.sin(2 * np.pi * 100.0 * t), 0.0)
    with (
        pytest.warns(FlatStrainWarning, match="2 stretches"),
        pytest.raises(InputError, match="shorter than the PSD segment"),
    ):
        METHOD(burst)


def test_a_pipeline_gets_the_samples_of_a_detector_that_is_off_back():
    x = np.random.default_rng(0).standard_normal(16384)
    x[8000:9000] = 0.0
    with pytest.warns(FlatStrainWarning):
        out = WhitenedDenoising().apply(x, sample_rate=RATE, edge_seconds=1.0, band=(35.0, 350.0))
    assert np.isfinite(out).all()
    assert not out[8000:9000].any()
