import numpy as np
import pytest

from sigden import InputError, ParameterError
from sigden.debias import (
    ExtrapolationWarning,
    HierarchicalCalibration,
    LinearCalibration,
    SieveCalibration,
    TweedieCorrection,
    difference_in_means,
    group_means,
    prediction_powered,
    slope,
)
from sigden.debias.effect_errors import WeightedLeastSquares
from sigden.simulate import shrunken_predictions


def trial(n, seed, tau=0.5, **options):
    """Predictions of a trial with half of the items treated, and the treatment."""
    half = n // 2
    after = shrunken_predictions(half, seed=2 * seed, shift=tau, **options)
    before = shrunken_predictions(half, seed=2 * seed + 1, **options)
    return np.concatenate([after.predictions, before.predictions]), np.repeat([True, False], half)


def fit(n=400, seed=0, method=None, **options):
    sample = shrunken_predictions(n, seed=1000 + seed, **options)
    return (method or LinearCalibration()).fit(sample.predictions, sample.truth)


@pytest.mark.filterwarnings("ignore::sigden.debias.ExtrapolationWarning")
@pytest.mark.parametrize("shape", ["gauss", "bimodal"])
def test_the_interval_covers_where_the_naive_one_does_not(shape):
    covered, naive = [], []
    for seed in range(120):
        u, treated = trial(20000, seed, shape=shape)
        calibration = fit(200, seed, SieveCalibration(ridge=0.003, knots=6), shape=shape)
        found = difference_in_means(calibration, u, treated)
        covered.append(found.low <= 0.5 <= found.high)
        reach = 1.96 * found.sampling_error
        naive.append(abs(found.estimate - 0.5) <= reach)
        both = np.hypot(found.sampling_error, found.calibration_error)
        assert found.standard_error == pytest.approx(both)
    # 0.95 less two and a half standard errors of 120 trials
    assert np.mean(covered) >= 0.9
    assert np.mean(naive) < np.mean(covered) - 0.02


@pytest.mark.parametrize("method", [LinearCalibration(), SieveCalibration(ridge=0.01, knots=5)])
def test_delta_method_and_bootstrap_agree(method):
    calibration = fit(400, method=method)
    u, treated = trial(2000, 5)
    delta = difference_in_means(calibration, u, treated)
    boot = difference_in_means(calibration, u, treated, errors="bootstrap", replicates=300)
    assert (delta.errors, boot.errors) == ("delta", "bootstrap")
    assert boot.estimate == delta.estimate
    for name in ("standard_error", "sampling_error", "calibration_error"):
        assert getattr(boot, name) == pytest.approx(getattr(delta, name), rel=0.2)
    again = difference_in_means(calibration, u, treated, errors="bootstrap", replicates=300)
    assert again == boot


def test_means_and_slopes_are_those_of_least_squares():
    calibration = fit()
    u, treated = trial(1000, 3)
    g = calibration.correct(u)
    found = difference_in_means(calibration, u, treated)
    assert found.estimate == pytest.approx(g[treated].mean() - g[~treated].mean())
    assert found.uncorrected == pytest.approx(u[treated].mean() - u[~treated].mean())
    robust = np.sqrt(g[treated].var() / 500 + g[~treated].var() / 500) * np.sqrt(1000 / 998)
    assert found.sampling_error == pytest.approx(robust)
    means = group_means(calibration, u, np.where(treated, "new", "old"))
    assert list(means) == ["new", "old"]
    assert means["new"].estimate == pytest.approx(g[treated].mean())
    x = np.random.default_rng(0).normal(size=u.size) + 1e3
    assert slope(calibration, u, x).estimate == pytest.approx(np.polyfit(x - 1e3, g, 1)[0])


def test_inverse_probability_weights_undo_confounding():
    sample = shrunken_predictions(40000, seed=9)
    generator = np.random.default_rng(1)
    chance = 1 / (1 + np.exp(-sample.truth))
    treated = generator.random(40000) < chance
    calibration = fit(4000)
    plain = difference_in_means(calibration, sample.predictions, treated)
    weighted = difference_in_means(calibration, sample.predictions, treated, propensity=chance)
    assert plain.low > 0.5
    assert abs(weighted.estimate) < 4 * weighted.standard_error
    g = calibration.correct(sample.predictions)
    hajek = np.average(g[treated], weights=1 / chance[treated]) - np.average(
        g[~treated], weights=1 / (1 - chance[~treated])
    )
    assert weighted.estimate == pytest.approx(hajek)


def test_clusters_widen_the_interval():
    sample = shrunken_predictions(2000, seed=4, groups=40, group_share=0.6)
    treated = sample.groups % 2 == 0
    calibration = fit()
    plain = difference_in_means(calibration, sample.predictions, treated)
    robust = difference_in_means(calibration, sample.predictions, treated, clusters=sample.groups)
    assert robust.estimate == plain.estimate
    assert robust.sampling_error > 2 * plain.sampling_error
    boot = difference_in_means(
        calibration, sample.predictions, treated, clusters=sample.groups, errors="bootstrap", replicates=200
    )
    assert boot.sampling_error == pytest.approx(robust.sampling_error, rel=0.25)
    with pytest.raises(InputError, match="at least two"):
        difference_in_means(calibration, sample.predictions, treated, clusters=np.zeros(2000))


def test_corrections_without_influence_functions_are_bootstrapped():
    calibration = fit(600, method=TweedieCorrection())
    u, treated = trial(2000, 5)
    found = difference_in_means(calibration, u, treated, replicates=60)
    assert found.errors == "bootstrap"
    assert found.calibration_error > 0
    with pytest.raises(ParameterError, match="bootstrap"):
        difference_in_means(calibration, u, treated, errors="delta")


def test_groups_are_corrected_by_their_own_slope():
    options = {"groups": 200, "group_share": 0.4, "group_noise": 0.05}
    sample = shrunken_predictions(4000, seed=1, **options)
    line = LinearCalibration().fit(sample.predictions, sample.truth)
    ours = HierarchicalCalibration().fit(sample.predictions, sample.truth, clusters=sample.groups)
    after = shrunken_predictions(4000, seed=3, shift=0.5, **options)
    before = shrunken_predictions(4000, seed=2, **options)
    u = np.concatenate([after.predictions, before.predictions])
    groups = np.concatenate([after.groups, before.groups + 200])
    treated = np.repeat([True, False], 4000)
    truth = after.truth.mean() - before.truth.mean()
    grouped = difference_in_means(ours.at(groups), u, treated, clusters=groups, replicates=100)
    single = difference_in_means(line, u, treated, clusters=groups)
    assert abs(grouped.estimate - truth) < 0.1
    assert single.estimate > truth + 0.12
    assert grouped.low < 0.5 < grouped.high


def test_bad_input_is_named():
    calibration = fit()
    u, treated = trial(100, 1)
    with pytest.raises(InputError, match="treated"):
        difference_in_means(calibration, u, treated[1:])
    with pytest.raises(InputError, match="both arms"):
        difference_in_means(calibration, u, np.ones(100, bool))
    with pytest.raises(InputError, match="propensity"):
        difference_in_means(calibration, u, treated, propensity=1.0)
    with pytest.raises(InputError, match="constant"):
        slope(calibration, u, np.ones(100))
    with pytest.raises(InputError, match="covariate: non-finite"):
        slope(calibration, u, np.where(treated, np.nan, 1.0))
    with pytest.raises(InputError, match="groups"):
        group_means(calibration, u, [1, 2])
    with pytest.raises(InputError, match="masked"):
        difference_in_means(calibration, np.ma.MaskedArray(u, mask=treated), treated)
    with pytest.raises(ParameterError, match="level"):
        difference_in_means(calibration, u, treated, level=95)
    with pytest.raises(ParameterError, match="errors"):
        difference_in_means(calibration, u, treated, errors="exact")
    with pytest.raises(ParameterError, match="replicates"):
        difference_in_means(calibration, u, treated, errors="bootstrap", replicates=1)
    with pytest.warns(ExtrapolationWarning):
        difference_in_means(calibration, u + 10, treated)


def test_a_resample_that_misses_a_group_is_seen():
    target = WeightedLeastSquares(np.eye(2)[[0, 0, 1]], np.ones(3), np.eye(2))
    assert target.estimable(np.array([2.0, 0.0, 1.0]))
    assert not target.estimable(np.array([2.0, 1.0, 0.0]))


def test_prediction_powered_inference_is_right_and_sharper_than_labels_alone():
    covered, errors, alone = [], [], []
    for seed in range(150):
        after = shrunken_predictions(1200, seed=3 * seed, shift=0.5)
        before = shrunken_predictions(1200, seed=3 * seed + 1)
        u = np.concatenate([after.predictions, before.predictions])
        y = np.concatenate([after.truth, before.truth])
        treated = np.repeat([True, False], 1200)
        labelled = np.tile(np.arange(1200) < 200, 2)
        found = prediction_powered(
            u[~labelled], treated[~labelled], u[labelled], y[labelled], treated[labelled]
        )
        covered.append(found.low <= 0.5 <= found.high)
        errors.append(found.standard_error)
        alone.append(np.sqrt(y[labelled].var() * 2 / 200))
    assert 0.90 <= np.mean(covered) <= 0.99
    assert np.mean(errors) < 0.9 * np.mean(alone)
    with pytest.raises(InputError, match="each arm"):
        prediction_powered(u, treated, u[:9], y[:9], treated[:9])
