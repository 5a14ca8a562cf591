import numpy as np
import pytest
from scipy import signal, stats

from sigden.errors import InputError, ParameterError
from sigden.metrics import (
    gain,
    inner_product,
    match,
    optimal_snr,
    overlap,
    relative_residual,
    residual_whiteness,
)
from sigden.noise import PowerSpectrum

FS = 512.0
N = 2048
T = np.arange(N) / FS


def tone(f, phase=0.0, amplitude=1.0):
    return amplitude * np.cos(2 * np.pi * f * T + phase)


@pytest.mark.parametrize("n", [N, N - 1])
def test_white_inner_product_is_the_scalar_product(n):
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=(2, n))
    assert inner_product(a, b) == pytest.approx(a @ b, rel=1e-10)
    assert inner_product(a, b, sample_rate=FS) == pytest.approx(a @ b, rel=1e-10)
    assert optimal_snr(a) == pytest.approx(np.linalg.norm(a), rel=1e-12)


def test_sine_in_white_noise_has_the_closed_form_snr():
    # rho^2 = A^2 T / S for a sine of amplitude A over time T in a one-sided density S.
    psd = PowerSpectrum([0.0, FS / 2], [1e-46, 1e-46])
    expected = np.sqrt((1e-21) ** 2 * N / FS / 1e-46)
    assert optimal_snr(tone(64.0, amplitude=1e-21), psd, FS) == pytest.approx(expected, rel=1e-9)
    assert optimal_snr(tone(64.0), psd, FS, band=(100.0, 200.0)) < 1e-9 * optimal_snr(tone(64.0), psd, FS)


def test_coloured_noise_weighs_frequencies():
    psd = PowerSpectrum([0.0, 90.0, 100.0, 256.0], [1.0, 1.0, 1e4, 1e4])
    a = tone(32.0) + tone(128.0)
    assert overlap(a, tone(32.0)) == pytest.approx(np.sqrt(0.5))
    assert overlap(a, tone(32.0), psd, FS) == pytest.approx(1 / np.sqrt(1 + 1e-4), rel=1e-9)


def test_overlap_and_match_of_turned_and_shifted_signals():
    burst = np.exp(-(((T - 2) / 0.05) ** 2)) * np.cos(2 * np.pi * 60 * (T - 2))
    turned = np.exp(-(((T - 2) / 0.05) ** 2)) * np.sin(2 * np.pi * 60 * (T - 2))
    moved = np.roll(turned, 137)
    assert overlap(burst, 3 * burst) == pytest.approx(1.0)
    assert overlap(burst, -burst) == pytest.approx(-1.0)
    assert overlap(burst, turned) == pytest.approx(0.0, abs=1e-9)
    assert match(burst, moved) == pytest.approx(1.0, abs=1e-6)
    assert match(burst, np.roll(burst, 5), sample_rate=FS) == pytest.approx(1.0, abs=1e-9)
    assert match(burst, tone(200.0)) < 0.05
    assert overlap(burst, np.zeros(N)) == match(burst, np.zeros(N)) == 0.0


def test_tiny_strain_does_not_underflow():
    psd = PowerSpectrum([0.0, FS / 2], [1e-46, 1e-46])
    a = 1e-170 * tone(64.0)
    assert overlap(a, a, psd, FS) == pytest.approx(1.0)
    assert relative_residual(0.5 * a, a) == pytest.approx(0.5)


def test_relative_residual():
    h = tone(50.0)
    assert relative_residual(np.zeros(N), h) == 1.0
    assert relative_residual(0.9 * h, h) == pytest.approx(0.1)
    with pytest.raises(InputError, match="zero everywhere"):
        relative_residual(h, np.zeros(N))


def test_gain_of_a_known_improvement():
    rng = np.random.default_rng(0)
    noise = rng.normal(size=N)
    noise[100] = 0.0
    x, u = noise.copy(), 0.25 * noise
    x[100], u[100] = 10.0, 8.0
    off = np.ones(N, dtype=bool)
    off[90:110] = False
    quiet = noise[off].std()
    assert gain(u, x, slice(90, 110), off) == pytest.approx((8 / (0.25 * quiet)) / (10 / quiet))
    assert gain(np.where(off, 0.0, u), x, slice(90, 110), off) == np.inf
    with pytest.raises(InputError, match="off-source"):
        gain(u, x, slice(90, 110), off[1:])


@pytest.mark.parametrize("band", [None, (30.0, 180.0)])
def test_whiteness_of_white_noise_is_uniform(band):
    rng = np.random.default_rng(1)
    found = [residual_whiteness(rng.normal(size=N), FS, band=band) for _ in range(200)]
    assert stats.kstest([w.p_value for w in found], "uniform").pvalue > 0.01
    assert stats.kstest([w.flatness_p_value for w in found], "uniform").pvalue > 0.01
    assert np.mean([w.flatness for w in found]) == pytest.approx(1.0, abs=0.02)


def test_band_passed_white_noise_is_white_in_its_band():
    sections = signal.butter(8, (20.0, 220.0), "band", fs=FS, output="sos")
    x = signal.sosfiltfilt(sections, np.random.default_rng(2).normal(size=4 * N))
    assert residual_whiteness(x, FS, band=(40.0, 180.0)).p_value > 0.01
    assert residual_whiteness(x, FS).p_value < 1e-10


def test_coloured_and_tonal_residuals_are_caught():
    noise = np.random.default_rng(3).normal(size=N)
    coloured = residual_whiteness(signal.lfilter([1.0], [1.0, -0.3], noise), FS)
    assert coloured.p_value < 1e-6
    assert coloured.flatness < 0.97
    assert residual_whiteness(noise + tone(64.0), FS, band=(30.0, 180.0)).flatness_p_value < 1e-6
    assert residual_whiteness(1e-21 * noise, FS).statistic == pytest.approx(
        residual_whiteness(noise, FS).statistic
    )


def test_errors():
    with pytest.raises(InputError, match="shapes"):
        overlap(np.ones(3), np.ones(4))
    with pytest.raises(InputError, match="not finite"):
        overlap(np.array([1.0, np.nan]), np.ones(2))
    with pytest.raises(InputError, match="one channel"):
        overlap(np.ones((2, 2)), np.ones((2, 2)))
    with pytest.raises(ParameterError, match="band"):
        overlap(tone(1.0), tone(1.0), sample_rate=FS, band=(300.0, 400.0))
    with pytest.raises(InputError, match="constant"):
        residual_whiteness(np.ones(100))
    with pytest.raises(InputError, match="too few"):
        residual_whiteness(np.random.default_rng(0).normal(size=50), lags=20)
    with pytest.raises(ParameterError, match="lags"):
        residual_whiteness(np.random.default_rng(0).normal(size=50), lags=0)
