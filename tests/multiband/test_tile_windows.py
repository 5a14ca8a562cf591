"""Windows of tiles: how they cover a field, and what of an image they take."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from sigden.multiband import Grid, Mosaic, Observation, gaussian_psf
from sigden.multiband.tiles.plan import plan_tiles, share
from sigden.multiband.tiles.taper import tapered
from sigden.multiband.tiles.window import observe, window_grid

PSF = gaussian_psf(0.5, 0.1)


@given(
    st.integers(8, 300),
    st.integers(8, 300),
    st.integers(4, 90),
    st.integers(0, 30),
    st.sampled_from([1, 2, 4]),
)
@settings(max_examples=60, deadline=None)
def test_cores_cover_a_field_once_and_weights_sum_to_one(rows, columns, tile, halo, step):
    tiles = plan_tiles((rows, columns), tile, halo, step)
    count = np.zeros((rows, columns))
    weight = np.zeros((rows, columns))
    narrowest = min(min(t.core[1] - t.core[0], t.core[3] - t.core[2]) for t in tiles)
    for one in tiles:
        first, last, left, right = one.core
        count[first:last, left:right] += 1
        box, part = share(one, (rows, columns), 0 if len(tiles) == 1 else min(halo, narrowest // 2))
        weight[box[0] : box[1], box[2] : box[3]] += part
        assert not any(edge % step for edge in one.window)
        assert one.window[0] <= box[0]
        assert one.window[1] >= box[1]
    assert (count == 1).all()
    np.testing.assert_allclose(weight, 1.0, atol=1e-12)


def test_the_psf_of_a_tile_is_that_of_its_middle():
    psfs = np.stack([np.stack([gaussian_psf(f, 0.1, (31, 31)) for f in (0.3, 0.5)])] * 2)
    mosaic = Mosaic(np.ones((101, 101)), psfs, "r", sigma=1.0, scale=0.1)
    np.testing.assert_allclose(mosaic.cut((30, 71, 30, 71)).psf, psfs[0].mean(axis=0))
    asked = []

    def psf(row, column):
        asked.append((row, column))
        return psfs[0, 0]

    Mosaic(np.ones((101, 101)), psf, "r", sigma=1.0, scale=0.1).cut((0, 41, 60, 101))
    assert asked == [(20.0, 80.0)]


def test_a_fade_keeps_the_noise_and_takes_the_light():
    rng = np.random.default_rng(2)
    image = 100.0 + rng.standard_normal((96, 96))
    one = Observation(image, PSF, "r", sigma=1.0, scale=0.1)
    out = tapered(one, Grid((96, 96), 0.1), 24, seed=0).image
    np.testing.assert_array_equal(out[24:72, 24:72], image[24:72, 24:72])
    rim = out[:2].ravel()
    assert abs(rim.mean()) < 2.0
    noise = tapered(replace(one, image=image - 100.0), Grid((96, 96), 0.1), 24, seed=0).image
    assert noise.std() == pytest.approx(1.0, abs=0.05)


def test_windows_in_the_sky_are_those_on_the_grid(seen, wcs):
    """Blocks found through a WCS are cut like blocks found by offsets, also of a larger image."""
    grid = Grid.from_wcs((128, 128), wcs())
    large = np.pad(seen[1].image, 8)
    mosaic = Mosaic(large, PSF, "r", sigma=1.0, wcs=wcs(2.0, (40.5, 40.5)), psf_scale=0.1)
    part = observe(mosaic, grid, (32, 96, 16, 64))
    np.testing.assert_array_equal(part.image, seen[1].image[16:48, 8:32])
    assert part.mask is None
    place = part.wcs.pixel_to_world_values(1.0, 2.0)
    np.testing.assert_allclose(place, mosaic.wcs.pixel_to_world_values(17.0, 26.0), rtol=1e-12)
    sub = window_grid(grid, (32, 96, 16, 64))
    np.testing.assert_allclose(
        sub.wcs.pixel_to_world_values(0, 0), grid.wcs.pixel_to_world_values(16, 32), rtol=1e-12
    )


def test_a_turned_image_is_cut_around_the_window(wcs):
    grid = Grid.from_wcs((128, 128), wcs())
    mosaic = Mosaic(np.ones((150, 150)), PSF, "r", sigma=1.0, wcs=wcs(1.0, (75.5, 75.5), 0.4))
    part = observe(mosaic, grid, (0, 32, 0, 32))
    assert 40 <= max(part.shape) <= 48
    assert part.mask is None
    assert observe(mosaic, grid, (400, 432, 0, 32)) is None


def test_a_window_beyond_the_image_is_mirrored_at_the_field_and_masked_within_it():
    image = np.arange(64.0).reshape(8, 8)
    mosaic = Mosaic(image, gaussian_psf(0.1, 0.1, (3, 3)), "r", sigma=1.0, scale=0.1)
    with pytest.warns(UserWarning, match="cut off"):
        part = observe(mosaic, Grid((8, 8), 0.1), (-2, 6, -2, 6))
    np.testing.assert_array_equal(part.image, np.pad(image, ((2, 0), (2, 0)), "symmetric")[:8, :8])
    assert part.mask is None
    with pytest.warns(UserWarning, match="cut off"):
        part = observe(mosaic, Grid((16, 16), 0.1), (0, 12, 0, 8))
    assert part.mask[8:].all()
    assert not part.mask[:8].any()
