"""Error maps hold the truth as often as they say, and the pieces they are made of."""

import numpy as np
import pytest

from benchmarks.multiband_errors import simulated, standardised
from sigden import JointSparse, JointWiener
from sigden.denoisers.starlet.transform import starlet
from sigden.multiband import Grid, Observation, gaussian_psf
from sigden.multiband.joint.details import colour_scales, local_colour, posterior_details
from sigden.multiband.joint.shrink import colour_basis, detail_noise, noise_pairs, shrink_colours
from sigden.multiband.joint.transfer import Passage, measure_passage


@pytest.fixture(scope="module")
def fields():
    return [simulated(seed) for seed in range(900, 904)]


@pytest.mark.parametrize("method", [JointWiener(), JointSparse()], ids=["wiener", "sparse"])
def test_errors_are_as_large_as_they_are_said_to_be(method, fields):
    for region, z in standardised(method, fields).items():
        assert 0.8 < np.sqrt(np.mean(z**2)) < 1.25, region
        assert 0.6 < np.mean(np.abs(z) < 1) < 0.8, region


def solvers(field):
    method = JointSparse()
    prior = method.prior(field.observations, field.grid, field.response)
    return prior, prior.solver(correlation=0.8, strength=10.0), prior.solver(correlation=0.3, strength=0.01)


def test_noise_of_details_in_any_combination_of_bands(fields):
    _, first, _ = solvers(fields[0])
    pairs = noise_pairs(first, 3, 3)
    np.testing.assert_array_equal(pairs, np.swapaxes(pairs, 0, 1))
    combination, colour = np.array([0.5, -1.0, 0.7]), np.array([0.8, 1.1, 1.3])[:, None, None]
    direct = first.levels((combination / colour[:, 0, 0])[None], 3)[0]
    np.testing.assert_allclose(detail_noise(pairs, combination, colour), direct, rtol=1e-9)


def test_first_look_keeps_what_stands_out_of_the_noise_and_no_noise():
    rng = np.random.default_rng(0)
    noise = rng.standard_normal((2, 64, 64))
    sigma = np.mean(starlet(noise, 3)[:, :3] ** 2, axis=(0, 2, 3))
    pairs = np.zeros((2, 2, 3, 1, 1))
    pairs[0, 0] = pairs[1, 1] = sigma[:, None, None]
    flux = np.array([1.0, 2.0])
    source = np.zeros((2, 64, 64))
    source[:, 30:34, 30:34] = 300.0
    shrunk = shrink_colours(noise + source, colour_basis(2), flux, pairs, 3.0)
    np.testing.assert_allclose(shrunk[:, 31:33, 31:33], source[:, 31:33, 31:33], atol=5)
    assert np.std(shrunk[:, :20, :20]) < 0.35
    np.testing.assert_array_equal(
        shrink_colours(np.zeros_like(noise), colour_basis(2), flux, 0 * pairs, 3.0), 0
    )


def test_colours_of_a_place_and_of_the_scene():
    rows, columns = np.indices((80, 80))
    light = [100 * np.exp(-((rows - r) ** 2 + (columns - 40) ** 2) / 18) for r in (20, 60)]
    flux = np.array([1.0, 2.0])
    images = np.stack([light[0] + 3 * light[1], 2 * light[0] + 2 * light[1]])
    colour = local_colour(images, flux, 1e-6 * flux**2, 2)
    np.testing.assert_allclose(np.mean(colour / flux[:, None, None], axis=0), 1)
    np.testing.assert_allclose(colour[1, 20, 40] / colour[0, 20, 40], 2, rtol=1e-3)
    np.testing.assert_allclose(colour[1, 60, 40] / colour[0, 60, 40], 2 / 3, rtol=1e-3)
    faint = local_colour(1e-9 * images, flux, flux**2, 2)
    np.testing.assert_allclose(faint[1] / faint[0], 2, rtol=1e-6)
    nothing = local_colour(0 * images, flux, 0 * flux, 2)
    np.testing.assert_allclose(nothing, np.broadcast_to(flux[:, None, None], images.shape))


def test_a_place_is_as_wide_as_the_widest_psf():
    def seen(fwhm, scale):
        return Observation(
            np.zeros((64, 64)), gaussian_psf(fwhm, 0.1), "r", sigma=1.0, scale=scale, psf_scale=0.1
        )

    for fwhm in (0.3, 0.7, 1.2):
        scales = colour_scales([seen(0.2, 0.2), seen(fwhm, 0.2)], 0.1)
        spread = [np.sqrt((4.0**j - 1) / 3) for j in (scales - 1, scales)]
        assert spread[0] < fwhm / 2.3548 / 0.1 <= 1.02 * spread[1]
    assert colour_scales([seen(0.3, 0.2)], 0.6) == 1


def passage(details, scales, light_left=1.0, noise_left=1.0):
    one = np.ones((2, scales))
    return Passage(np.zeros((2, 1, 1)), details, (one, light_left * one, noise_left * one))


@pytest.mark.parametrize("light", [4.0, 15.0, 60.0])
def test_details_drawn_from_the_prior_come_back_with_the_error_that_is_said(light):
    rng = np.random.default_rng(1)
    # one band and light so even that its details are nothing: the prior is that of the light
    scales, shape = 3, (128, 128)
    basis, colour = np.ones((1, 1)), np.ones((1, *shape))
    noise, drawn = rng.standard_normal((2, 1, *shape))
    even = np.full((1, *shape), light)
    # white details have in every scale the same part of the noise of that scale
    finest = np.mean(starlet(noise, scales)[0, 0] ** 2)
    truth = even + drawn * np.sqrt(0.035 / finest) * light
    sigma = np.mean(starlet(noise, scales)[0, :scales] ** 2, axis=(1, 2))
    pairs = sigma[None, None, :, None, None]
    rest = starlet(noise, scales)[:, scales]
    detailed = np.var(noise - rest)
    found, variance = posterior_details(truth + noise, even, basis, colour, pairs, passage(detailed, scales))
    error = np.mean((found - truth - rest) ** 2)
    # the finest scale holds nearly all, and only there the light says what was drawn
    assert 0.6 < np.mean(variance) / error < 1.35
    # no detail is worth keeping where there is no light
    dark, variance = posterior_details(noise, 0 * noise, basis, colour, pairs, passage(detailed, scales))
    np.testing.assert_allclose(dark, rest)
    assert np.max(variance) < 0.02 * detailed
    assert np.mean(variance) < 0.001 * detailed


def test_an_error_is_said_where_it_is():
    rng = np.random.default_rng(3)
    scales, shape = 3, (128, 128)
    basis, colour = np.ones((1, 1)), np.ones((1, *shape))
    noise, drawn, chance = rng.standard_normal((3, 1, *shape))
    sigma = np.mean(starlet(noise, scales)[0, :scales] ** 2, axis=(1, 2))
    pairs = sigma[None, None, :, None, None]
    rest = starlet(noise, scales)[:, scales]
    # knots that an even pilot does not show
    truth = 6 + 4 * drawn * (chance > 1.6)
    even = np.full((1, *shape), 6.0)
    detailed = np.var(noise - rest)
    found, variance = posterior_details(truth + noise, even, basis, colour, pairs, passage(detailed, scales))
    squared = (found - truth - rest) ** 2
    large = variance > np.quantile(variance, 0.9)
    assert np.mean(squared[large]) > 2 * np.mean(squared[~large])
    assert 0.5 < np.mean(variance) / np.mean(squared) < 2


def test_a_peak_of_light_is_less_certain_than_its_wings():
    grid = Grid((64, 64), 0.1)
    rows, columns = np.indices(grid.shape)
    apart = np.hypot(rows - 32, columns - 32)
    image = 40 * np.exp(-((apart / 3) ** 2)) + np.random.default_rng(5).standard_normal(grid.shape)
    one = Observation(image, gaussian_psf(0.2, 0.1), "r", sigma=1.0, scale=0.1)
    for method in (JointWiener(), JointSparse()):
        found = method([one], grid, response={}).uncertainty[0]
        assert np.median(found[apart < 2]) > 1.3 * np.median(found[(apart > 6) & (apart < 9)])


def test_what_comes_through_lies_between_nothing_and_all(fields):
    prior, first, last = solvers(fields[1])
    basis = colour_basis(3) / prior.relative_flux
    found = measure_passage(prior, first, last, basis, 4)
    held, light_left, noise_left = found.parts
    # the mean is resolved at all scales, contrasts only where the Rubin bands resolve them
    assert (held[0, 1:] > 0.85).all()
    assert held[1, 0] < 0.5 < held[1, 3]
    for part in found.parts:
        assert part.shape == (2, 4)
        assert (part > -0.05).all()
        assert (part < 1.05).all()
    # what is fine is mended least
    assert (np.diff(light_left[0]) < 0).all()
    assert noise_left[0, 0] > light_left[0, 3]
    assert (found.ground < found.details).all()


def test_an_error_map_of_one_band():
    grid = Grid((32, 32), 0.1)
    rows, columns = np.indices(grid.shape)
    image = 50 * np.exp(-((rows - 16) ** 2 + (columns - 16) ** 2) / 12)
    image += np.random.default_rng(2).standard_normal(image.shape)
    one = Observation(image, gaussian_psf(0.3, 0.1), "r", sigma=1.0, scale=0.1)
    found = JointSparse()([one], grid, response={})
    assert found.uncertainty.shape == (1, 32, 32)
    assert found.uncertainty[0, 16, 16] > 2 * np.median(found.uncertainty)
