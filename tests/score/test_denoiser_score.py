"""Denoisers as scores: linear ones have closed forms."""

from __future__ import annotations

import array_api_strict
import numpy as np
import pytest

from sigden import ROF, InputError, ParameterError, RandomFeatureScore, Starlet
from sigden.score import DenoiserScore, KernelDensity, blind_sigma, uniqueness


def wiener(covariance, sigma):
    """Posterior mean of a normal prior, with its gain."""
    gain = covariance @ np.linalg.inv(covariance + sigma**2 * np.eye(len(covariance)))
    return gain, lambda y, s: gain @ y


def prior(n=30, length=5.0):
    i = np.arange(n)
    return np.exp(-0.5 * ((i[:, None] - i) / length) ** 2) + 1e-6 * np.eye(n)


def test_normal_prior_has_the_closed_forms():
    sigma, covariance = 0.4, prior()
    gain, denoise = wiener(covariance, sigma)
    y = np.random.default_rng(0).standard_normal(30)
    score = DenoiserScore(denoise, sigma)
    total = covariance + sigma**2 * np.eye(30)
    np.testing.assert_allclose(score.score(y), -np.linalg.solve(total, y), atol=1e-6)
    np.testing.assert_allclose(score.posterior_mean(y), gain @ y)
    posterior = sigma**2 * gain
    divergence = score.divergence(y, probes=200)
    assert divergence.value == pytest.approx(np.trace(gain), abs=4 * divergence.error)
    assert 0 < divergence.error < 0.3
    variance = score.posterior_variance(y, probes=4000)
    np.testing.assert_allclose(variance, np.diag(posterior), atol=0.02)
    found = score.modes(y, 3, iterations=200)
    values, vectors = np.linalg.eigh(posterior)
    np.testing.assert_allclose(found.variances, values[:-4:-1], rtol=1e-5)
    np.testing.assert_allclose(np.abs(np.sum(found.modes * vectors[:, :-4:-1].T, axis=1)), 1, atol=1e-3)


def test_projection_has_as_many_degrees_of_freedom_as_dimensions():
    def project(y, sigma):
        return np.repeat(y.reshape(-1, 5).mean(axis=1), 5)

    score = DenoiserScore(project, 1.0)
    assert score.divergence(np.zeros(100), probes=400).value == pytest.approx(20, abs=1.5)
    assert np.isnan(score.divergence(np.zeros(100), probes=1).error)


def test_denoisers_of_the_house_serve():
    image = np.random.default_rng(1).standard_normal((24, 24))
    for denoiser in (ROF(regularization=0.5, tol=1e-6), Starlet(shrinkage="soft")):
        score = DenoiserScore(denoiser, 1.0)
        np.testing.assert_allclose(image + score.score(image), denoiser(image, sigma=1.0), atol=1e-12)
        assert 0 < score.divergence(image).value < image.size


def test_runs_where_host_copies_raise():
    device = array_api_strict.Device("device1")
    y = array_api_strict.asarray(np.random.default_rng(2).standard_normal((4, 5)), device=device)
    score = DenoiserScore(lambda y, sigma: 0.5 * y, 1.0)
    assert score.divergence(y).value == pytest.approx(10)
    found = score.modes(y, 2)
    assert found.modes.device == score.posterior_variance(y).device == device
    np.testing.assert_allclose(found.variances, 0.5)
    assert uniqueness(lambda y, sigma: 0.5 * y, y, 1.0).device == device


def test_uniqueness_is_the_risk_in_units_of_the_noise():
    x = np.zeros(2000)
    assert np.mean(uniqueness(lambda y, s: y, x, 3.0, draws=20)) == pytest.approx(1, rel=0.05)
    assert np.all(uniqueness(lambda y, s: 0 * y, x, 3.0) == 0)
    image = np.zeros((32, 32))
    image[:, 16:] = 5.0
    random = np.random.default_rng(3).standard_normal((32, 32)) * 5
    known, unknown = (np.mean(uniqueness(ROF(regularization=1.0), i, 1.0)) for i in (image, random))
    assert known < 0.5 < unknown


def test_blind_level_of_a_smooth_signal():
    random = np.random.default_rng(4)
    clean = np.cumsum(random.standard_normal(20_000)) * 0.02
    for sigma in (0.5, 2.0):
        y = clean + sigma * random.standard_normal(clean.size)
        # the exact score of a locally flat signal
        assert blind_sigma(y, -(y - clean) / sigma**2) == pytest.approx(sigma, rel=0.02)
    with pytest.raises(InputError, match="smoother"):
        blind_sigma(y, y - clean)
    with pytest.raises(InputError, match="smoother"):
        blind_sigma(y, np.zeros_like(y))


def test_blind_level_from_the_samples_alone():
    random = np.random.default_rng(5)
    clean = np.repeat(random.choice([-6.0, 0.0, 6.0], 200), 100)
    y = clean + 0.8 * random.standard_normal(clean.size)
    assert blind_sigma(y, KernelDensity().fit(y).score(y)) == pytest.approx(0.8, rel=0.1)


def rings(n, seed):
    random = np.random.default_rng(seed)
    angle = random.uniform(0, 2 * np.pi, n)
    clean = 3 * np.stack([np.cos(angle), np.sin(angle)], axis=1)
    return clean, clean + 0.5 * random.standard_normal((n, 2))


def test_random_features_find_the_score_of_normal_samples():
    x = np.random.default_rng(6).multivariate_normal([1, -2], [[2, 0.8], [0.8, 1]], 2000)
    fit = RandomFeatureScore().fit(x)
    exact = -(x - [1, -2]) @ np.linalg.inv([[2, 0.8], [0.8, 1]])
    assert np.mean((fit.score(x) - exact) ** 2) < 0.02 * np.mean(exact**2)
    assert fit.loss == pytest.approx(-1, abs=0.1)


def test_random_features_denoise_a_ring():
    _, noisy = rings(3000, 7)
    fit = RandomFeatureScore().fit(noisy)
    assert fit.loss < -1.2
    new_clean, new = rings(2000, 8)
    before = np.mean((new - new_clean) ** 2)
    # of the two noise directions the radial one can be taken off
    assert np.mean((fit.posterior_mean(new, 0.5) - new_clean) ** 2) < 0.65 * before
    moved = RandomFeatureScore().fit(1e-3 * noisy + 5)
    np.testing.assert_allclose(1e-3 * moved.score(1e-3 * new + 5), fit.score(new), rtol=1e-4, atol=1e-3)


def test_bad_input_is_named():
    with pytest.raises(ParameterError, match="sigma"):
        DenoiserScore(lambda y, s: y, 0.0)
    with pytest.raises(ParameterError, match="denoiser"):
        DenoiserScore(3, 1.0)
    score = DenoiserScore(lambda y, s: y, 1.0)
    with pytest.raises(InputError, match="nan at index 1"):
        score.score(np.array([0.0, np.nan]))
    with pytest.raises(ParameterError, match="probes"):
        score.divergence(np.zeros(3), probes=0)
    with pytest.raises(ParameterError, match="count"):
        score.modes(np.zeros(3), 4)
    with pytest.raises(InputError, match="at least 20 samples"):
        RandomFeatureScore().fit(np.zeros((10, 2)))
    with pytest.raises(InputError, match="subspace"):
        RandomFeatureScore().fit(np.ones((100, 2)) * np.arange(100)[:, None])
    with pytest.raises(ParameterError, match="features"):
        RandomFeatureScore(features=0)
