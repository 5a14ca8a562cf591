"""One signal in two detectors; glitches, gaps and missing detectors."""

import numpy as np
import pytest

from sigden import CoherentStrain, InputError, ParameterError, StrainDenoiser, from_toml
from sigden.metrics import overlap
from sigden.simulate import sine_gaussian, strain
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
