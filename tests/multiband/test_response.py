"""Weights of bands in a wide band."""

import numpy as np
import pytest

from sigden.errors import InputError, ParameterError
from sigden.multiband.data.response import fit_mixture, response_weights


def top(low, high, step=1.0):
    wavelength = np.arange(low - step, high + 2 * step, step)
    return wavelength, ((wavelength >= low) & (wavelength <= high)).astype(float)


BANDS = {"r": top(550, 690), "i": top(690, 820), "z": top(820, 920)}


def test_wide_top_hat_is_split_by_width():
    weights = response_weights(BANDS, top(550, 920), samples=20000)
    expected = np.log([690 / 550, 820 / 690, 920 / 820]) / np.log(920 / 550)
    np.testing.assert_allclose(weights, expected, atol=0.01)
    assert weights.sum() == pytest.approx(1)


def test_a_band_is_all_of_itself():
    np.testing.assert_allclose(response_weights(list(BANDS.values()), BANDS["i"]), [0, 1, 0], atol=5e-3)


def test_throughput_scale_does_not_matter():
    tiny = {k: (w, 1e-9 * t) for k, (w, t) in BANDS.items()}
    np.testing.assert_allclose(
        response_weights(tiny, top(550, 920)), response_weights(BANDS, top(550, 920)), rtol=1e-9
    )


def test_real_curve(sigden_data):
    path = sigden_data / "multiband" / "Euclid_VIS.dat"
    if not path.is_file():
        pytest.skip("no curve of Euclid VIS")
    wavelength, throughput = np.loadtxt(path, unpack=True)
    weights = response_weights(BANDS, (wavelength / 10, throughput))
    assert weights.sum() == pytest.approx(1)
    assert (weights > 0.15).all()


@pytest.mark.parametrize(
    ("filters", "wide"),
    [
        ({}, top(550, 920)),
        ({"r": (np.arange(3.0), np.ones(4))}, top(550, 920)),
        ({"r": (np.array([3.0, 2.0]), np.ones(2))}, top(550, 920)),
        ({"r": (np.array([2.0, 3.0]), np.array([1.0, np.nan]))}, top(550, 920)),
        ({"r": (np.array([2.0, 3.0]), np.zeros(2))}, top(550, 920)),
        ({"r": 3.0}, top(550, 920)),
        (BANDS, top(200, 300)),
    ],
)
def test_bad_curves_are_refused(filters, wide):
    with pytest.raises(InputError):
        response_weights(filters, wide)


def test_too_few_samples_are_refused():
    with pytest.raises(ParameterError, match="samples"):
        response_weights(BANDS, top(550, 920), samples=3)


def scene(error=0.0, noise=1.0, seed=0, places=4000):
    generator = np.random.default_rng(seed)
    bands = np.exp(generator.normal(3, 1, (3, places))) * np.exp(generator.normal(0, 0.4, (3, places)))
    alpha = np.array([0.4, 0.35, 0.25])
    wide = alpha @ bands * (1 + error * generator.normal(size=places))
    return wide + noise * generator.normal(size=places), bands, alpha


def test_fit_finds_the_weights_within_their_errors():
    wide, bands, alpha = scene()
    found = fit_mixture(wide, bands, wide_sigma=1.0)
    apart = (found.alpha - alpha) / np.sqrt(np.diag(found.covariance))
    assert np.abs(apart).max() < 4
    assert found.model_error < 0.01


def test_fit_finds_the_model_error():
    wide, bands, alpha = scene(error=0.05)
    found = fit_mixture(wide, bands, wide_sigma=1.0)
    assert found.model_error == pytest.approx(0.05, rel=0.15)
    np.testing.assert_allclose(found.alpha, alpha, atol=0.02)


def test_fit_is_equivariant():
    wide, bands, _ = scene(error=0.03)
    one = fit_mixture(wide, bands, wide_sigma=1.0, nominal=[0.3, 0.3, 0.4])
    tiny = fit_mixture(1e-21 * wide, 1e-21 * bands, wide_sigma=1e-21, nominal=[0.3, 0.3, 0.4])
    np.testing.assert_allclose(tiny.alpha, one.alpha, rtol=1e-6)
    assert tiny.model_error == pytest.approx(one.model_error, rel=1e-6)


def test_nominal_weights_decide_where_data_cannot():
    found = fit_mixture(
        np.array([10.0]), np.full((3, 1), 10.0), wide_sigma=1.0, nominal=[0.5, 0.3, 0.2], nominal_sigma=0.1
    )
    np.testing.assert_allclose(found.alpha, [0.5, 0.3, 0.2], atol=1e-6)
    with pytest.raises(InputError, match="too few"):
        fit_mixture(np.array([10.0]), np.full((3, 1), 10.0), wide_sigma=1.0)


def test_masked_places_do_not_count():
    wide, bands, _ = scene()
    spoiled, mask = wide.copy(), np.zeros(wide.shape, bool)
    spoiled[:50], mask[:50] = np.nan, True
    found = fit_mixture(spoiled, bands, wide_sigma=1.0, mask=mask)
    np.testing.assert_allclose(found.alpha, fit_mixture(wide[50:], bands[:, 50:], wide_sigma=1.0).alpha)
    with pytest.raises(InputError, match="non-finite"):
        fit_mixture(spoiled, bands, wide_sigma=1.0)


def test_bad_shapes_are_refused():
    wide, bands, _ = scene(places=10)
    for fields in (
        {"bands": bands[:, :5]},
        {"band_sigmas": [1.0]},
        {"wide_sigma": -1.0},
        {"wide_sigma": np.ones(3)},
        {"nominal": [1.0]},
    ):
        with pytest.raises(InputError):
            fit_mixture(wide, **{"bands": bands, "wide_sigma": 1.0, **fields})
    with pytest.raises(ParameterError):
        fit_mixture(wide, bands, wide_sigma=1.0, nominal_sigma=0.0)
    with pytest.raises(ParameterError):
        fit_mixture(wide, bands, wide_sigma=1.0, iterations=0)
