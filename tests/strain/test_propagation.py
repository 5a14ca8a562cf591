"""Standard errors carried from whitened to calibrated strain."""

import numpy as np
import pytest
from scipy.fft import irfft, rfft, rfftfreq

from sigden import CoherentStrain
from sigden.noise import PowerSpectrum
from sigden.simulate import aligo_spectrum, coloured_noise, sine_gaussian, strain
from sigden.strain import StrainDenoiser, band_pass
from sigden.strain.filters import band_gain
from sigden.strain.propagation import ErrorPropagation

RATE, BAND = 1024.0, (35.0, 350.0)
GRID = np.linspace(0.0, RATE / 2, 2049)
PASSED = band_gain(GRID, RATE, BAND)
STEEP = PASSED * (60.0 / np.maximum(GRID, 10.0)) ** 2
RIPPLE = 1.0 + 0.4 * np.sin(2 * np.pi * GRID / 90.0)
PROPAGATION = ErrorPropagation(RATE, 1, STEEP * RIPPLE, RIPPLE, PASSED)


def filtered(x, gain):
    """Zero-phase filter of a gain on GRID."""
    return irfft(rfft(x) * np.interp(rfftfreq(x.shape[-1], 1 / RATE), GRID, gain), x.shape[-1])


def rms(x):
    return float(np.sqrt(np.mean(np.square(x))))


def steep_noise():
    psd = aligo_spectrum(RATE)
    rise = 1.0 + (70.0 / np.maximum(psd.frequencies, 10.0)) ** 6
    return PowerSpectrum(psd.frequencies, psd.density * rise)


@pytest.mark.parametrize("frequency", [45.0, 70.0, 150.0, 300.0])
def test_a_steady_tone_has_the_gain_of_its_frequency(frequency):
    t = np.arange(4096) / RATE
    found = PROPAGATION(3.0 * np.sin(2 * np.pi * frequency * t), np.full(t.size, 0.2))
    expected = 0.2 * np.interp(frequency, GRID, STEEP)
    np.testing.assert_allclose(found[500:-500], expected, rtol=0.15)


def test_where_nothing_is_found_the_error_has_the_spectrum_of_the_noise():
    noise = PASSED**2
    expected = np.sqrt(np.sum(noise * (STEEP * RIPPLE) ** 2) / np.sum(noise * RIPPLE**2))
    np.testing.assert_allclose(PROPAGATION(np.zeros(2000), np.ones(2000)), expected, rtol=1e-12)


@pytest.mark.parametrize("centre", [45.0, 90.0, 250.0])
def test_is_the_spread_of_errors_that_have_the_spectrum_of_the_estimate(centre):
    shape = np.exp(-0.5 * ((GRID - centre) / 12.0) ** 2)
    rng = np.random.default_rng(1)
    smooth, errors = (filtered(rng.standard_normal(s), shape) for s in (8192, (60, 8192)))
    white = filtered(errors, RIPPLE)
    swell = 0.1 * (1.0 + 0.5 * np.sin(2 * np.pi * np.arange(8192) / 4096))
    unit = swell / rms(white)
    true = np.sqrt(np.mean(filtered(errors * unit, STEEP * RIPPLE) ** 2, axis=0))
    found = PROPAGATION(10.0 * smooth / rms(smooth), swell)
    middle = slice(500, -500)
    assert rms(found[middle]) == pytest.approx(rms(true[middle]), rel=0.15)
    # both swell together; sixty draws scatter by a tenth
    assert np.corrcoef(found[middle], true[middle])[0, 1] > 0.7


def test_follows_a_change_of_frequency():
    t = np.arange(4096) / RATE
    jump = np.sin(2 * np.pi * np.where(t < 2.0, 45.0, 200.0) * t)
    found = PROPAGATION(jump, np.full(t.size, 0.1))
    early, late = found[500:1980], found[2120:-500]
    low, high = (np.interp(f, GRID, STEEP) for f in (45.0, 200.0))
    assert np.median(early) / np.median(late) == pytest.approx(low / high, rel=0.2)
    assert early.min() > 5 * late.max()


def test_a_part_has_the_errors_of_the_whole():
    rng = np.random.default_rng(2)
    smooth = band_pass(rng.standard_normal(6000), RATE, BAND)
    error = 0.1 + 0.01 * rng.random(6000)
    whole = PROPAGATION(smooth, error)
    for start, stop in ((1001, 4999), (2500, 6000), (0, 333)):
        part = PROPAGATION(smooth[start:stop], error[start:stop], start)
        low, high = (0 if start == 0 else 60), (None if stop == 6000 else -60)
        np.testing.assert_allclose(part[low:high], whole[start:stop][low:high], rtol=1e-9)


@pytest.mark.parametrize("size", [0, 1, 2, 9, 50])
def test_short_stretches_have_finite_errors(size):
    found = PROPAGATION(np.zeros(size), np.ones(size), start=7)
    assert found.shape == (size,)
    assert np.isfinite(found).all()
    assert (found > 0).all()


def test_the_rate_of_the_samples_does_not_matter():
    def errors(rate):
        psd = PowerSpectrum(np.linspace(0.0, rate / 2, round(2 * rate) + 1), np.ones(round(2 * rate) + 1))
        density = steep_noise().at(np.minimum(psd.frequencies, 500.0))
        steps = StrainDenoiser(sample_rate=rate)._conditioning(
            PowerSpectrum(psd.frequencies, density), rate, BAND
        )
        n = round(4 * rate)
        smooth = sine_gaussian(n, rate, 80.0, 20.0, centre=2.0) + sine_gaussian(
            n, rate, 200.0, 9.0, centre=2.5
        )
        # whitened samples of unit variance hold the noise of half their rate
        return steps.coloured_error(smooth, np.full(n, 0.2)) / np.sqrt(rate)

    np.testing.assert_allclose(errors(4096.0)[::4], errors(1024.0), rtol=0.05)


@pytest.mark.parametrize("frequency", [48.0, 90.0, 250.0])
def test_calibrated_errors_are_as_honest_as_whitened_ones(frequency):
    n = round(6 * RATE)
    wave = sine_gaussian(n, RATE, frequency, 12.0, centre=3.0)
    white, calibrated = [], []
    for seed in range(8):
        run = strain(6.0, RATE, 20.0, 40 + seed, ("H1",), waveform=wave, psd=steep_noise(), peak_at=3.0)
        result, steps, _ = StrainDenoiser(sample_rate=RATE)._analysed(run.data[0])
        truth = steps.whitened(run.signal[0]) / result.sigma
        reach = round(6.0 / frequency * RATE)
        near = slice(n // 2 - reach, n // 2 + reach)
        white.append((result.whitened_denoised - truth)[near] / result.whitened_uncertainty[near])
        error = result.denoised - result.in_band(run.signal[0])
        calibrated.append(error[near] / result.uncertainty[near])
    assert rms(calibrated) == pytest.approx(rms(white), rel=0.3)


@pytest.mark.parametrize("factor", [2.0**-70, 2.0**100])
def test_follows_the_scale_of_the_strain(factor):
    x = strain(6.0, RATE, 20.0, 5, ("H1",)).data[0]
    one, other = (StrainDenoiser(sample_rate=RATE).analyse(v) for v in (x, factor * x))
    np.testing.assert_allclose(other.uncertainty, factor * one.uncertainty, rtol=1e-5)


def test_whitened_input_keeps_its_one_number():
    x = band_pass(np.random.default_rng(6).standard_normal(6000), RATE, BAND)
    result = StrainDenoiser(sample_rate=RATE, whitened=True).analyse(x)
    np.testing.assert_array_equal(result.uncertainty, result.sigma * result.whitened_uncertainty)


def test_gaps_are_nan_and_nothing_else():
    x = coloured_noise(aligo_spectrum(RATE), 12000, RATE, 7)
    x[5000:5100] = np.nan
    x[5110:5150] = np.nan  # ten samples between gaps
    found = StrainDenoiser(sample_rate=RATE, segment_seconds=2.0).analyse(x).uncertainty
    np.testing.assert_array_equal(np.isnan(found), np.isnan(x))
    assert np.nanmin(found) > 0


def test_detectors_that_are_not_joined_keep_their_errors():
    data = np.stack([coloured_noise(aligo_spectrum(RATE), 8192, RATE, seed) for seed in (8, 9)])
    method = CoherentStrain(sample_rate=RATE)
    found = method.solve(data)
    assert not any(pair.coherent for pair in found.details["pairs"])
    alone = np.stack([StrainDenoiser(sample_rate=RATE).analyse(x).uncertainty for x in data])
    np.testing.assert_allclose(found.details["uncertainty"], alone, rtol=1e-6)


def test_a_signal_in_the_band_is_what_the_estimate_would_be():
    run = strain(8.0, RATE, 20.0, 10, ("H1",))
    result, steps, _ = StrainDenoiser(sample_rate=RATE)._analysed(run.data[0])
    through = steps.coloured(steps.whitened(run.signal[0]))
    middle = slice(2048, -2048)
    expected = result.in_band(run.signal[0])
    assert rms((through - expected)[middle]) < 3e-3 * rms(expected[middle])
    white = StrainDenoiser(sample_rate=RATE, whitened=True, band=BAND).analyse(result.whitened)
    np.testing.assert_array_equal(white.in_band(run.signal[0]), band_pass(run.signal[0], RATE, BAND))
