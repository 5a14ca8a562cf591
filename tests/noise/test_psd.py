import numpy as np
import pytest
from scipy import signal

from sigden.errors import InputError, ParameterError
from sigden.noise import PowerSpectrum, clean_stretches, welch_psd
from sigden.noise.psd import median_of_rows

FS = 256.0


def white(n, seed=0, scale=1.0):
    return np.random.default_rng(seed).normal(scale=scale, size=n)


@pytest.mark.parametrize("average", ["median", "mean"])
@pytest.mark.parametrize("seconds", [30.0, 31.5])
@pytest.mark.parametrize("segment", [2.0, 513 / FS])
def test_equals_scipy_without_gaps(average, seconds, segment):
    x = white((2, int(seconds * FS))) + 5.0
    length = round(segment * FS)
    psd = welch_psd(x, FS, segment_seconds=segment, average=average, window="hann")
    f, density = signal.welch(
        x, FS, window="hann", nperseg=length, noverlap=int(0.5 * length), average=average, detrend="constant"
    )
    np.testing.assert_allclose(psd.frequencies, f)
    np.testing.assert_allclose(psd.density, density, rtol=1e-9)


def test_white_noise_has_the_closed_form_level():
    psd = welch_psd(white(int(800 * FS), scale=1e-21), FS, segment_seconds=2.0)
    assert psd.density[2:-2].mean() == pytest.approx(2e-42 / FS, rel=0.02)


def test_segments_leave_gaps_out():
    x = white(int(60 * FS))
    x[3000:3010] = np.nan
    mask = np.zeros(x.size, dtype=bool)
    mask[9000:9500] = True
    dirty = np.where(mask, 1e9, x)
    psd = welch_psd(dirty, FS, segment_seconds=2.0, mask=mask)
    assert psd.density[2:-2].mean() == pytest.approx(2 / FS, rel=0.1)
    step = 256
    expected = sum((b - a - 512) // step + 1 for a, b in [(0, 3000), (3010, 9000), (9500, x.size)])
    assert psd.averages == expected


def test_median_resists_a_glitch():
    x = white(int(60 * FS))
    x[5000:5050] += 1e3
    assert welch_psd(x, FS, segment_seconds=2.0).density[2:-2].mean() == pytest.approx(2 / FS, rel=0.2)


def test_gaps_closer_than_a_segment_are_refused():
    x = white(4096)
    x[500::600] = np.nan
    with pytest.raises(InputError, match=r"599 samples .* shorter than the PSD segment of 1024"):
        welch_psd(x, FS)


def test_dead_channels_are_named():
    x = np.stack([white(4096), np.zeros(4096)])
    with pytest.raises(InputError, match=r"strain\[1\]: all zero"):
        welch_psd(x, FS)
    with pytest.raises(InputError, match="constant"):
        welch_psd(np.full(4096, 2.0), FS)


def test_other_errors():
    with pytest.raises(InputError, match="infinite"):
        welch_psd(np.where(np.arange(4096) == 7, np.inf, white(4096)), FS)
    with pytest.raises(ParameterError, match="overlap"):
        welch_psd(white(4096), FS, overlap=1.0)
    with pytest.raises(ParameterError, match="average"):
        welch_psd(white(4096), FS, average="mode")
    with pytest.raises(ParameterError, match="sample_rate"):
        welch_psd(white(4096), 0.0)
    with pytest.raises(ParameterError, match="segment_seconds"):
        welch_psd(white(4096), FS, segment_seconds=0.001)


def test_other_libraries_are_refused():
    strict = pytest.importorskip("array_api_strict")
    with pytest.raises(InputError, match="NumPy"):
        welch_psd(strict.asarray(white(4096)), FS)


def test_spectrum_interpolates_geometrically_and_holds_its_ends():
    psd = PowerSpectrum([10.0, 20.0, 30.0], [1e-40, 1e-44, 0.0])
    assert psd.at(15.0) == pytest.approx(1e-42, rel=1e-12)
    assert psd.at(25.0) == pytest.approx(0.5e-44, rel=1e-12)
    np.testing.assert_array_equal(psd.at([1.0, 10.0, 20.0, 30.0, 99.0]), [1e-40, 1e-40, 1e-44, 0.0, 0.0])


def test_spectrum_is_frozen_and_checked():
    source = np.array([1.0, 2.0])
    psd = PowerSpectrum([0.0, 1.0], source)
    source[0] = 9.0
    assert psd.density[0] == 1.0
    with pytest.raises(ValueError, match="read-only"):
        psd.density[0] = 3.0
    with pytest.raises(InputError, match="increase"):
        PowerSpectrum([1.0, 1.0], [1.0, 1.0])
    with pytest.raises(InputError, match="do not fit"):
        PowerSpectrum([1.0, 2.0], [1.0])
    with pytest.raises(InputError, match="index"):
        PowerSpectrum([1.0, 2.0], [1.0, -1.0])


def test_floor_and_channels():
    psd = PowerSpectrum([0.0, 1.0], [[1.0, 0.0], [1e-40, 1e-30]])
    np.testing.assert_array_equal(psd.floored(100.0).density, [[1.0, 0.01], [1e-32, 1e-30]])
    assert psd.channel(1).density.tolist() == [1e-40, 1e-30]
    np.testing.assert_allclose(psd.amplitude**2, psd.density)
    assert psd.at(0.5).shape == (2,)


def test_clean_stretches():
    gaps = np.array([1, 0, 0, 1, 1, 0, 1, 0], dtype=bool)
    assert clean_stretches(gaps).tolist() == [[1, 3], [5, 6], [7, 8]]
    assert clean_stretches(np.ones(3, dtype=bool)).shape == (0, 2)
    assert clean_stretches(np.zeros(3, dtype=bool)).tolist() == [[0, 3]]


@pytest.mark.parametrize("count", [1, 2, 7, 288])
def test_median_of_rows_is_numpys_to_the_bit(count):
    rows = np.random.default_rng(count).exponential(size=(count, 129))
    np.testing.assert_array_equal(median_of_rows(rows), np.median(rows, axis=0))
