import numpy as np
import pytest

from sigden import InputError, ParameterError, from_toml
from sigden.debias import BinnedCalibration, LinearCalibration, MomentTweedie, TweedieCorrection
from sigden.debias.variance import fit_variance
from sigden.score import KernelDensity
from sigden.simulate import shrunken_predictions

METHODS = [
    pytest.param(TweedieCorrection(), id="constant"),
    pytest.param(TweedieCorrection(sigma="function"), id="function"),
    pytest.param(MomentTweedie(), id="moment"),
    pytest.param(BinnedCalibration(), id="binned"),
    pytest.param(BinnedCalibration(knots=4), id="binned-spline"),
]


def test_another_density_may_be_given():
    sample = shrunken_predictions(300, seed=4)
    method = TweedieCorrection(density=KernelDensity(bandwidth="silverman"))
    assert from_toml(method.to_toml()) == method
    out = method.fit(sample.predictions, sample.truth).predict(sample.predictions)
    other = TweedieCorrection().fit(sample.predictions, sample.truth).predict(sample.predictions)
    assert 0 < np.abs(out - other).mean() < 0.2


def effect(method, **options):
    """Estimated over true effect of a shift by a half."""
    sample = shrunken_predictions(8000, seed=1, **options)
    fitted = method.fit(sample.predictions, sample.truth)
    before = shrunken_predictions(50000, seed=2, **options)
    after = shrunken_predictions(50000, seed=3, shift=0.5, **options)
    means = [fitted.correct(s.predictions).mean() - s.truth.mean() for s in (before, after)]
    return (means[1] - means[0] + 0.5) / 0.5


@pytest.mark.parametrize("method", METHODS)
def test_equivariant_kept_and_serialisable(method):
    sample = shrunken_predictions(500, seed=4, shape="skewed")
    x, y = sample.predictions, sample.truth
    x.setflags(write=False)
    expected = method.fit(x, y).predict(x)
    np.testing.assert_array_equal(method.fit(x, y).predict(x), expected)
    for scale, shift in ((1e-21, 0.0), (1e12, 3e12)):
        out = method.fit(scale * x + shift, scale * y + shift).predict(scale * x + shift)
        np.testing.assert_allclose(
            out, scale * expected + shift, rtol=0, atol=1e-5 * scale * np.ptp(expected)
        )
    assert method.fit(x, y).predict(x.astype(np.float32)).dtype == np.float32
    assert from_toml(method.to_toml()) == method


def test_a_number_for_sigma_has_the_unit_of_the_data():
    sample = shrunken_predictions(500, seed=4)
    x, y = sample.predictions, sample.truth
    own = float(np.std(y - x, ddof=1))
    expected = TweedieCorrection().fit(x, y).predict(x)
    np.testing.assert_allclose(TweedieCorrection(sigma=own).fit(x, y).predict(x), expected, rtol=1e-12)
    for sigma in (0.0, -1.0, np.inf):
        with pytest.raises(ParameterError, match="sigma"):
            TweedieCorrection(sigma=sigma)


def test_the_sign_un_shrinks():
    sample = shrunken_predictions(4000, seed=5)
    fitted = TweedieCorrection().fit(sample.predictions, sample.truth)
    line = LinearCalibration().fit(sample.predictions, sample.truth)
    grid = np.linspace(-1.5, 1.5, 7)
    # for normal predictions both are the same line
    np.testing.assert_allclose(fitted.predict(grid), line.predict(grid), atol=0.15)
    assert np.polyfit(sample.predictions, fitted.predict(sample.predictions), 1)[0] > 1.3


def test_unbiased_where_the_assumptions_hold():
    assert abs(effect(TweedieCorrection(), shape="bimodal") - 1) < 0.04
    assert effect(LinearCalibration(), shape="bimodal") < 0.87


def test_a_variance_function_helps_where_noise_varies():
    options = {"shape": "bimodal", "heteroscedasticity": 0.3}
    constant = effect(TweedieCorrection(), **options)
    assert constant > 1.12
    assert abs(effect(TweedieCorrection(sigma="function"), **options) - 1) < 0.5 * (constant - 1)


def test_moments_of_moment_tweedie_hold_on_the_pairs():
    sample = shrunken_predictions(700, seed=6, shape="heavy")
    residual = (
        MomentTweedie().fit(sample.predictions, sample.truth).predict(sample.predictions) - sample.truth
    )
    assert abs(residual.mean()) < 1e-12
    assert abs(np.cov(residual, sample.truth)[0, 1]) < 1e-10


def test_variance_is_recovered_as_a_function():
    generator = np.random.default_rng(0)
    u = generator.normal(size=20000)
    variance = fit_variance(u, np.exp(0.3 * u) * generator.normal(size=u.size))
    grid = np.linspace(-1, 1, 5)
    value, slope = variance(grid)
    np.testing.assert_allclose(value, np.exp(0.6 * grid), rtol=0.12)
    numeric = (variance(grid + 1e-5)[0] - variance(grid - 1e-5)[0]) / 2e-5
    np.testing.assert_allclose(slope, numeric, rtol=1e-5)


def test_bin_penalty_without_weight_is_regression_and_with_weight_un_shrinks():
    sample = shrunken_predictions(2000, seed=7)
    x, y = sample.predictions, sample.truth
    plain = BinnedCalibration(penalty=0.0).fit(x, y)
    np.testing.assert_allclose(plain.predict(x), np.polyval(np.polyfit(x, y, 1), x), atol=1e-10)
    slopes = []
    for weight in (0.0, 1.0, 10.0):
        corrected = BinnedCalibration(penalty=weight).fit(x, y).predict(x)
        slopes.append(np.polyfit(y, corrected, 1)[0])
    assert slopes[0] < slopes[1] < slopes[2] < 1.0


def test_standard_error_of_the_bin_penalty_is_that_of_the_bootstrap():
    sample = shrunken_predictions(1000, seed=8)
    fitted = BinnedCalibration().fit(sample.predictions, sample.truth)
    grid = np.array([-1.5, 0.0, 1.5])
    generator = np.random.default_rng(1)
    spread = np.std([fitted.refit(generator).predict(grid) for _ in range(300)], axis=0)
    np.testing.assert_allclose(fitted.standard_error(grid), spread, rtol=0.2)


@pytest.mark.parametrize("options", [{"penalty": -1.0}, {"bins": 1}, {"knots": 1}])
def test_impossible_parameters_are_named(options):
    with pytest.raises(ParameterError, match=next(iter(options))):
        BinnedCalibration(**options)


def test_a_score_that_does_not_follow_the_truth_is_named():
    # two atoms, each with the truth spread evenly about it: the score within an atom decides nothing
    base = np.repeat([-1.0, 1.0], 100)
    spread = np.tile(np.linspace(-0.1, 0.1, 10), 20)
    sample = base + spread
    with pytest.raises(InputError, match="score of the predictions"):
        MomentTweedie().fit(sample, base + np.tile(np.repeat(np.linspace(-1, 1, 10), 10), 2) * 1e-3)
