"""Priors of many normal means: certificate, components found, equivariance, odd samples."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st
from scipy import optimize, stats

from sigden import NPMLE, ConvergenceWarning, FiniteMixture, InputError, ParameterError
from sigden.score import lattice_numba as lattice_loops
from sigden.score.mixture import newton_numba


def noisy(n, seed=0, kind="gmix"):
    random = np.random.default_rng(seed)
    theta = {
        "gmix": lambda: np.where(random.random(n) < 0.7, random.normal(0, 0.5, n), random.normal(1, 2.5, n)),
        "two": lambda: np.where(random.random(n) < 0.5, -2.0, 2.0),
        "sparse": lambda: np.where(random.random(n) < 0.05, 4.0, 0.0),
        "uniform": lambda: random.uniform(-3, 3, n),
        "cauchy": lambda: random.standard_cauchy(n),
    }[kind]()
    return theta, theta + random.standard_normal(n)


def gradient(fit, x, sigma, places):
    """The certificate by its definition, with neither lattice nor bins."""
    density = np.exp(fit.log_density(x, sigma))
    noise = np.broadcast_to(sigma, x.shape)
    kernel = stats.norm.pdf(places[:, None], x, noise)
    return np.mean(kernel / density, axis=1) - 1


@pytest.mark.parametrize("kind", ["gmix", "two", "sparse", "uniform", "cauchy"])
def test_npmle_is_the_maximum_by_the_definition_of_the_certificate(kind):
    _, x = noisy(800, 1, kind)
    fit = NPMLE().fit(x, 1.0)
    assert fit.weights.sum() == pytest.approx(1)
    assert np.all(fit.weights > 0)
    assert fit.gradient_bound * x.size <= 1e-3
    near = np.concatenate([x, np.linspace(-5, 5, 201), fit.means])
    slope = gradient(fit, x, 1.0, near)
    assert slope.max() < 1e-3
    assert np.average(slope[-fit.means.size :], weights=fit.weights) == pytest.approx(0, abs=1e-7)


def test_long_islands_are_solved_in_windows_to_the_same_certificate():
    random = np.random.default_rng(3)
    theta = np.where(random.uniform(size=3000) < 0.5, random.uniform(-600, 600, 3000), 40.0)
    x = theta + random.standard_normal(3000)
    fit = NPMLE().fit(x, 1.0)
    assert fit.gradient_bound * x.size <= 1e-3
    assert gradient(fit, x, 1.0, np.concatenate([x, fit.means])).max() < 1e-3


@pytest.mark.parametrize(("seed", "spacing"), [(1, 0.05), (2, 0.3), (3, 2.0)])
def test_weights_of_the_quadratic_model_are_those_of_nonnegative_least_squares(seed, spacing):
    random = np.random.default_rng(seed)
    atoms = np.cumsum(random.exponential(spacing, 150))
    x = np.sort(random.choice(atoms, 400) + random.standard_normal(400))
    kernel = stats.norm.pdf(x[:, None], atoms) * (np.abs(x[:, None] - atoms) < 8)
    hessian = kernel.T @ kernel + 1e-9 * np.eye(atoms.size)
    right = kernel.sum(axis=0)
    first = np.argmax(hessian != 0, axis=1)
    start = random.uniform(size=atoms.size) * (random.uniform(size=atoms.size) < 0.3)
    weight = newton_numba._quadratic(hessian, first, right, start)
    root = np.linalg.cholesky(hessian)
    expected, _ = optimize.nnls(root.T, np.linalg.solve(root, right), maxiter=10_000)

    def cost(w):
        return w @ hessian @ w / 2 - right @ w

    assert weight.min() >= 0
    assert cost(weight) == pytest.approx(cost(expected), rel=1e-9)
    assert (right - hessian @ weight).max() < 1e-8


def test_npmle_with_different_noise_is_the_maximum_too():
    theta, _ = noisy(600, 2)
    random = np.random.default_rng(3)
    sigma = np.exp(random.normal(0, 0.5, theta.size))
    x = theta + sigma * random.standard_normal(theta.size)
    fit = NPMLE().fit(x, sigma)
    assert gradient(fit, x, sigma, np.concatenate([x, np.linspace(-6, 6, 301)])).max() < 5e-3
    assert fit.log_likelihood == pytest.approx(np.sum(fit.log_density(x, sigma)))
    equal = NPMLE().fit(x, np.full(x.size, 0.7))
    np.testing.assert_array_equal(equal.means, NPMLE().fit(x, 0.7).means)


def test_npmle_beats_expectation_and_maximisation_on_a_fine_grid():
    _, x = noisy(300, 4)
    grid = np.linspace(x.min(), x.max(), 400)
    kernel = stats.norm.pdf(x[:, None], grid)
    weight = np.full(grid.size, 1 / grid.size)
    for _ in range(2000):
        weight *= np.mean(kernel / (kernel @ weight)[:, None], axis=0)
    assert NPMLE().fit(x, 1.0).log_likelihood > np.sum(np.log(kernel @ weight)) - 1e-3


def test_many_noise_levels_are_grouped_without_loss(monkeypatch):
    random = np.random.default_rng(12)
    theta, _ = noisy(3000, 12)
    sigma = np.exp(random.normal(0, 0.5, theta.size))
    x = theta + sigma * random.standard_normal(theta.size)
    grouped = NPMLE().fit(x, sigma)
    monkeypatch.setattr("sigden.score.mixture.groups._CELLS", -1)
    sparse = NPMLE().fit(x, sigma)
    np.testing.assert_allclose(sparse.posterior_mean(x, sigma), grouped.posterior_mean(x, sigma), atol=1e-6)
    monkeypatch.setattr("sigden.score.mixture.groups._LEVELS", 5000)
    each = NPMLE().fit(x, sigma)
    assert grouped.log_likelihood == pytest.approx(each.log_likelihood, abs=0.05)


def test_single_sample_and_equal_samples_have_one_atom():
    for x in (np.array([3.0]), np.full(40, 3.0)):
        fit = NPMLE().fit(x, 0.5)
        np.testing.assert_allclose(np.dot(fit.weights, fit.means), 3.0, atol=1e-9)
        np.testing.assert_allclose(fit.posterior_mean(np.array([2.0, 4.0])), 3.0, atol=0.06)


@settings(deadline=None, max_examples=15)
@given(shift=st.floats(-50, 50), scale=st.sampled_from([1e-21, 1e-3, 3.7, 1e12]), seed=st.integers(0, 50))
def test_follows_shifts_and_scales(shift, scale, seed):
    _, x = noisy(400, seed)
    plain = NPMLE().fit(x, 1.0).posterior_mean(x)
    moved = NPMLE().fit(scale * (x + shift), scale).posterior_mean(scale * (x + shift))
    np.testing.assert_allclose(moved / scale - shift, plain, atol=1e-3)
    finite = FiniteMixture(null=False)
    plain = finite.fit(x, 1.0).posterior_mean(x)
    moved = finite.fit(scale * (x + shift), scale).posterior_mean(scale * (x + shift))
    np.testing.assert_allclose(moved / scale - shift, plain, atol=1e-3)


def test_samples_apart_are_found_alike_by_one_thread_and_many():
    first, offset = np.array([0, 50]), np.array([0, 11, 31])
    x = np.random.default_rng(1).uniform(-3, 9, 1000)
    rough = np.zeros(31, bool)
    rough[[4, 20]] = True
    one, many = np.empty(1000, bool), np.empty(1000, bool)
    lattice_loops.find_apart(x, 0.0, 0.1, first, offset, rough, one)
    lattice_loops.find_apart_parallel(x, 0.0, 0.1, first, offset, rough, many)
    np.testing.assert_array_equal(one, many)
    inside = ((x >= 0) & (x <= 1)) | ((x >= 5) & (x <= 6.9))
    sharp = ((x >= 0.4) & (x < 0.5)) | ((x >= 5.9) & (x < 6.0))
    np.testing.assert_array_equal(one, ~inside | sharp)


def test_far_outliers_keep_the_resolution_and_their_place():
    _, x = noisy(2000, 6)
    far = np.r_[x, 1e3, 1e8]
    fit = NPMLE().fit(far, 1.0)
    np.testing.assert_allclose(fit.posterior_mean(far[-2:]), far[-2:], atol=0.01)
    np.testing.assert_allclose(fit.posterior_mean(x), NPMLE().fit(x, 1.0).posterior_mean(x), atol=0.02)


def test_lone_outliers_among_very_many_samples_keep_their_atoms():
    _, x = noisy(1000, 11)
    bulk = np.r_[x, 7.0, 12.0, 18.0, 25.0, 33.0]
    weights = np.r_[np.full(1000, 1e5), np.ones(5)]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        fit = NPMLE().fit(bulk, 1.0, weights=weights)
    assert fit.gradient_bound < 1e-6
    np.testing.assert_allclose(fit.posterior_mean(bulk[-3:]), bulk[-3:], atol=0.3)


@pytest.mark.parametrize(("kind", "components"), [("two", 2), ("sparse", 2), ("gmix", 2)])
def test_criterion_finds_as_many_components_as_there_are(kind, components):
    _, x = noisy(20_000, 7, kind)
    fit = FiniteMixture().fit(x, 1.0)
    assert fit.means.size == components
    if kind == "sparse":
        assert fit.means[0] == fit.variances[0] == 0
        assert fit.weights[0] == pytest.approx(0.95, abs=0.01)
    if kind == "gmix":
        widths = np.sqrt(fit.variances[np.argsort(fit.weights)])
        np.testing.assert_allclose(widths, [2.5, 0.5], atol=0.15)


def test_widest_prior_is_as_likely_at_its_confidence():
    _, x = noisy(2000, 8, "uniform")
    best, wide = FiniteMixture(null=False).fit(x, 1.0), FiniteMixture(null=False, widest=True).fit(x, 1.0)
    assert wide.variances.min() > best.variances.min()
    assert best.log_likelihood - 1.93 < wide.log_likelihood


def test_weights_and_masks():
    _, x = noisy(500, 9)
    twice = NPMLE().fit(np.r_[x, x[:250]], 1.0)
    weights = np.where(np.arange(500) < 250, 2.0, 1.0)
    weighted = NPMLE().fit(x, 1.0, weights=weights)
    np.testing.assert_allclose(weighted.posterior_mean(x), twice.posterior_mean(x), atol=2e-3)
    dirty = np.r_[x, np.nan]
    mask = np.isnan(dirty)
    np.testing.assert_array_equal(NPMLE().fit(dirty, 1.0, mask=mask).means, NPMLE().fit(x, 1.0).means)
    noise = np.r_[np.linspace(0.5, 2, 500), 1.0]
    np.testing.assert_array_equal(
        NPMLE().fit(dirty, noise, mask=mask).means, NPMLE().fit(x, noise[:-1]).means
    )


def test_too_few_steps_are_told():
    _, x = noisy(5000, 10)
    with pytest.warns(ConvergenceWarning, match="may still rise"):
        fit = NPMLE(max_iter=1).fit(x, 1.0)
    assert fit.gradient_bound * x.size > 1
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        NPMLE().fit(x, 1.0)


def test_bad_input_is_named():
    x = np.arange(5.0)
    with pytest.raises(InputError, match=r"sigma: must be positive and finite, got 0\.0"):
        NPMLE().fit(x, 0.0)
    with pytest.raises(InputError, match=r"sigma: must be positive and finite, got -1\.0 at index 2"):
        NPMLE().fit(x, np.array([1.0, 1.0, -1.0, 1.0, 1.0]))
    with pytest.raises(InputError, match="sigma: shape"):
        NPMLE().fit(x, np.ones(4))
    with pytest.raises(InputError, match="inf at index 1"):
        NPMLE().fit(np.array([1.0, np.inf]), 1.0)
    with pytest.raises(InputError, match="rounding"):
        NPMLE().fit(x + 1e17, 1.0)
    with pytest.raises(InputError, match="give that of each sample"):
        NPMLE().fit(x, np.linspace(1, 2, 5)).posterior_mean(x)
    for parameters in ({"fineness": 1}, {"tol": 0.0}, {"max_iter": 0}):
        with pytest.raises(ParameterError, match=next(iter(parameters))):
            NPMLE(**parameters)
    with pytest.raises(ParameterError, match="max_components"):
        FiniteMixture(max_components=0)
