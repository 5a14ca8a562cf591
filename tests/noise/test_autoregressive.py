import numpy as np
import pytest
from scipy.linalg import toeplitz

from sigden.errors import InputError, ParameterError
from sigden.noise import AutoregressiveModel, PowerSpectrum

FS = 64.0


def first_order(a, variance=1.0, size=4097):
    """Density of x_t = a x_{t-1} + e_t."""
    f = np.linspace(0, FS / 2, size)
    density = 2 / FS * variance / np.abs(1 - a * np.exp(-2j * np.pi * f / FS)) ** 2
    return PowerSpectrum(f, density)


def test_first_order_process_is_recovered():
    model = AutoregressiveModel.from_spectrum(first_order(0.9, 4.0), FS, 3)
    np.testing.assert_allclose(model.coefficients, [0.5, -0.45, 0, 0], atol=1e-9)
    assert model.variance == pytest.approx(4 / (1 - 0.81), rel=1e-9)
    f = np.array([0.0, 3.0, 32.0])
    np.testing.assert_allclose(model.density(f, FS), first_order(0.9, 4.0).at(f), rtol=1e-6)


@pytest.mark.parametrize("n", [1, 2, 5, 6, 7, 8, 40, 300])
def test_factor_of_the_inverse_covariance(n):
    psd = PowerSpectrum([0.0, 5.0, 10.0, 12.0, 32.0], [1e-2, 1.0, 1e-3, 30.0, 1e-2])
    model = AutoregressiveModel.from_spectrum(psd, FS, 6)
    eye = np.eye(n)
    matrix = model.whiten(eye).T
    np.testing.assert_allclose(matrix, np.tril(matrix), atol=1e-13)
    taps = model.coefficients
    size = 4096
    lags = np.fft.irfft(1 / np.abs(np.fft.rfft(taps, size)) ** 2)[:n]
    assert lags[0] == pytest.approx(model.variance, rel=1e-9)
    np.testing.assert_allclose(matrix @ toeplitz(lags) @ matrix.T, eye, atol=1e-9)
    np.testing.assert_allclose(model.whiten_adjoint(eye), matrix, atol=1e-12)
    np.testing.assert_allclose(model.colour(model.whiten(eye)), eye, atol=1e-11)
    np.testing.assert_allclose(model.whiten(model.colour(eye)), eye, atol=1e-11)


def test_an_offset_is_absorbed():
    psd = first_order(0.5)
    bare = AutoregressiveModel.from_spectrum(psd, FS, 32)
    allowing = AutoregressiveModel.from_spectrum(psd, FS, 32, offset=100.0)
    level = np.full(200, 50.0)
    assert np.abs(bare.whiten(level)).max() > 20
    assert np.abs(allowing.whiten(level)).max() < 2


def test_response_matches_the_coefficients_for_short_and_long_transforms():
    model = AutoregressiveModel.from_spectrum(first_order(0.7), FS, 10)
    for n in (4, 7, 11, 64):
        f = np.arange(n // 2 + 1) / n
        expected = np.exp(-2j * np.pi * np.outer(f, np.arange(11))) @ model.coefficients
        np.testing.assert_allclose(model.response(n), expected, atol=1e-12)


def test_bad_spectra_are_refused():
    with pytest.raises(InputError, match="one channel"):
        AutoregressiveModel.from_spectrum(PowerSpectrum([0.0, 1.0], np.ones((2, 2))), FS, 2)
    with pytest.raises(InputError, match="zero at every"):
        AutoregressiveModel.from_spectrum(PowerSpectrum([0.0, 1.0], [0.0, 0.0]), FS, 2)
    with pytest.raises(ParameterError, match="order"):
        AutoregressiveModel.from_spectrum(first_order(0.5), FS, 0)
    with pytest.raises(ParameterError, match="offset"):
        AutoregressiveModel.from_spectrum(first_order(0.5), FS, 2, offset=-1.0)
