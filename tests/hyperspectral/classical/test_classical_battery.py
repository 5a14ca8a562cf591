"""The battery that every classical method for cubes passes."""

from functools import cache
from itertools import pairwise

import numpy as np
import pytest
from astropy import units as u
from astropy.nddata import NDData, StdDevUncertainty

from sigden import InputError, from_dict, from_toml
from sigden.hyperspectral.classical import (
    E3DTV,
    FORPDN,
    LRMR,
    LRTDTV,
    OTVCA,
    WSRRR,
    FastHyDe,
    FastHyIn,
    HyMiNoR,
    HyRes,
    L1HyMixDe,
    NGMeet,
    RRQRSubspace,
)
from sigden.simulate import gaussian_noise, spectral_cube

METHODS = [
    HyRes(),
    FORPDN(),
    WSRRR(),
    OTVCA(),
    FastHyDe(),
    FastHyIn(),
    HyMiNoR(),
    L1HyMixDe(),
    LRMR(),
    RRQRSubspace(),
    E3DTV(),
    LRTDTV(),
    NGMeet(group=60),  # larger groups take longer and change little
]

# methods that smooth along the spectrum or keep a high rank get spectra of many bands
SMOOTH = ("E3DTV", "FORPDN", "HyMiNoR", "LRMR", "LRTDTV")

pytestmark = pytest.mark.parametrize("method", METHODS, ids=lambda method: method.name())


@cache
def cubes(many):
    shape, bands = ((26, 30), 110) if many else ((36, 40), 24)
    truth = spectral_cube(shape, bands, endmembers=4, seed=3).astype(float)
    return truth, gaussian_noise(truth, np.linspace(0.03, 0.08, bands), seed=1)


@pytest.fixture
def truth(method):
    return cubes(method.name() in SMOOTH)[0]


@pytest.fixture
def noisy(method):
    return cubes(method.name() in SMOOTH)[1]


def error(estimate, truth):
    return float(np.mean((estimate - truth) ** 2))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("scale", [1e-21, 1e12])
def test_equivariant(method, noisy, dtype, scale):
    data = noisy.astype(dtype)
    expected = method(data)
    assert expected.dtype == dtype
    out = method((dtype(scale) * data).astype(dtype)) / dtype(scale)
    shifted = method(data + dtype(2.0)) - dtype(2.0)
    for other in (out, shifted):
        distance = np.abs(other - expected)
        if dtype == np.float64:
            assert distance.max() <= 1e-6
        else:  # a tenth of the noise: choices at a tie turn by rounding
            assert np.sqrt(np.mean(distance**2)) <= 5e-3


def test_exact_on_the_trivial(method, noisy):
    np.testing.assert_array_equal(method(noisy, sigma=0.0), noisy)
    constant = np.full(noisy.shape, 0.1)
    np.testing.assert_array_equal(method(constant), constant)
    np.testing.assert_allclose(method(constant, sigma=1.0), 0.1, rtol=1e-12)


def test_beats_its_input(method, noisy, truth):
    assert error(method(noisy), truth) < 0.3 * error(noisy, truth)
    level = np.linspace(0.03, 0.08, truth.shape[2])
    assert error(method(noisy, sigma=level), truth) < 0.3 * error(noisy, truth)


def test_missing_voxels_do_not_spread(method, noisy, truth):
    missing = np.random.default_rng(3).random(truth.shape) < 0.02
    missing[:, 7, :9] = True
    holes = np.where(missing, np.nan, noisy)
    out = method(holes)
    assert np.isfinite(out).all()
    np.testing.assert_array_equal(method(np.where(missing, 1e6, noisy), mask=missing), out)
    assert error(out, truth) < 0.4 * error(noisy, truth)
    assert error(out[missing], truth[missing]) < error(noisy, truth)
    missing[20, 11] = True  # a pixel of which nothing is known
    out = method(noisy, mask=missing)
    assert np.isfinite(out).all()
    np.testing.assert_array_equal(out[20, 11], noisy[20, 11])


def test_bands_that_cannot_be_known_come_back_as_they_are(method, noisy, truth):
    data = noisy.copy()
    data[..., 5] = np.nan
    data[..., 9] = 0.25
    out = method(data)
    np.testing.assert_array_equal(out[..., 5], data[..., 5])
    np.testing.assert_array_equal(out[..., 9], data[..., 9])
    rest = [b for b in range(truth.shape[2]) if b not in (5, 9)]
    assert error(out[..., rest], truth[..., rest]) < 0.4 * error(noisy[..., rest], truth[..., rest])


def test_what_is_no_cube_is_named(method, noisy):
    data = noisy.copy()
    data[3, 4, 5] = np.inf
    with pytest.raises(InputError, match=r"infinite value at index \(3, 4, 5\)"):
        method(data)
    with pytest.raises(InputError, match="no sample is left"):
        method(np.full(noisy.shape, np.nan))
    with pytest.raises(InputError, match="rows, columns, bands"):
        method(noisy[0])
    with pytest.raises(InputError, match="sigma: shape"):
        method(noisy, sigma=np.ones(3))
    with pytest.raises(InputError, match="sigma: must be finite"):
        method(noisy, sigma=-1.0)


def test_noise_of_the_only_band_that_varies_is_asked_for(method, noisy):
    one = np.where(np.arange(5) == 3, noisy[:12, :12, :5], 1)
    with pytest.raises(InputError, match="one of its 5 bands varies"):
        method.solve(one)
    found = method.solve(one, sigma=0.05).estimate
    assert np.isfinite(found).all()
    np.testing.assert_array_equal(found[..., :3], one[..., :3])


def test_same_in_same_out(method, noisy):
    data = noisy.copy()
    data.setflags(write=False)
    expected = method(data)
    np.testing.assert_array_equal(data, noisy)
    np.testing.assert_array_equal(method(data.astype(">f8")), expected)
    out = method(NDData(data, unit=u.Jy, meta={"a": 1}))
    assert (out.unit, out.meta["a"], out.meta["sigden"]["method"]) == (u.Jy, 1, method.name())
    np.testing.assert_array_equal(out.data, expected)
    level = StdDevUncertainty(np.broadcast_to(np.linspace(0.03, 0.08, data.shape[2]), data.shape))
    given = method(NDData(data, uncertainty=level)).data
    plain = method(data, sigma=np.linspace(0.03, 0.08, data.shape[2]))
    np.testing.assert_allclose(given, plain, rtol=0, atol=1e-6)


def test_serialisable(method):
    assert from_dict(method.to_dict()) == method
    assert from_toml(method.to_toml()) == method


def test_solution_carries_its_certificate(method, noisy):
    solution = method.solve(noisy)
    assert solution.converged
    assert solution.gap <= 0.02
    assert solution.details["sigma"].shape == (noisy.shape[2],)
    values = [value for _, value in solution.history]
    assert all(after <= before * (1 + 1e-9) for before, after in pairwise(values))
