"""Array-API implementation of the collaborative filter: that of the CPU to rounding."""

import numpy as np
import pytest

from sigden.hyperspectral.collaborative import (
    blocks_generic,
    filter as steps,
    matching_generic,
    pilot_generic,
    wiener_generic,
)
from sigden.hyperspectral.collaborative.filter import (
    UnevenNoise,
    collaborative_filter,
    guided_filter,
    sliding_cosine,
)

RNG = np.random.default_rng(3)
CASES = [(1, (8, 9)), (3, (37, 45)), (9, (30, 16)), (35, (16, 21))]
ATOL = {np.float32: 1e-4, np.float64: 1e-8}


def scene(dtype, images, shape):
    row, column = np.mgrid[: shape[0], : shape[1]]
    clean = [8.0 * ((row // (17 + k) + column // 19) % 2) + 0.1 * row * (k - 1) for k in range(images)]
    return (np.stack(clean) + RNG.standard_normal((images, *shape))).astype(dtype)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(("images", "shape"), CASES)
def test_same_result_as_on_the_cpu_in_float64(elsewhere, dtype, images, shape):
    noisy = scene(dtype, images, shape)
    power = RNG.uniform(0.5, 2, (8, 8)) if images == 9 else None
    there, exact = elsewhere.send(noisy), noisy.astype(np.float64)
    pilot = elsewhere.receive(sliding_cosine(there, power))
    assert pilot.dtype == dtype
    np.testing.assert_allclose(pilot, sliding_cosine(exact, power), rtol=0, atol=ATOL[dtype])
    # loops in float32 turn eigen-images with fewer digits: the yardstick is float64
    for found, expected in zip(
        collaborative_filter(there, power), collaborative_filter(exact, power), strict=True
    ):
        received = elsewhere.receive(found)
        assert received.dtype == dtype
        np.testing.assert_allclose(received, expected, rtol=0, atol=ATOL[dtype])


def test_uneven_noise_is_that_of_the_cpu(elsewhere):
    noisy = scene(np.float64, 4, (20, 26))
    guide = sliding_cosine(noisy)
    half = RNG.standard_normal((2, 4, 4))
    parts = half @ np.swapaxes(half, 1, 2)
    weights = RNG.uniform(0.5, 2, (2, 20, 26))
    there = UnevenNoise(elsewhere.send(weights), parts)
    found = guided_filter(elsewhere.send(noisy), elsewhere.send(guide), noise=there)
    expected = guided_filter(noisy, guide, noise=UnevenNoise(weights, parts))
    for result, other in zip(found, expected, strict=True):
        np.testing.assert_allclose(elsewhere.receive(result), other, rtol=1e-9, atol=1e-8)


def test_matches_are_the_same(elsewhere):
    guide = RNG.standard_normal((33, 40, 2))
    guide[4:20, 3:25] = 1.0  # blocks that are alike: the upper left one comes first
    rows, columns = np.array([0, 5, 11, 25]), np.array([0, 3, 7, 14, 32])
    expected = steps._MATCH(guide, rows, columns, 6, 16)
    np.testing.assert_array_equal(matching_generic.match(guide, rows, columns, 6, 16), expected)
    there = steps._MATCH(elsewhere.send(guide), rows, columns, 6, 16)
    np.testing.assert_array_equal(elsewhere.receive(there), expected)


def test_parts_that_fit_the_memory_make_the_whole(monkeypatch):
    noisy = scene(np.float64, 3, (37, 45))
    expected = guided_filter(noisy, sliding_cosine(noisy))
    for module in (pilot_generic, matching_generic, wiener_generic):
        monkeypatch.setattr(module, "ROOM", 20_000)
    limits = [np.where(np.arange(size**2).reshape(size, size), 2.8, 0.0) for size in (8, 4, 2)]
    guide = pilot_generic.pilot(noisy, limits)
    starts = [steps._starts(length) for length in (37, 45)]
    found = matching_generic.match(np.moveaxis(guide, 0, -1), *starts, 14, 16)
    window = np.outer(np.kaiser(8, 2.0), np.kaiser(8, 2.0))
    for part, whole in zip(
        wiener_generic.wiener(noisy, guide, found, np.ones((8, 8)), window), expected, strict=True
    ):
        np.testing.assert_allclose(part, whole, rtol=0, atol=1e-9)


def test_folding_is_the_adjoint_of_unfolding():
    for size in (8, 4):
        images = RNG.standard_normal((2, 4 + size, 7 + size))
        blocks = RNG.standard_normal((size**2, 2, 5, 8))
        left = np.sum(blocks_generic.unfold(images, 0, 5, size) * blocks)
        right = np.sum(images * blocks_generic.fold(blocks.reshape(size, size, 2, 5, 8)))
        assert left == pytest.approx(right, rel=1e-12)


def test_sums_by_place_are_those_of_a_loop(elsewhere):
    values, places = RNG.standard_normal((200, 3)), RNG.integers(0, 17, 200)
    places[places == 5] = 6
    expected = np.zeros((20, 3))
    np.add.at(expected, places, values)
    found = blocks_generic.sums_by_place(elsewhere.send(values), elsewhere.send(places), 20)
    np.testing.assert_allclose(elsewhere.receive(found), expected, rtol=0, atol=1e-12)
