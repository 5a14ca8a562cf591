"""Simulated cubes and what spoils them."""

import numpy as np
import pytest

from sigden import InputError, ParameterError
from sigden.simulate import (
    abundance_maps,
    dead_lines,
    dead_pixels,
    gaussian_noise,
    impulse_noise,
    mixed_noise,
    poisson_noise,
    spectral_cube,
    stripe_noise,
)

TRUTH = spectral_cube((40, 50), 30, endmembers=4, seed=1)


def test_truth_is_a_linear_mixture_in_the_unit_interval():
    assert TRUTH.dtype == np.float32
    assert (TRUTH.min(), TRUTH.max()) == (0, 1)
    pixels = TRUTH.reshape(-1, 30).astype(float)
    spectrum = np.linalg.svd(pixels - pixels.mean(axis=0), compute_uv=False)
    assert spectrum[3] < 1e-4 * spectrum[0] < spectrum[2]
    maps = abundance_maps((20, 30), 3, seed=2)
    np.testing.assert_allclose(maps.sum(axis=-1), 1)
    assert maps.min() >= 0


def test_every_noise_repeats_and_leaves_its_input_alone():
    before = TRUTH.copy()
    for spoil in (
        gaussian_noise,
        poisson_noise,
        impulse_noise,
        stripe_noise,
        dead_lines,
        dead_pixels,
        mixed_noise,
    ):
        first = spoil(TRUTH, seed=4)
        np.testing.assert_array_equal(spoil(TRUTH, seed=4), first)
        assert first.dtype == TRUTH.dtype
        assert (first != spoil(TRUTH, seed=5)).any()
    np.testing.assert_array_equal(TRUTH, before)


def test_levels_are_as_asked():
    level = np.linspace(0.02, 0.1, 30)
    for correlation in (0.0, 1.0):
        noise = gaussian_noise(TRUTH, level, seed=1, correlation=correlation) - TRUTH
        np.testing.assert_allclose(noise.std(axis=(0, 1)), level, rtol=0.1)
    neighbours = np.mean(noise[:, 1:] * noise[:, :-1]) / np.mean(noise**2)
    assert neighbours == pytest.approx(np.exp(-0.25), abs=0.03)
    photons = poisson_noise(TRUTH.astype(float), 100.0, seed=1) - TRUTH
    assert np.mean(photons**2) == pytest.approx(TRUTH.mean() / 100, rel=0.03)
    assert np.mean(dead_pixels(TRUTH + 1, 0.01, seed=1) == 0) == pytest.approx(0.01, rel=0.1)


def test_defects_are_where_they_should_be():
    shift = stripe_noise(TRUTH.astype(float), seed=1) - TRUTH
    np.testing.assert_allclose(shift, np.broadcast_to(shift[:1], shift.shape), atol=1e-12)
    assert np.count_nonzero(shift[0].any(axis=0)) == 9
    rows = dead_lines(TRUTH + 1, seed=1, axis=0)
    dead = (rows == 0).all(axis=1)
    assert np.count_nonzero(dead.any(axis=0)) == 6
    assert np.isin(dead.sum(axis=0), [0, 3, 4, 5, 6, 7]).all()
    struck = impulse_noise(TRUTH * 0.5 + 0.25, seed=1)
    hit = struck != TRUTH * 0.5 + 0.25
    assert set(np.unique(struck[hit])) == {0.25, 0.75}
    assert np.count_nonzero(hit.any(axis=(0, 1))) == 9


def test_nonsense_is_named():
    with pytest.raises(InputError, match="rows, columns, bands"):
        gaussian_noise(np.zeros(4), seed=0)
    with pytest.raises(ParameterError, match="sigma"):
        gaussian_noise(TRUTH, -1.0, seed=0)
    with pytest.raises(ParameterError, match="kind"):
        impulse_noise(TRUTH, seed=0, kind="pepper")
    with pytest.raises(ParameterError, match="axis"):
        stripe_noise(TRUTH, seed=0, axis=2)
    with pytest.raises(ParameterError, match="fraction"):
        dead_pixels(TRUTH, 2.0, seed=0)
    with pytest.raises(ParameterError, match="peak"):
        poisson_noise(TRUTH, 0.0, seed=0)
