"""Many normal means: risk beside the oracle, coverage, signs, real data."""

from __future__ import annotations

import numpy as np
import pytest

from sigden import NPMLE, InputError
from sigden.debias.normal_means import normal_means
from sigden.debias.normal_means_sure import sure_means

PRIORS = {
    "sparse": lambda random, n: np.where(random.random(n) < 0.03, 4.0, 0.0),
    "two": lambda random, n: np.where(random.random(n) < 0.5, -2.0, 2.0),
    "spike and slab": lambda random, n: np.where(random.random(n) < 0.8, 0.0, random.normal(0, 3, n)),
    "normal": lambda random, n: random.normal(1.0, 1.5, n),
    "laplace": lambda random, n: random.laplace(0, 1.0, n),
    "uniform": lambda random, n: random.uniform(-3, 3, n),
}


def problem(prior, n, seed, sigma=1.0):
    random = np.random.default_rng([seed, n])
    theta = PRIORS[prior](random, n)
    return theta, theta + sigma * random.standard_normal(n)


@pytest.mark.parametrize("prior", PRIORS)
def test_intervals_cover_and_signs_are_calibrated(prior):
    covered, promised, wrong, chosen = [], [], [], []
    for seed in range(4):
        theta, x = problem(prior, 4000, seed)
        result = normal_means(x, 1.0)
        low, high = result.interval(0.9)
        assert np.all(low <= high)
        covered.append(np.mean((low <= theta) & (theta <= high)))
        rate = result.false_sign_rate()
        pick = rate < 0.1
        promised.append(rate[pick].sum())
        wrong.append(np.sum(np.sign(result.mean[pick]) != np.sign(theta[pick])))
        chosen.append(pick.sum())
    assert np.mean(covered) > 0.88
    if prior in ("normal", "laplace", "uniform"):
        assert np.mean(covered) < 0.92
    if sum(chosen):
        assert sum(wrong) / sum(chosen) < sum(promised) / sum(chosen) + 0.02


def test_variance_is_that_of_the_error():
    for prior in ("normal", "two", "laplace"):
        theta, x = problem(prior, 20_000, 5)
        result = normal_means(x, 1.0)
        assert np.mean(result.variance) == pytest.approx(np.mean((result.mean - theta) ** 2), rel=0.05)


def test_normal_prior_is_shrunk_by_its_share():
    theta, x = problem("normal", 50_000, 6)
    oracle = 1.0 + (x - 1.0) * 2.25 / 3.25
    risk = np.mean((oracle - theta) ** 2)
    assert np.mean((normal_means(x, 1.0).mean - theta) ** 2) < 1.005 * risk


def test_mean_of_both_priors_errs_less_than_likelihood_alone():
    excess = {"both": 0.0, "likelihood": 0.0}
    for prior in PRIORS:
        for seed in range(6):
            theta, x = problem(prior, 1000, seed)
            excess["both"] += np.mean((normal_means(x, 1.0).mean - theta) ** 2)
            excess["likelihood"] += np.mean((NPMLE().fit(x, 1.0).posterior_mean(x) - theta) ** 2)
    assert excess["both"] < excess["likelihood"]


def test_different_noise_beats_the_pooled_one():
    random = np.random.default_rng(7)
    theta = PRIORS["spike and slab"](random, 5000)
    sigma = np.exp(random.uniform(-1, 1, theta.size))
    x = theta + sigma * random.standard_normal(theta.size)
    result = normal_means(x, sigma)
    pooled = normal_means(x, float(np.sqrt(np.mean(sigma**2))))
    error = np.mean((result.mean - theta) ** 2)
    assert error < 0.8 * np.mean((pooled.mean - theta) ** 2)
    assert np.mean(result.variance) == pytest.approx(error, rel=0.1)
    low, high = result.interval()
    assert np.mean((low <= theta) & (theta <= high)) > 0.93


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_scale_dtype_shape_and_mask(dtype):
    _, x = problem("laplace", 1200, 8)
    x = x.astype(dtype)
    plain = normal_means(x, 1.0)
    for scale in (1e-21, 1e12):
        scaled = normal_means((x * dtype(scale)).reshape(30, 40), scale)
        assert scaled.mean.dtype == dtype
        np.testing.assert_allclose(scaled.mean.reshape(-1) / dtype(scale), plain.mean, atol=1e-3)
    dirty = np.r_[x, np.nan].astype(dtype)
    masked = normal_means(dirty, 1.0, mask=np.isnan(dirty))
    np.testing.assert_array_equal(masked.mean[:-1], plain.mean)
    for values in (masked.mean, masked.variance, masked.false_sign_rate(), *masked.interval()):
        assert values.dtype == dtype
        assert np.isnan(values[-1])
        assert np.isfinite(values[:-1]).all()


def test_noise_need_not_be_a_number_where_a_datum_is_masked():
    _, x = problem("laplace", 400, 8)
    mask = np.arange(400) < 9
    sigma = np.where(mask, np.nan, np.linspace(0.5, 2.0, 400))
    result = normal_means(np.where(mask, np.nan, x), sigma, mask=mask)
    np.testing.assert_array_equal(result.mean[9:], normal_means(x[9:], sigma[9:]).mean)
    assert np.isnan(result.mean[:9]).all()
    with pytest.raises(InputError, match="sigma: must be positive and finite, got nan at index 0"):
        normal_means(x, sigma)


def test_noise_levels_too_far_apart_are_refused_before_memory_is_taken():
    x, sigma = np.zeros(400), np.ones(400)
    sigma[:20] = 1e9
    with pytest.raises(InputError, match=r"sigma: 1e\+09 is too far above 1"):
        normal_means(x, sigma)


def test_bad_input_is_named():
    with pytest.raises(InputError, match="nan at index 1"):
        normal_means(np.array([1.0, np.nan]), 1.0)
    with pytest.raises(InputError, match="sigma"):
        normal_means(np.arange(4.0), -1.0)
    for unit in (1e-200, 1e200):
        with pytest.raises(InputError, match="change the unit"):
            normal_means(unit * np.arange(4.0), unit)


@pytest.mark.parametrize("kind", [np.float64, np.float32, np.int64, np.array])
def test_noise_may_be_a_number_of_numpy(kind):
    _, x = problem("laplace", 300, 8)
    np.testing.assert_array_equal(normal_means(x, kind(1)).mean, normal_means(x, 1.0).mean)


@pytest.fixture(scope="module")
def batting(sigden_data):
    """Brown's study: half seasons on the scale of equal variance; the second judges the first."""
    path = sigden_data / "debias" / "batavgs2005.csv"
    if not path.is_file():
        pytest.skip(f"no {path}")
    rows = np.loadtxt(path, delimiter=",", skiprows=1, usecols=(2, 3, 4, 5, 6))
    pitcher, trials, hits, all_trials, all_hits = rows.T

    def angle(h, n):
        return np.arcsin(np.sqrt((h + 0.25) / (n + 0.5)))

    x, later = angle(hits, trials), angle(all_hits - hits, all_trials - trials)
    later_trials = all_trials - trials

    def study(estimator, group):
        """Squared error in the second half, its noise taken off, over that of the first half itself."""
        fit = (trials >= 11) & np.isin(pitcher, group)
        judged = later_trials[fit] >= 11
        estimate = estimator(x[fit], 1 / (2 * np.sqrt(trials[fit])))

        def error(e):
            return np.sum(((later[fit] - e) ** 2)[judged] - 1 / (4 * later_trials[fit][judged]))

        return judged.sum(), error(estimate) / error(x[fit])

    return study


@pytest.mark.parametrize(
    ("group", "count", "mean", "sure", "both", "npmle"),
    [
        ((0, 1), 499, 0.853, 0.4215, 0.679, 0.687),
        ((0,), 435, 0.378, 0.2818, 0.404, 0.413),
        ((1,), 64, 0.127, 0.1232, 0.128, 0.148),
    ],
)
def test_batting_averages_of_2005(batting, group, count, mean, sure, both, npmle):
    def group_mean(x, sigma):
        return np.full(x.shape, x.mean())

    assert batting(group_mean, group) == (count, pytest.approx(mean, abs=1e-3))
    assert batting(sure_means, group)[1] == pytest.approx(sure, abs=1e-3)
    # good batters bat more often, so one prior for all is wrong here; it still beats the group mean by far
    assert batting(lambda x, s: normal_means(x, s).mean, group)[1] == pytest.approx(both, abs=1e-3)
    alone = batting(lambda x, s: NPMLE().fit(x, s).posterior_mean(x, s), group)
    assert alone[1] == pytest.approx(npmle, abs=1e-3)


def test_sure_shrinks_normal_means_by_their_share():
    _, x = problem("normal", 20_000, 9)
    np.testing.assert_allclose(sure_means(x, 1.0), 1 + (x - 1) * 2.25 / 3.25, atol=0.15)
    np.testing.assert_allclose(
        sure_means(1e-21 * x, 1e-21), 1e-21 * sure_means(x, 1.0), rtol=1e-5, atol=1e-26
    )
    np.testing.assert_allclose(sure_means(x + 40, 1.0), 40 + sure_means(x, 1.0), rtol=1e-6)
    with pytest.raises(InputError, match="at least 2"):
        sure_means(np.ones(1), 1.0)


@pytest.mark.parametrize("kind", ["pandas", "polars", "column", "masked", "quantity"])
def test_columns_in_columns_out(kind):
    from astropy import units
    from astropy.table import Column, MaskedColumn

    x = np.random.default_rng(8).normal(0, 2, 400)
    mask = np.arange(400) < 9 if kind == "masked" else None
    make = {
        "pandas": lambda: pytest.importorskip("pandas").Series(x, index=np.arange(400)[::-1], name="x"),
        "polars": lambda: pytest.importorskip("polars").Series("x", x),
        "column": lambda: Column(x, name="x", unit="mag"),
        "masked": lambda: MaskedColumn(np.where(mask, np.nan, x), mask=mask, name="x"),
        "quantity": lambda: units.Quantity(x, "mag"),
    }
    data = make[kind]()
    result, plain = normal_means(data, 1.0), normal_means(x, 1.0, mask=mask)
    assert type(result.mean) is type(data)
    kept = np.ones(400, bool) if mask is None else ~mask
    low, high = result.interval()
    for ours, expected in (
        (result.mean, plain.mean),
        (low, plain.interval()[0]),
        (high, plain.interval()[1]),
        (result.variance, plain.variance),
        (result.false_sign_rate(), plain.false_sign_rate()),
    ):
        np.testing.assert_array_equal(np.asarray(ours)[kept], np.asarray(expected)[kept])
    if kind in ("column", "quantity"):
        assert low.unit == result.mean.unit == units.mag
        assert type(result.variance) is np.ndarray
    if kind == "pandas":
        np.testing.assert_array_equal(result.mean.index, data.index)
    if kind == "quantity":
        ones = units.Quantity(np.ones(400), "mag")
        np.testing.assert_array_equal(normal_means(data, ones).mean, result.mean)
        with pytest.raises(InputError, match="sigma has the unit mag, x has none"):
            normal_means(x, ones)


def test_noise_that_is_masked_is_needed_where_data_are():
    from astropy.table import MaskedColumn

    x = np.random.default_rng(9).normal(0, 2, 300)
    mask = np.arange(300) == 4
    noise = MaskedColumn(np.where(mask, np.nan, 1.0), mask=mask)
    with pytest.raises(InputError, match="sigma: masked where x is not"):
        normal_means(x, noise)
    assert np.isnan(normal_means(x, noise, mask=mask).mean[4])
