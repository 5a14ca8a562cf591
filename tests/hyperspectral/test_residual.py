"""What the methods for cubes take off is noise, and what they leave is the scene."""

import numpy as np
import pytest

from sigden import RobustSubspace, SubspaceCollaborative, SubspaceDenoise
from sigden.hyperspectral import noise_correlation
from sigden.metrics import residual_autocorrelation, residual_to_sigma, structure_leak
from sigden.simulate import gaussian_noise, spectral_cube

TRUTH = spectral_cube((48, 56), 40, endmembers=5, seed=3)
NOISY = gaussian_noise(TRUTH, 0.05, seed=1)


def error(cube):
    return float(np.mean((np.asarray(cube, dtype=float) - TRUTH) ** 2))


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
