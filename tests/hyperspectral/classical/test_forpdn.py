"""FORPDN: the normal equations, and weights whose risk is the true error."""

import numpy as np
import pytest

from sigden import FORPDN, ParameterError
from sigden.hyperspectral.classical.forpdn import least_risk_weight
from sigden.simulate import gaussian_noise


def test_the_estimate_solves_the_normal_equations(noisy):
    sigma = np.linspace(0.03, 0.08, noisy.shape[2])
    out = FORPDN(levels=0).solve(noisy, sigma=sigma)
    mean = noisy.mean(axis=(0, 1))
    x, y = out.estimate - mean, noisy - mean
    difference = np.diff(np.eye(len(sigma)), axis=0)
    penalty = x @ (difference.T @ difference)
    residual = (y - x) / sigma**2
    weight = float(np.sum(residual * penalty) / np.sum(penalty**2))
    assert weight > 0
    np.testing.assert_allclose(residual, weight * penalty, atol=1e-6 * np.abs(residual).max())

    def objective(z):
        return np.sum(((y - z) / sigma) ** 2) / 2 + weight / 2 * np.sum((z @ difference.T) ** 2)

    for seed in range(3):
        step = 1e-3 * np.random.default_rng(seed).standard_normal(x.shape)
        assert objective(x) < min(objective(x + step), objective(x - step))


def test_the_weight_has_the_least_true_risk_within_a_tenth():
    rng = np.random.default_rng(0)
    count, bands = 600, 40
    truth = np.cumsum(rng.standard_normal((count, bands)), axis=1) * 0.3
    difference = np.diff(np.eye(bands), axis=0)
    roughness, q = np.linalg.eigh(difference.T @ difference)
    roughness = np.maximum(roughness, 0)
    z, clean = (truth + rng.standard_normal(truth.shape)) @ q, truth @ q

    def error(weight):
        return float(np.sum((z / (1 + weight * roughness) - clean) ** 2))

    best = min(error(weight) for weight in np.geomspace(1e-3, 1e3, 200))
    assert error(least_risk_weight(np.sum(z**2, axis=0), count, roughness)) < 1.1 * best


def test_a_weight_of_zero_where_nothing_helps():
    roughness = np.array([0.0, 1.0, 2.0])
    assert least_risk_weight(np.full(3, 1e12), 10, roughness) * 2.0 < 1e-5
    assert least_risk_weight(np.full(3, 10.0), 10, np.zeros(3)) == 0.0


def test_each_level_has_its_own_freedom(truth):
    noisy = gaussian_noise(truth, 0.05, seed=5)
    freedom = FORPDN().solve(noisy).details["degrees_of_freedom"]
    assert all(0 < value <= truth.shape[2] for value in freedom)
    assert freedom[0] > freedom[-1]


def test_parameters_out_of_range_are_named():
    with pytest.raises(ParameterError, match="levels"):
        FORPDN(levels=-1)
    with pytest.raises(ParameterError, match="moments"):
        FORPDN(moments=0)
