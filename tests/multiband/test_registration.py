"""Images that do not lie where they are said to lie are noticed."""

import warnings
from dataclasses import replace

import numpy as np
import pytest

from benchmarks.multiband_errors import simulated
from sigden import JointSparse
from sigden.multiband import DisplacedImageWarning
from sigden.multiband.joint.registration import Displacement, displacement, warn_displaced
from sigden.simulate.scene import scene


def blob(row, column, width=3.0):
    rows, columns = np.indices((40, 50))
    return np.exp(-((rows - row) ** 2 + (columns - column) ** 2) / (2 * width**2))


def test_a_displacement_is_measured_with_its_error():
    rng = np.random.default_rng(0)
    seen = blob(20, 25)
    found = np.array(
        [displacement(seen, 30 * blob(20.1, 24.7) + rng.standard_normal(seen.shape), 1.0) for _ in range(200)]
    )
    np.testing.assert_allclose(np.mean(found[:, :2], axis=0), [0.1, -0.3], atol=0.02)
    np.testing.assert_allclose(np.std(found[:, :2], axis=0), found[:, 2].mean(), rtol=0.15)


def test_without_light_nothing_is_said():
    assert displacement(np.zeros((8, 8)), np.ones((8, 8)), 1.0) is None
    assert displacement(blob(20, 25), -blob(20, 25), 1.0) is None
    assert displacement(np.ones((3, 8)), np.ones((3, 8)), 1.0) is None


def test_light_at_the_border_is_told_off_its_place_only_where_that_explains_the_misfit():
    seen, elsewhere = blob(20, 25) + blob(38, 25), blob(1, 20)
    moved = displacement(seen, 30 * (blob(20.2, 24.8) + blob(38.2, 24.8)), 1.0)
    np.testing.assert_allclose(moved[:2], [0.2, -0.2], atol=0.02)
    assert displacement(seen, 30 * (blob(20, 25) + elsewhere), 1.0) is None


def test_one_band_may_move_with_its_colours_and_all_may_not():
    def said(*moves):
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            warn_displaced([(f"b{i}", 0.2, Displacement(*m)) for i, m in enumerate(moves)])
        return [str(w.message) for w in caught]

    assert said((0.3, 0.2, 0.01), (0.0, -0.1, 0.01), (-0.2, 0.0, 0.01)) == []
    assert said((0.3, 0.2, 0.2), (0.25, 0.2, 0.2)) == []
    (together,) = said((0.3, 0.2, 0.01), (0.25, 0.2, 0.01))
    assert together.startswith("band b0, b1: the light lies +0.28 rows and +0.20 columns")
    (one,) = said((0.6, 0.0, 0.01), (-0.3, 0.0, 0.01), (-0.2, 0.0, 0.01))
    assert one.startswith("band b0: ")
    assert said((0.3, 0.0, 0.01)) == []


@pytest.mark.parametrize("seed", [900, 901])
def test_a_forgotten_offset_is_noticed(seed):
    field = simulated(seed)
    method = JointSparse()
    assert method.prior(field.observations, field.grid, field.response).closed
    wide, *narrow = field.observations
    forgotten = [wide, *(replace(o, offset=(0.0, 0.0)) for o in narrow)]
    with pytest.warns(DisplacedImageWarning, match="band r, i, z: .*check offset or wcs"):
        method.prior(forgotten, field.grid, field.response)


@pytest.mark.parametrize("place", [(-4, -4), (2, -6)])
def test_light_that_is_masked_in_the_sharpest_image_is_not_missed_in_others(place):
    field = simulated(903)
    wide, *narrow = field.observations
    row, column = np.unravel_index(np.argmax(wide.image), wide.shape)
    mask = np.zeros(wide.shape, bool)
    mask[row + place[0] :, column + place[1] :][:12, :12] = True
    masked = replace(wide, mask=mask)
    with warnings.catch_warnings():
        warnings.simplefilter("error", DisplacedImageWarning)
        JointSparse().prior([masked, *narrow], field.grid, field.response)
    forgotten = [replace(o, offset=(0.0, 0.0)) for o in narrow]
    with pytest.warns(DisplacedImageWarning, match="band r, i, z"):
        JointSparse().prior([masked, *forgotten], field.grid, field.response)


@pytest.mark.parametrize("seed", [2, 4, 9])
def test_fluxes_are_those_of_light_that_the_sharpest_image_shows(seed):
    sky, field = scene(seed=seed), simulated(seed)
    wide, *narrow = field.observations
    brightest = max(sky.catalogue, key=lambda s: s.vis_flux)
    row, column = np.indices(wide.shape)
    masked = replace(wide, mask=np.hypot(row - brightest.row, column - brightest.column) < 8)
    found = JointSparse().prior([masked, *narrow], field.grid, field.response).relative_flux
    rest = [s for s in sky.catalogue if s is not brightest]
    expected = np.sum([s.flux for s in rest], axis=0) / sum(s.vis_flux for s in rest)
    assert found == pytest.approx(expected, rel=0.1)
