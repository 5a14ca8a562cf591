from types import SimpleNamespace

import numpy as np
import pytest

from sigden.errors import InputError
from sigden.report import CubeSection
from sigden.report.cube_panels import bright_pixels, colour_bands


def section(bands=7, **more):
    values = np.zeros((3, 4, bands))
    plain = SimpleNamespace(estimate=values)
    return CubeSection(
        before=values, after=values, result=plain, sigma=np.ones(bands), **({"pixels": [(0, 0)]} | more)
    )


@pytest.mark.parametrize(("unit", "scale"), [("Nanometers", 1.0), ("um", 1e-3), ("Angstrom", 10.0)])
def test_visible_bands_are_shown_in_their_colours(unit, scale):
    wavelength = scale * np.linspace(400.0, 700.0, 7)
    assert colour_bands(section(wavelength=wavelength, wavelength_unit=unit)) == (5, 3, 1)
    bad = np.arange(7) == 5
    shown = section(wavelength=wavelength, wavelength_unit=unit, bad_bands=bad)
    assert colour_bands(shown) in ((4, 3, 1), (6, 3, 1))


def test_other_bands_are_spread_with_the_longest_as_red():
    assert colour_bands(section(12)) == (10, 6, 2)
    falling = np.linspace(9.0, 5.0, 12)
    assert colour_bands(section(12, wavelength=falling, wavelength_unit="um")) == (2, 6, 10)


def test_bright_pixels_differ():
    values = np.zeros((4, 5, 3))
    values[1, 2], values[3, 4], values[0, 0] = (9, 0, 0), (0, 5, 0), (8, 0, 0)
    assert set(bright_pixels(values, 2)) == {(1, 2), (3, 4)}
    assert bright_pixels(np.ones((2, 2, 3)), 4) == ((0, 0),)


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"pixels": [(3, 0)]}, "outside the cube of 3 rows"),
        ({"pixels": []}, "no pixel"),
        ({"truth": np.zeros(3)}, "truth of shape"),
    ],
)
def test_sections_that_cannot_be_shown(more, message):
    with pytest.raises(InputError, match=message):
        section(**more)
