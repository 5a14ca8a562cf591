"""Methods of low-rank groups, blocks and differences on arrays of other libraries: what NumPy gives."""

import numpy as np
import pytest

from sigden import (
    E3DTV,
    LRMR,
    LRTDTV,
    ROF,
    FastHyDe,
    FastHyIn,
    InputError,
    NGMeet,
    RRQRSubspace,
    Starlet,
)
from sigden.hyperspectral.classical import (
    nonlocal_generic,
    nonlocal_low_rank,
    nonlocal_numba,
    slopes_generic,
    slopes_numba,
)
from sigden.hyperspectral.classical.anscombe import anscombe, inverse_anscombe
from sigden.hyperspectral.classical.gradient_solver import gradient_solver
from sigden.hyperspectral.classical.leading import leading_directions
from sigden.hyperspectral.classical.tucker import Tucker
from sigden.hyperspectral.collaborative import blocks_generic
from sigden.hyperspectral.order import largest_kept
from sigden.simulate import gaussian_noise, impulse_noise, poisson_noise, spectral_cube

TRUTH = spectral_cube((26, 30), 20, endmembers=4, seed=3)
LEVEL = np.linspace(0.02, 0.06, 20)
METHODS = {
    "FastHyDe": FastHyDe(rank=5),
    "FastHyDe, rank found": FastHyDe(rank=None),
    "FastHyDe, wavelets": FastHyDe(denoiser=Starlet(), rank=4),
    "FastHyDe, photons": FastHyDe(noise_model="poisson", gain=0.01),
    "FastHyIn": FastHyIn(missing_value=0.0),
    "LRMR": LRMR(rank=4, block=14),
    "E3DTV": E3DTV(),
    "LRTDTV": LRTDTV(),
    "NGMeet": NGMeet(group=40, window=12),
    "RRQRSubspace": RRQRSubspace(denoiser=Starlet()),
    "RRQRSubspace, variation": RRQRSubspace(denoiser=ROF(regularization=0.8), rank=4),
}

each = pytest.mark.parametrize("method", METHODS.values(), ids=METHODS)


def noisy(dtype=np.float64):
    return impulse_noise(gaussian_noise(TRUTH, LEVEL, seed=1), (0.0, 0.04), seed=2).astype(dtype)


def close(found, expected, method, dtype=np.float64):
    """To rounding; total variation comes near its minimum on two ways, and choices turn in float32."""
    assert found.dtype == expected.dtype
    if dtype == np.float64:
        loose = "ROF" in repr(method)
        np.testing.assert_allclose(found, expected, rtol=0, atol=1e-3 if loose else 1e-9)
    else:
        assert np.sqrt(np.mean((found - expected) ** 2)) < 5e-4  # a hundredth of the noise


@each
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_the_estimate_is_that_of_numpy(elsewhere, method, dtype):
    data = noisy(dtype)
    found, expected = method.solve(elsewhere.send(data)), method.solve(data)
    close(elsewhere.receive(found.estimate), expected.estimate, method, dtype)
    assert found.iterations == expected.iterations
    assert found.status == expected.status
    assert found.gap == pytest.approx(expected.gap, rel=1e-6 if dtype == np.float64 else 1e-2, abs=1e-9)
    assert found.details.keys() == expected.details.keys()


@each
def test_masks_missing_voxels_and_given_noise(elsewhere, method):
    data = noisy()
    rng = np.random.default_rng(4)
    mask = rng.random(data.shape) < 0.02
    mask[:, 7, :9], mask[6, 5] = True, True
    data[rng.random(data.shape) < 0.02] = np.nan
    data[..., 3], data[..., 11] = np.nan, 0.5
    data[mask] = 1e6
    there, gone = elsewhere.send(data), elsewhere.send(mask)
    expected = method(data, mask=mask, sigma=LEVEL)
    close(elsewhere.receive(method(there, mask=gone, sigma=elsewhere.send(LEVEL))), expected, method)
    np.testing.assert_array_equal(elsewhere.receive(there), data)
    np.testing.assert_array_equal(elsewhere.receive(gone), mask)


def test_values_that_mark_what_is_missing(elsewhere):
    data, mask = noisy(), np.zeros(TRUTH.shape, dtype=bool)
    data[:, 12, ::2] = -1.0
    mask[3:5, 20] = True
    method = FastHyIn(missing_value=-1.0)
    there, gone = elsewhere.send(data), elsewhere.send(mask)
    close(elsewhere.receive(method(there)), method(data), method)
    close(elsewhere.receive(method(there, mask=gone)), method(data, mask=mask), method)
    with pytest.raises(InputError, match="namespace"):
        method(there, mask=mask)


def test_the_gain_of_photons_is_found_there(elsewhere):
    data = poisson_noise(spectral_cube((30, 30), 40, endmembers=4, seed=3), 60.0, seed=1).astype(float)
    method = FastHyDe(noise_model="poisson")
    found, expected = method.solve(elsewhere.send(data)), method.solve(data)
    close(elsewhere.receive(found.estimate), expected.estimate, method)
    assert found.details["gain"] == pytest.approx(expected.details["gain"], rel=1e-9)


def test_what_the_methods_tell_is_beside_the_cube(elsewhere):
    data = noisy()
    for method in (E3DTV(), LRTDTV()):
        found, expected = method.solve(elsewhere.send(data)).details, method.solve(data).details
        close(elsewhere.receive(found["sparse"]), expected["sparse"], method)
        assert found["rank"] == expected["rank"]
    method = METHODS["RRQRSubspace"]
    found, expected = method.solve(elsewhere.send(data)).details, method.solve(data).details
    assert found["bands"] == expected["bands"]
    close(elsewhere.receive(found["reduced"]), expected["reduced"], method)
    np.testing.assert_allclose(found["coefficients"], expected["coefficients"], rtol=0, atol=1e-10)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_slopes_are_shrunk_alike(elsewhere, dtype):
    rng = np.random.default_rng(2)
    z, right = (rng.standard_normal((6, 5, 7)).astype(dtype) for _ in range(2))
    duals = (0.2 * rng.standard_normal((3, 6, 5, 7))).astype(dtype)
    there = [elsewhere.send(array) for array in (z, duals, right)]
    total = slopes_generic.shrink_slopes(*there[:2], 0.4, 1.5, there[2])
    # the kernel leaves duals of differences across the far borders alone, as the other does
    assert total == pytest.approx(slopes_numba.shrink_slopes(z, duals, 0.4, 1.5, right), rel=1e-5)
    np.testing.assert_allclose(elsewhere.receive(there[1]), duals, rtol=0, atol=1e-6)
    np.testing.assert_allclose(elsewhere.receive(there[2]), right, rtol=0, atol=1e-5)


@pytest.mark.parametrize("patch", [1, 4, 5])
def test_similar_patches_are_the_same(elsewhere, patch):
    cube = np.random.default_rng(0).standard_normal((17, 19, 3))
    cube[3:12, 4:16] = 1.0  # patches that are alike: the first in the image count
    kind = {"patch": patch, "group": 12, "window": 5, "step": 3}
    references, expected = nonlocal_low_rank.similar_patches(cube, **kind)
    places, found = nonlocal_low_rank.similar_patches(elsewhere.send(cube), **kind)
    np.testing.assert_array_equal(places, references)
    np.testing.assert_array_equal(elsewhere.receive(found), expected)


@pytest.mark.parametrize("shape", [(9, 30), (30, 9)])
def test_many_matrices_are_shrunk_as_each(elsewhere, shape):
    rng = np.random.default_rng(1)
    matrices = rng.standard_normal((5, *shape))
    matrices[1] += 5 * np.outer(rng.standard_normal(shape[0]), rng.standard_normal(shape[1]))
    matrices[2] = 0.0
    strength = np.array([3.0, 6.0, 1.0, 0.0, 1e6])
    found = nonlocal_generic.weighted_low_rank(elsewhere.send(matrices), elsewhere.send(strength))
    expected = [nonlocal_low_rank.weighted_low_rank(*pair) for pair in zip(matrices, strength, strict=True)]
    np.testing.assert_allclose(elsewhere.receive(found), expected, rtol=0, atol=1e-11)


@pytest.mark.parametrize("room", [blocks_generic.ROOM, 3000])
def test_groups_are_of_low_rank_alike(elsewhere, room, monkeypatch):
    monkeypatch.setattr(nonlocal_generic, "ROOM", room)
    rng = np.random.default_rng(4)
    cube = rng.standard_normal((13, 16, 4))
    kind = {"patch": 5, "group": 20, "window": 6, "step": 4}
    _, found = nonlocal_low_rank.similar_patches(cube, **kind)
    strength = rng.uniform(0, 40, len(found))
    expected = nonlocal_numba.low_rank_groups(cube, found, strength, 5)
    there = elsewhere.send(cube), elsewhere.send(found.astype(np.int64))
    part = nonlocal_low_rank.low_rank_groups(*there, strength, 5)
    np.testing.assert_allclose(elsewhere.receive(part), expected, rtol=0, atol=1e-11)


def test_folding_takes_blocks_of_any_side():
    blocks = np.random.default_rng(5).standard_normal((3, 3, 2, 4, 5))
    expected = np.zeros((2, 6, 7))
    for r, s in np.ndindex(3, 3):
        expected[:, r : r + 4, s : s + 5] += blocks[r, s]
    np.testing.assert_allclose(blocks_generic.fold(blocks), expected, rtol=0, atol=1e-12)


@pytest.mark.parametrize(
    ("shape", "dtype", "atol"), [((7, 9, 5), np.float64, 1e-12), ((8, 1, 6), np.float32, 1e-5)]
)
def test_the_linear_system_is_solved_alike(elsewhere, shape, dtype, atol):
    right = np.random.default_rng(0).standard_normal(shape).astype(dtype)
    there = elsewhere.send(right)
    found = elsewhere.receive(gradient_solver(there)(there))
    assert found.dtype == dtype
    np.testing.assert_allclose(found, gradient_solver(right)(right), rtol=0, atol=atol)


def test_directions_and_decompositions_are_the_same(elsewhere):
    rng = np.random.default_rng(6)
    cube, half = rng.standard_normal((8, 9, 7)), rng.standard_normal((9, 6))
    matrix = half @ half.T
    found = leading_directions(elsewhere.send(matrix), 3, elsewhere.send(matrix))
    np.testing.assert_allclose(
        elsewhere.receive(found), leading_directions(matrix, 3, matrix), rtol=0, atol=1e-10
    )
    assert leading_directions(matrix, 99, matrix).shape == (9, 9)
    np.testing.assert_allclose(
        elsewhere.receive(Tucker((3, 4, 2)).project(elsewhere.send(cube))),
        Tucker((3, 4, 2)).project(cube),
        rtol=0,
        atol=1e-10,
    )


def test_the_largest_are_kept_and_of_equal_ones_the_first(elsewhere):
    x = np.array([[3.0, -1.0, 2.0], [-2.0, 2.0, 0.0]])
    wanted = {
        0: np.zeros((2, 3)),
        1: [[3, 0, 0], [0, 0, 0]],
        3: [[3, 0, 2], [-2, 0, 0]],
        5: [[3, -1, 2], [-2, 2, 0]],
        6: x,
    }
    for count, expected in wanted.items():
        np.testing.assert_array_equal(largest_kept(x, count), expected)
        np.testing.assert_array_equal(elsewhere.receive(largest_kept(elsewhere.send(x), count)), expected)


def test_counts_are_stabilised_alike(elsewhere):
    x = np.array([[-1.0, 0.0, 0.5], [3.0, 100.0, 1e6]])
    there = elsewhere.send(x)
    np.testing.assert_allclose(elsewhere.receive(anscombe(there)), anscombe(x), rtol=1e-15)
    np.testing.assert_allclose(elsewhere.receive(inverse_anscombe(there)), inverse_anscombe(x), rtol=1e-12)
