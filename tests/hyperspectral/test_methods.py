"""Methods for cubes: the battery, defects, noise of every kind, safety on what is clean."""

from dataclasses import replace

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
from sigden.hyperspectral import noise_correlation, pipeline, poisson_gaussian
from sigden.hyperspectral.pipeline import denoise_cube
from sigden.hyperspectral.second_pass import led_directions
from sigden.hyperspectral.stabilise import Stabiliser
from sigden.metrics import mpsnr, residual_autocorrelation, residual_to_sigma, structure_leak
from sigden.simulate import (
    dead_lines,
    dead_pixels,
    gaussian_noise,
    impulse_noise,
    mixed_noise,
    poisson_noise,
    spectral_cube,
    stripe_noise,
)

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


DEFECTS = {
    "stripes": lambda x: stripe_noise(x, seed=2),
    "row stripes": lambda x: stripe_noise(x, seed=2, axis=0),
    "dead lines": lambda x: dead_lines(x, seed=2),
    "dead pixels": lambda x: dead_pixels(x, seed=2),
    "salt and pepper": lambda x: impulse_noise(x, seed=2),
    "random impulses": lambda x: impulse_noise(x, seed=2, kind="random"),
}


@pytest.mark.parametrize("method", [SubspaceCollaborative(), RobustSubspace()], ids=lambda m: m.name())
@pytest.mark.parametrize("kind", DEFECTS)
def test_defects_are_found_without_being_told(method, kind):
    struck = DEFECTS[kind](NOISY)
    clean = mpsnr(method(NOISY), TRUTH)
    assert mpsnr(method(struck), TRUTH) > clean - 1.5
    assert mpsnr(SubspaceDenoise()(struck), TRUTH) < clean - 2


def test_all_at_once():
    struck = mixed_noise(TRUTH, seed=5)
    result = RobustSubspace().solve(struck)
    assert error(result.estimate) < 0.02 * error(struck)
    counts = result.components.counts()
    assert min(counts["dead"], counts["column_stripes"]) > 30
    assert result.components.outliers.sum() == counts["dead"] + counts["impulses"]


def test_components_are_where_the_defects_are():
    dead = dead_lines(NOISY, seed=2)
    found = RobustSubspace().solve(dead).components
    np.testing.assert_array_equal(found.outliers, dead == 0)
    striped = stripe_noise(NOISY, seed=2)
    true, found = (striped - NOISY)[0], RobustSubspace().solve(striped).components
    large = np.abs(true) > 0.06
    np.testing.assert_allclose(found.column_stripes[large], true[large], atol=0.03)
    assert np.count_nonzero((found.column_stripes != 0) & (true == 0)) <= 2
    np.testing.assert_array_equal(found.stripes[7], found.column_stripes)
    off = RobustSubspace(stripes=False).solve(striped).components
    assert off.counts()["column_stripes"] == 0


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_nothing_is_found_in_clean_cubes(seed):
    truth = spectral_cube((40, 44), 30, endmembers=6, seed=10 * seed)
    for data in (
        gaussian_noise(truth, (0.01, 0.1), seed=seed),
        np.round(1000 * gaussian_noise(truth, 0.05, seed=seed)).astype(np.int16),
        np.maximum(gaussian_noise(truth, 0.05, seed=seed), 0),
    ):
        counts = RobustSubspace().solve(data).components.counts()
        assert counts["dead"] == counts["column_stripes"] == counts["row_stripes"] == 0
        assert counts["impulses"] <= 2


def test_photon_noise_is_recognised():
    photons = poisson_noise(TRUTH, 60.0, seed=6)
    result = SubspaceCollaborative().solve(photons)
    assert result.stabiliser is not None
    assert 1 / np.median(result.stabiliser.gain) == pytest.approx(60, rel=0.25)
    assert SubspaceCollaborative().solve(NOISY).stabiliser is None
    assert mpsnr(result.estimate, TRUTH) > mpsnr(SubspaceDenoise()(photons), TRUTH) + 1
    law = poisson_gaussian(photons)
    assert abs(law.gain - 1 / 60) < 4 * law.gain_error + 0.002
    np.testing.assert_allclose(poisson_gaussian(NOISY).read_sigma, 0.05, rtol=0.2)


@pytest.mark.parametrize("read", [0.0, 0.03])
def test_the_second_pass_pays_in_photon_noise(read):
    truth = spectral_cube((48, 48), 60, seed=5).astype(np.float64)
    photons = poisson_noise(truth, 60.0, seed=8)
    if read:
        photons = gaussian_noise(photons, read, seed=9)
    method = SubspaceCollaborative()
    recipe = method.recipe()
    alone = replace(recipe, step=replace(recipe.step, led=None))
    first, second = denoise_cube(photons, None, None, alone), method.solve(photons)
    assert first.pixel_scale is None
    assert mpsnr(second.estimate, truth) > mpsnr(first.estimate, truth) + 0.5
    # the level of a pixel is that of the law, and the variance that is left is about the squared error
    light = truth / 60 + read**2
    expected = np.mean(light / light.mean(axis=(0, 1)), axis=2)
    assert np.corrcoef(second.pixel_scale.reshape(-1) ** 2, expected.reshape(-1))[0, 1] > 0.95
    assert 0.3 < np.mean((second.estimate - truth) ** 2) / np.mean(second.variance()) < 5


def test_bands_whose_law_is_not_seen_do_not_spoil_the_second_pass():
    truth = spectral_cube((64, 64), 40, seed=5).astype(np.float64)
    photons = poisson_noise(truth, 8.0, seed=1)
    photons[:, :, ::3] = gaussian_noise(truth[:, :, ::3], 0.2, seed=2)
    method = SubspaceCollaborative()
    recipe = method.recipe()
    alone = replace(recipe, step=replace(recipe.step, led=None))
    second = method.solve(photons)
    gain = second.stabiliser.gain.reshape(-1)
    assert not gain[::3].any()
    np.testing.assert_allclose(np.delete(gain, np.s_[::3]), 1 / 8, rtol=0.1)
    first = denoise_cube(photons, None, None, alone).estimate
    assert mpsnr(second.estimate, truth) > mpsnr(first, truth)


def test_the_law_of_a_dark_scene_is_found_and_its_photons_are_no_impulses():
    # a few bright objects leave two or three photons for all else: their noise passes for signal, the
    # tail of the others' for impulses
    truth = 0.1 * spectral_cube((64, 64), 60, seed=5).astype(np.float64)
    rng = np.random.default_rng(0)
    for row, column in rng.integers(0, 62, (12, 2)):
        truth[row : row + 2, column : column + 2] += rng.uniform(0.5, 0.9)
    truth /= truth.max(axis=(0, 1))
    photons = poisson_noise(truth, 40.0, seed=1)
    hit = rng.random(photons.shape) < 0.002
    spoilt = np.where(hit, 2.0, photons)
    for data in (photons, spoilt):
        result = SubspaceCollaborative().solve(data)
        np.testing.assert_allclose(np.median(result.stabiliser.gain), 1 / 40, rtol=0.05)
        assert mpsnr(result.estimate, truth) > mpsnr(photons, truth) + 12
        counts = result.components.counts()
        assert counts["dead"] == 0
        assert counts["impulses"] < 1e-4 * data.size + (data is spoilt) * 1.01 * hit.sum()
    assert result.components.impulses[hit].mean() > 0.95


def test_photons_that_are_missing_are_predicted():
    truth = spectral_cube((48, 48), 40, seed=5)
    photons = poisson_noise(truth, 60.0, seed=8)
    gone = np.random.default_rng(3).random(photons.shape) < 0.05
    gone[4, 5, 1:] = True
    out = SubspaceCollaborative()(np.where(gone, np.nan, photons))
    whole = SubspaceCollaborative()(photons)
    assert mpsnr(out, truth) > mpsnr(whole, truth) - 1.5
    assert np.mean((out - truth)[gone] ** 2) < 3 * np.mean((out - truth)[~gone] ** 2)


def test_directions_led_by_an_estimate_are_nearer_to_the_truth():
    rng = np.random.default_rng(3)
    basis = np.linalg.qr(rng.standard_normal((50, 3)))[0]
    maps = rng.standard_normal((4000, 3)) * np.sqrt([5.0, 0.4, 0.25])
    clean = maps @ basis.T
    noisy = clean + rng.standard_normal(clean.shape)
    estimate = (maps + 0.1 * rng.standard_normal(maps.shape)) @ np.linalg.qr(basis + 0.02)[0].T
    led = led_directions(noisy.T @ estimate / 4000, estimate.T @ estimate / 4000, 3, 6)
    plain = np.linalg.eigh(noisy.T @ noisy / 4000)[1][:, ::-1][:, :3]
    np.testing.assert_allclose(led.T @ led, np.eye(3), atol=1e-12)
    lost = [3 - np.linalg.norm(found.T @ basis) ** 2 for found in (led, plain)]
    assert lost[0] < 0.6 * lost[1]
    # as the theory has it: noise of variance 1 / N l in each band
    assert lost[0] == pytest.approx(50 / 4000 * (1 / 5 + 1 / 0.4 + 1 / 0.25), rel=0.35)


def test_correlated_noise_is_recognised():
    data = gaussian_noise(TRUTH, 0.05, seed=7, correlation=0.8)
    assert noise_correlation(data, 1)[1, 2] > 0.5
    result = SubspaceCollaborative().solve(data)
    assert result.noise_power.std() > 0.3
    assert error(result.estimate) < 0.5 * error(SubspaceDenoise()(data))
    np.testing.assert_array_equal(SubspaceCollaborative().solve(NOISY).noise_power, 1)


def test_the_residual_of_the_default_is_noise():
    out = SubspaceCollaborative()(NOISY)
    np.testing.assert_allclose(residual_to_sigma(NOISY, out, 0.05), 1, atol=0.1)
    assert np.abs(residual_autocorrelation(NOISY, out)).mean() < 0.03
    assert structure_leak(NOISY, out).mean() < 0.1


def test_a_faint_line_survives():
    data = NOISY.copy()
    line = np.zeros_like(data)
    line[20:30, 24:34, 17:20] = 3 * 0.05
    data += line
    for method in (SubspaceCollaborative(), RobustSubspace()):
        kept = (method(data) - method(NOISY))[18:32, 22:36, 17:20].sum()
        assert kept == pytest.approx(line.sum(), rel=0.08)


@pytest.mark.parametrize("width", [1, 3, 5])
def test_a_line_in_few_pixels_and_many_bands_keeps_its_flux(width):
    data = gaussian_noise(spectral_cube((40, 40), 300, seed=1), 0.05, seed=2)
    line = np.zeros_like(data)
    line[12:22, 20:30, 120 : 120 + width] = 3 * 0.05
    method = SubspaceCollaborative()
    kept = (method(data + line) - method(data))[10:24, 18:32, 120 : 120 + width].sum()
    assert kept == pytest.approx(line.sum(), rel=0.05 if width > 1 else 0.08)


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


@pytest.mark.parametrize("size", [0.0, 1e-6, 3e-6, 1e-5])
def test_bright_cubes_with_hardly_any_photon_noise_are_not_bent(size):
    truth = spectral_cube(seed=1).astype(np.float64)[..., :40]
    noise = size * np.sqrt(truth) * np.random.default_rng(0).standard_normal(truth.shape)
    assert np.std(SubspaceCollaborative()(truth + noise) - truth) < max(0.6 * noise.std(), 1e-7)


def test_a_transform_that_bends_the_signal_is_left_to_the_second_pass():
    truth = 0.05 + 0.9 * spectral_cube((64, 64), 60, endmembers=6, seed=4).astype(np.float64)
    photons = poisson_noise(truth, 1e8, seed=1)
    noise = np.std(photons - truth)
    method = SubspaceCollaborative()
    found = method.solve(photons)
    assert found.stabiliser is not None
    assert found.rank < 15
    assert np.std(found.estimate - truth) < 0.4 * noise
    recipe = method.recipe()
    one_pass = denoise_cube(photons, None, None, replace(recipe, step=replace(recipe.step, led=None)))
    assert one_pass.stabiliser is None
    assert np.std(one_pass.estimate - truth) < 0.4 * noise


def test_a_law_that_no_pass_uses_is_not_handed_out(monkeypatch):
    # correlated noise that is only seen once the transform is taken back: there is no second pass
    fitted, undone = pipeline._settled, []

    def undo(law, spectra, before=Stabiliser.undo):
        undone.append(law)
        before(law, spectra)

    def settled(*arguments):
        model = fitted(*arguments)
        if not undone:
            return model
        return replace(model, space=replace(model.space, level=np.ones(model.space.rank)))

    monkeypatch.setattr(Stabiliser, "undo", undo)
    monkeypatch.setattr(pipeline, "_settled", settled)
    truth = 0.05 + 0.9 * spectral_cube((64, 64), 60, endmembers=6, seed=4).astype(np.float64)
    found = SubspaceCollaborative().solve(poisson_noise(truth, 1e8, seed=1))
    assert undone
    assert found.stabiliser is None
    # else the error would be that of stabilised counts
    assert np.sqrt(found.variance().mean()) < np.sqrt(truth.mean() / 1e8)


def test_real_cubes_keep_their_structure(sigden_data):
    folder = sigden_data / "hyperspectral"
    muse = np.moveaxis(np.load(folder / "muse_minicube_400x40x40.npz")["data"], 0, -1)
    pavia = np.load(folder / "pavia_100x100x102.npz")["cube"].astype(np.float32)
    for cube, method in ((muse, RobustSubspace()), (pavia, SubspaceCollaborative())):
        result = method.solve(cube)
        ratio = residual_to_sigma(cube, result.estimate, result.sigma)
        assert 0.95 < np.median(ratio) < 1.1
        assert np.median(structure_leak(cube, result.estimate)) < 0.2
        assert result.components.outliers.mean() < 1e-3
