"""What an observation accepts, refuses and hands on."""

import array_api_strict as strict
import numpy as np
import pytest
from astropy.wcs import WCS

from sigden.errors import InputError, ParameterError
from sigden.multiband.data.observation import Observation, check_observations
from sigden.multiband.psf.images import TruncatedPSFWarning, gaussian_psf

PSF = gaussian_psf(0.5, 0.2, (15, 15))
DEVICE = strict.Device("device1")


def observation(image=None, psf=PSF, band="r", **fields):
    image = np.arange(400.0).reshape(20, 20) if image is None else image
    return Observation(image, psf, band, **{"scale": 0.2, "sigma": 2.0, **fields})


def changed(array, index, value):
    array = np.array(array)
    array[index] = value
    return array


def test_values_and_weight():
    mask = np.zeros((20, 20), bool)
    mask[3, 4] = True
    image = changed(np.full((20, 20), 5.0), (3, 4), np.nan)
    one = observation(image, mask=mask, background=1.0)
    assert one.values[0, 0] == 4.0
    assert one.values[3, 4] == 0.0
    assert one.weight[0, 0] == 0.25
    assert one.weight[3, 4] == 0.0
    assert one.psf_scale == 0.2


def test_input_is_left_alone():
    image, variance, mask = np.full((20, 20), 5.0), np.full((20, 20), 4.0), np.zeros((20, 20), bool)
    for array in (image, variance, mask):
        array.setflags(write=False)
    one = observation(image, sigma=None, variance=variance, mask=mask, background=1.0)
    np.testing.assert_array_equal(one.values, 4.0)
    np.testing.assert_array_equal(one.weight, 0.25)
    assert (image == 5).all()


def test_single_precision_stays():
    one = observation(np.full((20, 20), 3e-30, np.float32), background=np.full((20, 20), 1e-30), sigma=1e-31)
    assert one.values.dtype == np.float32
    np.testing.assert_allclose(one.values, 2e-30, rtol=1e-6)


@pytest.mark.parametrize("noise", [1e-31, np.full((20, 20), 1e-31, np.float32)])
def test_weight_of_tiny_fluxes_does_not_overflow(noise):
    one = observation(np.full((20, 20), 3e-30, np.float32), sigma=noise)
    np.testing.assert_allclose(one.weight, 1e62, rtol=1e-5)


def test_noise_maps_and_infinite_variance():
    variance = changed(np.full((20, 20), 4.0), (1, 2), np.inf)
    by_variance = observation(sigma=None, variance=variance)
    by_sigma = observation(sigma=np.sqrt(variance))
    np.testing.assert_allclose(by_variance.weight, by_sigma.weight)
    assert by_variance.weight[1, 2] == 0.0


def test_surface_brightness_becomes_flux():
    flux = observation(unit="nJy", background=3.0)
    bright = observation(
        np.arange(400.0).reshape(20, 20) / 0.04,
        unit="nJy / arcsec2",
        background=3.0 / 0.04,
        sigma=2.0 / 0.04,
        surface_brightness=True,
    )
    np.testing.assert_allclose(bright.values, flux.values, rtol=1e-12)
    np.testing.assert_allclose(bright.weight, flux.weight, rtol=1e-12)
    steradian = (180 * 3600 / np.pi) ** 2
    per_sr = observation(
        np.arange(400.0).reshape(20, 20) / 0.04 * steradian, unit="nJy/sr", surface_brightness=True
    )
    np.testing.assert_allclose(per_sr.values, observation().values, rtol=1e-12)
    assert len(check_observations([flux, bright, per_sr])) == 3


def test_strict_arrays_stay_on_their_device():
    def put(values):
        return strict.asarray(values, device=DEVICE)

    one = observation(
        put(np.ones((20, 20))),
        put(PSF),
        sigma=None,
        variance=put(np.full((20, 20), 4.0)),
        mask=put(np.eye(20) > 0),
    )
    assert one.values.device == one.weight.device == DEVICE
    with pytest.raises(InputError, match=r"band 'r': psf"):
        observation(put(np.ones((20, 20))), PSF)


def nan_image():
    return changed(np.ones((20, 20)), (3, 4), np.nan)


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"image": nan_image()}, r"image.*\(3, 4\)"),
        ({"image": np.ones(20)}, "rows, columns"),
        ({"image": np.ones((20, 20), complex)}, "complex"),
        ({"image": np.ma.ones((20, 20))}, "container"),
        ({"mask": np.zeros((20, 20), int)}, "mask must be of bool"),
        ({"mask": np.zeros((20, 19), bool)}, "mask of shape"),
        ({"mask": np.ones((20, 20), bool)}, "every pixel is masked"),
        ({"sigma": 0.0}, "sigma must be positive"),
        ({"sigma": -1.0}, "sigma must be positive"),
        ({"sigma": np.ones((3, 3))}, "sigma of shape"),
        ({"sigma": None, "variance": -1.0}, "variance must be positive"),
        (
            {"sigma": None, "variance": changed(np.ones((20, 20)), (5, 6), -1)},
            r"variance must be positive.*\(5, 6\)",
        ),
        ({"sigma": None, "variance": changed(np.ones((20, 20)), (5, 6), np.nan)}, r"variance.*\(5, 6\)"),
        ({"background": np.nan}, "background must be finite"),
        ({"background": nan_image()}, r"background.*\(3, 4\)"),
        ({"psf": PSF[:-1, :-1]}, "even-sized PSF"),
        ({"psf": 2 * PSF}, "not normalised, its sum is 2"),
        ({"psf": np.zeros((15, 15))}, "not normalised"),
        ({"psf": changed(PSF, (0, 0), np.nan)}, "psf.*non-finite"),
        ({"psf": gaussian_psf(0.5, 0.2, (21, 21))}, "more than the image's"),
        ({"psf_scale": 0.3}, "more than the image's"),
        ({"psf": PSF[None]}, "psf must be"),
        ({"wcs": WCS(naxis=2)}, "no celestial WCS"),
    ],
)
def test_bad_input_names_the_band(fields, words):
    with pytest.raises(InputError, match=rf"band 'r'.*{words}"):
        observation(**fields)


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"variance": 1.0}, "both sigma and variance"),
        ({"scale": None}, "neither scale nor wcs"),
        ({"scale": -0.2}, "scale: must be positive"),
        ({"psf_scale": 0.0}, "psf_scale: must be positive"),
        ({"offset": (0.0,)}, "offset"),
        ({"offset": (0.0, np.inf)}, "offset: must be finite"),
        ({"psf": lambda row, column: PSF, "psf_nodes": (0, 3)}, "psf_nodes"),
    ],
)
def test_bad_parameters_name_the_band(fields, words):
    with pytest.raises(ParameterError, match=rf"band 'r'.*{words}"):
        observation(**fields)


def test_band_needs_a_name():
    with pytest.raises(ParameterError, match="band"):
        observation(band="")


def test_missing_noise_is_told_when_it_is_needed():
    one = observation(sigma=None)
    assert one.values.shape == (20, 20)
    with pytest.raises(ParameterError, match=r"band 'r'.*neither sigma nor variance"):
        _ = one.weight


def test_truncated_wings_warn():
    with pytest.warns(TruncatedPSFWarning, match=r"band 'r'"):
        observation(psf=gaussian_psf(0.5, 0.2, (5, 5)))


def test_callable_psf_is_asked_at_nodes():
    asked = []

    def psf(row, column):
        asked.append((row, column))
        return gaussian_psf(0.5 + 0.01 * row, 0.2, (15, 15))

    one = observation(psf=psf, psf_nodes=(2, 3))
    assert one.psf_grid.shape == (2, 3, 15, 15)
    assert asked == [(r, c) for r in (0.0, 19.0) for c in (0.0, 9.5, 19.0)]
    np.testing.assert_array_equal(one.psf_grid[1, 2], gaussian_psf(0.69, 0.2, (15, 15)))


def test_callable_psf_is_checked():
    one = observation(psf=lambda row, column: PSF[:-1])
    with pytest.raises(InputError, match="even-sized"):
        _ = one.psf_grid
    one = observation(psf=lambda row, column: gaussian_psf(0.5, 0.2, (15, 15) if row else (17, 17)))
    with pytest.raises(InputError, match="one size"):
        _ = one.psf_grid


def test_check_observations_accepts_a_list():
    given = [observation(band="r"), observation(band="i"), observation(band="i")]
    assert check_observations(given) == tuple(given)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ([], "at least one"),
        ([observation(), "image"], r"observations\[1\]"),
        ([observation(unit="nJy"), observation(band="i", unit="uJy")], "units differ.*'r'.*'i'"),
        ([observation(unit="nJy"), observation(band="i")], "units differ"),
        ([observation(unit="counts of mine"), observation(band="i", unit="ADU")], "units differ"),
    ],
)
def test_check_observations_refuses(given, words):
    with pytest.raises(InputError, match=words):
        check_observations(given)


def test_check_observations_refuses_mixed_places():
    wcs = WCS(naxis=2)
    wcs.wcs.ctype, wcs.wcs.cdelt = ["RA---TAN", "DEC--TAN"], [-0.2 / 3600, 0.2 / 3600]
    with pytest.raises(InputError, match=r"band 'i': wcs missing"):
        check_observations([observation(wcs=wcs), observation(band="i")])
    elsewhere = observation(strict.asarray(np.ones((20, 20))), strict.asarray(PSF), band="i")
    with pytest.raises(InputError, match="different libraries"):
        check_observations([observation(), elsewhere])
