"""A response that does not belong to the observations is refused by every entrance."""

import numpy as np
import pytest

from sigden import InputError, JointGradient, JointSparse, JointWiener, LocalColour, ParameterError
from sigden.multiband import Grid, Observation, deconvolve_stamps, deconvolve_tiles, gaussian_psf

GRID = Grid((32, 32), 0.1)
ENTRANCES = {
    **{m.__name__: m() for m in (JointWiener, JointSparse, JointGradient, LocalColour)},
    "tiles": lambda o, g, *, response: deconvolve_tiles(JointWiener(), o, g, response=response),
    "stamps": lambda o, g, *, response: deconvolve_stamps(
        JointWiener(), o, g, [(16, 16)], 32, response=response
    ),
}
BAD = {
    "misspelt wide band": ({"VIZ": {"r": 1.0}}, ParameterError, "no observation is of VIZ; observed are VIS"),
    "misspelt narrow band": (
        {"VIS": {"r": 0.5, "y": 0.5}},
        ParameterError,
        "VIS mixes y, .*narrow",
    ),
    "itself": ({"VIS": {"VIS": 1.0}}, ParameterError, "VIS mixes VIS"),
    "nothing": ({"VIS": {}}, ParameterError, "VIS mixes no band"),
    "no light": ({"VIS": {"r": 0.0}}, ParameterError, "VIS mixes no band"),
    "not finite": ({"VIS": {"r": float("nan"), "i": 1.0}}, ParameterError, "weight of r must be finite"),
    "text": ({"VIS": {"r": "0.5", "i": 1.0}}, ParameterError, "weight of r must be finite"),
    "list of weights": ({"VIS": [0.5, 0.5]}, ParameterError, "a weight for each band by name"),
    "list": ([0.5, 0.5], ParameterError, "response: expected a mapping"),
    "all wide": ({b: {"r": 1.0} for b in ("VIS", "r", "i")}, InputError, "every band is declared wide"),
}


@pytest.mark.parametrize("case", BAD)
@pytest.mark.parametrize("entrance", ENTRANCES)
def test_a_response_of_other_bands_is_refused(entrance, case):
    response, kind, message = BAD[case]
    noise = np.random.default_rng(0).standard_normal((3, 32, 32)) + 1.0
    psf = gaussian_psf(0.2, 0.1, (9, 9))
    seen = [
        Observation(x, psf, b, sigma=1.0, scale=0.1) for x, b in zip(noise, ("VIS", "r", "i"), strict=True)
    ]
    with pytest.raises(kind, match=message):
        ENTRANCES[entrance](seen, GRID, response=response)
