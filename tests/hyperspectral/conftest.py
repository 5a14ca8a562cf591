"""Arrays that are not NumPy's, for the tests of this room."""

import array_api_strict
import numpy as np
import pytest

from sigden.arrays import device_of, to_numpy


class Strict:
    """array-api-strict on a device that is not the host: an implicit copy raises."""

    device = array_api_strict.Device("device1")

    def send(self, array):
        return array_api_strict.asarray(np.array(array), device=self.device)

    def receive(self, array):
        assert device_of(array) == self.device
        return to_numpy(array)


class Cupy:
    """CuPy on the first CUDA device."""

    def __init__(self):
        self.library = pytest.importorskip("cupy", reason="CuPy is not installed")
        try:
            count = self.library.cuda.runtime.getDeviceCount()
        except self.library.cuda.runtime.CUDARuntimeError as error:
            pytest.skip(f"no CUDA device: {error}")
        if count == 0:
            pytest.skip("no CUDA device")

    def send(self, array):
        return self.library.asarray(array)

    def receive(self, array):
        assert isinstance(array, self.library.ndarray)
        return to_numpy(array)


@pytest.fixture(
    params=[pytest.param(Strict, id="strict"), pytest.param(Cupy, id="cupy", marks=pytest.mark.gpu)]
)
def elsewhere(request):
    """Library other than NumPy: ``send`` puts an array there, ``receive`` insists that one is there."""
    return request.param()
