import json
import tomllib

import pytest

from sigden import from_toml, method_names


def test_every_method_is_listed_with_its_parameters(sigden):
    text = sigden("methods").stdout
    entries = json.loads(sigden("methods", "--json").stdout)
    assert [e["name"] for e in entries] == list(method_names())
    for entry in entries:
        assert entry["name"] in text
        assert entry["summary"] in text
        for parameter in entry["parameters"]:
            assert parameter["name"] in text
            assert parameter["type"]


@pytest.mark.parametrize("name", method_names())
def test_the_toml_of_a_method_makes_it(sigden, name):
    text = sigden("methods", name, "--toml").stdout
    method = from_toml(text)
    assert method == type(method)()
    shown = sigden("methods", name).stdout
    assert text in shown
    assert "References" in shown
    assert json.loads(sigden("methods", name, "--json").stdout)["toml"] == text


def test_parameters_without_default_stand_in_the_toml_as_comments(sigden):
    text = sigden("methods", "StrainDenoiser", "--toml").stdout
    assert "band" not in tomllib.loads(text)
    assert "# band = " in text


def test_unknown_method(sigden):
    assert "did you mean 'RROF'" in sigden("methods", "RROFF", code=2).stderr


def test_toml_of_no_method(sigden):
    assert "--toml needs the NAME" in sigden("methods", "--toml", code=2).stderr
