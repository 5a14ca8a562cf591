import numpy as np
import pytest

from sigden.io import StrainSeries, write_strain


@pytest.fixture
def step():
    """Noisy step, shape (600,), sigma 0.2."""
    return np.repeat([0.0, 1.0], 300) + 0.2 * np.random.default_rng(0).standard_normal(600)


@pytest.fixture
def write(tmp_path):
    """Write strain files with white noise in them."""

    def make(name, detectors=("H1",), rate=1024.0, seconds=4, t0=1_000_000_000.0, change=None):
        series = {}
        for i, detector in enumerate(detectors):
            x = 1e-21 * np.random.default_rng(i).standard_normal(int(rate * seconds))
            if change is not None:
                change(x)
            series[detector] = StrainSeries(
                values=x, sample_rate=rate, t0=t0, name=f"{detector}:TEST", channel=f"{detector}:TEST"
            )
        return write_strain(tmp_path / name, series, provenance={"made": "for a test"})

    return make
