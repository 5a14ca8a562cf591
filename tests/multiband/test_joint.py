"""The joint methods on a scene of known truth."""

from dataclasses import replace

import numpy as np
import pytest

from sigden import InputError, JointSparse, JointWiener, ParameterError, from_toml
from sigden.metrics import flux_error, nmse as metric_nmse
from sigden.multiband import Grid, Observation, gaussian_psf
from sigden.simulate.scene import scene

N, SCALE, TARGET = 64, 0.1, 0.2
COLOURS = {"r": 0.8, "i": 1.2}
RESPONSE = {"VIS": {"r": 0.6, "i": 0.4}}
SIGMA = {"VIS": 0.5, "r": 0.4, "i": 0.4}
FWHM = {"VIS": 0.18, "r": 0.7, "i": 0.65}


def light(band, fwhm):
    """Sources of two colours through a Gaussian PSF, exactly."""
    rows, columns = (np.fft.fftfreq(N, SCALE) for _ in range(2))
    total = np.zeros((N, N), dtype=complex)
    for row, column, width, flux, tilt in (
        (31.3, 30.2, 0.15, 900, 0.0),
        (18.0, 45.5, 0.05, 500, 0.25),
        (47, 20, 0.3, 700, -0.2),
    ):
        colour = COLOURS[band] + (tilt if band == "r" else -tilt)
        squared = rows[:, None] ** 2 + columns[None, :] ** 2
        spread = width**2 + (fwhm / 2.3548) ** 2
        phase = np.exp(-2j * np.pi * SCALE * (rows[:, None] * row + columns[None, :] * column))
        total += flux * colour * np.exp(-2 * np.pi**2 * spread * squared) * phase
    return total


def image(modes):
    return np.fft.ifft2(modes).real


def observe(seed, **changes):
    rng = np.random.default_rng(seed)
    wide = image(sum(RESPONSE["VIS"][b] * light(b, FWHM["VIS"]) for b in COLOURS))
    wide = wide + SIGMA["VIS"] * rng.standard_normal(wide.shape)
    out = [
        Observation(wide, gaussian_psf(FWHM["VIS"], SCALE, (21, 21)), "VIS", sigma=SIGMA["VIS"], scale=SCALE)
    ]
    shift = np.exp(1j * np.pi * SCALE * np.add.outer(np.fft.fftfreq(N, SCALE), np.fft.fftfreq(N, SCALE)))
    for band in COLOURS:
        native = 4 * image(light(band, FWHM[band]) * shift)[::2, ::2]
        options = {
            "sigma": SIGMA[band],
            "scale": 2 * SCALE,
            "offset": (SCALE / 2, SCALE / 2),
            "psf_scale": SCALE,
        }
        psf = gaussian_psf(FWHM[band], SCALE, (41, 41))
        noisy = native + SIGMA[band] * rng.standard_normal(native.shape)
        out.append(Observation(noisy, psf, band, **{**options, **changes}))
    return out


GRID = Grid(shape=(N, N), scale=SCALE)
TRUTH = np.stack([image(light(b, TARGET)) for b in COLOURS])


def nmse(estimate):
    return np.mean([np.sum((e - t) ** 2) / np.sum(t**2) for e, t in zip(estimate, TRUTH, strict=True)])


@pytest.mark.parametrize("method", [JointWiener(), JointSparse()], ids=["wiener", "sparse"])
@pytest.mark.parametrize("seed", [0, 1])
def test_fluxes_and_shapes_come_out(method, seed):
    result = method(observe(seed), GRID, response=RESPONSE)
    assert result.bands == ("r", "i")
    assert result.estimate.shape == (2, N, N)
    assert nmse(result.estimate) < 0.05
    rows, columns = np.indices((N, N))
    for row, column in ((31.3, 30.2), (18.0, 45.5), (47, 20)):
        aperture = np.hypot(rows - row, columns - column) < 8
        for found, true in zip(result.estimate, TRUTH, strict=True):
            assert found[aperture].sum() == pytest.approx(true[aperture].sum(), rel=0.06)


def test_sparse_is_sharper_than_wiener():
    wiener, sparse = (
        np.mean([nmse(m(observe(s), GRID, response=RESPONSE).estimate) for s in range(3)])
        for m in (JointWiener(), JointSparse())
    )
    assert sparse < 0.7 * wiener


def test_propagated_noise_is_what_repeated_noise_shows():
    method = JointWiener()
    prior = method.prior(observe(0), GRID, RESPONSE)
    solver = prior.solver(correlation=method.correlation)
    estimates = []
    for seed in range(30):
        rng = np.random.default_rng(seed)
        estimates.append(solver.apply([c.drawn(rng) for c in prior.channels]))
    measured = np.cov(np.stack(estimates, axis=1).reshape(2, -1))
    np.testing.assert_allclose(
        method(observe(0), GRID, response=RESPONSE).noise_covariance, measured, rtol=0.05
    )


def test_unit_of_flux_does_not_matter():
    method = JointSparse()
    plain = method(observe(0), GRID, response=RESPONSE).estimate
    scaled = [
        Observation(
            1e-12 * o.image,
            o.psf,
            o.band,
            sigma=1e-12 * o.sigma,
            scale=o.scale,
            offset=o.offset,
            psf_scale=o.psf_scale,
        )
        for o in observe(0)
    ]
    np.testing.assert_allclose(
        1e12 * method(scaled, GRID, response=RESPONSE).estimate, plain, atol=1e-6 * plain.max()
    )


@pytest.mark.parametrize("method", [JointWiener(), JointSparse()], ids=["wiener", "sparse"])
def test_single_precision_is_kept(method):
    single = [replace(o, image=o.image.astype(np.float32)) for o in observe(0)]
    found, plain = method(single, GRID, response=RESPONSE), method(observe(0), GRID, response=RESPONSE)
    assert found.estimate.dtype == found.uncertainty.dtype == np.float32
    assert found.details["residual"][0].dtype == np.float32
    np.testing.assert_allclose(found.estimate, plain.estimate, atol=1e-4 * plain.estimate.max())
    np.testing.assert_allclose(found.uncertainty, plain.uncertainty, rtol=0.02)


def test_positivity_is_a_choice():
    free, positive = (
        JointSparse(positivity=p)(observe(0), GRID, response=RESPONSE).estimate for p in (False, True)
    )
    assert free.min() < 0
    np.testing.assert_array_equal(positive, np.maximum(free, 0))


def test_input_is_untouched_and_result_repeatable():
    observations = observe(0)
    before = [o.image.copy() for o in observations]
    one, two = (JointSparse()(observations, GRID, response=RESPONSE).estimate for _ in range(2))
    np.testing.assert_array_equal(one, two)
    for o, image_before in zip(observations, before, strict=True):
        np.testing.assert_array_equal(o.image, image_before)


@pytest.mark.parametrize("method", [JointWiener(), JointSparse()], ids=["wiener", "sparse"])
def test_noise_maps_and_pixels_of_any_kind(method):
    plain = method(observe(0), GRID, response=RESPONSE)
    uneven = observe(0, sigma=0.4 * np.where(np.arange(32) < 16, 1.0, 1.01)[:, None] * np.ones((32, 32)))
    mapped = method(uneven, GRID, response=RESPONSE)
    np.testing.assert_allclose(mapped.estimate, plain.estimate, atol=0.02 * plain.estimate.max())
    # the border of a closed form is another one, and an error follows the square of its detail
    ratio = mapped.uncertainty / plain.uncertainty
    assert np.abs((mapped.estimate - plain.estimate) / plain.uncertainty).max() < 1
    np.testing.assert_allclose(np.percentile(ratio, [1, 50, 99]), 1, atol=0.25)
    assert np.abs(np.log2(ratio)).max() < 1
    told = [np.sqrt(np.mean(((r.estimate - TRUTH) / r.uncertainty) ** 2)) for r in (mapped, plain)]
    assert told[0] == pytest.approx(told[1], rel=0.02)
    # pixels that are shifted by a part of one: another image of the same sky
    shifted = method(observe(0, offset=(0.049, 0.05)), GRID, response=RESPONSE)
    assert nmse(shifted.estimate) < 1.5 * nmse(plain.estimate) + 0.005


def test_correlation_and_model_error_are_found_from_the_data():
    prior = JointWiener().prior(observe(0), GRID, RESPONSE)
    assert JointWiener().settled(prior) == (prior, 0.8)
    found, correlation = JointWiener(correlation="auto", model_error="auto").settled(prior)
    assert 0.9 <= correlation < 1.0
    # the sources' own colours keep to the mixture
    assert found.channels[0].model_error <= 0.05
    assert [c.model_error for c in found.channels[1:]] == [0.0, 0.0]
    free = JointSparse(correlation="auto", model_error="auto")
    assert from_toml(free.to_toml()) == free
    assert nmse(free(observe(0), GRID, response=RESPONSE).estimate) < 0.05
    masked = observe(0, mask=np.eye(32, dtype=bool))
    for changes in ({"correlation": "auto"}, {"model_error": "auto"}):
        with pytest.raises(ParameterError, match=f"{next(iter(changes))}: .*give a number"):
            JointWiener(**changes)(masked, GRID, response=RESPONSE)


def test_what_cannot_be_done_is_said():
    method = JointWiener()
    with pytest.raises(ParameterError, match="VIS mixes z"):
        method(observe(0), GRID, response={"VIS": {"r": 0.5, "z": 0.5}})
    with pytest.raises(InputError, match="every band is declared wide"):
        method(observe(0)[:1], GRID, response=RESPONSE)


def test_an_empty_sky_stays_empty():
    rng = np.random.default_rng(0)
    empty = [replace(o, image=o.sigma * rng.standard_normal(o.shape)) for o in observe(0)]
    for method in (JointWiener(), JointSparse()):
        result = method(empty, GRID, response=RESPONSE)
        assert np.isfinite(result.estimate).all()
        assert np.isfinite(result.uncertainty).all()
        assert (result.uncertainty > 0).all()
        assert np.abs(result.estimate).max() < 3 * max(SIGMA.values())


@pytest.mark.parametrize(
    "changes",
    [{"correlation": 1.0}, {"target_fwhm": 0.0}, {"model_error": -1.0}, {"threshold": -1.0}, {"scales": 0}],
)
def test_parameters_are_checked_by_name(changes):
    with pytest.raises(ParameterError, match=next(iter(changes))):
        JointSparse(**changes)


def test_serialisable():
    method = JointSparse(target_fwhm=0.25, threshold=3.0)
    assert from_toml(method.to_toml()) == method


@pytest.mark.parametrize("seed", [3, 4])
def test_sources_of_a_simulated_field(seed):
    field = scene(seed=seed)
    grid = Grid(shape=field.vis.shape, scale=field.scale)
    observations = [Observation(**image) for image in field.images()]
    places = [
        (s.row, s.column) for s in field.catalogue if 16 < min(s.row, s.column) < max(s.row, s.column) < 112
    ]
    figures = {}
    for method in (JointWiener(), JointSparse()):
        estimate = method(observations, grid, response=field.response).estimate
        figures[method.name()] = np.mean(
            [metric_nmse(e, t) for e, t in zip(estimate, field.truth, strict=True)]
        )
        assert np.median(np.abs(flux_error(estimate, field.truth, places))) < 0.03
    assert figures["JointSparse"] < 0.03
    assert figures["JointSparse"] < 0.7 * figures["JointWiener"]


@pytest.mark.parametrize("method", [JointWiener(), JointSparse()], ids=["wiener", "sparse"])
def test_masked_pixels_do_not_count(method):
    observations = observe(0)
    masked = []
    for seed, o in enumerate(observations):
        mask = np.random.default_rng(seed).random(o.image.shape) < 0.03
        mask[10:12, 12:15] = True
        for value in (np.nan, 1e6):
            image_ = np.where(mask, value, o.image)
            options = {"sigma": o.sigma, "scale": o.scale, "offset": o.offset, "psf_scale": o.psf_scale}
            masked.append(Observation(image_, o.psf, o.band, mask=mask, **options))
    one = method(masked[::2], GRID, response=RESPONSE).estimate
    other = method(masked[1::2], GRID, response=RESPONSE).estimate
    np.testing.assert_allclose(one, other, atol=1e-9 * np.abs(one).max())
    full = nmse(method(observations, GRID, response=RESPONSE).estimate)
    assert nmse(one) < 2.0 * full + 0.005
