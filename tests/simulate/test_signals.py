import numpy as np
import pytest

from sigden.errors import ParameterError
from sigden.simulate import cartoon_image, donoho_johnstone, piecewise_constant


def test_blocks_are_eleven_steps():
    x = donoho_johnstone("blocks", 2048)
    assert np.count_nonzero(np.abs(np.diff(x)) > 1e-9) == 11
    assert x[0] == 0
    assert x[250] == pytest.approx(4.0)


def test_closed_forms():
    n = 1000
    assert donoho_johnstone("heavisine", n)[124] == pytest.approx(4 * np.sin(np.pi / 2) + 1 - 1)
    assert donoho_johnstone("doppler", n)[499] == pytest.approx(0.5 * np.sin(2.1 * np.pi / 0.55))
    bumps = donoho_johnstone("bumps", n)
    assert bumps[99] == pytest.approx(4.0, abs=0.3)
    assert bumps.argmax() == 779
    with pytest.raises(ParameterError, match="blocks"):
        donoho_johnstone("steps")


def test_piecewise_constant_has_its_jumps():
    x = piecewise_constant(500, 12, seed=4, height=3.0)
    assert np.count_nonzero(np.diff(x)) == 12
    np.testing.assert_array_equal(x, piecewise_constant(500, 12, seed=4, height=3.0))
    assert np.unique(piecewise_constant(50, 0, seed=0)).size == 1
    with pytest.raises(ParameterError, match="jumps"):
        piecewise_constant(5, 5, seed=0)


def test_cartoon_image():
    image = cartoon_image(64, 80)
    assert image.shape == (64, 80)
    assert image.min() == 0.1
    assert image.max() == 1.0
    flat = np.mean((np.diff(image, axis=0)[:, :-1] == 0) & (np.diff(image, axis=1)[:-1] == 0))
    assert flat > 0.8
    with pytest.raises(ParameterError, match="at least 8"):
        cartoon_image(4, 64)
