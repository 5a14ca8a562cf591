"""Shrinkage of wavelet and short-time Fourier coefficients: frames, noise, borders, thresholds."""

import numpy as np
import pytest
import pywt
from scipy.stats import chi2

from sigden import InputError, ParameterError, SpectrogramDenoiser, WaveletDenoiser, from_toml
from sigden.denoisers.shrinkage import spectrogram as stft
from sigden.denoisers.shrinkage.wavelet import _filters, _rms, _transfers

N = 2048
T = np.arange(N) / N
BURST = 4 * np.exp(-(((T - 0.5) / 0.06) ** 2)) * np.sin(2 * np.pi * 80 * T)
METHODS = [
    WaveletDenoiser(),
    WaveletDenoiser(noise="coloured", wavelets=("sym8",), shrinkage="hard"),
    WaveletDenoiser(shrinkage="soft", threshold=2.5),
    SpectrogramDenoiser(),
    SpectrogramDenoiser(noise="coloured", windows=(64, 128)),
]


def noisy(seed=0, truth=BURST):
    return truth + np.random.default_rng(seed).standard_normal(truth.shape)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("seed", [1, 2])
def test_beats_its_input(method, seed):
    assert np.mean((method(noisy(seed)) - BURST) ** 2) < 0.15


@pytest.mark.parametrize("method", METHODS)
def test_noise_leaves_little(method):
    assert np.std(method(noisy(3, np.zeros(N)), sigma=1.0)) < 0.2


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("scale", [1e-21, 1e12])
def test_equivariant(method, dtype, scale):
    data = noisy().astype(dtype)
    data.setflags(write=False)
    expected = method(data)
    out = method((dtype(scale) * data).astype(dtype)) / dtype(scale)
    assert out.dtype == dtype
    assert np.abs(out - expected).max() < (5e-3 if dtype == np.float32 else 1e-9)
    assert np.abs(method(data + dtype(16)) - dtype(16) - expected).max() < 5e-3


@pytest.mark.parametrize("method", METHODS)
def test_trivial_input_comes_back(method):
    data = noisy()
    np.testing.assert_array_equal(method(data, sigma=0.0), data)
    constant = np.full(N, 0.1)
    np.testing.assert_array_equal(method(constant), constant)
    np.testing.assert_array_equal(method(constant, sigma=1.0), constant)
    assert from_toml(method.to_toml()) == method


@pytest.mark.parametrize("method", METHODS)
def test_batches_and_byte_orders(method):
    rows = np.stack([noisy(seed) for seed in range(3)])
    out = method(rows)
    np.testing.assert_array_equal(method(rows.astype(">f8")), out)
    for row, expected in zip(rows, out, strict=True):
        np.testing.assert_allclose(method(row), expected, rtol=0, atol=1e-12)


@pytest.mark.parametrize("method", METHODS)
def test_masked_samples_do_not_spread(method):
    data, mask = noisy(), np.random.default_rng(3).random(N) < 0.05
    mask[:7] = mask[-3:] = True
    bad, other = data.copy(), data.copy()
    bad[mask], other[mask] = np.nan, 1e6
    out = method(bad, mask=mask)
    np.testing.assert_array_equal(method(other, mask=mask), out)
    assert np.mean((out - BURST) ** 2) < 0.3
    with pytest.raises(InputError, match=r"nan at index \d+"):
        method(bad)
    with pytest.raises(InputError, match="row 0 is masked everywhere"):
        method(data, mask=np.ones(N, dtype=bool))


def test_coloured_noise_is_measured_scale_by_scale():
    """An average over 32 neighbours leaves noise that is not white: its slow part is no signal."""
    noise = np.convolve(np.random.default_rng(4).standard_normal(16 * N), np.ones(32), "valid")
    noise /= noise.std()
    for kind in (WaveletDenoiser, SpectrogramDenoiser):
        white, coloured = (np.std(kind(noise=name)(noise, sigma=1.0)) for name in ("white", "coloured"))
        assert coloured < 0.5 * white


@pytest.mark.parametrize("name", ["haar", "sym4", "coif5"])
@pytest.mark.parametrize("n", [17, 512])
def test_wavelets_are_a_tight_frame(name, n):
    total = sum(np.abs(transfer) ** 2 for _, transfer in _transfers(_filters(name), 2 * n, 5))
    np.testing.assert_allclose(total, 1.0, atol=1e-10)


def test_details_are_those_of_the_stationary_transform():
    x, n = np.random.default_rng(0).standard_normal(256), 256
    theirs = pywt.swt(x, "db3", level=3, norm=True, trim_approx=True)[::-1][:3]
    ours = [np.fft.irfft(np.fft.rfft(x) * t, n) for level, t in _transfers(_filters("db3"), n, 3) if level]
    for a, b in zip(ours, theirs, strict=True):
        shift = int(np.argmax(np.fft.irfft(np.fft.rfft(a) * np.conj(np.fft.rfft(b)), n)))
        np.testing.assert_allclose(a, np.roll(b, shift), atol=1e-12)


def test_noise_of_details_is_the_norm_of_their_filter():
    x = np.random.default_rng(1).standard_normal((200, 512))
    for level, transfer in _transfers(_filters("sym4"), 512, 4):
        if level:
            details = np.fft.irfft(np.fft.rfft(x) * transfer, 512)
            assert details.std() == pytest.approx(_rms(transfer, 256), rel=0.03)


def test_hard_keeps_what_exceeds_the_threshold():
    data = noisy()
    near = WaveletDenoiser(shrinkage="hard", threshold=1e-9)(data, sigma=1.0)
    np.testing.assert_allclose(near, data, atol=1e-10)
    np.testing.assert_array_equal(WaveletDenoiser(threshold=0.0)(data, sigma=1.0), data)


@pytest.mark.parametrize("n", [16, 100, 513])
@pytest.mark.parametrize("window", [8, 32])
def test_windows_are_a_tight_frame(n, window):
    z = np.random.default_rng(0).standard_normal((2, n))
    coefficients, taper = stft._analysed(z, window)
    np.testing.assert_allclose(stft._synthesised(coefficients, taper, window // 4, n), z, atol=1e-12)


def test_blocks_of_noise_are_kept_as_often_as_said():
    z = np.random.default_rng(0).standard_normal((1, 200_000))
    coefficients, _ = stft._analysed(z, 64)
    from scipy.ndimage import uniform_filter

    energy = uniform_filter(np.abs(coefficients) ** 2, (1, 5, 3))[:, 10:-10, 2:-2]
    freedom = stft._freedom(64)
    assert 2 / np.var(energy) == pytest.approx(freedom, rel=0.05)
    for rate in (0.05, 0.01):
        kept = np.mean(energy > chi2.isf(rate, freedom) / freedom)
        assert kept == pytest.approx(rate, rel=0.35)


def test_weights_follow_the_better_window():
    slow = 3 * np.sin(2 * np.pi * 200 * T)
    fast = np.zeros(N)
    fast[1000:1004] = 25.0
    for truth, better, worse in ((slow, 512, 16), (fast, 16, 512)):
        data = noisy(5, truth)
        both, one, other = (
            np.mean((SpectrogramDenoiser(windows=w)(data, sigma=1.0) - truth) ** 2)
            for w in ((16, 512), (better,), (worse,))
        )
        assert one < other
        assert both < one + 0.3 * (other - one)


@pytest.mark.parametrize(
    ("kind", "changes"),
    [
        (WaveletDenoiser, {"wavelets": ()}),
        (WaveletDenoiser, {"wavelets": ("nosuch",)}),
        (WaveletDenoiser, {"wavelets": ("bior2.2",)}),
        (WaveletDenoiser, {"shrinkage": "firm"}),
        (WaveletDenoiser, {"threshold": -1.0}),
        (WaveletDenoiser, {"levels": 0}),
        (WaveletDenoiser, {"noise": "pink"}),
        (SpectrogramDenoiser, {"windows": (30,)}),
        (SpectrogramDenoiser, {"false_alarm": 0.0}),
    ],
)
def test_parameters_out_of_range_are_named(kind, changes):
    with pytest.raises(ParameterError, match=next(iter(changes))):
        kind(**changes)


def test_short_rows_are_named():
    with pytest.raises(InputError, match="at least 16"):
        WaveletDenoiser()(np.zeros(15))
