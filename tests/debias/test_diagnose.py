import warnings

import numpy as np
import pytest

from sigden import InputError, ParameterError
from sigden.debias import (
    AssumptionWarning,
    CalibrationWarning,
    CorrectionRegressor,
    HierarchicalCalibration,
    LinearCalibration,
    SieveCalibration,
    binned_bias,
    calibration_set,
    cross_fit,
    diagnose,
)
from sigden.debias.hierarchical import variance_components
from sigden.simulate import shrunken_predictions


def test_what_holds_is_not_contradicted():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        sample = shrunken_predictions(3000, seed=2, sigma=0.8)
        found = diagnose(sample.predictions, sample.truth)
    assert found.linear_holds
    assert found.tweedie_holds
    assert found.recommended == "LinearCalibration"
    assert found.notes == ()
    assert abs(found.attenuation - 1 / 1.64) < 4 * found.attenuation_error
    assert abs(found.truth_slope - 1) < 4 * found.truth_slope_error
    assert found.residual_sigma == pytest.approx(0.8, rel=0.05)


def test_a_bend_leaves_tweedie():
    sample = shrunken_predictions(3000, seed=2, shape="bimodal")
    found = diagnose(sample.predictions, sample.truth)
    assert (found.linear_holds, found.tweedie_holds) == (False, True)
    assert found.recommended == "SieveCalibration"
    assert "bends" in found.notes[0]


def test_where_neither_holds_a_warning_says_so():
    sample = shrunken_predictions(3000, seed=2, shape="skewed", heteroscedasticity=0.4)
    with pytest.warns(AssumptionWarning, match="neither linear calibration nor Tweedie"):
        found = diagnose(sample.predictions, sample.truth)
    assert found.variance_trend > 0.2
    assert not found.tweedie_holds
    assert found.recommended == "SieveCalibration"


def test_predictions_of_the_wrong_slope_and_heavy_noise_are_told():
    sample = shrunken_predictions(3000, seed=2)
    assert not diagnose(sample.predictions * 0.7, sample.truth).tweedie_holds
    generator = np.random.default_rng(0)
    truth = sample.predictions + generator.standard_t(3, 3000)
    with pytest.warns(AssumptionWarning, match="not normal"):
        found = diagnose(sample.predictions, truth)
    assert found.gaussian_p < 1e-6
    assert any("not normal" in note for note in found.notes)


def test_groups_that_shrink_less_are_found_and_others_are_not():
    sample = shrunken_predictions(3000, seed=3, groups=100, group_share=0.4, group_noise=0.05)
    with pytest.warns(AssumptionWarning, match="groups shrink less"):
        found = diagnose(sample.predictions, sample.truth, sample.groups)
    assert found.groups.differ
    assert found.groups.over_correction > 1.3
    assert found.recommended == "HierarchicalCalibration"
    same = shrunken_predictions(3000, seed=3, groups=100, group_share=0.4, group_noise=0.4)
    found = diagnose(same.predictions, same.truth, same.groups)
    assert not found.groups.differ
    assert found.groups.over_correction == pytest.approx(1, abs=0.2)


def test_variance_components_are_recovered():
    sample = shrunken_predictions(20000, seed=4, groups=1000, group_share=0.4, group_noise=0.1)
    parts = variance_components(calibration_set(sample.predictions, sample.truth, sample.groups))
    np.testing.assert_allclose(parts.between, (0.4, 0.4 + 0.064), rtol=0.12)
    np.testing.assert_allclose(parts.within, (0.6, 0.6 + 0.576), rtol=0.05)
    assert parts.slope(1) == pytest.approx(1 / 1.64, rel=0.05)
    assert parts.slope(1e9) == pytest.approx(parts.between_slope)


def test_the_hierarchical_correction_of_single_items_is_the_linear_one():
    sample = shrunken_predictions(2000, seed=5, groups=200)
    fitted = HierarchicalCalibration().fit(sample.predictions, sample.truth, clusters=sample.groups)
    line = LinearCalibration().fit(sample.predictions, sample.truth)
    grid = np.linspace(-2, 2, 9)
    out = fitted.predict(grid, np.arange(9))
    np.testing.assert_allclose(out, line.predict(grid), atol=0.1)
    group = fitted.predict(grid, np.zeros(9))
    np.testing.assert_allclose(np.diff(group), np.diff(grid) / fitted.components.within_slope)
    with pytest.raises(InputError, match="groups"):
        fitted.predict(grid, np.arange(8))


def test_groups_that_cannot_be_used_are_named():
    sample = shrunken_predictions(100, seed=6)
    x, y = sample.predictions, sample.truth
    method = HierarchicalCalibration()
    with pytest.raises(InputError, match="groups are needed"):
        method.fit(x, y)
    with pytest.raises(InputError, match="three groups"):
        method.fit(x, y, clusters=np.arange(100))
    with pytest.raises(InputError, match="does not vary within"):
        method.fit(np.sort(x), np.repeat(np.arange(10.0), 10), clusters=np.repeat(np.arange(10), 10))
    with pytest.warns(CalibrationWarning, match="only 5 groups"):
        method.fit(x, y, clusters=np.arange(100) % 5)


def test_groups_without_spread_fall_back_to_the_slope_of_items():
    sample = shrunken_predictions(600, seed=7)
    order = np.argsort(sample.truth)
    balanced = np.empty(600, int)
    balanced[order] = np.arange(600) % 30
    fitted = HierarchicalCalibration().fit(sample.predictions, sample.truth, clusters=balanced)
    assert np.isnan(fitted.components.between_slope)
    assert fitted.components.slope(20) == pytest.approx(fitted.components.within_slope)


def test_cross_fitted_corrections_are_unbiased_in_bins_of_the_truth():
    sample = shrunken_predictions(4000, seed=8, shape="bimodal")
    raw = binned_bias(sample.predictions, sample.truth)
    out = cross_fit(SieveCalibration(ridge=0.001, knots=8), sample.predictions, sample.truth)
    bins = binned_bias(out, sample.truth)
    assert np.abs(bins.bias).mean() < 0.35 * np.abs(raw.bias).mean()
    assert bins.count.sum() == 4000
    k = 3
    edges = np.quantile(sample.truth, [3 / 8, 4 / 8])
    inside = (sample.truth > edges[0]) & (sample.truth <= edges[1])
    assert bins.bias[k] == pytest.approx((out - sample.truth)[inside].mean())
    assert bins.error[k] == pytest.approx((out - sample.truth)[inside].std(ddof=1) / np.sqrt(inside.sum()))
    grouped = shrunken_predictions(600, seed=9, groups=30)
    held = cross_fit(
        HierarchicalCalibration(), grouped.predictions, grouped.truth, clusters=grouped.groups, folds=3
    )
    assert np.corrcoef(held, grouped.truth)[0, 1] > 0.6
    # every fold lacks some clusters
    held = cross_fit(SieveCalibration(), grouped.predictions, grouped.truth, clusters=grouped.groups)
    assert np.corrcoef(held, grouped.truth)[0, 1] > 0.6
    with pytest.raises(ParameterError, match="folds"):
        cross_fit(LinearCalibration(), sample.predictions, sample.truth, folds=1)
    with pytest.raises(InputError, match="two to a bin"):
        binned_bias(out[:9], sample.truth[:9])


def test_held_out_values_have_not_seen_their_truth():
    sample = shrunken_predictions(200, seed=10)
    truth = sample.truth.copy()
    out = cross_fit(LinearCalibration(), sample.predictions, truth)
    truth[17] += 3.0
    changed = cross_fit(LinearCalibration(), sample.predictions, truth)
    assert changed[17] == out[17]
    assert np.count_nonzero(changed != out) > 100


def test_as_an_estimator_of_scikit_learn():
    pytest.importorskip("sklearn")
    from sklearn.base import clone, is_regressor
    from sklearn.model_selection import cross_val_predict
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import FunctionTransformer

    sample = shrunken_predictions(400, seed=11)
    x, y = sample.predictions[:, None], sample.truth
    estimator = CorrectionRegressor(SieveCalibration(ridge=0.01, knots=5))
    assert is_regressor(estimator)
    copy = clone(estimator).set_params(method__ridge=0.1)
    assert copy.method == SieveCalibration(ridge=0.1, knots=5)
    assert copy.get_params()["method__knots"] == 5
    expected = copy.method.fit(x, y).predict(x)
    np.testing.assert_array_equal(copy.fit(x, y).predict(x), expected)
    pipeline = make_pipeline(FunctionTransformer(), CorrectionRegressor(LinearCalibration()))
    np.testing.assert_allclose(
        pipeline.fit(x, y).predict(x), LinearCalibration().fit(x, y).predict(x).reshape(-1)
    )
    assert cross_val_predict(CorrectionRegressor(LinearCalibration()), x, y, cv=4).shape == (400,)
    assert CorrectionRegressor(LinearCalibration()).fit(x, y).score(x, y) < 1
    with pytest.raises(InputError, match="fit it"):
        CorrectionRegressor().predict(x)
    with pytest.raises(ParameterError, match="depth"):
        CorrectionRegressor().set_params(depth=3)
