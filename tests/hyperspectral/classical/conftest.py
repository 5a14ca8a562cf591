"""One small cube for the classical methods."""

import numpy as np
import pytest

from sigden.simulate import gaussian_noise, spectral_cube


@pytest.fixture(scope="session")
def truth():
    return spectral_cube((36, 40), 24, endmembers=4, seed=3).astype(float)


@pytest.fixture(scope="session")
def noisy(truth):
    return gaussian_noise(truth, np.linspace(0.03, 0.08, truth.shape[2]), seed=1)
