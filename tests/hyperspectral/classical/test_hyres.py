"""HyRes: its objective, its risk, and the wavelet step that must have an effect."""

import numpy as np
import pytest

from sigden import HyRes, ParameterError
from sigden.hyperspectral.classical.hyres import principal_directions
from sigden.hyperspectral.classical.sure import soft, soft_threshold_sure
from sigden.hyperspectral.classical.wavelet import ImageWavelet


def test_coefficients_are_the_minimum_of_the_objective():
    rng = np.random.default_rng(0)
    shape = (32, 48, 12)
    clean = np.cumsum(np.cumsum(rng.standard_normal((32, 48, 2)), axis=0), axis=1) @ rng.standard_normal(
        (2, 12)
    )
    data = clean / 20 + rng.standard_normal(shape)
    solution = HyRes(levels=1).solve(data, sigma=1.0)
    rank, limits = solution.details["rank"], solution.details["thresholds"]
    mean = data.mean(axis=(0, 1))
    basis = principal_directions(data - mean)[:, :rank]
    transform = ImageWavelet(shape[:2], 1, 5)
    y = np.concatenate(transform.forward((data - mean) @ basis))
    f = np.concatenate(transform.forward((solution.estimate - mean) @ basis))
    assert 1 <= rank <= 4
    # subgradient of lambda |f| at the estimate: the residual of the smooth part
    residual = y - f
    active = np.abs(f) > 1e-9
    assert np.all(np.abs(residual) <= limits + 1e-9)
    np.testing.assert_allclose(residual[active], (limits * np.sign(f))[active], atol=1e-9)
    outside = solution.estimate - mean - (solution.estimate - mean) @ basis @ basis.T
    np.testing.assert_allclose(outside, 0, atol=1e-9)


def test_the_wavelet_step_has_an_effect(noisy, truth):
    plain = HyRes(levels=0)(noisy)
    sparse = HyRes()(noisy)
    assert np.mean((sparse - truth) ** 2) < 0.95 * np.mean((plain - truth) ** 2)


def test_noise_alone_leaves_the_mean_spectrum():
    data = 3.0 + np.random.default_rng(4).standard_normal((40, 40, 20))
    solution = HyRes().solve(data, sigma=1.0)
    assert solution.details["rank"] <= 1
    assert np.mean((solution.estimate - 3.0) ** 2) < 0.01


def test_parameters_out_of_range_are_named():
    with pytest.raises(ParameterError, match="levels"):
        HyRes(levels=-1)
    with pytest.raises(ParameterError, match="moments"):
        HyRes(moments=11)


def test_components_and_risk_agree_with_hyde_where_it_is_right(noisy):
    torch = pytest.importorskip("torch", reason="HyDe is not installed")
    utils = pytest.importorskip("hyde.lowlevel.utils", reason="HyDe is not installed")
    vectors, components = utils.custom_pca_image(torch.from_numpy(noisy))
    ours = principal_directions(noisy)
    np.testing.assert_allclose(np.abs(np.sum(vectors.numpy().T[:, :4] * ours[:, :4], axis=0)), 1, atol=1e-6)
    first = components.numpy().reshape(-1, noisy.shape[2])[:, 2] / 0.06
    risk, best, grid, _ = utils.sure_soft_modified_lr2(torch.from_numpy(first))
    threshold, least = soft_threshold_sure(first[:, None])
    offset = float(first @ first) - first.size
    assert least[0] <= float(risk.min()) + offset + 1e-6
    assert abs(threshold[0] - float(best)) <= float(grid[1]) or threshold[0] > float(grid[-1])
    np.testing.assert_allclose(utils.soft_threshold(torch.from_numpy(first), 0.7).numpy(), soft(first, 0.7))
