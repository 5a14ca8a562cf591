"""Stripes, impulses and dead lines: found where they are, and nowhere else."""

import numpy as np
import pytest

from sigden import RobustSubspace, SubspaceCollaborative, SubspaceDenoise
from sigden.metrics import mpsnr
from sigden.simulate import (
    dead_lines,
    dead_pixels,
    gaussian_noise,
    impulse_noise,
    mixed_noise,
    spectral_cube,
    stripe_noise,
)

TRUTH = spectral_cube((48, 56), 40, endmembers=5, seed=3)
NOISY = gaussian_noise(TRUTH, 0.05, seed=1)


def error(cube):
    return float(np.mean((np.asarray(cube, dtype=float) - TRUTH) ** 2))


DEFECTS = {
    "stripes": lambda x: stripe_noise(x, seed=2),
    "row stripes": lambda x: stripe_noise(x, seed=2, axis=0),
    "dead lines": lambda x: dead_lines(x, seed=2),
    "dead pixels": lambda x: dead_pixels(x, seed=2),
    "salt and pepper": lambda x: impulse_noise(x, seed=2),
    "random impulses": lambda x: impulse_noise(x, seed=2, kind="random"),
}


@pytest.mark.parametrize("method", [SubspaceCollaborative(), RobustSubspace()], ids=lambda m: m.name())
@pytest.mark.parametrize("kind", DEFECTS)
def test_defects_are_found_without_being_told(method, kind):
    struck = DEFECTS[kind](NOISY)
    clean = mpsnr(method(NOISY), TRUTH)
    assert mpsnr(method(struck), TRUTH) > clean - 1.5
    assert mpsnr(SubspaceDenoise()(struck), TRUTH) < clean - 2


def test_all_at_once():
    struck = mixed_noise(TRUTH, seed=5)
    result = RobustSubspace().solve(struck)
    assert error(result.estimate) < 0.02 * error(struck)
    counts = result.components.counts()
    assert min(counts["dead"], counts["column_stripes"]) > 30
    assert result.components.outliers.sum() == counts["dead"] + counts["impulses"]


def test_components_are_where_the_defects_are():
    dead = dead_lines(NOISY, seed=2)
    found = RobustSubspace().solve(dead).components
    np.testing.assert_array_equal(found.outliers, dead == 0)
    striped = stripe_noise(NOISY, seed=2)
    true, found = (striped - NOISY)[0], RobustSubspace().solve(striped).components
    large = np.abs(true) > 0.06
    np.testing.assert_allclose(found.column_stripes[large], true[large], atol=0.03)
    assert np.count_nonzero((found.column_stripes != 0) & (true == 0)) <= 2
    np.testing.assert_array_equal(found.stripes[7], found.column_stripes)
    off = RobustSubspace(stripes=False).solve(striped).components
    assert off.counts()["column_stripes"] == 0


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_nothing_is_found_in_clean_cubes(seed):
    truth = spectral_cube((40, 44), 30, endmembers=6, seed=10 * seed)
    for data in (
        gaussian_noise(truth, (0.01, 0.1), seed=seed),
        np.round(1000 * gaussian_noise(truth, 0.05, seed=seed)).astype(np.int16),
        np.maximum(gaussian_noise(truth, 0.05, seed=seed), 0),
    ):
        counts = RobustSubspace().solve(data).components.counts()
        assert counts["dead"] == counts["column_stripes"] == counts["row_stripes"] == 0
        assert counts["impulses"] <= 2
