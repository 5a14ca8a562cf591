"""Fields in tiles against the whole, stamps, and what is read of a mosaic."""

import threading
import tracemalloc
from dataclasses import replace

import numpy as np
import pytest
from astropy.coordinates import SkyCoord
from astropy.wcs import WCS
from hypothesis import given, settings, strategies as st

from sigden import JointSparse, JointWiener, LocalColour, Tikhonov
from sigden.errors import InputError, ParameterError
from sigden.metrics import nmse
from sigden.multiband import (
    Grid,
    Mosaic,
    Observation,
    deconvolve,
    deconvolve_stamps,
    deconvolve_tiles,
    gaussian_psf,
    predict,
)
from sigden.multiband.tiles.memory import bytes_per_pixel
from sigden.multiband.tiles.plan import plan_tiles, share
from sigden.multiband.tiles.taper import tapered
from sigden.multiband.tiles.window import observe, window_grid
from sigden.simulate.scene import scene

PSF = gaussian_psf(0.5, 0.1)
RESPONSE = {"VIS": {"r": 0.6, "i": 0.4}}


@pytest.fixture(scope="module")
def sky():
    return scene(seed=11, size=128, galaxies=14, psf_size=41)


@pytest.fixture(scope="module")
def grid(sky):
    return Grid(sky.vis.shape, sky.scale)


@pytest.fixture(scope="module")
def seen(sky):
    shift = (sky.rubin_scale - sky.scale) / 2
    return [
        Observation(sky.vis, sky.psf_vis, "VIS", sigma=float(sky.sigma_vis), scale=sky.scale),
        *(
            Observation(
                image,
                psf,
                band,
                sigma=float(sigma),
                scale=sky.rubin_scale,
                offset=(shift, shift),
                psf_scale=sky.scale,
            )
            for band, image, psf, sigma in zip(
                sky.bands, sky.rubin, sky.psf_rubin, sky.sigma_rubin, strict=True
            )
        ),
    ]


@pytest.fixture(scope="module")
def response(sky):
    return {"VIS": dict(zip(sky.bands, np.asarray(sky.alpha, float).tolist(), strict=True))}


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


@pytest.mark.parametrize("method", [JointWiener(), LocalColour(), Tikhonov(max_iter=5)])
def test_one_tile_is_the_whole(method, seen, grid, response):
    one = deconvolve_tiles(method, seen, grid, response=response)
    whole = deconvolve(method, seen, grid, response=response)
    np.testing.assert_array_equal(one.estimate, whole.estimate)
    np.testing.assert_array_equal(one.uncertainty, whole.uncertainty)
    np.testing.assert_array_equal(one.noise_covariance, whole.noise_covariance)
    assert one.details["tiles"] == 1


@pytest.mark.parametrize("crossfade", [0, 8])
def test_tiles_are_as_near_to_the_truth_as_the_whole(sky, seen, grid, response, crossfade):
    method = LocalColour()
    whole = method(seen, grid, response=response)
    tiles = deconvolve_tiles(method, seen, grid, response=response, tile=48, halo=24, crossfade=crossfade)
    assert tiles.details["tiles"] == 9
    assert np.isfinite(tiles.estimate).all()
    for i in range(3):
        assert nmse(tiles.estimate[i], sky.truth[i]) < 1.3 * nmse(whole.estimate[i], sky.truth[i]) + 0.005


def test_result_does_not_depend_on_workers_and_memory_maps(tmp_path, seen, grid, response):
    options = {"response": response, "tile": 64, "halo": 8}
    one = deconvolve_tiles(LocalColour(), seen, grid, **options)
    maps = [np.lib.format.open_memmap(tmp_path / f"{i}.npy", "w+", ">f8", (3, 128, 128)) for i in range(2)]
    mosaics = []
    for i, o in enumerate(seen):
        np.save(tmp_path / f"in{i}.npy", o.image.astype(">f8"))
        mosaics.append(replace(Mosaic.of(o), image=np.load(tmp_path / f"in{i}.npy", mmap_mode="r")))
    calls = []
    two = deconvolve_tiles(
        LocalColour(), mosaics, grid, **options, workers=2, out=maps, progress=lambda *a: calls.append(a)
    )
    np.testing.assert_array_equal(two.estimate, one.estimate)
    np.testing.assert_array_equal(two.uncertainty, one.uncertainty)
    assert two.estimate is maps[0]
    assert calls == [(i, 4) for i in range(1, 5)]


def test_workers_are_threads_and_no_more_than_asked_for(seen, grid, response):
    names = set()

    class Noted(LocalColour):
        def __call__(self, *args, **kwargs):
            names.add(threading.current_thread().name)
            return super().__call__(*args, **kwargs)

    deconvolve_tiles(Noted(), seen, grid, response=response, tile=64, halo=8, workers=2)
    assert 1 <= len(names) <= 2
    assert threading.main_thread().name not in names


class Lazy:
    """Array of which only parts can be had, as of dask; counts the largest part."""

    def __init__(self, values):
        self.values, self.shape, self.largest = values, values.shape, 0

    def __getitem__(self, box):
        part = self.values[box]
        self.largest = max(self.largest, part.size)
        return part


def test_a_mosaic_is_never_read_whole(seen, grid, response):
    lazy = [Lazy(o.image) for o in seen]
    mosaics = [replace(Mosaic.of(o), image=image) for o, image in zip(seen, lazy, strict=True)]
    found = deconvolve_tiles(LocalColour(), mosaics, grid, response=response, tile=32, halo=8, crossfade=4)
    assert found.details["tiles"] == 16
    assert all(image.largest <= (48 / 128) ** 2 * image.values.size for image in lazy)


def test_memory_chooses_tiles_that_keep_to_it(seen, grid, response):
    halo, workers = 8, 1
    cost = bytes_per_pixel([Mosaic.of(o) for o in seen], grid, 3)
    budget = cost * (64 + 2 * halo) ** 2
    tracemalloc.start()
    try:
        found = deconvolve_tiles(
            JointWiener(), seen, grid, response=response, halo=halo, memory=budget, workers=workers
        )
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert found.details["tiles"] > 1
    assert 32 <= found.details["tile"] <= 64
    assert peak - found.estimate.nbytes - found.uncertainty.nbytes < budget
    with pytest.raises(ParameterError, match="memory: 0 MiB do not hold a tile"):
        deconvolve_tiles(JointWiener(), seen, grid, response=response, memory=1000)
    with pytest.raises(ParameterError, match="give a smaller tile"):
        deconvolve_tiles(JointWiener(), seen, grid, response=response, tile=64, halo=8, memory=10**6)


@pytest.mark.parametrize("varying", [False, True], ids=["closed form", "iteration"])
@pytest.mark.parametrize("method", [JointWiener(), JointSparse()], ids=type)
def test_the_bound_on_memory_holds(seen, grid, response, method, varying):
    if varying:
        rise = [np.linspace(1.0, 2.0, o.shape[1]) for o in seen]
        seen = [
            replace(o, sigma=np.broadcast_to(o.sigma * r, o.shape).copy())
            for o, r in zip(seen, rise, strict=True)
        ]
    method(seen, grid, response=response)
    tracemalloc.start()
    try:
        method(seen, grid, response=response)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < bytes_per_pixel([Mosaic.of(o) for o in seen], grid, 3) * grid.shape[0] * grid.shape[1]


def test_an_empty_part_of_the_sky_is_solved(seen, grid, response):
    rng = np.random.default_rng(0)
    empty = []
    for o in seen:
        image = np.array(o.image)
        n = image.shape[0] * 5 // 8
        image[:n, :n] = o.sigma * (rng.standard_normal((n, n)) - 0.1)
        empty.append(replace(o, image=image))
    found = deconvolve_tiles(JointWiener(), empty, grid, response=response, tile=64, halo=8)
    assert np.isfinite(found.estimate).all()
    corner = np.abs(found.estimate[:, :48, :48])
    # no light is made of noise
    assert np.median(corner) < 2 * np.median(found.uncertainty[:, 80:, 80:])


def test_bands_without_data_are_nan_and_the_others_are_not(seen, grid):
    half = seen[-1].shape[0] // 2
    part = replace(seen[-1], image=seen[-1].image[:half])
    found = deconvolve_tiles(Tikhonov(max_iter=3), [*seen[1:-1], part], grid, response={}, tile=64, halo=8)
    assert found.bands == ("r", "i", "z")
    assert np.isfinite(found.estimate[:2]).all()
    assert np.isfinite(found.estimate[2, :64]).all()
    assert np.isnan(found.estimate[2, 64:]).all()
    assert {band for _, band in found.details["missing"]} == {"z"}


def test_weight_of_missing_tiles_goes_to_their_neighbours(grid):
    flat = Observation(np.full((128, 128), 5.0), gaussian_psf(0.3, 0.1), "r", sigma=1.0, scale=0.1)
    half = replace(flat, band="i", image=np.full((64, 128), 7.0))
    found = deconvolve_tiles(Tikhonov(max_iter=3), [flat, half], grid, response={}, tile=32, halo=8)
    known = found.estimate[1, 8:56, 8:120]
    assert np.isfinite(known).all()
    # a seam with half its weight lost would stand at half the level
    assert found.estimate[1, 40:62, 16:112].min() > 4.0
    assert np.isnan(found.estimate[1, 80:]).all()


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


def wcs(step=1.0, centre=(64.5, 64.5), turn=0.0):
    out = WCS(naxis=2)
    out.wcs.ctype = ["RA---TAN", "DEC--TAN"]
    out.wcs.crval = [150.0, 2.0]
    out.wcs.crpix = centre
    c, s = np.cos(turn), np.sin(turn)
    out.wcs.cd = step * 0.1 / 3600 * np.array([[-c, s], [s, c]])
    return out


def test_windows_in_the_sky_are_those_on_the_grid(seen):
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


def test_a_turned_image_is_cut_around_the_window():
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


def test_stamps_at_sky_positions():
    grid = Grid.from_wcs((128, 128), wcs())
    one = Observation(np.ones((128, 128)), PSF, "r", sigma=1.0, wcs=wcs())
    place = SkyCoord(*grid.wcs.pixel_to_world_values(70.0, 50.0), unit="deg")
    (stamp,) = deconvolve_stamps(Tikhonov(max_iter=2), [one], grid, place, 32, response={})
    assert stamp.details["window"] in {(34, 66, 54, 86), (35, 67, 55, 87)}
    with pytest.raises(InputError, match="no wcs"):
        deconvolve_stamps(Tikhonov(), [one], Grid((8, 8), 0.1), place, 8, response={})


def test_prediction_of_the_truth_is_the_data(sky, seen, grid, response):
    clean = scene(seed=11, size=128, galaxies=14, psf_size=41, noise=False)
    whole = JointWiener()(seen, grid, response=response)
    found = predict(replace(whole, estimate=clean.truth), seen, response)
    for image, model, sigma in zip(clean.rubin, found[1:], sky.sigma_rubin, strict=True):
        # the border is periodic there and not here
        inner = (slice(12, -12), slice(12, -12))
        assert np.abs(model - image)[inner].max() < sigma
    with pytest.raises(ParameterError, match="which the result lacks"):
        predict(whole, seen, {"VIS": {"u": 1.0}})


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"tile": 0}, "tile: must be a whole number from 1"),
        ({"halo": -1}, "halo"),
        ({"workers": 0}, "workers"),
        ({"tile": 32, "halo": 4, "crossfade": 5}, "crossfade: must be at most the halo"),
        ({"out": (np.zeros((3, 2, 2)), np.zeros((3, 128, 128)))}, "out: estimate must have shape"),
    ],
)
def test_bad_options_are_named(seen, grid, response, options, message):
    with pytest.raises((ParameterError, InputError), match=message):
        deconvolve_tiles(LocalColour(), seen, grid, response=response, **options)


def test_a_tile_that_fails_is_named(seen, grid, response):
    bad = np.array(seen[1].image)
    bad[40, 40] = np.nan
    mosaic = replace(Mosaic.of(seen[1]), image=bad)
    with pytest.raises(InputError, match=r"rows 56 to 136, columns 56 to 136 of the grid: band 'r'.*nan"):
        deconvolve_tiles(
            LocalColour(), [seen[0], mosaic, *seen[2:]], grid, response=response, tile=64, halo=8
        )


def test_single_image_methods_take_one_image_for_each_band(seen, grid):
    with pytest.raises(InputError, match="2 images; Tikhonov takes one"):
        deconvolve(Tikhonov(), [seen[1], seen[1]], grid, response={})
    with pytest.raises(ParameterError, match="takes no observations"):
        deconvolve_tiles(object(), seen, grid, response={})


@pytest.mark.parametrize("method", [JointWiener(), JointSparse()], ids=type)
def test_tiles_differ_from_one_solve_by_a_small_part_of_the_error(method, seen, grid, response):
    whole = method(seen, grid, response=response)
    tiled = deconvolve_tiles(method, seen, grid, response=response, tile=64, halo=40)
    # one solve has periodic borders
    inside = slice(None), slice(36, -36), slice(36, -36)
    apart = ((tiled.estimate - whole.estimate) / whole.uncertainty)[inside]
    assert np.sqrt(np.mean(apart**2)) < 0.1
    np.testing.assert_allclose(tiled.uncertainty[inside], whole.uncertainty[inside], rtol=0.2)
