"""What all tests share."""

import os
from pathlib import Path

import numpy as np
import pytest
from hypothesis import settings

# CI draws the same examples at every run, so that only a change can turn it red
settings.register_profile("ci", derandomize=True)
if os.environ.get("CI"):
    settings.load_profile("ci")


@pytest.fixture(scope="session")
def sigden_data() -> Path:
    """Folder with real data: ``SIGDEN_DATA``, by default ``../shared/data`` beside the repository."""
    root = Path(__file__).resolve().parents[1]
    folder = Path(os.environ.get("SIGDEN_DATA", root / "../shared/data"))
    if not folder.is_absolute():
        folder = root / folder
    if not folder.is_dir():
        pytest.skip(f"no real data at {folder}; set SIGDEN_DATA")
    return folder


@pytest.fixture
def step():
    """Noisy step, shape (600,), sigma 0.2."""
    return np.repeat([0.0, 1.0], 300) + 0.2 * np.random.default_rng(0).standard_normal(600)


@pytest.fixture
def write(tmp_path):
    """Write strain files with white noise in them."""
    from sigden.io import StrainSeries, write_strain

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
