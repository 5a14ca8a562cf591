"""The battery that every denoiser of arrays passes; rooms add what only they can be asked."""

from collections import defaultdict
from types import MappingProxyType

import array_api_strict
import numpy as np
import pytest
from astropy import units as u
from astropy.nddata import NDData

from sigden import ConvergenceWarning, InputError, from_dict, from_toml, registry
from sigden.arrays import to_numpy
from sigden.denoisers import (
    ROF,
    RROF,
    TV1D,
    ChirpTracks,
    InspiralTracks,
    SpectrogramDenoiser,
    Starlet,
    WaveletDenoiser,
)

RNG = np.random.default_rng(20260101)
LINE = np.repeat([0.0, 4.0, -2.0, 1.0], 60)
IMAGE = np.zeros((24, 32))
IMAGE[6:18, 8:24] = 5.0
CUBE = np.zeros((6, 12, 14))
CUBE[2:5, 3:9, 4:10] = 5.0
ROW, COLUMN = np.mgrid[:24, :32]
SOURCES = 9.0 * np.exp(-((ROW - 9) ** 2 + (COLUMN - 10) ** 2) / 20) + 20.0 * np.exp(
    -((ROW - 16) ** 2 + (COLUMN - 23) ** 2) / 4
)
TIME = np.arange(600) / 600
CHIRP = 4.0 * np.exp(-(((TIME - 0.5) / 0.3) ** 4)) * np.sin(2 * np.pi * (24 * TIME + 50 * TIME**2))

CASES = [
    pytest.param(TV1D(), LINE, id="TV1D-auto"),
    pytest.param(TV1D(regularization=1.5), LINE, id="TV1D-fixed"),
    pytest.param(TV1D(regularization="discrepancy"), LINE, id="TV1D-discrepancy"),
    pytest.param(RROF(), LINE, id="RROF-auto"),
    pytest.param(RROF(regularization=2.0, beta=1e-2), LINE, id="RROF-fixed"),
    pytest.param(RROF(regularization=4.0, iteration="bregman", passes=3), LINE, id="RROF-bregman"),
    pytest.param(RROF(regularization=0.7, iteration="successive", passes=3), LINE, id="RROF-successive"),
    pytest.param(ROF(), IMAGE, id="ROF-auto"),
    pytest.param(ROF(regularization=0.7, tol=1e-7), IMAGE, id="ROF-fixed"),
    pytest.param(ROF(regularization=0.7, beta=1e-2, tol=1e-7), IMAGE, id="ROF-smooth"),
    pytest.param(ROF(regularization=0.6, ndim=3, tol=1e-6), CUBE, id="ROF-3d"),
    pytest.param(Starlet(), SOURCES, id="Starlet"),
    pytest.param(Starlet(threshold=1.5, shrinkage="soft", scales=3), SOURCES, id="Starlet-soft"),
    pytest.param(WaveletDenoiser(), LINE, id="Wavelet-block"),
    pytest.param(WaveletDenoiser(wavelets=("haar",), shrinkage="hard"), LINE, id="Wavelet-hard"),
    pytest.param(SpectrogramDenoiser(), CHIRP, id="Spectrogram"),
    pytest.param(ChirpTracks(), CHIRP, id="ChirpTracks"),
    pytest.param(InspiralTracks(), CHIRP, id="InspiralTracks"),
]
STRENGTHS = {Starlet: "threshold", WaveletDenoiser: "threshold"}
CLOSED_FORM = Starlet | WaveletDenoiser | SpectrogramDenoiser | ChirpTracks  # InspiralTracks are ChirpTracks
HOST_ONLY = SpectrogramDenoiser | ChirpTracks  # transforms and tables that the array standard does not have


def test_every_denoiser_of_arrays_is_here():
    homes = {name: home for name, home in registry.BUILTIN.items() if home.startswith("sigden.denoisers.")}
    assert {case.values[0].name() for case in CASES} == set(homes)


def noisy(truth, seed=0):
    return truth + np.random.default_rng(seed).standard_normal(truth.shape)


def error(method, dtype):
    """Relative error that the method's own certificate, or the precision that it works in, allows."""
    if isinstance(method, ChirpTracks):
        return 2e-3
    return 2e-3 if isinstance(method, ROF) and method.tol > 1e-6 else (2e-3 if dtype == np.float32 else 1e-5)


@pytest.mark.parametrize(("method", "truth"), CASES)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("scale", [1e-21, 1e12])
def test_equivariant(method, truth, dtype, scale):
    data = noisy(truth).astype(dtype)
    expected = method(data)
    out = method((dtype(scale) * data).astype(dtype)) / dtype(scale)
    assert out.dtype == dtype
    assert np.abs(out - expected).max() <= error(method, dtype) * np.abs(data).max()
    shifted = method(data + dtype(16.0)) - dtype(16.0)
    assert np.abs(shifted - expected).max() <= 4 * error(method, dtype) * np.abs(data).max()


@pytest.mark.parametrize(("method", "truth"), CASES)
def test_exact_on_the_trivial(method, truth):
    data = noisy(truth)
    np.testing.assert_array_equal(method(data, sigma=0.0), data)
    # tracks and blocks of spectrograms are kept by their probability: no parameter lets everything through
    if not isinstance(method, HOST_ONLY):
        strength = STRENGTHS.get(type(method), "regularization")
        np.testing.assert_array_equal(method.replace(**{strength: 0.0})(data), data)
    constant = np.full(truth.shape, 0.1)
    np.testing.assert_array_equal(method(constant), constant)
    np.testing.assert_allclose(method(constant, sigma=1.0), 0.1, rtol=1e-12)


@pytest.mark.parametrize(("method", "truth"), CASES)
def test_masked_samples_do_not_spread(method, truth):
    if isinstance(method, ROF):
        method = method.replace(tol=1e-4)
    data = noisy(truth)
    mask = np.random.default_rng(3).random(truth.shape) < 0.1
    bad = data.copy()
    bad[mask] = np.nan
    out = method(bad, mask=mask)
    assert np.isfinite(out).all()
    other = data.copy()
    other[mask] = 1e6
    np.testing.assert_allclose(method(other, mask=mask), out, rtol=0, atol=1e-12)
    assert np.mean((out - truth) ** 2) < 1.0


@pytest.mark.parametrize(("method", "truth"), CASES)
def test_unmasked_non_finite_input_names_the_index(method, truth):
    data = noisy(truth)
    index = tuple(side // 2 for side in truth.shape)
    data[index] = np.nan
    place = index[0] if len(index) == 1 else index
    with pytest.raises(InputError) as caught:
        method(data)
    assert f"nan at index {place}" in str(caught.value)


@pytest.mark.parametrize(("method", "truth"), CASES)
def test_same_in_same_out(method, truth):
    data = noisy(truth)
    data.setflags(write=False)
    before = data.copy()
    expected = method(data)
    np.testing.assert_array_equal(data, before)
    np.testing.assert_array_equal(method(data.astype(">f8")), expected)
    quantity = method(data * u.Jy)
    assert quantity.unit == u.Jy
    np.testing.assert_array_equal(quantity.value, expected)
    out = method(NDData(data, unit=u.Jy, meta={"a": 1}))
    assert out.unit == u.Jy
    assert out.meta["a"] == 1
    assert out.meta["sigden"]["method"] == method.name()
    many = method({"a": data, "b": data})
    np.testing.assert_array_equal(many["b"], expected)
    strided = np.repeat(data, 2, axis=-1)[..., ::2]
    np.testing.assert_array_equal(method(strided), expected)


@pytest.mark.parametrize(("method", "truth"), CASES)
def test_repeatable_and_batched(method, truth):
    rows = np.stack([noisy(truth, seed) for seed in range(3)])
    out = method(rows)
    np.testing.assert_array_equal(method(rows), out)
    for row, expected in zip(rows, out, strict=True):
        np.testing.assert_allclose(method(row), expected, rtol=0, atol=1e-12)


@pytest.mark.parametrize(("method", "truth"), CASES)
def test_serialisable(method, truth):
    assert from_dict(method.to_dict()) == method
    assert from_toml(method.to_toml()) == method


@pytest.mark.parametrize(("method", "truth"), CASES)
@pytest.mark.parametrize("seed", [1, 2])
def test_beats_its_input(method, truth, seed):
    data = noisy(truth, seed)
    assert np.mean((method(data) - truth) ** 2) < 0.5 * np.mean((data - truth) ** 2)


@pytest.mark.parametrize(("method", "truth"), CASES)
def test_stops_on_a_certificate(method, truth):
    solution = method.solve(noisy(truth))
    assert solution.converged
    if isinstance(method, CLOSED_FORM):
        assert (solution.gap, solution.details["certificate"]) == (0.0, "closed form")
        return
    assert solution.gap <= method.tolerance(np.dtype(np.float64), np)
    assert solution.details["certificate"] == "relative duality gap"
    starved = method.replace(max_iter=1) if isinstance(method, ROF) else None
    if starved is not None and not isinstance(method.regularization, str):
        assert not starved.solve(noisy(truth)).converged
        with pytest.warns(ConvergenceWarning, match="ROF: max_iter"):
            starved(noisy(truth))


@pytest.mark.parametrize(("method", "truth"), CASES)
def test_runs_where_host_copies_raise(method, truth):
    device = array_api_strict.Device("device1")
    data = noisy(truth)
    if isinstance(method, HOST_ONLY):
        with pytest.raises(InputError, match=f"{method.name()} runs on NumPy arrays only"):
            method(array_api_strict.asarray(data, device=device))
        return
    out = method(array_api_strict.asarray(data, device=device))
    assert out.device == device
    host = to_numpy(array_api_strict.asarray(out, device=array_api_strict.Device("CPU_DEVICE"), copy=True))
    np.testing.assert_allclose(host, method(data), rtol=0, atol=20 * error(method, np.float64))


@pytest.mark.parametrize("sigma", [-1.0, np.nan, np.asarray([1.0, 2.0])])
def test_impossible_noise_levels_are_named(sigma):
    with pytest.raises(InputError, match="sigma"):
        TV1D()(noisy(LINE), sigma=sigma)


def test_noise_level_per_row_and_per_sample():
    rows = np.stack([noisy(LINE, 1), 3.0 * noisy(LINE, 1)])
    method = TV1D(regularization=1.0)
    out = method(rows, sigma=np.asarray([1.0, 3.0]))
    np.testing.assert_allclose(out[1], 3 * out[0], rtol=0, atol=1e-12)
    np.testing.assert_array_equal(method(rows, sigma=np.broadcast_to([[1.0], [3.0]], rows.shape)), out)


def test_the_estimate_is_that_of_the_solution():
    data = noisy(LINE)
    method = TV1D(regularization=1.0)
    np.testing.assert_array_equal(method(data, sigma=2.0), method.solve(data, sigma=2.0).estimate)


def test_a_mask_must_be_a_boolean_array_of_the_same_shape():
    data = noisy(LINE)
    with pytest.raises(InputError, match="mask must be an array"):
        TV1D()(data, mask=True)
    for solve in (TV1D().solve, RROF().solve):
        with pytest.raises(InputError, match="mask has shape"):
            solve(data, mask=np.zeros(5, dtype=bool))
        with pytest.raises(InputError, match="boolean"):
            solve(data, mask=np.zeros(data.shape))


def test_what_is_no_array_is_named():
    with pytest.raises(InputError, match="rows differ in length"):
        TV1D()([[1.0, 2.0], [3.0]])
    with pytest.raises(InputError, match="float"):
        TV1D()(3.0)
    with pytest.raises(InputError, match="sigma has the unit cm"):
        TV1D()(noisy(LINE), sigma=100 * u.cm)


def test_any_mapping_will_do():
    data = noisy(LINE)
    out = TV1D()(MappingProxyType({"a": data}))
    assert type(out) is dict
    kept = TV1D()(defaultdict(list, a=data))
    assert kept.default_factory is list
