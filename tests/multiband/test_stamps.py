"""Stamps around the places of a catalogue."""

import numpy as np
import pytest
from astropy.coordinates import SkyCoord

from sigden import JointSparse, JointWiener, Tikhonov
from sigden.errors import InputError
from sigden.multiband import Grid, Mosaic, Observation, deconvolve, deconvolve_stamps, gaussian_psf
from sigden.multiband.tiles.window import observe, window_grid


def test_stamps_are_cut_around_positions(seen, grid, response):
    places = [(64.0, 64.0), (40.2, 88.9), (1.0, 1.0), (900.0, 900.0)]
    calls = []
    stamps = deconvolve_stamps(
        Tikhonov(max_iter=5), seen[1:], grid, places, 49, response={}, progress=lambda *a: calls.append(a)
    )
    assert [s if s is None else s.estimate.shape for s in stamps] == [(3, 50, 50)] * 3 + [None]
    first, last, left, right = stamps[1].details["window"]
    assert (last - first, right - left) == (50, 50)
    assert abs((first + last - 1) / 2 - 40.2) <= 1.0
    assert abs((left + right - 1) / 2 - 88.9) <= 1.0
    assert calls[-1] == (4, 4)
    direct = deconvolve(
        Tikhonov(max_iter=5),
        [observe(Mosaic.of(o), grid, (first, last, left, right)) for o in seen[1:]],
        window_grid(grid, (first, last, left, right)),
        response={},
    )
    np.testing.assert_array_equal(stamps[1].estimate, direct.estimate)
    shared = deconvolve_stamps(Tikhonov(max_iter=5), seen[1:], grid, places, 49, response={}, workers=2)
    np.testing.assert_array_equal(shared[1].estimate, direct.estimate)
    assert deconvolve_stamps(Tikhonov(), seen[1:], grid, [], 32, response={}) == []


@pytest.mark.parametrize("method", [JointWiener(), JointSparse()], ids=type)
def test_stamps_share_transfer_functions_and_change_nothing(method, seen, grid, response, monkeypatch):
    from sigden.multiband.forward import operator

    asked = []

    def counted(*args, **kwargs):
        asked.append(args)
        return psf_transfer(*args, **kwargs)

    psf_transfer = operator.psf_transfer
    monkeypatch.setattr(operator, "psf_transfer", counted)
    places = [(40.0, 40.0), (64.0, 70.0), (80.0, 44.0), (50.0, 90.0)]
    stamps = deconvolve_stamps(method, seen, grid, places, 48, response=response)
    assert len(asked) == len(seen)
    for stamp in stamps:
        window = stamp.details["window"]
        alone = [observe(Mosaic.of(o), grid, window) for o in seen]
        direct = method(alone, window_grid(grid, window), response=response)
        np.testing.assert_array_equal(stamp.estimate, direct.estimate)
        np.testing.assert_array_equal(stamp.uncertainty, direct.uncertainty)


def test_stamps_at_sky_positions(wcs):
    grid = Grid.from_wcs((128, 128), wcs())
    one = Observation(np.ones((128, 128)), gaussian_psf(0.5, 0.1), "r", sigma=1.0, wcs=wcs())
    place = SkyCoord(*grid.wcs.pixel_to_world_values(70.0, 50.0), unit="deg")
    (stamp,) = deconvolve_stamps(Tikhonov(max_iter=2), [one], grid, place, 32, response={})
    assert stamp.details["window"] in {(34, 66, 54, 86), (35, 67, 55, 87)}
    with pytest.raises(InputError, match="no wcs"):
        deconvolve_stamps(Tikhonov(), [one], Grid((8, 8), 0.1), place, 8, response={})
