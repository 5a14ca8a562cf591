"""What scatter of an estimated spectrum does to whitened strain, taken out and put back."""

from __future__ import annotations

import numpy as np
import pytest

from sigden.noise import AutoregressiveModel, PowerSpectrum, welch_psd
from sigden.simulate import coloured_noise, sine_gaussian, strain
from sigden.strain import CoherentStrain, StrainDenoiser, Whitening, band_pass
from sigden.strain.conditioning import Conditioning
from sigden.strain.ripple import Ripple

RATE, BAND = 1024.0, (35.0, 350.0)
FREQUENCIES = np.arange(0.0, RATE / 2 + 0.125, 0.25)


def model(density):
    spectrum = PowerSpectrum(FREQUENCIES, density)
    return AutoregressiveModel.from_spectrum(spectrum, RATE, round(RATE), offset=10.0)


def rough(scatter, seed=0):
    return np.exp(scatter * np.random.default_rng(seed).standard_normal(FREQUENCIES.size))


def test_a_smooth_spectrum_has_no_ripple():
    found = Ripple(model(1.0 + (60.0 / (FREQUENCIES + 30.0)) ** 2), RATE, BAND)
    x = band_pass(np.random.default_rng(1).standard_normal(8192), RATE, BAND)
    inside = slice(1024, -1024)
    assert np.abs(found.put_back(x) - x)[inside].max() < 0.02
    assert np.abs(found.taken_out(x) - x)[inside].max() < 0.02


@pytest.mark.parametrize("scatter", [0.2, 0.6])
def test_a_signal_is_as_smooth_as_whitened_by_the_true_spectrum(scatter):
    h = sine_gaussian(8192, RATE, 120.0, 8.0)
    whitening = model(rough(scatter))
    gain = np.abs(whitening.response(8192))
    white = np.fft.irfft(np.fft.rfft(h) * gain)
    found = Ripple(whitening, RATE, BAND)
    true = h * (white @ h) / (h @ h)
    smooth = found.taken_out(white)
    smooth *= (true @ smooth) / (smooth @ smooth)
    assert np.linalg.norm(smooth - true) < 0.4 * np.linalg.norm(white - true)
    back = found.put_back(found.taken_out(white))
    assert np.linalg.norm(back - white) < 0.1 * np.linalg.norm(white - true)


def test_noise_keeps_its_level():
    white = band_pass(np.random.default_rng(2).standard_normal(16384), RATE, BAND)
    out = Ripple(model(rough(0.5)), RATE, BAND).taken_out(white)
    assert np.std(out[2048:-2048]) == pytest.approx(np.std(white[2048:-2048]), rel=0.05)


def test_a_line_is_pressed_below_the_noise_and_stays_weak_in_the_estimate():
    density = rough(0.2)
    density[np.abs(FREQUENCIES - 180.0) < 0.3] *= 1e4
    found = Ripple(model(density), RATE, BAND)
    line = np.sin(2 * np.pi * 180.0 * np.arange(16384) / RATE)
    inside = slice(4096, -4096)
    for out in (found.taken_out(line), found.put_back(line)):
        assert np.std(out[inside]) < 0.1 * np.std(line)


@pytest.mark.parametrize("snr", [12.0, 40.0])
def test_a_short_record_loses_little_by_its_own_spectrum(snr):
    """The estimate of 8 s is nearly what it were if the spectrum were known."""
    lost = []
    for seed in range(3):
        run = strain(duration=8.0, sample_rate=RATE, snr=snr, seed=60 + seed, detectors=("H1",))
        found = StrainDenoiser(sample_rate=RATE).analyse(run.data[0])
        whitening = Whitening(found.psd, RATE, run.data.shape[1])
        truth = band_pass(whitening(run.signal[0]), RATE, found.band) / found.sigma
        near = slice(round(3.8 * RATE), round(4.05 * RATE))
        error = (found.whitened_denoised - truth)[near]
        lost.append(np.linalg.norm(error) / np.linalg.norm(truth[near]))
    assert np.mean(lost) < {12.0: 0.42, 40.0: 0.15}[snr]


@pytest.mark.parametrize("method", [StrainDenoiser, CoherentStrain])
def test_strain_of_the_other_sign_gives_the_other_sign(method):
    event = strain(duration=8.0, sample_rate=RATE, snr=12.0, seed=3)
    one, other = (method(sample_rate=RATE)(sign * event.data) for sign in (1.0, -1.0))
    # the last step of an inspiral fit magnifies rounding
    assert np.abs(one + other).max() < 5e-5 * np.abs(one).max()


def test_gain_is_that_of_the_filters():
    noise = coloured_noise(
        PowerSpectrum(FREQUENCIES, 1.0 + (60.0 / (FREQUENCIES + 30.0)) ** 2), 8192, RATE, 2
    )
    steps = Conditioning(welch_psd(noise, RATE, segment_seconds=4.0, window="hann"), RATE, BAND)
    impulse = np.zeros(8192)
    impulse[4096] = 1.0
    response = np.abs(np.fft.rfft(steps.without_ripple(steps.whitened(impulse))))
    expected = steps.gain(8192) * np.abs(np.fft.rfft(band_pass(impulse, RATE, BAND)))
    np.testing.assert_allclose(response, expected, atol=0.01 * expected.max())
    np.testing.assert_array_equal(Conditioning(None, RATE, BAND).gain(8), np.ones(5))


def test_silence_between_lines_is_left_alone():
    noise = coloured_noise(PowerSpectrum(FREQUENCIES, np.ones(FREQUENCIES.size)), 16384, RATE, 4)
    noise += 20 * np.sin(2 * np.pi * 180.0 * np.arange(noise.size) / RATE)
    found = StrainDenoiser(sample_rate=RATE, band=BAND).analyse(noise)
    assert np.std(found.whitened_denoised) < 0.15
