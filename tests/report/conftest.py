import numpy as np
import pytest

from sigden.noise.psd import PowerSpectrum
from sigden.report import strain_page
from sigden.strain.result import StrainResult

RATE, SECONDS, T0 = 1024, 4, 1_000_000_000.0


def make_result(*, psd=True, gap=False, seed=0):
    rng = np.random.default_rng(seed)
    n = RATE * SECONDS
    t = np.arange(n) / RATE - 2.0
    signal = 6 * np.exp(-((t / 0.03) ** 2)) * np.cos(2 * np.pi * 120 * t)
    noise = rng.standard_normal(n)
    clean, error = 0.9 * signal, np.full(n, 0.2)
    white = signal + noise
    if gap:
        for x in (clean, error, white):
            x[: RATE // 2] = np.nan
    f = np.linspace(0, RATE / 2, 200)
    return StrainResult(
        denoised=clean * 1e-22,
        residual=(white - clean) * 1e-22,
        uncertainty=error * 1e-22,
        whitened=white,
        whitened_denoised=clean,
        whitened_uncertainty=error,
        psd=PowerSpectrum(f, np.full(200, 2e-44 / RATE)) if psd else None,
        band=(30.0, 300.0),
        sample_rate=float(RATE),
        t0=T0,
        figures={"loudest_sigma": 5.4, "loudest_time": T0 + 2.0, "residual_sigma": 1.01, "solver_gap": 3e-9},
    )


@pytest.fixture(scope="session")
def results():
    return {"H1": make_result(), "L1": make_result(gap=True, seed=1)}


@pytest.fixture(scope="session")
def html(results):
    return strain_page(results, title="Both detectors")


@pytest.fixture
def white_result():
    return make_result(psd=False)
