"""Priors of many normal means: certificate, closed forms, equivariance, moments, intervals, signs."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st
from scipy import optimize, stats

from sigden import NPMLE, ConvergenceWarning, FiniteMixture, InputError, ParameterError
from sigden.score import NormalMixture, lattice_numba as lattice_loops
from sigden.score.mixture import newton_numba, posterior_numba as loops


def prior(means, variances, weights, sigma=1.0):
    arrays = (np.asarray(a, dtype=float) for a in (means, variances, weights))
    return NormalMixture(*arrays, sigma, (-1.0, 1.0), 10.0, np.nan)


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
    _, x = noisy(6000, 5)
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
    _, x = noisy(300_000, 13)
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
    with pytest.raises(ParameterError, match="level"):
        prior([0.0], [1.0], [1.0]).posterior_interval(x, level=1.0)
    for parameters in ({"fineness": 1}, {"tol": 0.0}, {"max_iter": 0}):
        with pytest.raises(ParameterError, match=next(iter(parameters))):
            NPMLE(**parameters)
    with pytest.raises(ParameterError, match="max_components"):
        FiniteMixture(max_components=0)


def test_posterior_of_what_has_no_square_is_refused():
    prior = NPMLE().fit(np.random.default_rng(0).standard_normal(300), 1.0)
    for sigma in (None, np.ones(1)):
        with pytest.raises(InputError, match=r"x: 1e\+160 over a sigma of 1"):
            prior.posterior(np.array([-1e160]), sigma)
