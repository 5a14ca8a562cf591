"""Collaborative filter: serial and parallel loops, and what they compute."""

import numba
import numpy as np
import pytest
from scipy.fft import dctn, idctn

from sigden.hyperspectral.collaborative import matching_numba, wiener_numba
from sigden.hyperspectral.collaborative.cosine import cosines, power_of_parts
from sigden.hyperspectral.collaborative.filter import (
    ALIGN,
    HALO,
    UnevenNoise,
    _starts,
    collaborative_filter,
    guided_filter,
    sliding_cosine,
)
from sigden.hyperspectral.collaborative.filter_numba import _bands
from sigden.hyperspectral.collaborative.wiener_generic import LEAST

RNG = np.random.default_rng(3)


def scene(dtype=np.float32, images=3, shape=(37, 45)):
    row, column = np.mgrid[: shape[0], : shape[1]]
    clean = np.stack(
        [8.0 * ((row // (17 + k) + column // 19) % 2) + 0.1 * row * (k - 1) for k in range(images)]
    )
    return clean.astype(dtype), (clean + RNG.standard_normal(clean.shape)).astype(dtype)


def test_the_pilot_is_the_mean_of_thresholded_blocks():
    noisy = scene(np.float64, 1, (19, 23))[1]
    total, norm = np.zeros((19, 23)), np.zeros((19, 23))
    for size in (8, 4, 2):
        for i in range(20 - size):
            for j in range(24 - size):
                place = slice(i, i + size), slice(j, j + size)
                block = dctn(noisy[0][place], norm="ortho")
                kept = np.abs(block) > 2.8
                kept[0, 0] = True
                weight = (size**2 / kept.sum()) ** 1.5
                total[place] += weight * idctn(block * kept, norm="ortho")
                norm[place] += weight
    np.testing.assert_allclose(sliding_cosine(noisy)[0], total / norm, atol=1e-10)


def test_matches_are_the_nearest_blocks():
    guide = RNG.standard_normal((20, 22, 2))
    rows, columns = np.array([0, 5, 12]), np.array([0, 7, 14])
    found = np.empty((3, 3, 8, 2), np.int32)
    matching_numba.match(guide, rows, columns, 4, found)
    for i, y in enumerate(rows):
        for j, x in enumerate(columns):
            near = []
            for p in range(max(0, y - 4), min(12, y + 4) + 1):
                for q in range(max(0, x - 4), min(14, x + 4) + 1):
                    d = np.sum((guide[y : y + 8, x : x + 8] - guide[p : p + 8, q : q + 8]) ** 2)
                    near.append((d, p, q))
            assert [tuple(place) for place in found[i, j]] == [(p, q) for _, p, q in sorted(near)[:8]]


@pytest.mark.parametrize("terms", [0, 2])
@pytest.mark.parametrize("images", [1, 3, 6])
def test_the_filter_is_wiener_in_cosines_haar_and_principal_directions(images, terms):
    noisy, guide = RNG.standard_normal((2, images, 8, 9))
    found = np.array([[[[0, 0], [0, 1]]]], np.int32)
    out, gain = np.empty_like(noisy), np.empty_like(noisy)
    power = RNG.uniform(0.5, 2, (8, 8))
    constants = cosines(np.float64), power, np.ones((8, 8))
    half = RNG.standard_normal((terms, images, images))
    means, parts = RNG.uniform(0.5, 2, (1, 2, terms)), half @ np.swapaxes(half, 1, 2)
    wiener_numba.wiener(noisy, guide, out, gain, found, np.array([0, 1]), *constants, means, parts)
    covariance = np.einsum("j,jkq->kq", means[0].mean(axis=0), parts) if terms else np.eye(images)
    levels, axes = np.linalg.eigh(covariance)
    root = (axes * np.sqrt(np.maximum(levels, LEAST))) @ axes.T
    white = np.linalg.inv(root)
    haar = np.array([[1, 1], [1, -1]]) / np.sqrt(2)

    def forward(cube):
        blocks = np.stack([dctn(cube[..., k : k + 8], axes=(1, 2), norm="ortho") for k in (0, 1)])
        return np.tensordot(haar, blocks, 1) / np.sqrt(power)

    rows = np.moveaxis(forward(guide), 1, 0).reshape(images, -1)
    square = rows @ rows.T
    square[square**2 < 0.8 * (rows**2) @ (rows**2).T] = 0
    turn = np.linalg.eigh(white @ square @ white)[1]
    seen = np.einsum("kq,nquv->nkuv", white, forward(guide))
    factor = np.einsum("kq,nkuv->nquv", turn, seen) ** 2
    factor /= factor + 1
    back = root @ turn
    left = np.einsum(
        "kq,nquv->nkuv", back, factor * np.einsum("qk,nkuv->nquv", turn.T @ white, forward(noisy))
    )
    blocks = np.tensordot(haar.T, left * np.sqrt(power), 1)
    total = np.zeros_like(noisy)
    for k in (0, 1):
        total[..., k : k + 8] += idctn(blocks[k], axes=(1, 2), norm="ortho")
    total[..., 1:8] /= 2
    np.testing.assert_allclose(out, total, atol=1e-11)
    passed = back**2 @ np.mean(factor**2, axis=(0, 2, 3))
    np.testing.assert_allclose(gain, np.broadcast_to(passed[:, None, None], gain.shape))


def test_images_that_vary_together_are_denoised_better_together():
    row, column = np.mgrid[:64, :64]
    texture = RNG.standard_normal((2, 64, 64)) * (1 + (row // 8 + column // 8) % 2)
    clean = np.concatenate([texture, -texture, texture, 2 * texture])
    noisy = clean + RNG.standard_normal(clean.shape)
    apart = np.concatenate([collaborative_filter(image[None])[0] for image in noisy])
    together = collaborative_filter(noisy)[0]
    assert np.mean((together - clean) ** 2) < 0.7 * np.mean((apart - clean) ** 2)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(("images", "shape"), [(3, (37, 45)), (2, (160, 30)), (35, (16, 17))])
def test_serial_and_parallel_agree_to_the_last_bit(dtype, images, shape, monkeypatch):
    noisy = scene(dtype, images, shape)[1]
    outcomes = []
    for allowed in (True, False):
        monkeypatch.setattr(
            "sigden.hyperspectral.collaborative.filter_numba._threads", lambda a=allowed: 2 if a else 1
        )
        outcomes.append(collaborative_filter(noisy))
    for parallel, serial in zip(*outcomes, strict=True):
        assert parallel.dtype == dtype
        np.testing.assert_array_equal(parallel, serial)
    assert numba.get_num_threads() >= 1


def test_bands_that_are_filtered_at_once_do_not_touch():
    for length in range(8, 300):
        starts = _starts(length)
        ends = _bands(starts)
        assert ends[0] == 0
        assert ends[-1] == starts.size
        assert np.all(np.diff(ends) > 0)
        for b in range(len(ends) - 3):
            last = starts[ends[b + 1] - 1] + 14 + 8  # row after the last that the band writes
            assert last <= starts[ends[b + 2]] - 14


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_part_of_an_image_has_the_estimate_of_the_whole(dtype):
    noisy = scene(dtype, 2, (260, 20))[1]
    whole, part = collaborative_filter(noisy)[0], collaborative_filter(noisy[:, ALIGN:240])[0]
    np.testing.assert_array_equal(part[:, HALO:-HALO], whole[:, ALIGN + HALO : 240 - HALO])


def test_the_filter_is_led_by_noise_that_differs_from_place_to_place():
    clean = scene(np.float64, 3, (48, 64))[0]
    level = np.where(np.arange(64) < 32, 0.3, 3.0)
    noisy = clean + level * RNG.standard_normal(clean.shape)
    guide = clean + 0.1 * level * RNG.standard_normal(clean.shape)
    noise = UnevenNoise(np.broadcast_to(level**2, (1, 48, 64)), np.eye(3)[None])
    even, _ = guided_filter(noisy, guide)
    told, gain = guided_filter(noisy, guide, noise=noise)
    for side, share in ((slice(24), 0.7), (slice(40, None), 0.7)):
        wrong, right = (np.mean((x - clean)[..., side] ** 2) for x in (even, told))
        assert right < share * wrong
        assert 0.5 < right / gain[..., side].mean() < 3


def test_unit_noise_told_is_unit_noise():
    noisy = scene(np.float64, 3, (30, 33))[1]
    guide = sliding_cosine(noisy)
    noise = UnevenNoise(np.full((2, 30, 33), 0.5), np.stack([np.eye(3)] * 2))
    for even, told in zip(guided_filter(noisy, guide), guided_filter(noisy, guide, noise=noise), strict=True):
        np.testing.assert_allclose(told, even, rtol=1e-8, atol=1e-10)


def test_the_filter_removes_noise_and_knows_how_much_is_left():
    clean, noisy = scene()
    out, gain = collaborative_filter(noisy)
    error = np.mean((out - clean) ** 2)
    assert error < 0.25
    assert np.mean((sliding_cosine(noisy) - clean) ** 2) < 0.4
    assert 0 < gain.min() <= gain.max() <= 1
    empty, left = collaborative_filter(RNG.standard_normal((2, 40, 40)))
    assert np.mean(empty**2) < 0.03
    assert left.mean() < 0.05


def test_the_noise_of_small_blocks_follows_from_that_of_large_ones():
    power = RNG.uniform(0.1, 3, (8, 8))
    noise = RNG.standard_normal((40_000, 8, 8)) * np.sqrt(power)
    blocks = idctn(noise, axes=(1, 2), norm="ortho")
    for size in (4, 2):
        places = range(9 - size)
        seen = [
            np.mean(dctn(blocks[:, i : i + size, j : j + size], axes=(1, 2), norm="ortho") ** 2, axis=0)
            for i in places
            for j in places
        ]
        np.testing.assert_allclose(power_of_parts(power, size), np.mean(seen, axis=0), rtol=0.03)
    np.testing.assert_allclose(power_of_parts(power, 8), power, rtol=1e-12)


def test_small_blocks_keep_small_objects():
    clean = np.zeros((1, 48, 48))
    clean[0, 10:13, 20:23] = 12.0
    clean[0, 30, 5:40] = 9.0
    out = sliding_cosine(clean + RNG.standard_normal(clean.shape))
    assert np.mean((out - clean) ** 2) < 0.13
    assert out[0, 11, 21] > 9


def test_coloured_noise_needs_its_power():
    from scipy.ndimage import gaussian_filter

    from sigden.hyperspectral.noise_power import block_power

    noise = gaussian_filter(RNG.standard_normal((6, 64, 64)), (0, 1, 1), mode="wrap")
    noise /= noise.std()
    power = block_power(noise)
    blocks = np.stack(
        [
            dctn(noise[k, i : i + 8, j : j + 8], norm="ortho")
            for k in range(6)
            for i in range(0, 56, 8)
            for j in range(0, 56, 8)
        ]
    )
    big = power > 0.1
    np.testing.assert_allclose(power[big], np.mean(blocks**2, axis=0)[big], rtol=0.35)
    assert np.mean(collaborative_filter(noise, power)[0] ** 2) < 0.4 * np.mean(
        collaborative_filter(noise)[0] ** 2
    )
    np.testing.assert_array_equal(block_power(RNG.standard_normal((6, 64, 64))), 1)


def test_what_repeats_by_chance_among_millions_is_no_dead_value():
    from sigden.hyperspectral.atoms import repeated_values

    band = np.random.default_rng(0).random(2_000_000)
    band[:12] = band[12]
    assert repeated_values(band[:20_000]) == [band[0]]
    assert repeated_values(band) == []
    band[:100] = band[0]
    assert repeated_values(band) == [band[0]]
