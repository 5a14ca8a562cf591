"""Lindsey's method: closed forms, equivariance, choice of degrees, tails."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from sigden import InputError, KernelDensity, Lindsey, ParameterError


def test_normal_samples_have_a_straight_score():
    x = np.random.default_rng(0).normal(3.0, 2.0, 200_000)
    fit = Lindsey().fit(x)
    points = np.linspace(-2, 8, 21)
    np.testing.assert_allclose(fit.score(points), -(points - 3) / 4, atol=0.1)
    np.testing.assert_allclose(fit.posterior_mean(points, 1.0), points - (points - 3) / 4, atol=0.1)
    grid = np.linspace(-15, 21, 3001)
    assert np.exp(fit.log_density(grid)).sum() * (grid[1] - grid[0]) == pytest.approx(1, abs=1e-3)


def test_fits_the_moments_of_its_basis():
    """Maximum likelihood: the model's mean of each basis function is that of the samples."""
    x = np.random.default_rng(1).gamma(3.0, 1.0, 5000)
    fit = Lindsey(degrees=5).fit(x)
    nodes, step = fit.lattice.nodes, fit.lattice.step
    mass = np.exp(fit.log_density(nodes)) * step
    assert mass.sum() == pytest.approx(1, abs=1e-9)
    assert np.dot(mass, nodes) == pytest.approx(x.mean(), rel=0.01)


def test_score_is_the_derivative_and_tails_are_exponential():
    x = np.random.default_rng(2).standard_normal(3000)
    fit = Lindsey().fit(x)
    grid = np.linspace(-6, 6, 12_001)
    np.testing.assert_allclose(
        fit.score(grid)[1:-1], np.gradient(fit.log_density(grid), grid)[1:-1], atol=2e-3
    )
    far = fit.score(np.array([6.0, 60.0, 600.0]))
    np.testing.assert_allclose(far, far[0], rtol=1e-6)
    assert far[0] < 0


@settings(deadline=None, max_examples=10)
@given(shift=st.floats(-20, 20), scale=st.sampled_from([1e-21, 0.3, 1e12]))
def test_follows_shifts_and_scales(shift, scale):
    x = np.random.default_rng(3).gumbel(0, 1, 800)
    points = np.linspace(-1, 4, 9)
    plain, moved = Lindsey().fit(x), Lindsey().fit(scale * (x + shift))
    np.testing.assert_allclose(scale * moved.score(scale * (points + shift)), plain.score(points), atol=1e-4)


def test_few_parameters_beat_the_kernel_on_a_smooth_density():
    random = np.random.default_rng(4)
    error = {}
    for method in (Lindsey(), KernelDensity()):
        error[method.name()] = sum(
            np.mean((method.fit(x).score(x) + x) ** 2) for x in random.standard_normal((10, 500))
        )
    assert error["Lindsey"] < error["KernelDensity"]


def test_criterion_spends_degrees_where_the_density_has_structure():
    random = np.random.default_rng(5)
    x = np.where(random.random(5000) < 0.5, -2.5, 2.5) + 0.6 * random.standard_normal(5000)
    truth = np.tanh(2.5 * x / 0.36) * 2.5 / 0.36 - x / 0.36
    errors = [np.mean((Lindsey(degrees=d).fit(x).score(x) - truth) ** 2) for d in ("auto", 2)]
    assert errors[0] < 0.2 * errors[1]


def test_heavy_tails_and_ties_are_survived():
    x = np.random.default_rng(6).standard_cauchy(2000)
    assert np.isfinite(Lindsey().fit(x).score(x)).all()
    counts = np.random.default_rng(7).poisson(3.0, 1000).astype(float)
    assert np.isfinite(Lindsey().fit(counts).score(counts)).all()


def test_bad_input_is_named():
    with pytest.raises(InputError, match="all samples are equal"):
        Lindsey().fit(np.ones(20))
    with pytest.raises(InputError, match="at least 8"):
        Lindsey().fit(np.arange(5.0))
    with pytest.raises(ParameterError, match="degrees"):
        Lindsey(degrees=1)
