"""RRQRSubspace: the reduced image is a few real bands, and all bands follow from it."""

from itertools import combinations

import numpy as np
import pytest

from sigden import ROF, ParameterError, RRQRSubspace, Starlet
from sigden.hyperspectral.classical.rrqr import picked_bands


def test_picked_bands_are_nearly_the_best_conditioned():
    basis = np.linalg.qr(np.random.default_rng(0).standard_normal((14, 3)))[0]
    picked = picked_bands(basis)
    assert len(set(picked)) == 3
    least = np.linalg.svd(basis[picked], compute_uv=False)[-1]
    best = max(np.linalg.svd(basis[list(p)], compute_uv=False)[-1] for p in combinations(range(14), 3))
    assert least > 0.4 * best


def test_without_denoising_it_is_the_projection_on_the_subspace(noisy):
    sigma = np.linspace(0.03, 0.08, noisy.shape[2])
    solution = RRQRSubspace(denoiser=ROF(regularization=0.0), rank=3).solve(noisy, sigma=sigma)
    mean = noisy.mean(axis=(0, 1))
    y = (noisy - mean) / sigma
    basis = np.linalg.svd(y.reshape(-1, y.shape[2]), full_matrices=False)[2][:3]
    np.testing.assert_allclose(solution.estimate, y @ basis.T @ basis * sigma + mean, atol=1e-8)
    picked = list(solution.details["bands"])
    np.testing.assert_allclose(solution.details["coefficients"][picked], np.eye(3), atol=1e-10)
    np.testing.assert_allclose(solution.details["reduced"], solution.estimate[..., picked], atol=1e-8)


class Recorder(Starlet):
    """Keeps what it was given."""

    seen = ()

    def estimate(self, values, *, sigma=None, mask=None):
        Recorder.seen = (values, sigma)
        return super().estimate(values, sigma=sigma, mask=mask)


def test_the_denoiser_gets_real_bands_and_their_noise(noisy, truth):
    sigma = np.full(noisy.shape[2], 50.0)
    RRQRSubspace(denoiser=Recorder(), rank=4)(1000.0 * noisy, sigma=sigma)
    images, level = Recorder.seen
    assert images.shape == (4, *truth.shape[:2])
    assert np.all((level > 0) & (level <= 50.0))
    assert 200 < images.mean() < 900


def test_any_denoiser_of_images_serves(noisy, truth):
    method = RRQRSubspace(denoiser=Starlet())
    assert np.mean((method(noisy) - truth) ** 2) < 0.2 * np.mean((noisy - truth) ** 2)
    assert method == RRQRSubspace.from_dict(method.to_dict())


def test_a_rank_out_of_range_is_named():
    with pytest.raises(ParameterError, match="rank"):
        RRQRSubspace(rank=0)
