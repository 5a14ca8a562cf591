"""Fields in tiles against the whole, and what is read of a mosaic."""

import threading
import tracemalloc
from dataclasses import replace

import numpy as np
import pytest

from sigden import JointSparse, JointWiener, LocalColour, Tikhonov
from sigden.errors import InputError, ParameterError
from sigden.metrics import nmse
from sigden.multiband import Mosaic, Observation, deconvolve, deconvolve_tiles, gaussian_psf, predict
from sigden.multiband.tiles.memory import bytes_per_pixel
from sigden.simulate.scene import scene


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
