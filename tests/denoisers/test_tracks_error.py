"""Standard error of chirp tracks: its causes one by one, each with its closed form."""

import math

import numpy as np
import pytest
from scipy.integrate import trapezoid

from sigden.denoisers.tracks import TrackEstimate, TrackModel, standard_error
from sigden.denoisers.tracks.level import noise_level
from sigden.denoisers.tracks.missed import missed_energy


def scatter(power, n, seed=0):
    """White, of one size everywhere."""
    return math.sqrt(power) * np.exp(2j * np.pi * np.random.default_rng(seed).random(n))


def claimed(residual, freedom, n=4000, *, amplitude=0.0, presence=1.0, known=0.0):
    """Standard error in the middle of a stretch with a steady residual and a steady tone found in it."""
    tone = amplitude * np.exp(0.6j * np.arange(n))
    still = TrackEstimate(
        tone.astype("c8"), np.zeros(n), *(np.full(n, v) for v in (presence, freedom, 0.0, known))
    )
    x = (tone + scatter(residual, n)).astype("c8")
    return standard_error(x, 1.0, still, TrackModel(horizon=40.0))[n // 2]


@pytest.mark.parametrize("freedom", [0.03, 0.1])
def test_without_evidence_against_it_the_error_is_the_models_own(freedom):
    # level times two numbers for each window, 0.14 % of the energy, and the amplitude that is not seen
    rest = 0.0014 + 2 * 0.01**2
    residual = (1.0 + rest - 5 * freedom) / (1.0 - 2 * freedom)
    expected = math.sqrt((2 * freedom * residual + rest) / 2)
    assert claimed(residual, freedom, amplitude=1.0) == pytest.approx(expected, rel=0.1)


def test_a_signal_may_pass_unseen_but_where_one_was_found_or_a_law_speaks():
    assert claimed(1.0, 0.0, presence=0.0) == pytest.approx(math.hypot(0.1, 0.01), rel=0.02)
    # a little more than the floor, for what is rarely missed altogether
    assert claimed(1.0, 0.0, presence=1.0) == pytest.approx(0.011, rel=0.1)
    assert claimed(1.0, 0.0, presence=0.0, known=1.0) == pytest.approx(0.011, rel=0.1)


@pytest.mark.parametrize("missed", [1.0, 4.0])
def test_what_the_residual_shows_of_a_missed_signal_is_in_the_error(missed):
    assert claimed(1.0 + missed, 0.0) == pytest.approx(math.sqrt(missed / 2), rel=0.15)
    sizes = [claimed(1.0 + m, 0.05, amplitude=1.0) for m in (0.0, 0.5, 1.0, 2.0)]
    assert sorted(sizes) == sizes
    assert sizes[-1] > 2 * sizes[0]


def test_the_error_stays_positive_where_the_residual_is_below_the_noise():
    assert claimed(0.0, 0.2, amplitude=1.0) > 0.005


def shaped(amplitude, freedom=0.0):
    """Standard error of a tone of some shape, in noise."""
    n = amplitude.size
    signal = (amplitude * np.exp(0.6j * np.arange(n))).astype("c8")
    found = TrackEstimate(signal, np.zeros(n), np.ones(n), np.full(n, freedom), np.zeros(n), np.zeros(n))
    x = (signal + scatter(1.0, n)).astype("c8")
    return standard_error(x, 1.0, found, TrackModel(horizon=40.0))


def test_windows_that_reach_over_silence_have_no_error_there():
    t = np.arange(2000.0) - 1000.0
    error = shaped(2.0 * np.exp(-((t / 30.0) ** 2)), freedom=0.04)
    assert error[1000] > 0.15
    assert error[[850, 1150]].max() < 0.2 * error[1000]


def test_a_rise_of_the_amplitude_may_come_late():
    t = np.arange(4000.0)
    slope = 0.05
    rise = np.clip(slope * (t - 1960), 0.0, 4.0)
    error = shaped(rise)
    weights = np.exp(-0.5 * ((t - 2000) / 40.0) ** 2)
    leaked = 0.0014 * np.sum(weights * rise**2) / np.sum(weights)
    expected = (0.03 * 40.0 * slope) ** 2 + leaked + 2 * 0.01**2
    assert error[2000] == pytest.approx(math.sqrt(expected / 2), rel=0.05)


def test_energy_that_was_missed_is_its_posterior_mean():
    energy = np.linspace(0.0, 6.0, 200_001)
    for excess, spread, chance, size in (
        (0.1, 0.2, 0.01, 0.3),
        (0.9, 0.2, 0.001, 0.15),
        (-0.3, 0.1, 0.2, 1.0),
    ):
        density = np.exp(-energy / size - 0.5 * ((excess - energy) / spread) ** 2) / size
        without = (1 - chance) * math.exp(-0.5 * (excess / spread) ** 2)
        mean = chance * trapezoid(energy * density, energy)
        mean /= without + chance * trapezoid(density, energy)
        found = missed_energy(np.array([excess]), np.array([spread]), chance, size)[0]
        assert found == pytest.approx(mean, rel=1e-4, abs=1e-12)


def test_energy_that_was_missed_is_finite_and_never_negative():
    excess = np.array([-1e9, -40.0, -1.0, 0.0, 1.0, 40.0, 1e9])
    found = missed_energy(excess, np.full(excess.size, 0.1), 0.001, 0.15)
    assert np.isfinite(found).all()
    assert (found >= 0).all()
    assert (np.diff(found) >= 0).all()
    assert found[-1] == pytest.approx(1e9)


def test_missed_energy_is_right_on_average():
    rng = np.random.default_rng(3)
    true = np.where(rng.random(100_000) < 0.05, rng.exponential(0.5, 100_000), 0.0)
    found = missed_energy(true + 0.2 * rng.standard_normal(true.size), np.full(true.size, 0.2), 0.05, 0.5)
    for low, high in ((0.0, 0.02), (0.02, 0.2), (0.2, 1.0), (1.0, 9.0)):
        here = (found >= low) & (found < high)
        assert found[here].mean() == pytest.approx(true[here].mean(), rel=0.15, abs=2e-3)


def test_level_of_the_noise_is_that_at_the_frequency_of_the_signal():
    rng = np.random.default_rng(1)
    n = 8192
    frequencies = np.fft.fftfreq(n) % 1.0
    density = np.where(frequencies < 0.5, 0.25, 1.75)
    white = rng.standard_normal(n) + 1j * rng.standard_normal(n)
    residual = np.fft.ifft(np.fft.fft(white / math.sqrt(2)) * np.sqrt(density))
    t = np.arange(n)
    # low at first, then silent, then high
    signal = np.where(t < 3000, np.exp(2j * np.pi * 0.3 * t), 0) + np.where(
        t > 5000, 3 * np.exp(2j * np.pi * 0.7 * t), 0
    )
    level = noise_level(residual, signal, 0.01, 12.0)
    assert level[200:2900].mean() == pytest.approx(0.25, rel=0.25)
    assert level[3500:4500].mean() == pytest.approx(1.0, abs=0.05)
    assert level[5100:8000].mean() == pytest.approx(1.75, rel=0.25)
