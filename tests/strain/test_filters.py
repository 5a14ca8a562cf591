import numpy as np
import pytest

from sigden.errors import InputError, ParameterError
from sigden.noise import PowerSpectrum, welch_psd
from sigden.strain.filters import band_gain, band_pass, find_lines, notch

FS = 1024.0
T = np.arange(8192) / FS


def noise(shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape)


def test_sines_pass_or_stop_without_delay():
    inside, below, above = (np.sin(2 * np.pi * f * T) for f in (100.0, 5.0, 400.0))
    core = slice(1024, -1024)
    out = band_pass(inside + below + above, FS, (40.0, 200.0))
    np.testing.assert_allclose(out[core], inside[core], atol=0.01)


@pytest.mark.parametrize(("band", "kept", "lost"), [((0.0, 50.0), 10.0, 200.0), ((50.0, 512.0), 200.0, 10.0)])
def test_open_bands_are_low_and_high_passes(band, kept, lost):
    good, bad = (np.sin(2 * np.pi * f * T) for f in (kept, lost))
    core = slice(1024, -1024)
    np.testing.assert_allclose(band_pass(good + bad, FS, band)[core], good[core], atol=0.01)


@pytest.mark.parametrize("band", [(35.0, 350.0), (0.0, 60.0), (50.0, 512.0), (0.0, 512.0)])
def test_gain_is_that_of_the_filter(band):
    impulse = np.zeros(8192)
    impulse[4096] = 1.0
    expected = np.abs(np.fft.rfft(band_pass(impulse, FS, band)))
    np.testing.assert_allclose(band_gain(np.fft.rfftfreq(8192, 1 / FS), FS, band), expected, atol=1e-5)


def test_full_band_is_the_identity():
    x = noise(100)
    np.testing.assert_array_equal(band_pass(x, FS, (0.0, 512.0)), x)


def test_edges_of_noise_are_as_quiet_as_the_core():
    out = band_pass(noise((200, 4096)), FS, (35.0, 350.0))
    core = out[:, 1500:2500].std()
    assert core == pytest.approx(np.sqrt(2 * 315 / FS), rel=0.05)
    for part in (slice(1, 20), slice(20, 200), slice(-20, -1), slice(-200, -20)):
        assert out[:, part].std() == pytest.approx(core, rel=0.1)
    assert out[:, 0].std() < 1.4 * core


def test_odd_extension_keeps_a_slope():
    out = band_pass(T, FS, (0.0, 20.0), extension="odd")
    np.testing.assert_allclose(out, T, atol=1e-3)


def test_short_records_and_batches():
    x = noise((2, 3, 50))
    out = band_pass(x, FS, (50.0, 300.0))
    np.testing.assert_allclose(out[1, 2], band_pass(x[1, 2], FS, (50.0, 300.0)), atol=1e-12)
    assert band_pass(x.astype(np.float32), FS, (50.0, 300.0)).dtype == np.float32
    np.testing.assert_allclose(band_pass(1e-21 * x, FS, (50.0, 300.0)), 1e-21 * out, rtol=1e-9, atol=1e-30)


def test_notch_takes_a_steady_line_out_edges_included():
    x = noise((20, T.size))
    line = 100 * np.cos(2 * np.pi * 60 * T + np.arange(20)[:, None])
    out = notch(x + line, FS, [60.0])
    assert np.abs(out - x).max() < 2.0
    assert (out - x)[:, 1000:-1000].std() < 0.1
    np.testing.assert_allclose(notch(x, FS, []), x)


def test_notch_has_its_width():
    core = slice(3000, -3000)
    for offset, gain in [(0.0, 0.0), (1.0, np.sqrt(0.5)), (-1.0, np.sqrt(0.5)), (30.0, 1.0)]:
        tone = np.cos(2 * np.pi * (60.0 + offset) * T)
        out = notch(tone, FS, [60.0], quality=30.0)
        assert out[core].std() / tone[core].std() == pytest.approx(gain, abs=0.01)


def test_lines_are_found():
    x = noise(int(64 * FS))
    t = np.arange(x.size) / FS
    x += np.sin(2 * np.pi * 60 * t) + 0.5 * np.sin(2 * np.pi * 331.25 * t)
    np.testing.assert_allclose(find_lines(welch_psd(x, FS)), [60.0, 331.25])
    assert find_lines(welch_psd(noise(int(64 * FS)), FS)).size == 0


@pytest.mark.parametrize(
    "band", [(300.0, 100.0), (100.0, 600.0), (-1.0, 100.0), (50.0, 50.0), (np.nan, 9.0), (5.0,)]
)
def test_bad_bands_are_named(band):
    with pytest.raises(ParameterError, match="band"):
        band_pass(noise(100), FS, band)


def test_other_errors():
    with pytest.raises(InputError, match="index 7"):
        band_pass(np.where(np.arange(50) == 7, np.nan, 1.0), FS, (50.0, 100.0))
    with pytest.raises(ParameterError, match="order"):
        band_pass(noise(100), FS, (50.0, 100.0), order=0)
    with pytest.raises(ParameterError, match="extension"):
        band_pass(noise(100), FS, (50.0, 100.0), extension="zero")
    with pytest.raises(ParameterError, match="600"):
        notch(noise(100), FS, [600.0])
    with pytest.raises(ParameterError, match="quality"):
        notch(noise(100), FS, [60.0], quality=0.0)
    flat = PowerSpectrum([0.0, 1.0], [[1.0, 1.0]])
    with pytest.raises(InputError, match="one channel"):
        find_lines(flat)
    with pytest.raises(ParameterError, match="width"):
        find_lines(flat.channel(0), width=0.5)


@pytest.mark.parametrize("n", [2, 3, 300, 20000])
def test_notch_is_the_demodulated_low_pass_of_scipy(n):
    from scipy.signal import butter, sosfiltfilt

    from sigden.strain.filters import _ringing

    x, quality, wanted = noise((2, n)), 15.0, noise((2, n))
    for f in (60.0, 331.25):
        low_pass = butter(1, f / (2 * quality) / np.sqrt(1 + np.sqrt(2)), fs=FS, output="sos")
        carrier = np.exp(2j * np.pi * f / FS * np.arange(n))
        padded = min(_ringing(low_pass), n - 1)
        envelope = sosfiltfilt(low_pass, wanted * carrier.conj(), padtype="even", padlen=padded)
        wanted = wanted - 2 * (envelope * carrier).real
    before = x.copy()
    np.testing.assert_allclose(notch(x, FS, [60.0, 331.25], quality), wanted, rtol=0, atol=1e-10)
    np.testing.assert_array_equal(x, before)
