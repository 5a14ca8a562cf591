"""A small simulated field that several tests look at."""

import numpy as np
import pytest
from astropy.wcs import WCS

from sigden.multiband import Grid, Observation
from sigden.simulate.scene import scene


@pytest.fixture(scope="session")
def sky():
    return scene(seed=11, size=128, galaxies=14, psf_size=41)


@pytest.fixture(scope="session")
def grid(sky):
    return Grid(sky.vis.shape, sky.scale)


@pytest.fixture(scope="session")
def seen(sky):
    return [Observation(**image) for image in sky.images()]


@pytest.fixture(scope="session")
def response(sky):
    return sky.response


@pytest.fixture(scope="session")
def wcs():
    """Make a WCS of 0.1 arcsec a pixel; step, reference pixel and turn are its arguments."""

    def make(step=1.0, centre=(64.5, 64.5), turn=0.0):
        out = WCS(naxis=2)
        out.wcs.ctype = ["RA---TAN", "DEC--TAN"]
        out.wcs.crval = [150.0, 2.0]
        out.wcs.crpix = centre
        c, s = np.cos(turn), np.sin(turn)
        out.wcs.cd = step * 0.1 / 3600 * np.array([[-c, s], [s, c]])
        return out

    return make
