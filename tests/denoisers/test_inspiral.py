"""Inspirals beside free tracks: what a law of few parameters gains, and what it must leave alone."""

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st
from scipy.fft import fft

from sigden import ChirpTracks, InspiralTracks, from_toml
from sigden.denoisers.inspiral.amplitude import SmoothAmplitude
from sigden.denoisers.inspiral.estimate import _quick_length, estimate_signal
from sigden.denoisers.inspiral.family import POST_NEWTON, Family
from sigden.denoisers.inspiral.fit import fit
from sigden.denoisers.inspiral.scan import Seed, scan
from sigden.denoisers.tracks import TrackModel, estimate_tracks

N = 2400
SIZE, FIRST, BINS = 1600, 120, 1200
FREQUENCIES = np.arange(FIRST, FIRST + BINS) / SIZE
LEADING, END = 60.0, 1300.0


def inspiral(end=2000.0, mass=0.03, n=N):
    """Newtonian chirp of unit amplitude at its end, faded in, silent from 0.35 cycles per sample on."""
    left = np.maximum(end - np.arange(n), 1e-3)
    f = (5.0 / (256.0 * left)) ** 0.375 * mass**-0.625 / np.pi
    chirp = np.minimum(f / 0.35, 1.0) ** (2 / 3) * np.cos(2.0 * (left / (5.0 * mass)) ** 0.625)
    return np.where(f < 0.35, chirp, 0.0) * np.clip(np.arange(n) / 300, 0, 1)


def burst(frequency, width, centre=1200.0, n=N):
    t = np.arange(n) - centre
    return np.exp(-0.5 * (t / width) ** 2) * np.cos(2 * np.pi * frequency * t)


def noise(seed, n=N):
    return np.random.default_rng(seed).standard_normal(n)


def complex_noise(seed, n):
    rng = np.random.default_rng(seed)
    return (rng.standard_normal(n) + 1j * rng.standard_normal(n)) / np.sqrt(2.0)


def member(energy, coefficients=POST_NEWTON):
    """Spectrum of one inspiral of the family, with the amplitude of a broad hump."""
    family = Family(FREQUENCIES, SIZE, LEADING, END)
    parameters = family.start(np.asarray(coefficients))
    amplitude = family.window(parameters) * np.exp(-0.5 * (np.log(FREQUENCIES / 0.15) / 0.5) ** 2)
    amplitude *= np.sqrt(energy) / np.linalg.norm(amplitude)
    return amplitude * np.exp(-1j * family.phase(parameters))


@pytest.mark.parametrize("scale", [0.1, 3.0])
def test_amplitude_is_that_of_the_dense_gaussian_process(scale):
    rng = np.random.default_rng(0)
    root = rng.standard_normal((40, 5))
    y = scale * root @ rng.standard_normal(5) + rng.standard_normal(40) / np.sqrt(2)
    mean, directions, freedom, _ = SmoothAmplitude(root.T).posterior(y)
    # the scale that was chosen shows in the covariance, within the range of the root
    q = np.linalg.qr(root)[0]
    left, prior = q.T @ directions.T @ directions @ q, q.T @ root @ root.T @ q
    chosen = np.trace(np.linalg.inv(np.linalg.inv(left) - 2.0 * np.eye(5))) / np.trace(prior)
    covariance = chosen * root @ root.T
    hat = covariance @ np.linalg.inv(covariance + np.eye(40) / 2)
    np.testing.assert_allclose(mean, hat @ y, atol=1e-6 * np.abs(y).max())
    assert freedom == pytest.approx(np.trace(hat), rel=1e-6)


def test_nothing_is_told_of_an_amplitude_that_cannot_be():
    mean, directions, freedom, evidence = SmoothAmplitude(np.zeros((3, 10))).posterior(np.ones(10))
    assert not mean.any()
    assert not directions.any()
    assert (freedom, evidence) == (0.0, 0.0)


@pytest.mark.parametrize("leading", [20.0, 90.0, 400.0])
def test_scan_finds_the_phase_and_the_arrival_of_a_chirp(leading):
    family = Family(FREQUENCIES, SIZE, leading, END)
    parameters = family.start(POST_NEWTON)
    spectrum = 0.3 * family.window(parameters) * np.exp(-1j * family.phase(parameters))
    best = scan(spectrum, FIRST, SIZE, 3)[0]
    assert best.leading == pytest.approx(leading, rel=0.35)
    assert best.arrival == pytest.approx(END, abs=20)


@pytest.mark.parametrize("energy", [60.0, 400.0])
def test_a_member_of_the_family_is_recovered_with_few_parameters(energy):
    truth = member(energy)
    errors, claims, freedoms = [], [], []
    for seed in range(8):
        spectrum = truth + complex_noise(seed, BINS)
        found = fit(spectrum, FREQUENCIES, SIZE, Seed(energy, POST_NEWTON, LEADING, END))
        errors.append(np.sum(np.abs(found.spectrum - truth) ** 2))
        claims.append(np.sum(np.abs(found.directions) ** 2))
        freedoms.append(found.freedom)
        assert found.evidence > 5.0
    assert max(freedoms) < 14
    # every parameter costs half the noise of a bin
    assert np.mean(errors) == pytest.approx(np.mean(freedoms) / 2, rel=0.4)
    assert np.mean(claims) == pytest.approx(np.mean(errors), rel=0.4)


def test_noise_is_evidence_against_an_inspiral():
    spectra = [complex_noise(seed, BINS) for seed in range(6)]
    found = [fit(x, FREQUENCIES, SIZE, seed) for x in spectra for seed in scan(x, FIRST, SIZE, 1)]
    assert np.median([f.evidence for f in found]) < -8.0


@settings(max_examples=8, deadline=None)
@given(st.floats(0.0, 6.28), st.floats(-30.0, 30.0))
def test_a_turn_or_a_shift_of_the_data_turns_or_shifts_the_fit(angle, samples):
    x = member(200.0) + complex_noise(3, BINS)
    seed = Seed(200.0, POST_NEWTON, LEADING, END)
    turn = np.exp(1j * angle - 2j * np.pi * FREQUENCIES * samples)
    before = fit(x, FREQUENCIES, SIZE, seed)
    after = fit(x * turn, FREQUENCIES, SIZE, Seed(200.0, POST_NEWTON, LEADING, END + samples))
    np.testing.assert_allclose(after.spectrum, before.spectrum * turn, atol=0.02)
    assert after.evidence == pytest.approx(before.evidence, abs=0.2)


@pytest.mark.parametrize("amplitude", [1.5, 2.5])
@pytest.mark.parametrize("mass", [0.015, 0.06])
def test_an_inspiral_costs_half_the_error_of_tracks(amplitude, mass):
    truth = amplitude * inspiral(mass=mass)
    free, bound = (
        np.sum([(method(truth + noise(seed), sigma=1.0) - truth)[600:] ** 2 for seed in range(3)])
        for method in (ChirpTracks(), InspiralTracks())
    )
    assert bound < 0.5 * free


@pytest.mark.parametrize(
    "truth",
    [
        4.0 * burst(0.2, 60.0),
        5.0 * burst(0.1, 200.0),
        4.0 * burst(0.05, 60.0) + 4.0 * burst(0.3, 80.0),
        3.0 * inspiral()[::-1],
    ],
    ids=["short", "long", "two", "backwards"],
)
def test_signals_of_other_kinds_keep_their_tracks(truth):
    free, either = (
        np.sum([(method(truth + noise(seed), sigma=1.0) - truth) ** 2 for seed in range(3)])
        for method in (ChirpTracks(), InspiralTracks())
    )
    assert either < 1.15 * free


def test_another_signal_beside_an_inspiral_is_not_lost():
    other = 6.0 * burst(0.25, 40.0, centre=600.0)
    truth = 2.0 * inspiral() + other
    found = InspiralTracks()(truth + noise(1), sigma=1.0)
    near = slice(480, 720)
    assert np.sum((found - truth)[near] ** 2) < 0.15 * np.sum(other[near] ** 2)
    assert np.sum((found - truth) ** 2) < 0.15 * np.sum(truth**2)


def test_where_no_track_was_found_nothing_changes():
    x = 0.3 * complex_noise(5, 3000).astype(np.complex64)
    model = TrackModel(lengths=(32.0, 64.0), birth=0.003, death=0.001, horizon=20.0)
    ours, theirs = (f(x, 1.0, (0.05, 0.9), model) for f in (estimate_signal, estimate_tracks))
    np.testing.assert_array_equal(ours.signal, theirs.signal)
    np.testing.assert_array_equal(ours.variance, theirs.variance)
    assert not ours.known.any()


def test_the_law_knows_where_it_is_silent():
    x = (4.0 * member(2000.0)[:BINS]) + complex_noise(0, BINS)
    series = np.zeros(SIZE, dtype=complex)
    series[FIRST : FIRST + BINS] = x
    series = (np.fft.ifft(series) * np.sqrt(SIZE)).astype(np.complex64)
    model = TrackModel(lengths=(32.0, 64.0), birth=0.003, death=0.001, horizon=20.0)
    found = estimate_signal(series, 1.0, (FIRST / SIZE, (FIRST + BINS) / SIZE), model)
    power = np.abs(found.signal) ** 2
    end = int(np.argmax(power))
    assert found.known[end - 100 : end + 20].min() > 0.9
    assert power[end + 20] < 0.01 * power[end]


def test_the_band_of_one_standard_error_holds_two_thirds():
    truth = 1.5 * inspiral()
    inside = []
    for seed in range(6):
        found = InspiralTracks().solve(truth + noise(seed), sigma=1.0)
        error = np.abs(found.estimate - truth)
        inside.append(np.mean((error < found.details["uncertainty"])[800:2000]))
    assert 0.55 < np.mean(inside) < 0.85


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("scale", [-1e-21, 1e12])
def test_equivariant(dtype, scale):
    data = (2.0 * inspiral() + noise(0)).astype(dtype)
    data.setflags(write=False)
    expected = InspiralTracks()(data)
    out = InspiralTracks()((dtype(scale) * data).astype(dtype)) / dtype(scale)
    assert out.dtype == dtype
    assert np.abs(out - expected).max() < 5e-2


def test_a_shift_in_time_shifts_the_estimate():
    n = N + 600
    long = inspiral(n=n) + noise(4, n)
    ours, later = (InspiralTracks()(long[s : s + N], sigma=1.0) for s in (0, 160))
    middle = slice(1000, 2100)
    distance = np.linalg.norm(ours[middle] - later[840:1940]) / np.linalg.norm(ours[middle])
    assert distance < 0.15


def test_masks_batches_tables():
    rows = np.stack([2.0 * inspiral() + noise(seed) for seed in range(2)])
    mask = np.random.default_rng(3).random(N) < 0.05
    hidden = rows.copy()
    hidden[:, mask] = np.nan
    masks = np.broadcast_to(mask, rows.shape)
    out = InspiralTracks()(hidden, mask=masks)
    np.testing.assert_array_equal(InspiralTracks()(hidden[1], mask=mask), out[1])
    assert np.isfinite(out).all()
    method = InspiralTracks(lengths=(16.0, 64.0))
    assert from_toml(method.to_toml()) == method


def test_short_series_are_left_to_the_tracks():
    data = burst(0.2, 10.0, centre=30.0, n=60) * 8 + noise(1, 60)
    np.testing.assert_array_equal(InspiralTracks()(data, sigma=1.0), ChirpTracks()(data, sigma=1.0))


def test_spectrum_of_a_series_is_the_one_that_is_fitted():
    series = np.zeros(SIZE, dtype=complex)
    series[FIRST : FIRST + BINS] = member(100.0)
    back = fft(np.fft.ifft(series) * np.sqrt(SIZE)) / np.sqrt(SIZE)
    arrival = int(np.argmax(np.abs(np.fft.ifft(series))))
    np.testing.assert_allclose(back[FIRST : FIRST + BINS], member(100.0), atol=1e-9)
    assert arrival == pytest.approx(END, abs=40)


def test_a_stretch_has_the_largest_quick_length():
    quick = sorted(2**i * 3**j * 5**k for i in range(11) for j in range(7) for k in range(5))
    for most in (*range(1, 200), 721, 1023, 1999):
        assert _quick_length(most) == max(n for n in quick if n <= most)
