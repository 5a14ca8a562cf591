"""Photon noise in cubes: the law that is found, the second pass, what a transform may bend."""

from dataclasses import replace

import numpy as np
import pytest

from sigden import SubspaceCollaborative, SubspaceDenoise
from sigden.hyperspectral import pipeline, poisson_gaussian
from sigden.hyperspectral.pipeline import denoise_cube
from sigden.hyperspectral.second_pass import led_directions
from sigden.hyperspectral.stabilise import Stabiliser
from sigden.metrics import mpsnr
from sigden.simulate import gaussian_noise, poisson_noise, spectral_cube

TRUTH = spectral_cube((48, 56), 40, endmembers=5, seed=3)
NOISY = gaussian_noise(TRUTH, 0.05, seed=1)


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
