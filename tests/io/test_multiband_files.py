"""FITS of Rubin, Euclid and others to observations, and results back."""

import numpy as np
import pytest
from astropy.io import fits
from astropy.wcs import WCS

from sigden.errors import FileError, InputError, ParameterError
from sigden.io import open_mosaic, read_multiband, read_observation, read_psf, write_multiband
from sigden.io.multiband.photometry import flux_scale
from sigden.io.multiband.result import create_multiband
from sigden.multiband import Grid, MultibandResult, gaussian_psf

RNG = np.random.default_rng(5)
IMAGE = RNG.normal(10.0, 1.0, (40, 50)).astype(np.float32)
PSF = gaussian_psf(0.6, 0.2, (13, 13))


def header(**more):
    out = fits.Header()
    out["CTYPE1"], out["CTYPE2"] = "RA---TAN", "DEC--TAN"
    out["CRVAL1"], out["CRVAL2"], out["CRPIX1"], out["CRPIX2"] = 150.0, 2.0, 25.5, 20.5
    out["CDELT1"], out["CDELT2"] = -0.2 / 3600, 0.2 / 3600
    out.update(more)
    return out


def lsst(path, image=IMAGE, *, variance=4.0, planes=(("BAD", 0), ("SAT", 1), ("CR", 3)), **more):
    mask = np.zeros(image.shape, np.int32)
    mask[3, 4], mask[5, 6], mask[7, 8] = 1, 2, 8
    units = [
        fits.PrimaryHDU(),
        fits.ImageHDU(image, header(BUNIT="nJy", **more), name="IMAGE"),
        fits.ImageHDU(mask, name="MASK"),
        fits.ImageHDU(np.full(image.shape, variance, np.float32), name="VARIANCE"),
    ]
    for name, number in planes:
        units[2].header[f"MP_{name}"] = number
    fits.HDUList(units).writeto(path)
    return path


def test_lsst_image_brings_mask_variance_wcs_and_unit(tmp_path):
    found = read_observation(lsst(tmp_path / "a.fits"), "r", PSF)
    assert found.image.dtype == np.dtype(np.float32)
    assert found.image.dtype.isnative
    np.testing.assert_array_equal(found.image, IMAGE)
    assert found.unit == "nJy"
    assert found.pixel_scale == pytest.approx(0.2)
    np.testing.assert_allclose(found.noise_variance, 4.0)
    # CR is no bad plane by default: the pixel was interpolated or not, INTRP says
    assert sorted(zip(*np.nonzero(found.mask), strict=True)) == [(3, 4), (5, 6)]


def test_mask_planes_are_chosen_by_name_or_number(tmp_path):
    path = lsst(tmp_path / "a.fits")
    found = read_observation(path, "r", PSF, mask_planes=["cr", 0])
    assert sorted(zip(*np.nonzero(found.mask), strict=True)) == [(3, 4), (7, 8)]
    assert read_observation(path, "r", PSF, mask_planes=[]).mask is None
    with pytest.raises(ParameterError, match="no plane 'SATT'; did you mean 'SAT'"):
        read_observation(path, "r", PSF, mask_planes=["SATT"])
    with pytest.raises(ParameterError, match="bit 77"):
        read_observation(path, "r", PSF, mask_planes=[77])


def test_tile_compressed_images_are_read(tmp_path):
    image = np.round(IMAGE * 100).astype(np.int32)
    mask = fits.CompImageHDU(np.zeros(image.shape, np.int32), name="MASK")
    mask.header["MP_BAD"] = 0
    fits.HDUList(
        [fits.PrimaryHDU(), fits.CompImageHDU(image, header(BUNIT="nJy"), name="IMAGE"), mask]
    ).writeto(tmp_path / "a.fits")
    mosaic = open_mosaic(tmp_path / "a.fits", "r", PSF, sigma=1.0)
    np.testing.assert_array_equal(mosaic.image[2:5, 3:9], image[2:5, 3:9].astype(float))
    np.testing.assert_array_equal(mosaic.cut(mosaic.whole).image, image)


def euclid(path, detectors=("",), **more):
    units = [fits.PrimaryHDU()]
    for detector in detectors:
        flags = np.zeros(IMAGE.shape, np.int32)
        flags[1, 2], flags[2, 3] = 1, 4
        rms = np.full(IMAGE.shape, 0.5, np.float32)
        rms[9, 9] = np.nan
        units += [
            fits.ImageHDU(
                IMAGE, header(**{"MAGZERO": 26.4, "BUNIT": "electron", **more}), name=f"{detector}SCI"
            ),
            fits.ImageHDU(rms, name=f"{detector}RMS"),
            fits.ImageHDU(flags, name=f"{detector}FLG"),
        ]
    fits.HDUList(units).writeto(path)
    return path


def test_euclid_frame_with_zero_point_becomes_nanojansky(tmp_path):
    found = read_observation(euclid(tmp_path / "v.fits"), "VIS", PSF)
    # AB 26.4 is five magnitudes brighter than a nanojansky
    np.testing.assert_allclose(found.image, 100.0 * IMAGE, rtol=1e-6)
    np.testing.assert_allclose(np.sqrt(found.noise_variance[0, 0]), 50.0, rtol=1e-6)
    # flagged invalid, and without noise; bit 2 alone is no reason
    assert sorted(zip(*np.nonzero(found.mask), strict=True)) == [(1, 2), (9, 9)]


def test_euclid_detectors_are_chosen_by_name(tmp_path):
    path = euclid(tmp_path / "v.fits", ("CCDID 1-1.", "CCDID 1-2."))
    with pytest.raises(FileError, match=r"holds 2 detectors.*CCDID 1-1, CCDID 1-2"):
        open_mosaic(path, "VIS", PSF)
    for name in ("CCDID 1-2", "ccdid 1-2.sci"):
        mosaic = open_mosaic(path, "VIS", PSF, hdu=name)
        assert (mosaic.image.number, mosaic.sigma.number, mosaic.mask.number) == (4, 5, 6)


def test_plain_image_with_noise_and_mask_in_files_of_their_own(tmp_path):
    fits.PrimaryHDU(IMAGE.astype(">f8"), header(BUNIT="uJy")).writeto(tmp_path / "a.fits")
    fits.PrimaryHDU(np.full(IMAGE.shape, 0.25)).writeto(tmp_path / "weight.fits")
    bad = np.zeros(IMAGE.shape, np.uint8)
    bad[0, 0] = 7
    fits.PrimaryHDU(bad).writeto(tmp_path / "mask.fits")
    found = read_observation(
        tmp_path / "a.fits",
        "g",
        PSF,
        weight=tmp_path / "weight.fits",
        mask=tmp_path / "mask.fits",
        background=1.0,
    )
    np.testing.assert_allclose(found.values[1:], 1000.0 * (IMAGE[1:] - 1.0), rtol=1e-6)
    np.testing.assert_allclose(found.noise_variance, 4e6)
    assert found.mask.sum() == 1
    assert found.mask[0, 0]


def test_parts_of_a_file_are_those_of_the_whole(tmp_path):
    mosaic = open_mosaic(lsst(tmp_path / "a.fits"), "r", PSF)
    whole, part = mosaic.cut(mosaic.whole), mosaic.cut((2, 22, 4, 30))
    np.testing.assert_array_equal(part.image, whole.image[2:22, 4:30])
    np.testing.assert_array_equal(part.mask, whole.mask[2:22, 4:30])
    places = part.wcs.pixel_to_world_values(3.0, 5.0), whole.wcs.pixel_to_world_values(7.0, 7.0)
    np.testing.assert_allclose(*places, rtol=1e-12)


@pytest.mark.parametrize(
    ("said", "factor", "surface"),
    [
        ({"BUNIT": "nJy"}, 1.0, False),
        ({"BUNIT": "Jy"}, 1e9, False),
        ({"BUNIT": "MJy/sr"}, 1e15, True),
        ({"BUNIT": "adu", "MAGZERO": 31.4}, 1.0, False),
        ({"MAGZEROP": 28.9}, 10.0, False),
    ],
)
def test_flux_scale(said, factor, surface):
    found = flux_scale(said, "x")
    assert found.factor == pytest.approx(factor)
    assert found.surface_brightness is surface


def test_flux_scale_that_is_not_known_is_refused(tmp_path):
    with pytest.raises(FileError, match=r"BUNIT 'adu' is no flux.*zero_point"):
        flux_scale({"BUNIT": "adu"}, "x")
    with pytest.raises(ParameterError, match="AB magnitude"):
        flux_scale({}, "x", zero_point=float("nan"))
    with pytest.raises(ParameterError, match="no unit of flux"):
        flux_scale({}, "x", unit="pizza")
    path = euclid(tmp_path / "v.fits", MAGZERO="none")
    assert read_observation(path, "V", PSF, native_flux=True).unit == "electron"
    assert flux_scale({"BUNIT": "Jy"}, "x", zero_point=31.4).factor == pytest.approx(1.0)


def test_surface_brightness_is_flux_per_pixel_in_the_end(tmp_path):
    fits.PrimaryHDU(np.ones((30, 30)), header(BUNIT="MJy/sr")).writeto(tmp_path / "a.fits")
    found = read_observation(tmp_path / "a.fits", "J", PSF, sigma=1.0)
    steradian = (0.2 / 3600 * np.pi / 180) ** 2
    np.testing.assert_allclose(found.values, 1e15 * steradian, rtol=1e-6)


# PSFs


@pytest.mark.parametrize(
    ("said", "options", "scale"),
    [
        ({"PIXELSCL": 0.05}, {}, 0.05),
        ({"OVERSAMP": 4}, {"pixel_scale": 0.2}, 0.05),
        ({"PIXELSCL": 0.05}, {"oversampling": 2, "pixel_scale": 0.2}, 0.1),
        ({}, {"scale": 0.1}, 0.1),
        ({}, {}, None),
    ],
)
def test_scale_of_a_psf(tmp_path, said, options, scale):
    fits.PrimaryHDU(PSF, fits.Header(said)).writeto(tmp_path / "p.fits")
    values, found = read_psf(tmp_path / "p.fits", **options)
    np.testing.assert_array_equal(values, PSF)
    assert found == pytest.approx(scale)


def test_even_psf_is_recentred_on_request_only(tmp_path):
    rows = np.arange(16) - 7.5
    even = np.exp(-(rows[:, None] ** 2 + rows**2) / 8)
    fits.PrimaryHDU(3 * even / even.sum()).writeto(tmp_path / "p.fits")
    with pytest.raises(InputError, match=r"even-sized PSF of 16 x 16.*recentre"):
        read_psf(tmp_path / "p.fits")
    psf, _ = read_psf(tmp_path / "p.fits", recentre=True, normalise=True)
    assert psf.shape == (17, 17)
    assert psf.sum() == pytest.approx(1.0)
    np.testing.assert_allclose(psf, psf[::-1, ::-1], atol=1e-12)
    assert np.unravel_index(psf.argmax(), psf.shape) == (8, 8)


def test_psfs_that_cannot_be_used(tmp_path):
    fits.PrimaryHDU(np.ones((3, 5, 5)) / 25).writeto(tmp_path / "cube.fits")
    with pytest.raises(FileError, match=r"got shape \(3, 5, 5\)"):
        read_psf(tmp_path / "cube.fits")
    fits.PrimaryHDU(PSF).writeto(tmp_path / "p.fits")
    with pytest.raises(ParameterError, match="needs the pixel scale"):
        read_psf(tmp_path / "p.fits", oversampling=2)
    with pytest.raises(ParameterError, match="both scale and oversampling"):
        read_psf(tmp_path / "p.fits", oversampling=2, scale=0.1)


# hostile and damaged files


def test_hostile_files_are_refused_by_name(tmp_path):
    with pytest.raises(FileError, match="no such file"):
        open_mosaic(tmp_path / "none.fits", "r", PSF)
    (tmp_path / "text.fits").write_text("no FITS at all")
    with pytest.raises(FileError, match=r"text\.fits: cannot be read as FITS"):
        open_mosaic(tmp_path / "text.fits", "r", PSF)
    path = lsst(tmp_path / "short.fits")
    path.write_bytes(path.read_bytes()[:9000])
    with pytest.raises(FileError, match=r"short\.fits: cannot be read as FITS"):
        read_observation(path, "r", PSF, hdu=1, sigma=1.0)
    huge = header(BUNIT="nJy")
    huge["NAXIS"], huge["NAXIS1"], huge["NAXIS2"] = 2, 10**6, 10**6
    text = fits.Header([("SIMPLE", True), ("BITPIX", -32)])
    text.extend(huge.cards, strip=False, update=True)
    (tmp_path / "huge.fits").write_bytes(text.tostring().encode() + bytes(2880))
    with pytest.raises(FileError, match="claims"):
        open_mosaic(tmp_path / "huge.fits", "r", PSF)
    fits.PrimaryHDU(np.zeros((4, 30, 30)), header(BUNIT="nJy")).writeto(tmp_path / "cube.fits")
    with pytest.raises(FileError, match="two axes"):
        open_mosaic(tmp_path / "cube.fits", "r", PSF)


def test_a_damaged_wcs_is_refused(tmp_path):
    for number, bad in enumerate(({"CTYPE1": "GLON-TAN"}, {"CDELT1": 0.0, "CDELT2": 0.0})):
        path = tmp_path / f"{number}.fits"
        fits.PrimaryHDU(IMAGE, header(BUNIT="nJy", **bad)).writeto(path)
        with pytest.raises(FileError, match="WCS"):
            open_mosaic(path, "r", PSF)
    fits.PrimaryHDU(IMAGE, fits.Header({"BUNIT": "nJy"})).writeto(tmp_path / "none.fits")
    with pytest.raises(FileError, match="no celestial WCS; give scale"):
        open_mosaic(tmp_path / "none.fits", "r", PSF)
    assert open_mosaic(tmp_path / "none.fits", "r", PSF, scale=0.2).pixel_scale == 0.2


def test_what_does_not_fit_is_refused(tmp_path):
    path = lsst(tmp_path / "a.fits")
    fits.PrimaryHDU(np.ones((3, 3))).writeto(tmp_path / "small.fits")
    with pytest.raises(InputError, match=r"small\.fits\[0\]: its shape \(3, 3\)"):
        open_mosaic(path, "r", PSF, rms=tmp_path / "small.fits")
    with pytest.raises(ParameterError, match="one of sigma, rms, variance and weight"):
        open_mosaic(path, "r", PSF, rms=path, sigma=1.0)
    with pytest.raises(FileError, match="no unit 'SCI'; its images are: IMAGE, MASK, VARIANCE"):
        open_mosaic(path, "r", PSF, hdu="SCI")
    with pytest.raises(InputError, match=r"variance must be positive, got -4"):
        read_observation(lsst(tmp_path / "b.fits", variance=-4.0), "r", PSF)


# results


def result(wcs=True):
    place = WCS(header()) if wcs else None
    estimate = RNG.normal(size=(2, 40, 50))
    covariance = np.array([[1.0, 0.3], [0.3, 2.0]])
    return MultibandResult(
        estimate, np.abs(estimate) + 1, covariance, ("r", "i"), Grid((40, 50), 0.2, place), 0.25
    )


@pytest.mark.parametrize("layout", ["cube", "bands"])
@pytest.mark.parametrize("wcs", [True, False])
def test_result_round_trip(tmp_path, layout, wcs):
    before = result(wcs)
    write_multiband(tmp_path / "r.fits", before, unit="nJy", layout=layout, history=["made by é " + 80 * "x"])
    after = read_multiband(tmp_path / "r.fits")
    assert (after.bands, after.target_fwhm, after.grid.shape) == (("r", "i"), 0.25, (40, 50))
    for name in ("estimate", "uncertainty", "noise_covariance"):
        np.testing.assert_array_equal(getattr(after, name), getattr(before, name))
    with fits.open(tmp_path / "r.fits", checksum=True) as units:
        units.verify("exception")
        assert "made by \\u00e9" in str(units[0].header["HISTORY"])
        assert units[0 if layout == "cube" else 1].header["BUNIT"] == "nJy"
    if wcs:
        np.testing.assert_allclose(
            after.grid.wcs.pixel_to_world_values(3, 4),
            before.grid.wcs.pixel_to_world_values(3, 4),
            rtol=1e-12,
        )
    with pytest.raises(FileError, match="exists already"):
        write_multiband(tmp_path / "r.fits", before)


def test_cube_laid_out_on_disk_reads_like_one_written_at_once(tmp_path):
    whole = result()
    path = tmp_path / "r.fits"
    with create_multiband(path, whole.bands, whole.grid, 0.25, unit="nJy", history=["line"]) as maps:
        for part, values in zip(
            maps, (whole.estimate, whole.uncertainty, whole.noise_covariance), strict=True
        ):
            part[...] = values
    found = read_multiband(path)
    np.testing.assert_array_equal(found.estimate, whole.estimate.astype(np.float32))
    np.testing.assert_array_equal(found.noise_covariance, whole.noise_covariance)
    with fits.open(path) as units:
        units.verify("exception")
        assert list(units[0].header["HISTORY"]) == ["line"]
        assert WCS(units["ERROR"].header).celestial.wcs.crpix[0] == 25.5


def test_what_is_no_result_is_refused(tmp_path):
    with pytest.raises(FileError, match="no multiband result"):
        read_multiband(lsst(tmp_path / "a.fits"))
    with pytest.raises(ParameterError, match="layout"):
        write_multiband(tmp_path / "b.fits", result(), layout="table")
