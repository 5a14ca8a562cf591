from itertools import islice

import numpy as np
import pytest

from sigden.errors import InputError, ParameterError
from sigden.metrics import match, optimal_snr, overlap
from sigden.noise import PowerSpectrum, welch_psd
from sigden.simulate import (
    aligo_psd,
    aligo_spectrum,
    binary_black_hole,
    coloured_noise,
    inject,
    newtonian_inspiral,
    noise_blocks,
    ringdown,
    shift_time,
    sine_gaussian,
    strain,
    supernova_like,
    white_noise_burst,
)
from sigden.strain import Whitening, band_pass

FS = 2048.0


def test_design_density():
    # At 245.4 Hz the fit is the sum of its coefficients.
    assert aligo_psd(245.4) == pytest.approx(1e-48 * (0.0152 + 0.2935 + 2.7951 - 6.5080 + 17.7622), rel=1e-9)
    assert 3e-24 < np.sqrt(aligo_psd(200.0)) < 5e-24
    f = np.array([0.0, 5.0, 7.0, 10.0, 14.0, 20.0])
    density = aligo_psd(f)
    assert density[0] == density[1] == density[2]
    assert (np.diff(density[2:]) < 0).all()
    assert density[0] / density[-1] > 1e5
    with pytest.raises(ParameterError, match="negative"):
        aligo_psd([-1.0])


def test_coloured_noise_has_its_spectrum_and_no_period():
    psd = aligo_spectrum(FS)
    x = coloured_noise(psd, int(64 * FS), FS, seed=1)
    estimate = welch_psd(x, FS, segment_seconds=2.0)
    ratio = estimate.density / psd.at(estimate.frequencies)
    for low, high in [(20, 60), (60, 300), (300, 1000)]:
        band = (estimate.frequencies >= low) & (estimate.frequencies < high)
        assert ratio[band].mean() == pytest.approx(1.0, abs=0.06)
    jump = abs(x[0] - x[-1])
    assert jump > 20 * np.abs(np.diff(x)).mean()
    np.testing.assert_array_equal(x, coloured_noise(psd, int(64 * FS), FS, seed=1))
    assert not np.array_equal(x, coloured_noise(psd, int(64 * FS), FS, seed=2))


def test_white_noise_has_the_closed_form_variance():
    psd = PowerSpectrum([0.0, FS / 2], [2.0 / FS, 2.0 / FS])
    assert coloured_noise(psd, 200001, FS, seed=0).std() == pytest.approx(1.0, rel=0.01)


@pytest.mark.parametrize(("m1", "m2", "chi"), [(36.0, 29.0, 0.0), (15.0, 8.0, 0.3), (40.0, 20.0, -0.4)])
def test_binary_waveform(m1, m2, chi):
    wave = binary_black_hole(m1, m2, 400.0, 4096.0, 25.0, chi=chi)
    power = wave.plus**2 + wave.cross**2
    assert np.argmax(power) == wave.peak
    # A chirp: before the peak the frequency rises, after it all is over within 100 M.
    z = wave.plus + 1j * wave.cross
    frequency = np.abs(np.gradient(np.unwrap(np.angle(z)))) * 4096 / (2 * np.pi)
    early, late = wave.peak - round(0.15 * 4096), wave.peak - round(0.02 * 4096)
    assert 25 < frequency[early] < frequency[late] < frequency[wave.peak] < 1000
    after = round(200 * (m1 + m2) * 4.93e-6 * 4096)
    assert power[wave.peak + after :].max() < 1e-4 * power.max()
    assert power[:100].max() < 1e-6 * power.max()
    twice = binary_black_hole(m1, m2, 800.0, 4096.0, 25.0, chi=chi)
    np.testing.assert_allclose(twice.plus * 2, wave.plus, rtol=1e-9, atol=1e-30)


def test_binary_matches_newtonian_amplitude_and_chirp_at_low_frequency():
    m1 = m2 = 10.0
    wave = binary_black_hole(m1, m2, 100.0, 4096.0, 10.0)
    z = wave.plus + 1j * wave.cross
    phase = np.unwrap(np.angle(z))
    frequency = np.abs(np.gradient(phase)) * 4096 / (2 * np.pi)
    at = wave.peak - round(3.0 * 4096)
    chirp = (m1 * m2) ** 0.6 / (m1 + m2) ** 0.2 * 4.925490947641267e-6
    distance = 100.0 * 1.0292712503794876e14
    f = frequency[at - 200 : at + 200].mean()
    assert f == pytest.approx((5 / 256 / 3.0) ** 0.375 * chirp**-0.625 / np.pi, rel=0.06)
    expected = 4 * chirp ** (5 / 3) * (np.pi * f) ** (2 / 3) / distance
    assert np.abs(z[at - 200 : at + 200]).mean() == pytest.approx(expected, rel=0.06)


def test_phase_turns_plus_into_cross():
    plain = binary_black_hole(30.0, 30.0, 400.0, FS)
    turned = binary_black_hole(30.0, 30.0, 400.0, FS, phase=-np.pi / 2)
    np.testing.assert_allclose(turned.plus, plain.cross, atol=1e-9 * np.abs(plain.plus).max())


def test_binary_errors():
    with pytest.raises(ParameterError, match="m1"):
        binary_black_hole(0.0, 30.0, 400.0, FS)
    with pytest.raises(ParameterError, match="chi"):
        binary_black_hole(30.0, 30.0, 400.0, FS, chi=0.99)
    with pytest.raises(ParameterError, match="f_low"):
        binary_black_hole(30.0, 30.0, 400.0, FS, 500.0)
    with pytest.raises(ParameterError, match="ringdown"):
        binary_black_hole(10.0, 10.0, 400.0, FS / 2)


def test_bursts():
    n = 2048
    t = np.arange(n) / FS
    wave = sine_gaussian(n, FS, 100.0, 9.0, centre=0.5)
    tau = 9.0 / (np.sqrt(2) * np.pi * 100.0)
    np.testing.assert_allclose(wave, np.exp(-(((t - 0.5) / tau) ** 2)) * np.cos(2 * np.pi * 100 * (t - 0.5)))
    ring = ringdown(n, FS, 250.0, 0.01, start=0.25)
    assert (ring[: n // 4] == 0).all()
    assert ring[n // 4] == 1.0
    envelope = np.abs(ring[n // 4 :: 4096 // 500])
    assert envelope.max() <= 1.0
    burst = white_noise_burst(n, FS, (100.0, 200.0), 0.03, seed=0)
    assert burst @ burst / FS == pytest.approx(1.0)
    power = np.abs(np.fft.rfft(burst)) ** 2
    assert power[90:211].sum() > 0.98 * power.sum()
    star = supernova_like(n, FS)
    assert np.abs(star).max() == 1.0
    assert np.abs(star[:400]).max() < 1e-6
    for call in (
        lambda: sine_gaussian(n, FS, 2000.0),
        lambda: ringdown(n, FS, 100.0, 0.0),
        lambda: white_noise_burst(n, FS, (200.0, 100.0), 0.1, 0),
        lambda: supernova_like(n, 1024.0),
        lambda: sine_gaussian(0, FS, 100.0),
    ):
        with pytest.raises(ParameterError):
            call()


def test_shift_by_whole_and_broken_samples():
    x = sine_gaussian(4096, FS, 100.0)
    np.testing.assert_allclose(shift_time(x, 5 / FS, FS)[5:], x[:-5], atol=1e-12)
    middle = 4096 / (2 * FS)
    np.testing.assert_allclose(
        shift_time(x, -0.00137, FS), sine_gaussian(4096, FS, 100.0, centre=middle - 0.00137), atol=1e-9
    )


def test_injection_has_its_signal_to_noise_ratio():
    psd = aligo_spectrum(FS)
    noise = coloured_noise(psd, 8192, FS, 0)
    data, scaled = inject(noise, sine_gaussian(8192, FS, 150.0), psd, 12.0, FS)
    np.testing.assert_array_equal(data, noise + scaled)
    assert optimal_snr(scaled, psd, FS, band=(20.0, 1023.0)) == pytest.approx(12.0, rel=1e-6)
    with pytest.raises(InputError, match="no power"):
        inject(noise, np.zeros(8192), psd, 12.0, FS)
    with pytest.raises(InputError, match="shape"):
        inject(noise, np.zeros(5), psd, 12.0, FS)


def test_network_record():
    record = strain(duration=8.0, sample_rate=FS, snr=20.0, seed=3, detectors=("H1", "L1", "V1"))
    assert record.data.shape == record.signal.shape == (3, int(8 * FS))
    np.testing.assert_allclose(record.noise + record.signal, record.data, rtol=0, atol=1e-33)
    assert record.snr[0] == pytest.approx(20.0, rel=1e-9)
    assert record.snr[1] == pytest.approx(18.0, rel=1e-3)
    assert record.peak_times[0] == pytest.approx(record.t0 + 4.0)
    assert record.peak_times[0] - record.peak_times[1] == pytest.approx(6.9e-3, abs=1e-6)
    h1, l1, v1 = record.signal
    np.testing.assert_allclose(shift_time(h1, -6.9e-3, FS), -l1 / 0.9, atol=1e-9 * np.abs(h1).max())
    assert overlap(h1, v1, record.psd, FS) < 0.9 < match(h1, v1, record.psd, FS)
    rho = np.corrcoef(record.noise)
    assert np.abs(rho - np.eye(3)).max() < 0.6
    same = strain(duration=8.0, sample_rate=FS, snr=20.0, seed=3, detectors=("L1",))
    np.testing.assert_array_equal(same.data[0], record.data[1])


def test_records_of_noise_only_and_of_other_signals():
    assert (strain(duration=4.0, sample_rate=FS, snr=0.0).signal == 0).all()
    burst = sine_gaussian(1024, FS, 300.0)
    record = strain(duration=4.0, sample_rate=FS, snr=10.0, waveform=burst, peak_at=1.0)
    assert abs(int(np.argmax(np.abs(record.signal[0]))) - FS) <= 1
    assert record.snr[0] == pytest.approx(10.0)


def test_record_errors():
    with pytest.raises(ParameterError, match="K1"):
        strain(detectors=("K1",))
    with pytest.raises(ParameterError, match="snr"):
        strain(snr=-1.0)
    with pytest.raises(ParameterError, match="duration"):
        strain(duration=0.0)
    with pytest.raises(ParameterError, match="peak_at"):
        strain(duration=2.0, peak_at=5.0)


def test_the_newtonian_chirp_climbs_as_it_should():
    rate, end = 4096.0, 3.0
    h = newtonian_inspiral(round(3.2 * rate), rate, 1.2, coalescence=end)
    t = np.arange(h.size) / rate
    assert np.abs(h).max() == pytest.approx(1.0)
    assert not h[t >= end].any()
    for left in (2.0, 0.5):
        inside = (t > end - left - 0.1) & (t < end - left + 0.1)
        crossings = np.count_nonzero(np.diff(np.signbit(h[inside]))) / 2 / 0.2
        assert crossings == pytest.approx(134 * (1.21 / 1.2) ** 0.625 * left**-0.375, rel=0.08)
    with pytest.raises(ParameterError, match="chirp_mass"):
        newtonian_inspiral(100, rate, 0.0)


def test_blocks_of_noise_join_without_a_seam():
    psd = aligo_spectrum(1024.0)
    blocks = list(islice(noise_blocks(psd, 16384, 1024.0, 3), 12))
    x = np.concatenate(blocks)
    assert not np.array_equal(blocks[1], blocks[2])
    white = band_pass(Whitening(psd, 1024.0, x.size)(x), 1024.0, (30.0, 300.0))
    joins = np.stack([white[k * 16384 - 1024 : k * 16384 + 8192] for k in range(1, 12)])
    assert np.abs(joins).max() < 6 * white.std()
    assert joins.std() == pytest.approx(white.std(), rel=0.05)
    again = next(noise_blocks(psd, 16384, 1024.0, 3))
    np.testing.assert_array_equal(again, blocks[0])


def test_a_block_shorter_than_the_memory_is_refused():
    with pytest.raises(ParameterError, match="memory_seconds: must be shorter than a block of 4 s"):
        next(noise_blocks(aligo_spectrum(1024.0), 4096, 1024.0, 0))
