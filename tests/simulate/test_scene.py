"""Simulated sky: fluxes, PSFs, noise, mixture, profiles."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import special

from sigden import ParameterError
from sigden.metrics import adaptive_moments, aperture_flux
from sigden.simulate import scene
from sigden.simulate.light import SPECTRA, band_fluxes, mixture_weights, sersic_map, sersic_scale
from sigden.simulate.optics import annular_transfer, gaussian_transfer, kolmogorov_transfer, sheared, tapered


@pytest.fixture(scope="module")
def star():
    return scene(seed=4, size=128, galaxies=0, stars=1, noise=False)


def fields(sky):
    return {name: getattr(sky, name) for name in ("vis", "rubin", "truth")}


def test_shapes_and_sums():
    sky = scene(seed=1, size=48, psf_size=51)
    assert sky.vis.shape == (48, 48)
    assert sky.rubin.shape == (3, 24, 24)
    assert sky.truth.shape == (3, 48, 48)
    assert sky.psf_rubin.shape == (3, 51, 51)
    for psf in (sky.psf_vis, *sky.psf_rubin, sky.psf_target):
        assert psf.sum() == pytest.approx(1.0, abs=1e-12)
        assert np.unravel_index(psf.argmax(), psf.shape) == (25, 25)
        assert psf.min() > -1e-9


def test_images_are_what_an_observation_takes():
    sky = scene(seed=1, size=48, psf_size=51)
    vis, *rubin = sky.images()
    assert [shown["band"] for shown in (vis, *rubin)] == ["VIS", "r", "i", "z"]
    assert vis["image"] is sky.vis
    assert (vis["sigma"], vis["scale"]) == (sky.sigma_vis, sky.scale)
    for shown, image, sigma in zip(rubin, sky.rubin, sky.sigma_rubin, strict=True):
        np.testing.assert_array_equal(shown["image"], image)
        assert (shown["sigma"], shown["scale"], shown["psf_scale"]) == (sigma, 0.2, 0.1)
        # the first Rubin pixel covers 2 x 2 VIS pixels, so its centre is half a VIS pixel beyond the first
        assert shown["offset"] == pytest.approx((0.05, 0.05))
    assert sum(sky.response["VIS"].values()) == pytest.approx(1.0)


def test_same_seed_same_sky_other_seed_other_sky():
    one, two, other = (scene(seed=s, size=32, psf_size=31) for s in (5, 5, 6))
    for name, image in fields(one).items():
        np.testing.assert_array_equal(image, fields(two)[name])
        assert not np.array_equal(image, fields(other)[name])
    assert one.catalogue == two.catalogue


def test_noise_is_drawn_apart_from_the_sky_and_has_its_level():
    clean, noisy = (scene(seed=5, size=64, psf_size=31, noise=n) for n in (False, True))
    np.testing.assert_array_equal(clean.truth, noisy.truth)
    assert np.std(noisy.vis - clean.vis) == pytest.approx(noisy.sigma_vis, rel=0.05)
    np.testing.assert_allclose(np.std(noisy.rubin - clean.rubin, axis=(1, 2)), noisy.sigma_rubin, rtol=0.1)
    shallow = scene(seed=5, size=64, psf_size=31, rubin_depths=(26.25, 25.55, 24.85))
    np.testing.assert_allclose(shallow.sigma_rubin / noisy.sigma_rubin, 10 ** (0.4 * 1.25))


def test_depth_is_five_standard_deviations_of_the_matched_filter():
    sky = scene(seed=0, size=32, vis_depth=26.2)
    flux = 10 ** (-0.4 * (26.2 - sky.zero_point))
    assert flux * math.sqrt(np.sum(sky.psf_vis**2)) / sky.sigma_vis == pytest.approx(5.0)
    # 2 x 2 samples of the effective PSF make one native pixel
    native = 4 * sky.psf_rubin[0][::2, ::2]
    assert native.sum() == pytest.approx(1.0, abs=1e-6)
    flux = 10 ** (-0.4 * (27.5 - sky.zero_point))
    assert flux * math.sqrt(np.sum(native**2)) / sky.sigma_rubin[0] == pytest.approx(5.0)


def test_a_star_has_its_catalogued_flux_everywhere(star):
    (entry,) = star.catalogue
    assert entry.kind == "star"
    np.testing.assert_allclose(star.truth.sum(axis=(1, 2)), entry.flux, rtol=1e-5)
    np.testing.assert_allclose(star.rubin.sum(axis=(1, 2)), entry.flux, rtol=1e-5)
    assert star.vis.sum() == pytest.approx(entry.vis_flux, rel=1e-5)


def test_a_star_lies_where_the_catalogue_says(star):
    (entry,) = star.catalogue
    found = adaptive_moments(star.truth[0], entry.row, entry.column)
    assert (found.row, found.column) == pytest.approx((entry.row, entry.column), abs=2e-2)
    assert found.size == pytest.approx(2.0 / math.sqrt(8 * math.log(2)), rel=2e-2)
    for image in star.rubin:
        found = adaptive_moments(image, (entry.row - 0.5) / 2, (entry.column - 0.5) / 2)
        assert (2 * found.row + 0.5, 2 * found.column + 0.5) == pytest.approx(
            (entry.row, entry.column), abs=1e-3
        )


def test_a_star_is_its_psf(star):
    (entry,) = star.catalogue
    shift = [np.exp(-2j * np.pi * np.fft.fftfreq(128) * c) for c in (entry.row - 50, entry.column - 50)]
    padded = np.zeros((128, 128))
    padded[:101, :101] = star.psf_vis
    moved = np.fft.ifft2(np.fft.fft2(padded) * shift[0][:, None] * shift[1]).real
    # VIS is not resolved by its pixels: interpolating the PSF errs
    assert np.abs(entry.vis_flux * moved - star.vis).max() < 5e-2 * star.vis.max()
    padded[:101, :101] = star.psf_rubin[2]
    moved = np.fft.ifft2(np.fft.fft2(padded) * shift[0][:, None] * shift[1]).real
    # flux per Rubin pixel: the effective PSF at its centre, between four VIS pixels, times its area
    half = np.exp(1j * np.pi * np.fft.fftfreq(128))
    at_centres = np.fft.ifft2(np.fft.fft2(moved) * half[:, None] * half).real[::2, ::2]
    np.testing.assert_allclose(4 * entry.flux[2] * at_centres, star.rubin[2], atol=1e-5 * star.rubin[2].max())


def test_galaxies_keep_their_flux():
    sky = scene(seed=2, size=128, galaxies=1, stars=0, noise=False)
    (entry,) = sky.catalogue
    np.testing.assert_allclose(sky.truth.sum(axis=(1, 2)), entry.flux, rtol=1e-3)
    np.testing.assert_allclose(sky.rubin.sum(axis=(1, 2)), entry.flux, rtol=1e-3)
    assert sky.vis.sum() == pytest.approx(entry.vis_flux, rel=1e-3)


def test_vis_is_nearly_the_mixture_and_exactly_on_request():
    options = {"seed": 7, "size": 64, "psf_size": 51, "noise": False, "galaxies": 4}
    real, exact = scene(**options), scene(**options, exact_mixture=True)
    ratios = np.asarray([s.vis_flux / (real.alpha @ np.asarray(s.flux)) - 1 for s in real.catalogue])
    assert 1e-4 < np.abs(ratios).max() < 0.1
    for entry in exact.catalogue:
        assert entry.vis_flux == pytest.approx(exact.alpha @ np.asarray(entry.flux), rel=1e-12)
    np.testing.assert_array_equal(real.truth, exact.truth)
    assert exact.alpha.sum() == pytest.approx(1.0)
    assert exact.alpha.min() > 0


def test_spectra_are_flat_or_red_and_mix_as_the_weights_say():
    np.testing.assert_allclose(band_fluxes((0.0, 0.0)), 1.0, rtol=1e-12)
    r, i, z, _ = band_fluxes("elliptical", 0.5)
    assert r < i < z
    assert band_fluxes((0.0, 0.0))[3] == pytest.approx(mixture_weights().sum())
    assert set(SPECTRA) == {"elliptical", "early spiral", "late spiral", "irregular"}
    with pytest.raises(ParameterError, match="quasar"):
        band_fluxes("quasar")


@pytest.mark.parametrize("index", [0.5, 1.0, 2.5, 4.0])
def test_sersic_light_grows_as_the_gamma_function(index):
    b = sersic_scale(index)
    assert special.gammainc(2 * index, b) == pytest.approx(0.5, abs=2e-4 if index < 1 else 2e-5)
    image = sersic_map((256, 256), 0.025, (128.3, 127.8), 0.3, index)
    assert image.sum() == pytest.approx(1.0)
    whole = special.gammainc(2 * index, b * 6 ** (1 / index))
    for radius in (0.15, 0.3, 0.9):
        expected = special.gammainc(2 * index, b * (radius / 0.3) ** (1 / index)) / whole
        assert aperture_flux(image, 128.3, 127.8, radius / 0.025) == pytest.approx(expected, abs=1e-3)


def test_sersic_shear_is_that_of_its_moments():
    image = sersic_map((256, 256), 0.025, (128.0, 128.0), 0.3, 0.5, (0.2, -0.1))
    found = adaptive_moments(image, 128.0, 128.0, radius=80.0)
    g = np.asarray([0.2, -0.1])
    np.testing.assert_allclose(found.ellipticity, 2 * g / (1 + g @ g), atol=1e-4)


@pytest.mark.parametrize(
    ("change", "name"),
    [
        ({"size": 15}, "size"),
        ({"size": 33}, "size"),
        ({"galaxies": -1}, "galaxies"),
        ({"stars": -1}, "stars"),
        ({"target_fwhm": 0.1}, "target_fwhm"),
        ({"psf_size": 50}, "psf_size"),
    ],
)
def test_bad_parameters_are_named(change, name):
    with pytest.raises(ParameterError, match=name):
        scene(seed=0, **change)
    with pytest.raises(ParameterError, match="Sersic"):
        sersic_map((8, 8), 0.1, (4.0, 4.0), 0.3, 0.3)


def test_airy_transfer_is_the_autocorrelation_of_the_pupil():
    n, across = 512, 100.0
    y, x = np.mgrid[:n, :n] - n // 2
    r = np.hypot(y, x) / (across / 2)
    pupil = ((r <= 1) & (r >= 0.3)).astype(float)
    correlation = np.fft.ifft2(np.abs(np.fft.fft2(pupil)) ** 2).real / pupil.sum()
    shifts = np.asarray([0, 10, 30, 45, 60, 80, 99, 120])
    cutoff = 1.2 / 725e-9 * math.pi / 648000
    found = annular_transfer(np.zeros(shifts.size), shifts / across * cutoff)
    np.testing.assert_allclose(found, correlation[0, shifts], atol=5e-3)
    assert found[0] == pytest.approx(1.0)
    assert found[-1] == 0


def test_kolmogorov_and_gaussian_have_their_widths():
    n, step, fwhm = 1024, 0.025, 0.7
    row, column = np.fft.fftfreq(n, step)[:, None], np.fft.rfftfreq(n, step)
    for transfer in (kolmogorov_transfer, gaussian_transfer):
        _, spread = tapered(transfer(row, column, fwhm), step, 10.0)
        half = np.interp(-spread[0, 0] / 2, -spread[0, :40], np.arange(40)) * step
        assert 2 * half == pytest.approx(fwhm, rel=2e-3)
        assert spread.sum() == pytest.approx(1.0)


def test_shear_keeps_the_area_and_undoes_itself():
    row, column = np.asarray([1.0, 0.0]), np.asarray([0.0, 1.0])
    there = sheared(row, column, (0.2, -0.1))
    assert np.linalg.det(np.asarray(there)) == pytest.approx(1.0)
    np.testing.assert_allclose(sheared(*there, (-0.2, 0.1)), (row, column), atol=1e-15)
