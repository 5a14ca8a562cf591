"""Posterior under a prior of normal components: closed forms, tables, intervals, signs."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st
from scipy import stats

from sigden import NPMLE, FiniteMixture, InputError, ParameterError
from sigden.score import NormalMixture, lattice_numba as lattice_loops
from sigden.score.mixture import posterior_numba as loops


def prior(means, variances, weights, sigma=1.0):
    arrays = (np.asarray(a, dtype=float) for a in (means, variances, weights))
    return NormalMixture(*arrays, sigma, (-1.0, 1.0), 10.0, np.nan)


def samples(n, seed):
    random = np.random.default_rng(seed)
    return np.where(random.random(n) < 0.7, random.normal(0, 1.1, n), random.normal(1, 2.7, n))


def test_components_too_far_to_count_change_nothing():
    random = np.random.default_rng(6)
    means = np.sort(random.standard_cauchy(300) * 20)
    variances = np.where(random.uniform(size=300) < 0.1, 10 ** random.uniform(-2, 8, 300), 0.0)
    weights = random.dirichlet(np.ones(300))
    x = np.concatenate([means[::7] + random.standard_normal(43), [-1e5, 0.0, 1e5]])
    fit = prior(means, variances, weights)
    spread = 1 + variances
    logs = np.log(weights) + stats.norm.logpdf(x[:, None], means, np.sqrt(spread))
    share = np.exp(logs - logs.max(axis=1, keepdims=True))
    share /= share.sum(axis=1, keepdims=True)
    centre = means + variances / spread * (x[:, None] - means)
    mean = (share * centre).sum(axis=1)
    np.testing.assert_allclose(fit.log_density(x), np.logaddexp.reduce(logs, axis=1), rtol=1e-12)
    np.testing.assert_allclose(fit.posterior_mean(x), mean, rtol=1e-12)
    variance = (share * (variances / spread + (centre - mean[:, None]) ** 2)).sum(axis=1)
    np.testing.assert_allclose(fit.posterior_variance(x), variance, rtol=1e-9, atol=1e-12)
    scale = np.sqrt(np.maximum(variances / spread, 1e-30))
    below = (share * stats.norm.cdf(0, centre, scale)).sum(axis=1)
    np.testing.assert_allclose(fit.false_sign_rate(x), np.minimum(below, 1 - below), rtol=1e-7, atol=1e-12)


def test_unsorted_components_are_refused():
    with pytest.raises(ParameterError, match="sorted"):
        prior([1.0, 0.0], [0, 0], [0.5, 0.5])


def test_levels_beyond_one_are_refused():
    with pytest.raises(ParameterError, match="level"):
        prior([0.0], [1.0], [1.0]).posterior_interval(np.arange(5.0), level=1.0)


@settings(deadline=None, max_examples=30)
@given(seed=st.integers(0, 500), sigma=st.floats(0.1, 5.0))
def test_posterior_mean_never_falls_and_shrinks_into_the_range(seed, sigma):
    random = np.random.default_rng(seed)
    size = random.integers(1, 8)
    mixture = prior(
        np.sort(random.normal(0, 3, size)),
        random.choice([0.0, 0.3, 4.0], size),
        random.dirichlet(np.ones(size)),
    )
    x = np.linspace(-30, 30, 4001)
    mean, variance = mixture.posterior(x, sigma)
    assert np.all(np.diff(mean) >= -1e-7)
    assert np.all(variance >= 0)
    direct = mixture.posterior(x[::40], np.full(101, sigma))
    np.testing.assert_allclose(mean[::40], direct[0], atol=1e-4 * sigma)
    np.testing.assert_allclose(variance[::40], direct[1], atol=1e-3 * (1 + sigma**2))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_tables_do_not_blur_where_far_components_meet(dtype):
    mixture = prior([-6.0, 0.0, 1.5, 60.0], [0.0, 4.0, 0.0, 0.3], [0.3, 0.3, 0.2, 0.2], sigma=0.1)
    x = np.linspace(-30, 90, 40001).astype(dtype)
    few = np.full(101, 0.1)
    for figures in (mixture.posterior, mixture.posterior_interval):
        for many, one in zip(figures(x), figures(x[::400], few), strict=True):
            np.testing.assert_allclose(many[::400], one, rtol=1e-6, atol=2e-3 * 0.1)
    for figure in (mixture.log_density, mixture.score, mixture.curvature):
        np.testing.assert_allclose(figure(x)[::400], figure(x[::400], few), rtol=2e-3, atol=1e-3)
    rate = mixture.false_sign_rate(x)[::400]
    np.testing.assert_allclose(rate, mixture.false_sign_rate(x[::400], few), rtol=1e-6, atol=1e-3)


def test_very_wide_components_are_tabulated_in_their_middle_alone():
    mixture = prior([-3.0, 0.0, 2.0], [0.0, 1e10, 1e3], [0.4, 0.3, 0.3])
    x = np.r_[np.linspace(-40, 40, 8001), 1e5, 1e9]
    few, ones = np.r_[x[:-2:400], x[-2:]], np.ones(23)
    for figures in (mixture.posterior, mixture.posterior_interval):
        for many, one in zip(figures(x), figures(few, ones), strict=True):
            np.testing.assert_allclose(np.r_[many[:-2:400], many[-2:]], one, rtol=1e-6, atol=1e-3)


@pytest.mark.parametrize("many", [False, True])
def test_normal_prior_has_the_closed_form(many):
    x = np.linspace(-6, 6, 5001 if many else 11)
    mixture = prior([1.0], [4.0], [1.0], sigma=1.5)
    total = 4 + 2.25
    np.testing.assert_allclose(mixture.log_density(x), stats.norm.logpdf(x, 1, total**0.5), atol=1e-9)
    np.testing.assert_allclose(mixture.score(x), -(x - 1) / total, atol=1e-9)
    np.testing.assert_allclose(mixture.curvature(x), -1 / total, atol=1e-7)
    mean, variance = mixture.posterior(x)
    np.testing.assert_allclose(mean, (2.25 + 4 * x) / total, atol=1e-8)
    np.testing.assert_allclose(variance, 9 / total, atol=1e-6)
    low, high = mixture.posterior_interval(x, level=0.9)
    half = stats.norm.ppf(0.95) * (9 / total) ** 0.5
    np.testing.assert_allclose(low, mean - half, atol=1e-5)
    np.testing.assert_allclose(high, mean + half, atol=1e-5)
    below = stats.norm.cdf(0, mean, variance**0.5)
    np.testing.assert_allclose(mixture.false_sign_rate(x), np.minimum(below, 1 - below), atol=1e-4)


def test_two_point_prior_has_the_closed_form():
    x = np.linspace(-8, 8, 23)
    mixture = prior([-2.0, 2.0], [0.0, 0.0], [0.5, 0.5])
    np.testing.assert_allclose(mixture.posterior_mean(x), 2 * np.tanh(2 * x), atol=1e-12)
    np.testing.assert_allclose(mixture.posterior_variance(x), 4 / np.cosh(2 * x) ** 2, atol=1e-12)
    np.testing.assert_allclose(mixture.false_sign_rate(x), 1 / (1 + np.exp(4 * abs(x))), atol=1e-12)
    low, high = mixture.posterior_interval(x)
    assert set(np.unique(low)) | set(np.unique(high)) == {-2.0, 2.0}


def test_zero_counts_as_wrong_for_both_signs():
    mixture = prior([0.0, 3.0], [0.0, 0.0], [0.9, 0.1])
    x = np.array([0.0, 3.0, 10.0])
    ratio = 0.9 * stats.norm.pdf(x) / (0.9 * stats.norm.pdf(x) + 0.1 * stats.norm.pdf(x - 3))
    np.testing.assert_allclose(mixture.false_sign_rate(x), ratio, rtol=1e-9)


def test_derivatives_are_those_of_the_density():
    mixture = prior([-3.0, 0.0, 30.0], [0.0, 2.0, 0.1], [0.3, 0.6, 0.1])
    x = np.linspace(-20, 60, 80_001)
    step = x[1] - x[0]
    log_density = mixture.log_density(x)
    np.testing.assert_allclose(
        mixture.score(x)[1:-1], (log_density[2:] - log_density[:-2]) / (2 * step), atol=2e-3
    )
    slope = np.gradient(mixture.score(x), step)[5:-5]
    inner = np.abs(np.gradient(slope)) < 0.01
    np.testing.assert_allclose(mixture.curvature(x)[5:-5][inner], slope[inner], atol=0.05)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_dtype_shape_and_threads(dtype):
    x = samples(6000, 5)
    x = x.astype(dtype).reshape(60, 100)
    x.flags.writeable = False
    fit = FiniteMixture().fit(x, 1.0)
    for value in (fit.posterior_mean(x), fit.score(x), fit.false_sign_rate(x), *fit.posterior_interval(x)):
        assert value.dtype == dtype
        assert value.shape == x.shape
    flat, noise = x.reshape(-1).astype(float), np.linspace(0.5, 2, x.size)
    for name, extra, rows in (
        ("moments", (), 3),
        ("signs", (), 2),
        ("quantiles", (np.array([0.1, 0.9]),), 2),
    ):
        first, second = np.empty((rows, x.size)), np.empty((rows, x.size))
        components = fit.means, fit.variances, fit.weights, np.array([0, fit.means.size])
        getattr(loops, name)(flat, noise, *components, *extra, first)
        getattr(loops, f"{name}_parallel")(flat, noise, *components, *extra, second)
        np.testing.assert_array_equal(first, second)


def test_tables_give_the_same_bits_whatever_the_number_of_threads():
    x = samples(300_000, 13)
    fit = FiniteMixture().fit(x, 1.0)
    whole = fit.posterior(x)
    parts = [fit.posterior(part) for part in np.split(x, 3)]
    for value, pieces in zip(whole, zip(*parts, strict=True), strict=True):
        np.testing.assert_array_equal(value, np.concatenate(pieces))
    for value, again in zip(whole, FiniteMixture().fit(x, 1.0).posterior(x), strict=True):
        np.testing.assert_array_equal(value, again)
    flat, tables = x[:5000], (np.zeros(9), np.linspace(1, -1, 9), np.full(9, -0.25))
    lattice = -4.0, 1.0, np.array([0]), np.array([0, 9])
    results = []
    for run in (lattice_loops.tweedie, lattice_loops.tweedie_parallel):
        mean, variance = np.empty(5000), np.empty(5000)
        run(flat, 1.0, *lattice, *tables, -0.25, mean, variance)
        results.append((mean, variance))
    np.testing.assert_array_equal(*results)
    np.testing.assert_allclose(results[0][0], 0.75 * flat, atol=1e-12)
    np.testing.assert_allclose(results[0][1], 0.75, atol=1e-12)


def test_posterior_of_what_has_no_square_is_refused():
    prior = NPMLE().fit(np.random.default_rng(0).standard_normal(300), 1.0)
    for sigma in (None, np.ones(1)):
        with pytest.raises(InputError, match=r"x: 1e\+160 over a sigma of 1"):
            prior.posterior(np.array([-1e160]), sigma)
