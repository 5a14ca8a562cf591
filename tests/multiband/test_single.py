"""Single-image deconvolution on scenes of known truth."""

import numpy as np
import pytest
from scipy.ndimage import shift

from sigden import InputError, ParameterError, from_toml
from sigden.denoisers.starlet import starlet
from sigden.multiband import (
    Grid,
    Observation,
    RichardsonLucy,
    StarletDeconvolution,
    Tikhonov,
    WienerDeconvolution,
    gaussian_psf,
)
from sigden.multiband.single.padded import padded_problem
from sigden.multiband.single.starlet import _noise as starlet_noise
from sigden.simulate.scene import scene
from sigden.solvers import Status

SCALE, FWHM, TARGET, SIGMA = 0.1, 0.35, 0.2, 0.1
WIDE, EDGE = 96, 16
N = WIDE - 2 * EDGE
GRID = Grid(shape=(N, N), scale=SCALE)
PSF = gaussian_psf(FWHM, SCALE, (25, 25))
SOURCES = ((31.3, 30.2, 0.12, 500.0), (18.0, 45.5, 0.05, 300.0), (47.0, 20.0, 0.2, 400.0))
STRADDLING = (30.0, 0.5, 0.08, 800.0)
STARLET = StarletDeconvolution(max_iter=100)
METHODS = [Tikhonov(), WienerDeconvolution(), RichardsonLucy(), STARLET]
NAMES = ["tikhonov", "wiener", "richardson-lucy", "starlet"]


def image(fwhm, sources=SOURCES):
    """Gaussian sources through a Gaussian PSF, cut out of a wider field."""
    place = np.arange(WIDE) - float(EDGE)
    total = np.zeros((WIDE, WIDE))
    for row, column, width, flux in sources:
        spread = (width**2 + (fwhm / 2.3548) ** 2) / SCALE**2
        down, right = (np.exp(-((place - at) ** 2) / (2 * spread)) for at in (row, column))
        total += flux * np.outer(down, right) / (2 * np.pi * spread)
    return total[EDGE:-EDGE, EDGE:-EDGE]


def observe(seed=0, sources=SOURCES, unit=1.0, **changes):
    noise = SIGMA * np.random.default_rng(seed).standard_normal((N, N))
    options = {"sigma": unit * SIGMA, "scale": SCALE, **changes}
    return Observation(unit * (image(FWHM, sources) + noise), PSF, "i", **options)


def exact(method):
    """Conjugate gradients magnify rounding until they have converged."""
    if isinstance(method, (RichardsonLucy, StarletDeconvolution)):
        return method
    return method.replace(tolerance=1e-8, max_iter=2000)


def nmse(estimate, truth):
    return np.sum((estimate - truth) ** 2) / np.sum(truth**2)


@pytest.mark.parametrize("method", METHODS, ids=NAMES)
def test_sharper_than_the_image_with_its_flux(method):
    truth, observation = image(TARGET), observe()
    estimate = method(observation, GRID)
    assert estimate.shape == GRID.shape
    assert nmse(estimate, truth) < 0.35 * nmse(observation.image, truth)
    rows, columns = np.indices((N, N))
    for row, column, _, _ in SOURCES:
        near = np.hypot(rows - row, columns - column) < 8
        assert estimate[near].sum() == pytest.approx(truth[near].sum(), rel=0.06)


@pytest.mark.parametrize("method", METHODS, ids=NAMES)
def test_a_source_beyond_the_border_is_neither_piled_up_nor_wrapped_around(method):
    sources = (*SOURCES, STRADDLING)
    truth = image(TARGET, sources)
    estimate = method(observe(sources=sources), GRID)
    assert nmse(estimate, truth) < 0.35 * nmse(image(FWHM, sources), truth)
    for strip in (np.s_[:, -6:], np.s_[20:40, :8]):
        assert abs(estimate[strip].sum() - truth[strip].sum()) < 0.035 * STRADDLING[3]


@pytest.mark.parametrize("method", METHODS, ids=NAMES)
def test_masked_pixels_are_filled_in_from_their_neighbours(method):
    mask = np.zeros((N, N), bool)
    mask[30, 28:33] = True
    spoilt = observe().image.copy()
    spoilt[mask] = np.nan
    observation = Observation(spoilt, PSF, "i", sigma=SIGMA, scale=SCALE, mask=mask)
    truth = image(TARGET)
    assert nmse(method(observation, GRID), truth) < 0.4 * nmse(observe().image, truth)


@pytest.mark.parametrize("method", METHODS, ids=NAMES)
def test_pixels_that_are_no_blocks_of_the_grid(method):
    moved = shift(image(FWHM), (0.3, 0.45), order=5, mode="nearest")
    noisy = moved + SIGMA * np.random.default_rng(3).standard_normal((N, N))
    place = (-0.3 * SCALE, -0.45 * SCALE)
    observation = Observation(noisy, PSF, "i", sigma=SIGMA, scale=SCALE, offset=place)
    truth = image(TARGET)
    assert nmse(method(observation, GRID), truth) < 0.4 * nmse(observe().image, truth)


@pytest.mark.parametrize("method", METHODS, ids=NAMES)
def test_unit_of_flux_does_not_matter(method):
    method = exact(method)
    plain = method(observe(), GRID)
    np.testing.assert_allclose(1e12 * method(observe(unit=1e-12), GRID), plain, atol=1e-6 * plain.max())


@pytest.mark.parametrize("method", METHODS, ids=NAMES)
def test_background_is_taken_off(method):
    plain, method = observe(), exact(method)
    raised = Observation(plain.image + 0.3, PSF, "i", sigma=SIGMA, scale=SCALE, background=0.3)
    found = method(raised, GRID)
    np.testing.assert_allclose(found, method(plain, GRID), atol=1e-6 * found.max())


@pytest.mark.parametrize("method", METHODS, ids=NAMES)
def test_input_is_untouched_and_result_repeatable(method):
    observation = observe()
    before = observation.image.copy()
    observation.image.flags.writeable = False
    np.testing.assert_array_equal(method(observation, GRID), method(observation, GRID))
    np.testing.assert_array_equal(observation.image, before)


def test_noise_that_varies_is_weighed():
    rng = np.random.default_rng(4)
    sigma = np.where(np.arange(N) % 2, 5.0, SIGMA)[:, None] * np.ones((N, N))
    observation = Observation(
        image(FWHM) + sigma * rng.standard_normal((N, N)), PSF, "i", sigma=sigma, scale=SCALE
    )
    flat = Observation(observation.image, PSF, "i", sigma=float(np.sqrt(np.mean(sigma**2))), scale=SCALE)
    truth, method = image(TARGET), WienerDeconvolution()
    assert nmse(method(observation, GRID), truth) < 0.5 * nmse(method(flat, GRID), truth)


def test_richardson_lucy_stops_at_the_noise_or_when_steps_run_out():
    solution = RichardsonLucy().solve(observe(), GRID)
    assert solution.status is Status.CONVERGED
    assert solution.iterations < RichardsonLucy().max_iter
    assert solution.details["chi2"] <= 1.0
    assert solution.history[-2][1] > 0
    short = RichardsonLucy(max_iter=2).solve(observe(), GRID)
    assert short.status is Status.MAX_ITER
    assert short.iterations == 2
    assert short.gap > 0
    assert solution.estimate.min() > -1e-3 * solution.estimate.max()


def test_tikhonov_takes_the_largest_weight_that_explains_the_data():
    chosen = Tikhonov().solve(observe(), GRID)
    weight = chosen.details["regularization"]
    assert chosen.details["chi2"] <= 1.0
    more = Tikhonov(regularization=2 * weight).solve(observe(), GRID)
    assert more.details["chi2"] > 1.0
    assert more.details["regularization"] == 2 * weight


def test_starlet_coefficients_of_noise_alone_are_zero():
    rng = np.random.default_rng(5)
    sigma = np.where(np.arange(N) < N // 2, SIGMA, 20 * SIGMA)[:, None] * np.ones((N, N))
    observation = Observation(sigma * rng.standard_normal((N, N)), PSF, "i", sigma=sigma, scale=SCALE)
    quiet = StarletDeconvolution(threshold=4.5, max_iter=50).solve(observation, GRID)
    smooth = [np.abs(np.diff(quiet.estimate, axis=axis)).max() for axis in (0, 1)]
    loud = StarletDeconvolution(threshold=0.5, max_iter=50).solve(observation, GRID)
    rough = [np.abs(np.diff(loud.estimate, axis=axis)).max() for axis in (0, 1)]
    assert max(smooth) < 0.05 * max(rough)


def test_starlet_thresholds_are_the_noise_that_comes_back():
    sigma = np.where(np.arange(N) < N // 2, SIGMA, 3 * SIGMA)[:, None] * np.ones((N, N))
    observation = Observation(np.zeros((N, N)), PSF, "i", sigma=sigma, scale=SCALE)
    problem = padded_problem(observation, GRID)
    unit = float(np.sqrt(problem.weight).max())
    found = starlet_noise(problem, unit, 3)[:, 12:-12, 12:-12]
    rng = np.random.default_rng(6)
    draws = [
        starlet(
            problem.operator.adjoint(np.sqrt(problem.weight) * rng.standard_normal(problem.data.shape)), 3
        )
        for _ in range(200)
    ]
    measured = np.std(draws, axis=0)[:, 12:-12, 12:-12] / unit
    inside = np.s_[:, 10:20, 10:-10], np.s_[:, 50:60, 10:-10]
    for part in inside:
        ratio = np.sqrt(np.mean(measured[part] ** 2, axis=(1, 2)) / np.mean(found[part] ** 2, axis=(1, 2)))
        np.testing.assert_allclose(ratio[:3], 1.0, atol=0.15)


def test_starlet_positivity_damps_what_rings_below_zero():
    sky = scene(seed=21, size=64, psf_size=41, galaxies=2, stars=0)
    observation = Observation(**sky.images()[2])
    grid = Grid(shape=sky.vis.shape, scale=sky.scale)
    free, bound = (
        StarletDeconvolution(max_iter=150, tolerance=1e-3, positivity=p)(observation, grid)
        for p in (False, True)
    )
    assert np.minimum(bound, 0).sum() > 0.7 * np.minimum(free, 0).sum()
    assert nmse(bound, sky.truth[1]) < nmse(free, sky.truth[1])
    assert bound.sum() == pytest.approx(sky.truth[1].sum(), rel=0.03)


def test_starlet_stops_once_the_residual_is_like_noise():
    method = StarletDeconvolution()
    solution = method.solve(observe(), GRID)
    assert solution.status is Status.CONVERGED
    assert solution.gap <= method.tolerance
    assert solution.iterations < method.max_iter
    problem = padded_problem(observe(), GRID)
    unit = float(np.sqrt(problem.weight).max())
    noise = starlet_noise(problem, unit, method.scales)
    # the scene within the grid is all that a solution tells: light beyond its border is left out
    rest = problem.data - problem.operator(np.pad(solution.details["scene"], problem.inside[0].start))
    left = starlet(problem.operator.adjoint(problem.weight * rest), method.scales) / unit
    middle = np.s_[: method.scales, 40:-40, 40:-40]
    assert np.max(np.abs(left[middle]) / noise[middle]) < method.threshold + 3 * method.tolerance
    assert StarletDeconvolution(max_iter=3).solve(observe(), GRID).status is Status.MAX_ITER


@pytest.mark.parametrize("method", METHODS, ids=NAMES)
def test_what_is_missing_is_said(method):
    with pytest.raises(ParameterError, match="neither sigma nor variance"):
        method(observe(sigma=None), GRID)
    with pytest.raises(InputError, match=r"'i': (disjoint|no pixel)"):
        method(observe(offset=(500.0, 500.0)), GRID)


@pytest.mark.parametrize(
    ("cls", "changes"),
    [
        (Tikhonov, {"target_fwhm": 0.0}),
        (Tikhonov, {"max_iter": 0}),
        (Tikhonov, {"regularization": -1.0}),
        (Tikhonov, {"tolerance": 1.0}),
        (WienerDeconvolution, {"strength": 0.0}),
        (WienerDeconvolution, {"tolerance": 0.0}),
        (RichardsonLucy, {"discrepancy": -1.0}),
        (RichardsonLucy, {"level": 0.0}),
        (StarletDeconvolution, {"threshold": -1.0}),
        (StarletDeconvolution, {"scales": 0}),
        (StarletDeconvolution, {"tolerance": 0.0}),
    ],
)
def test_parameters_are_checked_by_name(cls, changes):
    with pytest.raises(ParameterError, match=next(iter(changes))):
        cls(**changes)


@pytest.mark.parametrize(
    "method",
    [
        Tikhonov(regularization=0.01),
        WienerDeconvolution(strength=2.0),
        RichardsonLucy(max_iter=7),
        StarletDeconvolution(threshold=4.0, scales=5, positivity=True),
    ],
    ids=NAMES,
)
def test_serialisable(method):
    assert from_toml(method.to_toml()) == method
