"""Errors by bootstrap and denoising of deconvolved images."""

from dataclasses import dataclass, replace
from functools import lru_cache

import array_api_strict
import numpy as np
import pytest

from sigden import InputError, ParameterError, Starlet, from_toml
from sigden.denoisers import ROF
from sigden.denoisers.starlet import scale_noise, starlet
from sigden.method import Method
from sigden.multiband import (
    Denoised,
    Grid,
    JointGradient,
    JointSparse,
    JointWiener,
    LocalColour,
    MultibandResult,
    Observation,
    RichardsonLucy,
    bootstrap,
    denoise_result,
)
from sigden.simulate.scene import scene

SIZE = 64
GRID = Grid(shape=(SIZE, SIZE), scale=0.1)


@lru_cache(maxsize=1)
def sky():
    return scene(seed=31, size=SIZE, psf_size=41, galaxies=2, stars=0)


def observe(unit=1.0, **changes):
    out = []
    for image in sky().images():
        image |= {"image": unit * image["image"], "sigma": unit * image["sigma"]}
        out.append(Observation(**image | (changes if out else {})))
    return out


def response():
    return sky().response


def errors(method, observations=None, **options):
    return bootstrap(
        method, observe() if observations is None else observations, GRID, response=response(), **options
    )


@dataclass(frozen=True, kw_only=True)
class FixedWiener(Method):
    """`JointWiener` whose prior stays that of the first data: linear."""

    def __call__(self, observations, grid, *, response):
        data = [o.values for o in observations]
        return replace(JointWiener()(observe(), grid, response=response), estimate=fixed_solver().apply(data))


@lru_cache(maxsize=1)
def fixed_solver():
    return JointWiener().prior(observe(), GRID, response()).solver(correlation=JointWiener().correlation)


def test_bootstrap_of_a_linear_method_is_its_exact_propagated_noise():
    exact = JointWiener()(observe(), GRID, response=response())
    found = errors(FixedWiener(), draws=40)
    np.testing.assert_allclose(found.estimate, exact.estimate, atol=1e-12 * exact.estimate.max())
    scale = np.sqrt(np.outer(np.diag(exact.noise_covariance), np.diag(exact.noise_covariance)))
    np.testing.assert_allclose(found.noise_covariance / scale, exact.noise_covariance / scale, atol=0.05)
    noise = np.sqrt(np.diag(exact.noise_covariance))[:, None, None]
    assert np.std(found.uncertainty / noise) < 1.2 / np.sqrt(2 * 40)
    assert found.details["bootstrap"]["draws"] == 40
    own = errors(JointWiener(), draws=10)
    ratio = np.sqrt(np.mean(own.uncertainty**2) / np.mean(noise**2))
    assert 0.8 < ratio < 1.05


@pytest.mark.parametrize(
    "method",
    [JointSparse(), LocalColour(), JointGradient(max_iter=60), Denoised(draws=2)],
    ids=["sparse", "local-colour", "gradient", "denoised"],
)
def test_bootstrap_serves_every_method(method):
    found = errors(method, draws=4)
    assert found.uncertainty.shape == found.estimate.shape
    np.testing.assert_allclose(
        np.diag(found.noise_covariance), np.mean(found.uncertainty**2, axis=(1, 2)), rtol=1e-9
    )
    miss = found.estimate - sky().truth
    for error, off in zip(found.uncertainty, miss, strict=True):
        assert 0.05 < np.sqrt(np.mean(error**2)) / np.sqrt(np.mean(off**2)) < 3
    np.testing.assert_array_equal(found.uncertainty, errors(method, draws=4).uncertainty)
    assert not np.array_equal(found.uncertainty, errors(method, draws=4, seed=1).uncertainty)


def test_bootstrap_keeps_unit_background_and_mask():
    plain = errors(JointWiener(), draws=4)
    scaled = errors(JointWiener(), observe(unit=1e-12), draws=4)
    np.testing.assert_allclose(1e12 * scaled.uncertainty, plain.uncertainty, rtol=1e-6)
    raised = [
        Observation(
            o.image + 3.0,
            o.psf,
            o.band,
            sigma=o.sigma,
            scale=o.scale,
            offset=o.offset,
            psf_scale=o.psf_scale,
            background=3.0,
        )
        for o in observe()
    ]
    found = errors(JointWiener(), raised, draws=4)
    np.testing.assert_allclose(found.uncertainty, plain.uncertainty, rtol=1e-6)
    mask = np.zeros((SIZE // 2, SIZE // 2), bool)
    mask[10:14, 8:14] = True
    holed = errors(JointWiener(), observe(mask=mask), draws=4)
    assert np.isfinite(holed.uncertainty).all()


def test_bootstrap_says_what_it_cannot_use():
    with pytest.raises(ParameterError, match="draws: must be at least 2"):
        errors(JointWiener(), draws=1)
    with pytest.raises(ParameterError, match="RichardsonLucy does not take"):
        errors(RichardsonLucy())


def coloured(rng, count):
    """Noise strong at middle frequencies, as deconvolution leaves it."""
    rows, columns = np.fft.fftfreq(SIZE)[:, None], np.fft.rfftfreq(SIZE)[None, :]
    radius = np.hypot(rows, columns)
    gain = np.exp(-((radius / 0.15) ** 2)) * (0.2 + (radius / 0.08) ** 2)
    white = rng.standard_normal((count, SIZE, SIZE))
    out = np.fft.irfft2(np.fft.rfft2(white) * gain, s=(SIZE, SIZE))
    return out / out.std()


def result_of(images, sigma):
    bands = ("r", "i", "z")[: len(images)]
    return MultibandResult(
        estimate=images,
        uncertainty=np.full(images.shape, sigma),
        noise_covariance=np.eye(len(images)) * sigma**2,
        bands=bands,
        grid=GRID,
        target_fwhm=0.2,
    )


def test_each_scale_is_denoised_by_its_own_noise():
    rng = np.random.default_rng(0)
    draws = coloured(rng, 17)
    noisy = result_of(draws[:1], 1.0)
    levels = []

    def note(image, sigma):
        levels.append(sigma)
        return image

    same = denoise_result(noisy, note, noise=draws[1:, None])
    np.testing.assert_allclose(same.estimate, noisy.estimate, atol=1e-12)
    found = np.sqrt(np.mean(starlet(draws[1:], 4) ** 2, axis=(0, -2, -1)))
    np.testing.assert_allclose(levels, found / np.array(scale_noise(4)), rtol=1e-12)
    np.testing.assert_array_equal(same.details["noise_level"], [levels])
    assert max(levels) > 2 * min(levels)


def test_coloured_noise_is_removed_where_white_noise_is_not_assumed():
    rng = np.random.default_rng(2)
    row, column = np.mgrid[:SIZE, :SIZE]
    truth = 40 * np.exp(-((row - 30) ** 2 + (column - 28) ** 2) / 18)
    draws = coloured(rng, 9)
    noisy = result_of(np.stack([truth + draws[0]]), 1.0)
    told = denoise_result(noisy, Starlet(), noise=draws[1:, None])
    untold = denoise_result(noisy, Starlet())
    before, after, naive = (np.mean((r.estimate - truth) ** 2) for r in (noisy, told, untold))
    assert after < 0.5 * before
    assert after < 0.7 * naive
    assert told.estimate.sum() == pytest.approx(noisy.estimate.sum(), rel=0.02)
    np.testing.assert_array_equal(told.details["before_denoising"], noisy.estimate)


def test_a_function_of_another_library_serves():
    noisy = result_of(coloured(np.random.default_rng(3), 3), 1.0)
    seen = []

    def network(image, sigma):
        seen.append((type(image), image.flags.writeable, sigma))
        return array_api_strict.asarray(0.5 * image)

    halved = denoise_result(noisy, network)
    np.testing.assert_allclose(halved.estimate, 0.5 * noisy.estimate)
    assert seen == [(np.ndarray, True, 1.0)] * 3
    whole = JointGradient(max_iter=20, draws=2)
    result = whole(observe(), GRID, response=response(), denoise=network)
    plain = JointGradient(max_iter=20)(observe(), GRID, response=response())
    np.testing.assert_allclose(result.estimate, 0.5 * plain.estimate, atol=1e-9 * plain.estimate.max())
    again = Denoised(draws=2)(observe(), GRID, response=response(), denoise=network)
    np.testing.assert_allclose(again.estimate, 0.5 * again.details["before_denoising"], atol=1e-9)


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (lambda x, s: x[1:], "returned shape"),
        (lambda x, s: x * np.nan, "not finite"),
        (lambda x, s: "no image", "no array"),
    ],
)
def test_what_a_function_returns_is_checked(answer, message):
    with pytest.raises(InputError, match=f"band 'r': .*{message}"):
        denoise_result(result_of(np.ones((1, SIZE, SIZE)), 1.0), answer)


def test_denoising_needs_the_noise():
    plain = JointGradient(max_iter=5)(observe(), GRID, response=response())
    with pytest.raises(InputError, match="measure it with bootstrap first"):
        denoise_result(plain, Starlet())
    with pytest.raises(InputError, match=r"expected \(draws, 3, 64, 64\)"):
        denoise_result(result_of(np.ones((3, SIZE, SIZE)), 1.0), Starlet(), noise=np.ones((2, SIZE, SIZE)))


@pytest.mark.parametrize("deconvolution", [JointWiener(), JointGradient(positivity=False, max_iter=100)])
def test_denoising_after_deconvolution_comes_nearer_to_the_truth(deconvolution):
    result = Denoised(deconvolution=deconvolution, draws=4)(observe(), GRID, response=response())
    truth = sky().truth
    before, after = (np.sum((e - truth) ** 2) for e in (result.details["before_denoising"], result.estimate))
    assert after < 0.98 * before
    np.testing.assert_allclose(
        result.estimate.sum(axis=(1, 2)), result.details["before_denoising"].sum(axis=(1, 2)), rtol=0.03
    )
    assert np.isfinite(result.uncertainty).all()


def test_the_gradient_method_denoises_as_denoised_does():
    own = JointGradient(max_iter=30, denoiser=Starlet(), draws=3)(observe(), GRID, response=response())
    outer = Denoised(deconvolution=JointGradient(max_iter=30), draws=3)
    np.testing.assert_array_equal(own.estimate, outer(observe(), GRID, response=response()).estimate)


def test_parameters_are_checked_and_written_down():
    with pytest.raises(ParameterError, match="draws"):
        Denoised(draws=1)
    with pytest.raises(ParameterError, match="seed"):
        Denoised(seed=-1)
    with pytest.raises(ParameterError, match="Starlet does not take"):
        Denoised(deconvolution=Starlet())(observe(), GRID, response=response())
    method = Denoised(deconvolution=JointGradient(denoiser=ROF()), denoiser=ROF(regularization=1.0))
    assert from_toml(method.to_toml()) == method
