import numpy as np
import pytest

from sigden.errors import InputError, ParameterError
from sigden.metrics import mse, psnr, snr_db


def test_constant_error_has_closed_forms():
    truth = np.linspace(0, 1, 101).reshape(1, 101)
    estimate = truth + 0.1
    assert mse(estimate, truth) == pytest.approx(0.01)
    assert psnr(estimate, truth) == pytest.approx(20.0)
    assert psnr(estimate, truth, peak=10.0) == pytest.approx(40.0)
    assert snr_db(1.1 * truth, truth) == pytest.approx(20.0)


def test_unit_does_not_matter():
    rng = np.random.default_rng(0)
    truth = rng.normal(size=(16, 16))
    estimate = truth + 0.1 * rng.normal(size=(16, 16))
    for scale in (1e-180, 1e12):
        assert psnr(scale * estimate, scale * truth) == pytest.approx(psnr(estimate, truth))
        assert snr_db(scale * estimate, scale * truth) == pytest.approx(snr_db(estimate, truth))


def test_exact_estimate_is_infinitely_good():
    truth = np.arange(4.0)
    assert psnr(truth, truth) == snr_db(truth, truth) == np.inf
    assert mse(truth, truth) == 0.0


def test_masked_pixels_do_not_count():
    truth = np.arange(6.0)
    wrong = truth + 0.5
    wrong[2] = np.nan
    mask = np.arange(6) == 2
    assert mse(wrong, truth, mask=mask) == pytest.approx(0.25)
    with pytest.raises(InputError, match="not finite"):
        mse(wrong, truth)
    with pytest.raises(InputError, match="no value"):
        mse(truth, truth, mask=np.ones(6, dtype=bool))


def test_errors():
    with pytest.raises(InputError, match="differ"):
        mse(np.zeros(3), np.zeros(4))
    with pytest.raises(InputError, match="constant"):
        psnr(np.zeros(3), np.ones(3))
    with pytest.raises(ParameterError, match="peak"):
        psnr(np.zeros(3), np.arange(3), peak=0.0)
    with pytest.raises(InputError, match="zero everywhere"):
        snr_db(np.ones(3), np.zeros(3))
