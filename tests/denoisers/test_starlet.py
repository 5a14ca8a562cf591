"""Starlet transform and denoiser: reconstruction, adjoint, noise, borders, kernels."""

from __future__ import annotations

import array_api_strict
import numpy as np
import pytest
from hypothesis import given, settings, strategies as st
from scipy import ndimage

from sigden import InputError, ParameterError
from sigden.denoisers import (
    Starlet,
    StarletTransform,
    inverse_starlet,
    scale_noise,
    starlet,
    starlet_adjoint,
)
from sigden.denoisers.starlet import starlet_generic, starlet_numba, starlet_steps_numba as loops
from sigden.denoisers.starlet.transform import scale_transfer, smooth_starlet
from sigden.testing import assert_adjoint

REAL = [np.float32, np.float64]
SHAPES = [(2, 33, 47), (1, 3, 4), (1, 1, 1), (3, 1, 9), (2, 9, 1)]


def noise(shape, seed=0, dtype=np.float64):
    return np.random.default_rng(seed).standard_normal(shape).astype(dtype)


def by_ndimage(image, scales):
    """The definition, with SciPy's filters; its mode ``reflect`` repeats the border sample."""
    planes, smooth = [], image
    for scale in range(scales):
        taps = np.zeros(4 * 2**scale + 1)
        taps[:: 2**scale] = np.asarray([1, 4, 6, 4, 1]) / 16
        coarse = smooth
        for axis in (0, 1):
            coarse = ndimage.correlate1d(coarse, taps, axis=axis, mode="reflect")
        planes.append(smooth - coarse)
        smooth = coarse
    return np.stack([*planes, smooth])


@pytest.mark.parametrize("shape", [(40, 51), (5, 7), (2, 3)])
def test_is_the_transform_of_its_definition(shape):
    image = noise(shape)
    np.testing.assert_allclose(starlet(image, 4), by_ndimage(image, 4), rtol=0, atol=1e-14)


@settings(deadline=None, max_examples=25)
@given(rows=st.integers(1, 24), columns=st.integers(1, 24), scales=st.integers(1, 7), seed=st.integers(0, 99))
def test_inverse_and_adjoint(rows, columns, scales, seed):
    image = noise((2, rows, columns), seed)
    coefficients = starlet(image, scales)
    assert coefficients.shape == (2, scales + 1, rows, columns)
    np.testing.assert_allclose(inverse_starlet(coefficients), image, rtol=0, atol=1e-13)
    other = noise(coefficients.shape, seed + 1)
    left, right = np.sum(coefficients * other), np.sum(image * starlet_adjoint(other))
    assert abs(left - right) <= 1e-12 * np.linalg.norm(coefficients) * np.linalg.norm(other)


@pytest.mark.parametrize("dtype", ["float32", "float64", "complex64", "complex128"])
def test_operator_passes_the_dot_test_and_knows_its_norm(dtype):
    operator = StarletTransform((3, 20, 17), scales=3)
    assert_adjoint(operator, dtype=dtype)
    assert operator.out_shape == (3, 4, 20, 17)
    x = noise(operator.in_shape)
    assert np.linalg.norm(operator(x)) <= np.linalg.norm(x)
    constant = np.ones(operator.in_shape)
    assert np.linalg.norm(operator(constant)) == pytest.approx(
        operator.norm_bound() * np.linalg.norm(constant)
    )


def test_details_sum_to_zero_up_to_the_border():
    image = np.zeros((16, 20))
    image[0, 0], image[3, 19], image[8, 8] = 5.0, 2.0, -1.0
    coefficients = starlet(image, 3)
    np.testing.assert_allclose(coefficients.sum(axis=(1, 2)), [0, 0, 0, 6.0], atol=1e-13)


def test_noise_per_scale_is_the_norm_of_the_filters():
    delta = np.zeros((129, 129))
    delta[64, 64] = 1.0
    norms = np.sqrt(np.sum(starlet(delta, 4) ** 2, axis=(1, 2)))
    np.testing.assert_allclose(scale_noise(4), norms, rtol=1e-13)
    # Starck and Murtagh, Astronomical Image and Data Analysis (2006), section 2.2: 0.889, 0.200, 0.086, 0.041
    np.testing.assert_allclose(scale_noise(4)[:4], [0.889, 0.200, 0.086, 0.041], atol=2e-3)
    measured = starlet(noise((512, 512)), 2)[:2].std(axis=(1, 2))
    np.testing.assert_allclose(measured, scale_noise(2)[:2], rtol=0.02)


@pytest.mark.parametrize("dtype", REAL)
@pytest.mark.parametrize("shape", SHAPES)
def test_numba_agrees_with_generic(shape, dtype):
    images = noise(shape, 1, dtype)
    limits = [2.0, 0.5, 0.2]
    tolerance = 4 * np.finfo(dtype).eps
    both = (starlet_generic, starlet_numba)
    first, second = (kernel.starlet(images, 3) for kernel in both)
    assert first.dtype == second.dtype == dtype
    np.testing.assert_allclose(first, second, rtol=0, atol=tolerance)
    weights = noise(first.shape, 2, dtype)
    first, second = (kernel.starlet_adjoint(weights) for kernel in both)
    np.testing.assert_allclose(first, second, rtol=0, atol=8 * tolerance)
    for hard in (True, False):
        first, second = (kernel.starlet_shrink(images, limits, hard) for kernel in both)
        assert second.dtype == dtype
        np.testing.assert_allclose(first, second, rtol=0, atol=tolerance)
    first, second = (kernel.starlet_restore(images[::-1], images, limits) for kernel in both)
    np.testing.assert_allclose(first, second, rtol=0, atol=tolerance)


@pytest.mark.parametrize("dtype", REAL)
@pytest.mark.parametrize("blocks", [1, 2, 7])
def test_parallel_loops_give_the_same_bits(dtype, blocks):
    images = noise((2, 37, 29), 3, dtype)
    out = np.zeros((2, 4, 37, 29), dtype)
    out[:, 0] = images
    twin = out.copy()
    loops.analyse(out, 0)
    loops.analyse_parallel(twin, blocks)
    np.testing.assert_array_equal(out, twin)
    first, second = out[:, -1].copy(), out[:, -1].copy()
    loops.adjoint(out, first, np.empty_like(first), 0)
    loops.adjoint_parallel(out, second, np.empty_like(second), blocks)
    np.testing.assert_array_equal(first, second)
    for hard in (True, False):
        results = []
        for run in (loops.shrink, loops.shrink_parallel):
            work = np.zeros((2, 2, 37, 29), dtype)
            work[:, 0] = images
            total = np.zeros_like(images)
            run(total, work, np.asarray([2.0, 0.4, 0.1]), hard, blocks)
            results.append(total)
        np.testing.assert_array_equal(*results)
    results = []
    for run in (loops.restore, loops.restore_parallel):
        work = np.zeros((2, 4, 37, 29), dtype)
        work[:, 0], work[:, 2] = images[::-1], images
        total = np.zeros_like(images)
        run(total, work, np.asarray([2.0, 0.4, 0.1]), blocks)
        results.append(total)
    np.testing.assert_array_equal(*results)


def test_large_images_take_the_parallel_loops_and_keep_the_bits():
    image = noise((1, 600, 500), 4)
    np.testing.assert_array_equal(starlet_numba.starlet(image, 3), starlet_generic.starlet(image, 3))


def test_runs_where_host_copies_raise():
    device = array_api_strict.Device("device1")
    image = array_api_strict.asarray(noise((2, 9, 11)), device=device)
    coefficients = starlet(image, 3)
    assert inverse_starlet(coefficients).device == starlet_adjoint(coefficients).device == device
    mask = array_api_strict.asarray(noise((2, 9, 11), 5) > 1.5, device=device)
    assert Starlet()(image, mask=mask, sigma=1.0).device == device


@pytest.mark.parametrize("dtype", REAL)
def test_noise_level_is_found_without_a_mask_and_with_one(dtype):
    data = noise((200, 200), 6, dtype) * dtype(3e-21)
    assert Starlet().solve(data).details["sigma"][0] == pytest.approx(3e-21, rel=0.03)
    mask = np.random.default_rng(0).random(data.shape) < 0.02
    data[mask] = np.nan
    assert Starlet().solve(data, mask=mask).details["sigma"][0] == pytest.approx(3e-21, rel=0.05)


def test_pure_noise_keeps_the_smooth_image_alone():
    data = noise((64, 64), 7)
    np.testing.assert_allclose(
        Starlet(threshold=8.0, scales=3, passes=1)(data, sigma=1.0), starlet(data, 3)[-1], rtol=0, atol=1e-12
    )


def test_hard_keeps_and_soft_shrinks():
    data = np.zeros((41, 41))
    data[20, 20] = 100.0
    hard = Starlet(scales=2, passes=1)(data, sigma=1.0)
    soft = Starlet(scales=2, shrinkage="soft")(data, sigma=1.0)
    detail = starlet(data - 50.0, 2)[:-1]
    limits = 3.0 * np.asarray(scale_noise(2)[:2])[:, None, None]
    smooth = starlet(data, 2)[-1]
    np.testing.assert_allclose(hard, np.where(abs(detail) > limits, detail, 0).sum(0) + smooth, atol=1e-11)
    np.testing.assert_allclose(
        soft, (np.sign(detail) * np.maximum(abs(detail) - limits, 0)).sum(0) + smooth, atol=1e-11
    )
    assert soft[20, 20] < hard[20, 20]


def test_passes_restore_the_flux_of_sources():
    row, column = np.mgrid[:64, :64] - 31.5
    truth = 12.0 * np.exp(-np.hypot(row, column) / 4.0)
    data = truth + noise(truth.shape, 9)
    near = np.hypot(row, column) < 12
    lost = [abs(Starlet(passes=n)(data, sigma=1.0)[near].sum() / truth[near].sum() - 1) for n in (1, 2)]
    assert lost[1] < 0.5 * lost[0]
    detail, limits = starlet(data, 4), 3.0 * np.asarray(scale_noise(4))[:, None, None]
    support = np.abs(detail) > limits
    support[-1] = True
    estimate = np.zeros_like(data)
    for _ in range(2):
        estimate += np.sum(support * starlet(data - estimate, 4), axis=0)
    np.testing.assert_allclose(Starlet()(data, sigma=1.0), estimate, rtol=0, atol=1e-11)


def test_positivity_is_in_the_unit_of_the_data():
    data = noise((32, 32), 8)
    free = Starlet()(data)
    assert free.min() < 0
    np.testing.assert_array_equal(Starlet(positivity=True)(data), np.maximum(free, 0))


def test_large_holes_are_filled_from_around():
    data = np.full((64, 64), 4.0)
    mask = np.zeros(data.shape, dtype=bool)
    mask[10:50, 10:50] = True
    data[mask] = np.inf
    np.testing.assert_allclose(Starlet()(data, mask=mask, sigma=1.0), 4.0, rtol=1e-12)
    np.testing.assert_allclose(Starlet()(data, mask=mask), 4.0, rtol=1e-12)


@pytest.mark.parametrize(
    ("parameters", "name"),
    [
        ({"threshold": -1.0}, "threshold"),
        ({"threshold": np.nan}, "threshold"),
        ({"scales": 0}, "scales"),
        ({"scales": 17}, "scales"),
        ({"shrinkage": "firm"}, "shrinkage"),
        ({"passes": 0}, "passes"),
    ],
)
def test_bad_parameters_are_named(parameters, name):
    with pytest.raises(ParameterError, match=name):
        Starlet(**parameters)


def test_bad_input_is_named():
    with pytest.raises(InputError, match="2 axes"):
        starlet(np.zeros(5), 2)
    image = np.zeros((4, 5))
    image[2, 3] = np.nan
    with pytest.raises(InputError, match=r"nan at index \(2, 3\)"):
        starlet(image, 2)
    with pytest.raises(InputError, match="one detail plane"):
        inverse_starlet(np.zeros((1, 4, 5)))
    with pytest.raises(InputError, match="3 axes"):
        starlet_adjoint(np.zeros((4, 5)))
    with pytest.raises(ParameterError, match="rows and columns"):
        StarletTransform(5)
    everywhere = np.ones(image.shape, dtype=bool)
    with pytest.raises(InputError, match="image 0 is masked everywhere"):
        Starlet()(image, mask=everywhere)
    chequered = np.indices(image.shape).sum(0) % 2 == 0
    with pytest.raises(InputError, match="give sigma"):
        Starlet()(noise(image.shape), mask=chequered)


@pytest.mark.parametrize("dtype", REAL)
def test_smooth_image_alone_is_that_of_the_transform(dtype):
    image = noise((2, 33, 47), dtype=dtype)
    for scales in (0, 1, 3):
        expected = starlet(image, scales)[:, -1] if scales else image
        np.testing.assert_allclose(smooth_starlet(image, scales), expected, rtol=0, atol=1e-6)
        generic = starlet_generic.starlet_smooth(image, scales)
        np.testing.assert_allclose(smooth_starlet(image, scales), generic, rtol=0, atol=2e-6)
    work = np.zeros((2, 2, 33, 47), dtype)
    work[:, 0] = image
    shared = work.copy()
    loops.smooth(work, 3, 0)
    loops.smooth_parallel(shared, 3, 4)
    np.testing.assert_array_equal(shared, work)


def test_transfer_of_each_scale_is_that_of_its_details():
    point = np.zeros((64, 80))
    point[32, 40] = 1.0
    for scale, details in enumerate(starlet(point, 3)[:3]):
        expected = np.abs(np.fft.rfft2(details))
        np.testing.assert_allclose(np.abs(scale_transfer(point.shape, scale)), expected, atol=1e-12)
