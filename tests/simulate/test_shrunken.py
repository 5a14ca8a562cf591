import numpy as np
import pytest

from sigden import ParameterError
from sigden.simulate import shrunken_predictions


@pytest.mark.parametrize("shape", ["gauss", "bimodal", "skewed", "heavy"])
def test_errors_are_normal_and_unrelated_to_the_prediction(shape):
    sample = shrunken_predictions(40000, seed=1, shape=shape, sigma=0.7)
    error = sample.truth - sample.predictions
    assert error.std() == pytest.approx(0.7, rel=0.02)
    for power in (1, 2, 3):
        x = sample.predictions**power
        assert abs(np.corrcoef(x, error)[0, 1]) < 0.02
    assert abs(np.corrcoef(np.abs(sample.predictions), np.abs(error))[0, 1]) < 0.02


def test_a_shift_keeps_the_law_of_prediction_given_truth():
    plain = shrunken_predictions(200000, seed=2, shape="bimodal")
    moved = shrunken_predictions(200000, seed=3, shape="bimodal", shift=0.5)
    assert moved.truth.mean() - plain.truth.mean() == pytest.approx(0.5, abs=0.02)
    for low in (-1.0, 0.0, 1.0):
        means = []
        for sample in (plain, moved):
            inside = (sample.truth > low) & (sample.truth < low + 0.1)
            means.append(sample.predictions[inside].mean())
        assert means[0] == pytest.approx(means[1], abs=0.05)


def test_groups_share_their_level():
    sample = shrunken_predictions(20000, seed=4, groups=1000, group_share=0.5, group_noise=0.2)
    count = np.bincount(sample.groups)
    assert (count.size, count.min(), count.max()) == (1000, 20, 20)
    error = sample.truth - sample.predictions
    group = np.bincount(sample.groups, error) / count
    assert group.var() == pytest.approx(0.64 * (0.2 + 0.8 / 20), rel=0.15)
    np.testing.assert_array_equal(
        shrunken_predictions(50, seed=4, groups=5).truth, shrunken_predictions(50, seed=4, groups=5).truth
    )


@pytest.mark.parametrize(
    "options",
    [
        {"sigma": 0.0},
        {"shape": "round"},
        {"group_share": 2.0},
        {"groups": 99},
        {"groups": 5, "shape": "heavy"},
    ],
)
def test_impossible_parameters_are_named(options):
    with pytest.raises(ParameterError, match=next(iter(options))):
        shrunken_predictions(50, seed=0, **options)
