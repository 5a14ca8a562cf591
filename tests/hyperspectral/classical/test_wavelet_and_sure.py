"""The orthonormal wavelets and the thresholds of least unbiased risk."""

import numpy as np
import pytest

from sigden import ParameterError
from sigden.hyperspectral.classical.sure import soft, soft_threshold_sure
from sigden.hyperspectral.classical.wavelet import ImageWavelet, daubechies
from sigden.noise.sigma import _LOW_PASS


@pytest.mark.parametrize("moments", range(1, 11))
def test_filters_are_orthonormal_with_vanishing_moments(moments):
    low = np.asarray(daubechies(moments))
    for shift in range(moments):
        overlap = low[2 * shift :] @ low[: low.size - 2 * shift]
        assert overlap == pytest.approx(float(shift == 0), abs=1e-10)
    high = low[::-1] * (-1.0) ** np.arange(low.size)
    for power in range(moments):
        place = np.linspace(-1, 1, low.size)
        assert high @ place**power == pytest.approx(0.0, abs=1e-8)


@pytest.mark.parametrize("moments", [2, 3, 4])
def test_filters_are_the_published_ones(moments):
    published = _LOW_PASS[f"db{moments}"]
    np.testing.assert_allclose(daubechies(moments), published, atol=1e-10)


def test_an_impossible_wavelet_is_named():
    with pytest.raises(ParameterError, match="moments"):
        daubechies(11)
    with pytest.raises(ParameterError, match="levels"):
        ImageWavelet((32, 32), -1, 5)


@pytest.mark.parametrize("shape", [(32, 48), (37, 50), (64, 9), (3, 4), (90, 21)])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_the_transform_is_orthogonal(shape, dtype):
    rng = np.random.default_rng(0)
    transform = ImageWavelet(shape, 4, 5)
    images = rng.standard_normal((*shape, 3)).astype(dtype)
    coefficients = transform.forward(images)
    assert len(coefficients) == transform.levels + 1
    assert coefficients[0].dtype == dtype
    np.testing.assert_allclose(transform.inverse(coefficients), images, atol=1e-5)
    full = ImageWavelet(transform.padded, transform.levels, 5)
    big = rng.standard_normal((*full.shape, 2))
    other = [rng.standard_normal(level.shape) for level in full.forward(big)]
    left = sum(float(np.sum(a * b)) for a, b in zip(full.forward(big), other, strict=True))
    assert left == pytest.approx(float(np.sum(big * full.inverse(other))), rel=1e-9)


def test_it_is_the_periodic_transform_of_a_known_library():
    pywt = pytest.importorskip("pywt")
    images = np.random.default_rng(1).standard_normal((48, 64, 2))
    theirs = pywt.wavedec2(images, "db5", mode="periodization", level=1, axes=(0, 1))
    smooth, details = np.abs(theirs[0]).reshape(-1, 2), np.abs(np.concatenate(theirs[1])).reshape(-1, 2)
    # signs and the origin of the periodic shift are conventions
    errors = []
    for shift in range(-10, 11):
        ours = ImageWavelet((48, 64), 1, 5).forward(np.roll(images, (shift, shift), (0, 1)))
        order = np.sort(np.abs(ours[1]), axis=0) - np.sort(details, axis=0)
        errors.append(max(np.abs(np.abs(ours[0]) - smooth).max(), np.abs(order).max()))
    assert min(errors) < 1e-9


def test_risk_is_least_and_unbiased():
    rng = np.random.default_rng(2)
    truth = np.zeros((4000, 3))
    truth[:200, 0], truth[:, 1] = 6.0, rng.standard_normal(4000) * 3
    errors, risks = np.zeros(3), np.zeros(3)
    for _ in range(20):
        w = truth + rng.standard_normal(truth.shape)
        threshold, risk = soft_threshold_sure(w)
        errors += np.sum((soft(w, threshold) - truth) ** 2, axis=0)
        risks += risk
        grid = np.linspace(0, 4, 200)
        for column in range(3):
            magnitude = np.abs(w[:, column])
            tried = [4000 - 2 * np.sum(magnitude <= t) + np.sum(np.minimum(magnitude, t) ** 2) for t in grid]
            assert risk[column] <= min(tried) + 1e-6
    np.testing.assert_allclose(risks[:2], errors[:2], rtol=0.08)
    assert abs(risks[2] - errors[2]) < 20 * np.sqrt(2 * 4000)


def test_a_column_of_noise_or_zeros_is_set_to_zero():
    w = np.zeros((500, 2))
    w[:, 1] = np.random.default_rng(3).uniform(-1, 1, 500)
    threshold, _ = soft_threshold_sure(w)
    assert not soft(w, threshold).any()
    assert soft_threshold_sure(np.full((10, 1), 9.0))[0] == 0.0
