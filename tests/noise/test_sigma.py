import array_api_strict as strict
import numpy as np
import pytest

from sigden.errors import InputError, ParameterError
from sigden.noise import RunningDeviation, difference_sigma, mad_sigma, wavelet_sigma
from sigden.noise.sigma import _LOW_PASS

DEVICE = strict.Device("device1")


def noise(shape, scale=1.0, seed=0):
    return np.random.default_rng(seed).normal(scale=scale, size=shape)


@pytest.mark.parametrize("estimate", [mad_sigma, difference_sigma, wavelet_sigma])
@pytest.mark.parametrize("scale", [1e-21, 1.0, 1e12])
def test_gaussian_noise_of_known_level(estimate, scale):
    assert estimate(noise(40000, scale)) == pytest.approx(scale, rel=0.03)


@pytest.mark.parametrize("estimate", [mad_sigma, difference_sigma, wavelet_sigma])
def test_dtype_and_batch_shape_kept(estimate):
    x = noise((3, 2, 500)).astype(np.float32)
    level = estimate(x)
    assert level.shape == (3, 2)
    assert level.dtype == np.float32
    np.testing.assert_array_equal(level[1, 0], estimate(x[1, 0]))


def test_mad_equals_definition_for_odd_and_even_counts():
    for n in (7, 8):
        x = noise(n)
        expected = np.median(np.abs(x - np.median(x))) / 0.6744897501960817
        assert mad_sigma(x) == pytest.approx(expected, rel=1e-14)


def test_mad_ignores_outliers():
    x = noise(10001)
    x[::10] = 1e6
    assert 1.0 < mad_sigma(x) < 1.3


def test_mad_over_two_axes():
    x = noise((4, 50, 60))
    expected = [mad_sigma(image.ravel()) for image in x]
    np.testing.assert_allclose(mad_sigma(x, axis=(1, 2)), expected, rtol=1e-14)


@pytest.mark.parametrize("estimate", [difference_sigma, wavelet_sigma])
def test_images_with_slope_and_edges(estimate):
    y, x = np.mgrid[:128, :128]
    scene = 0.5 * x + 0.3 * y + 20.0 * (x > 60) + 10.0 * (y > 40)
    level = estimate(scene + noise(scene.shape, 1.0), axes=(-2, -1))
    assert level == pytest.approx(1.0, rel=0.05)


@pytest.mark.parametrize("axes", [(-1,), (-2, -1), (-3, -2, -1)])
@pytest.mark.parametrize("estimate", [difference_sigma, wavelet_sigma])
def test_filters_have_unit_noise_gain(estimate, axes):
    assert estimate(noise((40, 40, 40), seed=3), axes=axes).mean() == pytest.approx(1.0, rel=0.08)


@pytest.mark.parametrize("name", list(_LOW_PASS))
def test_wavelets_are_orthonormal_with_vanishing_moments(name):
    low = np.array(_LOW_PASS[name])
    order = low.size // 2
    high = (-1.0) ** np.arange(low.size) * low[::-1]
    for shift in range(0, low.size, 2):
        assert low[shift:] @ low[: low.size - shift] == pytest.approx(float(shift == 0), abs=1e-12)
    moments = [high @ np.arange(low.size, dtype=float) ** m for m in range(order)]
    np.testing.assert_allclose(moments, 0, atol=1e-8)


def test_wavelet_sigma_ignores_a_cubic():
    t = np.linspace(0, 1, 4096)
    x = noise(t.size, 0.01) + 1e3 * t**3
    assert wavelet_sigma(x, wavelet="db4") == pytest.approx(0.01, rel=0.06)


@pytest.mark.parametrize("estimate", [mad_sigma, difference_sigma, wavelet_sigma])
def test_no_noise_gives_zero(estimate):
    assert estimate(np.full((2, 64), 3.7)).tolist() == [0.0, 0.0]


@pytest.mark.parametrize("estimate", [mad_sigma, difference_sigma, wavelet_sigma])
def test_masked_samples_do_not_spread(estimate):
    x = noise(20000)
    mask = np.zeros(x.size, dtype=bool)
    mask[500:900] = mask[5000] = True
    wild = np.where(mask, 1e30, x)
    holes = np.where(mask, np.nan, x)
    assert estimate(wild, mask=mask) == estimate(holes) == estimate(holes, mask=mask)
    assert estimate(holes) == pytest.approx(estimate(x), rel=0.03)
    assert np.isnan(holes[500])


def test_mask_broadcasts_over_the_batch():
    x = noise((3, 100))
    mask = np.zeros(100, dtype=bool)
    mask[10:40] = True
    np.testing.assert_array_equal(mad_sigma(x, mask=mask), mad_sigma(x[:, ~mask]))


@pytest.mark.parametrize(
    ("estimate", "options"),
    [
        (mad_sigma, {"axis": (-2, -1)}),
        (difference_sigma, {"axes": (-2, -1)}),
        (wavelet_sigma, {"axes": (-2, -1)}),
        (wavelet_sigma, {"axes": (-1,)}),
    ],
)
def test_runs_on_a_device_without_host_copies(estimate, options):
    x = noise((2, 32, 33))
    mask = np.zeros(x.shape, dtype=bool)
    mask[0, 3:6, 4] = True
    there = estimate(strict.asarray(x, device=DEVICE), mask=strict.asarray(mask, device=DEVICE), **options)
    assert there.device == DEVICE
    back = np.from_dlpack(strict.asarray(there, device=strict.Device("CPU_DEVICE")))
    np.testing.assert_allclose(back, estimate(x, mask=mask, **options), rtol=1e-13)


def test_read_only_input():
    x = noise(100)
    x.setflags(write=False)
    assert difference_sigma(x) > 0


def test_errors_say_what_is_wrong():
    with pytest.raises(InputError, match="no valid sample"):
        mad_sigma(np.full(5, np.nan))
    with pytest.raises(InputError, match="at least 4"):
        wavelet_sigma(np.zeros(3))
    with pytest.raises(ParameterError, match="axes"):
        difference_sigma(np.zeros(5), axes=(1,))
    with pytest.raises(ParameterError, match="twice"):
        difference_sigma(np.zeros((5, 5)), axes=(1, -1))
    with pytest.raises(ParameterError, match="db2"):
        wavelet_sigma(np.zeros(9), wavelet="haar")
    with pytest.raises(InputError, match="dtype"):
        mad_sigma(np.zeros(4, dtype=complex))


def test_running_deviation_is_the_median_absolute_deviation():
    x = 1.3 * np.random.default_rng(3).standard_normal(30000) + 0.2
    x[:300] = 1e9
    running = RunningDeviation()
    for part in np.array_split(x, 7):
        running.add(part)
    assert running.sigma() == pytest.approx(float(mad_sigma(x)), abs=1e-3)
    with pytest.raises(ParameterError, match="reach"):
        RunningDeviation(reach=0.0)


@pytest.mark.parametrize("size", [1, 2, 5, 8, 1001])
def test_median_without_a_sort_is_the_median(size):
    x = np.random.default_rng(size).standard_normal((3, size))
    masked = np.append(x, np.full((3, 1), np.nan), axis=1)
    np.testing.assert_array_equal(mad_sigma(x), mad_sigma(masked))
