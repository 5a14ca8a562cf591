"""PSF helpers and transfer functions."""

import array_api_strict as strict
import numpy as np
import pytest

from sigden.errors import InputError, ParameterError
from sigden.multiband.psf.images import (
    OffCentrePSFWarning,
    TruncatedPSFWarning,
    centre_psf,
    check_psf,
    crop_psf,
    gaussian_psf,
    normalise_psf,
    resample_psf,
)
from sigden.multiband.psf.spectrum import affine_transfer, psf_transfer

DEVICE = strict.Device("device1")


def lopsided(size=21, scale=1.0, sigma=1.6):
    """Smooth PSF without symmetry, sampled at `scale`."""
    at = (np.arange(size) - size // 2) * scale
    r, c = at[:, None], at[None, :]
    main = np.exp(-0.5 * ((r / sigma) ** 2 + ((c - 0.4 * r) / (1.1 * sigma)) ** 2))
    side = 0.4 * np.exp(-0.5 * (((r - 1.5) / sigma) ** 2 + ((c + 2) / sigma) ** 2))
    return normalise_psf(main + side)


def test_gaussian_has_its_width_and_unit_sum():
    psf = gaussian_psf(0.5, 0.1)
    assert psf.sum() == pytest.approx(1, abs=1e-12)
    middle = psf.shape[0] // 2
    line = np.interp(2.5, np.arange(4), psf[middle, middle : middle + 4] / psf[middle, middle])
    assert line == pytest.approx(0.5, abs=0.03)


def test_gaussian_without_pixel_is_its_convolution_with_the_pixel():
    fine = gaussian_psf(0.25, 0.01, (301, 301))
    box = np.ones((10, 10)) / 100
    smeared = np.fft.irfft2(np.fft.rfft2(fine, (320, 320)) * np.fft.rfft2(box, (320, 320)), (320, 320))
    # The box of ten samples is centred between samples: average of two neighbouring placements.
    centred = 0.25 * (
        smeared[4:305, 4:305] + smeared[5:306, 4:305] + smeared[4:305, 5:306] + smeared[5:306, 5:306]
    )
    expected = normalise_psf(centred[::10, ::10])
    np.testing.assert_allclose(gaussian_psf(0.25, 0.1, (31, 31), False), expected, atol=3e-4)
    assert gaussian_psf(0.25, 0.1, (31, 31), False)[15, 15] < gaussian_psf(0.25, 0.1, (31, 31))[15, 15]


def test_gaussian_on_a_device():
    like = strict.asarray([0.0], device=DEVICE)
    assert gaussian_psf(0.5, 0.1, (5, 7), like=like).device == DEVICE


@pytest.mark.parametrize(
    "arguments", [(0.0, 0.1), (0.5, -1.0), (np.nan, 0.1), (0.5, 0.1, (4, 5)), (0.5, 0.1, (5,))]
)
def test_gaussian_refuses(arguments):
    with pytest.raises(ParameterError):
        gaussian_psf(*arguments)


def test_check_refuses_a_stack_with_one_bad_psf():
    stack = np.stack([gaussian_psf(3, 1, (21, 21)), 1.01 * gaussian_psf(3, 1, (21, 21))])
    with pytest.raises(InputError, match="not normalised"):
        check_psf(stack)


def test_check_warns_of_wings_and_is_quiet_without():
    check_psf(gaussian_psf(3, 1, (21, 21)))
    with pytest.warns(TruncatedPSFWarning, match="cut off"):
        check_psf(gaussian_psf(3, 1, (7, 7)))


def test_normalise_refuses_zero_sum():
    with pytest.raises(InputError, match="cannot be normalised"):
        normalise_psf(np.zeros((3, 3)))


def test_centre_of_an_even_image():
    at = np.arange(24) - 11.5
    even = np.exp(-0.5 * (at[:, None] ** 2 + (at[None, :] / 1.3) ** 2) / 2.0**2)
    odd = centre_psf(even / even.sum())
    at = np.arange(25) - 12
    expected = np.exp(-0.5 * (at[:, None] ** 2 + (at[None, :] / 1.3) ** 2) / 2.0**2)
    assert odd.shape == (25, 25)
    np.testing.assert_allclose(odd, expected / expected.sum(), atol=1e-6)


def test_centre_on_a_sample_only_moves():
    psf = lopsided()
    moved = centre_psf(psf[:, :-2], origin=(10, 10))
    assert moved.shape == (21, 21)
    np.testing.assert_allclose(moved[:, :-2], psf[:, :-2], atol=1e-9)
    with pytest.raises(ParameterError, match="origin"):
        centre_psf(psf, origin=(30, 2))


def test_crop_keeps_the_middle():
    cut = crop_psf(lopsided(), (12, 9))
    assert cut.shape == (11, 9)
    np.testing.assert_allclose(cut, normalise_psf(lopsided()[5:16, 6:15]))
    assert crop_psf(lopsided(), (99, 99)).shape == (21, 21)


@pytest.mark.parametrize("scale", [0.5, 0.7, 1.25])
def test_resampling_gives_the_function_at_other_places(scale):
    found = resample_psf(lopsided(31), 1.0, scale, (25, 25))
    np.testing.assert_allclose(found, lopsided(25, scale), atol=2e-5)


def test_resampling_on_a_device_keeps_it():
    psf = strict.asarray(lopsided(31), device=DEVICE)
    assert resample_psf(psf, 1.0, 0.5).device == DEVICE
    assert resample_psf(psf, 1.0, 0.5).shape == (61, 61)


def test_transfer_at_one_scale_is_the_transform():
    psf = lopsided()
    full = np.zeros((32, 40))
    full[:21, :21] = psf
    expected = np.fft.rfft2(np.roll(full, (-10, -10), (0, 1)))
    np.testing.assert_allclose(psf_transfer(psf, (32, 40)), expected, atol=1e-12)


@pytest.mark.parametrize("ratio", [0.5, 1.6])
def test_transfer_of_other_samples_agrees(ratio):
    found = psf_transfer(lopsided(61, ratio, 2.6), (64, 66), psf_scale=ratio)
    np.testing.assert_allclose(found, psf_transfer(lopsided(61, sigma=2.6), (64, 66)), atol=3e-4)
    assert found[0, 0] == pytest.approx(1, abs=1e-12)


@pytest.mark.parametrize("angle", [0.0, 0.3, 90.0, 180.0, 270.0, 33.0])
def test_turned_transfer_is_that_of_the_turned_function(angle):
    c, s = np.cos(np.deg2rad(angle)), np.sin(np.deg2rad(angle))
    matrix = np.array([[c, -s], [s, c]])
    at = np.arange(41) - 20
    places = np.stack(np.meshgrid(at, at, indexing="ij")).reshape(2, -1)
    samples = (matrix.T @ places).reshape(2, 41, 41)
    r, col = samples

    def function(r, c):
        main = np.exp(-0.5 * ((r / 1.6) ** 2 + ((c - 0.4 * r) / 1.76) ** 2))
        return main + 0.4 * np.exp(-0.5 * (((r - 1.5) / 1.6) ** 2 + ((c + 2) / 1.6) ** 2))

    expected = psf_transfer(normalise_psf(function(r, col)), (44, 46))
    # The shortcut for small angles leaves an error below a twentieth of a sample at the edge.
    np.testing.assert_allclose(affine_transfer(lopsided(41), (44, 46), matrix), expected, atol=3e-3)


def test_turned_transfer_sees_a_mirror():
    found = affine_transfer(lopsided(), (32, 40), np.array([[1.0, 0.0], [0.0, -1.0]]))
    np.testing.assert_allclose(found, psf_transfer(lopsided()[:, ::-1], (32, 40)), atol=1e-12)


@pytest.mark.parametrize("moved", [(1, 0), (0, -2), (3, 3)])
@pytest.mark.parametrize("fwhm", [0.2, 0.7, 1.5])
def test_psf_off_its_middle_is_noticed(moved, fwhm):
    psf = gaussian_psf(fwhm, 0.1, (61, 61))
    away = np.roll(psf, moved, axis=(0, 1))
    assert check_psf(psf) is not None
    with pytest.warns(OffCentrePSFWarning, match=r"recentre it with centre_psf") as found:
        check_psf(away, "band 'r': psf")
    assert f"{float(moved[0]):+.2f} rows and {float(moved[1]):+.2f} columns" in str(found[0].message)
    # what the message says mends it
    place = (30 + moved[0], 30 + moved[1])
    assert f"origin=({place[0]:.2f}, {place[1]:.2f})" in str(found[0].message)
    mended = check_psf(centre_psf(away, place))
    rows, columns = (slice(n // 2 - 20, n // 2 + 21) for n in mended.shape)
    np.testing.assert_allclose(mended[rows, columns], psf[10:51, 10:51], atol=1e-6)


def test_a_lopsided_psf_is_no_mistake():
    for fwhm in (0.3, 0.8):
        fine = gaussian_psf(fwhm, 0.1, (41, 41))
        coma = 0.8 * fine + 0.2 * np.roll(fine, 2, axis=0)
        assert check_psf(coma) is not None
