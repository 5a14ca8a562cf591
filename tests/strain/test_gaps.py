import numpy as np
import pytest

from sigden.errors import InputError, ParameterError
from sigden.noise import PowerSpectrum
from sigden.simulate import coloured_noise
from sigden.strain.filters import band_pass
from sigden.strain.gaps import Segments, apply_between_gaps, fill_gaps
from sigden.strain.whitening import Whitening

FS = 256.0


def with_gaps(n, *gaps):
    x = np.random.default_rng(0).normal(size=n)
    for a, b in gaps:
        x[a:b] = np.nan
    return x


def test_segments_of_a_record():
    segments = Segments.of(with_gaps(100, (0, 5), (20, 22), (60, 80)))
    assert segments.ranges == ((5, 20), (22, 60), (80, 100))
    assert len(segments) == 3
    assert segments.longer_than(20).ranges == ((22, 60), (80, 100))
    assert segments.merged(2).ranges == ((5, 60), (80, 100))
    assert segments.merged(20).ranges == ((5, 100),)
    assert segments.gaps.sum() == 27
    assert [s.stop - s.start for s in segments] == [15, 38, 20]


def test_mask_counts_as_gap():
    mask = np.zeros(10, dtype=bool)
    mask[4] = True
    assert Segments.of(np.ones(10), mask).ranges == ((0, 4), (5, 10))
    assert Segments.of(np.full(4, np.nan)).ranges == ()


def test_split_is_balanced_and_complete():
    pieces = Segments(((0, 10), (20, 27)), 30).split(4)
    lengths = [b - a for a, b in pieces.ranges]
    assert sum(lengths) == 17
    assert max(lengths) <= 4
    assert min(lengths) >= 3
    with pytest.raises(ParameterError, match="samples"):
        pieces.split(0)


def test_nan_is_carried_through_exactly():
    x = with_gaps(4000, (0, 3), (1000, 1001), (2500, 2900))
    out = apply_between_gaps(lambda v: band_pass(v, FS, (20.0, 60.0)), x, min_length=50)
    np.testing.assert_array_equal(np.isnan(out), np.isnan(x))
    np.testing.assert_array_equal(out[3:1000], band_pass(x[3:1000], FS, (20.0, 60.0)))


def test_short_stretches():
    x = with_gaps(100, (30, 40), (45, 60))
    with pytest.raises(InputError, match="from sample 40 to 45"):
        apply_between_gaps(np.negative, x, min_length=20)
    zero = apply_between_gaps(np.negative, x, min_length=20, short="zero")
    keep = apply_between_gaps(np.negative, x, min_length=20, short="keep")
    np.testing.assert_array_equal(zero[40:45], 0)
    np.testing.assert_array_equal(keep[40:45], x[40:45])
    np.testing.assert_array_equal(keep[:30], -x[:30])
    with pytest.raises(ParameterError, match="short"):
        apply_between_gaps(np.negative, x, short="drop")
    with pytest.raises(InputError, match="returned shape"):
        apply_between_gaps(lambda v: v[1:], x)


def red():
    f = np.linspace(0, 128, 513)
    return PowerSpectrum(f, 1e-46 * (1 + (20 / np.maximum(f, 2)) ** 6))


@pytest.mark.parametrize("gaps", [[(40, 50)], [(0, 12)], [(140, 150)], [(20, 30), (33, 60)]])
def test_filling_is_the_conditional_mean(gaps):
    whitening = Whitening(red(), FS, 150, impulse_seconds=0.1)
    x = coloured_noise(red(), 150, FS, 2)
    hole = np.zeros(150, dtype=bool)
    for a, b in gaps:
        hole[a:b] = True
    matrix = np.stack([whitening(row) for row in np.eye(150)]).T
    inverse_covariance = matrix.T @ matrix
    expected = -np.linalg.solve(
        inverse_covariance[np.ix_(hole, hole)], inverse_covariance[np.ix_(hole, ~hole)] @ x[~hole]
    )
    filled = fill_gaps(np.where(hole, np.nan, x), hole, whitening, tolerance=1e-10)
    np.testing.assert_array_equal(filled[~hole], x[~hole])
    np.testing.assert_allclose(filled[hole], expected, rtol=0, atol=1e-5 * np.abs(x).max())


def test_long_gaps_leave_the_neighbours_white():
    whitening = Whitening(red(), FS, 8192, impulse_seconds=0.5)
    x = coloured_noise(red(), 8192, FS, 5)
    hole = np.zeros(x.size, dtype=bool)
    hole[100:104] = hole[3000:3600] = True
    y = whitening(fill_gaps(np.where(hole, np.nan, x), hole, whitening))
    assert np.abs(y).max() < 6
    assert y[2900:3000].std() == pytest.approx(1.0, abs=0.25)
    assert y[3600:3700].std() == pytest.approx(1.0, abs=0.25)


def test_filling_without_gaps_and_errors():
    whitening = Whitening(red(), FS, 64)
    x = coloured_noise(red(), 64, FS, 1)
    none = np.zeros(64, dtype=bool)
    np.testing.assert_array_equal(fill_gaps(x, none, whitening), x)
    with pytest.raises(InputError, match="every sample"):
        fill_gaps(x, ~none, whitening)
    with pytest.raises(InputError, match="index 5 outside"):
        fill_gaps(np.where(np.arange(64) == 5, np.nan, x), none, whitening)
    with pytest.raises(InputError, match="do not fit"):
        fill_gaps(x[1:], none[1:], whitening)
    half = np.arange(64) > 31
    with pytest.raises(InputError, match="no convergence"):
        fill_gaps(x, half, whitening, max_iter=1, tolerance=1e-15)
