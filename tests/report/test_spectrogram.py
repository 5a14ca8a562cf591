import numpy as np
import pytest

from sigden.errors import InputError, ParameterError
from sigden.report import constant_q

FREQUENCIES = np.geomspace(30, 400, 40)


def test_white_noise_has_mean_energy_one():
    x = np.random.default_rng(0).standard_normal(64 * 1024)
    energy = constant_q(x, 1024, FREQUENCIES)
    assert energy.shape == (40, x.size)
    assert energy.mean() == pytest.approx(1, abs=0.05)


def test_a_tone_burst_lies_at_its_time_and_frequency():
    t = np.arange(2048) / 1024
    x = np.exp(-(((t - 1.3) / 0.05) ** 2)) * np.sin(2 * np.pi * 150 * t)
    row, column = np.unravel_index(np.argmax(constant_q(x, 1024, FREQUENCIES)), (40, 2048))
    assert FREQUENCIES[row] == pytest.approx(150, rel=0.05)
    assert t[column] == pytest.approx(1.3, abs=0.01)


@pytest.mark.parametrize("frequencies", [[0.0], [512.0], [-3.0], [np.nan]])
def test_frequencies_out_of_range(frequencies):
    with pytest.raises(ParameterError, match="frequencies"):
        constant_q(np.ones(64), 1024, frequencies)


@pytest.mark.parametrize("x", [np.full(64, np.nan), np.ones((2, 64)), np.ones(1)])
def test_bad_series(x):
    with pytest.raises(InputError, match="finite samples"):
        constant_q(x, 1024, FREQUENCIES)
