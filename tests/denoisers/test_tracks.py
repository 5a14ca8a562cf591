"""Chirp tracks: what a path through time and frequency gains, and what it must not do."""

import numpy as np
import pytest

from sigden import ChirpTracks, InputError, InspiralTracks, ParameterError, from_toml
from sigden.denoisers.tracks import TrackModel, estimate_tracks
from sigden.denoisers.tracks.chirplets import RATES, analyse, grid, place
from sigden.denoisers.tracks.coefficients_numba import quantise, scale
from sigden.denoisers.tracks.likelihood import AMPLITUDES, PER_UNIT, tables
from sigden.denoisers.tracks.moves_numba import MARGIN, advance, advance_adjoint, amplitude_weights
from sigden.denoisers.tracks.passes_numba import smooth_tracks

N = 1024
T = np.arange(N) / N
TRUTH = np.exp(-(((T - 0.5) / 0.2) ** 4)) * np.sin(2 * np.pi * (40 * T + 90 * T**2))


def noisy(amplitude, seed=0):
    return amplitude * TRUTH + np.random.default_rng(seed).standard_normal(N)


@pytest.mark.parametrize(("amplitude", "bound"), [(1.0, 0.06), (3.0, 0.12), (40.0, 2.0)])
def test_follows_a_chirp(amplitude, bound):
    found = ChirpTracks().solve(noisy(amplitude), sigma=1.0)
    assert np.mean((found.estimate - amplitude * TRUTH) ** 2) < bound
    inside = found.details["presence"][N // 2 - 100 : N // 2 + 100]
    assert inside.min() > 0.5


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_noise_leaves_nearly_nothing(seed):
    found = ChirpTracks().solve(np.random.default_rng(seed).standard_normal(N), sigma=1.0)
    assert np.std(found.estimate) < 0.15


def test_loud_amplitudes_are_kept():
    out = ChirpTracks()(noisy(1e4), sigma=1.0)
    gain = (out @ TRUTH) / (TRUTH @ TRUTH) / 1e4
    assert gain == pytest.approx(1.0, abs=0.05)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("scale", [1e-21, 1e12])
def test_equivariant(dtype, scale):
    data = noisy(3.0).astype(dtype)
    data.setflags(write=False)
    expected = ChirpTracks()(data)
    out = ChirpTracks()((dtype(scale) * data).astype(dtype)) / dtype(scale)
    assert out.dtype == dtype
    assert np.abs(out - expected).max() < 5e-3
    assert np.abs(ChirpTracks()(data + dtype(16)) - dtype(16) - expected).max() < 5e-3


def test_trivial_input_comes_back():
    data = noisy(3.0)
    np.testing.assert_array_equal(ChirpTracks()(data, sigma=0.0), data)
    np.testing.assert_array_equal(ChirpTracks()(np.full(N, 0.1)), np.full(N, 0.1))


def test_masked_samples_do_not_spread():
    data, mask = noisy(3.0), np.random.default_rng(3).random(N) < 0.05
    bad, other = data.copy(), data.copy()
    bad[mask], other[mask] = np.nan, 1e6
    out = ChirpTracks()(bad, mask=mask)
    np.testing.assert_array_equal(ChirpTracks()(other, mask=mask), out)
    assert np.mean((out - 3 * TRUTH) ** 2) < 0.4
    with pytest.raises(InputError, match=r"nan at index \d+"):
        ChirpTracks()(bad)


def test_batched_repeatable_serialisable():
    rows = np.stack([noisy(3.0, seed) for seed in range(2)])
    out = ChirpTracks()(rows)
    np.testing.assert_array_equal(ChirpTracks()(rows[1]), out[1])
    np.testing.assert_array_equal(ChirpTracks()(rows.astype(">f8")), out)
    method = ChirpTracks(lengths=(16.0, 64.0))
    assert from_toml(method.to_toml()) == method


@pytest.mark.parametrize("changes", [{"lengths": ()}, {"lengths": (8.0,)}, {"births": 0.0}, {"deaths": 9e2}])
def test_parameters_out_of_range_are_named(changes):
    with pytest.raises(ParameterError, match=next(iter(changes))):
        ChirpTracks(**changes)


def test_the_uncertainty_is_of_the_size_of_the_error():
    ratios = []
    for seed in range(4):
        found = ChirpTracks().solve(noisy(3.0, seed), sigma=1.0)
        error = (found.estimate - 3 * TRUTH)[350:680]
        ratios.append(np.mean(error**2) / np.mean(found.details["uncertainty"][350:680] ** 2))
    # a clean chirp is learnt better than the mean of all kinds
    assert 0.25 < np.mean(ratios) < 2.0


def test_two_signals_at_once_are_both_found():
    other = 8.0 * np.exp(-(((T - 0.5) / 0.15) ** 4)) * np.sin(2 * np.pi * (300 * T - 60 * T**2))
    both = 8.0 * TRUTH + other
    found = ChirpTracks().solve(both + np.random.default_rng(2).standard_normal(N), sigma=1.0)
    assert np.mean((found.estimate - both) ** 2) < 0.1 * np.mean(other**2)


@pytest.mark.parametrize("amplitude", [2.0, 4.0])
def test_two_quiet_signals_at_once_are_both_found(amplitude):
    other = np.exp(-(((T - 0.5) / 0.15) ** 4)) * np.sin(2 * np.pi * (300 * T - 60 * T**2))
    both = amplitude * (TRUTH + other)
    found = ChirpTracks().solve(both + np.random.default_rng(2).standard_normal(N), sigma=1.0)
    assert np.mean((found.estimate - both) ** 2) < 0.2 * np.mean((amplitude * other) ** 2)


def test_the_unit_of_time_makes_no_difference():
    rng, rate = np.random.default_rng(5), 512.0
    t = np.arange(N) / rate
    x = (rng.standard_normal(N) + 1j * rng.standard_normal(N)) / np.sqrt(2)
    for f, chirp in ((90.0, 60.0), (330.0, -40.0)):
        x += 0.9 * np.exp(-(((t - 1.0) / 0.5) ** 4)) * np.exp(2j * np.pi * (f + chirp * t / 2) * t)
    x = x.astype(np.complex64)
    seconds = TrackModel(lengths=(0.0625, 0.125, 0.25), birth=3.0, death=1.0, horizon=0.05)
    samples = TrackModel(lengths=(32.0, 64.0, 128.0), birth=3.0 / rate, death=1.0 / rate, horizon=0.05 * rate)
    here = estimate_tracks(x, rate, (0.0, rate), seconds)
    there = estimate_tracks(x, 1.0, (0.0, 1.0), samples)
    np.testing.assert_allclose(there.signal, here.signal, atol=1e-5)
    np.testing.assert_allclose(there.freedom, here.freedom, atol=1e-5)


def chirps(level):
    """Every chirp of a level in full, shape (rates, bins, length)."""
    t = np.arange(level.length) - level.length / 2
    f = np.arange(level.first, level.last + 1)[:, None] / (2 * level.length)
    rates = [4 * k / level.length**2 for k in RATES]
    return np.stack([level.window * np.exp(2j * np.pi * (f * t + c * t * t / 2)) for c in rates])


@pytest.mark.parametrize(("length", "low", "high"), [(8, 0.0, 0.99), (92, 0.087, 0.87), (44, 0.3, 0.4)])
def test_coefficients_are_inner_products_with_chirps_and_their_sum_is_a_series(length, low, high):
    (level,) = grid((float(length),), low, high)
    rng = np.random.default_rng(3)
    x = (rng.standard_normal(500) + 1j * rng.standard_normal(500)).astype(np.complex64)
    found, all_chirps, half = analyse(x, level), chirps(level), length // 2
    padded = np.concatenate([np.zeros(half), x, np.zeros(2 * length)])
    for k in range(len(found)):
        frame = padded[k * level.hop : k * level.hop + length]
        expected = np.tensordot(all_chirps.conj(), frame, 1)
        np.testing.assert_allclose(found[k], expected, atol=5e-6)
    expected = np.zeros(padded.size + length, dtype=complex)
    for k, c in enumerate(found):
        part = np.tensordot(c, all_chirps, 2) * level.window * level.weight
        expected[k * level.hop : k * level.hop + length] += part
    atol = 1e-5 * np.abs(expected).max()
    np.testing.assert_allclose(place(level, found, x.size), expected[half : half + x.size], atol=atol)


def test_one_step_back_is_the_transpose_of_one_step():
    rng = np.random.default_rng(0)
    bins, edge = 13, MARGIN * AMPLITUDES
    n = bins * AMPLITUDES
    weights = amplitude_weights(bins)
    one, two, wide = (np.zeros((5, n + 2 * edge), dtype=np.float32) for _ in range(3))
    x, forth, back = rng.random((5, n)).astype(np.float32), *np.zeros((2, 5, n), dtype=np.float32)
    y = wide[:, edge : edge + n]
    y[:] = rng.random((5, n))
    advance(x, forth, weights, one, two)
    advance_adjoint(wide, back, weights, one, two)
    assert np.sum(forth * y, dtype=float) == pytest.approx(np.sum(x * back, dtype=float), rel=1e-5)
    assert forth.sum() < x.sum()


def test_passes_are_those_of_a_dense_hidden_markov_model():
    rng = np.random.default_rng(1)
    bins, steps, birth, death, first = 6, 9, 0.03, 0.02, 0.01
    n, states = bins * AMPLITUDES, 5 * bins * AMPLITUDES
    weights, table = amplitude_weights(bins), tables(0.6)
    one, two = (np.zeros((5, n + 2 * MARGIN * AMPLITUDES), dtype=np.float32) for _ in range(2))
    step = np.zeros((states + 1, states + 1))
    for i in range(states):
        x, y = np.zeros((2, 5, n), dtype=np.float32)
        x.ravel()[i] = 1.0
        advance(x, y, weights, one, two)
        step[i, :-1] = (1 - death) * y.ravel()
    each = np.full(states, 1.0 / states)
    step[:, -1] = 1 - step.sum(axis=1)
    step[-1] = np.append(birth * each, 1 - birth)
    size = np.abs(rng.standard_normal((steps, 5, bins)))
    size[3:6, 2, 3] += 4.0
    index = (size * PER_UNIT).astype(np.uint16)
    likelihood = [np.append(table.ratio[i].astype(float).ravel(), 1.0) for i in index]
    forth, back, evidence = [], [np.ones(states + 1)], []
    now = np.append(first * each, 1 - first)
    for s in range(steps):
        now = (now @ step if s else now) * likelihood[s]
        evidence.append(np.log(now.sum()))
        now = now / now.sum()
        forth.append(now)
    for s in range(steps - 1, 0, -1):
        last = step @ (likelihood[s] * back[0])
        back.insert(0, last / last.max())
    posterior = [a * b / (a @ b) for a, b in zip(forth, back, strict=True)]

    gain = np.empty(index.shape, dtype=np.float32)
    power, presence, found = np.empty((3, steps))
    history = np.empty((steps, 5, n), dtype=np.float32)
    smooth_tracks(
        index, table.logarithm, table.ratio, table.mean, table.square, table.prior,
        birth, death, weights, history, gain, power, presence, found,
    )  # fmt: skip
    np.testing.assert_allclose(found, evidence, rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(presence, [1 - p[-1] for p in posterior], rtol=2e-5)
    pairs = [(p[:-1].reshape(5, bins, -1), i) for p, i in zip(posterior, index, strict=True)]
    expected = [np.sum(p * table.mean[i], axis=-1) for p, i in pairs]
    np.testing.assert_allclose(gain, expected, rtol=1e-4, atol=1e-7)
    expected = [np.sum(p * table.square[i]) for p, i in pairs]
    np.testing.assert_allclose(power, expected, rtol=1e-4)


@pytest.mark.parametrize("seed", range(4))
def test_glitches_of_any_size_leave_finite_estimates(seed):
    rng = np.random.default_rng(seed)
    data = rng.standard_normal(N)
    for at in rng.integers(0, N, 6):
        data[at : at + 3] += rng.choice([-1, 1]) * 10 ** rng.uniform(1, 6)
    found = ChirpTracks().solve(data, sigma=1.0)
    assert all(np.isfinite(x).all() for x in (found.estimate, *list(found.details.values())[:2]))


def test_one_step_moves_a_track_by_its_chirp_rate():
    bins, edge = 31, MARGIN * AMPLITUDES
    n = bins * AMPLITUDES
    one, two = (np.zeros((5, n + 2 * edge), dtype=np.float32) for _ in range(2))
    for k in range(5):
        x, out = np.zeros((2, 5, bins, AMPLITUDES), dtype=np.float32)
        x[k, 15, 4] = 1.0
        advance(x.reshape(5, n), out.reshape(5, n), amplitude_weights(bins), one, two)
        # the largest rates lose what would turn further
        assert out.sum() == pytest.approx(0.8 if k in (0, 4) else 1.0, rel=1e-6)
        assert np.unravel_index(np.argmax(out), out.shape) == (k, 15 + 2 * (k - 2), 4)


def test_chirps_have_unit_norm_and_come_back_in_place():
    (level,) = grid((64.0,), 0.1, 0.5)
    t = np.arange(512) - 256.0
    chirp = np.exp(2j * np.pi * (0.3 * t + 0.5 * (4 / 64**2) * t**2) * (np.abs(t) < 100))
    c = analyse(chirp.astype(np.complex64), level)
    middle = 256 // level.hop
    k, f = np.unravel_index(np.argmax(np.abs(c[middle])), c.shape[1:])
    assert (level.first + f) / (2 * level.length) == pytest.approx(0.3, abs=1 / 128)
    assert k == 3
    assert np.abs(c[middle, k, f]) == pytest.approx(level.gain, rel=0.05)
    alone = np.zeros_like(c)
    alone[middle, k, f] = c[middle, k, f]
    back = place(level, alone, 512)
    assert int(np.argmax(np.abs(back))) == pytest.approx(256, abs=1)


def test_amplitudes_are_shrunk_little_where_the_coefficient_is_large():
    table = tables(0.6)
    quiet, loud = round(0.5 * PER_UNIT), 12 * PER_UNIT
    assert np.all(np.diff(table.logarithm, axis=0)[1:] >= 0)
    best = int(np.argmax(table.logarithm[loud, :-1]))
    assert table.mean[loud, best] == pytest.approx(1.0, abs=0.2)
    assert table.logarithm[quiet].max() < 0


def test_entries_of_the_tables_are_the_nearest_and_end_with_them():
    rng = np.random.default_rng(3)
    c = (rng.normal(size=(40, 5, 7, 2)) * 20 @ [1, 1j]).astype(np.complex64)
    index = np.empty(c.shape, dtype=np.uint16)
    quantise(c, PER_UNIT, 900, index)
    exact = np.abs(c.astype(complex)) * PER_UNIT
    near = exact < 900
    assert 0 < near.sum() < near.size
    assert (np.abs(index - exact)[near] <= 0.5 + 1e-4).all()
    assert (index[~near] == 900).all()
    gain = rng.random(c.shape).astype(np.float32)
    wanted = c * gain
    scale(c, gain)
    np.testing.assert_allclose(c, wanted, rtol=1e-6)


@pytest.mark.parametrize("sigma", [1e-300, 1e-30, 1e-12])
@pytest.mark.parametrize("method", [ChirpTracks, InspiralTracks])
def test_noise_that_single_precision_does_not_resolve_is_none(method, sigma):
    x = np.random.default_rng(0).standard_normal(400)
    solution = method().solve(x, sigma=sigma)
    np.testing.assert_array_equal(solution.estimate, x)
    assert not solution.details["uncertainty"].any()
