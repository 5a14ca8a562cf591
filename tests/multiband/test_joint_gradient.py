"""The joint gradient method on a simulated scene of known truth."""

from functools import lru_cache

import numpy as np
import pytest

from sigden import InputError, ParameterError, from_toml
from sigden.multiband import Grid, JointGradient, Observation
from sigden.simulate.scene import scene
from sigden.solvers import Status

SIZE = 64
GRID = Grid(shape=(SIZE, SIZE), scale=0.1)
ROWS, COLUMNS = np.indices((SIZE, SIZE))


@lru_cache(maxsize=1)
def sky():
    return scene(seed=21, size=SIZE, psf_size=41, galaxies=2, stars=0)


def observe(unit=1.0, **changes):
    out = []
    for image in sky().images():
        image |= {"image": unit * image["image"], "sigma": unit * image["sigma"]}
        out.append(Observation(**image | (changes if out else {})))
    return out


def response():
    return sky().response


def nmse(estimate):
    truth = sky().truth
    return np.mean(np.sum((estimate - truth) ** 2, axis=(1, 2)) / np.sum(truth**2, axis=(1, 2)))


def raised():
    return np.kron(sky().rubin, np.ones((1, 2, 2))) / 4


def test_it_beats_interpolation_by_far_and_keeps_the_brightest_flux():
    result = JointGradient()(observe(), GRID, response=response())
    assert result.bands == sky().bands
    assert nmse(result.estimate) < 0.35 * nmse(raised())
    brightest = max(sky().catalogue, key=lambda s: s.vis_flux)
    near = np.hypot(ROWS - brightest.row, COLUMNS - brightest.column) < 8
    found, true = result.estimate[:, near].sum(axis=1), sky().truth[:, near].sum(axis=1)
    np.testing.assert_allclose(found, true, rtol=0.06)
    assert np.isnan(result.uncertainty).all()


def test_the_wide_band_makes_it_sharp():
    method = JointGradient()
    alone = method.replace(mixture_weight=0.0)
    with_wide, without = (m(observe(), GRID, response=response()) for m in (method, alone))
    assert nmse(with_wide.estimate) < 0.65 * nmse(without.estimate)


def test_it_stops_at_its_certificate():
    solution = JointGradient(tolerance=1e-3)(observe(), GRID, response=response()).details["solution"]
    assert solution.status is Status.CONVERGED
    assert solution.gap <= 1e-3
    assert solution.iterations < 200
    assert solution.estimate.min() >= 0
    free = JointGradient(positivity=False, max_iter=20)(observe(), GRID, response=response())
    assert free.details["solution"].estimate.min() < 0


def test_the_noise_map_counts():
    """The paper's code gives the same for any noise."""
    rng = np.random.default_rng(0)
    good = observe()
    spoilt, sigma = good[2].image.copy(), np.full(good[2].shape, good[2].sigma)
    spoilt[::3] += 30 * good[2].sigma * rng.standard_normal(spoilt[::3].shape)
    sigma[::3] *= 30
    options = {"scale": good[2].scale, "offset": good[2].offset, "psf_scale": good[2].psf_scale}
    known = Observation(spoilt, good[2].psf, good[2].band, sigma=sigma, **options)
    unknown = Observation(spoilt, good[2].psf, good[2].band, sigma=good[2].sigma, **options)
    told, untold = (
        JointGradient()([*good[:2], o, *good[3:]], GRID, response=response()).estimate
        for o in (known, unknown)
    )
    assert nmse(told) < 0.5 * nmse(untold)


def test_masked_pixels_do_not_matter():
    mask = np.zeros((SIZE // 2, SIZE // 2), bool)
    mask[10:12, 14] = True
    observations = observe(mask=mask)
    spoilt = [
        Observation(
            np.where(mask, 1e6, o.image) if o.band != "VIS" else o.image,
            o.psf,
            o.band,
            sigma=o.sigma,
            scale=o.scale,
            offset=o.offset,
            psf_scale=o.psf_scale,
            mask=o.mask,
        )
        for o in observations
    ]
    method = JointGradient(max_iter=30)
    one, two = (method(o, GRID, response=response()).estimate for o in (observations, spoilt))
    np.testing.assert_array_equal(one, two)


def test_the_bootstrap_gives_errors_of_the_size_of_the_noise():
    result = JointGradient(max_iter=60, draws=6)(observe(), GRID, response=response())
    assert result.uncertainty.shape == result.estimate.shape
    bright = sky().truth > 0.1 * sky().truth.max(axis=(1, 2), keepdims=True)
    assert (result.uncertainty[bright] > 0).all()
    miss = np.abs(result.estimate - sky().truth)[bright] / sky().truth[bright]
    assert np.median(result.uncertainty[bright] / sky().truth[bright]) < 5 * np.median(miss)
    np.testing.assert_allclose(
        np.diag(result.noise_covariance), np.mean(result.uncertainty**2, axis=(1, 2)), rtol=1e-9
    )


def test_unit_of_flux_does_not_matter():
    method = JointGradient(max_iter=40)
    plain = method(observe(), GRID, response=response()).estimate
    scaled = method(observe(unit=1e-12), GRID, response=response()).estimate
    np.testing.assert_allclose(1e12 * scaled, plain, atol=1e-6 * plain.max())


def test_pixels_that_are_no_blocks_of_the_grid():
    observations = observe(offset=(0.06, 0.05))
    estimate = JointGradient()(observations, GRID, response=response()).estimate
    assert nmse(estimate) < 0.35 * nmse(raised())


def test_errors_name_the_band():
    with pytest.raises(ParameterError, match="'r': neither sigma nor variance"):
        JointGradient()(observe(sigma=None), GRID, response=response())
    with pytest.raises(ParameterError, match="VIS mixes y"):
        JointGradient()(observe(), GRID, response={"VIS": {"y": 1.0}})
    with pytest.raises(InputError, match="add a narrow one"):
        JointGradient()(observe()[:1], GRID, response=response())


@pytest.mark.parametrize(
    "changes",
    [
        {"target_fwhm": 0.0},
        {"mixture_weight": -1.0},
        {"model_error": -0.1},
        {"tolerance": float("nan")},
        {"max_iter": 0},
        {"draws": 1},
    ],
)
def test_parameters_are_checked_by_name(changes):
    with pytest.raises(ParameterError, match=next(iter(changes))):
        JointGradient(**changes)


def test_serialisable():
    method = JointGradient(mixture_weight=0.5, draws=4)
    assert from_toml(method.to_toml()) == method
