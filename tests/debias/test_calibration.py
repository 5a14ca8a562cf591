import numpy as np
import pytest
from astropy import units as u
from hypothesis import given, settings, strategies as st

from sigden import InputError, ParameterError, from_dict, from_toml
from sigden.debias import (
    CalibrationWarning,
    ExtrapolationWarning,
    LinearCalibration,
    SieveCalibration,
    calibration_set,
)
from sigden.debias.choice import folds_of, variance_charge
from sigden.debias.moments import Design, influence, solve, sums
from sigden.debias.splines import NaturalSpline, quantile_knots
from sigden.simulate import shrunken_predictions

METHODS = [
    pytest.param(LinearCalibration(), id="LinearCalibration"),
    pytest.param(SieveCalibration(), id="SieveCalibration"),
    pytest.param(SieveCalibration(knots=6, ridge=0.01), id="SieveCalibration-fixed"),
]


def pairs(n=600, seed=1, **options):
    sample = shrunken_predictions(n, seed=seed, **options)
    return sample.predictions, sample.truth


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize(("scale", "shift"), [(1e-21, 0.0), (1e12, -3e12), (-2.0, 5.0)])
def test_equivariant(method, scale, shift):
    x, y = pairs()
    expected = scale * method.fit(x, y).predict(x) + shift
    out = method.fit(scale * x + shift, scale * y + shift).predict(scale * x + shift)
    np.testing.assert_allclose(out, expected, rtol=0, atol=1e-7 * np.ptp(expected))


@pytest.mark.parametrize("method", METHODS)
def test_containers_dtype_and_input_are_kept(method):
    x, y = pairs()
    x.setflags(write=False)
    y.setflags(write=False)
    fitted = method.fit(x, y)
    expected = fitted.predict(x)
    np.testing.assert_array_equal(method.fit(x, y).predict(x), expected)
    assert fitted.predict(x.astype(np.float32)).dtype == np.float32
    np.testing.assert_array_equal(method.fit(x.astype(">f8"), y.astype(">f8")).predict(x), expected)
    np.testing.assert_array_equal(method.fit(x[:, None], y[:, None]).predict(x[:, None]), expected)
    with_unit = method.fit(x * u.mag, y * u.mag)
    out = with_unit.predict(x * u.mag)
    assert out.unit == u.mag
    np.testing.assert_array_equal(out.value, expected)
    with pytest.raises(InputError, match="unit"):
        with_unit.predict(x)
    with pytest.raises(InputError, match="truth has the unit"):
        method.fit(x * u.mag, y)


@pytest.mark.parametrize("method", METHODS)
def test_masked_pairs_and_predictions_influence_nothing(method):
    x, y = pairs()
    expected = method.fit(x[5:], y[5:]).predict(x[5:])
    bad = np.ma.MaskedArray(np.where(np.arange(x.size) < 5, np.nan, x), mask=np.arange(x.size) < 5)
    fitted = method.fit(bad, y)
    out = fitted.predict(bad)
    np.testing.assert_array_equal(out.mask, bad.mask)
    np.testing.assert_allclose(out[5:].data, expected, rtol=1e-12)


@pytest.mark.parametrize("method", METHODS)
def test_serialisable(method):
    assert from_dict(method.to_dict()) == method
    assert from_toml(method.to_toml()) == method
    tuned = method.fit(*pairs()).tuned
    assert from_toml(tuned.to_toml()) == tuned


@pytest.mark.parametrize("method", METHODS)
def test_the_tuned_method_gives_the_same_fit(method):
    x, y = pairs()
    fitted = method.fit(x, y)
    np.testing.assert_allclose(fitted.tuned.fit(x, y).predict(x), fitted.predict(x), rtol=0, atol=1e-12)


@pytest.mark.parametrize("shape", ["gauss", "bimodal", "skewed", "heavy"])
@pytest.mark.parametrize("method", METHODS)
def test_uncovers_a_shift_better_than_raw_predictions(method, shape):
    x, y = pairs(4000, seed=3, shape=shape)
    fitted = method.fit(x, y)
    before = shrunken_predictions(20000, seed=4, shape=shape)
    after = shrunken_predictions(20000, seed=5, shape=shape, shift=0.5)
    raw = after.predictions.mean() - before.predictions.mean()
    corrected = fitted.predict(after.predictions).mean() - fitted.predict(before.predictions).mean()
    assert abs(corrected - 0.5) < 0.5 * abs(raw - 0.5)


def test_the_sieve_is_unbiased_where_the_line_is_not():
    errors = {}
    before = shrunken_predictions(100000, seed=14, shape="bimodal")
    after = shrunken_predictions(100000, seed=15, shape="bimodal", shift=0.5)
    truth = after.truth.mean() - before.truth.mean()
    for method in (LinearCalibration(), SieveCalibration()):
        effects = []
        for seed in range(6):
            fitted = method.fit(*pairs(2000, seed=seed, shape="bimodal"))
            means = [fitted.correct(sample.predictions).mean() for sample in (before, after)]
            effects.append(means[1] - means[0])
        errors[method.name()] = np.mean(effects) / truth - 1
    assert errors["LinearCalibration"] < -0.12
    assert abs(errors["SieveCalibration"]) < 0.04


@pytest.mark.filterwarnings("ignore:the slope of prediction on truth")
@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(40, 400))
def test_linear_bases_are_linear_calibration(seed, n):
    x, y = pairs(n, seed=seed)
    line = LinearCalibration().fit(x, y)
    sieve = SieveCalibration(knots=2, instruments=2).fit(x, y)
    np.testing.assert_allclose(sieve.predict(x), line.predict(x), rtol=0, atol=1e-10 * np.ptp(x))
    np.testing.assert_allclose(sieve.standard_error(x), line.standard_error(x), rtol=1e-8)


def test_a_large_ridge_gives_a_line_with_the_exact_moments():
    x, y = pairs(1000, shape="skewed")
    fitted = SieveCalibration(knots=6, ridge=1e9).fit(x, y)
    grid = np.linspace(x.min(), x.max(), 50)
    line = fitted.predict(grid)
    np.testing.assert_allclose(np.diff(line, 2), 0, atol=1e-5)
    assert abs(np.mean(fitted.predict(x) - y)) < 1e-10


def test_predictions_without_error_are_left_alone():
    x, _ = pairs(500)
    for method in (LinearCalibration(), SieveCalibration()):
        np.testing.assert_allclose(method.fit(x, x).predict(x), x, rtol=0, atol=1e-9)


def test_influence_is_the_derivative_with_respect_to_the_weight_of_a_pair():
    generator = np.random.default_rng(7)
    x, y = pairs(120, seed=8)
    x, t = (x - x.mean()) / x.std(), (y - y.mean()) / x.std()
    spline = NaturalSpline(quantile_knots(x, 5, 0.05))
    instruments = NaturalSpline(quantile_knots(t, 6, 0.05), bounded=True)
    roughness = 0.01 * spline.roughness
    ridge, charge = 0.1, 0.2

    def fit(counts):
        h, dh = instruments(t), instruments.derivative(t)
        whiten = np.linalg.inv(np.linalg.cholesky((h * counts[:, None]).T @ h / counts.sum())).T
        design = Design(spline(x), h @ whiten, dh @ whiten, t)
        penalty = ridge * whiten.T @ instruments.roughness @ whiten
        root = np.sqrt(counts)[:, None]
        total = sums(Design(root * design.x, root * design.z, root * design.dz, root[:, 0] * t))
        weighted = type(total)(
            float(counts.sum()), total.zx, total.zt, total.zz, total.xx, total.xt,
            counts @ design.x, counts @ design.dz, float(counts @ t),
        )  # fmt: skip
        return solve(weighted, roughness, penalty, charge)[0], design, penalty

    ones = np.ones(t.size)
    _, design, penalty = fit(ones)
    formula = influence(design, roughness, penalty, charge)
    for i in generator.choice(t.size, 6, replace=False):
        up, down = ones.copy(), ones.copy()
        up[i] += 1e-5
        down[i] -= 1e-5
        slope = (fit(up)[0] - fit(down)[0]) / 2e-5 * t.size
        np.testing.assert_allclose(formula[i], slope, rtol=0, atol=1e-5 * np.abs(formula).max())


def test_the_solution_minimises_moments_variance_and_roughness_under_its_exact_moments():
    generator = np.random.default_rng(3)
    n, p, q, charge = 200, 5, 6, 0.05
    x, z, dz, t = (generator.standard_normal(shape) for shape in ((n, p), (n, q), (n, q), n))
    roughness, penalty = np.diag(np.arange(p) / 10.0), np.zeros((q, q))
    b, _, weights = solve(sums(Design(x, z, dz, t)), roughness, penalty, charge)
    exact = np.stack([np.ones(n), z @ weights])
    np.testing.assert_allclose(exact @ (x @ b - t), 0, atol=1e-9)

    def cost(c):
        rho = x @ c - t
        return ((z.T @ rho / n) ** 2).sum() + charge * (rho**2).mean() + c @ roughness @ c

    free = np.linalg.svd(exact @ x)[2][2:]
    for step in generator.standard_normal((20, p - 2)) @ free * 0.01:
        assert cost(b + step) > cost(b)


def test_the_charge_is_the_variance_of_a_contrast_in_pairs_and_in_as_many_new_items():
    generator = np.random.default_rng(4)
    n, q = 400, 5
    z = np.linalg.qr(generator.standard_normal((n, q)))[0] * np.sqrt(n)
    design = Design(np.empty((n, 1)), z, z, np.empty(n))
    known, new = generator.normal(0, 0.7, (2, 4000, n))
    # a contrast doubles the moment of a sign
    variance = (2.0 * (known - new) @ z / n).var(axis=0).sum()
    assert variance_charge(design) * 0.7**2 == pytest.approx(variance, rel=0.05)


def test_splines_are_cardinal_natural_and_differentiated_exactly():
    knots = np.array([0.0, 0.3, 1.0, 1.4, 3.0])
    for bounded in (False, True):
        spline = NaturalSpline(knots, bounded=bounded)
        np.testing.assert_allclose(spline(knots), np.eye(5), atol=1e-12)
        x = np.array([-2.0, 0.1, 0.77, 2.9, 5.0])
        slope = (spline(x + 1e-6) - spline(x - 1e-6)) / 2e-6
        np.testing.assert_allclose(spline.derivative(x), slope, atol=1e-7)
        outer = spline(np.array([3.5, 4.0, 4.5]))
        np.testing.assert_allclose(np.diff(outer, 2, axis=0), 0, atol=1e-12)
        assert (np.ptp(outer, axis=0).max() < 1e-12) == bounded
    line = 2.0 * knots - 1.0
    assert abs(line @ spline.roughness @ line) < 1e-12
    even = NaturalSpline(np.arange(5.0))
    values = np.array([1.0, -2.0, 0.5, 4.0, 4.0])
    np.testing.assert_allclose(values @ even.roughness @ values, (np.diff(values, 2) ** 2).sum())


def test_standard_error_of_the_line_is_that_of_the_bootstrap():
    x, y = pairs(400, seed=2)
    fitted = LinearCalibration().fit(x, y)
    grid = np.array([-1.0, 0.0, 2.0])
    generator = np.random.default_rng(0)
    spread = np.std([fitted.refit(generator).predict(grid) for _ in range(500)], axis=0)
    np.testing.assert_allclose(fitted.standard_error(grid), spread, rtol=0.15)


def test_bad_pairs_are_named():
    x, y = pairs(60)
    method = LinearCalibration()
    with pytest.raises(InputError, match="truth: non-finite value nan at index 3"):
        method.fit(x, np.where(np.arange(60) == 3, np.nan, y))
    with pytest.raises(InputError, match="truth has 59 values, the predictions 60"):
        method.fit(x, y[1:])
    with pytest.raises(InputError, match="predictions are constant"):
        method.fit(np.full(60, 0.1), y)
    with pytest.raises(InputError, match="truth is constant"):
        method.fit(x, np.full(60, 0.1))
    with pytest.raises(InputError, match="7 pairs"):
        method.fit(x[:7], y[:7])
    with pytest.raises(InputError, match="standard errors from zero"):
        method.fit(-x, y)
    with pytest.raises(InputError, match="standard errors from zero"):
        method.fit(np.random.default_rng(0).permutation(x), y)
    with pytest.raises(InputError, match="one column"):
        method.fit(np.zeros((30, 2)), y[:30])
    with pytest.raises(InputError, match="clusters"):
        method.fit(x, y, clusters=[1, 2])


def test_few_pairs_and_weak_predictions_are_warned_about():
    x, y = pairs(29)
    with pytest.warns(CalibrationWarning, match="only 29"):
        calibration_set(x, y)
    generator = np.random.default_rng(0)
    noise = generator.normal(size=200)
    with pytest.warns(CalibrationWarning, match="unstable"):
        calibration_set(noise + 4 * generator.normal(size=200), noise)


def test_extrapolation_is_flagged():
    x, y = pairs(500)
    fitted = SieveCalibration().fit(x, y)
    new = np.concatenate([x, np.full(50, x.max() + 1.0)])
    with pytest.warns(ExtrapolationWarning, match="50 of 550"):
        fitted.predict(new)
    np.testing.assert_array_equal(fitted.extrapolated(new), np.arange(550) >= 500)


@pytest.mark.parametrize(
    "options", [{"knots": 1}, {"instruments": 0}, {"ridge": -1.0}, {"score_ridge": np.inf}, {"folds": 1}]
)
def test_impossible_parameters_are_named(options):
    with pytest.raises(ParameterError, match=next(iter(options))):
        SieveCalibration(**options)


def test_few_distinct_values_are_no_obstacle():
    generator = np.random.default_rng(3)
    truth = generator.integers(0, 2, 400).astype(float)
    predictions = np.round(0.3 + 0.4 * truth + 0.2 * generator.normal(size=400), 1)
    for method in (LinearCalibration(), SieveCalibration()):
        out = method.fit(predictions, truth).predict(predictions)
        assert abs(out[truth == 1].mean() - 1) < 0.1
        assert abs(out[truth == 0].mean()) < 0.1


@pytest.mark.parametrize("count", [2, 7, 30])
def test_no_cluster_is_split_between_folds(count):
    generator = np.random.default_rng(count)
    clusters = generator.integers(0, count, 400)
    folds = folds_of(generator.normal(size=400), clusters, 10)
    assert np.unique(folds).size == min(count, 10)
    assert np.unique(np.stack([clusters, folds]), axis=1).shape[1] == count


def test_clusters_are_kept_together():
    sample = shrunken_predictions(600, seed=6, groups=30, group_share=0.5)
    fitted = LinearCalibration().fit(sample.predictions, sample.truth, clusters=sample.groups)
    plain = LinearCalibration().fit(sample.predictions, sample.truth)
    np.testing.assert_array_equal(fitted.predict(sample.predictions), plain.predict(sample.predictions))
    assert fitted.standard_error(np.zeros(1)) > 1.2 * plain.standard_error(np.zeros(1))
    order = np.random.default_rng(1).permutation(600)
    sieve = SieveCalibration().fit(sample.predictions, sample.truth, clusters=sample.groups)
    again = SieveCalibration().fit(
        sample.predictions[order], sample.truth[order], clusters=np.array(sample.groups, str)[order]
    )
    np.testing.assert_allclose(
        again.predict(sample.predictions), sieve.predict(sample.predictions), atol=1e-9
    )
