"""The closed form against dense linear algebra on a small periodic grid."""

from dataclasses import replace

import numpy as np
import pytest
from numpy.testing import assert_allclose

from sigden import InputError
from sigden.multiband.data.power import ScenePower, scene_power
from sigden.multiband.joint import estimate_numba, noise_numba, posterior_generic, posterior_numba
from sigden.multiband.joint.channel import Channel
from sigden.multiband.joint.fourier_wiener import FourierWiener
from sigden.multiband.joint.iterative_wiener import IterativeWiener
from sigden.multiband.joint.planes import mode_weight

SHAPE = (8, 12)
BANDS = 2
COVARIANCE = np.array([[1.0, 0.6], [0.6, 2.0]])
RNG = np.random.default_rng(0)


def gaussian(width, shift=0.0):
    rows, columns = (np.fft.fftfreq(n) for n in SHAPE)
    squared = rows[:, None] ** 2 + columns[None, :] ** 2
    phase = np.exp(2j * np.pi * shift * (rows[:, None] + columns[None, :]))
    return np.exp(-2 * (np.pi * width) ** 2 * squared) * phase


def real_filter(transfer):
    """Dense matrix of the real part of a filter, and the transfer function that it has."""
    n = SHAPE[0] * SHAPE[1]
    columns = np.fft.ifft2(transfer * np.fft.fft2(np.eye(n).reshape(n, *SHAPE), axes=(-2, -1)), axes=(-2, -1))
    return columns.real.reshape(n, n).T, np.fft.rfft2(columns[0].real.reshape(SHAPE))


def half(plane):
    return plane[:, : SHAPE[1] // 2 + 1]


def problem():
    sharp, wide_transfer = real_filter(gaussian(0.7))
    blurred, band_transfer = real_filter(4 * gaussian(1.2, shift=0.5))
    target, target_transfer = real_filter(gaussian(0.5))
    pick = np.zeros((24, 96))
    grid = np.arange(96).reshape(SHAPE)
    pick[np.arange(24), grid[::2, ::2].ravel()] = 1.0
    mixes = [np.array([0.4, 0.6]), np.array([1.0, 0.0]), np.array([0.0, 1.0])]
    dense = [sharp, pick @ blurred, pick @ blurred]
    sigmas, factors = [0.3, 0.5, 0.7], [1, 2, 2]
    data = [RNG.standard_normal((SHAPE[0] // k, SHAPE[1] // k)) for k in factors]
    channels = [
        Channel(data=d, mix=m, sigma=s, transfer=t, factor=k)
        for d, t, k, m, s in zip(
            data, [wide_transfer, band_transfer, band_transfer], factors, mixes, sigmas, strict=True
        )
    ]
    rows, columns = (np.fft.fftfreq(n) for n in SHAPE)
    power = 1.0 / (0.05 + rows[:, None] ** 2 + columns[None, :] ** 2)
    return channels, dense, mixes, sigmas, power, target, target_transfer.real


def dense_posterior(errors=(None, None, None)):
    channels, dense, mixes, _, power, target, target_transfer = problem()
    square_root, _ = real_filter(np.sqrt(power))
    prior = np.kron(COVARIANCE, square_root @ square_root.T)
    operator = np.concatenate([np.kron(m[None, :], a) for m, a in zip(mixes, dense, strict=True)])
    noise = np.concatenate(
        [
            np.full(c.data.size, c.sigma**2) if e is None else e.ravel() ** 2
            for c, e in zip(channels, errors, strict=True)
        ]
    )
    data = np.concatenate([c.data.ravel() for c in channels])
    known = np.isfinite(noise)
    operator, noise, data = operator[known], noise[known], data[known]
    gain = prior @ operator.T @ np.linalg.inv(operator @ prior @ operator.T + np.diag(noise))
    both = np.kron(np.eye(BANDS), target)
    error = both @ (prior - gain @ operator @ prior) @ both.T
    propagated = both @ gain @ np.diag(noise) @ gain.T @ both.T
    mean = (both @ gain @ data).reshape(BANDS, *SHAPE)
    return FourierWiener(channels, half(power), COVARIANCE, target_transfer, SHAPE), mean, error, propagated


def own_data(solver):
    return solver.apply([channel.data for channel in solver.channels])


def per_pixel(covariance):
    """Average over pixels of the covariance between bands of one pixel."""
    blocks = covariance.reshape(BANDS, 96, BANDS, 96)
    return np.einsum("iaja->ij", blocks) / 96


def test_mean_and_covariances_are_those_of_dense_algebra():
    solver, mean, error, propagated = dense_posterior()
    assert_allclose(own_data(solver), mean, atol=1e-10)
    assert_allclose(solver.covariance_of_error, per_pixel(error), rtol=1e-9)
    assert_allclose(solver.noise_covariance, per_pixel(propagated), rtol=1e-9)


def test_noise_maps_and_masks_are_solved_as_in_dense_algebra():
    errors = [0.3 * RNG.uniform(0.5, 2.0, SHAPE), None, np.full((4, 6), 0.7)]
    errors[0][RNG.random(SHAPE) < 0.1] = np.inf
    errors[2][RNG.random((4, 6)) < 0.2] = np.inf
    state = RNG.bit_generator.state
    channels, _, _, _, power, _, target = problem()
    RNG.bit_generator.state = state
    _, mean, _, propagated = dense_posterior(errors)
    uneven = [replace(c, error=e) for c, e in zip(channels, errors, strict=True)]
    solver = IterativeWiener(uneven, half(power), COVARIANCE, target, SHAPE)
    data = [c.data if c.used is None else np.where(c.used, c.data, 0.0) for c in uneven]
    assert solver.solution(data).converged
    assert np.abs(solver.apply(data) - mean).max() < 1e-3 * np.abs(mean).max()
    # the same through forward operators, as for pixels of any kind
    general = [replace(c, transfer=None, response=c.operator, blur=c.gain) for c in uneven]
    plain = IterativeWiener(general, half(power), COVARIANCE, target, SHAPE)
    assert np.abs(plain.apply(data) - mean).max() < 1e-3 * np.abs(mean).max()
    assert_allclose(solver.noise_covariance, per_pixel(propagated), rtol=0.25)


def test_noise_power_adds_up_to_the_variance():
    solver, _, _, propagated = dense_posterior()
    combination = np.array([0.3, -1.0])
    expected = combination @ per_pixel(propagated) @ combination
    power = solver.noise_power(combination[None])[0]
    assert np.sum(power * mode_weight(SHAPE[1])) / 96 == pytest.approx(expected, rel=1e-9)


def test_a_batch_is_solved_like_its_members():
    solver, _, _, _ = dense_posterior()
    images = [np.stack([c.data, 2 * c.data, c.data[::-1]]) for c in solver.channels]
    together = solver.apply(images)
    assert_allclose(together[1], 2 * together[0], atol=1e-12)
    assert_allclose(together[2], solver.apply([image[2] for image in images]), atol=1e-12)


def test_a_grid_of_broken_coarse_pixels_is_refused():
    one = Channel(np.zeros((3, 3)), np.ones(1), 1.0, np.ones((7, 4), complex), 2)
    with pytest.raises(InputError, match="crop"):
        FourierWiener([one], np.ones((7, 7)), np.eye(1), np.ones((7, 4)), (7, 7))


def test_model_error_makes_the_wide_band_count_less():
    channels, _, _, _, power, _, target = problem()
    plain = own_data(FourierWiener(channels, half(power), COVARIANCE, target, SHAPE))
    wide = channels[0]
    loose = replace(wide, model_error=100.0)
    doubted = own_data(FourierWiener([loose, *channels[1:]], half(power), COVARIANCE, target, SHAPE))
    absent = own_data(FourierWiener(channels[1:], half(power), COVARIANCE, target, SHAPE))
    assert_allclose(doubted, absent, atol=2e-3 * np.abs(absent).max())
    assert np.abs(plain - absent).max() > 0.05 * np.abs(absent).max()


def test_scene_power_of_a_known_spectrum():
    n, sigma = 128, 0.5
    radius = np.hypot(*np.meshgrid(np.fft.fftfreq(n), np.fft.fftfreq(n), indexing="ij")) * n
    true = 1e4 / (1 + radius**2) ** 1.5
    transfer = np.exp(-((radius / 40) ** 2)).astype(complex)
    rng = np.random.default_rng(1)
    ratios = []
    for _ in range(5):
        white = np.fft.fft2(rng.standard_normal((n, n)))
        image = np.fft.ifft2(white * np.sqrt(true) * transfer).real + sigma * rng.standard_normal((n, n))
        found = scene_power(image, transfer[:, : n // 2 + 1], sigma).on(image.shape)
        assert (np.diff(found[0, : n // 2]) <= 1e-12 * found[0, 0]).all()
        ring = (radius > 3) & (radius < 35)
        ratios.append(np.log(found / true[:, : n // 2 + 1])[ring[:, : n // 2 + 1]])
    assert abs(np.mean(ratios)) < 0.2
    assert np.std(ratios) < 0.5


def test_a_power_over_many_rows_is_that_of_every_mode_alone(monkeypatch):
    power = ScenePower(0.013, np.array([5.0, 3.0, 2.0, 0.5, 0.1]), -2.4)
    for shape in ((9, 14), (12, 7)):
        plane = power.on(shape, 0.2)
        radius = np.hypot(np.fft.fftfreq(shape[0], 0.2)[:, None], np.fft.rfftfreq(shape[1], 0.2))
        assert_allclose(plane, power.at(radius), rtol=1e-14)
    image = RNG.standard_normal((40, 30))
    transfer = np.fft.rfft2(np.eye(40)[:, :30])
    whole = scene_power(image, transfer, 0.5)
    monkeypatch.setattr("sigden.multiband.data.power._BLOCK", 48)
    assert_allclose(scene_power(image, transfer, 0.5).curve, whole.curve, rtol=1e-12)


def random_system(shape, factors, seed=0, dtype=np.float64):
    rng = np.random.default_rng(seed)
    rows, columns = shape
    channels = []
    for k in factors:
        kernel = rng.standard_normal((3, 3)) * k
        padded = np.zeros(shape)
        padded[:3, :3] = kernel
        data = rng.standard_normal((rows // k, columns // k)).astype(dtype)
        mix = rng.uniform(0.1, 1.0, BANDS)
        channels.append(Channel(data, mix, rng.uniform(0.3, 1.0), np.fft.rfft2(padded), k, 0.1))
    power = np.abs(np.fft.rfft2(rng.standard_normal(shape))) ** 2
    target = np.fft.rfft2(np.eye(rows)[:1].T * np.eye(columns)[:1]).real * 0.7
    return FourierWiener(channels, power, COVARIANCE, target, shape)


@pytest.mark.parametrize(
    ("shape", "factors"), [((8, 12), (2, 1, 2)), ((9, 15), (3, 1)), ((12, 12), (4, 2, 1)), ((6, 10), (1, 1))]
)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_numba_agrees_with_generic(shape, factors, dtype):
    solver = random_system(shape, factors, dtype=dtype)
    tolerance = 2e-5 if dtype == np.float32 else 1e-10
    halves = [np.fft.rfft2(solver.channels[i].data, norm="ortho") for i in solver._order]
    start = np.concatenate(([0], np.cumsum([h.size for h in halves])[:-1])).astype(np.int64)
    data = np.concatenate([h.ravel() for h in halves]).astype(solver.system.transfers.dtype)
    given = np.fft.rfft2(RNG.standard_normal((BANDS, *shape)), norm="ortho").astype(data.dtype)
    for begin in (None, given):
        found, left = estimate_numba.estimate_modes(solver.system, data, start, begin, True, shape[1])
        for ours, theirs in zip(
            (found, left),
            posterior_generic.estimate_modes(solver.system, data, start, begin, True, shape[1]),
            strict=True,
        ):
            assert ours.dtype == theirs.dtype
            assert_allclose(ours, theirs, atol=tolerance * np.abs(theirs).max())
    expected = posterior_generic.evidence(solver.system, data, start, shape[1])
    assert posterior_numba.evidence(solver.system, data, start, shape[1]) == pytest.approx(expected, rel=1e-5)
    combinations = np.array([[0.3, -1.0], [1.0, 0.0]])
    theirs = posterior_generic.propagated_noise(solver.system, combinations, shape[1])
    ours = noise_numba.propagated_noise(solver.system, combinations, shape[1])
    for a, b in zip(ours, theirs, strict=True):
        assert_allclose(a, b, atol=1e-10 * np.abs(b).max())
    modes = np.fft.rfft2(RNG.standard_normal((BANDS, *shape)), norm="ortho").astype(found.dtype)
    for c in solver.channels:
        expected = posterior_generic.seen_modes(c.transfer, modes, c.mix, c.factor, shape[1])
        seen = posterior_numba.seen_modes(c.transfer, modes, c.mix, c.factor, shape[1])
        assert seen.dtype == expected.dtype
        assert_allclose(seen, expected, atol=tolerance * np.abs(expected).max())


def test_an_image_seen_through_a_channel_is_that_of_its_forward_operator():
    solver = random_system((12, 18), (1, 2, 3, 6))
    scene = RNG.standard_normal((BANDS, 12, 18))
    modes = np.fft.rfft2(scene, norm="ortho")
    for c in solver.channels:
        assert_allclose(c.seen(modes, c.mix), c.operator(np.tensordot(c.mix, scene, 1)), atol=1e-12)


def test_threads_do_not_change_a_bit(monkeypatch):
    solver = random_system((64, 96), (1, 2, 2))
    images = [c.data for c in solver.channels]
    alone, noise = solver.apply(images), solver.noise_power(np.eye(2))
    covariance = solver.noise_covariance
    monkeypatch.setattr(posterior_numba, "_LEAST_SHARE", 8)
    # the number of shares, not that of threads, is what could change a bit
    monkeypatch.setattr(posterior_numba, "get_num_threads", lambda: 2)
    shared = random_system((64, 96), (1, 2, 2))
    assert posterior_numba.row_shares(shared.system.transfers.shape, 2) > 0
    assert np.array_equal(shared.apply(images), alone)
    modes = np.fft.rfft2(RNG.standard_normal((BANDS, 64, 96)), norm="ortho")
    together = [c.seen(modes, c.mix) for c in shared.channels]
    monkeypatch.setattr(posterior_numba, "_LEAST_SHARE", 1 << 14)
    assert all(
        np.array_equal(c.seen(modes, c.mix), t) for c, t in zip(shared.channels, together, strict=True)
    )
    monkeypatch.setattr(posterior_numba, "_LEAST_SHARE", 8)
    assert np.array_equal(shared.noise_power(np.eye(2)), noise)
    assert np.array_equal(shared.noise_covariance, covariance)


def test_evidence_is_the_gaussian_log_likelihood():
    channels, dense, mixes, sigmas, power, _, target = problem()
    square_root, _ = real_filter(np.sqrt(power))
    prior = square_root @ square_root.T
    data = np.concatenate([c.data.ravel() for c in channels])
    ours, theirs = [], []
    for covariance in (COVARIANCE, np.eye(2)):
        ours.append(
            FourierWiener(channels, half(power), covariance, target, SHAPE).evidence(
                [c.data for c in channels]
            )
        )
        operator = np.concatenate([np.kron(m[None, :], a) for m, a in zip(mixes, dense, strict=True)])
        noise = np.concatenate([np.full(a.shape[0], s**2) for a, s in zip(dense, sigmas, strict=True)])
        matrix = operator @ np.kron(covariance, prior) @ operator.T + np.diag(noise)
        theirs.append(-0.5 * (data @ np.linalg.solve(matrix, data) + np.linalg.slogdet(matrix)[1]))
    assert ours[1] - ours[0] == pytest.approx(theirs[1] - theirs[0], rel=1e-9)
