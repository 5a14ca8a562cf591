import os
import pickle
from pathlib import Path

import numpy as np
import pytest
from scipy import signal

from sigden.errors import InputError, ParameterError
from sigden.noise import PowerSpectrum, welch_psd
from sigden.simulate import aligo_spectrum, coloured_noise
from sigden.strain.whitening import Whitening

FS = 4096
FOLDER = Path(os.environ.get("SIGDEN_DATA", Path(__file__).parents[2] / "../shared/data")) / "strain"
FILES = [
    "H-H1_LOSC_4_V2-1126259446-32.hdf5",
    "L-L1_LOSC_4_V2-1126259446-32.hdf5",
    "H-H1_LOSC_4_V2-1135136334-32.hdf5",
    "L-L1_LOSC_4_V2-1135136334-32.hdf5",
]


def record(name):
    if not (FOLDER / name).exists():
        pytest.skip(f"no data: {FOLDER / name}; set SIGDEN_DATA")
    import h5py

    with h5py.File(FOLDER / name) as file:
        return file["strain/Strain"][...]


@pytest.fixture(scope="module", params=FILES)
def real(request):
    x = record(request.param)
    whitening = Whitening(welch_psd(x, FS), FS, x.size)
    return x, whitening, whitening(x)


def steep():
    """Wall, floor and two lines, on a short record."""
    f = np.linspace(0, 128, 1025)
    density = 1e-46 * (1 + (12 / np.maximum(f, 4)) ** 12)
    for line in (30.0, 60.0):
        density = density + 1e-42 / (1 + ((f - line) / 0.2) ** 2)
    return PowerSpectrum(f, density)


def test_real_record_is_white_in_the_core_and_at_its_edges(real):
    _, _, y = real
    half = FS // 2
    assert 0.95 < y[2 * FS : -2 * FS].std() < 1.05
    for edge in (y[:half], y[-half:], y[:200], y[-200:]):
        assert 0.8 < edge.std() < 1.25
    for edge in (y[:half], y[-half:]):
        assert np.abs(edge).max() < 6


def test_real_spectrum_is_flat(real):
    _, _, y = real
    f, density = signal.welch(y, FS, nperseg=FS, average="median")
    level = density * FS / 2
    for low, high in [(20, 60), (60, 120), (120, 300), (300, 600), (600, 1000), (1000, 2000)]:
        assert level[(f >= low) & (f < high)].mean() == pytest.approx(1.0, abs=0.12)


def test_real_record_comes_back(real):
    x, whitening, y = real
    assert np.abs(whitening.inverse(y) - x).max() < 1e-9 * np.abs(x).max()


def test_real_adjoint(real):
    x, whitening, y = real
    z = np.random.default_rng(0).normal(size=x.size)
    left, right = y @ z, x @ whitening.adjoint(z)
    assert abs(left - right) < 1e-12 * np.linalg.norm(y) * np.linalg.norm(z)


def test_agrees_with_fourier_whitening_in_the_core():
    x = record(FILES[0])
    psd = welch_psd(x, FS)
    y = Whitening(psd, FS, x.size)(x)
    taper = signal.windows.tukey(x.size, FS / x.size)
    f = np.fft.rfftfreq(x.size, 1 / FS)
    other = np.fft.irfft(np.fft.rfft((x - x.mean()) * taper) / np.sqrt(psd.at(f) * FS / 2), x.size)
    sections = signal.butter(4, (35, 350), "band", fs=FS, output="sos")
    core = slice(2 * FS, -2 * FS)
    a, b = (signal.sosfiltfilt(sections, v)[core] for v in (y, other))
    assert np.corrcoef(a, b)[0, 1] > 0.985
    assert a.std() == pytest.approx(b.std(), rel=0.02)


def test_simulated_noise_is_white_from_the_first_sample_on():
    psd = aligo_spectrum(1024.0)
    records = np.stack([coloured_noise(psd, 4096, 1024.0, seed) for seed in range(150)])
    y = Whitening(psd, 1024.0, records.shape)(records)
    profile = np.sqrt((y**2).mean(axis=0))
    for part in (slice(0, 8), slice(8, 100), slice(2000, 2100), slice(-100, -8), slice(-8, None)):
        assert np.sqrt((profile[part] ** 2).mean()) == pytest.approx(1.0, abs=0.06)


def test_gram_is_the_inverse_covariance():
    whitening = Whitening(steep(), 256.0, 200, impulse_seconds=0.25)
    model = whitening.models[0]
    matrix = np.stack([whitening(row) for row in np.eye(200)]).T
    causal = model.whiten(np.eye(200)).T
    np.testing.assert_allclose(matrix.T @ matrix, causal.T @ causal, rtol=0, atol=1e-10 * (causal**2).max())
    back = np.stack([whitening.inverse(row) for row in np.eye(200)]).T
    np.testing.assert_allclose(back @ matrix, np.eye(200), atol=1e-9)
    np.testing.assert_allclose(matrix @ back, np.eye(200), atol=1e-9)
    assert np.linalg.norm(matrix, 2) <= whitening.norm_bound()
    assert whitening.norm_bound() < 1.2 * np.linalg.norm(matrix, 2)


def test_zero_phase_in_the_interior():
    whitening = Whitening(steep(), 256.0, 4096)
    x = np.zeros(4096)
    x[2048] = 1e-22
    y = whitening(x)
    assert np.argmax(np.abs(y)) == 2048
    np.testing.assert_allclose(y[2049:3000], y[2047:1096:-1], atol=2e-3 * np.abs(y).max())


def test_little_of_a_signal_reaches_the_other_end():
    x = np.zeros(8192)
    t = (np.arange(8192) - 600) / 1024
    x += 1e-21 * np.exp(-((t / 0.02) ** 2)) * np.cos(2 * np.pi * 150 * t)
    y = Whitening(aligo_spectrum(1024.0), 1024.0, 8192)(x)
    assert (y[4096:] ** 2).sum() < 1e-3 * (y**2).sum()


@pytest.mark.parametrize("n", [3, 100, 255, 256, 257, 1021, 4099])
def test_any_length_comes_back(n):
    psd = steep()
    whitening = Whitening(psd, 256.0, n)
    x = coloured_noise(psd, n, 256.0, 3) + 1e-20
    np.testing.assert_allclose(whitening.inverse(whitening(x)), x, rtol=0, atol=1e-10 * np.abs(x).max())
    y = np.random.default_rng(0).normal(size=n)
    np.testing.assert_allclose(whitening(whitening.inverse(y)), y, rtol=0, atol=1e-7)


@pytest.mark.parametrize("scale", [1e-42, 1.0, 1e24])
def test_scale_of_the_spectrum_cancels(scale):
    psd = steep()
    x = coloured_noise(psd, 1000, 256.0, 1)
    scaled = PowerSpectrum(psd.frequencies, psd.density * scale)
    y = Whitening(psd, 256.0, 1000)(x)
    np.testing.assert_allclose(Whitening(scaled, 256.0, 1000)(x * np.sqrt(scale)), y, atol=1e-8)


def test_constant_offset_does_not_disturb_the_edges():
    psd = steep()
    x = coloured_noise(psd, 4096, 256.0, 1)
    whitening = Whitening(psd, 256.0, 4096)
    moved = whitening(x + 5 * x.std()) - whitening(x)
    assert np.abs(moved).max() < 1.0


def test_zeros_in_the_spectrum_are_lifted():
    psd = PowerSpectrum([0.0, 64.0, 65.0, 128.0], [1e-46, 1e-46, 0.0, 0.0])
    whitening = Whitening(psd, 256.0, 2048, dynamic_range=1e6)
    x = coloured_noise(psd, 2048, 256.0, 1)
    y = whitening(x)
    assert np.isfinite(y).all()
    np.testing.assert_allclose(whitening.inverse(y), x, rtol=0, atol=1e-9 * np.abs(x).max())


def test_channels_with_their_own_spectra():
    one = steep()
    both = PowerSpectrum(one.frequencies, np.stack([one.density, 4 * one.density]))
    x = np.stack([coloured_noise(one, 600, 256.0, seed) for seed in (0, 1)])
    y = Whitening(both, 256.0, x.shape)(x)
    np.testing.assert_array_equal(y[0], Whitening(one, 256.0, 600)(x[0]))
    np.testing.assert_allclose(y[1], Whitening(one, 256.0, 600)(x[1]) / 2, atol=1e-9)
    shared = Whitening(one, 256.0, x.shape)
    np.testing.assert_allclose(shared(x)[1], 2 * y[1], atol=1e-9)
    np.testing.assert_allclose(shared.inverse(shared(x)), x, rtol=0, atol=1e-9 * np.abs(x).max())
    with pytest.raises(InputError, match="channels"):
        Whitening(both, 256.0, 600)
    with pytest.raises(InputError, match="channels"):
        Whitening(both, 256.0, (2, 600)).resized(600)


def test_resized_pickled_and_read_only():
    psd = steep()
    whitening = Whitening(psd, 256.0, 600)
    x = coloured_noise(psd, 500, 256.0, 0)
    x.setflags(write=False)
    expected = Whitening(psd, 256.0, 500)(x)
    np.testing.assert_array_equal(whitening.resized(500)(x), expected)
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(whitening.resized(500)))(x), expected)


def test_precision_and_complex_input():
    psd = steep()
    whitening = Whitening(psd, 256.0, 500)
    x = coloured_noise(psd, 500, 256.0, 0)
    single = whitening(x.astype(np.float32))
    assert single.dtype == np.float32
    y = whitening(x)
    np.testing.assert_allclose(single, y, atol=1e-3)
    z = whitening(x + 2j * x)
    assert z.dtype == np.complex128
    np.testing.assert_allclose(z, y + 2j * y, atol=1e-12)


def test_errors():
    psd = steep()
    with pytest.raises(ParameterError, match="sample_rate"):
        Whitening(psd, 0.0, 100)
    with pytest.raises(ParameterError, match="impulse_seconds"):
        Whitening(psd, 256.0, 100, impulse_seconds=0.0)
    with pytest.raises(InputError, match="shape"):
        Whitening(psd, 256.0, 100)(np.zeros(99))
    strict = pytest.importorskip("array_api_strict")
    with pytest.raises(InputError, match="library"):
        Whitening(psd, 256.0, 100)(strict.zeros(100))
