"""The grid, and where pixels of an observation fall on it."""

import numpy as np
import pytest
from astropy.wcs import WCS

from sigden.errors import InputError, ParameterError
from sigden.multiband.data.geometry import (
    commensurate_factor,
    footprint,
    grid_to_native,
    local_matrix,
    native_places,
    native_to_grid,
    require_overlap,
)
from sigden.multiband.data.grid import Grid
from sigden.multiband.data.observation import Observation
from sigden.multiband.psf.images import gaussian_psf


def sky(scale, crpix, *, angle=0.0, crval=(150.0, 2.0), shape=None):
    """Tangential WCS, turned by `angle` degrees."""
    wcs = WCS(naxis=2)
    wcs.wcs.ctype = ["RA---TAN", "DEC--TAN"]
    wcs.wcs.crval = crval
    wcs.wcs.crpix = crpix
    c, s = np.cos(np.deg2rad(angle)), np.sin(np.deg2rad(angle))
    wcs.wcs.cd = np.array([[-c, s], [s, c]]) * scale / 3600
    return wcs


def observation(shape, scale=None, **fields):
    step = scale or 0.2
    return Observation(np.ones(shape), gaussian_psf(2.2 * step, step, (11, 11)), "r", scale=scale, **fields)


def test_grid_of_a_wcs_has_its_scale():
    assert Grid.from_wcs((4, 5), sky(0.1, (3, 2))).scale == pytest.approx(0.1, rel=1e-9)


def test_pc_and_cd_matrices_mean_the_same():
    cd = sky(0.1, (3, 2), angle=20)
    pc = WCS(naxis=2)
    pc.wcs.ctype, pc.wcs.crval, pc.wcs.crpix = cd.wcs.ctype, cd.wcs.crval, cd.wcs.crpix
    pc.wcs.pc, pc.wcs.cdelt = cd.wcs.cd * 36000, [1 / 36000, 1 / 36000]
    assert Grid.from_wcs((4, 5), pc).scale == pytest.approx(Grid.from_wcs((4, 5), cd).scale, rel=1e-9)


@pytest.mark.parametrize("shape", [(4,), (0, 3), (2.5, 3), "ab"])
def test_grid_refuses_a_bad_shape(shape):
    with pytest.raises(ParameterError, match="Grid shape"):
        Grid(shape, 0.1)


@pytest.mark.parametrize("scale", [0.0, -1.0, np.nan, "x", None])
def test_grid_refuses_a_bad_scale(scale):
    with pytest.raises(ParameterError, match="Grid"):
        Grid((4, 4), scale)


def test_grid_refuses_a_scale_that_its_wcs_denies():
    with pytest.raises(ParameterError, match="does not agree"):
        Grid((4, 4), 0.2, sky(0.1, (1, 1)))


def test_grid_refuses_what_is_no_wcs():
    with pytest.raises(InputError, match="no celestial WCS"):
        Grid((4, 4), 0.2, WCS(naxis=2))
    with pytest.raises(InputError, match="no celestial WCS"):
        Grid((4, 4), 0.2, "header")


def test_blocks_are_commensurate():
    grid = Grid((24, 36), 0.1)
    assert commensurate_factor(observation((12, 18), 0.2, offset=(0.05, 0.05)), grid) == 2
    assert commensurate_factor(observation((24, 36), 0.1), grid) == 1


@pytest.mark.parametrize(
    ("shape", "scale", "offset"),
    [
        ((12, 18), 0.2, (0.0, 0.0)),
        ((12, 18), 0.2, (0.05, 0.06)),
        ((12, 17), 0.2, (0.05, 0.05)),
        ((14, 22), 0.168, (0.05, 0.05)),
    ],
)
def test_other_pixels_are_not_commensurate(shape, scale, offset):
    assert commensurate_factor(observation(shape, scale, offset=offset), Grid((24, 36), 0.1)) is None


def test_blocks_are_commensurate_through_the_sky():
    grid = Grid.from_wcs((24, 36), sky(0.1, (18.5, 12.5)))
    assert commensurate_factor(observation((12, 18), wcs=sky(0.2, (9.5, 6.5))), grid) == 2
    assert commensurate_factor(observation((12, 18), wcs=sky(0.2, (9.5, 6.52))), grid) is None
    assert commensurate_factor(observation((12, 18), wcs=sky(0.2, (9.5, 6.5), angle=90)), grid) is None


def test_places_by_offset():
    rows, columns = native_to_grid(
        observation((12, 18), 0.3, offset=(0.1, -0.2)), Grid((24, 36), 0.1), [0, 2], [1, 3]
    )
    np.testing.assert_allclose(rows, [1, 7])
    np.testing.assert_allclose(columns, [1, 7])


@pytest.mark.parametrize(
    "fields", [{"scale": 0.3, "offset": (0.1, -0.2)}, {"wcs": sky(0.3, (5, 7), angle=31)}]
)
def test_places_there_and_back(fields):
    one = observation((12, 18), **fields)
    grid = Grid((24, 36), 0.1, None if "scale" in fields else sky(0.1, (18, 12)))
    rows, columns = np.indices(one.shape)
    back = grid_to_native(one, grid, *native_to_grid(one, grid, rows, columns))
    np.testing.assert_allclose(back, (rows, columns), atol=1e-6)


def test_local_matrix_of_a_turned_image():
    grid = Grid.from_wcs((24, 36), sky(0.1, (18, 12)))
    angle = np.deg2rad(30)
    matrix = local_matrix(observation((12, 18), wcs=sky(0.3, (9, 6), angle=30)), grid)
    expected = 3 * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    np.testing.assert_allclose(np.abs(matrix), np.abs(expected), atol=1e-4)
    assert np.linalg.det(matrix) == pytest.approx(9, rel=1e-4)


def test_large_images_are_projected_on_few_places():
    one = observation((300, 280), wcs=sky(0.2, (-400, 90), angle=12))
    grid = Grid.from_wcs((600, 600), sky(0.1, (300, 300), crval=(150.02, 2.01)))
    direct = native_to_grid(one, grid, *np.indices(one.shape, dtype=float))
    assert np.abs(np.subtract(native_places(one, grid), direct)).max() < 1e-3


def test_rough_projections_are_not_filled_in(monkeypatch):
    one, grid = (
        observation((300, 280), wcs=sky(0.2, (150, 140))),
        Grid.from_wcs((600, 600), sky(0.1, (300, 300))),
    )

    def rough(observation, grid, rows, columns):
        rows, columns = np.asarray(rows, float), np.asarray(columns, float)
        return rows + 0.1 * np.sin(rows / 3), columns + 0.1 * np.sin(rows / 5)

    monkeypatch.setattr("sigden.multiband.data.geometry.native_to_grid", rough)
    rows, _ = native_places(one, grid)
    np.testing.assert_allclose(rows[:, 7], np.arange(300) + 0.1 * np.sin(np.arange(300) / 3))


def test_footprint_of_a_shifted_image():
    inside = footprint(observation((12, 18), 0.2, offset=(-1.0, 0.0)), Grid((24, 36), 0.1))
    # Rows at -10, -8, ... pixels of the grid: the first five fall off; columns 0 ... 34 stay.
    np.testing.assert_array_equal(inside, np.broadcast_to(np.arange(12)[:, None] >= 5, (12, 18)))


def test_disjoint_observation_is_refused():
    with pytest.raises(InputError, match=r"band 'r'.*disjoint"):
        require_overlap(observation((12, 18), 0.2, offset=(50.0, 0.0)), Grid((24, 36), 0.1))
    grid = Grid.from_wcs((24, 36), sky(0.1, (18, 12)))
    for crval in ((150.1, 2.0), (330.0, -2.0)):
        with pytest.raises(InputError, match=r"band 'r'.*disjoint"):
            require_overlap(observation((12, 18), wcs=sky(0.2, (9, 6), crval=crval)), grid)


def test_missing_wcs_is_refused():
    with pytest.raises(InputError, match=r"band 'r'.*wcs"):
        commensurate_factor(observation((12, 18), wcs=sky(0.2, (9, 6))), Grid((24, 36), 0.1))
    with pytest.raises(InputError, match=r"band 'r'.*wcs"):
        commensurate_factor(observation((12, 18), 0.2), Grid.from_wcs((24, 36), sky(0.1, (9, 6))))
