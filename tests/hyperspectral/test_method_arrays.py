"""Methods on cubes of other array libraries: what NumPy gives, and no copy that was not meant."""

import numpy as np
import pytest

from sigden import (
    ROF,
    InputError,
    RobustSubspace,
    Starlet,
    SubspaceCollaborative,
    SubspaceDenoise,
)
from sigden.simulate import (
    dead_lines,
    gaussian_noise,
    impulse_noise,
    mixed_noise,
    poisson_noise,
    spectral_cube,
    stripe_noise,
)

TRUTH = spectral_cube((26, 30), 20, seed=1)
METHODS = [
    SubspaceCollaborative(),
    RobustSubspace(),
    SubspaceDenoise(),
    SubspaceDenoise(denoiser=Starlet(), rank=3),
]


def noisy(kind, dtype=np.float64):
    clean = gaussian_noise(TRUTH, 0.02, seed=2)
    cubes = {
        "white": lambda: clean,
        "levels": lambda: gaussian_noise(TRUTH, np.linspace(0.01, 0.1, 20), seed=2),
        "photons": lambda: poisson_noise(TRUTH, 60.0, seed=3),
        "in space": lambda: gaussian_noise(TRUTH, 0.05, seed=2, correlation=1.0),
        "in spectra": lambda: TRUTH + along_spectrum(),
        "stripes": lambda: stripe_noise(clean, seed=3),
        "impulses": lambda: impulse_noise(clean, seed=3),
        "dead": lambda: dead_lines(clean, seed=3),
        "all": lambda: mixed_noise(TRUTH, seed=2),
        "line": with_line,
    }
    return cubes[kind]().astype(dtype)


def along_spectrum():
    from scipy.ndimage import gaussian_filter1d

    return 0.1 * gaussian_filter1d(np.random.default_rng(4).standard_normal(TRUTH.shape), 1.0, axis=2)


def with_line():
    cube = gaussian_noise(TRUTH, 0.02, seed=2)
    cube[8:18, 8:18, 11] += 0.06
    return cube


def same(elsewhere, found, expected, rtol=0.0, atol=1e-7):
    received = elsewhere.receive(found)
    assert received.dtype == expected.dtype
    np.testing.assert_allclose(received, expected, rtol=rtol, atol=atol)


@pytest.mark.parametrize(
    "kind",
    ["white", "levels", "photons", "in space", "in spectra", "stripes", "impulses", "dead", "all", "line"],
)
def test_the_default_gives_what_numpy_gives(elsewhere, kind):
    data = noisy(kind)
    found, expected = SubspaceCollaborative().solve(elsewhere.send(data)), SubspaceCollaborative().solve(data)
    assert found.rank == expected.rank
    assert found.components.counts() == expected.components.counts()
    assert (found.stabiliser is None) == (expected.stabiliser is None)
    np.testing.assert_allclose(found.noise_power, expected.noise_power, rtol=1e-8)
    same(elsewhere, found.estimate, expected.estimate)
    same(elsewhere, found.sigma, expected.sigma, rtol=1e-8, atol=0)
    same(elsewhere, found.eigen_images, expected.eigen_images, atol=1e-5)
    same(elsewhere, found.gain, expected.gain, atol=1e-6)
    same(elsewhere, found.variance(), expected.variance(), rtol=1e-5, atol=1e-12)
    same(elsewhere, found.components.stripes, expected.components.stripes, atol=1e-9)
    np.testing.assert_array_equal(elsewhere.receive(found.components.outliers), expected.components.outliers)


def test_each_kind_takes_its_own_way():
    found = {
        kind: SubspaceCollaborative().solve(noisy(kind)) for kind in ("photons", "in space", "in spectra")
    }
    assert found["photons"].stabiliser is not None
    assert found["in space"].noise_power.max() > 2
    assert found["in spectra"].space.level is not None


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("method", METHODS, ids=lambda m: f"{m.name()}-{getattr(m, 'rank', None)}")
def test_masks_and_missing_samples(elsewhere, method, dtype):
    data = noisy("all", dtype)
    rng = np.random.default_rng(6)
    mask = rng.random(data.shape) < 0.03
    data[rng.random(data.shape) < 0.03] = np.nan
    data[4, 5], data[..., 7], data[..., 9] = np.nan, np.nan, 1.0
    mask[6, 5, :15], mask[8, 8, 2:] = True, True
    data[mask] = 1e9
    out = method(elsewhere.send(data), mask=elsewhere.send(mask))
    same(elsewhere, out, method(data, mask=mask), atol=2e-4 if dtype == np.float32 else 1e-7)


@pytest.mark.parametrize("method", METHODS, ids=lambda m: f"{m.name()}-{getattr(m, 'rank', None)}")
def test_given_noise(elsewhere, method):
    data = noisy("levels")
    levels = np.linspace(0.01, 0.1, 20)
    by_sample = levels * np.random.default_rng(7).uniform(0.5, 2, data.shape[:2])[..., None]
    by_sample[3, 4, 5], by_sample[9, 9] = np.inf, np.nan
    there = elsewhere.send(data)
    same(elsewhere, method(there, sigma=0.05), method(data, sigma=0.05))
    same(elsewhere, method(there, sigma=elsewhere.send(levels)), method(data, sigma=levels))
    found, expected = (
        method.solve(there, sigma=elsewhere.send(by_sample)),
        method.solve(data, sigma=by_sample),
    )
    same(elsewhere, found.estimate, expected.estimate)
    same(elsewhere, found.pixel_scale, expected.pixel_scale, atol=1e-12)
    if expected.variance() is not None:
        same(elsewhere, found.variance(), expected.variance(), rtol=1e-5, atol=1e-12)


def test_any_denoiser_of_such_images_serves(elsewhere):
    data = noisy("white")
    method = SubspaceDenoise(denoiser=ROF(regularization=1.0))
    same(elsewhere, method(elsewhere.send(data)), method(data), atol=1e-3)  # two ways to the minimum


def test_cubes_without_noise_or_with_few_rows(elsewhere):
    flat = np.ones((9, 10, 4))
    same(elsewhere, SubspaceCollaborative()(elsewhere.send(flat)), flat, atol=0)
    result = SubspaceCollaborative().solve(elsewhere.send(TRUTH), sigma=0.0)
    same(elsewhere, result.estimate, TRUTH, atol=0)
    assert result.components.counts()["dead"] == 0
    narrow = noisy("white")[:5]
    same(elsewhere, SubspaceCollaborative()(elsewhere.send(narrow)), SubspaceCollaborative()(narrow))


def test_the_input_is_not_touched(elsewhere):
    data = noisy("all")
    there = elsewhere.send(data)
    SubspaceCollaborative()(there)
    np.testing.assert_array_equal(elsewhere.receive(there), data)


def test_unusable_cubes_are_named(elsewhere):
    data = noisy("white")
    data[1, 2, 3] = np.inf
    there = elsewhere.send(data)
    with pytest.raises(InputError, match=r"\(1, 2, 3\)"):
        SubspaceCollaborative()(there)
    good = elsewhere.send(noisy("white"))
    with pytest.raises(InputError, match="namespace"):
        SubspaceCollaborative()(good, mask=np.zeros(TRUTH.shape, bool))
    with pytest.raises(InputError, match="namespace"):
        SubspaceCollaborative()(good, sigma=np.ones(TRUTH.shape))
    with pytest.raises(InputError, match="spectra do not determine"):
        SubspaceCollaborative()(good[:2, :5, :])
