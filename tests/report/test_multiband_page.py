"""Page of a multiband scene."""

import re

import numpy as np
import pytest
from matplotlib.figure import Figure

from sigden import JointWiener
from sigden.errors import InputError
from sigden.multiband import Grid, Observation
from sigden.report import MultibandSection, multiband_figures, multiband_page
from sigden.report.multiband_panels import colour_composite
from sigden.report.photometry import compare_fluxes, detect
from sigden.simulate.scene import scene


@pytest.fixture(scope="module")
def sky():
    return scene(seed=21, size=112, galaxies=4, stars=1, psf_size=41)


@pytest.fixture(scope="module")
def section(sky):
    seen = [Observation(**image) for image in sky.images()]
    method = JointWiener()
    result = method(seen, Grid(sky.vis.shape, sky.scale), response=sky.response)
    return MultibandSection(
        result=result,
        observations=seen,
        response=sky.response,
        method=method,
        unit="nJy",
        truth=sky.truth,
        command="sigden <multiband>",
        provenance={"input": {"a": 1}},
        outputs=["multiband.fits"],
    )


def test_sources_are_found_where_they_are(sky, section):
    found = detect(section.observations[0])
    bright = [s for s in sky.catalogue if s.vis_flux > 100 * sky.sigma_vis]
    assert bright
    for source in bright:
        assert min(np.hypot(source.row - r, source.column - c) for r, c in found) < 11.0
    noise = Observation(
        np.random.default_rng(0).normal(size=(112, 112)), sky.psf_vis, "VIS", sigma=1.0, scale=0.1
    )
    assert detect(noise) == []


def test_fluxes_of_data_and_model_agree_within_the_noise(section):
    comparison = compare_fluxes(section.result, section.observations, section.response)
    pulls = [
        (f.model - f.data) / f.error for s in comparison.sources for b, f in s.fluxes.items() if b != "VIS"
    ]
    assert len(pulls) >= 6
    assert np.sqrt(np.mean(np.square(pulls))) < 2.0
    for one, residual in zip(section.observations, comparison.residuals, strict=True):
        assert residual.shape == one.shape
        assert 0.5 < np.nanmean(residual**2) < 1.5


def test_page_is_whole_and_fetches_nothing(section):
    page = multiband_page(section, title="Field <one>", made="today")
    assert page.count("<figure>") == 4
    assert page.count("<table>") == 2
    assert "Field &lt;one&gt;" in page
    assert "sigden &lt;multiband&gt;" in page
    assert "input.a" in page
    assert not re.findall(r'(?:src|href|srcset)="(?!data:|#)', page)
    images = re.findall(r'<img src="data:image/png;base64,([^"]+)" alt="([^"]+)"', page)
    assert len(images) == 4
    assert all(len(data) > 2000 and alt for data, alt in images)


def test_figures_have_a_panel_for_each_thing(section):
    comparison = section.comparison()
    found = {name: figure for name, (figure, _) in multiband_figures(section, comparison).items()}
    assert all(isinstance(figure, Figure) for figure in found.values())
    panels = {name: sum(a.axison for a in figure.axes) for name, figure in found.items()}
    # a bar for the scale stands beside residuals and errors
    assert panels == {"colours": 3, "residuals": 5, "errors": 4, "fluxes": 4}


def test_no_sources_no_table_of_them(section):
    from dataclasses import replace

    rng = np.random.default_rng(3)
    empty = [replace(o, image=o.sigma * rng.standard_normal(o.shape)) for o in section.observations]
    result = replace(section.result, estimate=0.0 * section.result.estimate)
    page = multiband_page(replace(section, result=result, observations=empty, truth=None))
    assert page.count("<table>") == 1
    assert page.count("<figure>") == 3


def test_truth_must_fit(section):
    from dataclasses import replace

    with pytest.raises(InputError, match="truth of shape"):
        multiband_page(replace(section, truth=np.zeros((3, 2, 2))))


@pytest.mark.parametrize("bands", [1, 2, 3, 5])
def test_composites_of_any_number_of_bands(bands):
    cube = np.zeros((bands, 20, 30))
    cube[:, 10, 15] = 5.0
    picture = colour_composite(cube)
    assert picture.shape == (20, 30, 3)
    assert picture.dtype == np.uint8
    assert (picture[10, 15] > 100).all()
    assert (picture[0, 0] == 0).all()
    cube[...] = np.nan
    assert (colour_composite(cube) == 0).all()
