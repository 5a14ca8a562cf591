"""What the classical methods share, on arrays of other libraries: what NumPy gives."""

from dataclasses import dataclass

import numpy as np
import pytest

from sigden import InputError
from sigden.hyperspectral.beside import put_rows
from sigden.hyperspectral.classical.frame import ClassicalMethod, Restored
from sigden.hyperspectral.classical.missing import filled_by_neighbours, filled_by_subspace, noise_level
from sigden.hyperspectral.classical.orthogonal import signal_directions
from sigden.hyperspectral.classical.sure import soft


@dataclass(frozen=True, kw_only=True)
class Shrunk(ClassicalMethod):
    """Whitened values after a soft threshold: what surrounds a method, and nearly nothing in it."""

    def restore(self, cube):
        return Restored(cube.coloured(soft(cube.whitened, 1.0)))


def missing_of(data, share):
    rng = np.random.default_rng(5)
    missing = rng.random(data.shape) < share
    missing[3, 4], missing[7, 8, 2:] = True, True
    return missing


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("share", [0.001, 0.03])  # with enough complete pixels, and without
def test_missing_voxels_and_bands_without_noise(elsewhere, noisy, dtype, share):
    data = noisy.astype(dtype)
    missing = missing_of(data, share)
    there = np.where(missing, dtype(1e9), data)
    for cube in (data, there):
        cube[..., 5], cube[..., 9] = np.nan, 0.25
    there = elsewhere.send(there)
    found = Shrunk().solve(there, mask=elsewhere.send(missing))
    expected = Shrunk().solve(data, mask=missing)
    received = elsewhere.receive(found.estimate)
    assert received.dtype == dtype
    outside = missing.all(axis=2)
    tolerance = 1e-5 if dtype == np.float32 else 1e-10
    np.testing.assert_allclose(received[~outside], expected.estimate[~outside], rtol=0, atol=tolerance)
    np.testing.assert_allclose(
        elsewhere.receive(found.details["sigma"]), expected.details["sigma"], rtol=tolerance, atol=0
    )
    assert (expected.details["sigma"] > 0).sum() == data.shape[2] - 2
    assert found.converged


def test_given_noise_and_the_trivial(elsewhere, noisy):
    there, level = elsewhere.send(noisy), np.linspace(0.03, 0.08, noisy.shape[2])
    level[3] = 0.0
    found = elsewhere.receive(Shrunk()(there, sigma=elsewhere.send(level)))
    np.testing.assert_allclose(found, Shrunk()(noisy, sigma=level), rtol=0, atol=1e-10)
    np.testing.assert_array_equal(found[..., 3], noisy[..., 3])
    by_sample = np.broadcast_to(level, noisy.shape).copy()
    by_sample[3, 4, 5] = np.inf
    np.testing.assert_allclose(
        elsewhere.receive(Shrunk()(there, sigma=elsewhere.send(by_sample))),
        Shrunk()(noisy, sigma=by_sample),
        rtol=0,
        atol=1e-10,
    )
    np.testing.assert_array_equal(elsewhere.receive(Shrunk()(there, sigma=0.0)), noisy)
    constant = np.full(noisy.shape, 0.1)
    np.testing.assert_array_equal(elsewhere.receive(Shrunk()(elsewhere.send(constant))), constant)
    np.testing.assert_array_equal(elsewhere.receive(there), noisy)


def test_unusable_cubes_are_named(elsewhere, noisy):
    data = noisy.copy()
    data[3, 4, 5] = np.inf
    with pytest.raises(InputError, match=r"infinite value at index \(3, 4, 5\)"):
        Shrunk()(elsewhere.send(data))
    with pytest.raises(InputError, match="namespace"):
        Shrunk()(elsewhere.send(noisy), mask=np.zeros(noisy.shape, dtype=bool))


def test_the_parts_alone(elsewhere, noisy):
    missing = missing_of(noisy, 0.02)
    sigma = noise_level(noisy, None)
    there, gaps = elsewhere.send(noisy), elsewhere.send(missing)
    near = filled_by_neighbours(noisy, missing)
    pairs = [
        (filled_by_neighbours(there, gaps), near),
        (filled_by_subspace(elsewhere.send(near), gaps, sigma), filled_by_subspace(near, missing, sigma)),
        (signal_directions(there, None), signal_directions(noisy, None)),
    ]
    for found, expected in pairs:
        np.testing.assert_allclose(elsewhere.receive(found), expected, rtol=0, atol=1e-10)
    np.testing.assert_allclose(noise_level(there, gaps), noise_level(noisy, missing), rtol=1e-10)


@pytest.mark.parametrize("rows", [[], [1], [0, 2, 5]])
def test_rows_are_put_in_place(elsewhere, rows):
    spectra, values = np.arange(24.0).reshape(6, 4), -np.arange(4.0 * len(rows)).reshape(-1, 4)
    chosen = np.isin(np.arange(6), rows)
    expected = spectra.copy()
    expected[rows] = values
    np.testing.assert_array_equal(put_rows(spectra, chosen, values), expected)
    found = put_rows(*(elsewhere.send(part) for part in (spectra, chosen, values)))
    np.testing.assert_array_equal(elsewhere.receive(found), expected)
