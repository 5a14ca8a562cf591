"""Tweedie's formula for four kinds of noise, by closed forms; monotone rules."""

from __future__ import annotations

import array_api_strict
import numpy as np
import pytest
from hypothesis import given, settings, strategies as st
from hypothesis.extra.numpy import arrays
from scipy import special, stats

from sigden import InputError, KernelDensity, ParameterError
from sigden.score import (
    FittedDensity,
    gamma_posterior_mean,
    gaussian_posterior_mean,
    monotone,
    poisson_gauss_posterior_mean,
    poisson_posterior_mean,
    robbins,
)


def test_gaussian_both_ways():
    y = np.linspace(-3, 3, 7)
    score = -y / (4 + 1)
    shrunk = gaussian_posterior_mean(y, score, 1.0)
    np.testing.assert_allclose(shrunk, y * 4 / 5)
    np.testing.assert_allclose(2 * y - shrunk, y * 6 / 5)


def test_gamma_prior_under_gamma_noise_has_the_closed_form():
    shape, a, b = 5.0, 4.0, 3.0
    y = np.linspace(0.1, 8, 40)
    # x inverse-gamma(a, b), y = x gamma(shape)/shape: y/b shape is beta prime
    score = (shape - 1) / y - (shape + a) * shape / (b + shape * y)
    np.testing.assert_allclose(
        gamma_posterior_mean(y, score, shape), (b + shape * y) / (a + shape), rtol=1e-12
    )


def test_poisson_form_approaches_the_exact_rule_of_a_gamma_prior():
    a, rate = 20.0, 0.4
    n = np.arange(20, 90).astype(float)
    # negative binomial counts: the derivative of the log-probability in n
    score = special.digamma(n + a) - special.digamma(n + 1) - np.log1p(rate)
    np.testing.assert_allclose(poisson_posterior_mean(n, score), (n + a) / (1 + rate), rtol=2e-2)
    np.testing.assert_allclose(
        poisson_posterior_mean(3.0 * n, score / 3.0, gain=3.0), 3 * poisson_posterior_mean(n, score)
    )


class NegativeBinomialWithReadout(FittedDensity):
    """Exact density of gamma-Poisson counts with Gaussian noise."""

    def __init__(self, a, rate, sigma):
        self.n = np.arange(0, 400)
        self.p = stats.nbinom.pmf(self.n, a, rate / (1 + rate))
        self.sigma = sigma

    def _moments(self, x):
        z = stats.norm.pdf(x[..., None], self.n, self.sigma) * self.p
        return z.sum(-1), (z * self.n).sum(-1) / z.sum(-1)

    def log_density(self, x):
        return np.log(self._moments(x)[0])

    def score(self, x):
        return (self._moments(x)[1] - x) / self.sigma**2

    def curvature(self, x):
        raise AssertionError("not needed")

    posterior_variance = curvature

    def posterior_mean(self, x, sigma):
        return self._moments(x)[1]


@pytest.mark.parametrize("sigma", [0.6, 2.0])
def test_poisson_gauss_is_exact_for_the_true_density(sigma):
    a, rate = 3.0, 0.25
    density = NegativeBinomialWithReadout(a, rate, sigma)
    y = np.linspace(0, 40, 81)
    # E[lambda|y] = sum_n P(n|y) (n + a) / (1 + rate)
    exact = (density.posterior_mean(y, sigma) + a) / (1 + rate)
    np.testing.assert_allclose(poisson_gauss_posterior_mean(y, density, sigma), exact, rtol=1e-9)


def test_poisson_gauss_denoises_with_an_estimated_density():
    random = np.random.default_rng(0)
    intensity = 5.0 * random.gamma(4.0, 3.0, 100_000)
    y = 5.0 * random.poisson(intensity / 5.0) + random.normal(0, 4.0, intensity.size)
    estimate = poisson_gauss_posterior_mean(y, KernelDensity(bandwidth=3.0).fit(y), 4.0, gain=5.0)
    assert np.mean((estimate - intensity) ** 2) < 0.8 * np.mean((y - intensity) ** 2)
    assert np.all(np.diff(estimate[np.argsort(y)]) >= -1e-9)


def test_robbins_is_its_formula_and_learns_a_gamma_prior():
    np.testing.assert_allclose(
        robbins(np.array([0, 0, 0, 1, 1, 2]), rising=False), [2 / 3] * 3 + [1.0] * 2 + [0.0]
    )
    random = np.random.default_rng(1)
    intensity = random.gamma(3.0, 1.0, 200_000)
    counts = random.poisson(intensity)
    exact = (counts + 3.0) / 2.0
    few = counts <= 8
    np.testing.assert_allclose(robbins(counts)[few], exact[few], rtol=0.08)
    assert np.mean((robbins(counts) - intensity) ** 2) < 1.02 * np.mean((exact - intensity) ** 2)
    assert np.mean((robbins(counts) - exact) ** 2) < np.mean((robbins(counts, rising=False) - exact) ** 2)


@settings(deadline=None, max_examples=50)
@given(rule=arrays(np.float64, 12, elements=st.floats(-1e3, 1e3)), seed=st.integers(0, 99))
def test_monotone_rule_is_the_projection(rule, seed):
    random = np.random.default_rng(seed)
    y = random.integers(0, 8, 12).astype(float)
    weights = random.uniform(0.1, 2, 12)
    rising = monotone(y, rule, weights)
    order = np.argsort(y, kind="stable")
    assert np.all(np.diff(rising[order]) >= -1e-9)
    assert all(np.ptp(rising[y == v]) == 0 for v in np.unique(y))
    np.testing.assert_allclose(monotone(y, rising, weights), rising, atol=1e-9)
    # the residual of a projection on a cone is orthogonal to it
    assert abs(np.dot(weights * (rule - rising), rising)) < 1e-6 * (1 + np.sum(rule**2))


def test_runs_where_host_copies_raise():
    device = array_api_strict.Device("device1")
    y = array_api_strict.asarray(np.linspace(1, 5, 6), device=device)
    for value in (
        gaussian_posterior_mean(y, 0.1 * y, 1.0),
        poisson_posterior_mean(y, 0.1 * y),
        gamma_posterior_mean(y, -0.1 * y, 4.0),
    ):
        assert value.device == device


def test_bad_input_is_named():
    y = np.ones(3)
    with pytest.raises(InputError, match="score: shape"):
        gaussian_posterior_mean(y, np.ones(2), 1.0)
    with pytest.raises(InputError, match="not the score of data with gamma noise"):
        gamma_posterior_mean(y, 10 * y, 3.0)
    with pytest.raises(ParameterError, match="shape"):
        gamma_posterior_mean(y, y, 1.0)
    with pytest.raises(ParameterError, match="gain"):
        poisson_posterior_mean(y, y, gain=0.0)
    with pytest.raises(InputError, match=r"-1 at index 1 is not a count"):
        robbins(np.array([1, -1]))
    with pytest.raises(InputError, match=r"0\.5 at index 0 is not a count"):
        robbins(np.array([0.5, 1]))
