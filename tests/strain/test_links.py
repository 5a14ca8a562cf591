"""Delay, phase and amplitude between detectors: their errors against draws, streams that are joined."""

import numpy as np
import pytest

from sigden.simulate import shift_time, sine_gaussian
from sigden.strain import band_pass
from sigden.strain.aligned import Aligned
from sigden.strain.apart import apart
from sigden.strain.links import Link, distance, shaken, timing
from sigden.strain.matched import match

RATE, SIZE = 1024.0, 2048
BAND = (30.0, 300.0)
NOISE = RATE / (2 * (BAND[1] - BAND[0]))


def burst(snr, frequency=110.0, quality=4.0, phase=0.4):
    h = band_pass(sine_gaussian(SIZE, RATE, frequency, quality, phase=phase), RATE, BAND)
    return h * (snr * np.sqrt(NOISE) / np.linalg.norm(h))


def noise(rng, rows=2):
    return band_pass(rng.standard_normal((rows, SIZE)), RATE, BAND) * np.sqrt(NOISE)


def streams(samples, gains="equal"):
    if isinstance(gains, str):
        gains = np.ones((len(samples), SIZE))
    return Aligned(samples, RATE, (BAND,) * len(samples), gains, 0, 0.02)


def turned(h, delay, phase):
    spectrum = np.fft.rfft(h)
    f = np.fft.rfftfreq(SIZE, 1 / RATE)
    return np.fft.irfft(spectrum * np.exp(1j * phase - 2j * np.pi * f * delay), SIZE)


@pytest.mark.parametrize("phase", [0.0, 0.9])
def test_links_scatter_as_they_say(phase):
    rng = np.random.default_rng(2)
    h = burst(40.0, quality=3.0)
    pair = np.stack([h, -0.7 * turned(h, 3e-3, phase)])
    start = {0: Link(), 1: Link(3e-3, -0.7 * np.exp(1j * phase))}
    drawn, said = [], []
    for _ in range(150):
        found = streams(pair + noise(rng))
        link = found.heard(found.spectrum(h), start)[1]
        turn = link.ratio / start[1].ratio
        drawn.append((np.log(abs(turn)), link.delay - 3e-3, np.angle(turn)))
        said.append(np.concatenate([np.ravel(link.amplitude), np.diag(link.timing)]))
    drawn, said = np.array(drawn), np.mean(said, axis=0)
    ratio = np.mean(drawn**2, axis=0) / said
    assert ratio[0] == pytest.approx(1.0, abs=0.35)
    # no phase at all is what the average over both hypotheses errs least on
    low, high = (0.65, 1.35) if phase else (0.4, 1.0)
    assert np.all((low < ratio[1:]) & (ratio[1:] < high))


def test_detectors_that_are_turned_alike_know_the_delay_better():
    moments = (2 * np.pi * 100, (2 * np.pi * 100) ** 2 * 1.04)
    alike = timing(1e-3, 0.0, 400.0, moments)[2]
    apart_ = timing(1e-3, 1.2, 400.0, moments)[2]
    assert alike[0, 0] < 0.3 * apart_[0, 0]
    beta = 2 * np.pi * 100 * 0.2
    assert np.sqrt(apart_[0, 0]) == pytest.approx(1 / (20.0 * beta), rel=1e-3)
    delay, phase, _ = timing(1e-3, 1.2, 400.0, moments)
    assert (delay, phase) == (pytest.approx(1e-3, rel=1e-3), pytest.approx(1.2, rel=1e-3))


def test_variance_of_a_shaken_signal_is_that_of_draws():
    rng = np.random.default_rng(4)
    h = burst(10.0, quality=3.0)
    found = streams(np.stack([h, h]), gains=None)
    timing_ = np.array([[4e-8, 1e-5], [1e-5, 4e-3]])
    amplitude = np.diag([0.02, 0.03, 0.01]) ** 2 * 4
    link = Link(0.0, 1.0, np.zeros(2), amplitude, timing_)
    formula = shaken(link, *found.analytic(found.spectrum(h)))
    drawn = np.zeros(SIZE)
    count = 300
    for _ in range(count):
        q = rng.multivariate_normal(np.zeros(3), amplitude)
        delay, phase = rng.multivariate_normal(np.zeros(2), timing_)
        carrier = rng.uniform(0, 2 * np.pi)
        filters = np.exp(q @ found.shapes + 1j * (phase + carrier) - 2j * np.pi * found.frequencies * delay)
        plain = found.spectrum(h) * np.exp(1j * carrier)
        drawn += found.series(plain * np.exp(-1j * carrier) * filters - plain) ** 2 / count
    where = formula > 0.1 * formula.max()
    assert drawn[where].sum() == pytest.approx(formula[where].sum(), rel=0.15)


@pytest.mark.parametrize("ratio", [0.5, -1.3 + 0.4j])
def test_joined_streams_hold_the_signal_and_the_null_stream_none(ratio):
    h = burst(10.0)
    other = turned(abs(ratio) * h, 4e-3, np.angle(ratio))
    found = streams(np.stack([h, other]))
    links = {0: Link(), 1: Link(4e-3, ratio)}
    spectrum, responses = found.joined(found.spectra, links)
    np.testing.assert_allclose(found.series(spectrum), np.sqrt(1 + abs(ratio) ** 2) * h, atol=1e-6)
    np.testing.assert_allclose(found.series(responses[1] * spectrum), other, atol=1e-6)
    np.testing.assert_allclose(found.null(1, links[1]), 0.0, atol=1e-6)
    quiet = streams(noise(np.random.default_rng(1)))
    for stream in (quiet.series(quiet.joined(quiet.spectra, links)[0]), quiet.null(1, links[1])):
        assert np.std(stream) == pytest.approx(1.0, rel=0.1)


def test_known_gains_take_the_place_of_a_constant_ratio():
    h = burst(30.0, quality=2.0)
    f = np.linspace(0, RATE / 2, SIZE)
    gains = np.stack([np.ones(SIZE), np.exp(-f / 150.0)])
    other = np.fft.irfft(np.fft.rfft(h) * np.exp(-np.fft.rfftfreq(SIZE, 1 / RATE) / 150.0), SIZE)
    constant = np.linalg.norm(other - h * (other @ h) / (h @ h))
    for known, most in ((gains, 0.01), (None, 0.5)):
        found = streams(np.stack([h, other]), gains=known)
        links = {0: Link(), 1: match(found, found.spectra, 1)[0]}
        for _ in range(6):
            links = found.heard(found.spectrum(h), links)
        left = found.series(found.transfer(1, links[1]) * found.spectrum(h)) - other
        assert np.linalg.norm(left) < most * constant


def test_distance_counts_standard_errors():
    link = Link(1e-3, 1.0, np.zeros(0), np.array([[0.01]]), np.diag([1e-8, 0.04]))
    moved = Link(1e-3 + 2e-4, 1.0, np.zeros(0), link.amplitude, link.timing)
    assert distance(link, link) == 0.0
    assert distance(link, moved) == pytest.approx(2.0)
    assert distance(Link(1e-3, 1.1), link) == pytest.approx(np.log(1.1) / 0.1)


def test_a_detector_that_heard_nothing_gives_no_evidence():
    rng = np.random.default_rng(5)
    h = burst(15.0)
    evidence = []
    for _ in range(60):
        samples = noise(rng) + np.stack([h, np.zeros(SIZE)])
        found = streams(samples)
        evidence.append(match(found, found.spectrum(np.stack([h, np.zeros(SIZE)])), 1)[1])
    assert np.mean(np.array(evidence) > 5.0) < 0.04
    both = streams(noise(rng) + np.stack([h, shift_time(0.6 * h, 5e-3, RATE)]))
    link, found_evidence = match(both, both.spectrum(np.stack([h, np.zeros(SIZE)])), 1)
    assert found_evidence > 20.0
    assert link.delay == pytest.approx(5e-3, abs=1.5e-3)


def test_what_one_detector_hears_alone_is_told_by_time():
    rng = np.random.default_rng(7)
    common, glitch = np.roll(burst(20.0), -600), np.roll(burst(20.0, 180.0), 600)
    signals = np.stack([common + glitch, 0.8 * common])
    found = streams(noise(rng) + signals)
    errors = np.full(signals.shape, 0.2)
    value = apart(found, found.spectrum(signals), errors, {0: Link(), 1: Link(0.0, 0.8)})
    assert value[SIZE // 2 + 600] > 0.95
    assert value[SIZE // 2 - 600] < 0.05
