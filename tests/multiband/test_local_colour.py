"""Local colour on a simulated scene of known truth."""

from dataclasses import replace
from functools import lru_cache

import numpy as np
import pytest
from astropy.wcs import WCS

from sigden import InputError, ParameterError, from_toml
from sigden.multiband import Grid, LocalColour, Observation, bootstrap
from sigden.simulate.scene import scene


@lru_cache(maxsize=2)
def sky(noise=True):
    return scene(seed=22, size=96, psf_size=61, noise=noise)


def observe(noise=True, unit=1.0):
    seen = [Observation(**image) for image in sky(noise).images()]
    return [replace(o, image=unit * o.image, sigma=unit * o.sigma) for o in seen]


GRID = Grid(shape=(96, 96), scale=0.1)


def response():
    return sky().response


def nmse(estimate, truth):
    return np.mean(np.sum((estimate - truth) ** 2, axis=(1, 2)) / np.sum(truth**2, axis=(1, 2)))


def apertures(images):
    rows, columns = np.indices(images.shape[1:])
    bright = sorted(sky().catalogue, key=lambda s: -s.vis_flux)[:3]
    near = [np.hypot(rows - s.row, columns - s.column) < 8 for s in bright]
    return np.array([[image[n].sum() for n in near] for image in images])


def test_it_beats_interpolation_by_far_and_keeps_fluxes():
    result = LocalColour()(observe(), GRID, response=response())
    assert result.bands == sky().bands
    raised = np.kron(sky().rubin, np.ones((1, 2, 2))) / 4
    assert nmse(result.estimate, sky().truth) < 0.25 * nmse(raised, sky().truth)
    np.testing.assert_allclose(apertures(result.estimate), apertures(sky().truth), rtol=0.06)


def test_a_colour_map_is_better_than_one_colour():
    local = LocalColour()(observe(), GRID, response=response())
    one = LocalColour(colour_scatter=1e-6)(observe(), GRID, response=response())
    assert np.ptp(one.details["colour"][0]) < 1e-3 * one.details["colour"][0].mean()
    assert nmse(local.estimate, sky().truth) < nmse(one.estimate, sky().truth)


def test_the_error_map_is_what_repeated_noise_shows():
    s = sky()
    base = LocalColour()(observe(), GRID, response=response())
    found = []
    rng = np.random.default_rng(1)
    for _ in range(25):
        again = []
        for o in observe(noise=False):
            noise = o.sigma * rng.standard_normal(o.image.shape)
            options = {"sigma": o.sigma, "scale": o.scale, "offset": o.offset, "psf_scale": o.psf_scale}
            again.append(Observation(o.image + noise, o.psf, o.band, **options))
        found.append(LocalColour()(again, GRID, response=response()).estimate)
    ratio = np.std(found, axis=0) / base.uncertainty
    bright = s.truth > 10 * base.uncertainty
    assert bright.sum() > 100
    assert 0.85 < np.median(ratio[bright]) < 1.15
    assert 0.7 < np.median(ratio) < 1.4
    assert base.noise_covariance.shape == (3, 3)
    np.testing.assert_allclose(
        np.diag(base.noise_covariance), np.mean(base.uncertainty**2, axis=(1, 2)), rtol=1e-9
    )


def test_two_images_of_a_band_count_as_one_of_less_noise():
    once = LocalColour()(observe(), GRID, response=response())
    observations = observe()
    twice = LocalColour()([*observations, *observations[1:]], GRID, response=response())
    bright = sky().truth > 20 * once.uncertainty
    assert bright.sum() > 100
    np.testing.assert_allclose(twice.details["colour"][bright], once.details["colour"][bright], rtol=0.05)
    assert twice.uncertainty[bright].mean() < once.uncertainty[bright].mean()


def changed(**options):
    return [
        replace(o, **{k: v(o) if callable(v) else v for k, v in options.items()}) if o.band != "VIS" else o
        for o in observe()
    ]


def test_noise_maps_and_masks_give_what_uniform_noise_gives():
    plain = LocalColour()(observe(), GRID, response=response())
    rng = np.random.default_rng(3)
    mask = rng.random((48, 48)) < 0.05
    image = {o.band: np.where(mask, np.nan, o.image) for o in observe()[1:]}
    found = LocalColour()(
        changed(
            sigma=lambda o: o.sigma * (1 + 1e-3 * rng.random(o.shape)),
            mask=mask,
            image=lambda o: image[o.band],
        ),
        GRID,
        response=response(),
    )
    assert found.bands == plain.bands
    assert nmse(found.estimate, sky().truth) < 1.2 * nmse(plain.estimate, sky().truth)
    np.testing.assert_allclose(apertures(found.estimate), apertures(sky().truth), rtol=0.06)
    assert np.isnan(found.uncertainty).all()
    again = bootstrap(LocalColour(), changed(mask=mask, image=lambda o: image[o.band]), GRID,
                      response=response(), draws=2)  # fmt: skip
    assert np.isfinite(again.uncertainty).all()


def test_any_pixels_through_their_wcs():
    s = sky()
    wide, *narrow = observe()
    grid = Grid.from_wcs((96, 96), tangent(s.scale, (48.5, 48.5)))
    observations = [replace(wide, wcs=grid.wcs)]
    turned = tangent(s.rubin_scale, (24.5, 24.5))
    for one in narrow:
        observations.append(replace(one, wcs=turned))
    plain = LocalColour()(observe(), GRID, response=response())
    same = LocalColour()(observations, grid, response=response())
    np.testing.assert_allclose(same.estimate, plain.estimate, atol=1e-6 * plain.estimate.max())
    # cut by a row, the images are no whole blocks of the grid any more
    cut = [replace(o, image=o.image[1:], wcs=tangent(s.rubin_scale, (24.5, 23.5))) for o in observations[1:]]
    found = LocalColour()([observations[0], *cut], grid, response=response())
    inside = np.s_[:, 12:-12, 12:-12]
    assert nmse(found.estimate[inside], s.truth[inside]) < 1.2 * nmse(plain.estimate[inside], s.truth[inside])


def tangent(scale, centre):
    wcs = WCS(naxis=2)
    wcs.wcs.ctype = "RA---TAN", "DEC--TAN"
    wcs.wcs.crval = 150.0, 2.0
    wcs.wcs.crpix = centre
    wcs.wcs.cdelt = -scale / 3600, scale / 3600
    return wcs


def test_unit_of_flux_does_not_matter():
    plain = LocalColour()(observe(), GRID, response=response())
    scaled = LocalColour()(observe(unit=1e-12), GRID, response=response())
    np.testing.assert_allclose(1e12 * scaled.estimate, plain.estimate, atol=1e-9 * plain.estimate.max())
    np.testing.assert_allclose(1e12 * scaled.uncertainty, plain.uncertainty, rtol=1e-6)


def test_a_wide_band_on_the_grid_is_needed():
    with pytest.raises(InputError, match="no wide band"):
        LocalColour()([*observe()[1:], _renamed(observe()[0], "i2")], GRID, response={})
    with pytest.raises(InputError, match="at least one"):
        LocalColour()([], GRID, response=response())


def _renamed(observation, band):
    return Observation(observation.image, observation.psf, band, sigma=observation.sigma, scale=0.1)


@pytest.mark.parametrize(
    "changes", [{"target_fwhm": 0.0}, {"window_fwhm": -1.0}, {"colour_scatter": float("inf")}]
)
def test_parameters_are_checked_by_name(changes):
    with pytest.raises(ParameterError, match=next(iter(changes))):
        LocalColour(**changes)


def test_serialisable():
    method = LocalColour(window_fwhm=0.6)
    assert from_toml(method.to_toml()) == method
