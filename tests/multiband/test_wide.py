"""What serves wide fields: bands of rows, threads, planes side by side. None of it may change a result."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pytest
from numpy.testing import assert_allclose

from sigden import JointSparse, JointWiener
from sigden.arrays import share_out
from sigden.multiband import Grid, Observation, gaussian_psf
from sigden.multiband.joint import (
    details_generic,
    details_numba,
    planes,
    posterior_numba,
    registration,
)
from sigden.multiband.psf import spectrum
from sigden.multiband.psf.spectrum import psf_transfer

RESPONSE = {"wide": {"r": 0.4, "i": 0.6}}
METHODS = [JointWiener(), JointSparse()]


def observations(dtype=np.float64, size=96):
    """A wide band and two at half its sampling, of blobs."""
    rng = np.random.default_rng(3)
    rows, columns = np.indices((size, size))
    sky = sum(
        rng.uniform(20, 200) * np.exp(-0.5 * ((rows - r) ** 2 + (columns - c) ** 2) / 4)
        for r, c in rng.uniform(12, size - 12, (12, 2))
    )
    out = [
        Observation(
            sky + rng.standard_normal(sky.shape), gaussian_psf(0.3, 0.1), "wide", sigma=1.0, scale=0.1
        )
    ]
    coarse = sky.reshape(size // 2, 2, size // 2, 2).sum(axis=(1, 3))
    for band, flux in (("r", 0.7), ("i", 1.2)):
        image = flux * coarse + 2 * rng.standard_normal(coarse.shape)
        out.append(
            Observation(
                image, gaussian_psf(0.8, 0.1), band, sigma=2.0, scale=0.2, psf_scale=0.1, offset=(0.05, 0.05)
            )
        )
    return [replace(o, image=o.image.astype(dtype)) for o in out], Grid((size, size), 0.1)


def solved(method, seen, grid):
    result = method(seen, grid, response=RESPONSE)
    return [result.estimate, result.uncertainty, result.noise_covariance, *result.details["residual"]]


@pytest.fixture
def many_parts(monkeypatch):
    """Bands of few rows and shares of few pixels, as if the images were large."""
    for module, name, value in (
        (planes, "_BAND", 96 * 7),
        (planes, "_LEAST_OWN", 1),
        (details_numba, "_LEAST_SHARE", 64),
        (posterior_numba, "_LEAST_SHARE", 64),
        (spectrum, "_ROWS", 96 * 3),
    ):
        monkeypatch.setattr(module, name, value)


@pytest.mark.parametrize("masked", [False, True], ids=["closed", "masked"])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("method", METHODS, ids=["wiener", "sparse"])
def test_threads_change_nothing_and_bands_hardly_anything(method, dtype, masked, many_parts, monkeypatch):
    seen, grid = observations(dtype)
    if masked:
        mask = np.random.default_rng(0).random(seen[0].image.shape) < 0.02
        seen[0] = replace(seen[0], mask=mask)
    shared = solved(method, seen, grid)
    with ThreadPoolExecutor(1) as pool:  # a worker has no threads of its own
        alone = pool.submit(solved, method, seen, grid).result()
    assert all(np.array_equal(a, b) for a, b in zip(shared, alone, strict=True))
    monkeypatch.setattr(planes, "_BAND", 1 << 17)
    whole = solved(method, seen, grid)
    tolerance = 1e-4 if dtype == np.float32 else 1e-9
    for a, b in zip(shared, whole, strict=True):
        assert_allclose(a, b, atol=tolerance * np.abs(b).max())


@pytest.mark.parametrize("method", METHODS, ids=["wiener", "sparse"])
def test_planes_side_by_side_are_solved_as_those_of_a_small_grid(method, monkeypatch):
    seen, grid = observations(np.float32)
    kept = solved(method, seen, grid)
    monkeypatch.setattr("sigden.multiband.forward.operator._REMEMBERED", 0)
    seen, grid = observations(np.float32)
    prior = method.prior(seen, grid, RESPONSE)
    solver = prior.solver(correlation=0.8)
    assert all(np.shares_memory(solver.system.transfers, c.transfer) for c in prior.channels)
    assert all(np.array_equal(a, b) for a, b in zip(kept, solved(method, seen, grid), strict=True))


def test_arrays_one_after_the_other_are_not_copied():
    whole = np.arange(24.0).reshape(4, 6)
    assert np.shares_memory(planes.joined([whole[1], whole[2]]), whole)
    for some in ([whole[0], whole[2]], [whole[1], whole[0]], [whole[0], whole[1].copy()], [whole[:, 0]]):
        found = planes.joined(some)
        assert not np.shares_memory(found, whole)
        assert np.array_equal(found, np.concatenate(some))


@pytest.mark.parametrize("strength", [10.0, 0.01])
def test_an_estimate_improved_is_it_and_the_mean_of_what_is_left(strength):
    seen, grid = observations()
    prior = JointWiener(target_fwhm=0.5).prior(seen, grid, RESPONSE)
    solver = prior.solver(correlation=0.8, strength=strength)
    given = np.random.default_rng(5).standard_normal((2, *grid.shape))
    improved, residual = solver.improved(prior.data, given, residual=True)
    left = [d - p for d, p in zip(prior.data, prior.predict(given), strict=True)]
    assert_allclose(improved, given + solver.apply(left), atol=1e-9)
    for r, d, p in zip(residual, prior.data, prior.predict(improved), strict=True):
        assert_allclose(r, d - p, atol=1e-9)


@pytest.mark.parametrize("contrast", [True, False])
@pytest.mark.parametrize("even", [True, False])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_details_of_kernels_and_of_numpy(dtype, even, contrast):
    rng = np.random.default_rng(7)
    shape, scales, bands = (45, 61), 3, 3
    images, pilot = rng.standard_normal((2, bands, *shape)).astype(dtype)
    colour = rng.uniform(0.5, 2.0, (bands, *shape)).astype(dtype)
    weights, light = np.array([0.6, 0.0, -0.7]), rng.random(shape).astype(dtype)
    parts, shares = rng.random((scales, 3)), rng.uniform(0.5, 1.0, (scales, 6))
    noise = np.empty((1, 0, 0), dtype) if even else rng.random((scales, *shape)).astype(dtype)
    level = rng.random((scales, 1, 1) if even else (scales, *shape)).astype(dtype)
    found = []
    for module in (details_generic, details_numba):
        work, out = np.empty((6, *shape), dtype), np.zeros((5, *shape), dtype)
        module.shrink_colour(images, weights, level, 2.0, work[:4], out[0])
        module.posterior_colour(
            images, pilot, colour, weights, light, 0.1, contrast, shares, noise, parts, work, *out[1:]
        )
        found.append(out)
    assert_allclose(*found, atol=2e-5 if dtype == np.float32 else 1e-12)


def test_a_displacement_by_bands(many_parts, monkeypatch):
    seen = observations()[0][0].image
    data = np.roll(seen, 1, axis=0)
    for weight in (0.5, np.random.default_rng(0).random(seen.shape)):
        by_bands = registration.displacement(seen, data, weight)
        monkeypatch.setattr(planes, "_BAND", 1 << 17)
        assert_allclose(by_bands, registration.displacement(seen, data, weight), rtol=1e-9)
        monkeypatch.setattr(planes, "_BAND", 96 * 7)


def test_light_inside_the_border_does_not_depend_on_bands(monkeypatch):
    seen = np.random.default_rng(0).random((96, 40))
    whole = registration._sums(seen, seen, 1.0)
    assert whole[2] == pytest.approx(np.sum(seen[12:-12, 5:-5] ** 2))
    for rows in (5, 7, 10, 50):
        monkeypatch.setattr(planes, "_BAND", 40 * rows)
        assert_allclose(registration._sums(seen, seen, 1.0)[1:], whole[1:], rtol=1e-12)


def test_a_transfer_function_is_written_where_it_belongs(many_parts):
    psf = np.random.default_rng(1).random((7, 5))
    place = np.zeros((14, 6), complex)
    assert psf_transfer(psf, (14, 11), out=place) is place
    padded = np.zeros((14, 11))
    padded[:7, :5] = psf
    expected = np.fft.rfft2(np.roll(padded, (-3, -2), axis=(0, 1)))
    assert_allclose(place, expected, atol=1e-12)


def test_work_is_shared_out_once_each():
    done = np.zeros(50, int)

    def mark(part):
        done[part] += 1

    share_out(mark, range(50))
    assert (done == 1).all()
    with pytest.raises(ZeroDivisionError):
        share_out(lambda part: 1 / (part - 3), range(9))
