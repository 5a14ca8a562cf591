"""Kernel densities: values and derivatives, equivariance, bandwidth rules, far outliers."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from sigden import InputError, KernelDensity, ParameterError
from sigden.score import lattice_numba as loops
from sigden.score.lattice import bin_samples


def direct(x, points, h, weights=None):
    """Log-density, score and curvature by the definition."""
    z = (points[:, None] - x) / h
    kernel = np.exp(-0.5 * z * z) / (h * np.sqrt(2 * np.pi))
    mean = np.average(kernel, axis=1, weights=weights)
    slope = np.average(-z / h * kernel, axis=1, weights=weights) / mean
    curve = np.average((z * z - 1) / h**2 * kernel, axis=1, weights=weights) / mean
    return np.log(mean), slope, curve - slope**2


def mixture(n, seed=0):
    random = np.random.default_rng(seed)
    return np.where(random.random(n) < 0.6, random.normal(-1.5, 0.5, n), random.normal(1.5, 0.8, n))


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_is_the_sum_of_its_definition(dtype, weighted):
    x = mixture(3000).astype(dtype)
    weights = np.random.default_rng(1).random(x.size) if weighted else None
    fit = KernelDensity(bandwidth=0.3).fit(x, weights=weights)
    points = np.linspace(x.min() - 0.3, x.max() + 0.3, 301).astype(dtype)
    expected = direct(x.astype(float), points.astype(float), 0.3, weights)
    found = fit.log_density(points), fit.score(points), fit.curvature(points)
    scale = 1.0, 1 / 0.3, 1 / 0.3**2
    for value, reference, unit in zip(found, expected, scale, strict=True):
        assert value.dtype == dtype
        np.testing.assert_allclose(value, reference, rtol=0, atol=2e-3 * unit)


def test_variance_preserving_estimate_keeps_mean_and_variance():
    x = mixture(2000)
    fit = KernelDensity(bandwidth=0.6, variance_preserving=True).fit(x)
    points = np.linspace(-9, 9, 4001)
    density = np.exp(fit.log_density(points))
    step = points[1] - points[0]
    assert density.sum() * step == pytest.approx(1, abs=1e-4)
    mean = np.sum(points * density) * step
    assert mean == pytest.approx(x.mean(), abs=1e-4)
    assert np.sum((points - mean) ** 2 * density) * step == pytest.approx(x.var(), rel=1e-3)
    a = 1 / np.sqrt(1 + 0.36 / x.var())
    shrunk = x.mean() + a * (x - x.mean())
    np.testing.assert_allclose(
        fit.score(points[1500:2500]), direct(shrunk, points[1500:2500], 0.6 * a)[1], atol=1e-3
    )


@settings(deadline=None, max_examples=20)
@given(
    shift=st.floats(-100, 100),
    scale=st.sampled_from([1e-21, 1e-3, 1.0, 7.3, 1e12]),
    rule=st.sampled_from(["derivative-plug-in", "derivative", "plug-in", "silverman", "scott"]),
)
def test_follows_shifts_and_scales(shift, scale, rule):
    x = mixture(500)
    points = np.linspace(-3, 3, 11)
    plain = KernelDensity(bandwidth=rule).fit(x)
    moved = KernelDensity(bandwidth=rule).fit(scale * (x + shift))
    there = scale * (points + shift)
    assert moved.bandwidth == pytest.approx(scale * plain.bandwidth, rel=1e-6)
    np.testing.assert_allclose(scale * moved.score(there), plain.score(points), atol=1e-6)
    np.testing.assert_allclose(scale**2 * moved.curvature(there), plain.curvature(points), atol=1e-5)
    np.testing.assert_allclose(moved.log_density(there) + np.log(scale), plain.log_density(points), atol=1e-6)


def test_bandwidths_of_a_normal_density():
    x = np.random.default_rng(2).normal(0, 3.0, 200_000)
    n = x.size
    for rule, expected, tolerance in (
        ("scott", 3 * (4 / (3 * n)) ** (1 / 5), 0.02),
        ("silverman", 3 * 0.9 * n ** (-1 / 5), 0.02),
        ("plug-in", 3 * (4 / (3 * n)) ** (1 / 5), 0.05),
        ("derivative", 3 * (4 / (5 * n)) ** (1 / 7), 0.02),
        ("derivative-plug-in", 3 * (4 / (5 * n)) ** (1 / 7), 0.06),
    ):
        assert KernelDensity(bandwidth=rule).fit(x).bandwidth == pytest.approx(expected, rel=tolerance), rule


def test_plug_in_sees_that_a_density_is_not_normal():
    random = np.random.default_rng(3)
    x = np.where(random.random(20_000) < 0.5, -3.0, 3.0) + random.normal(0, 0.5, 20_000)

    def score(t):
        return -(t - 3 * np.tanh(12 * t)) / 0.25

    error = {}
    for rule in ("derivative", "derivative-plug-in"):
        fit = KernelDensity(bandwidth=rule).fit(x)
        error[rule] = np.sqrt(np.mean((fit.score(x) - score(x)) ** 2))
    assert error["derivative-plug-in"] < 0.5 * error["derivative"]


def test_score_of_normal_samples_and_tweedie():
    x = np.random.default_rng(4).normal(0, 2.0, 1_000_000)
    fit = KernelDensity().fit(x)
    points = np.linspace(-4, 4, 33)
    np.testing.assert_allclose(fit.score(points), -points / 4, atol=0.05)
    np.testing.assert_allclose(fit.posterior_mean(points, 1.0), 0.75 * points, atol=0.05)
    np.testing.assert_allclose(fit.posterior_variance(points, 1.0), 0.75, atol=0.2)


@settings(deadline=None, max_examples=20)
@given(seed=st.integers(0, 1000), sigma=st.floats(0.05, 3.0))
def test_posterior_mean_never_falls_and_variance_is_not_negative(seed, sigma):
    x = np.random.default_rng(seed).standard_cauchy(60)
    fit = KernelDensity(bandwidth=0.3).fit(x)
    points = np.sort(np.r_[x, np.linspace(-20, 20, 500)])
    assert np.all(np.diff(fit.posterior_mean(points, sigma)) >= -1e-9)
    assert np.all(fit.posterior_variance(points, sigma) >= 0)


@pytest.mark.parametrize("far", [30.0, 1e4, 1e9])
def test_far_outliers_cost_no_memory_and_keep_their_own_tails(far):
    x = np.r_[mixture(200), far]
    fit = KernelDensity(bandwidth=0.5).fit(x)
    assert fit.lattice.size < 2000
    assert fit.score(np.array([far]))[0] == pytest.approx(0, abs=1e-4)
    assert fit.score(np.array([far + 1.0]))[0] == pytest.approx(-4, rel=1e-2)
    between = np.array([far / 2, far - 10.0, far + 50.0])
    assert np.all(np.isfinite(fit.log_density(between)))
    assert fit.score(between)[1] == pytest.approx(40, rel=2e-2)
    assert fit.score(between)[2] == pytest.approx(-200, rel=2e-2)


def test_tails_between_islands_are_those_of_the_definition():
    x = np.array([0.0, 1.0, 20.0])
    points = np.linspace(-12, 32, 89)
    fit = KernelDensity(bandwidth=0.5).fit(x)
    expected = direct_log(x, points, 0.5)
    np.testing.assert_allclose(fit.log_density(points), expected, rtol=2e-3, atol=1e-2)
    slope = np.gradient(fit.log_density(np.linspace(-12, 32, 8801)), 0.005)[::100]
    np.testing.assert_allclose(fit.score(points), slope, rtol=1e-2, atol=2e-2)


def direct_log(x, points, h):
    z = -0.5 * ((points[:, None] - x) / h) ** 2
    return np.logaddexp.reduce(z, axis=1) - np.log(x.size * h * np.sqrt(2 * np.pi))


def test_same_bits_whatever_the_number_of_threads():
    x = mixture(400_000)
    origin, counts, twin = x.min(), np.zeros((3, 2000)), np.zeros((3, 2000))
    loops.bin_linear(x, origin, 100.0, counts)
    loops.bin_linear_parallel(x, origin, 100.0, twin)
    np.testing.assert_array_equal(counts, twin)
    fit = KernelDensity().fit(x)
    whole = fit.score(x)
    np.testing.assert_array_equal(whole[:1000], fit.score(x[:1000]))
    np.testing.assert_array_equal(whole, KernelDensity().fit(x).score(x))


@pytest.mark.parametrize("far", [400.0, 1e9])
@pytest.mark.parametrize("weighted", [False, True])
def test_linear_binning_keeps_mass_and_mean(far, weighted):
    x = np.r_[mixture(100), far]
    weights = np.random.default_rng(5).uniform(size=x.size) if weighted else None
    total = x.size if weights is None else weights.sum()
    lattice, counts = bin_samples(x, 0.5, 7, weights)
    assert lattice.first.size >= 2
    assert counts.sum() == pytest.approx(total)
    assert np.dot(lattice.nodes, counts) == pytest.approx(np.average(x, weights=weights) * total)
    assert np.all(counts[:7] == 0)
    assert np.all(counts[-7:] == 0)


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_binning_with_far_outliers_is_that_of_one_table(weighted, dtype, monkeypatch):
    x = np.r_[mixture(3000), 40.0, 41.2, -55.0, -55.0].astype(dtype)
    weights = np.random.default_rng(6).uniform(size=x.size) if weighted else None
    lattice, counts = bin_samples(x, 0.01, 7, weights)
    monkeypatch.setattr("sigden.score.lattice._DENSE_NODES", 0)
    monkeypatch.setattr("sigden.score.lattice._INNER_NODES", 200)
    parts, sorted_counts = bin_samples(x, 0.01, 7, weights)
    np.testing.assert_array_equal(np.flatnonzero(sorted_counts), np.flatnonzero(counts))
    np.testing.assert_allclose(parts.nodes, lattice.nodes, atol=1e-9)
    np.testing.assert_allclose(sorted_counts, counts, atol=1e-8)


def test_masked_samples_and_zero_weights_count_for_nothing():
    x = mixture(300)
    dirty = np.r_[x, np.nan, 50.0]
    mask = np.arange(dirty.size) >= x.size
    points = np.linspace(-3, 3, 13)
    expected = KernelDensity().fit(x).score(points)
    np.testing.assert_array_equal(KernelDensity().fit(dirty, mask=mask).score(points), expected)
    weights = np.r_[np.full(x.size, 3.0), 0.0]
    weighted = KernelDensity().fit(np.r_[x, 50.0], weights=weights)
    np.testing.assert_allclose(weighted.score(points), expected, rtol=1e-9)
    assert weighted.samples == pytest.approx(x.size)


def test_bad_input_is_named():
    with pytest.raises(InputError, match="nan at index 3"):
        KernelDensity().fit(np.r_[1.0, 2.0, 3.0, np.nan])
    with pytest.raises(InputError, match="all samples are equal"):
        KernelDensity().fit(np.ones(50))
    with pytest.raises(InputError, match="at least 2"):
        KernelDensity().fit(np.ones(1))
    with pytest.raises(InputError, match="weights: negative at index 1"):
        KernelDensity().fit(np.arange(3.0), weights=np.array([1.0, -1.0, 1.0]))
    with pytest.raises(InputError, match="weights: shape"):
        KernelDensity().fit(np.arange(3.0), weights=np.ones(2))
    with pytest.raises(ParameterError, match="bandwidth"):
        KernelDensity(bandwidth=-1.0)
    with pytest.raises(ParameterError, match="bandwidth"):
        KernelDensity(bandwidth="best")
    with pytest.raises(ParameterError, match="sigma"):
        KernelDensity().fit(np.arange(30.0)).posterior_mean(np.zeros(2), 0.0)
    assert np.isfinite(KernelDensity(bandwidth=1.0).fit(np.ones(50)).score(np.zeros(1)))
