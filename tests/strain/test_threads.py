"""The same strain to the last bit, whatever the threads of BLAS and the thread that asks."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from sigden import CoherentStrain, StrainDenoiser
from sigden.noise import welch_psd
from sigden.simulate import newtonian_inspiral, strain
from sigden.strain import StrainStream, Whitening, fill_gaps

RATE = 4096.0
METHOD = StrainDenoiser(sample_rate=RATE, band=(20.0, 1000.0))


@pytest.fixture(scope="module")
def event():
    return strain(duration=12.0, sample_rate=RATE, snr=25.0, seed=4).data


def whole(data):
    return METHOD(data), ""


def coherent(data):
    solution = CoherentStrain(sample_rate=RATE).solve(data)
    return np.concatenate([solution.estimate, solution.details["uncertainty"]]), repr(
        solution.details["pairs"]
    )


def stream(data):
    running = StrainStream(METHOD, step_seconds=4.0)
    return np.concatenate([piece.denoised for piece in running.push(data[0]) + running.finish()]), ""


def filled(data):
    gaps = np.zeros(data.shape[1], dtype=bool)
    gaps[20000:32000] = True
    psd = welch_psd(data[0], RATE)
    return fill_gaps(data[0], gaps, Whitening(psd, RATE, data.shape[1]), tolerance=1e-2), ""


@pytest.mark.parametrize("job", [whole, coherent, stream, filled])
def test_threads_of_blas_change_no_bit(event, job):
    threadpoolctl = pytest.importorskip("threadpoolctl")
    results = []
    for threads in (1, 2, 3):
        with threadpoolctl.threadpool_limits(threads, user_api="blas"):
            results.append(job(event))
    for samples, words in results[1:]:
        np.testing.assert_array_equal(samples, results[0][0])
        assert words == results[0][1]


@pytest.mark.parametrize("whitened", [False, True])
def test_nor_where_detectors_hold_a_long_signal(whitened):
    threadpoolctl = pytest.importorskip("threadpoolctl")
    rate = 8192.0
    wave = newtonian_inspiral(round(8 * rate), rate, 1.2, coalescence=6.0)
    data = strain(duration=8.0, sample_rate=rate, snr=25.0, seed=3, waveform=wave).data
    method = CoherentStrain(sample_rate=rate, whitened=whitened, band=(35.0, 350.0))
    results = []
    for threads in (1, 2):
        with threadpoolctl.threadpool_limits(threads, user_api="blas"):
            results.append(method.solve(data / data.std() if whitened else data))
    assert any(pair.coherent for pair in results[0].details["pairs"])
    np.testing.assert_array_equal(results[1].estimate, results[0].estimate)
    np.testing.assert_array_equal(*(r.details["uncertainty"] for r in results))


def test_neither_do_other_detectors_nor_the_thread_that_asks(event):
    expected = METHOD(event)
    with ThreadPoolExecutor(2) as pool:
        found = list(pool.map(METHOD, [event[1], event[0], event]))
    np.testing.assert_array_equal(found[0], expected[1])
    np.testing.assert_array_equal(found[1], expected[0])
    np.testing.assert_array_equal(found[2], expected)
    np.testing.assert_array_equal(METHOD(event[1]), expected[1])
