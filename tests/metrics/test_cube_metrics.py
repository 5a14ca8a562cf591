"""Figures of merit of cubes."""

import numpy as np
import pytest

from sigden import InputError
from sigden.metrics import (
    band_psnr,
    band_ssim,
    ergas,
    mpsnr,
    mssim,
    psnr,
    residual_autocorrelation,
    residual_to_sigma,
    spectral_angle,
    ssim,
    structure_leak,
)

RNG = np.random.default_rng(0)
TRUTH = RNG.uniform(0.2, 1.0, (24, 30, 5))
LEVEL = np.array([0.01, 0.02, 0.05, 0.1, 0.2])
NOISE = LEVEL * RNG.standard_normal(TRUTH.shape)


def test_means_are_means_of_bands():
    u = TRUTH + NOISE
    np.testing.assert_allclose(band_psnr(u, TRUTH), -20 * np.log10(LEVEL), atol=0.3)
    assert mpsnr(u, TRUTH) == pytest.approx(
        np.mean([psnr(u[..., b], TRUTH[..., b], peak=1.0) for b in range(5)])
    )
    assert mssim(u, TRUTH) == pytest.approx(
        np.mean([ssim(u[..., b], TRUTH[..., b], data_range=1.0) for b in range(5)])
    )
    assert band_ssim(TRUTH, TRUTH).min() == pytest.approx(1)
    assert band_psnr(10 * u, 10 * TRUTH, peak=None)[0] == pytest.approx(band_psnr(u, TRUTH, peak=None)[0])


def test_spectral_angle_and_ergas_in_closed_form():
    a, b = np.zeros((2, 3, 4)), np.zeros((2, 3, 4))
    a[..., 0], b[..., :2] = 2.0, 5.0
    np.testing.assert_allclose(spectral_angle(a, b), 45.0)
    np.testing.assert_allclose(spectral_angle(3 * b, b), 0.0, atol=2e-6)
    assert np.isnan(spectral_angle(0 * a, b)).all()
    flat = np.full((4, 4, 3), [1.0, 2.0, 4.0])
    assert ergas(flat * 1.1, flat) == pytest.approx(10)
    assert ergas(flat, flat) == 0


def test_the_residual_of_a_perfect_estimate_is_the_noise():
    data = TRUTH + NOISE
    np.testing.assert_allclose(residual_to_sigma(data, TRUTH, LEVEL), 1, atol=0.06)
    assert np.abs(residual_autocorrelation(data, TRUTH)).max() < 0.12
    assert structure_leak(data, TRUTH).max() < 0.12


def test_lost_structure_shows():
    smooth = np.repeat(np.repeat(TRUTH[:8, :10], 3, axis=0), 3, axis=1)
    data = smooth + NOISE
    assert residual_to_sigma(data, 0.9 * smooth, LEVEL)[0] > 3
    assert residual_autocorrelation(data, 0.9 * smooth)[:, 0].min() > 0.4
    assert structure_leak(data, 0.9 * smooth)[0] > 0.4
    assert np.isnan(residual_autocorrelation(data, data)).all()


def test_masked_samples_do_not_count():
    data, mask = TRUTH + NOISE, RNG.random(TRUTH.shape) < 0.1
    bad = np.where(mask, np.nan, data)
    for measure in (
        lambda y, m: residual_to_sigma(y, TRUTH, LEVEL, mask=m),
        lambda y, m: residual_autocorrelation(y, TRUTH, mask=m),
        lambda y, m: structure_leak(y, TRUTH, mask=m),
    ):
        np.testing.assert_array_equal(measure(bad, mask), measure(np.where(mask, 7.0, data), mask))
        assert np.isfinite(measure(bad, mask)).all()


def test_nonsense_is_named():
    with pytest.raises(InputError, match="differ"):
        mpsnr(TRUTH, TRUTH[1:])
    with pytest.raises(InputError, match="rows, columns, bands"):
        spectral_angle(TRUTH[0], TRUTH[0])
    with pytest.raises(InputError, match="mean zero"):
        ergas(TRUTH, TRUTH * [0, 1, 1, 1, 1])
    with pytest.raises(InputError, match="mask has shape"):
        structure_leak(TRUTH, TRUTH, mask=np.zeros((2, 2), dtype=bool))
