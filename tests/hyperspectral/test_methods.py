"""Methods for cubes: the battery, noise levels of any form, odd cubes and unusable ones."""

import numpy as np
import pytest
from astropy import units as u
from astropy.nddata import NDData, StdDevUncertainty

from sigden import (
    ROF,
    InputError,
    ParameterError,
    RobustSubspace,
    Starlet,
    SubspaceCollaborative,
    SubspaceDenoise,
    from_dict,
    from_toml,
)
from sigden.simulate import gaussian_noise, spectral_cube

TRUTH = spectral_cube((48, 56), 40, endmembers=5, seed=3)
NOISY = gaussian_noise(TRUTH, 0.05, seed=1)
METHODS = [
    SubspaceCollaborative(),
    RobustSubspace(),
    SubspaceDenoise(),
    SubspaceDenoise(denoiser=Starlet(), rank=4),
]
every = pytest.mark.parametrize("method", METHODS, ids=lambda m: m.name())


def error(cube):
    return float(np.mean((np.asarray(cube, dtype=float) - TRUTH) ** 2))


@every
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("scale", [1e-20, 1e12])
def test_equivariant(method, dtype, scale):
    data = NOISY.astype(dtype)
    expected = method(data)
    out = method((dtype(scale) * data).astype(dtype)) / dtype(scale)
    assert out.dtype == dtype
    np.testing.assert_allclose(out, expected, atol=5e-3 if dtype == np.float32 else 1e-6)
    assert error(expected) < 0.12 * error(NOISY)


@every
def test_same_in_same_out(method):
    data = NOISY.copy()
    data.setflags(write=False)
    expected = method(data)
    np.testing.assert_array_equal(data, NOISY)
    np.testing.assert_array_equal(method(data), expected)
    np.testing.assert_array_equal(method(data.astype(">f4")), expected)
    quantity = method(data * u.Jy)
    assert quantity.unit == u.Jy
    np.testing.assert_array_equal(quantity.value, expected)
    np.testing.assert_array_equal(method({"a": data})["a"], expected)
    assert from_dict(method.to_dict()) == method
    assert from_toml(method.to_toml()) == method


@every
def test_masked_and_missing_samples_do_not_spread(method):
    mask = np.random.default_rng(5).random(TRUTH.shape) < 0.05
    mask[10:14, 20, :] = True
    mask[:, :, 7] |= np.arange(56) == 30
    bad = np.where(mask, np.nan, NOISY)
    out = method(bad)
    outside = mask.all(axis=-1)
    assert np.isnan(out[outside]).all()
    assert np.isfinite(out[~outside]).all()
    huge = np.where(mask, 1e9, NOISY).astype(np.float32)
    np.testing.assert_array_equal(method(huge, mask=mask)[~outside], out[~outside])
    filled = mask & ~outside[..., None]
    assert np.mean((out - TRUTH)[filled] ** 2) < 0.3 * 0.05**2


@every
def test_trivial_cubes_come_back(method):
    np.testing.assert_array_equal(method(NOISY, sigma=0.0), NOISY)
    np.testing.assert_array_equal(method(np.full((12, 12, 5), 0.1)), 0.1)
    data = NOISY.copy()
    data[..., 3], data[..., 9] = 7.0, np.nan
    out = method(data)
    np.testing.assert_array_equal(out[..., 3], 7.0)
    assert np.isnan(out[..., 9]).all()
    assert np.isfinite(np.delete(out, 9, axis=-1)).all()


@every
@pytest.mark.parametrize("number", [0.05, np.float64(0.05), np.array(0.05), np.full(NOISY.shape[2], 0.05)])
def test_one_noise_level_in_any_form(method, number):
    np.testing.assert_array_equal(method(NOISY, sigma=number), method(NOISY, sigma=0.05))


def test_given_noise_levels_and_variance_cubes():
    level = np.linspace(0.02, 0.1, 40)
    data = gaussian_noise(TRUTH, level, seed=4)
    method = SubspaceCollaborative()
    told = method.solve(data, sigma=level)
    np.testing.assert_allclose(told.sigma, level)
    assert error(told.estimate) < 1.1 * error(method(data))
    bright = np.linspace(0.5, 2, 56)[None, :, None]
    rng = np.random.default_rng(2)
    sigma = np.broadcast_to(level * bright, TRUTH.shape)
    uneven = (TRUTH + sigma * rng.standard_normal(TRUTH.shape)).astype(np.float32)
    assert error(method(uneven, sigma=sigma)) < 0.97 * error(method(uneven))
    known = np.array(sigma)
    known[3, 4, 5] = np.inf
    uneven[3, 4, 5] = 1e6
    assert error(method(uneven, sigma=known)) < error(uneven)
    out = method(NDData(data, uncertainty=StdDevUncertainty(np.broadcast_to(level, data.shape)), unit=u.Jy))
    assert out.unit == u.Jy
    assert out.meta["sigden"]["method"] == "SubspaceCollaborative"
    ratio = np.mean((out.data - TRUTH) ** 2) / np.mean(out.uncertainty.array**2)
    assert 0.2 < ratio < 5


def test_the_variance_of_a_projection_is_exact():
    level = np.linspace(0.02, 0.1, 40)
    outcomes = [
        SubspaceDenoise(rank=4).solve(gaussian_noise(TRUTH, level, seed=s), sigma=level) for s in range(8)
    ]
    spread = np.var([o.estimate for o in outcomes], axis=0, ddof=1).mean(axis=(0, 1))
    np.testing.assert_allclose(spread, outcomes[0].variance().mean(axis=(0, 1)), rtol=0.25)


def test_any_image_denoiser_serves():
    noisier = gaussian_noise(TRUTH, 0.2, seed=1)
    plain = error(SubspaceDenoise()(noisier))
    for denoiser in (ROF(), Starlet()):
        assert error(SubspaceDenoise(denoiser=denoiser)(noisier)) < 0.9 * plain
        assert error(RobustSubspace(denoiser=denoiser)(noisier)) < 0.9 * plain
    assert error(SubspaceCollaborative()(noisier)) < 0.5 * plain
    assert SubspaceDenoise(rank=3).solve(NOISY).rank == 3
    with pytest.raises(ParameterError, match="rank"):
        SubspaceDenoise(rank=0)
    with pytest.raises(ParameterError, match="rank"):
        RobustSubspace(rank=100)(NOISY)


def test_small_and_narrow_cubes():
    tiny = gaussian_noise(spectral_cube((7, 30), 12, endmembers=3, seed=1), 0.05, seed=2)
    assert SubspaceCollaborative()(tiny).shape == tiny.shape
    two = NOISY[..., :2]
    assert np.isfinite(SubspaceCollaborative()(two)).all()


@pytest.mark.parametrize("cube", [np.zeros((9, 8, 6)), np.ones((9, 8, 6)), np.arange(8.0).reshape(1, 1, 8)])
@pytest.mark.parametrize("method", [SubspaceCollaborative(), RobustSubspace(), SubspaceDenoise()])
def test_cubes_without_signal_or_noise_have_a_variance_too(method, cube):
    found = method.solve(cube)
    np.testing.assert_allclose(found.estimate, cube, atol=1e-12)
    variance = found.variance()
    if variance is not None:
        assert variance.shape == cube.shape
        assert np.abs(variance).max() <= 1e-20


def test_unusable_cubes_are_named():
    method = SubspaceCollaborative()
    with pytest.raises(InputError, match="do not determine the noise"):
        method(NOISY[:4, :5])
    with pytest.raises(InputError, match="moveaxis"):
        method(NOISY[0])
    bad = NOISY.copy()
    bad[1, 2, 3] = np.inf
    with pytest.raises(InputError, match=r"infinite value at index \(1, 2, 3\)"):
        method(bad)
    with pytest.raises(InputError, match="no sample is left"):
        method(np.full((9, 9, 4), np.nan))
    with pytest.raises(InputError, match="sigma"):
        method(NOISY, sigma=np.ones(3))
    with pytest.raises(InputError, match="negative"):
        method(NOISY, sigma=-1.0)
    with pytest.raises(InputError, match="mask has shape"):
        method(NOISY, mask=np.zeros(3, dtype=bool))
