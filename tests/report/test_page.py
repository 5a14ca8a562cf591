import re
from html.parser import HTMLParser

import pytest
from matplotlib.figure import Figure

from sigden import RROF, from_toml
from sigden.errors import InputError
from sigden.report import Section, report_page, strain_page


class Reader(HTMLParser):
    """Tags with their attributes, and the text."""

    def __init__(self, html):
        super().__init__()
        self.tags, self.text = [], ""
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data):
        self.text += data

    def all(self, tag):
        return [attrs for name, attrs in self.tags if name == tag]


@pytest.fixture
def tiny():
    figure = Figure(figsize=(1, 1))
    figure.subplots().plot([0, 1])
    return {"a picture": figure}


def test_nothing_is_fetched_from_outside(html, results):
    read = Reader(html)
    sources = [
        value for _, attrs in read.tags for key, value in attrs.items() if key in ("src", "srcset", "href")
    ]
    assert len(sources) >= 2 * len(results)
    assert all(source.startswith(("data:", "#")) for source in sources)
    assert not read.all("script")
    assert "default-src 'none'" in next(m["content"] for m in read.all("meta") if "http-equiv" in m)


def test_every_picture_has_an_alternative_text(html, results):
    images = Reader(html).all("img")
    assert len(images) == len(results)
    for name, image in zip(results, images, strict=True):
        assert image["alt"].startswith(f"{name}, 30 to 300 Hz")
        assert "5.4 times the noise sigma" in image["alt"]


def test_table_has_a_row_per_detector_with_its_figures(results, tiny):
    section = Section(
        title="Data", results=results, figures_of_merit={"L1": {"overlap_after": 0.875}}, pictures=tiny
    )
    text = re.sub(r"\s+", " ", Reader(report_page([section], title="Some title")).text)
    assert "Some title" in text
    assert "5.40 σ" in text
    assert "0.875" in text
    # H1 has no overlap: a dash, not a zero
    assert "\N{EN DASH}" in text


def test_numbers_that_are_not_finite_are_dashes(results, tiny):
    section = Section(
        title="Data", results=results, figures_of_merit={"H1": {"loudest_sigma": float("nan")}}, pictures=tiny
    )
    assert "nan" not in Reader(report_page([section], title="t")).text


def test_method_command_and_provenance_are_told(results, tiny):
    method = RROF(regularization=0.25)
    html = strain_page(
        results,
        method=method,
        command="sigden strain 'a b.hdf5'",
        provenance={"H1": {"hash": "abc"}},
        figures=tiny,
    )
    text = Reader(html).text
    assert "sigden strain 'a b.hdf5'" in text
    assert "H1.hash" in text
    start = text.index('method = "RROF"')
    assert from_toml(text[start : text.index("\n\n", start)]) == method


def test_hostile_names_are_escaped(results, tiny):
    evil = "<script>alert(1)</script>"
    section = Section(
        title=evil,
        results={evil: results["H1"]},
        text=evil,
        command=evil,
        provenance={evil: evil},
        outputs=[evil],
        pictures={evil: tiny["a picture"]},
    )
    read = Reader(report_page([section], title=evil, made=evil))
    assert not read.all("script")
    assert read.text.count(evil) >= 8


def test_sections_are_linked_when_there_are_several(results, tiny):
    one = Section(title="First", results=results, pictures=tiny)
    two = Section(title="Second", results=results, pictures=tiny)
    read = Reader(report_page([one, two], title="t"))
    targets = {link["href"][1:] for link in read.all("a")}
    assert targets == {section["id"] for section in read.all("section")}
    assert len(targets) == 2


@pytest.mark.parametrize("sections", [[], [Section(title="t", results={})]])
def test_nothing_to_show(sections):
    with pytest.raises(InputError, match="no results"):
        report_page(sections, title="t")
