"""Forward operators: blocks, shifts, rotations, varying PSFs, real images."""

import math
import pickle

import array_api_strict as strict
import numpy as np
import pytest
from astropy.wcs import WCS

from sigden.arrays import to_numpy
from sigden.errors import InputError
from sigden.multiband.data.geometry import footprint, native_places, native_to_grid
from sigden.multiband.data.grid import Grid
from sigden.multiband.data.observation import Observation
from sigden.multiband.forward.field import FieldForward, node_weights
from sigden.multiband.forward.operator import CommensurateForward, forward_operator, transfer
from sigden.multiband.psf.images import FWHM_PER_SIGMA, gaussian_psf, normalise_psf
from sigden.operators import norm_estimate
from sigden.testing import assert_adjoint

DEVICE = strict.Device("device1")


def sky(scale, crpix, angle=0.0):
    wcs = WCS(naxis=2)
    wcs.wcs.ctype, wcs.wcs.crval, wcs.wcs.crpix = ["RA---TAN", "DEC--TAN"], (150.0, 2.0), crpix
    c, s = np.cos(np.deg2rad(angle)), np.sin(np.deg2rad(angle))
    wcs.wcs.cd = np.array([[-c, s], [s, c]]) * scale / 3600
    return wcs


def lopsided(size=15, stretch=1.0):
    at = np.arange(size) - size // 2
    r, c = at[:, None], at[None, :] / stretch
    side = 0.4 * np.exp(-0.5 * ((r - 1.5) ** 2 + (c + 2) ** 2))
    return normalise_psf(np.exp(-0.5 * ((r / 1.2) ** 2 + ((c - 0.4 * r) / 1.4) ** 2)) + side)


def psf_between(row, column):
    return lopsided(15, 1.0 + 0.01 * column)


def gaussian_scene(shape, centre, sigma):
    rows, columns = np.indices(shape)
    return np.exp(-0.5 * ((rows - centre[0]) ** 2 + (columns - centre[1]) ** 2) / sigma**2) / (
        2 * np.pi * sigma**2
    )


def blocks(factor=2, psf=None, shape=(24, 32), put=np.asarray, **fields):
    """Observation of blocks of `factor` pixels of a grid of 0.1 arcsec, PSF sampled on the grid."""
    image = put(np.ones((shape[0] // factor, shape[1] // factor)))
    place = 0.05 * (factor - 1)
    fields = {"scale": 0.1 * factor, "offset": (place, place), "psf_scale": 0.1, "sigma": 1.0, **fields}
    return Observation(image, put(lopsided() if psf is None else psf), "r", **fields), Grid(shape, 0.1)


def turned(angle, psf=None, shape=(20, 22)):
    wcs = sky(0.25, ((shape[1] + 1) / 2, (shape[0] + 1) / 2), angle)
    psf = gaussian_psf(0.7, 0.25, (15, 15)) if psf is None else psf
    return Observation(np.ones(shape), psf, "r", wcs=wcs), Grid.from_wcs((60, 64), sky(0.1, (32.5, 30.5)))


CASES = {
    "same pixels": lambda: blocks(1),
    "blocks of two": lambda: blocks(2),
    "blocks of three": lambda: blocks(3, shape=(30, 27)),
    "blocks without pixel": lambda: blocks(2, psf_includes_pixel=False),
    "blocks, varying PSF": lambda: blocks(2, psf=np.stack([np.stack([lopsided(), lopsided(15, 1.3)])] * 2)),
    "other scale": lambda: (
        Observation(
            np.ones((14, 15)), gaussian_psf(0.5, 0.168, (11, 11)), "r", scale=0.168, offset=(0.03, -0.1)
        ),
        Grid((24, 28), 0.1),
    ),
    "other scale, no pixel, varying PSF": lambda: (
        Observation(
            np.ones((30, 31)), psf_between, "r", scale=0.168, psf_scale=0.1, psf_includes_pixel=False
        ),
        Grid((50, 52), 0.1),
    ),
    "turned": lambda: turned(33.0),
    "quarter turn": lambda: turned(90.0),
}


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("dtype", ["float32", "float64", "complex128"])
def test_exact_adjoint(name, dtype):
    observation, grid = CASES[name]()
    operator = forward_operator(observation, grid)
    assert operator.in_shape == grid.shape
    assert operator.out_shape == observation.shape
    # The sum over nine PSFs rounds more often than one filter.
    assert_adjoint(operator, dtype=dtype, rtol=1e-4 if dtype == "float32" else 1e-12)
    assert_adjoint(pickle.loads(pickle.dumps(operator)), dtype=dtype, trials=1, rtol=1e-3)


@pytest.mark.parametrize("name", CASES)
def test_norm_bound_holds(name):
    operator = forward_operator(*CASES[name]())
    estimate = norm_estimate(operator)
    assert estimate / 1.06 <= operator.norm_bound() <= 1.2 * estimate


@pytest.mark.parametrize("factor", [1, 2])
@pytest.mark.parametrize("varying", [False, True])
@pytest.mark.parametrize("includes_pixel", [False, True])
def test_blocks_on_a_device(factor, varying, includes_pixel):
    psf = np.stack([np.stack([lopsided(), lopsided(15, 1.3)])] * 2) if varying else lopsided()

    def put(values):
        return strict.asarray(values, device=DEVICE)

    observation, grid = blocks(factor, psf, put=put, psf_includes_pixel=includes_pixel)
    operator = forward_operator(observation, grid)
    assert_adjoint(operator, like=observation.image)
    assert operator.norm_bound() > 0
    host = forward_operator(*blocks(factor, psf, psf_includes_pixel=includes_pixel))
    x = np.random.default_rng(0).normal(size=grid.shape)
    np.testing.assert_allclose(to_numpy(operator(put(x))), host(x), atol=1e-12)


@pytest.mark.parametrize("factor", [1, 2, 3])
@pytest.mark.parametrize("includes_pixel", [True, False])
def test_transfer_is_the_operator(factor, includes_pixel):
    observation, grid = blocks(factor, shape=(30, 36), psf_includes_pixel=includes_pixel)
    x = np.random.default_rng(1).normal(size=grid.shape)
    expected = np.fft.irfft2(np.fft.rfft2(x) * transfer(observation, grid), grid.shape)[::factor, ::factor]
    operator = forward_operator(observation, grid)
    assert isinstance(operator, CommensurateForward)
    np.testing.assert_allclose(operator(x), expected, atol=1e-12)
    np.testing.assert_allclose(operator.transfer, transfer(observation, grid), atol=1e-12)


def direct(x, psf, factor):
    """Circular sum over the PSF, then the middle pixel of every block, times its area."""
    total = np.zeros_like(x)
    half = psf.shape[0] // 2
    for i in range(psf.shape[0]):
        for j in range(psf.shape[1]):
            total += psf[i, j] * np.roll(x, (i - half, j - half), (0, 1))
    start = (factor - 1) // 2
    return factor**2 * total[start::factor, start::factor]


@pytest.mark.parametrize("factor", [1, 3])
def test_odd_blocks_against_the_direct_sum(factor):
    observation, grid = blocks(factor, shape=(30, 27))
    x = np.random.default_rng(2).normal(size=grid.shape)
    np.testing.assert_allclose(
        forward_operator(observation, grid)(x), direct(x, lopsided(), factor), atol=1e-12
    )


def test_even_blocks_are_sampled_at_their_middle():
    sigma, blur = 2.5, gaussian_psf(0.5, 0.1, (31, 31))
    width = math.hypot(sigma, 5 / FWHM_PER_SIGMA)
    observation, grid = blocks(2, psf=blur, shape=(64, 64))
    found = forward_operator(observation, grid)(gaussian_scene(grid.shape, (30.2, 33.1), sigma))
    rows, columns = 2 * np.indices((32, 32)) + 0.5
    expected = (
        4 * np.exp(-0.5 * ((rows - 30.2) ** 2 + (columns - 33.1) ** 2) / width**2) / (2 * np.pi * width**2)
    )
    np.testing.assert_allclose(found, expected, atol=1e-6 * expected.max())


def test_pixel_is_counted_once():
    """A PSF with the pixel, flagged so, and one without, flagged so, give one image; wrong flags do not."""
    fine = gaussian_psf(0.5, 0.1, (45, 45))
    rows = np.fft.fftfreq(64)[:, None]
    columns = np.fft.rfftfreq(64)[None, :]
    embedded = np.zeros((64, 64))
    embedded[:45, :45] = fine
    spectrum = np.fft.rfft2(np.roll(embedded, (-22, -22), (0, 1))) * np.sinc(2 * rows) * np.sinc(2 * columns)
    smeared = np.roll(np.fft.irfft2(spectrum, (64, 64)), (22, 22), (0, 1))[:45, :45]
    x = gaussian_scene((64, 64), (30, 33), 2.0)

    def image(psf, flag):
        return forward_operator(*blocks(2, normalise_psf(psf), (64, 64), psf_includes_pixel=flag))(x)

    once = image(smeared, True)
    np.testing.assert_allclose(image(fine, False), once, atol=1e-5 * once.max())
    assert np.abs(image(smeared, False) - once).max() > 0.02 * once.max()
    assert np.abs(image(fine, True) - once).max() > 0.02 * once.max()


@pytest.mark.parametrize("name", CASES)
def test_flux_is_kept(name):
    observation, grid = CASES[name]()
    scene = gaussian_scene(grid.shape, ((grid.shape[0] - 1) / 2, (grid.shape[1] - 1) / 2), 1.5)
    image = forward_operator(observation, grid)(scene / scene.sum())
    covered = footprint(observation, grid).mean()
    assert covered > 0.5
    assert image.sum() == pytest.approx(1, abs=3e-3)


def test_constant_scene_is_constant_per_area():
    observation, grid = blocks(3, shape=(30, 27))
    np.testing.assert_allclose(forward_operator(observation, grid)(np.ones(grid.shape)), 9.0)


def test_native_samples_of_the_psf_serve_as_well():
    fine, grid = blocks(2, gaussian_psf(0.7, 0.1, (45, 45)), (64, 64))
    coarse, _ = blocks(2, gaussian_psf(0.7, 0.2, (23, 23)), (64, 64), psf_scale=None)
    np.testing.assert_allclose(transfer(coarse, grid), transfer(fine, grid), atol=1e-3)


def test_general_path_agrees_with_blocks():
    observation, grid = blocks(2, shape=(64, 64))
    moved = Observation(
        observation.image, lopsided(), "r", scale=0.2, offset=(0.05, 0.05 + 2e-4), psf_scale=0.1, sigma=1.0
    )
    scene = gaussian_scene(grid.shape, (31, 33), 3.0)
    general = forward_operator(moved, grid)
    assert isinstance(general, FieldForward)
    expected = forward_operator(observation, grid)(scene)
    np.testing.assert_allclose(general(scene), expected, atol=2e-3 * expected.max())


def shifted_gaussian(observation, grid, centre, sigma, blur):
    """Image of a Gaussian through a Gaussian PSF at the observation's pixel centres."""
    rows, columns = native_places(observation, grid)
    width = math.hypot(sigma, blur / FWHM_PER_SIGMA / grid.scale)
    area = (observation.pixel_scale / grid.scale) ** 2
    square = (rows - centre[0]) ** 2 + (columns - centre[1]) ** 2
    return area * np.exp(-0.5 * square / width**2) / (2 * np.pi * width**2)


@pytest.mark.parametrize("angle", [0.0, 12.0, 90.0, 215.0])
def test_turned_image_of_a_gaussian(angle):
    observation, grid = turned(angle)
    found = forward_operator(observation, grid)(gaussian_scene(grid.shape, (28.0, 34.0), 2.0))
    expected = shifted_gaussian(observation, grid, (28.0, 34.0), 2.0, 0.7)
    np.testing.assert_allclose(found, expected, atol=2e-3 * expected.max())


def test_turned_pixel_is_counted_with_its_edges_turned():
    """Mean over the turned square of the PSF-convolved Gaussian, by a sum over points in it."""
    angle = 25.0
    straight, grid = turned(angle)
    psf = gaussian_psf(0.25, 0.1, (25, 25))
    observation = Observation(
        straight.image, psf, "r", wcs=straight.wcs, psf_scale=0.1, psf_includes_pixel=False
    )
    found = forward_operator(observation, grid)(gaussian_scene(grid.shape, (28.0, 34.0), 1.0))
    points = (np.arange(15) - 7) / 15
    width = math.hypot(1.0, 2.5 / FWHM_PER_SIGMA)
    rows, columns = np.indices(observation.shape, dtype=float)
    expected = np.zeros(observation.shape)
    for r in points:
        for c in points:
            y, x = native_to_grid(observation, grid, rows + r, columns + c)
            expected += np.exp(-0.5 * ((y - 28.0) ** 2 + (x - 34.0) ** 2) / width**2)
    expected *= 6.25 / (2 * np.pi * width**2) / 225
    np.testing.assert_allclose(found, expected, atol=2e-3 * expected.max())


def test_wings_do_not_come_back_on_the_other_side():
    observation = Observation(np.ones((24, 24)), gaussian_psf(1.7, 0.25, (23, 23)), "r", scale=0.25)
    grid = Grid((60, 60), 0.1)
    x = np.zeros(grid.shape)
    x[0, 0] = 1.0
    image = forward_operator(observation, grid)(x)
    assert image[0, 0] > 0.01
    assert np.abs(image[16:]).max() < 1e-4 * image.max()
    assert np.abs(image[:, 16:]).max() < 1e-4 * image.max()


@pytest.mark.parametrize("turns", [1, 2, 3])
def test_quarter_turns_are_those_of_rot90(turns):
    """An instrument turned by quarters, with its PSF, sees what the straight one sees of the turned scene."""
    psf = lopsided(15, 1.2)
    grid = Grid.from_wcs((48, 48), sky(0.1, (24.5, 24.5)))
    images = {
        angle: forward_operator(
            Observation(np.ones((16, 16)), psf, "r", psf_scale=0.1, wcs=sky(0.3, (8.5, 8.5), angle)), grid
        )
        for angle in (0, 90 * turns)
    }
    x = gaussian_scene(grid.shape, (21.0, 29.0), 2.0)
    found = images[90 * turns](x)
    np.testing.assert_allclose(found, images[0](np.rot90(x, turns)), atol=1e-8)
    assert np.abs(found - images[0](x)).max() > 0.2 * found.max()


def test_shares_of_psfs_sum_to_one():
    observation, grid = CASES["other scale, no pixel, varying PSF"]()
    weights = node_weights(observation, grid)
    assert len(weights) == 9
    np.testing.assert_allclose(sum(weights), 1.0)
    assert min(w.min() for w in weights) >= 0


@pytest.mark.parametrize("factor", [2, 3])
def test_varying_psf_is_that_of_the_place(factor):
    """A source at a node is spread by the node's PSF alone; between two nodes by their mean."""
    first, second = lopsided(), lopsided(15, 1.4)
    shape = (36, 54)
    varying, grid = blocks(factor, np.stack([np.stack([first, second])] * 1), shape)
    left, right = (forward_operator(*blocks(factor, psf, shape)) for psf in (first, second))
    operator = forward_operator(varying, grid)
    middle = (shape[1] - 1) / 2
    for column in (0, shape[1] - 1, 20):
        x = np.zeros(shape)
        x[10, column] = 1.0
        # First and last node stand in the centres of the first and last pixel of the image.
        span = (shape[1] - factor) / 2
        share = np.clip(0.5 + (column - middle) / (2 * span), 0, 1)
        expected = (1 - share) * left(x) + share * right(x)
        np.testing.assert_allclose(operator(x), expected, atol=1e-12)


def test_transfer_refuses():
    observation, grid = CASES["other scale"]()
    with pytest.raises(InputError, match=r"band 'r'.*no blocks"):
        transfer(observation, grid)
    observation, grid = CASES["blocks, varying PSF"]()
    with pytest.raises(InputError, match=r"band 'r'.*varies"):
        transfer(observation, grid)


def test_operator_refuses():
    observation, _ = CASES["other scale"]()
    far = Observation(observation.image, observation.psf, "r", scale=0.168, offset=(80.0, 0.0))
    with pytest.raises(InputError, match=r"band 'r'.*disjoint"):
        forward_operator(far, Grid((24, 28), 0.1))
    elsewhere = Observation(
        strict.asarray(np.ones((14, 15))), strict.asarray(observation.psf), "r", scale=0.168
    )
    with pytest.raises(InputError, match="NumPy"):
        forward_operator(elsewhere, Grid((24, 28), 0.1))
    one = forward_operator(*CASES["turned"]())
    with pytest.raises(InputError, match="do not fit together"):
        FieldForward(one.filters, one.weights, one.sampler, one.embed)


@pytest.fixture(scope="module", params=["150.23575_dec_2.07361", "150.23115_dec_2.07250"])
def hst_hsc(request, sigden_data):
    """HST image as the scene, and the HSC i band with its PSF."""
    fits = pytest.importorskip("astropy.io.fits")
    folder = sigden_data / "multiband" / "hst_hsc"
    if not folder.is_dir():
        pytest.skip("no HST and HSC images")
    with fits.open(folder / f"hst_ra_{request.param}.fits") as hst:
        scene, grid = hst[0].data.astype(float), Grid.from_wcs(hst[0].data.shape, WCS(hst[0].header))
    with fits.open(folder / f"hsc_ra_{request.param}.fits") as hsc:
        cube, wcs = hsc[0].data.astype(float), WCS(hsc[0].header, naxis=2)
    with fits.open(folder / f"psf_hsc_ra_{request.param}.fits") as psf:
        return scene, grid, Observation(cube[2], psf[0].data[2].astype(float), "i", wcs=wcs)


def test_hst_through_hsc(hst_hsc):
    scene, grid, observation = hst_hsc
    assert grid.scale == pytest.approx(0.03, rel=1e-4)
    assert observation.pixel_scale == pytest.approx(0.168, rel=1e-3)
    operator = forward_operator(observation, grid)
    assert_adjoint(operator)
    inside = footprint(observation, grid)
    inside[:4] = inside[-4:] = inside[:, :4] = inside[:, -4:] = False
    seen, found = observation.values, operator(scene)

    def likeness(rows, columns):
        return np.corrcoef(np.roll(found, (rows, columns), (0, 1))[inside], seen[inside])[0, 1]

    best = likeness(0, 0)
    assert best > 0.99
    assert all(likeness(r, c) < best for r in (-1, 0, 1) for c in (-1, 0, 1) if (r, c) != (0, 0))
