"""Light of a field from its windows."""

import numpy as np
import pytest

from sigden import JointSparse, JointWiener
from sigden.multiband import Grid, Observation, gaussian_psf
from sigden.multiband.data.power import ScenePower
from sigden.multiband.joint.scene_light import SceneLight, pooled_light
from sigden.multiband.tiles.taper import power_kept, tapered


def test_light_of_windows_together():
    steep = SceneLight(ScenePower(0.1, 8.0 * 2.0 ** -np.arange(9), -3.0), {"r": 1.0}, {"r": 3.0}, 100.0)
    flat = SceneLight(ScenePower(0.2, np.ones(3), -2.0), {"r": 2.0, "z": 5.0}, {"r": 1.0, "z": 7.0}, 300.0)
    both = pooled_light([steep, flat])
    assert both.flux == {"r": 1.25, "z": 5.0}
    assert both.evidence == {"r": 4.0, "z": 7.0}
    for frequency in (0.0, 0.2, 0.4, 0.8):
        one, other = (float(p.power.at(np.array([frequency]))[0]) for p in (steep, flat))
        np.testing.assert_allclose(both.power.at(np.array([frequency])), (one + 3 * other) / 4)
    assert -3.0 < both.power.tail < -1.5
    alone = pooled_light([flat])
    np.testing.assert_allclose(alone.power.curve, flat.power.curve)


def test_power_that_a_fade_leaves():
    image = np.random.default_rng(0).standard_normal((96, 128))
    one = Observation(image, gaussian_psf(0.3, 0.1), "r", sigma=1e-9, scale=0.1)
    faded = tapered(one, Grid(image.shape, 0.1), 20, 0)
    assert power_kept(image.shape, 20) == pytest.approx(np.mean(faded.image**2) / np.mean(image**2), rel=0.05)
    assert power_kept(image.shape, 0) == 1.0


@pytest.mark.parametrize("method", [JointWiener(), JointSparse()], ids=type)
@pytest.mark.parametrize("unit", [1.0, 1e-24])
def test_light_of_the_same_images_changes_nothing(method, unit):
    rng = np.random.default_rng(1)
    rows, columns = np.indices((64, 64))
    image = 40 * np.exp(-((rows - 32) ** 2 + (columns - 30) ** 2) / 12) + rng.standard_normal((64, 64))
    one = Observation((unit * image).astype(np.float32), gaussian_psf(0.3, 0.1), "r", sigma=unit, scale=0.1)
    grid = Grid(image.shape, 0.1)
    light = method.light([one], grid, response={})
    own, given = method([one], grid, response={}), method([one], grid, response={}, light=light)
    np.testing.assert_allclose(given.estimate, own.estimate, rtol=1e-5, atol=1e-5 * unit)
    # light of other power is another prior
    other = method([one], grid, response={}, light=light.scaled(1e-4))
    assert np.abs(other.estimate - own.estimate).max() > unit
