"""One signal in two detectors; glitches, gaps and missing detectors."""

import numpy as np
import pytest

from sigden import CoherentStrain, InputError, ParameterError, StrainDenoiser, from_toml
from sigden.metrics import overlap
from sigden.noise import PowerSpectrum
from sigden.simulate import (
    aligo_psd,
    binary_black_hole,
    coloured_noise,
    inject,
    shift_time,
    sine_gaussian,
    strain,
)
from sigden.strain import Whitening, band_pass

RATE = 2048.0
BAND = (35.0, 350.0)


@pytest.fixture(scope="module")
def event():
    return strain(duration=10.0, sample_rate=RATE, snr=9.0, seed=9)


@pytest.fixture(scope="module")
def joint(event):
    return CoherentStrain(sample_rate=RATE).solve(event.data)


def whitened(x, event):
    return band_pass(Whitening(event.psd, RATE, x.size)(x), RATE, BAND)


def test_the_common_signal_is_found_and_better_than_alone(event, joint):
    alone = StrainDenoiser(sample_rate=RATE).solve(event.data)
    gains = []
    for row in range(2):
        peak = round((event.peak_times[row] - event.t0) * RATE)
        window = slice(peak - round(0.2 * RATE), peak + round(0.05 * RATE))
        truth = whitened(event.signal[row], event)[window]
        one, two = (s.details["results"][row].whitened_denoised[window] for s in (alone, joint))
        gains.append(overlap(two, truth) - overlap(one, truth))
        assert overlap(two, truth) > 0.75
    assert np.mean(gains) > 0
    pair = next(p for p in joint.details["pairs"] if p.coherent and p.start < 5 * RATE < p.stop)
    delay = event.peak_times[pair.other] - event.peak_times[pair.reference]
    assert pair.delay == pytest.approx(delay, abs=1e-3)
    assert pair.ratio < 0
    assert pair.consistency == pytest.approx(1.0, abs=0.5)


def test_estimate_and_residual_still_add_up(event, joint):
    single = StrainDenoiser(sample_rate=RATE).analyse(event.data[0])
    found = joint.details["results"][0]
    whole = single.denoised + single.residual
    np.testing.assert_allclose(
        found.denoised + found.residual, whole, rtol=0, atol=1e-9 * np.abs(whole).max()
    )


def test_a_glitch_in_one_detector_stays_there():
    quiet = strain(duration=8.0, sample_rate=RATE, snr=0.0, seed=3)
    data = quiet.data.copy()
    data[0] += 1.5e-21 * sine_gaussian(data.shape[1], RATE, 120.0)
    found = CoherentStrain(sample_rate=RATE).solve(data)
    middle = slice(round(3.8 * RATE), round(4.2 * RATE))
    first, second = (r.whitened_denoised[middle] for r in found.details["results"])
    assert np.abs(first).max() > 5
    assert np.abs(second).max() < 1
    told = [p for p in found.details["pairs"] if p.start < 4 * RATE < p.stop]
    assert told
    assert not any(p.coherent for p in told)


def psd_of(tilt):
    f = np.linspace(0.0, RATE / 2, 2049)
    return PowerSpectrum(f, aligo_psd(f) * (1.0 + (tilt / np.maximum(f, 10.0)) ** 2))


def unlike(seed, snr, rows=2):
    """Strain and signals of detectors with spectra, phases, delays and amplitudes of their own."""
    rng = np.random.default_rng(seed)
    wave = binary_black_hole(36.0, 29.0, 400.0, RATE)
    n = round(8 * RATE)
    near = slice(wave.peak - round(2 * RATE), wave.peak + round(0.5 * RATE))
    fade = np.minimum(np.arange(near.stop - near.start) / RATE, 1.0)
    before, after = round(2 * RATE), n - round(4.5 * RATE)
    both = np.pad(np.stack([wave.plus, wave.cross])[:, near] * fade, ((0, 0), (before, after)))
    responses = ((1.0, 0.0, 0.0), (-0.6, 0.5, 6e-3), (0.2, 0.5, -0.011))[:rows]
    signals = np.stack([shift_time(a * both[0] + b * both[1], t, RATE) for a, b, t in responses])
    spectra = [psd_of(tilt) for tilt in (0.0, 90.0, 40.0)[:rows]]
    scale = inject(np.zeros(n), signals[0], spectra[0], snr, RATE)[1].max() / signals[0].max()
    noise = [coloured_noise(psd, n, RATE, int(rng.integers(1 << 30))) for psd in spectra]
    return np.stack(noise) + scale * signals, scale * signals


def judged(result, signal):
    """Error and its standard error where the signal is, and the signal's norm there."""
    truth = band_pass(Whitening(result.psd, RATE, signal.size)(signal), RATE, BAND) / result.sigma
    peak = int(np.argmax(np.abs(truth)))
    near = slice(peak - round(0.2 * RATE), peak + round(0.05 * RATE))
    error = (result.whitened_denoised - truth)[near]
    return error, result.whitened_uncertainty[near], np.linalg.norm(truth[near])


def test_detectors_with_spectra_and_phases_of_their_own_gain_and_know_their_errors():
    alone, joint, inside = [], [], []
    for seed in range(4):
        data, signals = unlike(seed, 25.0)
        one, two = (m(sample_rate=RATE).solve(data) for m in (StrainDenoiser, CoherentStrain))
        assert any(p.coherent and abs(p.phase) > 0.3 for p in two.details["pairs"])
        for row in range(2):
            for found, losses in ((one, alone), (two, joint)):
                error, standard, norm = judged(found.details["results"][row], signals[row])
                losses.append(np.linalg.norm(error) / norm)
            inside.append(np.mean(np.abs(error) < standard))
    assert np.mean(joint) < 0.95 * np.mean(alone)
    assert 0.5 < np.mean(inside) < 0.85


def test_three_detectors_are_joined():
    data, signals = unlike(5, 20.0, rows=3)
    one, two = (m(sample_rate=RATE).solve(data) for m in (StrainDenoiser, CoherentStrain))
    pairs = [p for p in two.details["pairs"] if p.start < 4 * RATE < p.stop and p.coherent]
    assert {d for p in pairs for d in (p.reference, p.other)} == {0, 1, 2}
    for pair in pairs:
        delay = (0.0, 6e-3, -0.011)[pair.other] - (0.0, 6e-3, -0.011)[pair.reference]
        assert abs(pair.delay - delay) < 4 * pair.delay_error + 2e-4
    losses = []
    for found in (one, two):
        cells = [judged(r, s) for r, s in zip(found.details["results"], signals, strict=True)]
        losses.append(np.mean([np.linalg.norm(error) / norm for error, _, norm in cells]))
    assert losses[1] < losses[0]


def test_a_glitch_beside_a_signal_is_left_to_its_detector():
    data, signals = unlike(2, 20.0)
    at = round(4.7 * RATE)
    data[0] += 1.2e-21 * sine_gaussian(data.shape[1], RATE, 150.0, 9.0, centre=at / RATE)
    found = CoherentStrain(sample_rate=RATE).solve(data)
    there = slice(at - round(0.05 * RATE), at + round(0.05 * RATE))
    first, second = (r.whitened_denoised[there] for r in found.details["results"])
    assert np.abs(first).max() > 4
    assert np.abs(second).max() < 0.15 * np.abs(first).max()
    assert any(p.coherent for p in found.details["pairs"] if p.start < 4 * RATE < p.stop)
    error, _, norm = judged(found.details["results"][1], signals[1])
    assert np.linalg.norm(error) < 0.35 * norm


def test_a_missing_detector_stays_missing(event):
    data = event.data.copy()
    data[1] = np.nan
    found = CoherentStrain(sample_rate=RATE).solve(data)
    assert found.details["missing"] == (1,)
    assert np.isnan(found.estimate[1]).all()
    np.testing.assert_array_equal(found.estimate[0], StrainDenoiser(sample_rate=RATE)(event.data[0]))
    with pytest.raises(InputError, match="every detector is NaN"):
        CoherentStrain(sample_rate=RATE)(np.full((2, 100), np.nan))


def test_gaps_stay_and_do_not_spread(event):
    data = event.data.copy()
    data[1, round(8 * RATE) : round(8.2 * RATE)] = np.nan
    out = CoherentStrain(sample_rate=RATE)(data)
    np.testing.assert_array_equal(np.isnan(out), np.isnan(data))


def test_a_mapping_comes_back_as_one(event, joint):
    out = CoherentStrain(sample_rate=RATE)({"H1": event.data[0], "L1": event.data[1]})
    np.testing.assert_array_equal(out["L1"], joint.estimate[1])
    with pytest.raises(InputError, match="differ in length"):
        CoherentStrain(sample_rate=RATE)({"H1": event.data[0], "L1": event.data[1][:-5]})
    with pytest.raises(InputError, match=r"H1: \(20480,\) at an unknown rate, L1: \(20475,\) at an"):
        CoherentStrain()({"H1": event.data[0], "L1": event.data[1][:-5]})


@pytest.mark.parametrize("method", [StrainDenoiser, CoherentStrain])
def test_masks_of_a_mapping_are_gaps_of_the_detectors_they_name(event, method):
    data = dict(zip(("H1", "L1"), event.data[:, : round(4 * RATE)], strict=True))
    mask = np.zeros(data["H1"].size, dtype=bool)
    mask[10:40] = True
    run = method(sample_rate=RATE, segment_seconds=1.0)
    one, both = run(data, mask={"L1": mask}), run(data, mask=mask)
    np.testing.assert_array_equal(np.isnan(one["L1"]), mask)
    assert not np.isnan(one["H1"]).any()
    for name in data:
        np.testing.assert_array_equal(np.isnan(both[name]), mask)
    with pytest.raises(InputError, match="entry for H2, the data have H1, L1"):
        run(data, mask={"H2": mask})


@pytest.mark.parametrize("delay", [0.0, -1.0, 0.2, np.nan])
def test_delays_no_earth_allows(delay):
    with pytest.raises(ParameterError, match="max_delay"):
        CoherentStrain(max_delay=delay)


def test_shapes_and_text():
    with pytest.raises(InputError, match=r"expected shape \(detectors, n\)"):
        CoherentStrain(sample_rate=RATE)(np.zeros(100))
    method = CoherentStrain(sample_rate=RATE, max_delay=0.01)
    assert from_toml(method.to_toml()) == method
