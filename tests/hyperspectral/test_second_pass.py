"""Photon noise: a law of the noise never costs, and directions are those of the scene."""

import numpy as np
import pytest

from sigden import SubspaceCollaborative
from sigden.hyperspectral import pipeline
from sigden.hyperspectral.collaborative.filter import UnevenNoise, guided_filter
from sigden.simulate import poisson_noise, spectral_cube


def relative_error(estimate, truth, noisy):
    return np.linalg.norm(estimate - truth) / np.linalg.norm(noisy - truth)


@pytest.mark.parametrize("counts", [60, 1e3, 1e5, 1e8, 1e10])
def test_the_law_never_costs(monkeypatch, counts):
    # a scene of three directions, a hundred times as bright here as there
    truth = 0.01 + 0.99 * spectral_cube((64, 60), 60, endmembers=4, seed=9).astype(np.float64)
    photons = poisson_noise(truth, counts, seed=1)
    method = SubspaceCollaborative()
    told = method.solve(photons)
    assert told.stabiliser is not None
    assert told.rank <= 5
    monkeypatch.setattr(pipeline, "variance_law", lambda *arguments: None)
    untold = method(photons)
    assert relative_error(told.estimate, truth, photons) < 0.95 * relative_error(untold, truth, photons)


def test_variance_and_levels_of_pixels_in_bright_scenes():
    truth = 0.05 + 0.9 * spectral_cube((64, 64), 60, endmembers=6, seed=4).astype(np.float64)
    photons = poisson_noise(truth, 1e8, seed=1)
    found = SubspaceCollaborative().solve(photons)
    assert 0.7 < np.mean((found.estimate - truth) ** 2) / np.mean(found.variance()) < 1.5
    light = np.mean(truth / truth.mean(axis=(0, 1)), axis=2)
    np.testing.assert_allclose(found.pixel_scale**2, light, rtol=0.01)
    level = found.sigma / np.sqrt(truth.mean(axis=(0, 1)) / 1e8)
    np.testing.assert_allclose(level, 1, atol=0.1)


def test_noise_of_places_lets_no_signal_into_images_that_hold_none():
    # making the noise of the images alike mixes them; which of them hold signal is asked before
    rng = np.random.default_rng(2)
    clean = np.zeros((4, 40, 40))
    clean[:2] = 1e4 * rng.standard_normal((2, 40, 40))
    white = np.eye(4)
    white[2:, :2] = white[:2, 2:] = [[0.3, 0.3], [0.3, -0.3]]
    covariance = np.linalg.inv(white @ white)
    noise = np.tensordot(np.linalg.inv(white), rng.standard_normal(clean.shape), 1)
    uneven = UnevenNoise(np.ones((1, 40, 40)), covariance[None])
    left = guided_filter(clean + noise, clean, None, uneven)[0] - clean
    assert np.abs(left[2:]).max() < 1e-6
    # the images of noise tell that of the others in part: what they do not tell is left
    expected = np.linalg.inv((white @ white)[:2, :2])
    np.testing.assert_allclose(np.cov(left[:2].reshape(2, -1)), expected, rtol=0.1, atol=0.05)
