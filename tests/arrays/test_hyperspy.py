"""HyperSpy signals: axes and metadata kept, noise variance in and out, nothing imported by sigden."""

import subprocess
import sys

import numpy as np
import pytest

from sigden import FastHyDe, HyRes, InputError, SubspaceCollaborative
from sigden.simulate import gaussian_noise, spectral_cube

hs = pytest.importorskip("hyperspy.api", reason="HyperSpy comes with the test extra")

BANDS = 12


@pytest.fixture(scope="module")
def cube():
    truth = spectral_cube((20, 24), BANDS, endmembers=3, seed=3).astype(float)
    return gaussian_noise(truth, 0.05, seed=1)


@pytest.fixture
def signal(cube):
    out = hs.signals.Signal1D(cube.copy())
    axis = out.axes_manager.signal_axes[0]
    axis.name, axis.units, axis.scale, axis.offset = "Energy", "eV", 0.5, 100.0
    out.metadata.General.title = "map"
    out.metadata.set_item("Sample.description", "steel")
    return out


def test_a_signal_comes_back_with_its_axes_and_metadata(signal, cube):
    out = HyRes()(signal)
    assert type(out) is type(signal)
    np.testing.assert_array_equal(out.data, HyRes()(cube))
    np.testing.assert_array_equal(signal.data, cube)
    axis = out.axes_manager.signal_axes[0]
    assert (axis.name, axis.units, axis.scale, axis.offset) == ("Energy", "eV", 0.5, 100.0)
    assert out.metadata.General.title == "map"
    assert out.metadata.Sample.description == "steel"
    assert out.metadata.sigden.method == "HyRes"
    assert not signal.metadata.has_item("sigden")


def test_noise_variance_is_taken_and_told(signal, cube):
    signal.set_noise_variance(0.05**2)
    np.testing.assert_array_equal(HyRes()(signal).data, HyRes()(cube, sigma=0.05))
    assert HyRes()(signal).get_noise_variance() is None
    out = SubspaceCollaborative()(signal)
    expected = SubspaceCollaborative().solve(cube, sigma=0.05).variance()
    np.testing.assert_allclose(out.get_noise_variance().data, expected, rtol=1e-12)
    varying = signal.deepcopy()
    varying.data = np.full(cube.shape, 0.05**2)
    signal.set_noise_variance(varying)
    np.testing.assert_allclose(HyRes()(signal).data, HyRes()(cube, sigma=0.05), atol=1e-9)


def test_masks_may_be_signals(signal, cube):
    mask = np.zeros(cube.shape, bool)
    mask[3, 4, 5:9] = True
    expected = FastHyDe()(cube, mask=mask)
    np.testing.assert_array_equal(FastHyDe()(signal, mask=mask).data, expected)
    flags = signal.deepcopy()
    flags.data = mask
    np.testing.assert_array_equal(FastHyDe()(signal, mask=flags).data, expected)


def test_lazy_signals_are_computed(signal, cube):
    out = HyRes()(signal.as_lazy())
    np.testing.assert_array_equal(np.asarray(out.data), HyRes()(cube))
    assert not out._lazy


def test_images_are_no_spectra(signal):
    with pytest.raises(InputError, match="as_signal1D"):
        HyRes()(signal.as_signal2D((0, 1)))


def test_sigden_never_imports_hyperspy():
    modules = "sigden.arrays.containers.hyperspy, sigden.hyperspectral"
    code = f"import sys, {modules}; print('hyperspy' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
